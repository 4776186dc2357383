#include "federation/masking/history.h"

#include <algorithm>

#include "federation/check.h"
#include "federation/masking/isolation.h"

namespace dure::masking {
namespace {

// The sums at hand, and who stands in them.
struct Sums {
  std::vector<SiteId> sites;      // by column
  std::vector<MemberId> members;  // as `of_member`
  Units of_member;
  Units of_site;
  Spaces spaces;
  bool first = true;  // there is none but the candidate
};

Sums Gather(const std::vector<const ReleasedSum*>& rows, size_t shown_before,
            const std::map<SiteId, MemberId>& member_of) {
  std::map<SiteId, size_t> column_of;
  Sums sums{{}, {}, {}, {}, {RowSpace(0), RowSpace(0)}, rows.size() == 1};
  for (const ReleasedSum* row : rows) {
    for (const SiteId& site : row->sites) {
      if (column_of.emplace(site, column_of.size()).second) sums.sites.push_back(site);
    }
  }
  sums.spaces = {RowSpace(column_of.size()), RowSpace(column_of.size())};
  for (size_t r = 0; r < rows.size(); ++r) {
    std::vector<size_t> columns;
    for (const SiteId& site : rows[r]->sites) columns.push_back(column_of.at(site));
    sums.spaces.all.Add(columns);
    if (r < shown_before) sums.spaces.shown.Add(columns);
  }
  std::map<MemberId, std::vector<size_t>> columns_of;
  for (size_t column = 0; column < sums.sites.size(); ++column) {
    const SiteId& site = sums.sites[column];
    const auto member = member_of.find(site);
    // A site's name and a member's are of one form.
    columns_of[member != member_of.end() ? member->second : MemberId::Parse(site.str()).value()]
        .push_back(column);
    sums.of_site.push_back({column});
  }
  for (auto& [member, columns] : columns_of) {
    sums.members.push_back(member);
    sums.of_member.push_back(std::move(columns));
  }
  return sums;
}

template <typename Id>
std::string NamesOf(const std::vector<size_t>& which, const std::vector<Id>& ids) {
  std::string text;
  for (const size_t i : which) text += (text.empty() ? "" : ", ") + ids[i].str();
  return text;
}

Refused Refuse(const Sums& sums, const std::string& would, const std::string& at_once) {
  const std::string before = sums.first ? "this sum would "
                                        : "with the sums already released, "
                                          "this one would ";
  const std::string instead = sums.first ? "; more of other members have to be in"
                                         : "; sum over the same sites as before, or leave or add "
                                           "at least " +
                                               at_once + " at once";
  return {Refusal::kMembership, before + would + instead, kAggregator};
}

Refused RefuseUnknown() {
  return {Refusal::kMembership,
          "the sums already released are over so many different sets of sites that it is not known "
          "whom one more would isolate; a new run from this model on has none behind it",
          kAggregator};
}

// Whether the candidate, with these sums, isolates too few that those `beside` do not isolate by
// themselves.
Objection CheckBeside(const DifferenceRule& rule, const std::set<ReleasedSum>& beside,
                      const std::vector<const ReleasedSum*>& released, const ReleasedSum& candidate,
                      const std::map<SiteId, MemberId>& member_of) {
  if (!rule.forbid) return {};
  std::vector<const ReleasedSum*> rows;
  for (const ReleasedSum& sum : beside) {
    if (sum.segment == candidate.segment) rows.push_back(&sum);
  }
  const size_t shown_before = rows.size();
  for (const ReleasedSum* sum : released) {
    if (sum->segment == candidate.segment) rows.push_back(sum);
  }
  rows.push_back(&candidate);
  const Sums sums = Gather(rows, shown_before, member_of);
  if (sums.spaces.all.rank() > kIndependentSumsMax) return RefuseUnknown();
  size_t steps = kIsolationSteps;
  const size_t fewest = std::max<uint32_t>(rule.batch_members, 2) - 1;
  if (const auto few = FindIsolated(sums.spaces, sums.of_member, {}, fewest, steps)) {
    if (!few->searched) return RefuseUnknown();
    return Refuse(sums, "isolate " + NamesOf(few->units, sums.members),
                  std::to_string(fewest + 1) + " members");
  }
  for (size_t m = 0; rule.helpers > 0 && m < sums.members.size(); ++m) {
    const auto shown =
        FindIsolated(sums.spaces, sums.of_site, sums.of_member[m], rule.helpers, steps);
    if (!shown) continue;
    if (!shown->searched) return RefuseUnknown();
    return Refuse(sums,
                  "show the part of " + sums.members[m].str() + " if the aggregator is helped by " +
                      NamesOf(shown->units, sums.sites) + ", and this run withstands " +
                      std::to_string(rule.helpers) + " that help",
                  std::to_string(rule.helpers + 2) + " sites");
  }
  return {};
}

}  // namespace

bool Exclude(const Quorum& one, const Quorum& other) {
  std::vector<SiteId> all;
  std::ranges::set_union(one.cohort, other.cohort, std::back_inserter(all));
  const uint64_t thresholds = uint64_t{one.threshold} + other.threshold;
  return thresholds > all.size() + std::min(one.corrupt_max, other.corrupt_max);
}

DifferenceRule RuleAgainstDifferences(const CohortRules& rules, uint32_t helpers) {
  return {rules.forbid_differences, rules.batch_members, helpers};
}

Objection History::CheckPeer(const SiteId& peer, const std::optional<Released>& claimed) const {
  // What was signed only may have been replaced: a later attempt at the same number gathered the
  // quorum that this one did not.
  const auto forked = [&](const std::optional<Released>& known) {
    return claimed && known && claimed->round == known->round && *claimed != *known;
  };
  if (forked(released_)) {
    return Refused{Refusal::kStale,
                   "round " + std::to_string(claimed->round.value) + " was released twice: " +
                       peer.str() + " holds another transcript of it than this site",
                   kNobody};
  }
  const auto before = peers_.find(peer);
  if (before == peers_.end()) return {};
  if (!claimed || claimed->round < before->second.round || forked(before->second)) {
    return Refused{Refusal::kStale,
                   peer.str() + " had released round " +
                       std::to_string(before->second.round.value) +
                       " and now does not know it: its state went back",
                   kNobody};
  }
  return {};
}

Objection History::CheckPrevious(const std::optional<Released>& previous) const {
  if (!released_) return {};
  const bool behind = !previous || previous->round < released_->round;
  const bool forked = previous && previous->round == released_->round && *previous != *released_;
  if (!behind && !forked) return {};
  return Refused{Refusal::kStale,
                 "the round does not follow the release of round " +
                     std::to_string(released_->round.value) + " that this site knows",
                 kAggregator};
}

void History::NotePeer(const SiteId& peer, const std::optional<Released>& claimed) {
  if (claimed) peers_[peer] = *claimed;
}

Objection History::CheckOpening(RoundNumber round, uint32_t attempt) const {
  if (released_ && released_->round == round) {
    return Refused{Refusal::kAlreadyReleased,
                   "the sum of round " + std::to_string(round.value) +
                       " was released; the next round may begin",
                   kAggregator};
  }
  const bool before_release = released_ && round < released_->round;
  const bool before_signature =
      signed_ &&
      (round < signed_->round || (round == signed_->round && attempt <= signed_attempt_));
  if (before_release || before_signature) {
    return Refused{Refusal::kStale,
                   "round " + std::to_string(round.value) + ", attempt " + std::to_string(attempt) +
                       " is behind what this site signed",
                   kAggregator};
  }
  return {};
}

std::set<ReleasedSum> History::MayBeReleased() const {
  std::set<ReleasedSum> all = sums_;
  for (const Attempted& attempt : attempts_) all.insert(attempt.sums.begin(), attempt.sums.end());
  return all;
}

Objection History::CheckDifferences(const DifferenceRule& rule, RoundNumber round,
                                    const ReleasedSum& candidate,
                                    const std::map<SiteId, MemberId>& member_of,
                                    const Quorum& quorum,
                                    const std::set<ReleasedSum>& beside) const {
  std::vector<const ReleasedSum*> rows;
  for (const ReleasedSum& sum : sums_) rows.push_back(&sum);
  for (const Attempted& attempt : attempts_) {
    const bool replaced = signed_ && signed_->round == round;
    if (replaced && Exclude(attempt.quorum, quorum)) continue;
    for (const ReleasedSum& sum : attempt.sums) rows.push_back(&sum);
  }
  return CheckBeside(rule, beside, rows, candidate, member_of);
}

Objection History::CheckReleased(const DifferenceRule& rule, const ReleasedSum& candidate,
                                 const std::map<SiteId, MemberId>& member_of,
                                 const std::set<ReleasedSum>& beside) const {
  std::vector<const ReleasedSum*> rows;
  for (const ReleasedSum& sum : sums_) rows.push_back(&sum);
  // What this site gave its shares for last stays among the attempts until it signs at another
  // number; none of them is newer, and Disprove leaves it there.
  if (released_ && released_ == signed_ && !attempts_.empty()) {
    for (const ReleasedSum& sum : attempts_.back().sums) rows.push_back(&sum);
  }
  return CheckBeside(rule, beside, rows, candidate, member_of);
}

void History::Disprove(const std::map<SiteId, std::optional<Released>>& claims) {
  if (!signed_ || attempts_.empty()) return;
  const size_t newest = attempts_.size() - 1;
  for (size_t i = attempts_.size(); i-- > 0;) {
    // What this site gave its own shares for it does not forget.
    if (i == newest && released_ == signed_) continue;
    const auto denies = [&](const SiteId& site) {
      const auto claim = claims.find(site);
      if (claim == claims.end()) return false;
      if (!claim->second || claim->second->round < signed_->round) return true;
      // The newest may stand for several that were the same, whose transcripts are not kept.
      return i != newest && claim->second == signed_;
    };
    const Quorum& quorum = attempts_[i].quorum;
    const auto denials = static_cast<uint64_t>(std::ranges::count_if(quorum.cohort, denies));
    if (denials + quorum.threshold <= quorum.cohort.size() + quorum.corrupt_max) continue;
    attempts_.erase(attempts_.begin() + static_cast<ptrdiff_t>(i));
  }
}

Objection History::Sign(RoundNumber round, uint32_t attempt, const Digest& transcript,
                        std::vector<ReleasedSum> sums, Quorum quorum) {
  const bool again = signed_ && signed_->round == round && signed_attempt_ == attempt;
  if (again && signed_->transcript == transcript) return {};
  if (again) {
    return Refused{Refusal::kSurvivorSet, "two sets of survivors for one attempt", kAggregator};
  }
  if (auto objection = CheckOpening(round, attempt)) return objection;
  if (signed_ && signed_->round != round) {
    for (Attempted& one : attempts_) sums_.merge(one.sums);
    attempts_.clear();
  }
  Attempted now{std::move(quorum),
                {std::make_move_iterator(sums.begin()), std::make_move_iterator(sums.end())}};
  // As often as it may be tried, the same is kept once.
  std::erase_if(attempts_, [&now](const Attempted& one) {
    return one.quorum == now.quorum && one.sums == now.sums;
  });
  attempts_.push_back(std::move(now));
  signed_ = Released{round, transcript};
  signed_attempt_ = attempt;
  return {};
}

void History::Release(RoundNumber round, uint32_t attempt, const Digest& transcript) {
  DURE_CHECK(signed_ && *signed_ == (Released{round, transcript}) && signed_attempt_ == attempt,
             "shares are given for what was signed");
  released_ = signed_;
  if (attempts_.empty()) return;
  const Quorum quorum = attempts_.back().quorum;
  for (size_t i = attempts_.size() - 1; i-- > 0;) {
    if (Exclude(attempts_[i].quorum, quorum)) attempts_.erase(attempts_.begin() + long(i));
  }
}

std::vector<SiteId> ChooseCohort(const History& history, const DifferenceRule& rule,
                                 RoundNumber round, const std::vector<Seat>& seats,
                                 const std::set<ReleasedSum>& beside) {
  std::vector<SiteId> all;
  std::map<SiteId, MemberId> member_of;
  for (const Seat& seat : seats) {
    all.push_back(seat.site);
    member_of.emplace(seat.site, seat.member);
  }
  std::ranges::sort(all);
  std::set<ReleasedSum> former = history.sums();
  former.insert(beside.begin(), beside.end());
  std::set<SiteId> summed;
  for (const ReleasedSum& sum : former) summed.insert(sum.sites.begin(), sum.sites.end());
  std::vector<std::vector<SiteId>> choices{all};
  std::vector<SiteId>& known = choices.emplace_back();
  std::ranges::copy_if(all, std::back_inserter(known),
                       [&summed](const SiteId& site) { return summed.contains(site); });
  for (const ReleasedSum& sum : former) {
    if (std::ranges::includes(all, sum.sites)) choices.push_back(sum.sites);
  }
  std::stable_sort(choices.begin() + 2, choices.end(),
                   [](const auto& a, const auto& b) { return a.size() > b.size(); });
  for (const std::vector<SiteId>& choice : choices) {
    const bool holds = !history.CheckDifferences(rule, round, {0, choice}, member_of, {}, beside);
    if (holds && !choice.empty()) return choice;
  }
  return all;
}

}  // namespace dure::masking
