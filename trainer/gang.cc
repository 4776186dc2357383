#include "trainer/gang.h"

#include <algorithm>
#include <atomic>
#include <cstdlib>

#include "federation/canonical.h"

namespace dure::trainer {
namespace {

using model::collective::Collective;

// At least, also where the patience between two steps was set for small models.
constexpr std::chrono::minutes kFilesPatienceMin{30};
constexpr size_t kReasonBytesMax = 2048;

// Restores what one call changed.
class Patience {
 public:
  Patience(Collective& gang, std::chrono::milliseconds patience)
      : gang_(gang), before_(gang.patience()) {
    gang_.set_patience(patience);
  }
  ~Patience() { gang_.set_patience(before_); }

 private:
  Collective& gang_;
  const std::chrono::milliseconds before_;
};

Bytes ToBytes(const Status& status) {
  if (status) return {};
  CanonicalWriter writer;
  writer.U32(static_cast<uint32_t>(status.error().code));
  writer.Text(status.error().message.substr(0, kReasonBytesMax));
  return writer.Take();
}

Error ParseError(ByteView bytes) {
  CanonicalReader reader(bytes);
  const auto code =
      static_cast<ErrorCode>(std::min(reader.U32(), static_cast<uint32_t>(ErrorCode::kInternal)));
  return {code, reader.Text()};
}

}  // namespace

Status Agree(Collective& gang, const Status& mine) {
  if (gang.world() == 1) return mine;
  DURE_ASSIGN(const std::vector<Bytes> all, gang.Collect(ToBytes(mine)));
  for (uint32_t rank = 0; rank < gang.world(); ++rank) {
    if (all[rank].empty()) continue;
    return Within(ParseError(all[rank]), "rank " + std::to_string(rank));
  }
  return {};
}

Status AgreeOnFiles(Collective& gang, const Status& mine) {
  // As long as the site is patient with the whole gang: it would not lose it before.
  const bool is_forever =
      gang.patience() > model::collective::kForever / seat::kPatiencesBesideSteps;
  const auto beside = is_forever ? gang.patience() : gang.patience() * seat::kPatiencesBesideSteps;
  const Patience longer(gang, std::max<std::chrono::milliseconds>(beside, kFilesPatienceMin));
  return Agree(gang, mine);
}

Status Announce(Collective& gang, const seat::TrainTask& request) {
  DURE_ASSIGN(const std::string line, seat::ToLine(seat::Request(seat::TaskRequest{0, request})));
  uint64_t size = line.size();
  DURE_TRY(gang.Broadcast({reinterpret_cast<uint8_t*>(&size), sizeof size}, 0));
  Bytes bytes = dure::ToBytes(line);
  return gang.Broadcast(bytes, 0);
}

Result<seat::TrainTask> Await(Collective& gang) {
  uint64_t size = 0;
  {
    const Patience forever(gang, model::collective::kForever);
    DURE_TRY(gang.Broadcast({reinterpret_cast<uint8_t*>(&size), sizeof size}, 0));
  }
  if (size == 0 || size > seat::kLineBytesMax + 1) {
    return Fail(ErrorCode::kCorrupt,
                "rank 0 calls with a line of " + std::to_string(size) + " bytes");
  }
  Bytes line(size);
  DURE_TRY(gang.Broadcast(line, 0));
  DURE_ASSIGN(const seat::Request request, seat::ParseRequest(AsText(line).substr(0, size - 1)));
  const auto* task = std::get_if<seat::TaskRequest>(&request);
  const auto* train = task == nullptr ? nullptr : std::get_if<seat::TrainTask>(&task->task);
  if (train == nullptr) return Fail(ErrorCode::kCorrupt, "rank 0 calls to something else");
  return *train;
}

Result<Turn> Decide(const Task& task, bool is_over) {
  uint8_t word = static_cast<uint8_t>(Turn::kGoOn);
  if (task.gang.rank() == 0) {
    const Stop stop = task.stop.load();
    if (is_over) word = static_cast<uint8_t>(Turn::kOver);
    if (stop == Stop::kKeep) word = static_cast<uint8_t>(Turn::kKeep);
    if (stop == Stop::kDrop) word = static_cast<uint8_t>(Turn::kDrop);
  }
  if (task.gang.world() > 1) DURE_TRY(task.gang.Broadcast({&word, 1}, 0));
  if (word > static_cast<uint8_t>(Turn::kDrop)) {
    return Fail(ErrorCode::kCorrupt, "rank 0 says what nobody knows");
  }
  return static_cast<Turn>(word);
}

void Attend(Collective& gang, Engine& engine, uint32_t ranks_here) {
  const std::atomic<Stop> never = Stop::kNo;
  for (;;) {
    const auto request = Await(gang);
    // What went wrong in a training all ranks know; rank 0 tells it.
    if (request)
      (void)TrainTogether({0, never, [](const seat::Event&) {}, gang, engine, ranks_here},
                          *request);
    // _Exit: nothing here is worth tidying, every file appears by a rename.
    if (!request || gang.failure() || engine.is_lost()) std::_Exit(seat::kGangLostExit);
  }
}

}  // namespace dure::trainer
