// Messages of the rooms below in Korean, by a stock of phrases: they find what is wrong in one
// place, in English, and a Korean officer reads it in the same words each time. Codes, names and
// places stay as they are. Pure; any thread.
#pragma once

#include <span>
#include <string>
#include <string_view>

namespace dure::cli {

// A star stands for any text, or at the front for one word; it stands in both languages in the same
// order. In Korean a particle pair such as 이(가) behind it becomes the one that fits.
struct Phrase {
  std::string_view en;
  std::string_view ko;
};
std::span<const Phrase> PolicyPhrases();   // problems in a policy's text, and their advice
std::span<const Phrase> TermsPhrases();    // problems in a terms file
std::span<const Phrase> RecordPhrases();   // what an entry or a copy of the record breaks
std::span<const Phrase> CommandPhrases();  // command lines, folders, proofs that were handed over

// Line by line, each by the first phrase that fits, behind its "file:12:3: " if it has one; what
// stars stand for is translated, too. What no phrase fits stays as it is.
std::string InKorean(std::string_view message);

}  // namespace dure::cli
