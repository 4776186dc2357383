#include "federation/round/round.h"

#include <algorithm>
#include <array>
#include <utility>

#include "federation/check.h"

namespace dure::round {

std::string_view Name(RunPhase phase) {
  constexpr std::array<std::string_view, 12> kNames = {
      "",           "new",     "proposing", "gathering",  "admitting", "opening",
      "collecting", "merging", "closing",   "abandoning", "paused",    "ended"};
  return kNames[static_cast<size_t>(phase)];
}

std::string_view Name(NoticeKind kind) {
  constexpr std::array<std::string_view, 19> kNames = {
      "phase",   "ready",    "declined", "lost",  "returned", "submitted", "receipted",
      "refused", "withdrew", "excluded", "left",  "joined",   "closed",    "abandoned",
      "paused",  "derived",  "dissent",  "ended", "status"};
  return kNames[static_cast<size_t>(kind)];
}

std::string_view Name(WaitCause cause) {
  constexpr std::array<std::string_view, 7> kNames = {
      "no-answer", "not-connected", "declined", "left", "revoked", "barred", "refused"};
  return kNames[static_cast<size_t>(cause)];
}

Rounds::Rounds(RunManifest manifest, std::vector<SiteId> invited, Pace pace)
    : manifest_(std::move(manifest)), manifest_digest_(manifest_.digest()), pace_(pace) {
  DURE_CHECK(manifest_.Validate(), "a run starts from a manifest that passed Validate");
  s_.base.model = manifest_.initial_model;
  for (SiteId& site : invited) s_.sites[std::move(site)];
}

std::vector<Effect> Rounds::Handle(MonoTime now, const Event& event) {
  now_ = now;
  changed_ = false;
  out_.clear();
  out_.emplace_back(Persist{});  // Taken back below if nothing changed.
  std::visit([this](const auto& e) { On(e); }, event);
  Advance();
  KeepTimeLeft();
  ArmTimer();
  if (!changed_) out_.erase(out_.begin());
  return std::exchange(out_, {});
}

// The order of a round
// ------------------------------------------------------------------------------

void Rounds::EnterPhase(RunPhase phase, std::string reason) {
  s_.phase = phase;
  s_.reason = std::move(reason);
  s_.window_end.reset();
  s_.patience_end.reset();
  s_.deadline.reset();
  Changed();
  Note(NoticeKind::kPhase, {}, std::string(Name(phase)));
  AppendForPhase();
}

void Rounds::AppendForPhase() {
  const RoundAttempt at = this->at();
  if (s_.phase == RunPhase::kProposing) {
    out_.emplace_back(Append{Key("proposed"), RecordProposed{manifest_digest_}});
  } else if (s_.phase == RunPhase::kOpening) {
    out_.emplace_back(Append{Key("opened"), RecordOpened{at, s_.base.model, Cohort()}});
  } else if (s_.phase == RunPhase::kAbandoning) {
    out_.emplace_back(Append{Key("abandoned"), RecordAbandoned{at, s_.base.model, s_.reason}});
  } else if (s_.phase == RunPhase::kClosing) {
    RecordClosed closed{.at = at,
                        .counted = {},
                        .excluded = {},
                        .aggregate = s_.aggregate,
                        .next = s_.next,
                        .sums = s_.sums,
                        .merge = manifest_.merge.Recorded(),
                        .shares = s_.shares};
    for (const auto& [id, site] : s_.sites) {
      if (!site.in_cohort) continue;
      if (site.step == Step::kReceipted) {
        closed.counted.push_back({id, site.taken->weight, site.receipt->index});
      } else {
        closed.excluded.push_back(
            {id, site.step == Step::kOut ? site.out_reason : "no-submission"});
      }
    }
    out_.emplace_back(Append{Key("closed"), std::move(closed)});
  }
}

void Rounds::StartGathering() {
  EnterPhase(RunPhase::kGathering);
  s_.window_end = now_ + manifest_.join_window;
  s_.patience_end = now_ + pace_.patience;
  InformAll();
}

void Rounds::AdvanceGathering() {
  if (s_.stopping) return EndRun("stopped");
  if (s_.unadmitted) {
    // The same sites with the same data would be decided the same again at once.
    if (now_ >= *s_.window_end) AskAgain();
    return;
  }
  uint32_t ready = 0;
  uint32_t possible = 0;
  bool waiting = false;
  for (const auto& [id, site] : s_.sites) {
    if (!Attends(site)) continue;
    ++possible;
    const bool here = IsHere(site);
    if (here) ++ready;
    if (!here && !site.away && site.answer != Answer::kDeclined) waiting = true;
  }
  const bool enough = ready >= Needed() && !LacksNeeded();
  if (enough && (!waiting || ready >= manifest_.cohort_max)) return StartAdmitting();
  const bool hopeless = possible < manifest_.cohort_min || now_ >= *s_.patience_end;
  if (!enough && hopeless) return PauseRun(std::string(kTooFewSites));
  if (now_ < *s_.window_end) return;
  for (auto& [id, site] : s_.sites) {
    const bool here = site.answer == Answer::kReady && site.connected;
    if (!here) site.away = true;
  }
  Changed();
  if (enough) return StartAdmitting();
  WaitAnotherWindow();
}

// Of a round that stands on the sites of former sums, one is not here.
bool Rounds::LacksNeeded() const {
  return s_.whole && std::ranges::any_of(s_.sites, [this](const auto& entry) {
           const Site& site = entry.second;
           return Attends(site) && site.has_counted && !IsHere(site);
         });
}

void Rounds::WaitAnotherWindow() {
  const bool declined = std::any_of(s_.sites.begin(), s_.sites.end(), [](const auto& entry) {
    return entry.second.answer == Answer::kDeclined;
  });
  s_.window_end = now_ + manifest_.join_window;
  Note(NoticeKind::kPhase, {}, "waiting-for-sites");
  if (!declined) return;
  // Whoever declined may think otherwise by now. A repeated plan would get a repeated answer.
  ++s_.attempt;
  ForgetAttempt();
  InformAll();
}

void Rounds::Reconsider() {
  if (s_.phase != RunPhase::kPaused || s_.reason != kTooFewSites) return;
  const auto here = std::count_if(s_.sites.begin(), s_.sites.end(), [this](const auto& entry) {
    return Attends(entry.second) && entry.second.connected;
  });
  if (static_cast<uint64_t>(here) >= Needed()) StartGathering();
}

void Rounds::StartCollecting(uint64_t opened_index) {
  EnterPhase(RunPhase::kCollecting);
  s_.opened_index = opened_index;
  s_.collecting = true;
  s_.deadline = now_ + manifest_.round_deadline;
  for (const auto& [id, site] : s_.sites) {
    if (site.in_cohort) SendRoster(id, site);
  }
}

void Rounds::AdvanceCollecting() {
  uint32_t receipted = 0;
  bool in_flight = false;
  bool awaited = false;   // may still come, and is waited for
  bool possible = false;  // may still come
  uint32_t attending = 0;
  for (const auto& [id, site] : s_.sites) {
    if (!site.in_cohort) continue;
    if (Attends(site) || site.step != Step::kOut) ++attending;
    if (site.step == Step::kReceipted) ++receipted;
    if (site.step == Step::kVerifying || site.step == Step::kAppending) in_flight = true;
    if (site.step != Step::kWaiting) continue;
    possible = true;
    if (!IsLost(site)) awaited = true;
  }
  const bool quorum = receipted >= manifest_.quorum;
  // Whoever left or was revoked takes the quorum with it: nobody is kept waiting for the deadline.
  const bool hopeless = attending < manifest_.quorum;
  const bool over = s_.stopping_now || !s_.failing.empty() || now_ >= *s_.deadline || !possible ||
                    hopeless || (!awaited && quorum);
  // What is being verified or appended is let through first: nothing that the log holds is left
  // out.
  if (s_.collecting && over && (!in_flight || s_.stopping_now || now_ >= *s_.deadline)) {
    s_.collecting = false;
    Changed();
  }
  if (s_.collecting || in_flight || withdrawals_under_way_) return;
  if (s_.stopping_now) return StartAbandoning("stopped");
  if (!s_.failing.empty()) return StartAbandoning(s_.failing);
  if (!quorum) return StartAbandoning("no-quorum");
  StartMerging();
}

void Rounds::StartMerging() {
  EnterPhase(RunPhase::kMerging);
  EmitMerge();
}

void Rounds::EmitMerge() {
  StartMerge merge{.at = at(), .base = s_.base, .contributions = {}, .weight_sum = 0};
  for (const auto& [id, site] : s_.sites) {
    if (!site.in_cohort || site.step != Step::kReceipted) continue;
    const Submission& taken = *site.taken;
    merge.contributions.push_back(
        {id, taken.contribution, taken.weight, taken.tokens, taken.steps, site.receipt->index});
    merge.weight_sum += taken.weight;
  }
  out_.emplace_back(std::move(merge));
}

void Rounds::StartAbandoning(std::string reason) {
  s_.collecting = false;
  Note(NoticeKind::kAbandoned, {}, reason);
  EnterPhase(RunPhase::kAbandoning, std::move(reason));
}

void Rounds::LiftBars() {
  for (auto& [id, site] : s_.sites) site.barred.clear();
}

void Rounds::CloseRound(const Appended& closed) {
  Outcome outcome;
  outcome.at = at();
  outcome.base = s_.base;
  outcome.aggregate = s_.aggregate;
  outcome.next = s_.next;
  outcome.closed_index = closed.index;
  outcome.tree_head = closed.tree_head;
  RemoveBlobs removal{.blobs = std::move(s_.spooled), .checkpoints = {}};
  LiftBars();
  for (auto& [id, site] : s_.sites) {
    site.owes_ack = Attends(site);
    if (!site.in_cohort) continue;
    if (site.step != Step::kReceipted) {
      if (site.taken) removal.blobs.push_back(site.taken->contribution);
      continue;
    }
    outcome.counted.push_back({id, site.taken->weight, site.receipt->index});
    outcome.weight_sum += site.taken->weight;  // 0 under masking
    removal.blobs.push_back(site.taken->contribution);
    site.has_counted = true;
    site.counted_round = s_.round;
    site.counted_attempt = s_.attempt;
  }
  if (s_.sums) outcome.weight_sum = s_.sums->weight;
  if (s_.last) {
    removal.blobs.push_back(s_.last->aggregate);
    removal.checkpoints = {s_.last->base.model, s_.last->base.momentum, s_.last->base.scales};
  }
  Note(NoticeKind::kClosed);
  s_.base = outcome.next;
  s_.last = std::move(outcome);
  s_.round = s_.round.Next();
  s_.whole = false;
  s_.attempt = 0;
  s_.abandoned = 0;
  s_.spooled.clear();
  ForgetAttempt();
  // A round that changed nothing gives blobs of the same name again: those stay.
  const std::vector<Digest> live = Readable();
  const auto keep = [&](const Digest& d) {
    return d.IsZero() || std::find(live.begin(), live.end(), d) != live.end() ||
           d == s_.last->base.model || d == s_.last->base.momentum || d == s_.last->base.scales;
  };
  std::erase_if(removal.blobs, keep);
  std::erase_if(removal.checkpoints, keep);
  out_.emplace_back(std::move(removal));
  if (s_.round.value >= manifest_.rounds) return EndRun(std::string(kComplete));
  if (s_.stopping) return EndRun("stopped");
  StartGathering();
}

void Rounds::NextAttempt() {
  for (const auto& [id, site] : s_.sites) {
    if (site.in_cohort && site.taken) s_.spooled.push_back(site.taken->contribution);
  }
  ++s_.attempt;
  ++s_.abandoned;
  const std::string causes = WhoIsOut();  // of the last attempt, as long as it is known
  ForgetAttempt();
  if (s_.stopping) return EndRun("stopped");
  if (s_.abandoned % manifest_.attempts_max != 0) return StartGathering();
  PauseRun("attempts-exhausted" + (causes.empty() ? "" : ": " + causes));
  s_.paused_in = RunPhase::kGathering;
}

void Rounds::ForgetAttempt() {
  s_.collecting = false;
  s_.unadmitted = false;
  s_.opened_index = 0;
  s_.aggregate = {};
  s_.next = {};
  s_.sums.reset();
  s_.shares.clear();
  s_.failing.clear();
  for (auto& [id, site] : s_.sites) {
    site.answer = Answer::kNone;
    site.offered.clear();
    site.admitted.clear();
    site.in_cohort = false;
    site.step = Step::kWaiting;
    site.taken.reset();
    site.unsigned_ones = 0;
    site.out_reason.clear();
  }
  Changed();
}

void Rounds::PauseRun(std::string reason) {
  s_.paused_in = s_.phase;
  Note(NoticeKind::kPaused, {}, reason);
  EnterPhase(RunPhase::kPaused, std::move(reason));
}

void Rounds::EndRun(std::string reason) {
  EnterPhase(RunPhase::kEnded, std::move(reason));
  Note(NoticeKind::kEnded, {}, s_.reason);
  InformAll();
}

void Rounds::Advance() {
  // Each step leads to a phase that waits for an event, or gathers; no phase is entered twice.
  // A proposal may wait for a vote for days, and rules may not be able to decide an admission at
  // all: whoever asked takes it back without the answer.
  const bool idle = s_.phase == RunPhase::kPaused || s_.phase == RunPhase::kProposing ||
                    s_.phase == RunPhase::kAdmitting;
  if (idle && s_.stopping) EndRun("stopped");
  if (s_.phase == RunPhase::kCollecting) AdvanceCollecting();
  if (s_.phase == RunPhase::kGathering) AdvanceGathering();
}

}  // namespace dure::round
