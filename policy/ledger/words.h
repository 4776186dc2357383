// The codes of the record in words, in English and Korean: reasons, grounds, roles, kinds of events
// and what a replay found. The one place for them; an entry holds the code alone, so that its bytes
// never depend on a language. Pure, for any thread.
#pragma once

#include <string>
#include <string_view>

namespace dure::ledger {

enum class Language : uint8_t { kEnglish, kKorean };

// "it came too late"; a code without words is itself.
std::string Words(std::string_view code, Language language);
// The same with the code behind it, for whoever looks it up: "it came too late (late)".
std::string WordsAndCode(std::string_view code, Language language);
// The same of a kind of entries: "withdrawals of a dataset (dataset-withdrawn)", where the code
// alone may also be a reason.
std::string KindAndCode(std::string_view kind, Language language);

}  // namespace dure::ledger
