#include "model/cuda/plugin.h"

#include <dlfcn.h>

#include <system_error>

namespace dure::model::cuda {
namespace {

bool HasDriver() {
  void* const driver = dlopen("libcuda.so.1", RTLD_LAZY | RTLD_LOCAL);
  if (driver != nullptr) dlclose(driver);
  return driver != nullptr;
}

}  // namespace

Result<const DeviceTable*> LoadPlugin(const std::filesystem::path& path) {
  std::error_code error;
  if (!std::filesystem::exists(path, error)) {
    return Fail(ErrorCode::kNotFound, "there is no " + path.string());
  }
  void* const library = dlopen(path.c_str(), RTLD_NOW | RTLD_LOCAL);  // kept to the end
  if (library == nullptr) {
    return Fail(ErrorCode::kUnavailable,
                std::string("the CUDA plug-in does not load: ") + dlerror());
  }
  const auto entry = reinterpret_cast<TableEntry>(dlsym(library, kTableEntry));
  const DeviceTable* const table = entry == nullptr ? nullptr : entry(kTableVersion);
  if (table == nullptr || table->version != kTableVersion ||
      table->kernel_count != AllKernels::kCount) {
    return Fail(ErrorCode::kUnavailable,
                "the CUDA plug-in " + path.string() + " is of another version of Dure");
  }
  return table;
}

std::vector<std::filesystem::path> PluginPlaces() {
  std::error_code error;
  const auto program = std::filesystem::read_symlink("/proc/self/exe", error);
  const auto folder = program.parent_path();
  return {folder / "dure_cuda.so", folder.parent_path() / "lib" / "dure" / "dure_cuda.so"};
}

CudaState LookForCuda() {
  CudaState state;
  std::error_code error;
  for (const auto& place : PluginPlaces()) {
    if (!std::filesystem::exists(place, error)) continue;
    if (!HasDriver()) {
      state.trouble = "no NVIDIA driver is installed (libcuda.so.1 is not there)";
      return state;
    }
    const auto table = LoadPlugin(place);
    if (!table) {
      state.trouble = table.error().message;
      return state;
    }
    char message[512] = {};
    const int count = (*table)->count(message, sizeof message);
    state.table = *table;
    state.devices = count > 0 ? static_cast<uint32_t>(count) : 0;
    if (count <= 0) state.trouble = message[0] != 0 ? message : "CUDA finds no GPU";
    return state;
  }
  state.trouble = "this build has no CUDA plug-in (dure_cuda.so)";
  return state;
}

}  // namespace dure::model::cuda
