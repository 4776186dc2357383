// The aggregator's half, part two: what each site says, and what it is told.
#include <algorithm>
#include <utility>

#include "federation/round/round.h"

namespace dure::round {

void Rounds::OnMessage(const SiteId& id, Site& site, const Ready& m) {
  if (m.at != at()) return Inform(id, site);
  if (s_.phase == RunPhase::kCollecting && site.in_cohort && site.step == Step::kWaiting) {
    return SendRoster(id, site);  // its roster was lost
  }
  if (s_.phase != RunPhase::kGathering || !Attends(site) || m.base != s_.base) return;
  // What is said again, after it was decided, changes nothing before the next attempt asks.
  if (site.answer == Answer::kReady || s_.unadmitted) return;
  site.answer = Answer::kReady;
  site.offered = m.datasets;
  site.owes_ack = false;  // It holds what the last outcome named.
  if (std::exchange(site.dissents, false)) Changed();
  // Kept with the admissions: after a death before them every site is asked again.
  Note(NoticeKind::kReady, id);
}

void Rounds::OnMessage(const SiteId& id, Site& site, const Declined& m) {
  if (m.at != at()) return Inform(id, site);
  if (s_.phase != RunPhase::kGathering || site.answer != Answer::kNone) return;
  site.answer = Answer::kDeclined;
  site.out_reason = m.reason;
  Changed();
  Note(NoticeKind::kDeclined, id, m.reason);
}

void Rounds::OnMessage(const SiteId& id, Site& site, const Submission& m) {
  const bool receipted =
      site.receipt && site.receipt->at == m.at && site.receipt->contribution == m.contribution;
  if (receipted) {
    SendTo(id, site, *site.receipt);
    if (m.at != at()) Inform(id, site);
    return;
  }
  if (m.at != at()) {
    Refuse(id, m, RefusalReason::kLate);
    return Inform(id, site);
  }
  if (s_.phase >= RunPhase::kGathering && s_.phase <= RunPhase::kOpening) return;
  if (!site.in_cohort) return Refuse(id, m, RefusalReason::kNotInCohort);
  if (site.step == Step::kVerifying || site.step == Step::kAppending) return;
  const bool takes = s_.phase == RunPhase::kCollecting && s_.collecting;
  if (site.step == Step::kOut) return Refuse(id, m, RefusalReason::kExcluded);
  if (!takes || site.step != Step::kWaiting) return Refuse(id, m, RefusalReason::kLate);
  if (m.base_model != s_.base.model) return Refuse(id, m, RefusalReason::kOtherBase);
  // Under masking nothing but the sum is told; without it everything is.
  if ((m.weight == 0) != manifest_.masked()) return Refuse(id, m, RefusalReason::kNotSigned);
  // Nor may one that counts like every other say that it weighs less, which would enlarge the rest.
  const bool even =
      manifest_.weighting == Weighting::kEqual && manifest_.merge.kind != MergeKind::kDirectionNorm;
  if (even && !manifest_.masked() && m.weight != kWeightMax) {
    return Refuse(id, m, RefusalReason::kNotSigned);
  }
  if (m.datasets != site.admitted) return Refuse(id, m, RefusalReason::kNotAdmitted);
  // Kept once it is verified: nobody was told of it, and the site says it again after a death.
  site.step = Step::kVerifying;
  site.taken = m;
  Note(NoticeKind::kSubmitted, id);
  out_.emplace_back(VerifySubmission{id, m});
}

void Rounds::OnMessage(const SiteId& id, Site& site, const OutcomeAck& m) {
  if (!s_.last || m.at != s_.last->at || !site.owes_ack) return;
  site.owes_ack = false;
  const bool equal = m.derivation == Derivation::kEqual && m.derived == s_.last->next;
  const bool claims = m.derivation == Derivation::kEqual || m.derivation == Derivation::kDifferent;
  const bool dissented = site.dissents;
  if (claims) site.dissents = !equal;
  // That it answered is kept with what comes next: who is told the outcome again answers again.
  if (dissented || site.dissents || s_.phase == RunPhase::kEnded) Changed();
  const bool dissent = claims && !equal;
  Note(dissent ? NoticeKind::kDissent : NoticeKind::kDerived, id,
       std::string(Name(dissent ? Derivation::kDifferent : m.derivation)));
  if (s_.phase == RunPhase::kEnded) Inform(id, site);
}

void Rounds::OnMessage(const SiteId& id, Site& site, const Withdraw& m) {
  if (m.at != at()) return;
  DropOut(id, site, m.reason);
}

void Rounds::OnMessage(const SiteId& id, Site& site, const Leave& m) {
  if (m.ended) {
    if (s_.phase != RunPhase::kEnded || site.knows_end) return;
    site.knows_end = true;
    return Changed();
  }
  if (m.sequence <= site.sequence) return;
  site.sequence = m.sequence;
  site.left = true;
  site.owes_ack = false;
  Changed();
  DropOut(id, site, "left");
  Note(NoticeKind::kLeft, id);
}

void Rounds::OnMessage(const SiteId& id, Site& site, const Join& m) {
  if (m.sequence > site.sequence) {
    site.sequence = m.sequence;
    site.left = false;
    site.knows_end = false;               // A site forgets the end when it leaves.
    site.owes_ack = s_.last.has_value();  // It may have left before it heard of its contribution.
    Changed();
    Note(NoticeKind::kJoined, id);
    Reconsider();
  }
  Inform(id, site);
}

void Rounds::OnMessage(const SiteId& id, Site&, const SiteStatus& m) {
  Note(NoticeKind::kStatus, id);
  std::get<Announce>(out_.back()).notice.status = m;
}

// Answers of the log about submissions
// --------------------------------------------------------------

Rounds::Site* Rounds::FindBySubmissionKey(std::string_view key, SiteId& id) {
  const std::string prefix = Key("submission/");
  if (s_.phase != RunPhase::kCollecting || !key.starts_with(prefix)) return nullptr;
  auto parsed = SiteId::Parse(key.substr(prefix.size()));
  if (!parsed) return nullptr;
  const auto found = s_.sites.find(*parsed);
  if (found == s_.sites.end() || found->second.step != Step::kAppending) return nullptr;
  id = found->first;
  return &found->second;
}

void Rounds::SubmissionAppended(const SiteId& id, Site& site, const Appended& appended) {
  site.step = Step::kReceipted;
  site.receipt = Receipt{.at = at(),
                         .contribution = site.taken->contribution,
                         .index = appended.index,
                         .proof = appended.proof};
  // Not kept for itself: that it is being appended is, and the log gives the same entry again.
  Note(NoticeKind::kReceipted, id);
  SendTo(id, site, *site.receipt);
  AppendReceipted(id, site);
}

void Rounds::AppendSubmission(const SiteId& id, const Site& site) {
  out_.emplace_back(
      Append{Key("submission/" + id.str()), RecordSubmission{at(), id, site.taken->envelope}});
}

void Rounds::AppendReceipted(const SiteId& id, const Site& site) {
  out_.emplace_back(
      Append{Key("receipted/" + id.str()), RecordReceipted{at(), id, site.receipt->index}});
}

// What sites are told
// -------------------------------------------------------------------------------

bool Rounds::IsOverFor(const SiteId& id) const {
  const auto found = s_.sites.find(id);
  return s_.phase == RunPhase::kEnded && found != s_.sites.end() && !found->second.owes_ack;
}

void Rounds::Inform(const SiteId& id, const Site& site) {
  if (!site.connected || site.removed) return;
  if (s_.last && site.owes_ack) {
    Outcome outcome = *s_.last;
    outcome.has_counted = site.has_counted;
    outcome.counted_round = site.counted_round;
    outcome.counted_attempt = site.counted_attempt;
    SendTo(id, site, std::move(outcome));
  }
  if (site.left) return;
  if (s_.phase == RunPhase::kGathering && site.answer == Answer::kNone) {
    SendTo(id, site, PlanFor(site));
  }
  if (s_.phase == RunPhase::kEnded && !site.owes_ack && !site.knows_end) {
    SendTo(id, site, RunEnded{manifest_.run, s_.round.value, s_.base, s_.reason});
  }
}

void Rounds::InformAll() {
  for (const auto& [id, site] : s_.sites) Inform(id, site);
}

bool Rounds::AwaitsAnswer(const Site& site) const {
  if (!site.connected || site.removed) return false;
  if (s_.last && site.owes_ack) return true;
  if (site.left) return false;
  return (s_.phase == RunPhase::kGathering && site.answer == Answer::kNone) ||
         (s_.phase == RunPhase::kEnded && !site.knows_end);
}

Plan Rounds::PlanFor(const Site& site) const {
  Plan plan{.plan = {},
            .manifest = manifest_,
            .has_counted = site.has_counted,
            .counted_round = site.counted_round,
            .counted_attempt = site.counted_attempt};
  plan.plan = {.at = at(),
               .manifest = manifest_digest_,
               .base = s_.base,
               .initial_scale = s_.round.value == 0 ? manifest_.initial_scale : 0.0F,
               .deadline = manifest_.round_deadline,
               .reference_tokens = manifest_.reference_tokens};
  return plan;
}

void Rounds::SendTo(const SiteId& id, const Site& site, Message message) {
  if (site.connected && !site.removed) out_.emplace_back(Send{id, std::move(message)});
}

void Rounds::SendRoster(const SiteId& id, const Site& site) {
  const Duration left = std::max(Duration(0), *s_.deadline - now_);
  SendTo(id, site, Roster{at(), Cohort(), s_.opened_index, left, site.admitted});
}

void Rounds::Refuse(const SiteId& id, const Submission& submission, RefusalReason reason) {
  out_.emplace_back(Send{id, Refusal{submission.at, submission.contribution, reason}});
  Note(NoticeKind::kRefused, id, std::string(Name(reason)));
}

void Rounds::Note(NoticeKind kind, SiteId site, std::string text) {
  out_.emplace_back(Announce{{.kind = kind,
                              .at = at(),
                              .phase = s_.phase,
                              .site = std::move(site),
                              .text = std::move(text),
                              .status = {}}});
}

void Rounds::KeepTimeLeft() {
  if (TimeRuns() && now_ - kept_at_ >= pace_.keep) Changed();
  if (changed_) kept_at_ = now_;
}

void Rounds::ArmTimer() {
  std::optional<MonoTime> next;
  const auto by = [&next](MonoTime when) { next = next ? std::min(*next, when) : when; };
  if (s_.window_end) by(*s_.window_end);
  // Over while the window is not, and enough are here: what is past would come again at once.
  if (s_.window_end && *s_.patience_end > now_) by(*s_.patience_end);
  if (s_.deadline && s_.collecting) by(*s_.deadline);
  if (TimeRuns()) by(kept_at_ + pace_.keep);
  for (const auto& [id, site] : s_.sites) {
    if (AwaitsAnswer(site)) by(std::max(resend_at_, now_));
    const bool awaited = s_.collecting && site.in_cohort && site.step == Step::kWaiting;
    if (awaited && !site.connected && !IsLost(site) && manifest_.lost_grace.count() > 0) {
      by(site.gone_since + manifest_.lost_grace);
    }
  }
  if (!next || (armed_ && *armed_ == *next)) return;
  armed_ = next;
  out_.emplace_back(SetTimer{*next});
}

bool Rounds::IsLost(const Site& site) const {
  return !site.connected && manifest_.lost_grace.count() > 0 &&
         now_ - site.gone_since >= manifest_.lost_grace;
}

// Questions
// -----------------------------------------------------------------------------------------

std::string Rounds::Key(std::string_view kind) const {
  if (kind == "proposed") return manifest_.run.str() + "/proposed";
  return at().Text() + "/" + std::string(kind);
}

uint32_t Rounds::Needed() const {
  if (!s_.whole) return manifest_.cohort_min;
  uint32_t attending = 0;
  uint32_t counted = 0;
  for (const auto& [id, site] : s_.sites) {
    if (!Attends(site)) continue;
    ++attending;
    if (site.has_counted) ++counted;
  }
  // Before the first sum: of those that there may be, every one.
  const uint32_t needed = counted > 0 ? counted : attending;
  return std::max(manifest_.cohort_min, std::min(needed, manifest_.cohort_max));
}

std::optional<std::string> Rounds::OutReason(const SiteId& site) const {
  const auto found = s_.sites.find(site);
  const bool out =
      found != s_.sites.end() && found->second.in_cohort && found->second.step == Step::kOut;
  return out ? std::optional(found->second.out_reason) : std::nullopt;
}

std::string Rounds::WhoIsOut(bool (*is_out)(const Site&)) const {
  constexpr size_t kNamedMax = 3;
  std::string text;
  size_t out = 0;
  for (const auto& [id, site] : s_.sites) {
    if (!is_out(site) || site.out_reason.empty()) continue;
    if (++out > kNamedMax) continue;
    text += (text.empty() ? "" : ", ") + id.str() + " " + site.out_reason;
  }
  return out > kNamedMax ? text + " and " + std::to_string(out - kNamedMax) + " more" : text;
}

std::string Rounds::WhoIsOut() const {
  return WhoIsOut([](const Site& site) { return site.in_cohort && site.step == Step::kOut; });
}

std::vector<SiteId> Rounds::Cohort() const {
  std::vector<SiteId> cohort;
  for (const auto& [id, site] : s_.sites) {
    if (site.in_cohort) cohort.push_back(id);
  }
  return cohort;
}

std::optional<Gathering> Rounds::WaitsFor() const {
  const bool paused = s_.phase == RunPhase::kPaused && s_.reason == kTooFewSites;
  if (s_.phase != RunPhase::kGathering && !paused) return std::nullopt;
  Gathering gathering{.ready = 0, .needed = Needed(), .missing = {}};
  for (const auto& [id, site] : s_.sites) {
    if (Attends(site) && site.connected && site.answer == Answer::kReady) {
      ++gathering.ready;
      continue;
    }
    SiteWait wait{.site = id, .cause = WaitCause::kNoAnswer, .reason = {}, .since = {}};
    if (site.removed) {
      wait.cause = WaitCause::kRevoked;
    } else if (site.left) {
      wait.cause = WaitCause::kLeft;
    } else if (!site.barred.empty()) {
      wait.cause = WaitCause::kBarred;
      wait.reason = site.barred;
    } else if (!site.connected) {
      wait.cause = WaitCause::kNotConnected;
      wait.since = site.gone_since;
    } else if (site.answer == Answer::kDeclined) {
      wait.cause = WaitCause::kDeclined;
      wait.reason = site.out_reason;
    } else if (site.answer == Answer::kRefused) {
      wait.cause = WaitCause::kRefused;
      wait.reason = site.out_reason;
    }
    gathering.missing.push_back(std::move(wait));
  }
  return gathering;
}

bool Rounds::Finished() const {
  return s_.phase == RunPhase::kEnded &&
         std::none_of(s_.sites.begin(), s_.sites.end(),
                      [this](const auto& entry) { return AwaitsAnswer(entry.second); });
}

bool Rounds::HoldsWithdrawals() const {
  if (s_.phase == RunPhase::kAdmitting || s_.phase == RunPhase::kOpening) return true;
  // What was on its way when the last contribution came is waited for, and nothing after it: else
  // whoever goes on withdrawing keeps the round from closing.
  if (s_.phase == RunPhase::kCollecting && !s_.collecting) return true;
  const RunPhase phase = s_.phase == RunPhase::kPaused ? s_.paused_in : s_.phase;
  return phase == RunPhase::kMerging || phase == RunPhase::kClosing;
}

bool Rounds::HoldsWithdrawalOf(const DatasetId& dataset) const {
  if (!HoldsWithdrawals()) return false;
  return std::ranges::any_of(s_.sites, [&](const auto& each) {
    return std::ranges::find(each.second.offered, dataset, &OfferedDataset::dataset) !=
           each.second.offered.end();
  });
}

bool Rounds::MayUpload(const SiteId& site) const {
  const auto found = s_.sites.find(site);
  return found != s_.sites.end() && s_.phase == RunPhase::kCollecting && s_.collecting &&
         found->second.in_cohort && found->second.step == Step::kWaiting;
}

bool Rounds::Uses(const Digest& contribution) const {
  if (s_.phase == RunPhase::kEnded) return false;
  const auto is_it = [&](const auto& each) {
    return each.second.taken && each.second.taken->contribution == contribution;
  };
  return std::ranges::any_of(s_.sites, is_it) ||
         std::ranges::find(s_.spooled, contribution) != s_.spooled.end();
}

std::vector<Digest> Rounds::Readable() const {
  std::vector<Digest> readable = {s_.base.model, s_.base.momentum, s_.base.scales,
                                  s_.last ? s_.last->aggregate : Digest{}};
  std::erase_if(readable, [](const Digest& d) { return d.IsZero(); });
  return readable;
}

}  // namespace dure::round
