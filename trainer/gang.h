// What the ranks of a gang say to each other besides the training itself. Rank 0 has the seat and
// decides; the others wait for its word. Errors of the gang are those of collective.h.
#pragma once

#include "federation/result.h"
#include "model/collective/collective.h"
#include "model/seat/messages.h"
#include "trainer/tasks.h"

namespace dure::trainer {

// Well on every rank, or on every rank the error of the first that has one, which is named.
Status Agree(model::collective::Collective& gang, const Status& mine);
// The same after what takes long and unevenly: reading a model and its data, or one rank's writing
// of what another waits for.
Status AgreeOnFiles(model::collective::Collective& gang, const Status& mine);

// Rank 0 calls all others to a training; they wait for the call, however long.
Status Announce(model::collective::Collective& gang, const seat::TrainTask& request);
Result<seat::TrainTask> Await(model::collective::Collective& gang);

// What all ranks do next: rank 0 says it, once a step.
enum class Turn : uint8_t { kGoOn, kOver, kKeep, kDrop };
Result<Turn> Decide(const Task& task, bool is_over);

// Life of a rank other than 0: trains whenever called; ends with its gang.
[[noreturn]] void Attend(model::collective::Collective& gang, Engine& engine, uint32_t ranks_here);

}  // namespace dure::trainer
