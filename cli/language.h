// In which language a command speaks: as asked with --lang, else as the locale says.
#pragma once

#include <string>

#include "cli/command.h"
#include "policy/ledger/words.h"
#include "policy/rules/sentence.h"
#include "policy/terms/sentences.h"

namespace dure::cli {

// Anything but Korean is English.
bool IsKorean(const Context& context);
// The same for the sentences of the record, of rules and of terms.
ledger::Language RecordLanguage(const Context& context);
rules::Language RulesLanguage(const Context& context);
terms::Language TermsLanguage(const Context& context);
// The one that is wanted.
inline std::string Pick(bool korean, const std::string& en, const std::string& ko) {
  return korean ? ko : en;
}
inline std::string Pick(const Context& context, const std::string& en, const std::string& ko) {
  return Pick(IsKorean(context), en, ko);
}
// --lang en|ko; --language does the same.
void AddLanguage(Command verb, Context& context);

}  // namespace dure::cli
