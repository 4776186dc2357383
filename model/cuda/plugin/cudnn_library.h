// cuDNN's graph interface, found when a device is opened: where there is no libcudnn.so.9,
// attention is computed by our own kernels. Nothing of it is linked.
#pragma once

#include <cudnn.h>

#include <string>

namespace dure::model::cuda {

struct CudnnLibrary {
  decltype(&cudnnGetVersion) version;
  decltype(&cudnnGetErrorString) error_text;
  decltype(&cudnnCreate) create;
  decltype(&cudnnDestroy) destroy;
  decltype(&cudnnSetStream) set_stream;
  decltype(&cudnnBackendCreateDescriptor) create_descriptor;
  decltype(&cudnnBackendDestroyDescriptor) destroy_descriptor;
  decltype(&cudnnBackendFinalize) finalize;
  decltype(&cudnnBackendSetAttribute) set_attribute;
  decltype(&cudnnBackendGetAttribute) get_attribute;
  decltype(&cudnnBackendExecute) execute;
};

// nullptr where it cannot be used, with the reason. Stays loaded. Thread-safe.
const CudnnLibrary* LoadCudnn(std::string* trouble);

}  // namespace dure::model::cuda
