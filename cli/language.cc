#include "cli/language.h"

#include <CLI/CLI.hpp>
#include <cstdlib>

namespace dure::cli {

bool IsKorean(const std::string& wanted) {
  if (!wanted.empty()) return wanted.starts_with("ko");
  const char* locale = std::getenv("LANG");
  return locale != nullptr && std::string(locale).starts_with("ko");
}

ledger::Language RecordLanguage(const std::string& wanted) {
  return IsKorean(wanted) ? ledger::Language::kKorean : ledger::Language::kEnglish;
}

void AddLanguage(CLI::App& verb, std::string& language) {
  verb.add_option("--lang,--language", language, "en or ko; the locale's by default")
      ->check(CLI::IsMember({"en", "ko"}));
}

}  // namespace dure::cli
