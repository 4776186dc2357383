// The words of a policy text with their places. Inside this room only: the parser's first step.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "policy/rules/parse.h"

namespace dure::rules {

struct Token {
  enum class Form : uint8_t { kWord, kString, kNumber, kTime, kMark, kComment, kLast };
  Form form = Form::kLast;
  std::string_view written;  // in the text, which must outlive the token
  std::string text;          // of a string without quotes, of a comment without #
  Value value;               // of a number or time
  Position at;
};

// Every token of the text, the last one of form kLast. A character that belongs nowhere gives a
// problem and is passed over. REQUIRES: text.size() <= kPolicyBytesMax.
std::vector<Token> Tokens(std::string_view text, std::vector<Problem>& problems);

}  // namespace dure::rules
