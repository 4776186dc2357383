// Which columns of a table or fields of records hold text.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "model/text/records.h"

namespace dure::text {

inline constexpr size_t kSampledRowsMax = 64;

// Several words, mostly letters: a sentence rather than a label, a number, a date or an identifier.
bool ReadsLikeText(std::string_view value);

struct ColumnChoice {
  std::vector<std::string> names;  // empty: none holds text
  bool by_content = false;         // not by name
};

// `wanted` as it is when not empty (those missing in `sample` too: the caller finds out). Otherwise
// the first of the usual names that occurs; otherwise every column most of whose values read like
// text.
ColumnChoice ChooseColumns(const std::vector<std::string>& wanted,
                           const std::vector<std::vector<Field>>& sample);

}  // namespace dure::text
