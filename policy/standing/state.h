// What is known after a prefix of the log: plain values that standing.h folds and everybody reads.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "policy/ledger/events.h"
#include "policy/rules/decision.h"
#include "policy/rules/facts.h"
#include "policy/rules/value.h"
#include "policy/terms/terms.h"

namespace dure::standing {

using ledger::DatasetVersion;
using ledger::RoundAttempt;

// A key as of now; the chronicle already refused entries of keys that may not speak.
struct Speaker {
  MemberId member;
  SiteId site;  // empty for the aggregator
  ledger::Role role = ledger::Role::kSite;
  bool revoked = false;
  uint64_t admitted = 0;  // the entry that let it in
  std::optional<uint64_t> taken =
      {};  // the entry that ended it, if that was not its member's own word
};
struct Member {
  bool described = false;
  ledger::House house = ledger::House::kPrivate;
  std::string country;  // empty until described
  std::set<SiteId> sites;
  uint64_t keys = 0;                  // admitted and not revoked, of any role
  uint64_t officers = 0;              // of them, those that may vote
  std::optional<uint64_t> suspended;  // the entry that says so
};

struct Lent;  // lent.h
// One version of a dataset; the newest of its dataset is the one in force.
struct DatasetEntry {
  uint64_t index = 0;
  SiteId site;
  rules::Instant at;
  std::string passport;
  std::string terms_text;
  terms::Terms terms;
  std::shared_ptr<const Lent> lent = {};  // immutable: copies of a state share it
};
struct WithdrawalCase {
  uint64_t index = 0;
  std::string ground;
  ledger::WithdrawalScope scope = ledger::WithdrawalScope::kFutureRounds;
  rules::Instant at;
  rules::Instant deadline;
  rules::Instant ends_grants;      // of models with it behind them, where the scope does
  std::optional<uint64_t> closed;  // index of the withdrawal-closed entry
};
struct Consent {
  uint64_t index = 0;
  PublicKey key{};  // that said it
  RunId run;
  ledger::UseKind kind = ledger::UseKind::kExport;
  std::string purpose;
  Digest model;
  MemberId grantee;  // empty: any
  bool standing = false;
  std::optional<uint64_t> used;  // the grant that needed it
};
struct Dataset {
  MemberId custodian;
  std::vector<Consent> consents;
  std::map<uint64_t, DatasetEntry> versions;  // never empty
  std::optional<WithdrawalCase> withdrawn;
  std::set<RunId> runs;  // whose closed rounds counted it
  uint64_t rounds = 0;   // closed rounds that counted it

  uint64_t version() const { return versions.rbegin()->first; }
  const DatasetEntry& newest() const { return versions.rbegin()->second; }
};

struct Vote {
  uint64_t index = 0;
  ledger::Choice choice = ledger::Choice::kAbstain;
  PublicKey key{};        // that said it
  bool disowned = false;  // since the vote was over: its member has said that the key was not its
};
// What the rules of a policy's text are called: no two texts that decide together share a name.
struct RuleNames {
  std::string policy;  // its English name
  std::vector<std::string> rules;
};
// Something that is voted on: a policy, or a run.
struct Proposal {
  uint64_t index = 0;
  Digest leaf;
  MemberId proposer;
  rules::Instant at;
  ledger::ProposalKind kind = ledger::ProposalKind::kReplace;
  std::string policy;  // empty: a run
  RunId run;
  Digest supersedes;
  std::optional<MemberId> accused = {};  // of a suspension: it has no voice in it (voting.h)
  std::map<MemberId, Vote> votes;
  // Who could vote when it was made, but for those that have ended their own keys since.
  std::set<MemberId> electors;
  std::optional<uint64_t> outcome;  // the entry that ended it
  bool adopted = false;
  ledger::Tally tally;  // that the entry recorded
  std::string reason;   // of a rejection
};
// Of a vote that goes on (overdue.h).
struct OpenVote {
  std::optional<uint64_t> due;          // the first entry, of anybody, at which it had an outcome
  std::optional<rules::Instant> since;  // the aggregator's first time at which its outcome was due
  uint32_t renewed = 0;                 // times that the aggregator was away since
};
// A policy in force, under its name.
struct AdoptedPolicy {
  uint64_t index = 0;  // of the entry that made it so
  Digest digest;       // of its text
  uint64_t version = 0;
};
struct EmergencyRule {
  uint64_t index = 0;
  Digest digest;
  rules::Instant until;
};

struct Run {
  uint64_t proposed = 0;
  Digest leaf;  // of that entry
  MemberId proposer;
  std::map<std::string, std::string> fields;
  Digest manifest;
  std::vector<SiteId> invited;  // ascending; empty: every site
  std::optional<ledger::RunBounds> bounds;
  std::shared_ptr<const rules::Facts> told;  // what its proposal says, for decisions
  bool from_model = false;  // it starts from a model that there is, not from new weights
  bool by_vote = false;     // it takes a vote to approve it
  std::optional<uint64_t> approved;
  Digest policies;  // pinned when approved
  ledger::Tally tally;
  rules::Instant approved_at;
  std::optional<uint64_t> halted;
  std::string halt_reason;
  uint64_t rounds = 0;  // closed
  Digest model;         // of the last of them
  // Empty: its proposal does not name it.
  std::string Field(const std::string& name) const {
    const auto found = fields.find(name);
    return found == fields.end() ? std::string() : found->second;
  }
};

struct Admission {
  uint64_t index = 0;
  SiteId site;
  DatasetVersion what;
  bool admit = false;
  uint32_t words = 0;  // of the decision
  rules::Instant at;   // the decision's own time
};
struct Submission {
  uint64_t index = 0;
  SiteId site;
  MemberId member;
  uint64_t weight = 0;  // 0: masked, and so are the two below
  uint64_t tokens = 0;
  uint64_t steps = 0;
  Digest contribution;
  std::vector<ledger::DatasetUsed> datasets;
  uint64_t accelerator_seconds = 0;  // as its site says; 0: it says none
};
struct Round {
  uint64_t opened = 0;
  Digest base_model;
  std::vector<SiteId> cohort;
  std::vector<Admission> admissions;  // in order of index; the last of a dataset counts
  std::vector<uint32_t> counting;     // of them those that count, by dataset and site (Note)
  std::map<uint64_t, Submission> submissions;
  std::optional<uint64_t> closed;
  std::optional<uint64_t> abandoned;
  std::vector<uint64_t> counted;           // submission indexes
  std::optional<ledger::MaskedSums> sums;  // of a masked round, once closed
  std::vector<ledger::ExcludedSite> excluded;
  Digest model;  // of a closed round
  bool is_open() const { return !closed && !abandoned; }
};

struct Grant {
  uint64_t index = 0;
  ledger::GrantDecided decided;
  std::optional<uint64_t> revoked;
};

// What may be measured on what: the last decision of each counts.
struct MeasuringAsked {
  Digest model;
  SiteId site;
  DatasetVersion what;
  auto operator<=>(const MeasuringAsked&) const = default;
};
struct Measuring {
  uint64_t index = 0;
  RunId run;
  bool admit = false;
  uint32_t words = 0;  // of the decision
};
struct Evaluation {
  uint64_t index = 0;
  ledger::EvaluationReported reported;
};

// What a duty is, whatever the sentence that tells it: each build has its own.
struct DutyName {
  MemberId debtor;
  std::string about;       // the run, or the model
  DatasetVersion what;     // whose use brings it; of a model: none
  std::string clause;      // rules::CodesOf its obligation
  uint64_t of_clause = 0;  // among those of the same clause in one decision
  auto operator<=>(const DutyName&) const = default;
};
// Something that a decision obliges somebody to do. The decision that said it first counts.
struct Duty {
  uint64_t decision = 0;  // its entry
  uint64_t number = 0;    // which of its obligations
  MemberId debtor;
  std::string about;    // the run, or the model
  DatasetVersion what;  // whose use brings it; of a model: none
  rules::Obligation obligation;
  rules::Instant since;
  std::optional<rules::Instant> due;  // with a time limit
  std::optional<uint64_t> done;       // the duty-fulfilled entry
};
struct Incident {
  uint64_t index = 0;
  MemberId reporter;
  rules::Instant at;
  ledger::IncidentReported reported;
  std::optional<uint64_t> closed;
};

struct State {
  std::string origin;
  std::optional<ledger::VotingRule> voting;        // the charter's
  std::map<Digest, std::string> texts;             // every policy text that was ever in force
  std::map<Digest, RuleNames> rule_names;          // of those, and of every text proposed
  std::map<std::string, AdoptedPolicy> in_force;   // by the policy's English name
  Digest policies;                                 // names what is in force: PoliciesDigest
  std::map<Digest, std::vector<Digest>> editions;  // and what each such digest stood for
  std::vector<EmergencyRule> emergencies;
  std::string share_formula;  // text; empty: the default of shares.h
  std::map<PublicKey, Speaker> speakers;
  std::map<MemberId, Member> members;
  std::map<SiteId, MemberId> sites;
  std::map<SiteId, std::string> cosigners;  // vkeys
  std::map<DatasetId, Dataset> datasets;
  std::map<uint64_t, Proposal> proposals;   // by index
  std::map<uint64_t, OpenVote> open_votes;  // those of them that are voted on
  std::map<RunId, Run> runs;
  std::map<RoundAttempt, Round> rounds;
  std::map<Digest, std::vector<RoundAttempt>> models;  // the closed rounds that made it, in order
  std::map<uint64_t, RoundAttempt> closings;           // round-closed entries
  std::set<uint64_t> halts;                            // run-halted entries
  std::map<uint64_t, Grant> grants;
  std::map<MeasuringAsked, Measuring> measurings;
  std::vector<Evaluation> evaluations;
  std::map<uint64_t, ledger::ShareComputed> shares;
  std::map<uint64_t, ledger::DisclosureExported> disclosures;
  std::map<uint64_t, Incident> incidents;
  std::map<std::pair<uint64_t, uint64_t>, Duty> duties;    // by decision and number
  std::set<DutyName> duty_names;                           // of all of them
  std::map<MemberId, std::multiset<rules::Instant>> dues;  // of each member's that are not done
  std::map<uint64_t, std::vector<ledger::CoalitionsMade>> coalitions;  // by the closing entry
  std::set<uint64_t> revocations;                                      // key-revoked entries
  std::map<uint32_t, uint64_t> words;  // how many decisions hold, by the version of their words
  uint32_t words_of_charter = 0;       // no decision of this log is in older ones
};

// nullptr: it is not on record.
inline const DatasetEntry* FindVersion(const State& state, const DatasetVersion& what) {
  const auto dataset = state.datasets.find(what.dataset);
  if (dataset == state.datasets.end()) return nullptr;
  const auto version = dataset->second.versions.find(what.version);
  return version == dataset->second.versions.end() ? nullptr : &version->second;
}

}  // namespace dure::standing
