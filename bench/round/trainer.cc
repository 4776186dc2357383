// bench_trainer --seat-fd N ...: sits in the trainer's seat and does not train. What it hands over
// is the base plus a little noise, already written and synced when it reports `armed`; then it
// waits for the go-file of the round, so that every site's clock starts at one instant.
//
// Files beside the data folder D of the site: `D/armed-<round>` is made here, `D/../go-<round>` by
// round.py.
#include <poll.h>

#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <string_view>
#include <vector>

#include "model/safetensors.h"
#include "model/seat/channel.h"

namespace dure {
namespace {

namespace fs = std::filesystem;

constexpr int kGoPollMilliseconds = 1;         // far below the shortest round that is measured
constexpr double kNoiseOfLearningRate = 0.25;  // well within the first round's scales

// The numbers only have to differ between sites and rounds; splitmix64 gives them at memory speed.
class Noise {
 public:
  explicit Noise(uint64_t seed) : state_(seed) {}
  float Next(float amplitude) {
    uint64_t z = state_ += 0x9E3779B97F4A7C15u;
    z = (z ^ z >> 30) * 0xBF58476D1CE4E5B9u;
    z ^= z >> 27;
    const auto unit = static_cast<float>(static_cast<int32_t>(z >> 32)) * 0x1p-31F;
    return amplitude * unit;
  }

 private:
  uint64_t state_;
};

// False: the daemon closed the seat or wants the task dropped.
bool WaitForGo(seat::Channel& channel, const fs::path& go) {
  while (!fs::exists(go)) {
    pollfd waiting{channel.fd(), POLLIN, 0};
    if (poll(&waiting, 1, kGoPollMilliseconds) <= 0) continue;
    const auto line = channel.Receive();
    if (line && !line->has_value()) std::_Exit(0);
    return false;  // a task runs, so all it can be is a stop
  }
  return true;
}

Status WriteResult(const seat::TrainTask& task) {
  DURE_ASSIGN(const auto base, model::SafetensorsFile::Open(task.model_path));
  std::vector<float> trained(base.flat().begin(), base.flat().end());
  Noise noise(task.seed + task.round * 1'000'003);
  const auto amplitude = static_cast<float>(task.learning_rate * kNoiseOfLearningRate);
  for (float& value : trained) value += noise.Next(amplitude);
  return model::WriteSafetensors(task.output_path, base.layout(), trained);
}

Result<seat::Event> Train(seat::Channel& channel, uint64_t id, const seat::TrainTask& task) {
  DURE_TRY(WriteResult(task));
  fs::create_directories(task.state_out);
  const fs::path data = task.data.path;
  std::ofstream(data / ("armed-" + std::to_string(task.round))) << "\n";
  if (!WaitForGo(channel, data.parent_path() / ("go-" + std::to_string(task.round)))) {
    return Fail(ErrorCode::kCancelled, "asked to stop before the round was released");
  }
  seat::DoneEvent done;
  done.id = id;
  done.steps = task.steps;
  done.steps_total = task.steps * (task.round + 1);
  done.tokens = task.steps * task.batch * task.sequence * task.accumulation;
  done.examples = task.steps * task.batch * task.accumulation;
  return seat::Event(done);
}

Result<seat::Event> Answer(seat::Channel& channel, const seat::TaskRequest& request) {
  if (const auto* train = std::get_if<seat::TrainTask>(&request.task)) {
    return Train(channel, request.id, *train);
  }
  if (std::holds_alternative<seat::PrepareTask>(request.task)) {
    seat::PreparedEvent prepared;
    prepared.id = request.id;
    prepared.files = prepared.documents = 1;
    prepared.train_tokens = prepared.train_bytes = 1'000'000;
    prepared.source_digest = prepared.tokenizer_digest = Digest{}.Hex();
    return seat::Event(std::move(prepared));
  }
  return Fail(ErrorCode::kInvalid, "bench_trainer only takes part in rounds");
}

[[noreturn]] void Serve(seat::Channel& channel) {
  (void)channel.Send(seat::ToLine(seat::ReadyEvent{seat::kSeatVersion, "bench_trainer", {}}));
  while (true) {
    const auto line = channel.Receive();
    if (!line || !line->has_value()) std::_Exit(0);
    const auto request = seat::ParseRequest(**line);
    const auto* task = request ? std::get_if<seat::TaskRequest>(&*request) : nullptr;
    if (task == nullptr) continue;
    const auto answer = Answer(channel, *task);
    const seat::Event event =
        answer ? *answer
               : seat::Event(seat::ErrorEvent{task->id, std::string(Name(answer.error().code)),
                                              answer.error().message});
    if (!channel.Send(seat::ToLine(event))) std::_Exit(0);
  }
}

}  // namespace
}  // namespace dure

int main(int argc, char** argv) {
  int seat = -1;
  for (int i = 1; i + 1 < argc; i += 2) {
    if (std::string_view(argv[i]) == "--seat-fd") seat = std::atoi(argv[i + 1]);
  }
  if (seat < 0) {
    std::fprintf(stderr, "bench_trainer is started by `dure site serve --trainer`, not by hand\n");
    return 2;
  }
  dure::seat::Channel channel(seat);
  dure::Serve(channel);
}
