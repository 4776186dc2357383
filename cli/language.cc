#include "cli/language.h"

#include <cstdlib>
#include <string_view>

namespace dure::cli {

bool IsKorean(const Context& context) {
  if (!context.language().empty()) return context.language() == "ko";
  for (const char* name :
       {"LC_ALL", "LC_MESSAGES", "LANG"}) {  // the first that is set, as in POSIX
    const char* locale = std::getenv(name);
    if (locale != nullptr && *locale != 0) return std::string_view(locale).starts_with("ko");
  }
  return false;
}

ledger::Language RecordLanguage(const Context& context) {
  return IsKorean(context) ? ledger::Language::kKorean : ledger::Language::kEnglish;
}

rules::Language RulesLanguage(const Context& context) {
  return IsKorean(context) ? rules::Language::kKorean : rules::Language::kEnglish;
}

terms::Language TermsLanguage(const Context& context) {
  return IsKorean(context) ? terms::Language::kKorean : terms::Language::kEnglish;
}

void AddLanguage(Command verb, Context& context) {
  verb.Add("--lang,--language", context.language_, "en or ko; the locale's by default")
      .OneOf({"en", "ko"});
}

}  // namespace dure::cli
