#include "cli/language.h"

#include <cstdlib>
#include <string_view>

namespace dure::cli {

bool IsKorean(const std::string& wanted) {
  if (!wanted.empty()) return wanted.starts_with("ko");
  for (const char* name :
       {"LC_ALL", "LC_MESSAGES", "LANG"}) {  // the first that is set, as in POSIX
    const char* locale = std::getenv(name);
    if (locale != nullptr && *locale != 0) return std::string_view(locale).starts_with("ko");
  }
  return false;
}

ledger::Language RecordLanguage(const std::string& wanted) {
  return IsKorean(wanted) ? ledger::Language::kKorean : ledger::Language::kEnglish;
}

void AddLanguage(Command verb, std::string& language) {
  verb.Add("--lang,--language", language, "en or ko; the locale's by default").OneOf({"en", "ko"});
}

}  // namespace dure::cli
