#include <nlohmann/json.hpp>

#include "federation/check.h"
#include "policy/terms/terms.h"
#include "policy/terms/tree.h"

namespace dure::terms {

std::string Sentence(const Problem& problem) {
  if (problem.allowed.starts_with("no such field")) return problem.field + ": " + problem.allowed;
  const std::string value =
      problem.value.empty() ? "nothing is said" : "'" + problem.value + "' does not fit";
  return problem.field + ": " + value + "; allowed: " + problem.allowed;
}

std::string ToCanonical(const Terms& terms) {
  std::string text = ToTree(terms).dump();
  DURE_CHECK(text.size() <= kTermsBytesMax, "Check bounds every list and text of sound terms");
  return text;
}

Digest DigestOf(const Terms& terms) { return Sha256(AsBytes(ToCanonical(terms))); }

// Whatever two readers could take differently (a key twice, another order, another spelling of a
// number) is refused by one comparison: the bytes must be those that ToCanonical writes.
Result<Terms> ParseCanonical(std::string_view text) {
  if (text.size() > kTermsBytesMax)
    return Fail(ErrorCode::kInvalid, "terms: longer than " + std::to_string(kTermsBytesMax));
  const auto tree = nlohmann::ordered_json::parse(text.begin(), text.end(), nullptr, false);
  if (!tree.is_object()) return Fail(ErrorCode::kInvalid, "terms: not a JSON object");
  std::vector<Problem> problems;
  Terms terms = FromTree(tree, problems);
  if (problems.empty()) problems = Check(terms);
  if (!problems.empty()) return Fail(ErrorCode::kInvalid, "terms: " + Sentence(problems.front()));
  if (ToCanonical(terms) != text)
    return Fail(ErrorCode::kInvalid, "terms: not in the canonical form");
  return terms;
}

}  // namespace dure::terms
