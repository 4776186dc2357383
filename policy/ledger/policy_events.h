// The events of policy and provenance: who a member is, what the consortium agreed, under which
// terms data is lent, what was decided about it and what became of the model.
//
// A part of events.h, which readers include. Terms, passports and decisions are texts here:
// canonical JSON whose meaning belongs to policy/terms and policy/rules. This room only bounds
// them, so that the log stays readable when those languages grow. Whether an event was allowed is
// policy/register's question.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "federation/digest.h"
#include "federation/ids.h"
#include "federation/result.h"

namespace dure::ledger {

inline constexpr size_t kPolicyTextBytesMax = 40 * 1024;
inline constexpr size_t kTermsBytesMax = 24 * 1024;
inline constexpr size_t kPassportBytesMax = 8 * 1024;
inline constexpr size_t kDecisionBytesMax = 40 * 1024;

// The groups by which votes are counted.
enum class House : uint8_t { kPublic, kPrivate, kAcademic, kSmallFirm };
inline constexpr size_t kHouses = 4;
std::string_view Name(House house);  // "public", "private", "academic", "small-firm"
Result<House> ParseHouse(std::string_view text);

// Once a member: where it stands and in which house it votes.
struct MemberDescribed {
  MemberId member;
  House house = House::kPrivate;
  std::string country;  // ISO 3166 alpha-2, upper case
  bool operator==(const MemberDescribed&) const = default;
};
// The key under which a site co-signs tree heads that it has replayed. Said by the site itself.
struct CosignerAnnounced {
  SiteId site;
  std::string vkey;  // C2SP cosigner key
  bool operator==(const CosignerAnnounced&) const = default;
};

// How the consortium decides. Percentages are of the members (policy/standing/voting.h).
struct VotingRule {
  // Of all members; abstentions count. Of 67 two of three members would fall short.
  uint64_t quorum_percent = 66;
  uint64_t house_percent = 50;  // in each house, and in each somebody votes: more said yes
  uint64_t window_seconds = 604800;
  uint64_t emergency_members = 2;  // of different houses; 0: no emergency rules
  uint64_t emergency_seconds = 259200;
  bool runs_by_vote = false;  // else an operator's proposal suffices
  // Also otherwise, a run that shows each update of three members or more to the aggregator is
  // voted on.
  bool unmasked_by_vote = true;
  uint64_t cosign_percent = 50;  // of the sites of each house: more than this share co-signs
  bool operator==(const VotingRule&) const = default;
};
// The voting rule, once, by the aggregator before anything is decided. Members compare it, as they
// do the genesis, with what they were told.
// `words`: the version of the words (policy/rules/versions.h) from the first entry on, so that a
// log is held to their rules before anything is decided in it. 0: a charter of before it was said.
struct CharterDeclared {
  VotingRule voting;
  uint32_t words = 0;
  bool operator==(const CharterDeclared&) const = default;
};
// A policy of the founding, by the aggregator: after the charter and before anything is proposed.
struct PolicyDeclared {
  std::string policy;  // text of policy/rules
  bool operator==(const PolicyDeclared&) const = default;
};
enum class ProposalKind : uint8_t {
  kReplace,    // the text takes the place of the policy of its name, or joins the others
  kFormula,    // the text is a share formula (policy/standing/shares.h)
  kEmergency,  // the text only forbids; in force at once with enough votes, for a time
  kSuspend,    // the text is a member's name; from its adoption on the member may do nothing
  kReinstate,  // and this ends it
};
std::string_view Name(ProposalKind kind);
Result<ProposalKind> ParseProposalKind(std::string_view text);
struct PolicyProposed {
  ProposalKind kind = ProposalKind::kReplace;
  Digest supersedes;   // of the policies in force when it was proposed (policy/standing)
  std::string policy;  // the whole text
  bool operator==(const PolicyProposed&) const = default;
};
enum class Choice : uint8_t { kYes, kNo, kAbstain };
std::string_view Name(Choice choice);
Result<Choice> ParseChoice(std::string_view text);
struct VoteCast {
  uint64_t proposal = 0;  // the index of a policy-proposed or run-proposed entry
  Digest leaf;            // its leaf hash: what was voted on, whatever log this is
  Choice choice = Choice::kAbstain;
  Digest reason = {};  // of a text that stays outside, salted; zero: none
  bool operator==(const VoteCast&) const = default;
};
struct HouseTally {
  House house = House::kPrivate;
  uint64_t members = 0;
  uint64_t yes = 0;
  uint64_t no = 0;
  uint64_t abstain = 0;
  bool operator==(const HouseTally&) const = default;
};
struct Tally {
  std::vector<HouseTally> houses;  // ascending; those that have members
  std::vector<uint64_t> votes;     // the entries counted, ascending
  bool operator==(const Tally&) const = default;
};
struct PolicyAdopted {
  uint64_t proposal = 0;
  Digest policy;  // SHA-256 of the text; in force from the next index on
  Tally tally;
  bool operator==(const PolicyAdopted&) const = default;
};
struct PolicyRejected {
  uint64_t proposal = 0;
  std::string reason;  // a code: "quorum", "house", "superseded", "rule-taken"
  Tally tally;
  bool operator==(const PolicyRejected&) const = default;
};

struct DatasetVersion {
  DatasetId dataset;
  uint64_t version = 0;
  auto operator<=>(const DatasetVersion&) const = default;
};
struct RunApproved {
  RunId run;
  Digest policies;  // pinned: admissions of this run are decided under these
  Tally tally;      // empty where runs need no vote
  bool operator==(const RunApproved&) const = default;
};
struct RunHalted {
  RunId run;
  std::string reason;  // a code
  bool operator==(const RunHalted&) const = default;
};

// A member lends a version of a dataset. Version 1 registers it, later ones change its terms or its
// content and take the place of the one before.
struct DatasetRegistered {
  DatasetVersion what;
  SiteId site;           // where it lies
  std::string passport;  // canonical JSON: what it is, with a salted digest of its bytes
  std::string terms;     // canonical JSON: what its owner allows
  bool operator==(const DatasetRegistered&) const = default;
};
enum class WithdrawalScope : uint8_t { kFutureRounds, kRestart, kRetrain, kRetireModels };
std::string_view Name(WithdrawalScope scope);
Result<WithdrawalScope> ParseWithdrawalScope(std::string_view text);
struct DatasetWithdrawn {
  DatasetId dataset;
  std::string ground;  // a code: "consent", "contract-end", "court", "quality", "owner"
  WithdrawalScope scope = WithdrawalScope::kFutureRounds;
  std::string deadline;   // RFC 3339: by when the scope is to be done
  Digest reference = {};  // of the order, the contract, ... that stays outside, salted; zero: none
  bool operator==(const DatasetWithdrawn&) const = default;
};
// The case is closed by entries that show it done.
struct WithdrawalClosed {
  uint64_t withdrawal = 0;         // index of the dataset-withdrawn entry
  std::vector<uint64_t> evidence;  // indexes, ascending
  bool operator==(const WithdrawalClosed&) const = default;
};

// One dataset's admission to one attempt at a round.
struct AdmissionDecided {
  RunId run;
  RoundNumber round;
  uint32_t attempt = 0;
  SiteId site;
  DatasetVersion what;
  bool admit = false;
  Digest policies;       // under which it was decided
  uint64_t as_of = 0;    // the entries [0, as_of) are what was known
  std::string decision;  // canonical JSON of policy/rules
  bool operator==(const AdmissionDecided&) const = default;
};

enum class UseKind : uint8_t { kExport, kServe, kShare };
std::string_view Name(UseKind kind);
Result<UseKind> ParseUseKind(std::string_view text);
// Somebody asked to use a model, and this is the answer.
struct GrantDecided {
  UseKind kind = UseKind::kExport;
  Digest model;
  MemberId grantee;
  std::string purpose;    // a code of the terms' purposes
  std::string territory;  // ISO 3166 alpha-2
  std::string until;      // RFC 3339; empty: as long as the terms allow
  bool granted = false;
  Digest policies;
  uint64_t as_of = 0;
  std::string decision;  // canonical JSON; a refusal names the dataset and its clause
  bool operator==(const GrantDecided&) const = default;
};
struct GrantRevoked {
  uint64_t grant = 0;  // index of the grant-decided entry
  std::string reason;  // a code
  bool operator==(const GrantRevoked&) const = default;
};

// An owner's yes where its terms ask for one: to a run (`run`), or to a use of models with the
// dataset behind them (`run` empty). A later withdrawal ends it; so does, unless it stands, the
// first grant that needed it.
struct ConsentGiven {
  DatasetId dataset;
  RunId run;
  UseKind kind = UseKind::kExport;  // with an empty run, also what follows
  std::string purpose;              // a code; empty with a run
  Digest model;                     // zero: any
  MemberId grantee = {};            // empty: any
  bool standing = false;            // for good, not for one grant
  bool operator==(const ConsentGiven&) const = default;
};

struct ShareOfMember {
  MemberId member;
  uint64_t share_ppm = 0;  // of a million
  uint64_t low_ppm = 0;    // the interval over the formula's seeds
  uint64_t high_ppm = 0;
  bool operator==(const ShareOfMember&) const = default;
};
struct ShareComputed {
  RunId run;
  Digest formula;      // of the formula's canonical text
  uint64_t as_of = 0;  // computed from the entries [0, as_of)
  uint64_t seed = 0;
  std::vector<ShareOfMember> shares;  // ascending by member; they sum to a million
  bool operator==(const ShareComputed&) const = default;
};
// A file made from the record left the consortium's hands.
struct DisclosureExported {
  std::string kind;              // a code: "prov", "spdx", "eu-summary", ...
  std::string template_version;  // a code
  Digest subject;                // the model or run manifest it speaks of
  Digest file;
  uint64_t as_of = 0;
  std::string recipient = {};  // a code: "authority", "public", ...; empty: not said
  bool operator==(const DisclosureExported&) const = default;
};

// Something went wrong that others must know of. While it is open, policies may refuse because of
// it (the fact `incident.open`).
enum class IncidentKind : uint8_t {
  kDissent,         // a site found a decision of the record that does not hold
  kRollback,        // the aggregator came back with an older log
  kKeyCompromised,  // somebody else may speak under a member's key
  kDataExposed,     // data, or what allows to infer it, left where it should have stayed
  kModelHarm,       // a model does what it must not
  kOther,
};
std::string_view Name(IncidentKind kind);  // "key-compromised"
Result<IncidentKind> ParseIncidentKind(std::string_view text);
struct IncidentReported {
  IncidentKind kind = IncidentKind::kOther;
  std::string subject;  // a code: the member, dataset, run or model that it is about; may be empty
  std::vector<uint64_t> entries;  // that show it, ascending
  Digest report;                  // of a text that stays outside, salted; zero: none
  bool operator==(const IncidentReported&) const = default;
};
struct IncidentClosed {
  uint64_t incident = 0;           // index of the incident-reported entry
  std::string cause;               // a code: "fixed", "false-alarm", "accepted"
  std::vector<uint64_t> evidence;  // entries after it, ascending
  bool operator==(const IncidentClosed&) const = default;
};
// A duty that a decision laid on somebody is done.
struct DutyFulfilled {
  uint64_t decision = 0;  // index of the admission-decided or grant-decided entry that began it
  uint64_t duty = 0;      // which of its obligations, from 0
  Digest evidence;        // of a file that shows it, salted; zero: none
  bool operator==(const DutyFulfilled&) const = default;
};

// The models that a closed round would have come to without some of its contributions, so that
// they can be measured beside the one it came to. Only in runs that declared it and are unmasked.
enum class CoalitionKind : uint8_t { kLeaveOneOut, kGroup };
std::string_view Name(CoalitionKind kind);  // "leave-one-out", "group-shapley"
Result<CoalitionKind> ParseCoalitionKind(std::string_view text);
struct Coalition {
  std::vector<std::string> of;  // members, or houses: those counted, ascending
  Digest model;
  bool operator==(const Coalition&) const = default;
};
struct CoalitionsMade {
  uint64_t closing = 0;  // index of the round-closed entry
  CoalitionKind kind = CoalitionKind::kLeaveOneOut;
  std::vector<Coalition> coalitions;
  bool operator==(const CoalitionsMade&) const = default;
};

// Whether a model may be measured on a dataset for the purpose of a run, and the figures be known.
struct EvaluationDecided {
  RunId run;
  Digest model;
  SiteId site;
  DatasetVersion what;
  bool admit = false;
  Digest policies;
  uint64_t as_of = 0;
  std::string decision;  // canonical JSON of policy/rules
  bool operator==(const EvaluationDecided&) const = default;
};

// What of a dataset flowed into one contribution, or into one figure.
struct DatasetUsed {
  DatasetVersion what;
  uint64_t admission = 0;  // index of the admission-decided, or evaluation-decided, entry
  bool operator==(const DatasetUsed&) const = default;
};

}  // namespace dure::ledger
