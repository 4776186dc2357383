#include "policy/rules/cursor.h"

#include <algorithm>

#include "policy/rules/schema.h"

namespace dure::rules {

size_t Cursor::Skip(size_t index) const {
  while (tokens_[index].form == Token::Form::kComment) index++;
  return index;
}

const Token& Cursor::After() const {
  const size_t now = Skip(next_);
  return tokens_[now].form == Token::Form::kLast ? tokens_[now] : tokens_[Skip(now + 1)];
}

Token Cursor::Take() {
  const size_t now = Skip(next_);
  for (size_t i = next_; i < now; ++i) passed_.push_back(tokens_[i].text);
  last_line_ = tokens_[now].at.line;
  next_ = tokens_[now].form == Token::Form::kLast ? now : now + 1;
  return tokens_[now];
}

bool Cursor::IsWord(std::string_view word) const {
  return Now().form == Token::Form::kWord && Now().written == word;
}

bool Cursor::TakeWord(std::string_view word) {
  if (!IsWord(word)) return false;
  Take();
  return true;
}

bool Cursor::TakeWords(std::string_view first, std::string_view second) {
  const bool both =
      IsWord(first) && After().form == Token::Form::kWord && After().written == second;
  if (!both) return false;
  Take();
  Take();
  return true;
}

bool Cursor::IsMark(char mark) const {
  return Now().form == Token::Form::kMark && Now().written[0] == mark;
}

bool Cursor::TakeMark(char mark) {
  if (!IsMark(mark)) return false;
  Take();
  return true;
}

std::nullopt_t Cursor::BlameAt(Position at, std::string message, std::string advice) {
  if (!full()) problems_.push_back({at, std::move(message), std::move(advice)});
  return std::nullopt;
}

std::nullopt_t Cursor::Blame(std::string message, std::string advice) {
  // What was blamed there already, as no text or no word of the language, is said once.
  const Position& at = Now().at;
  const bool known = std::ranges::any_of(problems_, [&at](const Problem& one) {
    return one.at.line == at.line && one.at.column == at.column;
  });
  return known ? std::nullopt : BlameAt(at, std::move(message), std::move(advice));
}

std::nullopt_t Cursor::Expected(std::string_view what,
                                std::initializer_list<std::string_view> words) {
  const Token& now = Now();
  const std::string here = now.form == Token::Form::kLast
                               ? "the text ends here"
                               : "here stands " + std::string(now.written.substr(0, 60));
  const std::string near =
      now.form == Token::Form::kWord ? NearestOf(now.written, std::vector(words)) : "";
  return Blame("expected " + std::string(what) + ", but " + here,
               near.empty() || near == now.written ? "" : "did you mean '" + near + "'?");
}

std::optional<std::string> Cursor::TakeString(std::string_view what) {
  if (Now().form != Token::Form::kString) return Expected(std::string(what) + " in \"quotes\"", {});
  if (Now().text.empty()) return Blame("an empty text says nothing", "write it or leave it out");
  return Take().text;
}

std::vector<std::string> Cursor::Comments() {
  const size_t now = Skip(next_);
  for (; next_ < now; ++next_) passed_.push_back(tokens_[next_].text);
  return std::exchange(passed_, {});
}

std::string Cursor::Behind() {
  const Token& token = tokens_[next_];
  if (token.form != Token::Form::kComment || token.at.line != last_line_) return "";
  next_++;
  return token.text;
}

void Cursor::Recover() {
  while (!AtEnd()) {
    if (TakeWord("end")) break;
    const bool starts = IsWord("rule") || IsWord("case") || IsWord("situation");
    if (starts && Now().at.column == 1) break;
    Take();
  }
  passed_.clear();
}

void Keep(PartRemarks& remarks, Part part, std::vector<std::string> above, Cursor& cursor) {
  Remarks kept{std::move(above), cursor.Behind()};
  if (!kept.empty()) remarks[part] = std::move(kept);
}

}  // namespace dure::rules
