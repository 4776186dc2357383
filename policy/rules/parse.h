// Reads a policy text. Total: any bytes give a policy or problems, in time linear in their length,
// with every bound of policy.h kept. The grammar is in docs/reference/policy-language.md.
//
// Call ParsePolicy where problems are shown one by one (an editor, `dure policy lint`), ReadPolicy
// where a text is simply good or refused (a proposal in the log). Pure; any thread.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "policy/rules/policy.h"

namespace dure::rules {

inline constexpr size_t kProblemsMax = 20;  // nobody mends more at once

struct Problem {
  Position at;
  std::string message;  // what is wrong, as a sentence without its full stop
  std::string advice;   // what to do; may be empty
};

struct Parsed {
  std::optional<PolicyDocument> document;  // present exactly when there is no problem
  std::vector<Problem> problems;           // in the order of the text, at most kProblemsMax
};

Parsed ParsePolicy(std::string_view text);

// file:line:column: message, the line itself, a caret under the place, and the advice.
std::string ToText(const Problem& problem, std::string_view file, std::string_view text);

// kInvalid: every problem as ToText writes it. kExhausted: longer than kPolicyBytesMax.
Result<PolicyDocument> ReadPolicy(std::string_view text, std::string_view file);

// A value as rules write it: research-only, "two words", 0.8, 2026-09-01, true, {KR, JP}.
// kInvalid: anything else, or something behind it.
Result<Value> ParseValue(std::string_view text);

// `path=value`, `path is value`, `path=absent`: for a what-if on a command line.
Result<Facts::Entry> ParseFact(std::string_view text);

}  // namespace dure::rules
