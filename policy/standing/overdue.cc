#include "policy/standing/overdue.h"

#include <algorithm>

#include "policy/standing/admission.h"
#include "policy/standing/clocks.h"
#include "policy/standing/fold.h"
#include "policy/standing/voting.h"

namespace dure::standing {
namespace {

bool EndsAVote(const Standing& now, const ledger::Event& event) {
  if (std::holds_alternative<ledger::PolicyAdopted>(event)) return true;
  if (std::holds_alternative<ledger::PolicyRejected>(event)) return true;
  const auto* approved = std::get_if<ledger::RunApproved>(&event);
  if (approved == nullptr) return false;
  const auto run = now.state().runs.find(approved->run);
  return run != now.state().runs.end() && run->second.by_vote;
}

// It changes whom votes count, or what they are about.
bool ChangesVotes(const ledger::Event& event) {
  return std::holds_alternative<ledger::MemberAdmitted>(event) ||
         std::holds_alternative<ledger::MemberDescribed>(event) ||
         std::holds_alternative<ledger::KeyRevoked>(event) ||
         std::holds_alternative<ledger::PolicyAdopted>(event);
}

// What is due at one moment. Who could vote is worked out once, and only if anything is counted.
class DueAt {
 public:
  DueAt(const State& state, rules::Instant at) : state_(state), at_(at) {}
  // By its votes.
  bool Counts(uint64_t proposal) {
    if (!electors_) electors_ = ElectorsNow(state_);
    return DueOutcome(state_.proposals.at(proposal), state_, at_, *electors_).has_value();
  }
  // The same: what changes them counts them (NoteVotes), so that all that time can do without is to
  // end the window.
  bool Has(uint64_t proposal, const OpenVote& vote) {
    return (vote.due || WindowEnd(state_.proposals.at(proposal), state_) < at_) && Counts(proposal);
  }

 private:
  const State& state_;
  const rules::Instant at_;
  std::optional<std::set<MemberId>> electors_;
};

// At this moment of the aggregator's: it was away, and begins again.
bool BeginsAnew(const Standing& now, const OpenVote& vote, rules::Instant at) {
  return vote.since && vote.renewed < kGraceAnewMax &&
         at.seconds - now.latest().seconds > kOutcomeGraceSeconds;
}

}  // namespace

std::vector<DueVote> DueVotes(const Standing& now, rules::Instant at) {
  std::vector<std::pair<uint64_t, DueVote>> found;  // by the entry at which it was due
  DueAt moment(now.state(), at);
  for (const auto& [index, vote] : now.state().open_votes) {
    if (!moment.Has(index, vote)) continue;
    const rules::Instant since = BeginsAnew(now, vote, at) ? at : vote.since.value_or(at);
    found.push_back({vote.due.value_or(now.size()), {index, since}});
  }
  std::ranges::sort(found);
  std::vector<DueVote> due;
  for (const auto& [entry, one] : found) due.push_back(one);
  return due;
}

bool IsOverdue(const Standing& now, const DueVote& due, rules::Instant at) {
  return NewestWords(now.state()) >= kOutcomesAreDueSince &&
         at.seconds - due.since.seconds > kOutcomeGraceSeconds;
}

MaybeBreach NothingIsOverdue(const Standing& now, const Said& said) {
  const bool looks = NewestWords(now.state()) >= kOutcomesAreDueSince &&
                     said.role == ledger::Role::kAggregator &&
                     std::ranges::any_of(now.state().open_votes, [&](const auto& open) {
                       return open.second.since &&
                              open.second.since->seconds + kOutcomeGraceSeconds < said.at.seconds;
                     });
  if (!looks || EndsAVote(now, said.entry.record.event)) return std::nullopt;
  for (const DueVote& due : DueVotes(now, said.at)) {
    if (!IsOverdue(now, due, said.at)) continue;
    return Breach{"outcome-overdue", "the outcome of the vote on entry " +
                                         std::to_string(due.proposal) + " was due at " +
                                         due.since.ToText() + ", and is not recorded"};
  }
  return std::nullopt;
}

MaybeBreach IsNextOutcome(const Standing& now, const Said& said, uint64_t proposal) {
  if (NewestWords(now.state()) < kOutcomesAreDueSince) return std::nullopt;
  const std::vector<DueVote> due = DueVotes(now, said.at);
  if (due.empty() || due.front().proposal == proposal) return std::nullopt;
  const std::string first = std::to_string(due.front().proposal);
  return Breach{"outcome-order", "the outcome of the vote on entry " + first +
                                     " was due before that of the vote on entry " +
                                     std::to_string(proposal)};
}

void Fold::NoteDue(const Said& said) {
  if (said.role != ledger::Role::kAggregator || state_.open_votes.empty()) return;
  // In a record of older words nobody was held to it.
  const bool looks = NewestWords(state_) >= kOutcomesAreDueSince;
  if (NewestWords(state_) >= kProposalsAreBoundedSince) BeginLateWindows(said);
  DueAt moment(state_, said.at);
  for (auto& [index, vote] : state_.open_votes) {
    const bool due = moment.Has(index, vote);
    if (!due) vote.due.reset();
    if (due && !vote.due) vote.due = said.index;
    const bool anew = BeginsAnew(standing_, vote, said.at);
    if (!due || !looks) {
      vote.since.reset();
    } else if (!vote.since || anew) {
      vote.since = said.at;
      if (anew) ++vote.renewed;
    }
  }
}

// Whoever proposes says when that was. What the aggregator's next entry shows to be of the future
// has its window from that entry on: else it would be voted on for as long as its proposer likes.
void Fold::BeginLateWindows(const Said& said) {
  constexpr auto kAhead = std::chrono::seconds(kClockDifferenceMax).count();
  for (const auto& [index, vote] : state_.open_votes) {
    rules::Instant& at = state_.proposals.at(index).at;
    if (at.seconds > said.at.seconds + kAhead) at = said.at;
  }
}

// Nothing that a member says takes the place in the order away again: it may say any later time.
void Fold::NoteVotes(const Said& said) {
  const auto* cast = std::get_if<ledger::VoteCast>(&said.entry.record.event);
  if (cast == nullptr && !ChangesVotes(said.entry.record.event)) return;
  DueAt moment(state_, said.at);
  for (auto& [index, vote] : state_.open_votes) {
    if (vote.due) continue;
    const bool other = cast != nullptr && cast->proposal != index;
    if (other ? moment.Has(index, vote) : moment.Counts(index)) vote.due = said.index;
  }
}

}  // namespace dure::standing
