// What came of deciding the decisions of a record again, for people and for programs.
#pragma once

#include <string>

#include "policy/standing/auditor.h"

namespace dure::cli {

// How many hold, how many of them in words of another version and therefore only by their codes and
// facts, and the first entry that does not hold, if there is one.
std::string DecisionsJson(const standing::Auditor& auditor);
std::string DecisionsText(const standing::Auditor& auditor, bool korean);

// "words of version 0, older than this build's, which is 1".
std::string WordsText(uint32_t words, bool korean);

// "entry 57 (admission-decided) does not hold: … (decision-differs). replayed, …".
std::string FindingText(const standing::Finding& finding, bool korean);

}  // namespace dure::cli
