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

bool Applies(const Question& question, const Answers& answers) {
  if (question.only_if.empty()) return true;
  const auto found = answers.find(question.only_if);
  const std::string answer = found == answers.end() ? "unknown" : found->second;
  return (" " + question.only_if_answer + " ").find(" " + answer + " ") != std::string::npos;
}

// The text before the first '.' or '['; empty for a field at the top.
std::string TableOf(const std::string& field) {
  const size_t cut = field.find_first_of(".[");
  return cut == field.npos ? "" : field.substr(0, cut);
}

std::string ToFile(const Answers& answers) {
  std::string top = "version = 1\n";
  std::map<std::string, std::string> tables;
  std::string duties;
  for (const Question& question : Questions()) {
    const auto found = answers.find(question.field);
    if (found == answers.end() || found->second.empty() || !Applies(question, answers)) continue;
    const std::string value = ToTomlValue(question, found->second);
    const std::string table = TableOf(question.field);
    const std::string name = question.field.substr(question.field.rfind('.') + 1);
    if (table.empty()) {
      top += question.field + " = " + value + "\n";
    } else if (table == "duties") {
      const size_t open = question.field.find('[') + 1;
      duties += "\n[[duties]]\nkind = \"" +
                question.field.substr(open, question.field.find(']') - open) + "\"\n" + name +
                " = " + value + "\n";
    } else {
      tables[table] += name + " = " + value + "\n";
    }
  }
  if (answers.contains("dataset.dataset")) tables["dataset"] += "version = 1\n";
  for (const auto& [table, lines] : tables) top += "\n[" + table + "]\n" + lines;
  return top + duties;
}

class Form {
 public:
  Form(std::istream& in, std::ostream& out, Language language)
      : in_(in), out_(out), language_(language) {}

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

  // True: answered, go on. False: go back.
  Result<bool> Ask(size_t at) {
    const Question& question = Questions()[at];
    const auto old = answers_.find(question.field);
    const std::string fallback = old != answers_.end() ? old->second : question.fallback;
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
        if (!word || (!words.empty() && question.kind == QuestionKind::kChoice)) {
          out_ << Pick("Please give a number of the list.\n", "목록의 번호를 쓰십시오.\n");
          return false;
        }
        words.push_back(*word);
      }
      answer = Joined(words);
    }
    Answers tried = answers_;
    tried[question.field] = answer;
    for (const auto& [line, problem] : ReadToml(ToFile(tried), random_).problems) {
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
      return std::to_string(i + 1) + "  " + question.ask.In(language_) + "  " +
             (problem.value.empty() ? "답이 필요합니다. " : "'" + problem.value + "': ") +
             question.help.In(language_);
    }
    return Sentence(problem);
  }

  // A later answer may still complete what is missing elsewhere.
  static bool Concerns(const Problem& problem, const Question& question) {
    const size_t item = problem.field.find('[');
    const bool duty = question.field.starts_with("duties");
    const std::string field = duty ? problem.field : problem.field.substr(0, item);
    return field == question.field && !problem.value.empty();
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
      const std::string file = ToFile(answers_);
      const TermsFile read = ReadToml(file, random_);
      for (const auto& [line, problem] : read.problems) out_ << "  ! " << Said(problem) << "\n";
      out_ << Pick("A number changes that answer, ok ends.\n",
                   "번호를 쓰면 그 답을 고칩니다. ok를 쓰면 끝납니다.\n");
      DURE_ASSIGN(const std::string line, ReadLine());
      if (line == "ok" && read.problems.empty()) return file;
      for (size_t i = 0; i < Questions().size(); ++i) {
        if (line != std::to_string(i + 1) || !Applies(Questions()[i], answers_)) continue;
        DURE_ASSIGN(const bool changed, Ask(i));
        static_cast<void>(changed);
      }
    }
  }

  std::istream& in_;
  std::ostream& out_;
  const Language language_;
  Answers answers_;
  SystemRandom random_;  // salts of drafts that are thrown away
};

}  // namespace

std::string LeftOutPersonalClass(Language language) {
  return language == Language::kKorean
             ? "비워 두면 알 수 없음이 되어 P3.1에 따라 어느 학습에도 쓰이지 않습니다."
             : "Left out, it is unknown, and P3.1 keeps the data out of every training.";
}

Result<std::string> RunForm(std::istream& in, std::ostream& out, Language language) {
  return Form(in, out, language).Run();
}

}  // namespace dure::terms
