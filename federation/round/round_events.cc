// The aggregator's half: what happens, event by event. The order of a round is in round.cc.
#include <algorithm>
#include <utility>

#include "federation/check.h"
#include "federation/round/round.h"

namespace dure::round {
namespace {

// Submissions of one site and attempt that its site did not sign: an honest one signs the first.
constexpr uint32_t kUnsignedMax = 8;

}  // namespace

// Events from the driver
// ----------------------------------------------------------------------------

void Rounds::On(const Started&) {
  resend_at_ = now_ + pace_.resend;
  kept_at_ = now_;
  for (auto& [id, site] : s_.sites) site.gone_since = now_;
  if (s_.phase == RunPhase::kNew) return EnterPhase(RunPhase::kProposing);
  Reemit();
}

// What was begun and not answered when the last life ended; the answers may have been lost with it.
void Rounds::Reemit() {
  if (s_.phase == RunPhase::kAdmitting) EmitAdmissions();
  if (s_.phase == RunPhase::kMerging) EmitMerge();
  const bool in_round = s_.phase == RunPhase::kCollecting || s_.phase == RunPhase::kMerging ||
                        s_.phase == RunPhase::kClosing || s_.phase == RunPhase::kAbandoning;
  for (const auto& [id, site] : s_.sites) {
    if (!in_round || !site.in_cohort) continue;
    if (site.step == Step::kVerifying) out_.emplace_back(VerifySubmission{id, *site.taken});
    if (site.step == Step::kAppending) AppendSubmission(id, site);
    if (site.step == Step::kReceipted) AppendReceipted(id, site);
  }
  AppendForPhase();
}

void Rounds::On(const SiteConnected& e) {
  const bool is_new = !s_.sites.contains(e.site);
  Site& site = s_.sites[e.site];
  if (is_new || site.away) Changed();
  site.away = false;
  site.connected = true;
  if (site.removed) return;
  Note(NoticeKind::kReturned, e.site);
  Inform(e.site, site);
  if (!armed_ && resend_at_ <= now_) resend_at_ = now_ + pace_.resend;  // said just now
  Reconsider();
  const bool trains = s_.phase == RunPhase::kCollecting && site.in_cohort;
  if (trains && site.step == Step::kWaiting) SendRoster(e.site, site);
}

void Rounds::On(const SiteDisconnected& e) {
  const auto found = s_.sites.find(e.site);
  if (found == s_.sites.end() || !found->second.connected) return;
  found->second.connected = false;
  found->second.gone_since = now_;
  Note(NoticeKind::kLost, e.site);
}

void Rounds::On(const SiteRemoved& e) {
  const auto found = s_.sites.find(e.site);
  if (found == s_.sites.end() || found->second.removed) return;
  Site& site = found->second;
  site.removed = true;
  site.owes_ack = false;
  Changed();
  DropOut(e.site, site, "revoked");
  Note(NoticeKind::kLeft, e.site, "revoked");
}

void Rounds::On(const SiteReadmitted& e) {
  const auto found = s_.sites.find(e.site);
  if (found == s_.sites.end() || !found->second.removed) return;
  Site& site = found->second;
  site.removed = false;
  site.owes_ack = s_.last.has_value();  // It was not told what became of its contribution.
  Changed();
  Note(NoticeKind::kJoined, e.site, "readmitted");
  Inform(e.site, site);
  Reconsider();
}

void Rounds::On(const Received& e) {
  const auto found = s_.sites.find(e.site);
  if (found == s_.sites.end() || found->second.removed) return;
  if (RunOf(e.message) != manifest_.run) return;
  if (found->second.away) Changed();
  found->second.away = false;
  std::visit([&](const auto& m) { OnMessage(found->first, found->second, m); }, e.message);
}

void Rounds::On(const Appended& e) {
  if (SiteId id; Site* site = FindBySubmissionKey(e.key, id)) {
    return SubmissionAppended(id, *site, e);
  }
  if (s_.phase == RunPhase::kProposing && e.key == Key("proposed")) return StartGathering();
  if (s_.phase == RunPhase::kOpening && e.key == Key("opened")) return StartCollecting(e.index);
  if (s_.phase == RunPhase::kClosing && e.key == Key("closed")) return CloseRound(e);
  if (s_.phase == RunPhase::kAbandoning && e.key == Key("abandoned")) return NextAttempt();
}

void Rounds::On(const AppendRefused& e) {
  if (SiteId id; Site* site = FindBySubmissionKey(e.key, id)) {
    site->step = Step::kWaiting;
    Changed();
    Note(NoticeKind::kRefused, id, e.reason);
    DropIfGone(id, *site);
    return Refuse(id, *site->taken, RefusalReason::kNotRecorded);
  }
  const bool own = (s_.phase == RunPhase::kProposing && e.key == Key("proposed")) ||
                   (s_.phase == RunPhase::kOpening && e.key == Key("opened")) ||
                   (s_.phase == RunPhase::kClosing && e.key == Key("closed")) ||
                   (s_.phase == RunPhase::kAbandoning && e.key == Key("abandoned"));
  if (own && e.key == Key("opened") && e.reason == kAdmissionOver) return NextAttempt();
  if (own) PauseRun("log-refused");
}

void Rounds::On(const AdmissionsDecided& e) {
  if (s_.phase != RunPhase::kAdmitting || e.at != at()) return;
  for (auto& [id, site] : s_.sites) {
    if (!site.in_cohort) continue;
    const auto decided = std::find_if(e.sites.begin(), e.sites.end(),
                                      [&id = id](const auto& one) { return one.site == id; });
    Admit(id, site, decided == e.sites.end() ? SiteAdmission{id, {}, "undecided"} : *decided);
  }
  Changed();
  OpenOrGatherAgain();
}

void Rounds::DropOut(const SiteId& id, Site& site, std::string reason) {
  const bool open = s_.phase == RunPhase::kAdmitting || s_.phase == RunPhase::kOpening ||
                    s_.phase == RunPhase::kCollecting;
  if (!open || !site.in_cohort || site.step != Step::kWaiting) return;
  site.step = Step::kOut;
  site.out_reason = std::move(reason);
  Changed();
  Note(NoticeKind::kWithdrew, id, site.out_reason);
}

void Rounds::DropIfGone(const SiteId& id, Site& site) {
  if (site.removed || site.left) DropOut(id, site, site.removed ? "revoked" : "left");
}

void Rounds::On(const Exclude& e) {
  const bool open = s_.phase == RunPhase::kAdmitting || s_.phase == RunPhase::kOpening ||
                    s_.phase == RunPhase::kCollecting;
  const auto found = s_.sites.find(e.site);
  if (!open || found == s_.sites.end()) return;
  Site& site = found->second;
  if (!site.in_cohort || site.step == Step::kOut) return;
  // Also what is receipted: the entry stays in the log, the contribution is counted nowhere.
  site.step = Step::kOut;
  site.out_reason = e.reason;
  Changed();
  Note(NoticeKind::kExcluded, e.site, e.reason);
  SendTo(e.site, site, Refusal{at(), {}, RefusalReason::kExcluded});
}

void Rounds::On(const SubmissionVerified& e) {
  const auto found = s_.sites.find(e.site);
  if (found == s_.sites.end() || s_.phase != RunPhase::kCollecting) return;
  Site& site = found->second;
  const bool awaited =
      site.step == Step::kVerifying && e.at == at() && site.taken->contribution == e.contribution;
  if (!awaited) return;
  Changed();
  if (e.verdict == Verdict::kOk) {
    site.step = Step::kAppending;
    return AppendSubmission(e.site, site);
  }
  // A missing blob or a bad envelope can be made good; lanes that are no lanes cannot.
  const Submission refused = *site.taken;
  site.step = Step::kWaiting;
  if (e.verdict == Verdict::kCorrupt) DropOut(e.site, site, "blob-corrupt");
  if (e.verdict == Verdict::kNotAllowed) DropOut(e.site, site, e.reason);
  if (e.verdict == Verdict::kNotSigned && ++site.unsigned_ones > kUnsignedMax) {
    DropOut(e.site, site, "refused-often");
  }
  DropIfGone(e.site, site);
  Refuse(e.site, refused,
         e.verdict == Verdict::kMissing     ? RefusalReason::kBlobMissing
         : e.verdict == Verdict::kCorrupt   ? RefusalReason::kBlobCorrupt
         : e.verdict == Verdict::kNotSigned ? RefusalReason::kNotSigned
                                            : RefusalReason::kNotAllowed);
}

void Rounds::On(const Merged& e) {
  if (s_.phase != RunPhase::kMerging || e.at != at()) return;
  DURE_CHECK(e.sums.has_value() == manifest_.masked(),
             "a masked round knows its sums, and only it");
  s_.aggregate = e.aggregate;
  s_.next = e.next;
  s_.sums = e.sums;
  s_.shares = e.shares;
  EnterPhase(RunPhase::kClosing);
}

void Rounds::On(const MergeFailed& e) {
  if (s_.phase == RunPhase::kMerging && e.at == at()) StartAbandoning(e.reason);
}

void Rounds::On(const AttemptFailed& e) {
  if (e.at != at()) return;
  if (e.reason == kNeedsAll && !s_.whole) {
    s_.whole = true;
    Changed();
  }
  if (s_.phase == RunPhase::kMerging) return StartAbandoning(e.reason);
  if (s_.phase != RunPhase::kCollecting || !s_.failing.empty()) return;
  s_.failing = e.reason;
  Changed();
}

void Rounds::On(const Bar& e) {
  const auto found = s_.sites.find(e.site);
  if (e.at.round != s_.round || found == s_.sites.end() || !found->second.barred.empty()) return;
  if (e.at.round == lifted_at_.round && e.at.attempt < lifted_at_.attempt) return;
  found->second.barred = e.reason;
  Changed();
  Note(NoticeKind::kExcluded, e.site, e.reason);
}

void Rounds::On(const Timer&) {
  armed_.reset();
  if (now_ < resend_at_) return;
  resend_at_ = now_ + pace_.resend;
  InformAll();
}

void Rounds::On(const StopRequested& e) {
  if (s_.phase == RunPhase::kEnded) return;
  s_.stopping = true;
  s_.stopping_now = s_.stopping_now || !e.after_round;
  Changed();
}

void Rounds::On(const Overtaken& e) {
  if (s_.phase == RunPhase::kEnded) return;
  ForgetAttempt();
  s_.round = {e.rounds};
  s_.base = e.last;
  s_.last.reset();
  for (auto& [id, site] : s_.sites) site.owes_ack = false;
  EndRun(std::string(kOvertaken));
}

void Rounds::On(const WithdrawalsUnderWay& e) { withdrawals_under_way_ = e.any; }

void Rounds::On(const Resume&) {
  if (AwaitsAdmission()) {
    refusals_ = 0;
    return AskAgain();
  }
  if (s_.phase != RunPhase::kPaused) return;
  LiftBars();
  lifted_at_ = at();
  if (s_.paused_in == RunPhase::kGathering) return StartGathering();
  EnterPhase(s_.paused_in, s_.reason);
}

}  // namespace dure::round
