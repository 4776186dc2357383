// The optimizer's moments and step counter on disk.
//
// Bytes: "DUREOPT1" ‖ configuration digest 32 ‖ step le64 ‖ count le64 ‖ m f32[count] ‖ v
// f32[count] ‖ SHA-256 of everything before.
#pragma once

#include <cstdint>
#include <filesystem>
#include <span>

#include "federation/digest.h"
#include "federation/result.h"

namespace dure::model::cpu {

struct OptimizerFile {
  Digest config;
  uint64_t step = 0;
  std::span<const float> m;
  std::span<const float> v;  // as many as m
};

// Written beside, synced, renamed. kExhausted: the disk is full; the old file stays.
Status WriteOptimizerFile(const std::filesystem::path& path, const OptimizerFile& file);

// The step counter; m and v are written only after everything was checked. kNotFound; kCorrupt: cut
// short, too long or altered; kFailedPrecondition: another configuration or another number of
// parameters.
Result<uint64_t> ReadOptimizerFile(const std::filesystem::path& path, const Digest& config,
                                   std::span<float> m, std::span<float> v);

}  // namespace dure::model::cpu
