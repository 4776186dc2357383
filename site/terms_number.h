// The numbers that a terms file gives: `version`, of the terms, and `version` of its [dataset], if
// it has one. Both stand in the record, where people cite them, and so both have to be the ones
// that come next there. Pure.
#pragma once

#include <optional>
#include <string>

#include "policy/standing/state.h"
#include "policy/terms/toml.h"

namespace dure::site {

struct WrongNumber {
  bool of_dataset = false;  // what [dataset] says; else what the terms say of themselves
  std::string dataset;
  uint64_t written = 0;
  uint64_t due = 0;
  bool operator==(const WrongNumber&) const = default;
};

// Of what is going to be registered as that version. Terms begin with 1; others than those of the
// newest version on record have the next number, and the same keep theirs. [dataset] says the
// version that this becomes, or nothing. `newest` is nullptr where nothing is on record.
std::optional<WrongNumber> FindWrongNumber(const terms::Description& description,
                                           const standing::DatasetEntry* newest, uint64_t version);

// Terms that no file holds take the number that is due.
void TakeNumber(terms::Terms& terms, const standing::DatasetEntry* newest);

// "reviews.toml: …", and what to write instead.
std::string Text(const WrongNumber& wrong, const std::string& file, bool korean);

}  // namespace dure::site
