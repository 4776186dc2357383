// In which language a command speaks: as asked with --lang, else as the locale says.
#pragma once

#include <string>

#include "cli/options.h"
#include "policy/ledger/words.h"

namespace dure::cli {

// `wanted` as given; empty: the locale's. Anything but Korean is English.
bool IsKorean(const std::string& wanted);
// The same for the record's own sentences.
ledger::Language RecordLanguage(const std::string& wanted);
// The one that is wanted.
inline std::string Pick(bool korean, const std::string& en, const std::string& ko) {
  return korean ? ko : en;
}
// --lang en|ko; --language does the same.
void AddLanguage(Command verb, std::string& language);

}  // namespace dure::cli
