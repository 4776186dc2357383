// The questions of the form, in their order. Inside this room only.
#pragma once

#include <string>
#include <vector>

#include "policy/terms/vocabulary.h"

namespace dure::terms {

struct TwoLanguages {
  const char* en;
  const char* ko;
  std::string In(Language language) const { return language == Language::kKorean ? ko : en; }
};

enum class QuestionKind : uint8_t {
  kText,   // in the clear, becomes an attachment
  kCode,   // a name or an SPDX expression: a string
  kCodes,  // several, with spaces or commas between
  kTime,   // a date
  kNumber,
  kChoice,   // one option
  kChoices,  // several options
};

struct Option {
  std::string word;
  std::string en;
  std::string ko;
};

struct Question {
  std::string field;  // of a terms file: "licence.data"; of a duty "duties[report].everyDays"
  QuestionKind kind;
  TwoLanguages ask;
  TwoLanguages help;
  std::string fallback = "";  // the answer of an empty line; empty: nothing is said
  std::vector<Option> options = {};
  std::string only_if = "";         // asked only if that field's answer is
  std::string only_if_answer = "";  // one of these words, with spaces between
};

const std::vector<Question>& Questions();

}  // namespace dure::terms
