// What a version of a dataset comes to for decisions, worked out once, when it is registered: every
// round asks for it. Inside this room only.
#pragma once

#include <memory>

#include "policy/rules/facts.h"
#include "policy/rules/policy.h"
#include "policy/standing/state.h"
#include "policy/terms/combine.h"
#include "policy/terms/passport.h"

namespace dure::standing {

struct Lent {
  terms::ModelTerms terms;               // of this one source
  Result<rules::PolicyDocument> limits;  // its owner's, as rules
  rules::Facts facts;                    // what its terms and its passport say
  uint64_t tokens = 0;                   // that one pass over it reads at most
};

// `entry` with all but `lent` filled.
std::shared_ptr<const Lent> LentBy(const DatasetVersion& what, const MemberId& custodian,
                                   const DatasetEntry& entry);

// The most tokens that the data holds: as registered, else its bytes and one for the end of each
// line and file.
uint64_t TokensRegistered(const terms::Passport& passport);

}  // namespace dure::standing
