#include "model/cuda/plugin/cudnn_library.h"

#include <dlfcn.h>

namespace dure::model::cuda {
namespace {

struct Loaded {
  CudnnLibrary library{};
  std::string trouble;
};

template <typename F>
void Find(void* handle, const char* name, F* function, Loaded* loaded) {
  *function = reinterpret_cast<F>(dlsym(handle, name));
  if (*function == nullptr) loaded->trouble = std::string("libcudnn.so.9 has no ") + name;
}

Loaded Load() {
  Loaded loaded;
  void* const handle = dlopen("libcudnn.so.9", RTLD_NOW | RTLD_LOCAL);
  if (handle == nullptr) {
    const char* const why = dlerror();
    loaded.trouble = why == nullptr ? "libcudnn.so.9 cannot be loaded" : why;
    return loaded;
  }
  CudnnLibrary& l = loaded.library;
  Find(handle, "cudnnGetVersion", &l.version, &loaded);
  Find(handle, "cudnnGetErrorString", &l.error_text, &loaded);
  Find(handle, "cudnnCreate", &l.create, &loaded);
  Find(handle, "cudnnDestroy", &l.destroy, &loaded);
  Find(handle, "cudnnSetStream", &l.set_stream, &loaded);
  Find(handle, "cudnnBackendCreateDescriptor", &l.create_descriptor, &loaded);
  Find(handle, "cudnnBackendDestroyDescriptor", &l.destroy_descriptor, &loaded);
  Find(handle, "cudnnBackendFinalize", &l.finalize, &loaded);
  Find(handle, "cudnnBackendSetAttribute", &l.set_attribute, &loaded);
  Find(handle, "cudnnBackendGetAttribute", &l.get_attribute, &loaded);
  Find(handle, "cudnnBackendExecute", &l.execute, &loaded);
  return loaded;
}

}  // namespace

const CudnnLibrary* LoadCudnn(std::string* trouble) {
  static const Loaded loaded = Load();
  *trouble = loaded.trouble;
  return loaded.trouble.empty() ? &loaded.library : nullptr;
}

}  // namespace dure::model::cuda
