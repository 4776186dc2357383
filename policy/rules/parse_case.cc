// A policy's own tests: situations (facts with a name) and cases (a request and what must come
// out).
#include <algorithm>

#include "policy/rules/cursor.h"
#include "policy/rules/schema.h"

namespace dure::rules {
namespace {

constexpr size_t kGivenMax = 256;  // facts of one case; the schema has about a hundred

std::optional<std::string> ParsePath(Cursor& cursor) {
  if (cursor.Now().form != Token::Form::kWord || !IsPath(cursor.Now().written))
    return cursor.Expected("an attribute, such as dataset.terms.use", {});
  return std::string(cursor.Take().written);
}

bool ParseGiven(Cursor& cursor, Facts& facts) {
  do {
    const Position at = cursor.Now().at;
    const std::optional<std::string> path = ParsePath(cursor);
    if (!path) return false;
    if (!cursor.TakeWord("is")) {
      cursor.Expected("'is' and the attribute's value", {"is"});
      return false;
    }
    if (facts.At(*path).presence != Presence::kUnknown || facts.entries().size() == kGivenMax) {
      cursor.BlameAt(at, *path + " is given twice, or these are more than 256 facts",
                     "say each fact once");
      return false;
    }
    if (cursor.TakeWord("absent")) {
      facts.SetAbsent(*path);
      continue;
    }
    std::optional<Value> value = ParseLiteral(cursor);
    if (!value) return false;
    facts.Set(*path, std::move(*value));
  } while (cursor.TakeMark(','));
  return true;
}

bool ParseIds(Cursor& cursor, std::vector<std::string>& ids) {
  do {
    std::optional<std::string> id = ParseRuleId(cursor);
    if (!id) return false;
    ids.push_back(std::move(*id));
  } while (cursor.TakeMark(','));
  std::sort(ids.begin(), ids.end());
  ids.erase(std::unique(ids.begin(), ids.end()), ids.end());
  return true;
}

bool ParseExpectation(Cursor& cursor, Expectation& expected) {
  using What = Expectation::What;
  if (cursor.TakeWord("admit")) {
    expected.what = What::kAdmit;
  } else if (cursor.TakeWords("no", "refusal")) {
    expected.what = What::kNoRefusal;
  } else if (cursor.TakeWords("nothing", "permits")) {
    expected.what = What::kNothingPermits;
  } else if (cursor.TakeWords("deny", "by")) {
    expected.what = What::kDenyBy;
    if (!ParseIds(cursor, expected.rules)) return false;
  } else {
    cursor.Expected("admit, no refusal, nothing permits, or deny by and rule names",
                    {"admit", "no", "nothing", "deny"});
    return false;
  }
  if (!cursor.TakeWord("owing")) return true;
  expected.owing.emplace();
  if (cursor.TakeWord("nothing")) return true;
  return ParseIds(cursor, *expected.owing);
}

// What a situation and a case share: remarks of their parts, each at most once.
class PartsParser {
 public:
  PartsParser(Cursor& cursor, std::vector<std::string> above, PartRemarks& remarks)
      : cursor_(cursor), above_(std::move(above)), remarks_(remarks) {}

  void Finish(Part part) {
    for (std::string& inside : cursor_.Passed()) above_.push_back(std::move(inside));
    Keep(remarks_, part, std::move(above_), cursor_);
    above_ = cursor_.Comments();
  }
  bool TakeEnd() {
    if (!cursor_.TakeWord("end")) return false;
    Keep(remarks_, Part::kEnd, std::move(above_), cursor_);
    return true;
  }

 private:
  Cursor& cursor_;
  std::vector<std::string> above_;
  PartRemarks& remarks_;
};

bool ParseCaseHead(Cursor& cursor, Case& parsed) {
  parsed.at = cursor.Now().at;
  cursor.Take();  // case
  std::optional<std::string> name = cursor.TakeString("what the case shows");
  if (!name) return false;
  parsed.name = std::move(*name);
  if (!cursor.TakeWord("asks")) {
    cursor.Expected("'asks' and an action", {"asks"});
    return false;
  }
  const std::optional<Action> action = ParseAction(cursor);
  if (!action) return false;
  parsed.action = *action;
  if (!cursor.TakeWord("in")) return true;
  std::optional<std::string> situation = cursor.TakeString("a situation's name");
  if (!situation) return false;
  parsed.situation = std::move(*situation);
  return true;
}

bool ParseWithout(Cursor& cursor, std::vector<std::string>& without) {
  do {
    std::optional<std::string> path = ParsePath(cursor);
    if (!path) return false;
    without.push_back(std::move(*path));
  } while (without.size() < kGivenMax && cursor.TakeMark(','));
  std::sort(without.begin(), without.end());
  without.erase(std::unique(without.begin(), without.end()), without.end());
  return true;
}

}  // namespace

std::optional<Situation> ParseSituation(Cursor& cursor, std::vector<std::string> above) {
  Situation situation;
  PartsParser parts(cursor, std::move(above), situation.remarks);
  situation.at = cursor.Now().at;
  cursor.Take();  // situation
  std::optional<std::string> name = cursor.TakeString("the situation's name");
  if (!name) return std::nullopt;
  situation.name = std::move(*name);
  parts.Finish(Part::kHead);
  if (!cursor.TakeWord("given")) return cursor.Expected("'given' and the facts", {"given"});
  if (!ParseGiven(cursor, situation.facts)) return std::nullopt;
  parts.Finish(Part::kCondition);
  if (!parts.TakeEnd()) return cursor.Expected("',' and another fact, or 'end'", {"end"});
  return situation;
}

std::optional<Case> ParseCase(Cursor& cursor, std::vector<std::string> above) {
  Case parsed;
  PartsParser parts(cursor, std::move(above), parsed.remarks);
  if (!ParseCaseHead(cursor, parsed)) return std::nullopt;
  parts.Finish(Part::kHead);
  if (cursor.TakeWord("given")) {
    if (!ParseGiven(cursor, parsed.given)) return std::nullopt;
    parts.Finish(Part::kCondition);
  }
  if (cursor.TakeWord("without")) {
    if (!ParseWithout(cursor, parsed.without)) return std::nullopt;
    parts.Finish(Part::kWithout);
  }
  if (!cursor.TakeWord("expect"))
    return cursor.Expected("given, without or expect, in this order",
                           {"given", "without", "expect"});
  if (!ParseExpectation(cursor, parsed.expected)) return std::nullopt;
  parts.Finish(Part::kExpect);
  if (!parts.TakeEnd()) return cursor.Expected("'end'", {"end", "owing"});
  return parsed;
}

}  // namespace dure::rules
