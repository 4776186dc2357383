// The guided form: one question after the other, in plain words, and a terms file at the end.
//
// An empty line takes the answer in brackets; `<` goes back, `?` explains, `quit` leaves. Each
// answer is checked at once by the same rules as a file. At the end all answers are shown, any can
// be changed by its number, and `ok` ends. Reads lines and writes text, so that a test is a person.
#pragma once

#include <functional>
#include <istream>
#include <ostream>
#include <string>

#include "federation/result.h"
#include "policy/terms/vocabulary.h"

namespace dure::terms {

// What a field allows ("not before validFrom, 2026-01-01"), said in Korean; this room's problems
// have it in English.
using InKorean = std::function<std::string(const std::string&)>;

// The text of a terms file that ParseToml takes. `custodian`: the member that is asked, as the
// answer of an empty line to who keeps the data and who holds the rights; empty: there is none.
// kCancelled: `quit`, or the input ended.
Result<std::string> RunForm(std::istream& in, std::ostream& out, Language language,
                            const std::string& custodian = {}, const InKorean& in_korean = {});

// What comes of it if nobody says whether personal data is in a dataset.
std::string LeftOutPersonalClass(Language language);

}  // namespace dure::terms
