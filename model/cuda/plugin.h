// Finds and loads the CUDA plug-in, dure_cuda.so: a library of its own, so that the programs need
// neither CUDA nor a driver to start. Loaded once a process and kept.
#pragma once

#include <filesystem>
#include <memory>
#include <string>
#include <vector>

#include "federation/result.h"
#include "model/cuda/device.h"

namespace dure::model::cuda {

// kNotFound: no such file. kUnavailable: it cannot be loaded (a library that it needs is missing),
// or is of another version; the message says which.
Result<const DeviceTable*> LoadPlugin(const std::filesystem::path& path);

// Where the plug-in is looked for: beside this program, then in ../lib/dure.
std::vector<std::filesystem::path> PluginPlaces();

struct CudaState {
  const DeviceTable* table = nullptr;  // null: there is none, and why in `trouble`
  uint32_t devices = 0;
  std::string trouble;  // a sentence; empty: devices can be used
};
// Loads the plug-in from its places, and asks it for devices. Without a driver it is not loaded:
// with CUDA's libraries that costs 100 MB of memory and a tenth of a second.
CudaState LookForCuda();

}  // namespace dure::model::cuda
