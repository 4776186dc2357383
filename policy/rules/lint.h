// What is wrong or doubtful about a policy that reads well: words the schema does not know, values
// that never occur, rules that can never matter. Total, pure and bounded: where there are too many
// combinations to try it says so instead of trying.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "policy/rules/policy.h"
#include "policy/rules/schema.h"
#include "policy/rules/sentence.h"

namespace dure::rules {

enum class Severity : uint8_t {
  kError,    // a rule that cannot mean what it says
  kWarning,  // a rule or text that is probably not what was meant
  kNote,     // nothing wrong, but worth knowing
};
std::string_view Name(Severity severity);
std::string_view KoreanName(Severity severity);

struct Finding {
  Severity severity = Severity::kError;
  Position at;
  Sentence where;    // rule P2.1, case "..."
  Sentence message;  // a sentence without its full stop
  Sentence advice;   // may be empty
};

// Ordered by place.
std::vector<Finding> Lint(const PolicyDocument& document, const Schema& schema);

// file:line:column: severity: where: message, and the advice on a line of its own.
std::string ToText(const Finding& finding, std::string_view file,
                   Language language = Language::kEnglish);

}  // namespace dure::rules
