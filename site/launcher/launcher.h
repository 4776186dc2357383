// Launcher: starts a trainer in its own process and tells what becomes of it. A trainer may be a
// gang: several processes, the ranks, that train one model together. It is all up or all down: the
// first rank that ends takes the others along within a second or two.
//
// Life: Start gives a running trainer; Send asks it for work; events arrive through the observer;
// Stop (or destruction) ends it, or that it closes its side of the socket; on_exit comes exactly
// once, last. The daemon's only ties to the trainer are one socket, that of rank 0, and files;
// secrets never cross: each child gets a clean environment (on this machine also
// CUDA_VISIBLE_DEVICES and CUDA_DEVICE_ORDER), no other open file but its sockets to the other
// ranks, its own session, and dies with the daemon.
#pragma once

#include <chrono>
#include <cstdint>
#include <filesystem>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "federation/digest.h"
#include "federation/result.h"
#include "model/seat/messages.h"

namespace dure::launcher {

inline constexpr uint32_t kRanksMax = 64;

struct TrainerSpec {
  // What to run; empty: `dure-trainer` beside this process's own program.
  std::filesystem::path program;
  // Given before the seat's own arguments: a script for an interpreter, say.
  std::vector<std::string> arguments;
  // What the trainer may see of the file system besides system libraries; it holds itself to this
  // where the kernel can (Landlock). Paths need not exist yet if their parent does and is listed.
  std::vector<std::filesystem::path> read_paths;   // model, config, tokenizer, data
  std::vector<std::filesystem::path> write_paths;  // the work folder
  uint64_t memory_bytes_max = 0;                   // RLIMIT_AS; 0: no limit
  uint32_t open_files_max = 256;
  uint32_t ranks = 1;  // processes of the gang, at most kRanksMax
  // For a rank that gives no sign, and for a trainer that was told to stop its task.
  std::chrono::milliseconds rank_patience{300'000};
  bool waits_in_queue = false;  // a cluster's, for hours it may be, before it runs
};

struct TrainerExit {
  int exit_code = 0;    // when signal is 0
  int signal = 0;       // what killed it
  bool wanted = false;  // Stop was called before
  std::string reason;   // a sentence; of a gang, it names the rank, its host and its process
};

// Called from a thread of the launcher, one call at a time: post to your loop and return.
struct TrainerObserver {
  std::function<void(const seat::Event&)> on_event;
  // A line that is no event: it is refused and the trainer goes on.
  std::function<void(const Error&)> on_bad_line;
  std::function<void(const TrainerExit&)> on_exit;
};

class Trainer {
 public:
  virtual ~Trainer() = default;  // kills what still runs, then waits for on_exit to return
  // kInvalid: does not fit a line. kUnavailable: the trainer is gone, or has not read for two
  // seconds: stop it.
  virtual Status Send(const seat::Request& request) = 0;
  // Asks the trainer to end, by ending our side of its socket, and kills it and its group after
  // `grace`. What it started elsewhere goes when no trainer of this process is left (children.h).
  // Returns at once; may be repeated, the earliest end counts.
  virtual void Stop(std::chrono::milliseconds grace) = 0;
  virtual int64_t pid() const = 0;  // rank 0's
  // SHA-256 of the program's file when it was started: the code that the site trains with.
  virtual const Digest& code() const = 0;
};

class Launcher {
 public:
  virtual ~Launcher() = default;
  // kNotFound: no such program; kUnavailable: the system refuses another process; kInvalid: too
  // many ranks, or variables that name no devices.
  virtual Result<std::unique_ptr<Trainer>> Start(const TrainerSpec& spec,
                                                 TrainerObserver observer) = 0;
};

// SHA-256 of the file that `spec` would run. kNotFound: no such program.
Result<Digest> CodeOf(const TrainerSpec& spec);

// Processes on this machine. May be used from any thread.
class LocalLauncher final : public Launcher {
 public:
  Result<std::unique_ptr<Trainer>> Start(const TrainerSpec& spec,
                                         TrainerObserver observer) override;
};

}  // namespace dure::launcher
