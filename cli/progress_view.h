// How a run looks to whoever watches it: a table that redraws itself on a terminal, plain lines
// elsewhere.
//
// Life: construct, Show each JSON line of the aggregator's watch stream in order, Finish. Pure but
// for the stream it writes to and the screen it asks the size of before each picture.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <nlohmann/json_fwd.hpp>
#include <optional>
#include <ostream>
#include <string>
#include <string_view>
#include <vector>

#include "cli/screen.h"
#include "federation/result.h"

namespace dure::cli {

struct SiteProgress {
  std::string site;
  std::string state;  // "training", "uploading", ...
  uint64_t step = 0;
  uint64_t steps = 0;
  std::optional<double> loss;
  double tokens_per_second = 0;
  uint64_t bytes_up = 0;
  uint64_t bytes_down = 0;
  std::string note;  // the site's own error or refusal, if any
};

// Seconds of one closed round: "train" until the last site had trained, "upload" until the last
// submission, "merge" until the new model was named, "wait" the rest (gathering, acknowledgements).
struct RoundTimes {
  uint64_t round = 0;
  double train = 0;
  double upload = 0;
  double merge = 0;
  double wait = 0;
  std::optional<double> loss;  // mean of the sites' last training losses
  std::string note;
};

struct RunProgress {
  std::string run;
  uint64_t round = 0;
  uint64_t rounds = 0;
  uint32_t attempt = 0;
  bool unmasked = false;  // the aggregator sees each update
  std::string phase;
  std::string reason;  // why it waits or paused; empty while all goes well
  double elapsed_seconds = 0;
  std::optional<double> remaining_seconds;
  std::vector<SiteProgress> sites;
  std::vector<RoundTimes> closed;  // rounds closed since the last line
  std::string waiting;             // for whom, in words; empty: for nobody
  std::string ended;               // why the run ended; empty while it goes on
};

// kInvalid: not one of the aggregator's progress lines.
Result<RunProgress> ParseProgress(std::string_view json);

// The "waiting" of a progress line or of run.show, in words: "1 of 3 needed sites ready; kt is not
// connected for 3 min 20 s; naver declined (policy)". Empty: it is no such object.
std::string WaitingText(const nlohmann::json& waiting);

std::string FormatBytes(uint64_t bytes);    // "1.2 MiB"
std::string FormatSeconds(double seconds);  // "48 s", "3 min 20 s", "2 h 05 min"
std::string FormatRate(double per_second);  // "12.3 k/s"

class ProgressView {
 public:
  // `redraw`: the stream is a terminal that understands ANSI sequences.
  ProgressView(std::ostream& out, bool redraw, std::function<Screen()> screen = ScreenNow);
  void Show(const RunProgress& progress);
  // Leaves the last picture standing.
  void Finish();

 private:
  void Redraw(const std::vector<std::string>& lines);
  void PrintChanges(const RunProgress& progress);

  std::ostream& out_;
  bool redraw_;
  std::function<Screen()> screen_;
  size_t drawn_lines_ = 0;
  std::string last_phase_;
  std::string last_waiting_;
  std::map<std::string, std::string> last_state_;
  double last_plain_seconds_ = 0;
};

}  // namespace dure::cli
