// The CUDA driver and NCCL by their C interfaces, which are stable; nothing of them is needed to
// build or to start.
#include <dlfcn.h>

#include <memory>

#include "site/machine/machine.h"

namespace dure::machine {
namespace {

struct Close {
  void operator()(void* library) const { dlclose(library); }
};
using Library = std::unique_ptr<void, Close>;

Library Open(const std::string& name) { return Library(dlopen(name.c_str(), RTLD_NOW)); }

// Calls a function of the library that answers 0 when it is well; anything else: it is not there.
template <typename... Arguments>
int Call(const Library& library, const char* name, Arguments... arguments) {
  using Function = int (*)(Arguments...);
  const auto function = reinterpret_cast<Function>(dlsym(library.get(), name));
  return function == nullptr ? -1 : function(arguments...);
}

Gpu LookAt(const Library& cuda, int device, int count) {
  Gpu gpu;
  char name[256] = {};
  if (Call(cuda, "cuDeviceGetName", name, int{sizeof name - 1}, device) == 0) gpu.name = name;
  size_t bytes = 0;
  if (Call(cuda, "cuDeviceTotalMem_v2", &bytes, device) == 0) gpu.memory_bytes = bytes;
  for (int other = 0; other < count; ++other) {
    int reaches = 0;
    if (other == device) continue;
    if (Call(cuda, "cuDeviceCanAccessPeer", &reaches, device, other) != 0) continue;
    if (reaches != 0) gpu.peers.push_back(static_cast<uint32_t>(other));
  }
  return gpu;
}

}  // namespace

Gpus LookAtGpus(const Libraries& libraries) {
  Gpus gpus;
  if (const Library nccl = Open(libraries.nccl)) {
    int version = 0;
    if (Call(nccl, "ncclGetVersion", &version) == 0) {
      gpus.nccl = std::to_string(version / 10000) + "." + std::to_string(version / 100 % 100) +
                  "." + std::to_string(version % 100);
    }
  }
  const Library cuda = Open(libraries.cuda);
  if (!cuda) {
    gpus.trouble = "no NVIDIA driver is installed (" + libraries.cuda + " is not there)";
    return gpus;
  }
  gpus.has_driver = true;
  int version = 0;
  if (Call(cuda, "cuDriverGetVersion", &version) == 0) {
    gpus.driver = std::to_string(version / 1000) + "." + std::to_string(version % 1000 / 10);
  }
  const int started = Call(cuda, "cuInit", 0u);
  int count = 0;
  if (started == 0) (void)Call(cuda, "cuDeviceGetCount", &count);
  for (int device = 0; device < count; ++device)
    gpus.devices.push_back(LookAt(cuda, device, count));
  if (started != 0) {
    gpus.trouble = "the NVIDIA driver does not start (CUDA error " + std::to_string(started) + ")";
  } else if (count == 0) {
    gpus.trouble = "the NVIDIA driver sees no device";
  }
  return gpus;
}

}  // namespace dure::machine
