#include "policy/rules/lint_words.h"

#include <set>

#include "policy/rules/format.h"

namespace dure::rules {
namespace {

bool ComparesSets(Op op) {
  return op == Op::kIncludesAnyOf || op == Op::kIncludesAllOf || op == Op::kIncludesOnly ||
         op == Op::kIncludesNoneOf;
}
bool ComparesNumbers(Op op) {
  return op == Op::kAtLeast || op == Op::kAtMost || op == Op::kMoreThan || op == Op::kLessThan;
}
bool ComparesTimes(Op op) { return op == Op::kBefore || op == Op::kAfter; }
bool AsksMembership(Op op) { return op == Op::kIsOneOf || op == Op::kIsNotOneOf; }

// "did you mean 'x'?", or nothing to say.
Sentence DidYouMean(const std::string& near) {
  if (near.empty()) return {};
  return {"did you mean '" + near + "'?", "혹시 '" + near + "'입니까?"};
}

// "a text", "one of {open, research-only}"
std::string Some(const Attribute& attribute) {
  const std::string kind = attribute.KindText();
  return kind.starts_with("one of ") ? kind : "a " + kind;
}

Sentence ItIsA(const Attribute& attribute) {
  return {"it is " + Some(attribute), "값의 종류: " + attribute.KoreanKindText()};
}

const Sentence kWriteKorean = {"write ko \"...\" below it", "그 아래에 ko \"...\"를 쓰십시오"};

// Words, kinds and values against the schema.
class Words {
 public:
  Words(const Schema& schema, std::vector<Finding>& findings)
      : schema_(schema), findings_(findings) {}

  void Check(const Rule& rule) {
    where_ = {"rule " + rule.id, "규칙 " + rule.id};
    at_ = rule.at;
    for (const Atom* atom : Atoms(rule.condition)) Check(*atom);
    CheckTemplate(rule.because);
    for (const Duty& duty : rule.duties) CheckTemplate(duty.text);
    if (rule.title.en.empty())
      Warn({"it has no title", "제목이 없습니다"},
           {"say in one line what it is for", "무엇을 위한 규칙인지 한 줄로 쓰십시오"});
    if (!rule.title.en.empty() && rule.title.ko.empty())
      Warn({"its title has no Korean", "제목에 한국어가 없습니다"}, kWriteKorean);
    if (rule.because.en.empty())
      Warn({"it has no because, so a refusal repeats only the title",
            "이유(because)가 없어서 거부할 때 제목만 되풀이됩니다"},
           {"write because \"Dataset {dataset.id} is ...\"",
            "because \"Dataset {dataset.id} is ...\"처럼 쓰십시오"});
    if (!rule.because.en.empty() && rule.because.ko.empty())
      Warn({"its because has no Korean", "이유(because)에 한국어가 없습니다"}, kWriteKorean);
    for (const Duty& duty : rule.duties) {
      if (duty.text.ko.empty())
        Warn({"a duty has no Korean", "의무에 한국어가 없습니다"}, kWriteKorean);
    }
  }

  void Check(Sentence where, Position at, const Facts& facts) {
    where_ = std::move(where);
    at_ = at;
    for (const Facts::Entry& entry : facts.entries()) {
      const std::string path(entry.path.text());
      const Attribute* attribute = Known(path);
      if (attribute == nullptr) continue;
      if (entry.fact.presence == Presence::kAbsent && !attribute->nullable)
        Blame({path + " is never absent",
               WithParticle(path, "은(는)") + " 없음(absent)일 수 없습니다"},
              {"leave it out if it is not known", "모르는 값이면 적지 마십시오"});
      if (entry.fact.presence == Presence::kKnown && !attribute->Admits(entry.fact.value))
        Blame(Never(path, entry.fact.value), ItIsA(*attribute));
    }
  }

 private:
  void Add(Severity severity, Sentence message, Sentence advice) {
    findings_.push_back({severity, at_, where_, std::move(message), std::move(advice)});
  }
  void Blame(Sentence message, Sentence advice) {
    Add(Severity::kError, std::move(message), std::move(advice));
  }
  void Warn(Sentence message, Sentence advice) {
    Add(Severity::kWarning, std::move(message), std::move(advice));
  }
  static Sentence Never(const std::string& path, const Value& value) {
    const std::string text = value.ToText();
    return {path + " is never " + text,
            WithParticle(path, "은(는)") + " " + text + "일 수 없습니다"};
  }

  const Attribute* Known(const std::string& path) {
    const Attribute* attribute = schema_.Find(path);
    if (attribute != nullptr) return attribute;
    const std::string near = schema_.Nearest(path);
    Blame({"no attribute is called " + path + ", so it is always unknown",
           path + "(이)라는 속성은 없어서 언제나 모르는 값입니다"},
          DidYouMean(near));
    return nullptr;
  }

  // What both languages have wrong is said once.
  void CheckTemplate(const Sentence& sentence) {
    std::set<std::string> paths;
    for (const std::string* text : {&sentence.en, &sentence.ko}) {
      for (const std::string& path : PathsIn(*text)) paths.insert(path);
    }
    for (const std::string& path : paths) Known(path);
    for (const std::string* text : {&sentence.en, &sentence.ko}) {
      if (!HasWellFormedBraces(*text))
        Warn({"a sentence has a brace that is no {attribute}",
              "문장에 {속성}이 아닌 중괄호가 있습니다"},
             {"write {{ and }} for braces", "중괄호 자체는 {{ 와 }} 로 쓰십시오"});
    }
  }

  void Check(const Atom& atom) {
    const Position rule_at = at_;
    at_ = atom.at;
    const Attribute* left = Known(atom.path);
    const Attribute* right = atom.right.path.empty() ? nullptr : Known(atom.right.path);
    if (left != nullptr) {
      if (!HasRightSide(atom.op))
        CheckExists(*left, atom);
      else if (atom.right.path.empty())
        CheckValue(*left, atom);
      else if (right != nullptr)
        CheckPaths(*left, *right, atom);
    }
    at_ = rule_at;
  }

  void CheckExists(const Attribute& left, const Atom& atom) {
    if (!left.nullable && left.path != "request.action")
      Warn({Format(atom) + " asks about an attribute that is always there",
            Format(atom) + ": 언제나 있는 속성입니다"},
           {"the record never says that there is none; ask for its value",
            "기록에 없음으로 적히지 않는 속성이니 그 값을 물으십시오"});
  }

  // Whether the operator fits the left side; blames it if not.
  bool Fits(const Attribute& left, const Atom& atom) {
    const Kind kind = left.kind;
    const bool includes = atom.op == Op::kIncludes || ComparesSets(atom.op);
    const bool fits = includes                   ? kind == Kind::kSet
                      : ComparesNumbers(atom.op) ? kind == Kind::kNumber
                      : ComparesTimes(atom.op)   ? kind == Kind::kTime
                                                 : !AsksMembership(atom.op) || kind != Kind::kSet;
    if (!fits)
      Blame({left.path + " is " + Some(left) + " and cannot be compared by '" +
                 std::string(Name(atom.op)) + "'",
             left.path + "(" + left.KoreanKindText() + ")에는 '" + std::string(Name(atom.op)) +
                 "' 비교를 쓸 수 없습니다"},
            kind == Kind::kSet
                ? Sentence{"of a set one asks 'includes'", "모음에는 'includes'로 물으십시오"}
                : Sentence{});
    return fits;
  }

  void CheckValue(const Attribute& left, const Atom& atom) {
    if (!Fits(left, atom)) return;
    const Value& value = atom.right.value;
    const bool wants_set = ComparesSets(atom.op) || AsksMembership(atom.op) ||
                           (left.kind == Kind::kSet && atom.op != Op::kIncludes);
    if (wants_set != (value.kind() == Kind::kSet)) {
      const std::string braces = "{" + value.ToText() + "}";
      Blame({Format(atom) + " compares with " + (wants_set ? "one value" : "a set") + " where " +
                 (wants_set ? "a set" : "one value") + " is meant",
             Format(atom) + (wants_set ? ": 값 하나가 아니라 모음과 비교해야 합니다"
                                       : ": 모음이 아니라 값 하나와 비교해야 합니다")},
            wants_set ? Sentence{"write " + braces, braces + "처럼 쓰십시오"} : Sentence{});
      return;
    }
    Attribute item = left;
    item.kind = left.item_kind;
    const Value::Items one = {value};
    for (const Value& each : value.items() != nullptr ? *value.items() : one) CheckItem(item, each);
  }

  void CheckItem(const Attribute& item, const Value& value) {
    if (item.Admits(value)) return;
    std::vector<std::string_view> words(item.enumeration.begin(), item.enumeration.end());
    const std::string near = value.text() != nullptr ? NearestOf(*value.text(), words) : "";
    Blame(Never(item.path, value), near.empty() ? ItIsA(item) : DidYouMean(near));
  }

  void CheckPaths(const Attribute& left, const Attribute& right, const Atom& atom) {
    if (!Fits(left, atom)) return;
    const bool wants_set = ComparesSets(atom.op) || AsksMembership(atom.op) ||
                           (left.kind == Kind::kSet && atom.op != Op::kIncludes);
    if (wants_set != (right.kind == Kind::kSet) || left.item_kind != right.item_kind)
      Blame({left.path + " is " + Some(left) + " and " + right.path + " " + Some(right) + ": '" +
                 std::string(Name(atom.op)) + "' never holds",
             left.path + "(" + left.KoreanKindText() + "), " + right.path + "(" +
                 right.KoreanKindText() + "): '" + std::string(Name(atom.op)) +
                 "' 비교는 결코 참이 되지 않습니다"},
            {});
  }

  const Schema& schema_;
  std::vector<Finding>& findings_;
  Sentence where_;
  Position at_;
};

}  // namespace

void CheckWords(const Policy& policy, const Schema& schema, std::vector<Finding>& findings) {
  Words words(schema, findings);
  for (const Rule& rule : policy.rules) words.Check(rule);
  for (const Situation& situation : policy.situations)
    words.Check({"situation \"" + situation.name + "\"", "상황 \"" + situation.name + "\""},
                situation.at, situation.facts);
  for (const Case& one : policy.cases)
    words.Check({"case \"" + one.name + "\"", "사례 \"" + one.name + "\""}, one.at, one.given);
}

}  // namespace dure::rules
