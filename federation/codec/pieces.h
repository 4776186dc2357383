// Runs independent pieces of work on some threads. For the codec's drivers.
#pragma once

#include <cstdint>
#include <functional>

#include "federation/codec/vectors.h"
#include "federation/result.h"

namespace dure::codec {

// Calls piece(i) once for each i in [0, count) on work.threads threads, in rising order of start;
// each returns the number of parameters it finished. Returns when all threads have ended: the first
// error met, or kCancelled when progress says false; pieces not yet begun are then left out.
Status RunPieces(const Work& work, uint64_t count, uint64_t parameters_total,
                 const std::function<Result<uint64_t>(uint64_t piece)>& piece);

}  // namespace dure::codec
