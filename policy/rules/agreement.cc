#include "policy/rules/agreement.h"

#include <charconv>

namespace dure::rules {
namespace {

void ForgetText(PolicyRef& policy) {
  if (policy.layer != Layer::kTerms) return;
  policy.name.clear();
  policy.digest = {};
}

}  // namespace

Decision CodesAndFacts(Decision decision) {
  decision.words = 0;
  for (Reason& reason : decision.reasons) {
    reason.because = {};
    ForgetText(reason.policy);
  }
  for (Permission& permission : decision.permissions) {
    permission.because = {};
    ForgetText(permission.policy);
  }
  for (Obligation& owed : decision.obligations) {
    owed.text = {};
    ForgetText(owed.policy);
  }
  return decision;
}

std::string CodesOf(const Obligation& owed) {
  Decision alone;
  alone.obligations.push_back(owed);
  return ToJson(CodesAndFacts(std::move(alone)));
}

Agreement AgreementOf(const Decision& due, std::string_view recorded) {
  if (ToJson(due) == recorded) return Agreement::kSame;
  const Result<Decision> found = DecisionFromJson(recorded);
  if (!found || found->words == due.words) return Agreement::kDiffers;
  // Written out, for bytes that are no UTF-8 are others once they were recorded.
  const bool same = ToJson(CodesAndFacts(*found)) == ToJson(CodesAndFacts(due));
  return same ? Agreement::kOtherWords : Agreement::kDiffers;
}

// Keys are in order, and no key of a decision comes after "words".
std::optional<uint32_t> WordsOf(std::string_view recorded) {
  constexpr std::string_view kBefore = "],\"words\":";
  constexpr size_t kDigitsMax = 10;
  if (recorded.size() > kDecisionBytesMax || !recorded.ends_with('}')) return std::nullopt;
  recorded.remove_suffix(1);
  if (recorded.ends_with(']')) return 0;
  const size_t digits = recorded.size() - (recorded.find_last_not_of("0123456789") + 1);
  if (digits == 0 || digits > kDigitsMax) return std::nullopt;
  const std::string_view number = recorded.substr(recorded.size() - digits);
  recorded.remove_suffix(digits);
  uint32_t words = 0;
  const auto read = std::from_chars(number.data(), number.data() + number.size(), words);
  if (read.ec != std::errc() || !recorded.ends_with(kBefore)) return std::nullopt;
  return words;
}

}  // namespace dure::rules
