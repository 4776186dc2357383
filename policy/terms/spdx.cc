#include "policy/terms/spdx.h"

#include <algorithm>
#include <cctype>
#include <set>

namespace dure::terms {
namespace {

constexpr int kBracketsDeepMax = 16;

using Choices = std::set<std::set<std::string>>;

bool SameWithoutCase(std::string_view a, std::string_view b) {
  return std::equal(a.begin(), a.end(), b.begin(), b.end(), [](unsigned char x, unsigned char y) {
    return std::tolower(x) == std::tolower(y);
  });
}

// The item of a list of words as the list spells it; empty if it is not there.
std::string_view Listed(std::string_view words, std::string_view word) {
  while (!words.empty()) {
    const size_t end = words.find(' ');
    const std::string_view item = words.substr(0, end);
    if (SameWithoutCase(item, word)) return item;
    words.remove_prefix(std::min(words.size(), end == words.npos ? end : end + 1));
  }
  return {};
}

bool IsReference(std::string_view word) {
  constexpr std::string_view kPrefix = "LicenseRef-";
  return word.size() > kPrefix.size() && word.size() <= 64 && word.starts_with(kPrefix) &&
         std::all_of(word.begin(), word.end(),
                     [](unsigned char c) { return std::isalnum(c) || c == '-' || c == '.'; });
}

// GPL-2.0 and GPL-2.0+ are what GPL-2.0-only and GPL-2.0-or-later are called now.
std::string Successor(std::string_view id, bool or_later) {
  const bool gnu = id.starts_with("GPL-") || id.starts_with("LGPL-") || id.starts_with("AGPL-") ||
                   id.starts_with("GFDL-");
  const bool bare = id.find("-only") == id.npos && id.find("-or-later") == id.npos &&
                    id.find("-with-") == id.npos && id.find("invariants") == id.npos;
  if (gnu && bare) return std::string(id) + (or_later ? "-or-later" : "-only");
  return std::string(id) + (or_later ? "+" : "");
}

// What was read of an expression: its text, its choices and how it binds.
struct Part {
  enum Kind { kLicence, kAnd, kOr } kind = kLicence;
  std::string text;
  Choices choices;
};

class Parser {
 public:
  explicit Parser(std::string_view rest) : rest_(rest) { Next(); }

  Result<Part> Whole() {
    DURE_ASSIGN(Part part, Or(0));
    if (!word_.empty()) return Bad("'" + std::string(word_) + "' is not expected there");
    return part;
  }

 private:
  static tl::unexpected<Error> Bad(const std::string& why) {
    return Fail(ErrorCode::kInvalid, why);
  }

  void Next() {
    while (!rest_.empty() && rest_.front() == ' ') rest_.remove_prefix(1);
    size_t size = rest_.find_first_of(" ()");
    if (size == 0) size = 1;  // a parenthesis
    word_ = rest_.substr(0, size);
    rest_.remove_prefix(word_.size());
  }

  Result<Part> Or(int depth) {
    DURE_ASSIGN(Part part, And(depth));
    while (word_ == "OR") {
      Next();
      DURE_ASSIGN(const Part right, And(depth));
      part.kind = Part::kOr;
      part.text += " OR " + right.text;
      part.choices.insert(right.choices.begin(), right.choices.end());
      if (part.choices.size() > kSpdxChoicesMax) return Bad("too many choices");
    }
    return part;
  }

  static std::string InsideAnd(const Part& part) {
    return part.kind == Part::kOr ? "(" + part.text + ")" : part.text;
  }

  Result<Part> And(int depth) {
    DURE_ASSIGN(Part part, Single(depth));
    while (word_ == "AND") {
      Next();
      DURE_ASSIGN(const Part right, Single(depth));
      part.text = InsideAnd(part) + " AND " + InsideAnd(right);
      part.kind = Part::kAnd;
      if (part.choices.size() * right.choices.size() > kSpdxChoicesMax)
        return Bad("too many choices");
      Choices both;
      for (std::set<std::string> choice : part.choices) {
        for (const auto& more : right.choices) {
          std::set<std::string> joined = choice;
          joined.insert(more.begin(), more.end());
          both.insert(std::move(joined));
        }
      }
      part.choices = std::move(both);
    }
    return part;
  }

  Result<Part> Single(int depth) {
    if (word_ == "(") {
      if (depth >= kBracketsDeepMax) return Bad("too many parentheses");
      Next();
      DURE_ASSIGN(Part part, Or(depth + 1));
      if (word_ != ")") return Bad("a parenthesis is not closed");
      Next();
      return part;
    }
    DURE_ASSIGN(std::string licence, Licence());
    if (word_ == "WITH") {
      Next();
      const std::string_view exception = Listed(kSpdxExceptionIds, word_);
      if (exception.empty()) return Bad("'" + std::string(word_) + "' is not an SPDX exception");
      licence += " WITH " + std::string(exception);
      Next();
    }
    Part part;
    part.choices.insert({licence});
    part.text = std::move(licence);
    return part;
  }

  Result<std::string> Licence() {
    std::string_view word = word_;
    if (word.empty()) return Bad("a licence is missing");
    if (IsReference(word)) {
      Next();
      return std::string(word);
    }
    const bool or_later = word.ends_with('+');
    if (or_later) word.remove_suffix(1);
    const std::string_view listed = Listed(kSpdxLicenceIds, word);
    if (word.empty() || listed.empty()) {
      return Bad("'" + std::string(word_) +
                 "' is not an SPDX licence; a licence that SPDX does not list is written "
                 "LicenseRef-NAME");
    }
    Next();
    return Successor(listed, or_later);
  }

  std::string_view rest_;
  std::string_view word_;
};

}  // namespace

Result<SpdxExpression> ParseSpdx(std::string_view text) {
  if (text.empty()) return Fail(ErrorCode::kInvalid, "a licence is missing");
  if (text.size() > kSpdxBytesMax) return Fail(ErrorCode::kInvalid, "the expression is too long");
  DURE_ASSIGN(const Part part, Parser(text).Whole());
  SpdxExpression expression;
  expression.text = part.text;
  for (const auto& choice : part.choices)
    expression.choices.emplace_back(choice.begin(), choice.end());
  return expression;
}

}  // namespace dure::terms
