#include "cli/find_model.h"

#include <algorithm>
#include <vector>

#include "cli/language.h"

namespace dure::cli {

Result<Digest> FindModel(const standing::State& state, const std::string& name,
                         const Context& context, uint64_t entries) {
  std::vector<Digest> found;
  for (const auto& [index, at] : state.closings) {
    if (index >= entries) break;
    const Digest& model = state.rounds.at(at).model;
    if (at.run.str() == name) found = {model};
    if (name.size() >= 6 && model.Hex().starts_with(name)) {
      if (std::ranges::find(found, model) == found.end()) found.push_back(model);
    }
  }
  if (found.size() == 1) return found.front();
  return Fail(ErrorCode::kNotFound,
              found.empty() ? Pick(context, "no closed round made a model \"" + name + "\"",
                                   "\"" + name + "\"에 해당하는, 완료된 라운드의 모델이 없습니다")
                            : Pick(context, "\"" + name + "\" begins several models",
                                   rules::WithParticle("\"" + name + "\"", "(으)로") +
                                       " 시작하는 모델이 여럿입니다"));
}

}  // namespace dure::cli
