// What a version of a dataset comes to for decisions, worked out once, when it is registered: every
// round asks for it. Inside this room only.
#pragma once

#include <array>
#include <map>
#include <memory>
#include <mutex>
#include <set>
#include <string>
#include <tuple>
#include <utility>
#include <vector>

#include "policy/rules/facts.h"
#include "policy/rules/policy.h"
#include "policy/standing/state.h"
#include "policy/terms/answer.h"
#include "policy/terms/passport.h"

namespace dure::standing {

// What the terms of one source say of uses, as rules: the uses of a run are the same each round,
// and so are the clauses that stand in their way until a time limit passes: they are looked for
// again only where one may have. Any thread.
class ReadyTerms {
 public:
  // As terms::PolicyFor. But for clauses that tell the time of the use, its document is a function
  // of the clauses and of the rest of the use.
  Result<std::shared_ptr<const rules::PolicyDocument>> For(const terms::ModelTerms& terms,
                                                           const terms::Use& use) const;

 private:
  using Asked = std::tuple<terms::Action, terms::Purpose, terms::Beneficiary, std::string,
                           std::map<std::string, std::set<terms::Purpose>>, bool>;
  struct Said {
    Asked asked;
    terms::Instant at;  // of the last use that it was told
    std::vector<terms::Clause> clauses;
    std::shared_ptr<const rules::PolicyDocument> document;
  };
  mutable std::mutex mutex_;        // guards said_
  mutable std::vector<Said> said_;  // bounded: forgotten when there are too many
};

struct Lent {
  terms::ModelTerms terms;                      // of this one source
  Result<rules::PolicyDocument> limits;         // its owner's, as rules
  Result<rules::PolicyDocument> limits_before;  // as Use::every_term has it
  Result<rules::PolicyDocument> refusal;        // of a run to which its owner voted no
  rules::Facts facts;                           // what its terms and its passport say
  uint64_t tokens = 0;                          // that one pass over it reads at most
  ReadyTerms ready;
};

// What a run's proposal and this version say of a request once and for all: no entry after them
// makes it another. Words older than kTdmIsYesOrNoSince tell dataset.terms.tdm otherwise.
inline std::array<const rules::Facts*, 2> SettledFacts(const Run& run, const DatasetEntry& data) {
  return {run.told.get(), &data.lent->facts};
}

// `entry` with all but `lent` filled.
std::shared_ptr<const Lent> LentBy(const DatasetVersion& what, const MemberId& custodian,
                                   const DatasetEntry& entry);

// The most tokens that the data holds: as registered, else its bytes and one for the end of each
// line and file.
uint64_t TokensRegistered(const terms::Passport& passport);

}  // namespace dure::standing
