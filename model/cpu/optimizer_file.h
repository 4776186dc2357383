// The optimizer's moments and step counter on disk: one file, or one a rank of a gang, and any
// world reads what any other wrote.
//
// Whole, `path`: "DUREOPT3" ‖ optimizer le32 ‖ configuration digest 32 ‖ step le64 ‖ count le64 ‖
// m f32[count] ‖ v f32[count] ‖ SHA-256 of everything before.
// A rank's, `path.<rank>`: "DUREOPT4" ‖ optimizer le32 ‖ configuration digest 32 ‖ step le64 ‖
// count le64 ‖ rank le32 ‖ world le32 ‖ pieces le64 ‖ (begin le64, end le64) a piece, ascending ‖
// m of the pieces ‖ v of the pieces ‖ SHA-256 of everything before.
// Files of older builds are "DUREOPT1" and "DUREOPT2", the same without the optimizer: it is seen
// by what they hold, since Muon has no v for the matrices that it updates.
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

// Muon's m is a sum of gradients and has no v beside it: AdamW would divide it by next to nothing.
enum class Optimizer : uint32_t { kAdamW = 0, kMuon = 1 };

struct OptimizerFile {
  Digest config;
  uint64_t step = 0;
  uint64_t count = 0;  // parameters of the whole model
  uint32_t rank = 0;
  uint32_t world = 1;
  Optimizer optimizer = Optimizer::kAdamW;
};

// Written beside, synced, renamed. In a world of one the pieces are the whole vector. kExhausted:
// the disk is full; the old file stays.
Status WriteOptimizer(const std::filesystem::path& path, const OptimizerFile& file,
                      const OptimizerPieces& pieces);

struct OptimizerOwner {
  Digest config;
  uint64_t count = 0;
  Optimizer optimizer = Optimizer::kAdamW;
};

struct OptimizerState {
  uint64_t step = 0;
  Optimizer saved_by = Optimizer::kAdamW;
};

// The step counter. Where the file is another optimizer's than the owner's the pieces are set to
// zero: its moments begin anew. They are written only after everything was checked. kNotFound;
// kCorrupt: cut short, too long, altered, a rank's file of another moment, or a stretch that no
// file holds; kFailedPrecondition: another configuration or another number of parameters.
Result<OptimizerState> ReadOptimizer(const std::filesystem::path& path, const OptimizerOwner& owner,
                                     const OptimizerPieces& pieces);

}  // namespace dure::model::cpu
