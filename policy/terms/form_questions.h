// The questions of the form, in their order. Inside this room only.
#pragma once

#include <string>
#include <vector>

#include "policy/terms/sentences.h"

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
  kFlag,     // yes or no: true or false
  kChoice,   // one option
  kChoices,  // several options
};

struct Option {
  std::string word;
  std::string en;
  std::string ko;
};

std::vector<Option> YesNo();

struct Question {
  // Of a terms file: "licence.data"; of a duty "duties[report].everyDays", or
  // "duties[return-derived]" where the kind is all there is to say; of a DUO code its values:
  // "duo[DUO:0000022]"; "more.…": of no file, whether to ask the questions of a group at all.
  std::string field;
  QuestionKind kind;
  TwoLanguages ask;
  TwoLanguages help;
  std::string fallback = "";  // the answer of an empty line; empty: nothing is said
  std::vector<Option> options = {};
  std::string only_if = "";         // asked only if that field is asked and its answer has
  std::string only_if_answer = "";  // one of these words, with spaces between
};

const std::vector<Question>& Questions();

inline constexpr const char* kMorePrefix = "more.";

// A group of questions that most owners have no answer to; Enter leaves it out.
enum class MoreQuestions : uint8_t { kDataset, kDuo, kLicence, kPlaces, kLimits, kDuties };
void AddMore(MoreQuestions group, std::vector<Question>& all);

template <typename E>
std::vector<Option> OptionsOf() {
  std::vector<Option> options;
  for (size_t i = 0; i < kWordCount<E>; ++i) {
    const auto value = static_cast<E>(i);
    if (Word(value) == "unknown") continue;  // who does not know leaves it out
    options.push_back({std::string(Word(value)), PlainWord(value, Language::kEnglish),
                       PlainWord(value, Language::kKorean)});
  }
  return options;
}

}  // namespace dure::terms
