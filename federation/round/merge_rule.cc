#include "federation/round/merge_rule.h"

#include <algorithm>
#include <array>
#include <charconv>

#include "federation/limits.h"

namespace dure::round {
namespace {

constexpr double kFactorMax = 1000;

struct Form {
  std::string_view name;
  std::string_view parameters;  // as a reader types them; empty: none
  bool faults = false;
  bool keep = false;
  bool factor = false;
};

// By kind.
constexpr std::array<Form, 10> kForms = {{{},
                                          {"mean", ""},
                                          {"norm-bound", "=FACTOR", false, false, true},
                                          {"median", ""},
                                          {"trimmed-mean", "=FAULTS", true},
                                          {"krum", "=FAULTS", true},
                                          {"multi-krum", "=FAULTS,KEEP", true, true},
                                          {"centered-clipping", "=FACTOR", false, false, true},
                                          {"geometric-median", ""},
                                          {"direction-norm", ""}}};

const Form& FormOf(MergeKind kind) { return kForms[static_cast<size_t>(kind)]; }

template <typename T>
bool Take(std::string_view& rest, T& value) {
  const auto [end, error] = std::from_chars(rest.data(), rest.data() + rest.size(), value);
  if (error != std::errc()) return false;
  rest.remove_prefix(static_cast<size_t>(end - rest.data()));
  return true;
}

bool TakeParameters(const Form& form, std::string_view rest, MergeRule& rule) {
  if (form.parameters.empty()) return rest.empty();
  if (!rest.starts_with('=')) return false;
  rest.remove_prefix(1);
  if (form.factor) return Take(rest, rule.factor) && rest.empty();
  if (!Take(rest, rule.faults)) return false;
  if (!form.keep) return rest.empty();
  if (!rest.starts_with(',')) return false;
  rest.remove_prefix(1);
  return Take(rest, rule.keep) && rest.empty();
}

std::string Number(double value) {
  std::array<char, 32> text{};
  const auto end = std::to_chars(text.data(), text.data() + text.size(), value).ptr;
  return {text.data(), end};
}

Status Refuse(const MergeRule& rule, const std::string& why) {
  return Fail(ErrorCode::kInvalid, "manifest: merge is " + rule.Text() + " " + why);
}

// The fewest contributions with which the rule keeps its promise, and why.
struct Needs {
  uint64_t contributions = 1;
  std::string why;
};

Needs NeedsOf(const MergeRule& rule) {
  const uint64_t f = rule.faults;
  switch (rule.kind) {
    case MergeKind::kMean:
      return {};
    case MergeKind::kTrimmedMean:
      return {2 * f + 1, "twice the faults and one: the honest must be more"};
    case MergeKind::kKrum:
      return {2 * f + 3, "twice the faults and three"};
    case MergeKind::kMultiKrum:
      return {std::max<uint64_t>(2 * f + 3, uint64_t{rule.keep} + f + 2),
              "twice the faults and three, and those kept, the faults and two together"};
    default:
      return {3, "of two, nobody can tell which is honest"};
  }
}

}  // namespace

std::string MergeRule::Text() const {
  const Form& form = FormOf(kind);
  std::string text(form.name);
  if (form.factor) text += "=" + Number(factor);
  if (form.faults) text += "=" + std::to_string(faults);
  if (form.keep) text += "," + std::to_string(keep);
  return text;
}

Result<MergeRule> MergeRule::Parse(std::string_view text) {
  const std::string_view name = text.substr(0, text.find('='));
  std::string choices;
  for (size_t i = 1; i < kForms.size(); ++i) {
    const Form& form = kForms[i];
    choices += (i > 1 ? ", " : "") + std::string(form.name) + std::string(form.parameters);
    if (form.name != name) continue;
    MergeRule rule;
    rule.kind = static_cast<MergeKind>(i);
    if (TakeParameters(form, text.substr(name.size()), rule)) return rule;
    return Fail(ErrorCode::kInvalid, "merge '" + std::string(text.substr(0, 64)) +
                                         "' must be written " + std::string(form.name) +
                                         std::string(form.parameters));
  }
  return Fail(ErrorCode::kInvalid,
              "merge '" + std::string(text.substr(0, 64)) + "' is not one of: " + choices);
}

Status MergeRule::Validate(uint32_t contributions_min) const {
  const auto raw = static_cast<uint8_t>(kind);
  if (raw < 1 || raw > EnumMax(kind)) {
    return Fail(ErrorCode::kInvalid, "manifest: merge is of no kind that there is");
  }
  const Form& form = FormOf(kind);
  // One rule has one encoding.
  if ((!form.faults && faults != 0) || (!form.keep && keep != 0) || (!form.factor && factor != 0)) {
    return Refuse(*this, "with a parameter that it does not have");
  }
  if (form.faults && (faults < 1 || faults > limits::kSitesMax)) {
    return Refuse(*this, "but its faults must be 1.." + std::to_string(limits::kSitesMax) +
                             ": who expects none takes the mean");
  }
  if (form.keep && (keep < 1 || keep > limits::kSitesMax)) {
    return Refuse(*this, "but must keep 1.." + std::to_string(limits::kSitesMax));
  }
  if (form.factor && !(factor > 0 && factor <= kFactorMax)) {
    return Refuse(*this, "but its factor must be above 0 and at most 1000");
  }
  const Needs needs = NeedsOf(*this);
  if (contributions_min >= needs.contributions) return {};
  return Refuse(*this, "and the quorum " + std::to_string(contributions_min) +
                           ", but every round needs " + std::to_string(needs.contributions) +
                           " contributions or more (" + needs.why + ")");
}

}  // namespace dure::round
