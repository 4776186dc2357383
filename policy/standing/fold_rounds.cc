// Rounds: who was admitted with what, what was submitted, and what was counted.
#include <algorithm>

#include "federation/codec/encode.h"
#include "policy/rules/agreement.h"
#include "policy/standing/admission.h"
#include "policy/standing/counting.h"
#include "policy/standing/decided.h"
#include "policy/standing/fold.h"
#include "policy/standing/still_admitted.h"

namespace dure::standing {
namespace {

const Round* RoundAt(const Standing& now, const RoundAttempt& at) {
  const auto found = now.state().rounds.find(at);
  return found == now.state().rounds.end() ? nullptr : &found->second;
}

// From this version of the words on (rules/versions.h) a run's rounds are held to each other, and
// to its quorum, by everyone. Records of builds that did not look are replayed as they are.
constexpr uint32_t kRoundsHoldSince = 3;

std::optional<std::string> ProposedWith(const Run& run, const std::string& name) {
  const auto found = run.fields.find(name);
  return found == run.fields.end() ? std::nullopt : std::optional(found->second);
}

// A round is the next one of its run, and starts from what the one before left: else work is
// counted twice, or sites are set back without anybody's word for it.
MaybeBreach Follows(const Standing& now, const RoundAttempt& at, const Digest& base_model) {
  if (NewestWords(now.state()) < kRoundsHoldSince) return std::nullopt;
  const Run& run = now.state().runs.at(at.run);
  if (at.round.value != run.rounds) {
    return Breach{"round-number", at.run.str() + " has closed " + std::to_string(run.rounds) +
                                      " rounds; round " + std::to_string(run.rounds) +
                                      " is the next, not " + std::to_string(at.round.value)};
  }
  const auto first = ProposedWith(run, "initialModel");
  if (run.rounds == 0 && !first) return std::nullopt;
  const std::string due = run.rounds == 0 ? *first : run.model.Hex();
  if (base_model.Hex() == due) return std::nullopt;
  return Breach{"other-base",
                standing::Text(at) + " starts from " + base_model.Hex().substr(0, 16) +
                    "..., and " +
                    (run.rounds == 0 ? "the run was proposed from " : "the round before made ") +
                    due.substr(0, 16) + "...",
                due};
}

MaybeBreach HasQuorum(const Standing& now, const ledger::RoundClosed& e) {
  if (NewestWords(now.state()) < kRoundsHoldSince) return std::nullopt;
  const auto quorum = ProposedWith(now.state().runs.at(e.at.run), "quorum");
  const auto least = rules::Decimal::Parse(quorum.value_or(""));
  const auto counted = rules::Decimal::OfCount(e.submissions.size());
  if (!least || !(counted < *least)) return std::nullopt;
  return Breach{"below-quorum", standing::Text(e.at) + " counts " +
                                    std::to_string(e.submissions.size()) +
                                    ", and the run was proposed with a quorum of " + *quorum};
}

// The run was voted and decided on as one that hides single contributions, or does not. No honest
// build ever recorded another.
MaybeBreach MasksAsProposed(const Standing& now, const RunId& id, bool masked,
                            const std::string& what) {
  const auto run = now.state().runs.find(id);
  if (run == now.state().runs.end()) return std::nullopt;
  const auto masking = ProposedWith(run->second, "masking");
  if (!masking || (*masking != "none") == masked) return std::nullopt;
  return Breach{"other-masking", what + (masked ? " is masked" : " is not masked") +
                                     ", and the run was proposed with masking " + *masking};
}

// Under masking the record has the sum of the weights and not one of them. Where all weigh the same
// everybody knows that sum; another divides the mean by what its sites do not weigh. No honest
// build ever recorded one.
MaybeBreach WeighsEvenly(const Standing& now, const ledger::RoundClosed& e) {
  const Run& run = now.state().runs.at(e.at.run);
  const bool even = ProposedWith(run, "weighting") == "equal" &&
                    ProposedWith(run, "merge").value_or("mean") == "mean";
  const uint64_t due = e.submissions.size() * codec::kWeightOne;
  if (!e.sums || !even || e.sums->weight == due) return std::nullopt;
  return Breach{"weight-sum",
                standing::Text(e.at) + " counts " + std::to_string(e.submissions.size()) +
                    " sites that all weigh the same, which is " + std::to_string(due) +
                    " together, and says " + std::to_string(e.sums->weight),
                std::to_string(due)};
}

MaybeBreach Uninvited(const Run& run, const SiteId& site, const RoundAttempt& at) {
  return Breach{"not-invited", site.str() + " takes part in " + standing::Text(at) +
                                   ", and the run was proposed for " +
                                   std::to_string(run.invited.size()) + " other sites"};
}

// What a decision about data in a round must be beside being right.
MaybeBreach IsForTheNextRound(const Standing& now, const AdmissionRequest& request) {
  if (std::max(request.words, NewestWords(now.state())) < kAskedAgainSince) return std::nullopt;
  const auto found = now.state().runs.find(request.at.run);
  if (found == now.state().runs.end()) return std::nullopt;  // then nothing can be decided
  const Run& run = found->second;
  if (IsUninvited(run, request.site)) return Uninvited(run, request.site, request.at);
  if (request.at.round.value == run.rounds) return std::nullopt;
  return Breach{"round-number", "data is admitted to the next round of " + request.at.run.str() +
                                    ", which is " + std::to_string(run.rounds) + ", not to round " +
                                    std::to_string(request.at.round.value)};
}

// That sites may still take part as they were admitted.
MaybeBreach MayStillOpen(const Standing& now, const Said& said, const ledger::RoundOpened& e) {
  if (NewestWords(now.state()) < kAskedAgainSince) return std::nullopt;
  const Run& run = now.state().runs.at(e.at.run);
  for (const SiteId& site : e.cohort) {
    if (IsUninvited(run, site)) return Uninvited(run, site, e.at);
  }
  auto over = FindAdmissionOver(now, e.at, e.cohort, said.at);
  if (!over) return std::nullopt;
  return Breach{"admission-over", std::move(over->text), std::move(over->due)};
}

MaybeBreach Counts(const Standing& now, const Round& round, uint64_t index) {
  const auto found = round.submissions.find(index);
  if (found == round.submissions.end()) {
    return Breach{"counts-void",
                  "entry " + std::to_string(index) + " is no submission that its admissions allow"};
  }
  for (const ledger::DatasetUsed& used : found->second.datasets) {
    if (!IsWithdrawn(now.state(), used.what.dataset)) continue;
    return Breach{"counts-withdrawn", "entry " + std::to_string(index) + " was trained on " +
                                          used.what.dataset.str() + ", which is withdrawn"};
  }
  return std::nullopt;
}

Breach Twice(const std::string& what, const Submission& first) {
  return {"counts-twice", what + " is, byte for byte, what " + first.site.str() +
                              " had submitted by entry " + std::to_string(first.index)};
}

MaybeBreach CountsOnce(const Standing& now, const Round& round, const ledger::RoundClosed& e) {
  if (NewestWords(now.state()) < kCountsOnceSince) return std::nullopt;
  std::vector<uint64_t> indices;
  for (const ledger::CountedSubmission& one : e.submissions) indices.push_back(one.submission);
  const auto same = CountedTwice(round, indices);
  if (same) {
    return Twice("entry " + std::to_string(same->again->index) + " of " + same->again->site.str(),
                 *same->first);
  }
  return std::nullopt;
}

}  // namespace

// In a record both stand: which of them is counted is the closing's word.
MaybeBreach IsItsOwn(const Standing& now, const ledger::ContributionSubmitted& e) {
  const Round* round = RoundAt(now, e.at);
  if (round == nullptr) return std::nullopt;
  const Submission* first = SameOfAnother(*round, e.site, e.contribution, now.size());
  if (first == nullptr) return std::nullopt;
  return Twice("this contribution of " + e.site.str(), *first);
}

MaybeBreach HoldsIn(const Standing& now, const Said& said, const ledger::AdmissionDecided& e) {
  if (e.as_of > said.index) return Breach{"as-of", "it was decided from entries after itself"};
  if (e.as_of < now.decisive_size()) return std::nullopt;  // stale: has no effect
  const AdmissionRequest request{
      {e.run, e.round, e.attempt}, e.site, e.what, said.at, rules::WordsOf(e.decision).value_or(0)};
  const Result<Ruling> due = Decide(now, request);
  if (!due) return Breach{"not-decidable", due.error().message};
  if (MaybeBreach breach = IsForTheNextRound(now, request)) return breach;
  if (due->policies != e.policies) {
    return Breach{"other-policies", "it was decided under policies that the run did not pin",
                  due->policies.Hex()};
  }
  return DecisionHolds(now, *due,
                       {e.admit, e.decision,
                        e.what.dataset.str() + " of " + e.site.str() + " for " + Text(request.at)});
}

MaybeBreach HoldsIn(const Standing& now, const Said& said, const ledger::RoundOpened& e) {
  const auto run = now.state().runs.find(e.at.run);
  if (run == now.state().runs.end() || !run->second.approved || run->second.halted) {
    return Breach{"run-not-approved", e.at.run.str() + " is not approved"};
  }
  const Round* round = RoundAt(now, e.at);
  const std::set<SiteId> admitted = round == nullptr ? std::set<SiteId>() : AdmittedSites(*round);
  for (const SiteId& site : e.cohort) {
    if (admitted.contains(site)) continue;
    return Breach{"not-admitted", site.str() + " is in the cohort of " + Text(e.at) +
                                      " without an admitted dataset"};
  }
  if (MaybeBreach breach = Follows(now, e.at, e.base_model)) return breach;
  return MayStillOpen(now, said, e);
}

MaybeBreach HoldsIn(const Standing& now, const Said&, const ledger::ContributionSubmitted& e) {
  const Round* round = RoundAt(now, e.at);
  if (round == nullptr) return Breach{"no-such-round", Text(e.at) + " was not opened"};
  if (e.datasets.empty()) return Breach{"no-dataset", "it names no dataset it was trained on"};
  if (MaybeBreach breach = MasksAsProposed(now, e.at.run, e.masked(), "what is submitted")) {
    return breach;
  }
  for (const ledger::DatasetUsed& used : e.datasets) {
    const Admission* admission = AdmittedBy(*round, e.site, used.what.dataset);
    const bool holds =
        admission != nullptr && admission->index == used.admission && admission->what == used.what;
    if (!holds) {
      return Breach{"not-admitted", used.what.dataset.str() + " version " +
                                        std::to_string(used.what.version) + " of " + e.site.str() +
                                        " was not admitted by entry " +
                                        std::to_string(used.admission)};
    }
    if (NewestWords(now.state()) < kAskedAgainSince) continue;
    // The record's own time: a site's clock is the site's.
    if (auto over = WhyOver(now, e.at, *admission, now.latest())) {
      return Breach{"admission-over", std::move(over->text), std::move(over->due)};
    }
  }
  if (auto why_not = WhyNotCounted(now, *round, e)) {
    return Breach{why_not->rule, why_not->text, why_not->due};
  }
  return std::nullopt;
}

MaybeBreach HoldsIn(const Standing& now, const Said&, const ledger::RoundClosed& e) {
  const Round* round = RoundAt(now, e.at);
  if (round == nullptr || !round->is_open()) {
    return Breach{"no-such-round", Text(e.at) + " is not open"};
  }
  // What a run that has ended would use is given to others.
  const bool over = now.state().runs.at(e.at.run).halted.has_value();
  if (over && NewestWords(now.state()) >= kAskedAgainSince) {
    return Breach{"run-halted", e.at.run.str() + " has ended"};
  }
  if (MaybeBreach breach = Follows(now, e.at, round->base_model)) return breach;
  if (MaybeBreach breach = MasksAsProposed(now, e.at.run, e.sums.has_value(), standing::Text(e.at)))
    return breach;
  if (MaybeBreach breach = CountsOnce(now, *round, e)) return breach;
  std::multiset<SiteId> named;
  for (const ledger::CountedSubmission& counted : e.submissions) {
    if (MaybeBreach breach = Counts(now, *round, counted.submission)) return breach;
    named.insert(counted.site);
  }
  for (const ledger::ExcludedSite& excluded : e.excluded) named.insert(excluded.site);
  for (const SiteId& site : round->cohort) {
    if (named.count(site) == 1) continue;
    return Breach{"cohort", site.str() + " of the cohort is neither counted nor left out, or both"};
  }
  if (named.size() != round->cohort.size()) {
    return Breach{"cohort", "it names a site that is not in the cohort"};
  }
  if (MaybeBreach breach = WeighsEvenly(now, e)) return breach;
  return HasQuorum(now, e);
}

void Fold::Do(const Said& said, const ledger::AdmissionDecided& e) {
  if (e.as_of < standing_.decisive_size()) return;
  CountWords(e.decision);
  Round& round = state_.rounds[{e.run, e.round, e.attempt}];
  standing::Note(round, {said.index, e.site, e.what, e.admit,
                         rules::WordsOf(e.decision).value_or(0), said.at});
  const auto run = state_.runs.find(e.run);
  if (!e.admit || run == state_.runs.end()) return;
  OpenDuties(said, e.decision, {run->second.proposer, e.run.str(), e.what, {}, 0});
}

void Fold::Do(const Said& said, const ledger::RoundOpened& e) {
  Round& round = state_.rounds[e.at];
  round.opened = said.index;
  round.base_model = e.base_model;
  round.cohort = e.cohort;
}

void Fold::Do(const Said& said, const ledger::ContributionSubmitted& e) {
  Submission& submission = state_.rounds[e.at].submissions[said.index];
  submission = {said.index,     e.site,     said.member,          e.weight, e.tokens, e.steps,
                e.contribution, e.datasets, e.accelerator_seconds};
}

void Fold::Do(const Said&, const ledger::ContributionReceipted&) {}

void Fold::Do(const Said& said, const ledger::RoundClosed& e) {
  Round& round = state_.rounds[e.at];
  round.closed = said.index;
  round.model = e.model;
  round.sums = e.sums;
  round.excluded = e.excluded;
  std::set<DatasetId> used;
  for (const ledger::CountedSubmission& counted : e.submissions) {
    round.counted.push_back(counted.submission);
    for (const auto& one : round.submissions.at(counted.submission).datasets) {
      used.insert(one.what.dataset);
    }
  }
  for (const DatasetId& id : used) {
    Dataset& dataset = state_.datasets.at(id);
    ++dataset.rounds;
    dataset.runs.insert(e.at.run);
  }
  Run& run = state_.runs.at(e.at.run);
  ++run.rounds;
  run.model = e.model;
  state_.models[e.model].push_back(e.at);
  state_.closings[said.index] = e.at;
  Decisive();
}

void Fold::Do(const Said& said, const ledger::RoundAbandoned& e) {
  state_.rounds[e.at].abandoned = said.index;
}

}  // namespace dure::standing
