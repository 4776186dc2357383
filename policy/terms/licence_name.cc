#include "policy/terms/licence_name.h"

#include <algorithm>
#include <string_view>

#include "policy/terms/spdx.h"

namespace dure::terms {
namespace {

std::string Spdx(std::string_view text) {
  const auto parsed = ParseSpdx(text);
  return parsed ? parsed->text : "";
}

std::string Capitals(std::string text, char from) {
  std::replace(text.begin(), text.end(), from, '-');
  std::transform(text.begin(), text.end(), text.begin(),
                 [](unsigned char c) { return static_cast<char>(std::toupper(c)); });
  return text;
}

}  // namespace

std::string LicenceOf(std::string text) {
  if (text.size() > kSpdxBytesMax) return {};
  if (const std::string spdx = Spdx(text); !spdx.empty()) return spdx;
  while (text.ends_with('/')) text.pop_back();
  for (const char* ending : {".html", "/legalcode", "/deed.en", "/deed.ko"}) {
    if (text.ends_with(ending)) text.resize(text.size() - std::string_view(ending).size());
  }
  for (const std::string_view page : {"spdx.org/licenses/", "choosealicense.com/licenses/",
                                      "opensource.org/licenses/", "opensource.org/license/"}) {
    const size_t at = text.find(page);
    if (at != text.npos) return Spdx(text.substr(at + page.size()));
  }
  if (text.ends_with("creativecommons.org/publicdomain/zero/1.0")) return "CC0-1.0";
  const std::string_view page = "creativecommons.org/licenses/";
  const size_t cc = text.find(page);
  if (cc != text.npos) return Spdx(Capitals("CC-" + text.substr(cc + page.size()), '/'));
  return Spdx(Capitals(std::move(text), ' '));
}

}  // namespace dure::terms
