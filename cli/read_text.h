// What was read of a dataset's text, in one line.
#pragma once

#include <string>

#include "cli/command.h"
#include "model/text/documents.h"

namespace dure::cli {

// "2999 documents of 3 files; left out: 1 file, 12 rows (r.csv row 17: 3 columns, not 2; ...)".
std::string ReadText(const text::ReadReport& report, const Context& context);

}  // namespace dure::cli
