// What was read of a dataset's text, in one line.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "cli/command.h"
#include "model/text/documents.h"

namespace dure::cli {

// "2999 documents of 3 files; left out: 1 file, 12 rows (r.csv row 17: 3 columns, not 2; ...)".
std::string ReadText(const text::ReadReport& report, const Context& context);

// Of text that was read once, document by document.
struct CountedText {
  text::ReadReport report;
  std::optional<uint64_t> tokens;  // nullopt: no tokenizer was given
};
// `tokenizer`: a tokenizer.json, "bytes", or empty. As the site would train on it.
Result<CountedText> CountText(const std::string& path, const std::vector<std::string>& columns,
                              const std::string& tokenizer);

}  // namespace dure::cli
