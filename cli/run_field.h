// What the fields of a run's proposal, and their values, are called: of those that no rule can ask
// for (policy/rules/schema.h has the others).
#pragma once

#include <string>

namespace dure::cli {

// "merge": "rule of merging"; empty: none of them.
std::string RunFieldName(const std::string& field, bool korean);
// A value in words, in Korean with its code behind them: "쌍별 가림(pairwise)".
std::string RunValueText(const std::string& field, const std::string& value, bool korean);

}  // namespace dure::cli
