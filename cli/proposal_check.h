// What nobody should be asked to vote on: a rule that cannot mean what it says, or a case that does
// not come out as it is written.
#pragma once

#include <string>

#include "cli/command.h"
#include "policy/rules/policy.h"
#include "policy/standing/standing.h"

namespace dure::cli {

// kInvalid: the first of them, where it stands in `file`, and what to do.
Status CheckProposal(const rules::PolicyDocument& document, const std::string& file,
                     Context& context);

// kInvalid: a rule of it has the name of another text's that would decide beside it, and what to
// do.
Status CheckRuleNames(const rules::PolicyDocument& document, ledger::ProposalKind kind,
                      const standing::Standing& now, const std::string& file);

}  // namespace dure::cli
