// In which language a command speaks: as asked with --lang, else as the locale says.
#pragma once

#include <string>

namespace CLI {
class App;
}

namespace dure::cli {

// `wanted` as given; empty: the locale's. Anything but Korean is English.
bool IsKorean(const std::string& wanted);
// --lang en|ko; --language does the same.
void AddLanguage(CLI::App& verb, std::string& language);

}  // namespace dure::cli
