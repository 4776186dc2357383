#include "cli/run_picture.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <map>

#include "cli/columns.h"

namespace dure::cli {
namespace {

constexpr size_t kColumnsLeast = 20;
constexpr size_t kRowsLeast = 8;

enum Place { kSite, kState, kBar, kStep, kLoss, kTokens, kUp, kDown, kPlaces };

struct Column {
  const char* title;
  size_t width;        // where there is room
  size_t width_least;  // before any column goes
  bool to_the_left;
};

constexpr std::array<Column, kPlaces> kColumns = {{{"site", 16, 14, true},
                                                   {"state", 12, 9, true},
                                                   {"", 16, 6, true},
                                                   {"step", 11, 9, false},
                                                   {"loss", 8, 6, false},
                                                   {"tokens", 10, 8, false},
                                                   {"up", 10, 9, false},
                                                   {"down", 10, 9, false}}};
// The least telling first: the bar repeats the step.
constexpr Place kGoesFirst[] = {kBar, kDown, kUp, kTokens, kLoss, kStep};

using Widths = std::array<size_t, kPlaces>;  // 0: the column is not drawn

// A line begins with two spaces, and columns are one apart.
size_t LineWidth(const Widths& widths) {
  size_t total = 1;
  for (const size_t width : widths) total += width == 0 ? 0 : width + 1;
  return total;
}

Widths WidthsFor(size_t room) {
  Widths widths{};
  for (size_t i = 0; i < kPlaces; ++i) widths[i] = kColumns[i].width;
  if (LineWidth(widths) <= room) return widths;
  for (size_t i = 0; i < kPlaces; ++i) widths[i] = kColumns[i].width_least;
  for (const Place place : kGoesFirst) {
    if (LineWidth(widths) <= room) break;
    widths[place] = 0;
  }
  return widths;
}

std::string Bar(uint64_t done, uint64_t total, size_t width) {
  const size_t full = total == 0 ? 0 : std::min<size_t>(width, done * width / total);
  std::string bar;
  for (size_t i = 0; i < width; ++i) bar += i < full ? "█" : "░";
  return bar;
}

std::string Line(const std::array<std::string, kPlaces>& cells, const Widths& widths) {
  std::string line = " ";
  for (size_t i = 0; i < kPlaces; ++i) {
    if (widths[i] == 0) continue;
    line += " " + (kColumns[i].to_the_left ? LeftAligned(cells[i], widths[i])
                                           : RightAligned(cells[i], widths[i]));
  }
  return line;
}

std::string Head(const RunProgress& progress) {
  std::string head = fmt::format(
      "  run {}{} · round {} of {} · {}", progress.run, progress.unmasked ? " (unmasked)" : "",
      std::min(progress.round + 1, progress.rounds), progress.rounds, progress.phase);
  if (progress.attempt > 0) head += fmt::format(" (attempt {})", progress.attempt + 1);
  if (!progress.reason.empty()) head += ", " + progress.reason;
  head += " · " + FormatSeconds(progress.elapsed_seconds);
  if (progress.remaining_seconds)
    head += ", about " + FormatSeconds(*progress.remaining_seconds) + " left";
  return head;
}

std::string SiteLine(const SiteProgress& site, bool unmasked, const Widths& widths) {
  const std::string step = site.steps == 0 ? "–" : fmt::format("{}/{}", site.step, site.steps);
  return Line({site.site, site.state, Bar(site.step, site.steps, widths[kBar]), step,
               site.loss || unmasked || site.steps == 0 ? LossText(site.loss) : "masked",
               FormatRate(site.tokens_per_second), FormatBytes(site.bytes_up),
               FormatBytes(site.bytes_down)},
              widths);
}

// "  and 9 more: 7 training, 2 receipted"
std::string RestLine(const std::vector<SiteProgress>& sites, size_t first) {
  std::map<std::string, size_t> states;
  for (size_t i = first; i < sites.size(); ++i) ++states[sites[i].state];
  std::string line = fmt::format("  and {} more:", sites.size() - first);
  for (const auto& [state, count] : states) {
    line += fmt::format("{} {} {}", line.back() == ':' ? "" : ",", count, state);
  }
  return line;
}

}  // namespace

std::string LossText(const std::optional<double>& loss) {
  return loss ? fmt::format("{:.3f}", *loss) : "–";
}

std::string WhyItWaits(const RunProgress& progress) {
  // Without a vote a proposal stands for no longer than its entry takes to be written.
  constexpr double kProposalSeconds = 5;
  if (progress.phase == "proposing" && progress.elapsed_seconds > kProposalSeconds) {
    return "no round yet: where members vote on runs, dure tally shows how the vote stands";
  }
  const bool asks = progress.phase == "paused" && progress.waiting.empty();
  return asks ? "dure run resume goes on, dure run stop ends it" : progress.waiting;
}

std::vector<std::string> PictureOf(const RunProgress& progress, const Screen& screen) {
  // The last column and the last row stay free: many terminals go on to the next after them.
  const size_t room = std::max(kColumnsLeast, static_cast<size_t>(std::max(screen.columns, 0))) - 1;
  const size_t rows = std::max(kRowsLeast, static_cast<size_t>(std::max(screen.rows, 0))) - 1;
  const Widths widths = WidthsFor(room);
  std::vector<std::string> lines = {Head(progress)};
  const std::string why = WhyItWaits(progress);
  if (!why.empty()) lines.push_back("  " + why);
  lines.push_back(Line({"site", "state", "", "step", "loss", "tokens", "up", "down"}, widths));
  for (size_t i = 0; i < progress.sites.size(); ++i) {
    const SiteProgress& site = progress.sites[i];
    const size_t needed = site.note.empty() ? 1 : 2;
    const size_t kept = i + 1 < progress.sites.size() ? 1 : 0;  // for the line that counts the rest
    if (lines.size() + needed + kept > rows) {
      lines.push_back(RestLine(progress.sites, i));
      break;
    }
    lines.push_back(SiteLine(site, progress.unmasked, widths));
    if (!site.note.empty()) lines.push_back("      " + site.note);
  }
  for (std::string& line : lines) line = Clipped(line, room);
  return lines;
}

}  // namespace dure::cli
