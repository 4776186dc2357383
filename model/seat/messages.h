// The messages between a site's daemon and the trainer in its seat: JSON objects, one a line, at
// most kControlMessageBytesMax bytes each, over one inherited Unix stream socket.
//
// A trainer starts, says `ready`, then does one task at a time and answers each with progress and
// one last event (done, prepared, evaluated, generated or error) that carries the task's id. `stop`
// ends the running task within one step; the trainer stays. Progress tells each step, and that work
// goes on where there are none: a trainer that is silent for too long is ended
// (site/trainer_desk.h). When the socket closes the trainer exits. Paths are the trainer's view of
// the file system; data is in files, never in a message. Any program in any language can sit in the
// seat: docs in messages.cc name each field as it stands on the wire.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "federation/limits.h"
#include "federation/result.h"

namespace dure::seat {

inline constexpr size_t kLineBytesMax = limits::kControlMessageBytesMax;
inline constexpr uint32_t kSeatVersion = 1;
// Exit code of a process of a gang that lost another: the fault is the other's.
inline constexpr int kGangLostExit = 4;

// So many patiences of its site a trainer may be silent where there are no steps.
inline constexpr int kPatiencesBesideSteps = 12;

// A site's private data and how to read it (model/text/documents.h, dataset.h).
struct DataSpec {
  std::string path;
  std::vector<std::string> columns;  // empty: guessed
  double held_out_fraction = 0.05;
  uint64_t held_out_bytes_max = uint64_t{4} << 20;
  std::vector<std::string> more = {};  // files or folders besides `path`
  bool operator==(const DataSpec&) const = default;
};

// Tokenise (or find tokenised) and count. Answer: PreparedEvent.
struct PrepareTask {
  std::string tokenizer_path;  // tokenizer.json, its folder, or "bytes"
  DataSpec data;
  std::string work_dir;  // token files are kept under it
  // Of the training that is to follow, so that a trainer that cannot do it says so before its site
  // takes part; nothing is read of the model but its configuration. Empty: none is known.
  std::string config_path;
  uint32_t zero = 1;
  double record_clip = 0;
  bool operator==(const PrepareTask&) const = default;
};

enum class ScheduleKind { kConstant, kCosine, kWsd };

// One round's training. Answer: DoneEvent.
struct TrainTask {
  std::string run;  // for messages only
  uint64_t round = 0;
  std::string model_path;   // the base: safetensors, read only
  std::string config_path;  // Hugging Face config.json
  std::string tokenizer_path;
  DataSpec data;
  std::string work_dir;
  std::string state_in;     // optimizer and cursor of the round before; empty: a fresh start
  std::string state_out;    // a folder, made new; may not be state_in
  std::string output_path;  // trained parameters in the base's layout
  uint64_t steps = 0;       // at least one of steps and seconds is positive; the first reached ends
  double seconds = 0;
  uint32_t batch = 8;
  uint32_t sequence = 128;
  uint32_t accumulation = 1;
  uint32_t threads = 1;         // of each rank, where several processes train together
  uint32_t zero = 1;            // what those split: ZeRO's stage, 0 to 3
  uint64_t seed = 0;            // order of examples
  double learning_rate = 1e-3;  // peak
  double beta1 = 0.9;
  double beta2 = 0.95;
  double epsilon = 1e-8;
  double weight_decay = 0.1;
  double clip_norm = 1.0;
  ScheduleKind schedule = ScheduleKind::kConstant;
  uint64_t warmup_steps = 0;
  uint64_t total_steps = 0;  // cosine and WSD, over the whole run
  uint64_t decay_steps = 0;  // WSD
  double final_fraction = 0.1;
  // DP-SGD, if record_clip is above 0: each sequence's gradient cut to that norm, noise of so many
  // norms on a step's sum, each sequence in a step with that chance. A trainer that cannot must
  // fail, and says in DoneEvent::private_steps that it did; `batch` and `clip_norm` are then not
  // used, and `seconds` is 0.
  double record_clip = 0;
  double record_noise = 0;
  double record_rate = 0;
  bool operator==(const TrainTask&) const = default;
};

// Likelihood of held-out text. Answer: EvaluatedEvent.
struct EvaluateTask {
  std::string model_path;
  std::string config_path;
  std::string tokenizer_path;
  DataSpec data;
  std::string work_dir;
  uint64_t sequences_max = 0;  // 0: all
  uint32_t batch = 8;
  uint32_t sequence = 128;
  uint32_t threads = 1;
  uint64_t seed = 0;  // of the draws that its interval is made of
  bool operator==(const EvaluateTask&) const = default;
};

// Answer: GeneratedEvent.
struct GenerateTask {
  std::string model_path;
  std::string config_path;
  std::string tokenizer_path;
  std::string prompt;  // UTF-8
  uint32_t tokens_max = 64;
  double temperature = 0;
  uint32_t top_k = 0;
  uint64_t seed = 0;
  bool operator==(const GenerateTask&) const = default;
};

struct TaskRequest {
  uint64_t id = 0;
  std::variant<PrepareTask, TrainTask, EvaluateTask, GenerateTask> task;
  bool operator==(const TaskRequest&) const = default;
};

// Ends the running task; without one it does nothing. `keep`: training hands over what it has
// (done, stopped = true); otherwise the task ends with error code "cancelled" and leaves no output.
struct StopRequest {
  bool keep = false;
  bool operator==(const StopRequest&) const = default;
};

using Request = std::variant<TaskRequest, StopRequest>;

struct ReadyEvent {
  uint32_t version = kSeatVersion;
  std::string trainer;                   // "dure-trainer cpu"
  std::vector<std::string> protections;  // "no_new_privs", "seccomp", "landlock"; what holds it
  bool operator==(const ReadyEvent&) const = default;
};

struct ProgressEvent {
  uint64_t id = 0;
  std::string stage;   // "reading", "training", "writing", "evaluating"
  uint64_t step = 0;   // in this task
  uint64_t steps = 0;  // 0 when bounded by time only
  double loss = 0;     // nats a token, of the last step
  uint64_t tokens = 0;
  double tokens_per_second = 0;
  bool operator==(const ProgressEvent&) const = default;
};

struct PreparedEvent {
  uint64_t id = 0;
  uint64_t files = 0;
  uint64_t files_left_out = 0;
  uint64_t documents = 0;
  uint64_t bad_rows = 0;
  uint64_t train_tokens = 0;
  uint64_t train_bytes = 0;
  uint64_t held_out_tokens = 0;
  uint64_t held_out_bytes = 0;
  std::string source_digest;     // hex
  std::string tokenizer_digest;  // hex
  bool cached = false;
  std::vector<std::string> notes;
  bool operator==(const PreparedEvent&) const = default;
};

struct DoneEvent {
  uint64_t id = 0;
  uint64_t steps = 0;        // in this task
  uint64_t steps_total = 0;  // since the beginning of training, across rounds
  uint64_t tokens = 0;       // predicted tokens: what a site's weight is made of
  uint64_t examples = 0;     // sequences
  double first_loss = 0;
  double final_loss = 0;  // mean of the last tenth of the steps
  double learning_rate_sum = 0;
  double seconds = 0;
  bool stopped = false;            // ended by a stop request that said keep
  uint64_t private_steps = 0;      // of `steps`, those made with record_clip, _noise and _rate
  double accelerator_seconds = 0;  // busy with this task, summed over all accelerators; 0: none
  bool operator==(const DoneEvent&) const = default;
};

struct EvaluatedEvent {
  uint64_t id = 0;
  double nats = 0;  // over all predicted tokens
  uint64_t tokens = 0;
  uint64_t bytes = 0;  // of text; nats / bytes compares between tokenizers
  double seconds = 0;
  uint64_t sequences = 0;  // that were measured; 0: the trainer does not say
  // Between these nats a byte lie 95 of 100 draws of as many of these sequences, with repeats
  // (trainer/interval.h); no draws: the trainer gives none.
  double low = 0;
  double high = 0;
  uint64_t draws = 0;
  uint64_t seed = 0;
  bool operator==(const EvaluatedEvent&) const = default;
};

struct GeneratedEvent {
  uint64_t id = 0;
  std::string text;  // invalid UTF-8 at its ends is replaced
  uint64_t tokens = 0;
  bool operator==(const GeneratedEvent&) const = default;
};

struct ErrorEvent {
  uint64_t id = 0;   // 0: of no task (a malformed request)
  std::string code;  // Name(ErrorCode): "invalid", "cancelled", ...
  std::string message;
  bool operator==(const ErrorEvent&) const = default;
};

using Event = std::variant<ReadyEvent, ProgressEvent, PreparedEvent, DoneEvent, EvaluatedEvent,
                           GeneratedEvent, ErrorEvent>;

// One line with its line feed. Long notes, messages and texts are cut so that the line fits.
// kInvalid: it cannot fit (a path or prompt of tens of kilobytes).
Result<std::string> ToLine(const Request& request);
std::string ToLine(const Event& event);

// Without the line feed. Total: kInvalid names the field. Unknown fields are ignored, unknown kinds
// are not; numbers must be finite and within their type; a missing field has its default, except
// paths.
Result<Request> ParseRequest(std::string_view line);
Result<Event> ParseEvent(std::string_view line);

}  // namespace dure::seat
