// Whether a decision of the record is the one that is due: what every member asks of each of them.
// Judged are its codes and facts, always, and its sentences where they are in the words of the one
// that is due. Pure and total; any thread.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "policy/rules/decision.h"

namespace dure::rules {

enum class Agreement : uint8_t {
  kSame,        // byte for byte
  kOtherWords,  // in another version of the words: the same apart from its sentences
  kDiffers,     // no decision of this engine among it
};
// `recorded`: any bytes.
Agreement AgreementOf(const Decision& due, std::string_view recorded);

// The version of the words that a decision names; nullopt: it is longer than kDecisionBytesMax, or
// ends as no decision does. Looks at its end alone, so other bytes may give a number, too.
std::optional<uint32_t> WordsOf(std::string_view recorded);

// Without its sentences and their version; and of the policies that are made from terms without
// name and digest, which are of texts that hold such sentences.
Decision CodesAndFacts(Decision decision);
// One obligation so, as a text: equal for two that differ in their sentences alone.
std::string CodesOf(const Obligation& owed);

}  // namespace dure::rules
