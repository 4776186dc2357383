// One rule: its head, then its parts in any order, then `end`.
#include <algorithm>

#include "policy/rules/cursor.h"
#include "policy/rules/schema.h"

namespace dure::rules {
namespace {

std::optional<Effect> ParseEffect(Cursor& cursor) {
  for (const Effect effect :
       {Effect::kPermit, Effect::kForbid, Effect::kRequire, Effect::kOblige}) {
    if (cursor.TakeWord(Name(effect))) return effect;
  }
  return cursor.Expected("permit, forbid, require or oblige",
                         {"permit", "forbid", "require", "oblige"});
}

std::optional<std::vector<Action>> ParseActions(Cursor& cursor) {
  std::vector<Action> actions;
  do {
    const Position at = cursor.Now().at;
    const std::optional<Action> action = ParseAction(cursor);
    if (!action) return std::nullopt;
    if (std::find(actions.begin(), actions.end(), *action) != actions.end())
      return cursor.BlameAt(at, std::string(Name(*action)) + " is named twice", "name it once");
    actions.push_back(*action);
  } while (cursor.TakeMark(','));
  std::sort(actions.begin(), actions.end());
  return actions;
}

std::optional<uint32_t> ParseSmallCount(Cursor& cursor) {
  const Token& now = cursor.Now();
  const Decimal* number = now.form == Token::Form::kNumber ? now.value.number() : nullptr;
  if (number == nullptr) return cursor.Expected("a whole number", {});
  if (number->nanos != 0 || number->whole < 1 || number->whole > 1'000'000)
    return cursor.Blame("a whole number from 1 to 1000000 stands here", "");
  const auto count = static_cast<uint32_t>(number->whole);
  cursor.Take();
  return count;
}

bool ParseLimit(Cursor& cursor, Duty& duty) {
  if (cursor.TakeWord("within")) {
    duty.limit = Duty::Limit::kWithin;
  } else if (cursor.TakeWord("for")) {
    duty.limit = Duty::Limit::kFor;
  } else {
    return true;
  }
  const std::optional<uint32_t> count = ParseSmallCount(cursor);
  if (!count) return false;
  duty.count = *count;
  for (const Unit unit : {Unit::kHours, Unit::kDays, Unit::kMonths, Unit::kYears}) {
    const std::string_view plural = Name(unit);
    duty.unit = unit;
    if (cursor.TakeWord(plural) || cursor.TakeWord(plural.substr(0, plural.size() - 1)))
      return true;
  }
  cursor.Expected("hours, days, months or years", {"hours", "days", "months", "years"});
  return false;
}

std::optional<Duty> ParseDuty(Cursor& cursor) {
  Duty duty;
  duty.at = cursor.Now().at;
  const auto& kinds = DutyKinds();
  const auto kind = std::find(kinds.begin(), kinds.end(), cursor.Now().written);
  if (cursor.Now().form != Token::Form::kWord || kind == kinds.end()) {
    return cursor.Expected(
        "what the duty is: attribute, notify, label, keep, report, publish, delete, share-results, "
        "return-derived, delete-evidence, notify-incident or pay-share",
        {"attribute", "notify", "label", "keep", "report", "publish", "delete", "share-results",
         "return-derived", "delete-evidence", "notify-incident", "pay-share"});
  }
  duty.kind = *kind;
  cursor.Take();
  std::optional<Sentence> text = ParseSentence(cursor, "what has to be done");
  if (!text) return std::nullopt;
  duty.text = std::move(*text);
  if (!ParseLimit(cursor, duty)) return std::nullopt;
  return duty;
}

class RuleParser {
 public:
  RuleParser(Cursor& cursor, std::vector<std::string> above) : cursor_(cursor) {
    above_ = std::move(above);
  }

  std::optional<Rule> Run() {
    if (!Head()) return std::nullopt;
    while (true) {
      above_ = cursor_.Comments();
      if (cursor_.TakeWord("end")) break;
      if (!OnePart()) return std::nullopt;
    }
    Finish(Part::kEnd);
    if (!Whole()) return std::nullopt;
    return std::move(rule_);
  }

 private:
  bool Head() {
    rule_.at = cursor_.Now().at;
    cursor_.Take();  // rule
    std::optional<std::string> id = ParseRuleId(cursor_);
    if (!id) return false;
    rule_.id = std::move(*id);
    const std::optional<Effect> effect = ParseEffect(cursor_);
    if (!effect) return false;
    rule_.effect = *effect;
    std::optional<std::vector<Action>> actions = ParseActions(cursor_);
    if (!actions) return false;
    rule_.actions = std::move(*actions);
    Finish(Part::kHead);
    return true;
  }

  // Comments inside the part go above it; the one at its end stays there.
  void Finish(Part part) {
    for (std::string& inside : cursor_.Passed()) above_.push_back(std::move(inside));
    Keep(rule_.remarks, part, std::move(above_), cursor_);
    above_.clear();
  }

  bool Once(bool& seen, std::string_view word) {
    if (seen) cursor_.Blame("this rule has a second '" + std::string(word) + "'", "keep one");
    return !std::exchange(seen, true);
  }

  bool OnePart() {
    if (cursor_.IsWord("title")) return OneSentence("title", Part::kTitle, rule_.title, title_);
    if (cursor_.IsWord("because"))
      return OneSentence("because", Part::kBecause, rule_.because, because_);
    if (cursor_.IsWord("when") || cursor_.IsWord("that")) return OneCondition();
    if (cursor_.IsWord("duty")) return OneDuty();
    if (cursor_.IsWord("basis")) return OneBasis();
    if (cursor_.IsWord("and") || cursor_.IsWord("or")) {
      cursor_.Blame("here '" + std::string(cursor_.Now().written) + "' joins nothing",
                    "put it directly behind the condition");
      return false;
    }
    cursor_.Expected("title, when, that, duty, because, basis or end",
                     {"title", "when", "that", "duty", "because", "basis", "end"});
    return false;
  }

  bool OneSentence(std::string_view word, Part part, Sentence& place, bool& seen) {
    if (!Once(seen, word)) return false;
    cursor_.Take();
    std::optional<Sentence> sentence = ParseSentence(cursor_, "a sentence");
    if (!sentence) return false;
    place = std::move(*sentence);
    Finish(part);
    return true;
  }

  bool OneCondition() {
    const bool require = rule_.effect == Effect::kRequire;
    const std::string_view right = require ? "that" : "when";
    if (!cursor_.IsWord(right)) {
      cursor_.Blame(
          "a " + std::string(Name(rule_.effect)) + " says '" + std::string(right) + "', not '" +
              std::string(cursor_.Now().written) + "'",
          require ? "write 'that' and what must hold" : "write 'when' and what must be the case");
      return false;
    }
    if (!Once(condition_, right)) return false;
    cursor_.Take();
    std::optional<Condition> condition = ParseCondition(cursor_);
    if (!condition) return false;
    rule_.condition = std::move(*condition);
    Finish(Part::kCondition);
    return true;
  }

  bool OneDuty() {
    if (rule_.effect != Effect::kOblige) {
      cursor_.Blame("only an oblige has a duty", "make a second rule of it: oblige");
      return false;
    }
    if (rule_.duties.size() == kDutiesMax) {
      cursor_.Blame("this rule has more than 16 duties", "split it in two");
      return false;
    }
    cursor_.Take();
    std::optional<Duty> duty = ParseDuty(cursor_);
    if (!duty) return false;
    const auto part = static_cast<Part>(static_cast<uint8_t>(Part::kFirstDuty) +
                                        static_cast<uint8_t>(rule_.duties.size()));
    rule_.duties.push_back(std::move(*duty));
    Finish(part);
    return true;
  }

  bool OneBasis() {
    if (!Once(basis_, "basis")) return false;
    cursor_.Take();
    std::optional<std::string> basis = cursor_.TakeString("the article or code");
    if (!basis) return false;
    rule_.basis = std::move(*basis);
    Finish(Part::kBasis);
    return true;
  }

  bool Whole() {
    const bool oblige = rule_.effect == Effect::kOblige;
    if (!condition_) {
      cursor_.BlameAt(rule_.at, "rule " + rule_.id + " has no condition",
                      "for every request, write: when request.action exists");
      return false;
    }
    if (oblige && rule_.duties.empty()) {
      cursor_.BlameAt(rule_.at, "rule " + rule_.id + " obliges to nothing",
                      "add a line such as: duty notify \"Tell users ...\"");
      return false;
    }
    return true;
  }

  Cursor& cursor_;
  std::vector<std::string> above_;
  Rule rule_;
  bool title_ = false;
  bool because_ = false;
  bool condition_ = false;
  bool basis_ = false;
};

}  // namespace

std::optional<std::string> ParseRuleId(Cursor& cursor) {
  if (cursor.Now().form != Token::Form::kWord || !IsRuleId(cursor.Now().written) ||
      IsReserved(cursor.Now().written))
    return cursor.Expected("a rule's name, such as P2.1", {});
  return std::string(cursor.Take().written);
}

std::optional<Action> ParseAction(Cursor& cursor) {
  if (cursor.Now().form == Token::Form::kWord) {
    const std::optional<Action> action = ActionNamed(cursor.Now().written);
    if (action) {
      cursor.Take();
      return action;
    }
  }
  return cursor.Expected(
      "an action: train, finetune, evaluate, combine, aggregate, distil, synthesise, "
      "export-weights, serve or publish-metrics",
      {"train", "finetune", "evaluate", "combine", "aggregate", "distil", "synthesise",
       "export-weights", "serve", "publish-metrics"});
}

std::optional<Sentence> ParseSentence(Cursor& cursor, std::string_view what) {
  std::optional<std::string> en = cursor.TakeString(what);
  if (!en) return std::nullopt;
  Sentence sentence{std::move(*en), ""};
  if (!cursor.TakeWord("ko")) return sentence;
  std::optional<std::string> ko = cursor.TakeString("the same in Korean");
  if (!ko) return std::nullopt;
  sentence.ko = std::move(*ko);
  return sentence;
}

std::optional<Rule> ParseRule(Cursor& cursor, std::vector<std::string> above) {
  return RuleParser(cursor, std::move(above)).Run();
}

}  // namespace dure::rules
