// What a simulated world is asked to do, and how it is hurt: two small text files.
//
// A scenario has one directive a line: `sites 3`, `rounds 4`, `quorum 2`, ... and events such as
// `at 40 leave site-1`, `at 70 join site-1`, `at 50 stop`, `at 30 cut site-2 20`,
// `at 20 withdraw site-1`, `at 0 deny site-0 40`, `at 25 crash aggregator`, `at 25 crash aggregator
// 300`, `at 30 revoke site-1` (seconds of virtual time). A fault recipe has one probability a line:
// `loss 0.1`. '#' begins a comment.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "federation/result.h"
#include "federation/round/plan.h"

namespace dure::sim {

struct ScriptedEvent {
  double at_seconds = 0;
  // withdraw, deny, leave, join, stop, stop-after-round, cut, crash, revoke, readmit
  std::string verb;
  std::string who;     // a site, "aggregator", or empty
  double seconds = 0;  // cut, deny, crash: how long; a crash without it is over within seconds
};

// What an aggregator that lies does in masked rounds. Nobody promises then that a run ends; what
// must hold is that nothing is unmasked and no false sum is taken.
enum class Lie : uint8_t {
  kNone,
  kSplitSurvivors,  // each half of the sites is told of other survivors
  kFewSurvivors,    // all but too few are dropped
  kFalseSum,        // the published sum is not the sum
  kOldMessages,     // what was said in earlier attempts is said again, to anybody
  kMangled,         // messages are cut, lengthened, bent, misdelivered, sent back to who said them,
                    // and name sites twice or in another order
  kLightSum,        // a site masks a weight below zero, and the sum is passed on all the same
  kUnheard,         // no site hears its peers' check values, and a changed sum is recorded
};

struct Scenario {
  std::string name;
  uint32_t sites = 3;
  uint32_t late_sites = 0;  // further sites that first connect in the middle of the run
  uint64_t rounds = 3;
  uint32_t quorum = 2;
  uint32_t cohort_min = 2;
  uint32_t cohort_max = 8;
  double join_window = 5;
  double round_deadline = 60;
  double lost_grace = 20;
  double training = 10;  // mean seconds
  double momentum = 0.9;
  round::Lane lane = round::Lane::kInt8;
  bool masked = false;
  bool real_keys = false;  // masked: with X25519, and not with what stands in for it
  double saturation_limit = 0;
  double wild = 0;           // trainings that go astray: twenty times as far as others
  bool differences = false;  // masked: sums whose difference shows a member are taken
  Lie lie = Lie::kNone;
  bool steady = false;  // nothing of what happens here may cost an attempt
  std::string faults;   // the one recipe it is for; empty: any
  double faulty_seconds = 120;
  std::vector<ScriptedEvent> events;
};

// Probabilities: of a message, of an effect, or of a piece of work.
struct Faults {
  double loss = 0;
  double duplicate = 0;
  double delay = 0;  // a message takes seconds instead of milliseconds, and is overtaken
  double crash = 0;  // before an effect, at any node
  double cut = 0;    // a link breaks, at a message
  double upload_fails = 0;
  double blob_lost = 0;  // at the aggregator, found when a submission is verified
  double merge_fails = 0;
  double training_fails = 0;
  double derive_fails = 0;
  double derive_differs = 0;  // a bit flips at a site
  double decline = 0;
  double deny = 0;            // of a dataset, when it is first asked for in an attempt
  double withdraw = 0;        // of a dataset, at a message to a site
  double append_refused = 0;  // of a submission
  double clock_jump = 0;      // at a timer: the machine slept
  double removal_lost = 0;    // of a site's training result
  double file_lost = 0;       // of a site's results or residuals, when it starts again
};

Result<Scenario> ParseScenario(std::string_view text);
Result<Faults> ParseFaults(std::string_view text);
Result<std::string> ReadText(const std::string& path);
// Every file of a folder, parsed, by name. kInvalid names file and line.
Result<std::map<std::string, Scenario>> LoadScenarios(const std::string& folder);
Result<std::map<std::string, Faults>> LoadRecipes(const std::string& folder);

}  // namespace dure::sim
