#include "policy/rules/parse.h"

#include <algorithm>
#include <map>
#include <set>

#include "policy/rules/cursor.h"
#include "policy/rules/schema.h"

namespace dure::rules {
namespace {

class PolicyParser {
 public:
  PolicyParser(std::string_view text, std::vector<Problem>& problems)
      : cursor_(Tokens(text, problems), problems) {}

  // A policy as far as it could be read; without problems it is whole.
  Policy Run() {
    std::vector<std::string> above = cursor_.Comments();
    if (!Header(std::move(above))) cursor_.Recover();
    while (!cursor_.full()) {
      above = cursor_.Comments();
      if (cursor_.AtEnd()) break;
      if (!OneOf(std::move(above))) cursor_.Recover();
    }
    policy_.last_remarks = std::move(above);
    CheckCases();
    return std::move(policy_);
  }

 private:
  bool Header(std::vector<std::string> above) {
    if (cursor_.TakeWord("site")) policy_.layer = Layer::kSite;
    if (policy_.layer == Layer::kConsortium && cursor_.TakeWord("terms"))
      policy_.layer = Layer::kTerms;
    if (!cursor_.TakeWord("policy"))
      return Wrong("a policy, such as: policy \"Purposes\" version 1 effective 2026-09-01",
                   {"policy", "site", "terms"});
    std::optional<Sentence> name = ParseSentence(cursor_, "the policy's name");
    if (!name) return false;
    policy_.name = std::move(*name);
    if (!cursor_.TakeWord("version")) return Wrong("'version' and its number", {"version"});
    if (!Version()) return false;
    if (!cursor_.TakeWord("effective")) return Wrong("'effective' and a date", {"effective"});
    if (cursor_.Now().form != Token::Form::kTime) return Wrong("a date such as 2026-09-01", {});
    policy_.effective = *cursor_.Take().value.time();
    PartRemarks remarks;
    for (std::string& inside : cursor_.Passed()) above.push_back(std::move(inside));
    Keep(remarks, Part::kHead, std::move(above), cursor_);
    policy_.remarks = remarks[Part::kHead];
    return true;
  }

  bool Wrong(std::string_view what, std::initializer_list<std::string_view> words) {
    cursor_.Expected(what, words);
    return false;
  }

  bool Version() {
    const Token& now = cursor_.Now();
    const Decimal* number = now.form == Token::Form::kNumber ? now.value.number() : nullptr;
    if (number == nullptr || number->nanos != 0 || number->whole < 1 || number->whole > 1'000'000)
      return Wrong("a whole number from 1 to 1000000", {});
    policy_.version = static_cast<uint32_t>(number->whole);
    cursor_.Take();
    return true;
  }

  bool OneOf(std::vector<std::string> above) {
    if (cursor_.IsWord("rule")) return OneRule(std::move(above));
    if (cursor_.IsWord("case")) return OneCase(std::move(above));
    if (cursor_.IsWord("situation")) return OneSituation(std::move(above));
    Wrong("rule, situation or case", {"rule", "case", "situation"});
    cursor_.Take();
    return false;
  }

  bool OneRule(std::vector<std::string> above) {
    const std::string named(cursor_.After().written);
    std::optional<Rule> rule = ParseRule(cursor_, std::move(above));
    if (!rule) {
      broken_.insert(named);
      return false;
    }
    if (rule->effect == Effect::kPermit && policy_.layer != Layer::kConsortium) {
      cursor_.BlameAt(
          rule->at,
          "a " + std::string(Name(policy_.layer)) + " policy can only narrow: it may not permit",
          "write a forbid or a require; what the consortium permits stays permitted");
      return true;
    }
    if (!ids_.insert(rule->id).second) {
      cursor_.BlameAt(rule->at, "rule " + rule->id + " occurs twice", "give it a name of its own");
    } else if (policy_.rules.size() == kRulesMax) {
      cursor_.BlameAt(rule->at, "this policy has more than 512 rules", "split it in two");
    } else {
      policy_.rules.push_back(std::move(*rule));
    }
    return true;
  }

  bool OneSituation(std::vector<std::string> above) {
    const std::string named = cursor_.After().text;
    std::optional<Situation> situation = ParseSituation(cursor_, std::move(above));
    if (!situation) {
      broken_.insert(named);
      return false;
    }
    if (!situations_.insert(situation->name).second) {
      cursor_.BlameAt(situation->at, "a situation of this name occurs above",
                      "give it a name of its own");
    } else if (policy_.situations.size() == kCasesMax) {
      cursor_.BlameAt(situation->at, "this policy has more than 512 situations", "");
    } else {
      policy_.situations.push_back(std::move(*situation));
    }
    return true;
  }

  bool OneCase(std::vector<std::string> above) {
    std::optional<Case> parsed = ParseCase(cursor_, std::move(above));
    if (!parsed) return false;
    if (!cases_.insert(parsed->name).second) {
      cursor_.BlameAt(parsed->at, "a case of this name occurs above", "give it a name of its own");
    } else if (policy_.cases.size() == kCasesMax) {
      cursor_.BlameAt(parsed->at, "this policy has more than 512 cases", "");
    } else {
      policy_.cases.push_back(std::move(*parsed));
    }
    return true;
  }

  // What cases name must be in the same text. Rules and situations that
  // could not be read are no reason to blame.
  void CheckCases() {
    for (const Case& one : policy_.cases) {
      if (!one.situation.empty() && situations_.count(one.situation) == 0 &&
          broken_.count(one.situation) == 0)
        NotHere(one, "situation \"" + one.situation + "\"", one.situation, situations_);
      CheckIds(one, one.expected.rules);
      if (one.expected.owing) CheckIds(one, *one.expected.owing);
    }
  }

  void CheckIds(const Case& one, const std::vector<std::string>& ids) {
    for (const std::string& id : ids) {
      if (ids_.count(id) == 0 && broken_.count(id) == 0) NotHere(one, "rule " + id, id, ids_);
    }
  }

  void NotHere(const Case& one, const std::string& what, const std::string& name,
               const std::set<std::string>& known) {
    const std::string near = NearestOf(name, {known.begin(), known.end()});
    cursor_.BlameAt(one.at, what + " is not in this policy",
                    near.empty() ? "" : "did you mean '" + near + "'?");
  }

  Cursor cursor_;
  Policy policy_;
  std::set<std::string> ids_;
  std::set<std::string> situations_;
  std::set<std::string> cases_;
  std::set<std::string> broken_;  // rules and situations that are there and could not be read
};

bool Before(const Problem& a, const Problem& b) {
  return a.at.line != b.at.line ? a.at.line < b.at.line : a.at.column < b.at.column;
}

std::string_view LineAt(std::string_view text, uint32_t line) {
  for (uint32_t i = 1; i < line; ++i) {
    const size_t end = text.find('\n');
    if (end == std::string_view::npos) return {};
    text.remove_prefix(end + 1);
  }
  std::string_view found = text.substr(0, text.find('\n'));
  if (found.ends_with('\r')) found.remove_suffix(1);
  return found;
}

// Under a wide (Korean) character a caret moves two columns, as terminals show it.
std::string CaretLine(std::string_view line, uint32_t column) {
  std::string spaces;
  uint32_t at = 1;
  for (size_t i = 0; i < line.size() && at < column; ++i) {
    const auto byte = static_cast<uint8_t>(line[i]);
    if ((byte & 0xc0) == 0x80) continue;
    spaces += byte == '\t' ? "\t" : byte >= 0xe1 && byte < 0xf0 ? "  " : " ";
    at++;
  }
  return spaces + "^";
}

// At most one screen of a line; control bytes would move a terminal's cursor.
std::string Shown(std::string_view line) {
  std::string shown;
  for (const char c : line.substr(0, 200))
    shown += static_cast<uint8_t>(c) < 0x20 && c != '\t' ? ' ' : c;
  return shown;
}

}  // namespace

Parsed ParsePolicy(std::string_view text) {
  Parsed parsed;
  if (text.size() > kPolicyBytesMax) {
    parsed.problems.push_back({{1, 1}, "this text is longer than 262144 bytes", "split it in two"});
    return parsed;
  }
  Policy policy = PolicyParser(text, parsed.problems).Run();
  std::stable_sort(parsed.problems.begin(), parsed.problems.end(), Before);
  if (parsed.problems.empty())
    parsed.document = PolicyDocument{std::move(policy), Sha256(AsBytes(text))};
  return parsed;
}

std::string ToText(const Problem& problem, std::string_view file, std::string_view text) {
  const std::string_view line = LineAt(text, problem.at.line);
  std::string out = std::string(file) + ":" + std::to_string(problem.at.line) + ":" +
                    std::to_string(problem.at.column) + ": " + problem.message + "\n";
  if (!line.empty()) out += "  " + Shown(line) + "\n";
  if (!line.empty() && problem.at.column <= 100)
    out += "  " + CaretLine(line, problem.at.column) + "\n";
  if (!problem.advice.empty()) out += "  " + problem.advice + "\n";
  return out;
}

Result<PolicyDocument> ReadPolicy(std::string_view text, std::string_view file) {
  if (text.size() > kPolicyBytesMax)
    return Fail(ErrorCode::kExhausted, std::string(file) + " is longer than 262144 bytes");
  Parsed parsed = ParsePolicy(text);
  if (parsed.document) return std::move(*parsed.document);
  std::string message;
  for (const Problem& problem : parsed.problems) message += ToText(problem, file, text);
  message.pop_back();
  return Fail(ErrorCode::kInvalid, std::move(message));
}

namespace {

// The first problem as one line, for a text that is one line.
Error FirstOf(const std::vector<Problem>& problems, std::string_view text) {
  std::string message = "'" + std::string(text.substr(0, 80)) + "' ";
  if (problems.empty()) return {ErrorCode::kInvalid, message + "has more behind it than one value"};
  message += "cannot be read: " + problems.front().message;
  if (!problems.front().advice.empty()) message += " (" + problems.front().advice + ")";
  return {ErrorCode::kInvalid, std::move(message)};
}

}  // namespace

Result<Value> ParseValue(std::string_view text) {
  std::vector<Problem> problems;
  if (text.size() > kPolicyBytesMax) return Fail(ErrorCode::kExhausted, "this value is too long");
  Cursor cursor(Tokens(text, problems), problems);
  std::optional<Value> value = problems.empty() ? ParseLiteral(cursor) : std::nullopt;
  if (!value || !problems.empty() || !cursor.AtEnd()) return Fail(FirstOf(problems, text));
  return std::move(*value);
}

Result<Facts::Entry> ParseFact(std::string_view text) {
  const size_t sign = std::min(text.find('='), text.find(" is "));
  if (sign == std::string_view::npos || !IsPath(text.substr(0, sign)))
    return Fail(ErrorCode::kInvalid, "'" + std::string(text.substr(0, 80)) +
                                         "' is no fact; write one like dataset.terms.use=open");
  Facts::Entry entry{FactPath(text.substr(0, sign)), {Presence::kAbsent, {}}};
  const std::string_view value = text.substr(sign + (text[sign] == '=' ? 1 : 4));
  if (value == "absent") return entry;
  DURE_ASSIGN(entry.fact.value, ParseValue(value));
  entry.fact.presence = Presence::kKnown;
  return entry;
}

}  // namespace dure::rules
