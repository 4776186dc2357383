// What a forger says in others' names, and what it decides that nobody may.
#include <algorithm>

#include "policy/standing/admission.h"
#include "tests/adversary/forged_log.h"

namespace dure::adversary {
namespace {

using ledger::OpenedEntry;

// When the scope of a forged withdrawal is to be done.
std::string Later(const std::string& time) {
  const auto at = rules::Instant::Parse(time);
  if (!at) return time;
  return FormatRfc3339(WallTime(std::chrono::seconds(at->seconds) + std::chrono::hours(240)));
}

}  // namespace

// The aggregator's own, which `next` then follows.
void ForgedLog::PutBefore(OpenedEntry& next, const ledger::Event& event) {
  ledger::Record record = next.record;
  record.event = event;
  const OpenedEntry forged = Resealed(record);
  Put(forged);
  ledger::Record after = next.record;
  after.actor_seq += 1;
  after.prev_actor_digest = forged.payload_digest;
  next = Resealed(after);
}

// A second officer of a member that has one, made here; it takes the member's data back, and votes
// for it where there is anything to vote on.
void ForgedLog::Impersonate(OpenedEntry& next) {
  MemberId member;
  DatasetId dataset;
  for (const OpenedEntry& entry : entries_) {
    const auto* seat = std::get_if<ledger::MemberAdmitted>(&entry.record.event);
    if (seat != nullptr && seat->role == ledger::Role::kOfficer) member = seat->member;
  }
  for (const OpenedEntry& entry : entries_) {
    const auto* lent = std::get_if<ledger::DatasetRegistered>(&entry.record.event);
    if (lent != nullptr && entry.record.actor.member == member) dataset = lent->what.dataset;
  }
  if (dataset.empty()) return;
  const auto officer = Ed25519Signer::Generate();
  PutBefore(next, ledger::MemberAdmitted{member, *SiteId::Parse("second-desk"),
                                         ledger::Role::kOfficer, officer->Key()});
  ledger::Record said = next.record;
  said.actor = {member, officer->Key(), ledger::Role::kOfficer};
  said.actor_seq = 0;
  said.prev_actor_digest = {};
  said.event = ledger::DatasetWithdrawn{dataset, "owner", ledger::WithdrawalScope::kRestart,
                                        Later(said.occurred_at)};
  const OpenedEntry withdrawn = Resealed(said, *officer);
  Put(withdrawn);
  done_ = true;
  const auto proposed = Last(ledger::EventType::kPolicyProposed);
  if (!proposed) return;
  said.actor_seq = 1;
  said.prev_actor_digest = withdrawn.payload_digest;
  said.event = ledger::VoteCast{*proposed, tree_.Leaf(*proposed), ledger::Choice::kYes};
  Put(Resealed(said, *officer));
}

// A site of one mind with the aggregator takes its data back, and the round opens with it.
bool ForgedLog::OpenOver(OpenedEntry& next) {
  const auto* opened = std::get_if<ledger::RoundOpened>(&next.record.event);
  if (opened == nullptr || keys_.colluder == nullptr) return false;
  const PublicKey& key = keys_.colluder->Key();
  const auto seat = FindKey(key);
  DatasetId dataset;
  for (const OpenedEntry& entry : entries_) {
    const auto* lent = std::get_if<ledger::DatasetRegistered>(&entry.record.event);
    if (lent != nullptr && entry.record.actor.key == key) dataset = lent->what.dataset;
  }
  const bool takes_part =
      seat && std::ranges::find(opened->cohort, seat->site) != opened->cohort.end();
  if (!takes_part || dataset.empty()) return false;
  ledger::Record said = next.record;
  said.actor = {seat->member, key, ledger::Role::kSite};
  const ledger::ActorChain chain = ChainOf(key);
  said.actor_seq = chain.next_seq;
  said.prev_actor_digest = chain.prev_digest;
  said.event = ledger::DatasetWithdrawn{dataset, "court", ledger::WithdrawalScope::kFutureRounds,
                                        Later(said.occurred_at)};
  Put(Resealed(said, *keys_.colluder));
  return true;
}

// Decided as everybody would decide it, of a model that nobody knows.
bool ForgedLog::DecideUnknown(OpenedEntry& next) {
  if (next.record.actor.key != keys_.aggregator->Key()) return false;
  standing::Standing now;
  for (const OpenedEntry& entry : entries_) (void)now.Take(entry);
  const auto at = rules::Instant::Parse(next.record.occurred_at);
  const Digest model = Sha256(AsBytes("weights that nobody made"));
  if (!at || now.state().datasets.empty()) return false;
  const auto& [id, dataset] = *now.state().datasets.begin();
  if (act_ == Act::kMeasureUnknown) {
    const auto run = std::ranges::find_if(
        now.state().runs, [](const auto& item) { return item.second.approved.has_value(); });
    if (run == now.state().runs.end()) return false;
    const standing::MeasuringRequest request{
        run->first, model, dataset.newest().site, {id, dataset.version()}, *at};
    const auto ruling = standing::Decide(now, request);
    if (!ruling || !ruling->allowed()) return false;
    PutBefore(next, standing::EventOf(now, request, *ruling));
    return true;
  }
  standing::GrantRequest request;
  request.model = model;
  request.grantee = dataset.custodian;
  request.purpose = "commercial-service";
  request.territory = "KR";
  request.now = *at;
  const auto ruling = standing::Decide(now, request);
  if (!ruling) return false;
  PutBefore(next, standing::EventOf(now, request, *ruling));
  return true;
}

// Whether this is an outcome, which is not recorded; what the aggregator says afterwards is dated
// later and later, beginning with the first: what comes before the lie is never so far ahead that
// a site waits for its own clock to be set.
bool ForgedLog::Withhold(ledger::OpenedEntry& next) {
  const auto type = TypeOf(next.record.event);
  if (type == ledger::EventType::kPolicyAdopted || type == ledger::EventType::kPolicyRejected) {
    withheld_ = true;
    return true;
  }
  if (!withheld_ || next.record.actor.key != keys_.aggregator->Key()) return false;
  ledger::Record record = next.record;
  record.occurred_at = Moved(record.occurred_at, crept_);
  next = Resealed(record);
  if (!done_) crept_ += kCreep;
  return false;
}

}  // namespace dure::adversary
