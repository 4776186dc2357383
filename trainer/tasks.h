// The work of a trainer: each task as a function from its request to its last event. Tasks run on
// the main thread, one at a time; they ask `Task::stop` once a step and report through
// `Task::report`.
#pragma once

#include <atomic>
#include <functional>

#include "federation/result.h"
#include "model/collective/collective.h"
#include "model/seat/messages.h"
#include "trainer/engine.h"

namespace dure::trainer {

enum class Stop { kNo, kDrop, kKeep };

struct Task {
  uint64_t id = 0;
  const std::atomic<Stop>& stop;
  std::function<void(const seat::Event&)> report;  // progress
  model::collective::Collective& gang;             // of one, where no others train along
  Engine& engine;
  uint32_t ranks_here = 1;  // of the gang, on this machine

  bool ShouldStop() const { return stop.load(std::memory_order_relaxed) != Stop::kNo; }
};

// kCancelled: stopped (training only when not asked to keep). Other errors: those of the rooms that
// do the work, with the path or field they are about; nothing is left at the output's place.
//
// In a gang rank 0 runs them. It calls the others for training; all else it does alone.
// kUnavailable with gang.failure(): a rank is gone or hangs, and this process can only end.
Result<seat::Event> Run(const Task& task, const seat::PrepareTask& request);
Result<seat::Event> Run(const Task& task, const seat::TrainTask& request);
Result<seat::Event> Run(const Task& task, const seat::EvaluateTask& request);
Result<seat::Event> Run(const Task& task, const seat::GenerateTask& request);

// The part of every rank in a training that rank 0 has announced (gang.h).
Result<seat::Event> TrainTogether(const Task& task, const seat::TrainTask& request);

}  // namespace dure::trainer
