#include "cli/find_model.h"

#include <algorithm>
#include <vector>

namespace dure::cli {

Result<Digest> FindModel(const standing::State& state, const std::string& name) {
  std::vector<Digest> found;
  for (const auto& [index, at] : state.closings) {
    const Digest& model = state.rounds.at(at).model;
    if (at.run.str() == name) found = {model};
    if (name.size() >= 6 && model.Hex().starts_with(name)) {
      if (std::ranges::find(found, model) == found.end()) found.push_back(model);
    }
  }
  if (found.size() == 1) return found.front();
  return Fail(ErrorCode::kNotFound, found.empty() ? "no closed round made a model \"" + name + "\""
                                                  : "\"" + name + "\" begins several models");
}

}  // namespace dure::cli
