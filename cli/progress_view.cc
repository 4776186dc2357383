#include "cli/progress_view.h"

#include <fmt/format.h>

#include <algorithm>
#include <nlohmann/json.hpp>

#include "cli/run_picture.h"
#include "federation/transport/json_fields.h"

namespace dure::cli {
namespace {

using nlohmann::json;
using transport::CountField;
using transport::ListField;
using transport::NumberField;
using transport::OptionalNumber;
using transport::TextField;

// Plain output says where training stands at most this often; state changes are always said.
constexpr double kPlainIntervalSeconds = 5;

// Every text of a progress line ends on somebody's terminal: a control character in it could move
// the cursor, or write what the aggregator never said.
std::string Shown(const json& object, const char* key) {
  std::string text = TextField(object, key);
  std::ranges::replace_if(
      text, [](char c) { return static_cast<unsigned char>(c) < 0x20 || c == 0x7f; }, ' ');
  return text;
}

SiteProgress ParseSite(const json& object) {
  SiteProgress site;
  site.site = Shown(object, "site");
  site.state = Shown(object, "state");
  site.step = CountField(object, "step");
  site.steps = CountField(object, "steps");
  site.loss = OptionalNumber(object, "loss");
  site.tokens_per_second = NumberField(object, "tokens_per_second");
  site.bytes_up = CountField(object, "bytes_up");
  site.bytes_down = CountField(object, "bytes_down");
  site.note = Shown(object, "note");
  return site;
}

RoundTimes ParseRound(const json& object) {
  RoundTimes times;
  times.round = CountField(object, "round");
  times.train = NumberField(object, "train");
  times.upload = NumberField(object, "upload");
  times.merge = NumberField(object, "merge");
  times.wait = NumberField(object, "wait");
  times.loss = OptionalNumber(object, "loss");
  times.note = Shown(object, "note");
  return times;
}

std::string RoundText(const RoundTimes& round) {
  const double total = round.train + round.upload + round.merge + round.wait;
  std::string text = fmt::format(
      "round {} closed in {}: train {:.1f} s, upload {:.2f} s, merge {:.2f} s, wait {:.2f} s",
      round.round, FormatSeconds(total), round.train, round.upload, round.merge, round.wait);
  if (round.loss) text += fmt::format("; training loss {:.3f}", *round.loss);
  if (!round.note.empty()) text += "; " + round.note;
  return text;
}

// "kt training 4/10 loss 2.500 3.1 k/s, 1.2 MiB up, 2.4 MiB down"
std::string PlainText(const SiteProgress& site) {
  std::string text = site.site + " " + site.state;
  if (site.state == "training" && site.steps != 0) {
    text += fmt::format(" {}/{}", site.step, site.steps);
    if (site.loss) text += " loss " + LossText(site.loss);
    if (site.tokens_per_second > 0) text += " " + FormatRate(site.tokens_per_second);
  }
  if (site.bytes_up == 0 && site.bytes_down == 0) return text;
  return text +
         fmt::format(", {} up, {} down", FormatBytes(site.bytes_up), FormatBytes(site.bytes_down));
}

}  // namespace

Result<RunProgress> ParseProgress(std::string_view text) {
  DURE_ASSIGN(const json object, transport::ParseJsonObject(text, "the aggregator's line"));
  if (TextField(object, "kind") != "progress") {
    return Fail(ErrorCode::kInvalid, "the aggregator sent a line that is no progress report");
  }
  RunProgress progress;
  progress.run = Shown(object, "run");
  progress.round = CountField(object, "round");
  progress.rounds = CountField(object, "rounds");
  progress.attempt = static_cast<uint32_t>(CountField(object, "attempt"));
  progress.unmasked = TextField(object, "masking") == "none";
  progress.phase = Shown(object, "phase");
  progress.reason = Shown(object, "reason");
  progress.elapsed_seconds = NumberField(object, "elapsed_seconds");
  progress.remaining_seconds = OptionalNumber(object, "remaining_seconds");
  progress.ended = Shown(object, "ended");
  progress.waiting = WaitingText(object.value("waiting", json()));
  for (const json& site : ListField(object, "sites")) progress.sites.push_back(ParseSite(site));
  for (const json& round : ListField(object, "closed"))
    progress.closed.push_back(ParseRound(round));
  return progress;
}

std::string WaitingText(const json& waiting) {
  if (!waiting.is_object()) return {};
  std::string text = fmt::format("{} of {} needed sites ready", CountField(waiting, "ready"),
                                 CountField(waiting, "needed"));
  for (const json& site : ListField(waiting, "missing")) {
    const std::string cause = Shown(site, "cause");
    const std::string reason = Shown(site, "reason");
    text += "; " + Shown(site, "site");
    if (cause == "not-connected") {
      text += " is not connected for " + FormatSeconds(NumberField(site, "seconds"));
    } else if (cause == "no-answer") {
      text += " has not answered yet";
    } else if (cause == "declined" && reason == "set-apart") {
      text += " is set apart: it was in no sum, and one with it would show its part";
    } else if (cause == "declined") {
      text += " declined" + (reason.empty() ? "" : " (" + reason + ")");
    } else if (cause == "refused") {
      text += " is refused" + (reason.empty() ? "" : " (" + reason + ")");
    } else if (cause == "left") {
      text += " left the run";
    } else if (cause == "barred") {
      text += " is left out of this round by the others (" + reason + ")";
    } else {
      text += " is " + cause;
    }
  }
  return text;
}

std::string FormatBytes(uint64_t bytes) {
  constexpr const char* kUnits[] = {"B", "KiB", "MiB", "GiB", "TiB"};
  double value = static_cast<double>(bytes);
  size_t unit = 0;
  while (value >= 1024 && unit + 1 < std::size(kUnits)) {
    value /= 1024;
    ++unit;
  }
  return unit == 0 ? fmt::format("{} B", bytes) : fmt::format("{:.1f} {}", value, kUnits[unit]);
}

std::string FormatSeconds(double seconds) {
  if (!(seconds >= 0 && seconds < 1e12)) return "?";
  if (seconds < 10) return fmt::format("{:.1f} s", seconds);
  const auto whole = static_cast<uint64_t>(seconds + 0.5);
  if (whole < 60) return fmt::format("{} s", whole);
  if (whole < 3600) return fmt::format("{} min {:02} s", whole / 60, whole % 60);
  return fmt::format("{} h {:02} min", whole / 3600, whole % 3600 / 60);
}

std::string FormatRate(double per_second) {
  if (per_second <= 0) return "–";
  if (per_second < 1000) return fmt::format("{:.0f}/s", per_second);
  return fmt::format("{:.1f} k/s", per_second / 1000);
}

ProgressView::ProgressView(std::ostream& out, bool redraw, std::function<Screen()> screen)
    : out_(out), redraw_(redraw), screen_(std::move(screen)) {}

void ProgressView::Show(const RunProgress& progress) {
  if (redraw_) {
    std::vector<std::string> above;
    for (const RoundTimes& round : progress.closed) above.push_back("  " + RoundText(round));
    if (!above.empty()) {
      Redraw(above);  // takes the table's place and stays; the table is drawn anew under it
      drawn_lines_ = 0;
    }
    Redraw(PictureOf(progress, screen_()));
  } else {
    PrintChanges(progress);
  }
  out_.flush();
}

void ProgressView::Finish() { drawn_lines_ = 0; }

void ProgressView::Redraw(const std::vector<std::string>& lines) {
  // Up to the first line of the last picture, then each line anew, clearing what stood there.
  if (drawn_lines_ > 0) out_ << "\x1b[" << drawn_lines_ << "A";
  for (const std::string& line : lines) out_ << "\r\x1b[2K" << line << "\n";
  if (drawn_lines_ > lines.size()) out_ << "\x1b[J";
  drawn_lines_ = lines.size();
}

void ProgressView::PrintChanges(const RunProgress& progress) {
  for (const RoundTimes& round : progress.closed) out_ << "  " << RoundText(round) << "\n";
  const std::string phase =
      fmt::format("{}/{}/{}/{}", progress.round, progress.attempt, progress.phase, progress.reason);
  const bool due = progress.elapsed_seconds - last_plain_seconds_ >= kPlainIntervalSeconds;
  for (const SiteProgress& site : progress.sites) {
    std::string& last = last_state_[site.site];
    // "equal" is no news: the site derived the model that everybody has.
    if (!site.note.empty() && site.note != "equal" && last != site.note) {
      out_ << fmt::format("  {}: {}\n", site.site, site.note);
      last = site.note;
    }
  }
  const std::string why = WhyItWaits(progress);
  // The seconds in it count on; that alone is said no more often than anything else.
  if (!why.empty() && (due || why.substr(0, 12) != last_waiting_)) {
    out_ << "  " << why << "\n";
    last_waiting_ = why.substr(0, 12);
  }
  if (phase == last_phase_ && !due) return;
  last_phase_ = phase;
  last_plain_seconds_ = progress.elapsed_seconds;
  std::string line =
      fmt::format("  [{:>6}]{} round {}/{} {}:", FormatSeconds(progress.elapsed_seconds),
                  progress.unmasked ? " unmasked" : "",
                  std::min(progress.round + 1, progress.rounds), progress.rounds, progress.phase);
  if (!progress.reason.empty()) line.insert(line.size() - 1, " (" + progress.reason + ")");
  for (const SiteProgress& site : progress.sites) line += "  " + PlainText(site);
  if (progress.remaining_seconds)
    line += "  (about " + FormatSeconds(*progress.remaining_seconds) + " left)";
  out_ << line << "\n";
}

}  // namespace dure::cli
