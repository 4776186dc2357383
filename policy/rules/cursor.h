// A place in the tokens of a policy text, and the problems found so far. Inside this room only.
//
// Every parsing step returns nullopt after it has blamed something; who called it gives up its own
// part and, at the level of rules and cases, goes on behind the next `end`.
#pragma once

#include <initializer_list>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "policy/rules/token.h"

namespace dure::rules {

class Cursor {
 public:
  Cursor(std::vector<Token> tokens, std::vector<Problem>& problems)
      : tokens_(std::move(tokens)), problems_(problems) {}

  // The next token that is no comment, and the one behind it. At the end: the last token.
  const Token& Now() const { return tokens_[Skip(next_)]; }
  const Token& After() const;
  Token Take();
  bool AtEnd() const { return Now().form == Token::Form::kLast; }

  bool IsWord(std::string_view word) const;
  bool TakeWord(std::string_view word);  // false, and nothing taken, if another stands here
  bool TakeWords(std::string_view first, std::string_view second);
  bool IsMark(char mark) const;
  bool TakeMark(char mark);

  // Blames what stands here (or at `at`).
  std::nullopt_t Blame(std::string message, std::string advice = "");
  std::nullopt_t BlameAt(Position at, std::string message, std::string advice = "");
  // "expected X, but here stands Y", with the nearest of `words` as advice.
  std::nullopt_t Expected(std::string_view what, std::initializer_list<std::string_view> words);
  bool full() const { return problems_.size() >= kProblemsMax; }

  // A string in quotes, not empty; "expected `what`" otherwise.
  std::optional<std::string> TakeString(std::string_view what);

  // The comments passed over since the last call; Comments adds those that stand here.
  std::vector<std::string> Passed() { return std::exchange(passed_, {}); }
  std::vector<std::string> Comments();
  // The comment on the line of the token taken last; empty: none.
  std::string Behind();

  // Goes behind the next `end`, or to a rule, case or situation at the start of a line.
  void Recover();

 private:
  size_t Skip(size_t index) const;

  std::vector<Token> tokens_;
  std::vector<Problem>& problems_;
  size_t next_ = 0;
  uint32_t last_line_ = 0;
  std::vector<std::string> passed_;
};

// The grammar's parts, each in its own file.
std::optional<Condition> ParseCondition(Cursor& cursor);  // parse_condition.cc
std::optional<Value> ParseLiteral(Cursor& cursor);        // parse_condition.cc
std::optional<Rule> ParseRule(Cursor& cursor, std::vector<std::string> above);  // parse_rule.cc
std::optional<Case> ParseCase(Cursor& cursor, std::vector<std::string> above);  // parse_case.cc
std::optional<Situation> ParseSituation(Cursor& cursor,
                                        std::vector<std::string> above);  // parse_case.cc

// Notes the comments of a part: those above (and inside) it, and the one behind its last token.
void Keep(PartRemarks& remarks, Part part, std::vector<std::string> above, Cursor& cursor);
std::optional<Sentence> ParseSentence(Cursor& cursor, std::string_view what);  // parse_rule.cc
std::optional<Action> ParseAction(Cursor& cursor);                             // parse_rule.cc
std::optional<std::string> ParseRuleId(Cursor& cursor);                        // parse_rule.cc

}  // namespace dure::rules
