#include "site/record_check.h"

#include <algorithm>

#include "policy/standing/still_admitted.h"

namespace dure::site {
namespace {

std::string Naming(const round::OfferedDataset& one) {
  return one.dataset.str() + " version " + std::to_string(one.version);
}

// The decision about a dataset in an attempt that counts, the last one, if it admits this version.
const standing::Admission* AdmissionOf(const standing::Round& round, const SiteId& site,
                                       const round::OfferedDataset& one) {
  const standing::Admission* admission = standing::AdmittedBy(round, site, one.dataset);
  const bool of_it = admission != nullptr && admission->what.version == one.version;
  return of_it ? admission : nullptr;
}

const standing::Round* RoundAt(const standing::State& state, const round::RoundAttempt& at) {
  const auto found = state.rounds.find({at.run, at.round, at.attempt});
  return found == state.rounds.end() ? nullptr : &found->second;
}

std::optional<NotHeld> NotOpened(const standing::State& state, const standing::Round* round,
                                 const round::Roster& roster, const SiteId& site) {
  const std::string entry = "entry " + std::to_string(roster.opened_index);
  // An entry 0 opens nothing, and is what a round that was never opened has.
  if (round == nullptr || round->opened == 0 || round->opened != roster.opened_index) {
    return NotHeld{"round-not-opened", entry + " does not open this round"};
  }
  const standing::Run& run = state.runs.at(roster.at.run);
  for (const SiteId& each : round->cohort) {
    if (!standing::IsUninvited(run, each)) continue;
    return NotHeld{"round-not-opened", entry + " opens it with " + each.str() + ", not invited"};
  }
  if (std::ranges::find(round->cohort, site) != round->cohort.end()) return std::nullopt;
  return NotHeld{"round-not-opened", entry + " opens it without this site"};
}

}  // namespace

std::optional<NotHeld> RunObjection(const standing::State& state, const RunId& run) {
  const auto found = state.runs.find(run);
  if (found == state.runs.end() || !found->second.approved) {
    return NotHeld{"run-not-approved", "no entry approves the run"};
  }
  if (!found->second.halted) return std::nullopt;
  return NotHeld{"run-halted",
                 "entry " + std::to_string(*found->second.halted) + " has ended the run"};
}

bool IsOver(const standing::State& state, const round::RoundAttempt& at) {
  const standing::Round* round = RoundAt(state, at);
  return round != nullptr && !round->is_open();
}

std::optional<NotHeld> RosterObjection(const standing::Standing& own, const round::Roster& roster,
                                       const SiteId& site, rules::Instant now) {
  const standing::State& state = own.state();
  if (auto objection = RunObjection(state, roster.at.run)) return objection;
  const standing::Round* round = RoundAt(state, roster.at);
  for (const round::AdmittedDataset& one : roster.admitted) {
    const standing::Admission* admission =
        round == nullptr ? nullptr : AdmissionOf(*round, site, {one.dataset, one.version});
    if (admission != nullptr && admission->index == one.entry) continue;
    return NotHeld{"not-admitted", "entry " + std::to_string(one.entry) + " does not admit " +
                                       Naming({one.dataset, one.version}) + " to this round"};
  }
  if (auto objection = NotOpened(state, round, roster, site)) return objection;
  for (const round::AdmittedDataset& one : roster.admitted) {
    const auto reasons = OwnRefusal(own, {{roster.at.run, roster.at.round, roster.at.attempt},
                                          site,
                                          {one.dataset, one.version},
                                          std::max(now, own.latest())});
    if (reasons.empty()) continue;
    return NotHeld{"not-permitted", "entry " + std::to_string(one.entry) + " admits " +
                                        Naming({one.dataset, one.version}) +
                                        ", and this site does not: " + reasons.front().rule + ": " +
                                        reasons.front().because.en};
  }
  return std::nullopt;
}

uint64_t SizeFor(const round::Roster& roster) {
  uint64_t last = roster.opened_index;
  for (const round::AdmittedDataset& one : roster.admitted) last = std::max(last, one.entry);
  return last + 1;
}

std::optional<NotHeld> LeavingObjection(const standing::State& state, const Leaving& what) {
  if (auto objection = RunObjection(state, what.at.run)) return objection;
  const auto admits = [&](const round::OfferedDataset& one) {
    const standing::RoundAttempt first{what.at.run, what.at.round,
                                       what.rostered ? what.at.attempt : 0};
    for (auto it = state.rounds.lower_bound(first); it != state.rounds.end(); ++it) {
      if (it->first.run != what.at.run || it->first.round != what.at.round) break;
      if (it->first.attempt > what.at.attempt) break;
      if (AdmissionOf(it->second, what.site, one) != nullptr) return true;
    }
    return false;
  };
  const auto refused = std::ranges::find_if_not(what.trained, admits);
  if (refused == what.trained.end()) return std::nullopt;
  return NotHeld{"not-admitted", "no entry admits " + Naming(*refused) + " to this round"};
}

std::vector<rules::Reason> OwnRefusal(const standing::Standing& own,
                                      const standing::AdmissionRequest& request) {
  const auto ruling = standing::Decide(own, request);
  if (ruling && ruling->allowed()) return {};
  if (ruling && !ruling->decision.reasons.empty()) return ruling->decision.reasons;
  rules::Reason undecided;
  undecided.rule = "undecided";
  undecided.because = {ruling ? "nothing permits it" : ruling.error().message, ""};
  return {undecided};
}

std::string DomicileObjection(const standing::State& state, const MemberId& member,
                              const identity::Domicile& invited) {
  const auto found = state.members.find(member);
  if (found == state.members.end() || !found->second.described) return "";
  const std::string said = std::string(Name(found->second.house)) + ", " + found->second.country;
  if (said == invited.ToText()) return "";
  return "the record has " + member.str() + " as " + said + ", and this site was invited as " +
         invited.ToText() +
         ": votes, and what terms allow where, go by what the record has; ask "
         "the operator of the aggregator who said so";
}

std::string KeyNotice(const PublicKey& key, const standing::Speaker& speaker, const OwnSeat& own) {
  const std::string hex = ToHex(key).substr(0, 16);
  const std::string as =
      speaker.member.str() + ", as " + std::string(Name(speaker.role)) + " " + speaker.site.str();
  if (speaker.member != own.member) {
    const bool names_it = speaker.role == ledger::Role::kSite && speaker.site == own.site;
    if (!names_it || speaker.revoked) return "";
    return "the record lets key " + hex + " speak for " + as +
           ", which is this site's name: a name is one member's; ask the operator of the "
           "aggregator who let it in";
  }
  const std::string disown = "dure member disown " + hex;
  return speaker.revoked
             ? "the record has ended key " + hex + " of " + as +
                   "; if nobody of yours made it, an officer takes back what it said with: " +
                   disown
             : "the record lets key " + hex + " speak for " + as +
                   "; if nobody of yours made it, an officer ends it with: " + disown;
}

bool IsInOlderWords(const standing::State& state) {
  const uint32_t newest = standing::NewestWords(state);
  return newest != 0 && newest < rules::kWordsVersion;
}

}  // namespace dure::site
