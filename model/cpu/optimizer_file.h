// The optimizer's moments and step counter on disk: one file, or one a rank of a gang, and any
// world reads what any other wrote.
//
// Whole, `path`: "DUREOPT1" ‖ configuration digest 32 ‖ step le64 ‖ count le64 ‖ m f32[count] ‖
// v f32[count] ‖ SHA-256 of everything before.
// A rank's, `path.<rank>`: "DUREOPT2" ‖ configuration digest 32 ‖ step le64 ‖ count le64 ‖
// rank le32 ‖ world le32 ‖ pieces le64 ‖ (begin le64, end le64) a piece, ascending ‖ m of the
// pieces ‖ v of the pieces ‖ SHA-256 of everything before.
#pragma once

#include <cstdint>
#include <filesystem>
#include <span>
#include <vector>

#include "federation/digest.h"
#include "federation/result.h"

namespace dure::model::cpu {

// Moments of the flat vector's stretch [begin, begin + m.size()).
struct OptimizerPiece {
  size_t begin = 0;
  std::span<float> m;
  std::span<float> v;  // as many as m
};
using OptimizerPieces = std::vector<OptimizerPiece>;  // ascending, without overlap

struct OptimizerFile {
  Digest config;
  uint64_t step = 0;
  uint64_t count = 0;  // parameters of the whole model
  uint32_t rank = 0;
  uint32_t world = 1;
};

// Written beside, synced, renamed. In a world of one the pieces are the whole vector. kExhausted:
// the disk is full; the old file stays.
Status WriteOptimizer(const std::filesystem::path& path, const OptimizerFile& file,
                      const OptimizerPieces& pieces);

struct OptimizerOwner {
  Digest config;
  uint64_t count = 0;
};

// The step counter; the pieces are written only after everything was checked. kNotFound; kCorrupt:
// cut short, too long, altered, a rank's file of another moment, or a stretch that no file holds;
// kFailedPrecondition: another configuration or another number of parameters.
Result<uint64_t> ReadOptimizer(const std::filesystem::path& path, const OptimizerOwner& owner,
                               const OptimizerPieces& pieces);

}  // namespace dure::model::cpu
