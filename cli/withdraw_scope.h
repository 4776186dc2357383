// What a withdrawal of a dataset can ask for, what each costs, and how an officer chooses.
#pragma once

#include <iosfwd>
#include <string>

#include "federation/result.h"
#include "policy/lineage/lineage.h"

namespace dure::cli {

// Each scope of the plan with what it costs, one a line.
std::string ScopesText(const lineage::WithdrawalPlan& plan, bool korean);
// kInvalid: that no scope was said, and which there are.
Error NoScope(const lineage::WithdrawalPlan& plan, bool korean);
// Asks until one of the plan's scopes is written out. kFailedPrecondition: an empty line, the end,
// or too many other words: nothing is to be filed.
Result<ledger::WithdrawalScope> AskForScope(const lineage::WithdrawalPlan& plan, std::istream& in,
                                            std::ostream& out, bool korean);

}  // namespace dure::cli
