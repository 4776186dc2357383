#include "federation/masking/history.h"

#include <algorithm>

#include "federation/check.h"
#include "federation/masking/inner_product.h"

namespace dure::masking {
namespace {

uint64_t Times(uint64_t a, uint64_t b) {
  return static_cast<uint64_t>(static_cast<unsigned __int128>(a) * b % kFieldPrime);
}

uint64_t Inverse(uint64_t a) {
  uint64_t result = 1;
  uint64_t power = a;
  for (uint64_t rest = kFieldPrime - 2; rest > 0; rest >>= 1) {
    if ((rest & 1) != 0) result = Times(result, power);
    power = Times(power, power);
  }
  return result;
}

// Takes what `row` shares with a basis in echelon form out of it and, if anything is left, adds it.
bool Extend(std::vector<std::vector<uint64_t>>& basis, std::vector<uint64_t> row) {
  for (const auto& with : basis) {
    const auto pivot = static_cast<size_t>(
        std::find_if(with.begin(), with.end(), [](uint64_t v) { return v != 0; }) - with.begin());
    const uint64_t factor = row[pivot];  // a basis row's pivot is 1
    if (factor == 0) continue;
    for (size_t c = pivot; c < row.size(); ++c) {
      row[c] = FieldDifference(row[c], Times(factor, with[c]));
    }
  }
  const auto lead = std::find_if(row.begin(), row.end(), [](uint64_t v) { return v != 0; });
  if (lead == row.end()) return false;
  const uint64_t inverse = Inverse(*lead);
  for (uint64_t& value : row) value = Times(value, inverse);
  basis.push_back(std::move(row));
  return true;
}

std::string Names(const std::set<MemberId>& members) {
  std::string text;
  for (const MemberId& member : members) text += (text.empty() ? "" : ", ") + member.str();
  return text;
}

using Columns = std::map<MemberId, std::set<size_t>>;

// Of two sets of sums, the first within the second.
struct Spaces {
  RowSpace shown;  // before
  RowSpace all;
};

// Members whose columns, all together, are isolated, and were not before: at most `count` of them,
// from `next` on.
std::set<MemberId> FindIsolated(const Spaces& spaces, const Columns& columns,
                                Columns::const_iterator next, size_t count,
                                const std::set<MemberId>& chosen,
                                const std::set<size_t>& union_of) {
  if (!chosen.empty() && spaces.all.Isolates(union_of) && !spaces.shown.Isolates(union_of)) {
    return chosen;
  }
  if (count == 0) return {};
  for (; next != columns.end(); ++next) {
    std::set<MemberId> more = chosen;
    more.insert(next->first);
    std::set<size_t> wider = union_of;
    wider.insert(next->second.begin(), next->second.end());
    const auto found = FindIsolated(spaces, columns, std::next(next), count - 1, more, wider);
    if (!found.empty()) return found;
  }
  return {};
}

// Whether the candidate, with these sums, isolates too few that those `beside` do not isolate by
// themselves.
Objection CheckBeside(const CohortRules& rules, const std::set<ReleasedSum>& beside,
                      const std::vector<const ReleasedSum*>& sums, const ReleasedSum& candidate,
                      const std::map<SiteId, MemberId>& member_of) {
  if (!rules.forbid_differences) return {};
  std::vector<const ReleasedSum*> rows;
  for (const ReleasedSum& sum : beside) {
    if (sum.segment == candidate.segment) rows.push_back(&sum);
  }
  const size_t of_others = rows.size();
  for (const ReleasedSum* sum : sums) {
    if (sum->segment == candidate.segment) rows.push_back(sum);
  }
  rows.push_back(&candidate);
  std::map<SiteId, size_t> column_of;
  for (const ReleasedSum* row : rows) {
    for (const SiteId& site : row->sites) column_of.emplace(site, column_of.size());
  }
  Spaces spaces{RowSpace(column_of.size()), RowSpace(column_of.size())};
  for (size_t r = 0; r < rows.size(); ++r) {
    std::vector<size_t> columns;
    for (const SiteId& site : rows[r]->sites) columns.push_back(column_of.at(site));
    spaces.all.Add(columns);
    if (r < of_others) spaces.shown.Add(columns);
  }
  Columns columns;
  for (const auto& [site, column] : column_of) {
    const auto member = member_of.find(site);
    // A site's name and a member's are of one form.
    columns[member != member_of.end() ? member->second : MemberId::Parse(site.str()).value()]
        .insert(column);
  }
  const size_t fewest = std::max<uint32_t>(rules.batch_members, 2) - 1;
  const auto isolated = FindIsolated(spaces, columns, columns.begin(), fewest, {}, {});
  if (isolated.empty()) return {};
  return Refused{Refusal::kMembership,
                 "with the sums already released, this one would isolate " + Names(isolated) +
                     "; sum over the same sites as before, or leave or add at least " +
                     std::to_string(fewest + 1) + " members at once",
                 kAggregator};
}

}  // namespace

bool Exclude(const Quorum& one, const Quorum& other) {
  std::vector<SiteId> all;
  std::ranges::set_union(one.cohort, other.cohort, std::back_inserter(all));
  const uint64_t thresholds = uint64_t{one.threshold} + other.threshold;
  return thresholds > all.size() + std::min(one.corrupt_max, other.corrupt_max);
}

void RowSpace::Add(const std::vector<size_t>& columns) {
  std::vector<uint64_t> row(columns_, 0);
  for (const size_t c : columns) row[c] = 1;
  Extend(basis_, std::move(row));
}

bool RowSpace::Isolates(const std::set<size_t>& columns) const {
  // Without these columns the rank falls exactly if something lived on them alone.
  std::vector<std::vector<uint64_t>> rest;
  for (const auto& row : basis_) {
    std::vector<uint64_t> kept;
    kept.reserve(columns_);
    for (size_t c = 0; c < columns_; ++c) {
      if (!columns.contains(c)) kept.push_back(row[c]);
    }
    if (!Extend(rest, std::move(kept))) return true;
  }
  return false;
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

Objection History::CheckDifferences(const CohortRules& rules, RoundNumber round,
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
  return CheckBeside(rules, beside, rows, candidate, member_of);
}

Objection History::CheckReleased(const CohortRules& rules, const ReleasedSum& candidate,
                                 const std::map<SiteId, MemberId>& member_of,
                                 const std::set<ReleasedSum>& beside) const {
  std::vector<const ReleasedSum*> rows;
  for (const ReleasedSum& sum : sums_) rows.push_back(&sum);
  // What this site gave its shares for last stays among the attempts until it signs at another
  // number; none of them is newer, and Disprove leaves it there.
  if (released_ && released_ == signed_ && !attempts_.empty()) {
    for (const ReleasedSum& sum : attempts_.back().sums) rows.push_back(&sum);
  }
  return CheckBeside(rules, beside, rows, candidate, member_of);
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

std::vector<SiteId> ChooseCohort(const History& history, const CohortRules& rules,
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
    const bool holds = !history.CheckDifferences(rules, round, {0, choice}, member_of, {}, beside);
    if (holds && !choice.empty()) return choice;
  }
  return all;
}

}  // namespace dure::masking
