// The constitution: the voting rule and the policies that a consortium begins with.
//
// A folder: charter.toml and *.policy, in the order of their names. `dure consortium init` fills it
// with what Dure ships, for the founders to read and change before the aggregator first starts.
#pragma once

#include <string>
#include <vector>

#include "policy/ledger/events.h"

namespace dure::aggregator {

struct Constitution {
  ledger::VotingRule voting;
  std::vector<std::string> policies;  // texts
};

// What Dure ships: the default voting rule, policies P1 to P6.
Constitution ShippedConstitution();
// The shipped one where there is no such folder. kInvalid: a file with its line; a policy that
// cannot be read; two rules of one name; none at all.
Result<Constitution> ReadConstitution(const std::string& folder);
// kUnavailable: the disk. Files that are there stay.
Status WriteConstitution(const std::string& folder, const Constitution& constitution);

}  // namespace dure::aggregator
