#include "policy/standing/decided.h"

#include <algorithm>

#include "policy/rules/agreement.h"

namespace dure::standing {

MaybeBreach DecisionHolds(const Standing& now, const Ruling& due, const Decided& said) {
  const std::optional<uint32_t> words = rules::WordsOf(said.decision);
  const uint32_t newest = NewestWords(now.state());
  if (words && *words < newest) {
    return Breach{"words-went-back",
                  "its sentences are said to be in the words of version " + std::to_string(*words) +
                      ", after others in those of version " + std::to_string(newest),
                  due.Json()};
  }
  const rules::Agreement agreement = rules::AgreementOf(due.decision, said.decision);
  if (due.allowed() == said.allowed && agreement != rules::Agreement::kDiffers) return std::nullopt;
  std::string outcome = due.allowed() ? "admit" : "deny";
  if (!due.decision.reasons.empty()) outcome += ", by " + due.decision.reasons.front().rule;
  return Breach{"decision-differs", "replayed, " + said.about + " gives " + outcome, due.Json()};
}

uint32_t NewestWords(const State& state) {
  const uint32_t decided = state.words.empty() ? 0 : state.words.rbegin()->first;
  return std::max(decided, state.words_of_charter);
}

Status MayDecide(const State& state) {
  const uint32_t newest = NewestWords(state);
  if (newest <= rules::kWordsVersion) return {};
  return Fail(ErrorCode::kFailedPrecondition,
              "the record's last decisions are in the words of version " + std::to_string(newest) +
                  ", and this build has version " + std::to_string(rules::kWordsVersion) +
                  ": every member would refuse what it decides; install a newer one");
}

void Fold::CountWords(const std::string& decision) {
  ++state_.words[rules::WordsOf(decision).value_or(0)];
}

}  // namespace dure::standing
