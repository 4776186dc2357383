#include "policy/terms/form.h"

#include <algorithm>
#include <map>
#include <optional>

#include "policy/terms/form_questions.h"
#include "policy/terms/toml.h"

namespace dure::terms {
namespace {

std::vector<std::string> SplitList(const std::string& text) {
  std::vector<std::string> items;
  std::string item;
  for (const char c : text + ",") {
    if (c != ' ' && c != ',') {
      item += c;
    } else if (!item.empty()) {
      items.push_back(std::exchange(item, ""));
    }
  }
  return items;
}

std::string Joined(const std::vector<std::string>& items) {
  std::string text;
  for (const std::string& item : items) text += (text.empty() ? "" : ", ") + item;
  return text;
}

// Answers are kept as canonical texts: words of options, not their numbers.
using Answers = std::map<std::string, std::string>;

std::string ToTomlValue(const Question& question, const std::string& answer) {
  switch (question.kind) {
    case QuestionKind::kNumber:
    case QuestionKind::kTime:
    case QuestionKind::kText:
    case QuestionKind::kCode:
    case QuestionKind::kChoice:
      break;
    case QuestionKind::kFlag:
      return answer == "yes" ? "true" : "false";
    case QuestionKind::kCodes:
    case QuestionKind::kChoices: {
      std::vector<std::string> items = SplitList(answer);
      for (std::string& item : items) item = QuoteToml(item);
      return "[" + Joined(items) + "]";
    }
  }
  const bool digits = !answer.empty() && answer.size() < 16 &&
                      answer.find_first_not_of("0123456789.") == answer.npos &&
                      answer.front() != '.' && answer.back() != '.' &&
                      std::count(answer.begin(), answer.end(), '.') <= 1 &&
                      (answer.front() != '0' || answer.size() == 1 || answer[1] == '.');
  if (question.kind == QuestionKind::kNumber && digits) return answer;
  return QuoteToml(answer);  // what is no number is blamed for it by name
}

const Question* QuestionOf(const std::string& field) {
  for (const Question& question : Questions()) {
    if (question.field == field) return &question;
  }
  return nullptr;
}

// A question within a group within a group applies only if all of them do.
bool Applies(const Question& question, const Answers& answers) {
  if (question.only_if.empty()) return true;
  const Question* outer = QuestionOf(question.only_if);
  if (outer == nullptr || !Applies(*outer, answers)) return false;
  const auto found = answers.find(question.only_if);
  const std::vector<std::string> words =
      SplitList(found == answers.end() ? "unknown" : found->second);
  return std::any_of(words.begin(), words.end(), [&](const std::string& word) {
    return (" " + question.only_if_answer + " ").find(" " + word + " ") != std::string::npos;
  });
}

// The text before the first '.' or '['; empty for a field at the top.
std::string TableOf(const std::string& field) {
  const size_t cut = field.find_first_of(".[");
  return cut == field.npos ? "" : field.substr(0, cut);
}

// "report" of "duties[report].everyDays".
std::string InBrackets(const std::string& field) {
  const size_t open = field.find('[') + 1;
  return field.substr(open, field.find(']') - open);
}

// The duties that are owed, in the order of the file.
using Duties = std::vector<std::pair<std::string, std::string>>;  // kind, lines

void AddDuty(const Question& question, const std::string& value, Duties& duties) {
  const std::string kind = InBrackets(question.field);
  const size_t dot = question.field.rfind('.');
  if (question.kind == QuestionKind::kFlag && value != "true") return;
  auto at = std::find_if(duties.begin(), duties.end(),
                         [&](const auto& duty) { return duty.first == kind; });
  if (at == duties.end()) at = duties.insert(at, {kind, "kind = \"" + kind + "\"\n"});
  if (dot != question.field.npos)
    at->second += question.field.substr(dot + 1) + " = " + value + "\n";
}

// A code that needs values and whose values nobody has given yet, left out of a file in the making:
// the next question asks for them.
std::string DuoLine(const std::string& answer, const Answers& answers, bool whole) {
  std::vector<std::string> items;
  for (const std::string& code : SplitList(answer)) {
    const Question* values = QuestionOf("duo[" + code + "]");
    const auto given = answers.find("duo[" + code + "]");
    const bool missing = values != nullptr && (given == answers.end() || given->second.empty());
    if (missing && !whole) continue;
    items.push_back(values == nullptr || missing ? QuoteToml(code)
                                                 : "{code = " + QuoteToml(code) + ", values = " +
                                                       ToTomlValue(*values, given->second) + "}");
  }
  return "duo = [" + Joined(items) + "]\n";
}

struct File {
  std::string text;
  Duties duties;
};

File ToFile(const Answers& answers, bool whole) {
  std::string top = "version = 1\n";
  std::map<std::string, std::string> tables;
  File file;
  for (const Question& question : Questions()) {
    const auto found = answers.find(question.field);
    if (found == answers.end() || found->second.empty() || !Applies(question, answers)) continue;
    const std::string value = ToTomlValue(question, found->second);
    const std::string table = TableOf(question.field);
    const std::string name = question.field.substr(question.field.rfind('.') + 1);
    if (question.field == "duo") {
      top += DuoLine(found->second, answers, whole);
    } else if (table == "duo" || question.field.starts_with(kMorePrefix)) {
      continue;
    } else if (table.empty()) {
      top += question.field + " = " + value + "\n";
    } else if (table == "duties") {
      AddDuty(question, value, file.duties);
    } else {
      tables[table] += name + " = " + value + "\n";
    }
  }
  for (const auto& [table, lines] : tables) top += "\n[" + table + "]\n" + lines;
  for (const auto& [kind, lines] : file.duties) top += "\n[[duties]]\n" + lines;
  file.text = std::move(top);
  return file;
}

// Duties by their kind: their place in the file means nothing to whoever answers.
std::string FieldOf(const Problem& problem, const File& file) {
  const std::string& field = problem.field;
  if (!field.starts_with("duties[")) return field;
  for (size_t i = 0; i < file.duties.size(); ++i) {
    const std::string place = "duties[" + std::to_string(i + 1) + "]";
    if (field.starts_with(place))
      return "duties[" + file.duties[i].first + "]" + field.substr(place.size());
  }
  return field;
}

class Form {
 public:
  Form(std::istream& in, std::ostream& out, Language language, const std::string& custodian,
       const InKorean& in_korean)
      : in_(in), out_(out), language_(language), custodian_(custodian), in_korean_(in_korean) {}

  Result<std::string> Run() {
    out_ << Pick("Enter takes the answer in [ ]. < goes back, ? explains, quit leaves.\n",
                 "Enter는 [ ] 안의 답을 씁니다. < 이전으로, ? 설명, quit 그만두기.\n");
    for (size_t at = 0; at < Questions().size();) {
      if (!Applies(Questions()[at], answers_)) {
        at++;
        continue;
      }
      DURE_ASSIGN(const bool forward, Ask(at));
      at = forward ? at + 1 : Before(at);
    }
    return Review();
  }

 private:
  std::string Pick(const char* en, const char* ko) const {
    return language_ == Language::kKorean ? ko : en;
  }

  Result<std::string> ReadLine() {
    std::string line;
    out_ << "> " << std::flush;
    if (!std::getline(in_, line) || line == "quit")
      return Fail(ErrorCode::kCancelled, "the form was left; nothing was written");
    const size_t begin = line.find_first_not_of(" \t\r");
    if (begin == line.npos) return std::string();
    return line.substr(begin, line.find_last_not_of(" \t\r") - begin + 1);
  }

  size_t Before(size_t at) const {
    while (at > 0) {
      if (Applies(Questions()[--at], answers_)) return at;
    }
    return 0;
  }

  std::string Shown(const Question& question, const std::string& answer) const {
    std::vector<std::string> items;
    for (const std::string& word : SplitList(answer)) {
      for (const Option& option : question.options) {
        if (option.word == word)
          items.push_back(language_ == Language::kKorean ? option.ko : option.en);
      }
    }
    return items.empty() ? answer : Joined(items);
  }

  const std::string& Fallback(const Question& question) const {
    const bool who =
        question.field == "dataset.custodian" || question.field == "dataset.rightsHolder";
    return who ? custodian_ : question.fallback;
  }

  // True: answered, go on. False: go back.
  Result<bool> Ask(size_t at) {
    const Question& question = Questions()[at];
    const auto old = answers_.find(question.field);
    const std::string fallback = old != answers_.end() ? old->second : Fallback(question);
    out_ << "\n" << question.ask.In(language_);
    if (!fallback.empty()) out_ << " [" << Shown(question, fallback) << "]";
    out_ << "\n";
    for (size_t i = 0; i < question.options.size(); ++i) {
      const Option& option = question.options[i];
      out_ << "  " << i + 1 << "  " << (language_ == Language::kKorean ? option.ko : option.en)
           << "\n";
    }
    while (true) {
      const Result<std::string> read = ReadLine();
      if (!read) return Fail(read.error());
      std::string line = *read;
      if (line == "<") return false;
      if (line == "?") {
        out_ << question.help.In(language_) << "\n";
        continue;
      }
      if (line == "-")
        line.clear();  // nothing, against a fallback
      else if (line.empty())
        line = fallback;
      if (Take(question, line)) return true;
    }
  }

  // An option by its number or its word; nullopt: neither.
  static std::optional<std::string> OptionWord(const Question& question, const std::string& text) {
    for (size_t i = 0; i < question.options.size(); ++i) {
      if (text == std::to_string(i + 1) || text == question.options[i].word)
        return question.options[i].word;
    }
    return std::nullopt;
  }

  bool Take(const Question& question, std::string answer) {
    if (!question.options.empty() && !answer.empty()) {
      std::vector<std::string> words;
      for (const std::string& item : SplitList(answer)) {
        const auto word = OptionWord(question, item);
        if (!word || (!words.empty() && question.kind != QuestionKind::kChoices)) {
          out_ << Pick("Please give a number of the list.\n", "목록의 번호를 쓰십시오.\n");
          return false;
        }
        words.push_back(*word);
      }
      answer = Joined(words);
    }
    // A code has one spelling of a time; people write the day.
    const auto day = ParseInstant(answer, DayPart::kLastSecond);
    if (day && question.field.starts_with("duo[")) answer = FormatInstant(*day);
    Answers tried = answers_;
    tried[question.field] = answer;
    const File file = ToFile(tried, false);
    for (auto [line, problem] : ReadToml(file.text, random_).problems) {
      problem.field = FieldOf(problem, file);
      if (!Concerns(problem, question)) continue;
      out_ << Pick("That does not fit: ", "맞지 않습니다: ") << Said(problem) << "\n";
      return false;
    }
    answers_ = std::move(tried);
    return true;
  }

  // In Korean by its question, where it is of one, with that question's own explanation.
  std::string Said(const Problem& problem) const {
    if (language_ == Language::kEnglish) return Sentence(problem);
    for (size_t i = 0; i < Questions().size(); ++i) {
      const Question& question = Questions()[i];
      const std::string field = problem.field.substr(0, problem.field.find('['));
      if (problem.field != question.field && field != question.field) continue;
      const std::string why =
          in_korean_ && !problem.value.empty() ? in_korean_(problem.allowed) + ". " : "";
      return std::to_string(i + 1) + "  " + question.ask.In(language_) + "  " +
             (problem.value.empty() ? "답이 필요합니다. " : "'" + problem.value + "': ") + why +
             question.help.In(language_);
    }
    return Sentence(problem);
  }

  // A later answer may still complete what is missing elsewhere.
  static bool Concerns(const Problem& problem, const Question& question) {
    const size_t item = problem.field.find('[');
    const bool duty = question.field.starts_with("duties");
    const std::string field = duty ? problem.field : problem.field.substr(0, item);
    const bool values = question.field.starts_with("duo[");
    return field == (values ? "duo" : question.field) && !problem.value.empty();
  }

  // What another answer made a question of.
  Status AskWhatIsNew() {
    for (size_t i = 0; i < Questions().size(); ++i) {
      const Question& question = Questions()[i];
      if (!Applies(question, answers_) || answers_.contains(question.field)) continue;
      DURE_ASSIGN(const bool answered, Ask(i));
      if (!answered) return {};
    }
    return {};
  }

  // All answers; a number changes one, ok ends.
  Result<std::string> Review() {
    while (true) {
      out_ << Pick("\nPlease check:\n", "\n확인해 주십시오:\n");
      for (size_t i = 0; i < Questions().size(); ++i) {
        const Question& question = Questions()[i];
        if (!Applies(question, answers_)) continue;
        const std::string shown = Shown(question, answers_[question.field]);
        out_ << "  " << i + 1 << "  " << question.ask.In(language_) << "  "
             << (shown.empty() ? "-" : shown) << "\n";
        const std::string& answer = answers_[question.field];
        const bool unsaid = answer.empty() || answer == Word(PersonalClass::kUnknown);
        if (question.field == "personal.class" && unsaid)
          out_ << "     ! " << LeftOutPersonalClass(language_) << "\n";
      }
      const File file = ToFile(answers_, true);
      const TermsFile read = ReadToml(file.text, random_);
      for (auto [line, problem] : read.problems) {
        problem.field = FieldOf(problem, file);
        out_ << "  ! " << Said(problem) << "\n";
      }
      out_ << Pick("A number changes that answer, ok ends.\n",
                   "번호를 쓰면 그 답을 고칩니다. ok를 쓰면 끝납니다.\n");
      DURE_ASSIGN(const std::string line, ReadLine());
      if (line == "ok" && read.problems.empty()) return file.text;
      for (size_t i = 0; i < Questions().size(); ++i) {
        if (line != std::to_string(i + 1) || !Applies(Questions()[i], answers_)) continue;
        DURE_ASSIGN(const bool changed, Ask(i));
        static_cast<void>(changed);
      }
      DURE_TRY(AskWhatIsNew());
    }
  }

  std::istream& in_;
  std::ostream& out_;
  const Language language_;
  const std::string& custodian_;
  const InKorean& in_korean_;
  Answers answers_;
  SystemRandom random_;  // salts of drafts that are thrown away
};

}  // namespace

std::string LeftOutPersonalClass(Language language) {
  return language == Language::kKorean
             ? "비워 두면 알 수 없음이 되어 P3.1에 따라 어느 학습에도 쓰이지 않습니다."
             : "Left out, it is unknown, and P3.1 keeps the data out of every training.";
}

Result<std::string> RunForm(std::istream& in, std::ostream& out, Language language,
                            const std::string& custodian, const InKorean& in_korean) {
  return Form(in, out, language, custodian, in_korean).Run();
}

}  // namespace dure::terms
