#include "aggregator/run_view.h"

#include <algorithm>
#include <nlohmann/json.hpp>

#include "aggregator/waiting.h"

namespace dure::aggregator {
namespace {

constexpr std::chrono::milliseconds kLineInterval{200};
constexpr std::chrono::seconds kWaitingInterval{5};  // a line that only counts the time on

double SecondsBetween(MonoTime from, MonoTime to) {
  return to <= from ? 0 : std::chrono::duration<double>(to - from).count();
}

bool AfterTraining(round::SitePhase phase) {
  switch (phase) {
    case round::SitePhase::kEncoding:
    case round::SitePhase::kUploading:
    case round::SitePhase::kSigning:
    case round::SitePhase::kSubmitted:
      return true;
    default:
      return false;
  }
}

}  // namespace

RunView::RunView(const round::RunManifest& manifest, MonoTime now)
    : run_(manifest.run),
      rounds_(manifest.rounds),
      masking_(manifest.masking),
      started_(now),
      round_began_(now),
      collecting_began_(now),
      last_trained_(now),
      merging_began_(now) {}

void RunView::Resume(const round::Rounds& rounds) {
  phase_ = rounds.phase();
  round_ = rounds.at().round.value;
  attempt_ = rounds.at().attempt;
  if (phase_ == round::RunPhase::kEnded) {
    ended_ = rounds.reason().empty() ? "complete" : rounds.reason();
  } else {
    reason_ = rounds.reason();
  }
}

std::string RunView::WordFor(round::NoticeKind kind) const {
  using round::NoticeKind;
  switch (kind) {
    case NoticeKind::kReady:
      return "ready";
    case NoticeKind::kDeclined:
      return "declined";
    case NoticeKind::kLost:
      return "lost";
    case NoticeKind::kReturned:
      return "returned";
    case NoticeKind::kSubmitted:
      return "submitted";
    case NoticeKind::kReceipted:
      return "receipted";
    case NoticeKind::kRefused:
      return "refused";
    case NoticeKind::kWithdrew:
      return "withdrew";
    case NoticeKind::kExcluded:
      return "excluded";
    case NoticeKind::kLeft:
      return "left";
    case NoticeKind::kJoined:
      return "joined";
    case NoticeKind::kDerived:
      return "verified";
    case NoticeKind::kDissent:
      return "DISSENT";
    default:
      return "";
  }
}

void RunView::Take(const round::Notice& notice, MonoTime now) {
  changed_ = true;
  round_ = notice.at.round.value;
  attempt_ = notice.at.attempt;
  switch (notice.kind) {
    case round::NoticeKind::kPhase:
      EnterPhase(notice, now);
      return;
    case round::NoticeKind::kStatus:
      TakeStatus(notice, now);
      return;
    case round::NoticeKind::kClosed:
      CloseRound(notice, now);
      return;
    case round::NoticeKind::kAbandoned:
    case round::NoticeKind::kPaused:
      reason_ = notice.text;
      return;
    case round::NoticeKind::kEnded:
      phase_ = round::RunPhase::kEnded;
      ended_ = notice.text.empty() ? "complete" : notice.text;
      return;
    default:
      break;
  }
  if (notice.site.empty()) return;
  Site& site = sites_[notice.site];
  // Whoever was there when the run began, or this process, has not been away.
  if (notice.kind == round::NoticeKind::kReturned && site.state != "lost") return;
  site.state = WordFor(notice.kind);
  site.refused_at.reset();
  if (notice.kind == round::NoticeKind::kRefused) site.refused_at = notice.at;
  if (notice.kind == round::NoticeKind::kSubmitted && collecting_began_ > last_trained_)
    last_trained_ = now;
  site.note = notice.text;
}

void RunView::WaitFor(std::optional<round::Gathering> waits) {
  if (waits == waits_) return;
  waits_ = std::move(waits);
  changed_ = true;
}

void RunView::Remark(const round::RoundAttempt& at, const std::string& text) {
  remarks_[at.round.value + 1] = text;
}

void RunView::EnterPhase(const round::Notice& notice, MonoTime now) {
  phase_ = notice.phase;
  // A phase that waits says for what; once sites train, an earlier reason is over.
  if (!notice.text.empty() && notice.text != Name(phase_)) reason_ = notice.text;
  if (phase_ == round::RunPhase::kCollecting) reason_.clear();
  if (phase_ == round::RunPhase::kCollecting) {
    collecting_began_ = now;
    last_trained_ = now;
    for (auto& [id, site] : sites_) site.step = 0;
  }
  if (phase_ == round::RunPhase::kMerging) merging_began_ = now;
}

void RunView::TakeStatus(const round::Notice& notice, MonoTime now) {
  if (!notice.status) return;
  const round::SiteStatus& status = *notice.status;
  Site& site = sites_[notice.site];
  if (site.refused_at == status.at) return;  // it may take some time to hear of it
  const std::string state(round::Name(status.phase));
  const bool trained = status.steps != 0 && status.step >= status.steps;
  if ((AfterTraining(status.phase) || trained) && site.state == "training") last_trained_ = now;
  site.state = state;
  site.step = status.step;
  site.steps = status.steps;
  if (status.step > 0 && status.loss != 0) site.loss = status.loss;  // masked: none is told
  site.tokens_per_second = status.tokens_per_second;
  site.bytes_up = status.bytes_up;
  site.bytes_down = status.bytes_down;
  site.note.clear();
}

void RunView::CloseRound(const round::Notice& notice, MonoTime now) {
  Times times;
  times.round = notice.at.round.value + 1;
  times.train = SecondsBetween(collecting_began_, last_trained_);
  times.upload = SecondsBetween(last_trained_, merging_began_);
  times.merge = SecondsBetween(std::max(merging_began_, last_trained_), now);
  times.wait = SecondsBetween(round_began_, collecting_began_);
  times.note = notice.text;
  if (const auto remark = remarks_.extract(times.round)) {
    times.note += (times.note.empty() ? "" : "; ") + remark.mapped();
  }
  double sum = 0;
  size_t count = 0;
  for (const auto& [id, site] : sites_) {
    if (!site.loss) continue;
    sum += *site.loss;
    ++count;
  }
  if (count > 0) times.loss = sum / static_cast<double>(count);
  closed_.push_back(std::move(times));
  round_began_ = now;
}

std::optional<double> RunView::RemainingSeconds(MonoTime now) const {
  if (closed_.empty() || ended()) return std::nullopt;
  double total = 0;
  for (const Times& times : closed_) total += times.train + times.upload + times.merge + times.wait;
  const double each = total / static_cast<double>(closed_.size());
  const uint64_t begun = std::max(round_, closed_.back().round);  // rounds before the coming one
  const uint64_t left = rounds_ - std::min(rounds_, begun);
  return std::max(0.0, each * static_cast<double>(left) - SecondsBetween(round_began_, now));
}

std::string RunView::Line(MonoTime now, size_t closed_from) const {
  using nlohmann::json;
  json line = {{"kind", "progress"},
               {"run", run_.str()},
               {"round", round_},
               {"rounds", rounds_},
               {"attempt", attempt_},
               {"masking", std::string(Name(masking_))},
               {"phase", std::string(Name(phase_))},
               {"elapsed_seconds", SecondsBetween(started_, now)}};
  if (!reason_.empty()) line["reason"] = reason_;
  if (!ended_.empty()) line["ended"] = ended_;
  if (waits_) line["waiting"] = WaitingJson(*waits_, now);
  if (const auto remaining = RemainingSeconds(now)) line["remaining_seconds"] = *remaining;
  json sites = json::array();
  for (const auto& [id, site] : sites_) {
    json entry = {{"site", id.str()},
                  {"state", site.state},
                  {"step", site.step},
                  {"steps", site.steps},
                  {"bytes_up", site.bytes_up},
                  {"bytes_down", site.bytes_down},
                  {"tokens_per_second", site.tokens_per_second},
                  {"note", site.note}};
    if (site.loss) entry["loss"] = *site.loss;
    sites.push_back(std::move(entry));
  }
  line["sites"] = std::move(sites);
  json closed = json::array();
  const size_t latest = closed_.size() - std::min(closed_.size(), kClosedInALineMax);
  for (size_t i = std::max(closed_from, latest); i < closed_.size(); ++i) {
    const Times& times = closed_[i];
    json entry = {{"round", times.round}, {"train", times.train}, {"upload", times.upload},
                  {"merge", times.merge}, {"wait", times.wait},   {"note", times.note}};
    if (times.loss) entry["loss"] = *times.loss;
    closed.push_back(std::move(entry));
  }
  line["closed"] = std::move(closed);
  return line.dump(-1, ' ', false, json::error_handler_t::replace);
}

void RunView::Watch(std::shared_ptr<transport::Watcher> watcher, MonoTime now) {
  if (!watcher->Send(Line(now, 0))) return;
  if (ended()) {
    watcher->Close({});
    return;
  }
  watching_.push_back({std::move(watcher), closed_.size()});
}

void RunView::Tick(MonoTime now) {
  const bool waits = waits_ && now - last_line_ >= kWaitingInterval;
  if (watching_.empty() || !(changed_ || waits)) return;
  if (!ended() && now - last_line_ < kLineInterval) return;
  last_line_ = now;
  changed_ = false;
  std::erase_if(watching_, [&](Watching& watching) {
    const bool sent = watching.watcher->Send(Line(now, watching.closed_seen));
    watching.closed_seen = closed_.size();
    if (sent && ended()) watching.watcher->Close({});
    return !sent || ended();
  });
}

}  // namespace dure::aggregator
