// Conditions: comparisons joined by and, or, not and parentheses; and the values in them.
#include <algorithm>

#include "policy/rules/cursor.h"
#include "policy/rules/schema.h"

namespace dure::rules {
namespace {

// The canonical text of a condition has at most one pair of parentheses more than the condition is
// deep.
constexpr size_t kTextDepthMax = kDepthMax + 2;
constexpr std::string_view kOperators =
    "a comparison: is, is not, is one of, is not one of, includes, includes any of, includes all "
    "of, includes only, includes none of, at least, at most, more than, less than, before, after, "
    "exists, does not exist";

// A word that stands for a text, not for a path or a part of the grammar.
std::optional<Value> LiteralWord(Cursor& cursor) {
  const std::string_view word = cursor.Now().written;
  if (IsSymbol(word)) return Value::Text(cursor.Take().written);
  if (word == "true" || word == "false") return Value::Bool(cursor.Take().written == "true");
  if (word == "absent")
    return cursor.Blame("'absent' is no value to compare with",
                        "write 'exists' or 'does not exist', or \"absent\" for the text");
  if (IsReserved(word)) return cursor.Expected("a value", {});
  return cursor.Blame("'" + std::string(word.substr(0, 60)) + "' is no value",
                      "put the text in \"quotes\"");
}

std::optional<Value> Scalar(Cursor& cursor) {
  switch (cursor.Now().form) {
    case Token::Form::kWord:
      return LiteralWord(cursor);
    case Token::Form::kString:
      return Value::Text(cursor.Take().text);
    case Token::Form::kNumber:
    case Token::Form::kTime:
      return cursor.Take().value;
    default:
      return cursor.Expected("a value", {});
  }
}

std::optional<Value> SetLiteral(Cursor& cursor) {
  const Position at = cursor.Now().at;
  cursor.TakeMark('{');
  Value::Items items;
  while (!cursor.TakeMark('}')) {
    if (!items.empty() && !cursor.TakeMark(','))
      return cursor.Expected("',' or '}' in this set", {});
    std::optional<Value> item = Scalar(cursor);
    if (!item) return std::nullopt;
    items.push_back(std::move(*item));
    if (items.size() > kSetItemsMax)
      return cursor.BlameAt(at, "this set has more than 512 items", "say what they have in common");
  }
  return Value::Set(std::move(items));
}

bool IsPathHere(const Cursor& cursor) {
  return cursor.Now().form == Token::Form::kWord && IsPath(cursor.Now().written);
}

std::optional<Operand> RightSide(Cursor& cursor) {
  if (IsPathHere(cursor)) return Operand{std::string(cursor.Take().written), {}};
  std::optional<Value> value = ParseLiteral(cursor);
  if (!value) return std::nullopt;
  return Operand{"", std::move(*value)};
}

std::optional<Op> IsOperator(Cursor& cursor) {
  if (!cursor.TakeWord("not")) return cursor.TakeWords("one", "of") ? Op::kIsOneOf : Op::kIs;
  return cursor.TakeWords("one", "of") ? Op::kIsNotOneOf : Op::kIsNot;
}

Op IncludesOperator(Cursor& cursor) {
  if (cursor.TakeWords("any", "of")) return Op::kIncludesAnyOf;
  if (cursor.TakeWords("all", "of")) return Op::kIncludesAllOf;
  if (cursor.TakeWords("none", "of")) return Op::kIncludesNoneOf;
  return cursor.TakeWord("only") ? Op::kIncludesOnly : Op::kIncludes;
}

std::optional<Op> Operator(Cursor& cursor) {
  if (cursor.TakeWord("is")) return IsOperator(cursor);
  if (cursor.TakeWord("includes")) return IncludesOperator(cursor);
  if (cursor.TakeWords("at", "least")) return Op::kAtLeast;
  if (cursor.TakeWords("at", "most")) return Op::kAtMost;
  if (cursor.TakeWords("more", "than")) return Op::kMoreThan;
  if (cursor.TakeWords("less", "than")) return Op::kLessThan;
  if (cursor.TakeWord("before")) return Op::kBefore;
  if (cursor.TakeWord("after")) return Op::kAfter;
  if (cursor.TakeWord("exists")) return Op::kExists;
  if (cursor.TakeWord("does")) {
    if (cursor.TakeWords("not", "exist")) return Op::kDoesNotExist;
    return cursor.Expected("'not exist' after 'does'", {"not"});
  }
  return cursor.Expected(
      kOperators, {"is", "includes", "at", "more", "less", "before", "after", "exists", "does"});
}

// The parser of one condition: counts its comparisons and its depth.
class ConditionParser {
 public:
  explicit ConditionParser(Cursor& cursor) : cursor_(cursor) {}

  std::optional<Condition> Joined(size_t depth) {
    if (depth > kTextDepthMax)
      return cursor_.Blame("these parentheses are nested deeper than 16", "split the rule in two");
    std::optional<Condition> first = Part(depth);
    if (!first) return std::nullopt;
    const bool by_and = cursor_.IsWord("and");
    const std::string_view word = by_and ? "and" : "or";
    const std::string_view other = by_and ? "or" : "and";
    std::vector<Condition> parts;
    parts.push_back(std::move(*first));
    while (cursor_.TakeWord(word)) {
      std::optional<Condition> part = Part(depth);
      if (!part) return std::nullopt;
      parts.push_back(std::move(*part));
    }
    if (parts.size() > 1 && cursor_.IsWord(other)) return Mixed();
    return by_and ? All(std::move(parts)) : Any(std::move(parts));
  }

 private:
  std::nullopt_t Mixed() {
    return cursor_.Blame("'and' and 'or' are mixed, so this could be read in two ways",
                         "put parentheses around the part that belongs together, for example "
                         "(a and b) or c");
  }

  std::optional<Condition> Part(size_t depth) {
    if (cursor_.TakeWord("not")) return Negated(depth);
    if (!cursor_.TakeMark('(')) return Comparison();
    std::optional<Condition> inside = Joined(depth + 1);
    if (!inside) return std::nullopt;
    if (!cursor_.TakeMark(')')) return cursor_.Expected("')', 'and' or 'or'", {"and", "or"});
    return inside;
  }

  std::optional<Condition> Negated(size_t depth) {
    if (depth > kTextDepthMax)
      return cursor_.Blame("this 'not' is nested deeper than 16", "say it without so many");
    std::optional<Condition> inside = Part(depth + 1);
    if (!inside) return std::nullopt;
    return Not(std::move(*inside));
  }

  std::optional<Condition> Comparison() {
    if (!IsPathHere(cursor_)) return NoPath();
    if (++atoms_ > kAtomsMax)
      return cursor_.Blame("this rule has more than 64 comparisons", "split the rule in two");
    Condition condition;
    condition.atom.at = cursor_.Now().at;
    condition.atom.path = cursor_.Take().written;
    const std::optional<Op> op = Operator(cursor_);
    if (!op) return std::nullopt;
    condition.atom.op = *op;
    if (!HasRightSide(*op)) return condition;
    std::optional<Operand> right = RightSide(cursor_);
    if (!right) return std::nullopt;
    condition.atom.right = std::move(*right);
    return condition;
  }

  std::nullopt_t NoPath() {
    if (cursor_.Now().form == Token::Form::kWord && !IsReserved(cursor_.Now().written))
      return cursor_.Blame(
          "'" + std::string(cursor_.Now().written.substr(0, 60)) + "' is no attribute",
          "an attribute is written with points, such as dataset.terms.use");
    return cursor_.Expected("an attribute, such as dataset.terms.use", {});
  }

  Cursor& cursor_;
  size_t atoms_ = 0;
};

}  // namespace

std::optional<Value> ParseLiteral(Cursor& cursor) {
  return cursor.IsMark('{') ? SetLiteral(cursor) : Scalar(cursor);
}

std::optional<Condition> ParseCondition(Cursor& cursor) {
  std::optional<Condition> condition = ConditionParser(cursor).Joined(0);
  if (condition && Depth(*condition) > kDepthMax)
    return cursor.Blame("this condition is nested deeper than 16", "split the rule in two");
  return condition;
}

}  // namespace dure::rules
