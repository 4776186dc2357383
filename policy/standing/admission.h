// Decisions about use: may this dataset train in this round, may this model be used so. Both ask
// the same rules with facts of the same fold; the answer is data that names its reasons.
//
// Pure functions of a standing; what they answer now is what every site answers at that index.
#pragma once

#include <set>
#include <string>

#include "policy/rules/decide.h"
#include "policy/standing/standing.h"

namespace dure::standing {

struct AdmissionRequest {
  RoundAttempt at;
  SiteId site;
  DatasetVersion what;
  rules::Instant now;                     // the decision's own time in the log
  uint32_t words = rules::kWordsVersion;  // of the build that decides
};
// To measure a model on what a site lends, and let the figures be known, for the purpose of a run.
struct MeasuringRequest {
  RunId run;
  Digest model;
  SiteId site;
  DatasetVersion what;
  rules::Instant now;
  uint32_t words = rules::kWordsVersion;
};

struct GrantRequest {
  ledger::UseKind kind = ledger::UseKind::kExport;
  Digest model;
  MemberId grantee;
  std::string purpose;
  std::string territory;
  std::string until;
  rules::Instant now;
  uint32_t words = rules::kWordsVersion;  // (behind.h)
};

// From this version of the words on a member's no to a run keeps its own data out of that run, and
// the reservation against text and data mining is told in the words of the schema.
inline constexpr uint32_t kOwnersNoHoldsSince = 4;
inline constexpr uint32_t kTdmIsYesOrNoSince = 4;

// Whether the owner's yes is one to this request. From this version of the words on it is to whom
// it names, and to one grant unless it stands.
inline constexpr uint32_t kOneUseSince = 4;
bool Covers(const Consent& consent, const GrantRequest& request);
// The datasets whose owners' terms ask for their yes to this request.
Result<std::set<DatasetId>> AskedFor(const Standing& standing, const GrantRequest& request);

// What is asked for, in the words of the rules: a run that starts from a model asks to fine-tune.
rules::Action ActionOf(const Standing& standing, const AdmissionRequest& request);
rules::Action ActionOf(const Standing& standing, const GrantRequest& request);
rules::Action ActionOf(const Standing& standing, const MeasuringRequest& request);

// What the record says about a request. A path that is not set is unknown to the rules.
rules::Facts FactsOf(const Standing& standing, const AdmissionRequest& request);
rules::Facts FactsOf(const Standing& standing, const GrantRequest& request);
rules::Facts FactsOf(const Standing& standing, const MeasuringRequest& request);

// The policies that decide it: those pinned by the run (for a grant, those in force), emergency
// rules of the moment, and the terms of each dataset concerned. kFailedPrecondition: there is no
// such run or it is not approved.
// `as_if`: what the record is supposed to say of the use beside what it does; owners are asked
// about the use that it comes to: its purpose, who profits, where, when.
Result<rules::PolicySet> PoliciesOf(const Standing& standing, const AdmissionRequest& request,
                                    const rules::Facts& as_if = {});
Result<rules::PolicySet> PoliciesOf(const Standing& standing, const GrantRequest& request,
                                    const rules::Facts& as_if = {});
Result<rules::PolicySet> PoliciesOf(const Standing& standing, const MeasuringRequest& request,
                                    const rules::Facts& as_if = {});

// Whoever profits, if anybody does: terms are asked about the strictest beneficiary of a run.
terms::Beneficiary StrictestOf(const std::string& beneficiaries);

// The decision of such policies. Whoever fine-tunes also trains: rules that speak of training
// alone, of a consortium or a site, hold for both.
rules::Decision DecideUnder(const rules::PolicySet& policies, rules::Action action,
                            const rules::Facts& facts);

struct Ruling {
  rules::Decision decision;
  Digest policies;  // as the entry cites them
  bool allowed() const { return decision.outcome == rules::Outcome::kAdmit; }
  std::string Json() const;  // the entry's `decision`, byte for byte
};
Result<Ruling> Decide(const Standing& standing, const AdmissionRequest& request);
Result<Ruling> Decide(const Standing& standing, const GrantRequest& request);
Result<Ruling> Decide(const Standing& standing, const MeasuringRequest& request);

// The same with a site's own policy besides, which can only narrow it: its reasons alone, empty if
// it has none. REQUIRES: own is of the site's layer. Errors as Decide.
Result<std::vector<rules::Reason>> ObjectionsOf(const rules::PolicyDocument& own,
                                                const Standing& standing,
                                                const AdmissionRequest& request);
Result<std::vector<rules::Reason>> ObjectionsOf(const rules::PolicyDocument& own,
                                                const Standing& standing,
                                                const MeasuringRequest& request);

// The newest words that the log's decisions are made with, or its charter names; 0: none, or none
// that says so.
uint32_t NewestWords(const State& state);
// Whether this build may decide for the log. kFailedPrecondition: its words are older than those of
// a decision that is there, and no member takes such a decision.
Status MayDecide(const State& state);

// The entries of such rulings.
ledger::AdmissionDecided EventOf(const Standing& standing, const AdmissionRequest& request,
                                 const Ruling& ruling);
ledger::GrantDecided EventOf(const Standing& standing, const GrantRequest& request,
                             const Ruling& ruling);
ledger::EvaluationDecided EventOf(const Standing& standing, const MeasuringRequest& request,
                                  const Ruling& ruling);

}  // namespace dure::standing
