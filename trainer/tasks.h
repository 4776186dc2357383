// The work of a trainer: each task as a function from its request to its last event. Tasks run on
// the main thread, one at a time; they ask `Task::stop` once a step and report through
// `Task::report`.
#pragma once

#include <atomic>
#include <functional>

#include "federation/result.h"
#include "model/seat/messages.h"

namespace dure::trainer {

enum class Stop { kNo, kDrop, kKeep };

struct Task {
  uint64_t id = 0;
  const std::atomic<Stop>& stop;
  std::function<void(const seat::Event&)> report;  // progress

  bool ShouldStop() const { return stop.load(std::memory_order_relaxed) != Stop::kNo; }
};

// kCancelled: stopped (training only when not asked to keep). Other errors: those of the rooms that
// do the work, with the path or field they are about; nothing is left at the output's place.
Result<seat::Event> Run(const Task& task, const seat::PrepareTask& request);
Result<seat::Event> Run(const Task& task, const seat::TrainTask& request);
Result<seat::Event> Run(const Task& task, const seat::EvaluateTask& request);
Result<seat::Event> Run(const Task& task, const seat::GenerateTask& request);

}  // namespace dure::trainer
