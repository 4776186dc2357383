// Launches recorded as a CUDA graph and replayed with one call.
#include "model/cuda/plugin/cuda_device.h"

namespace dure::model::cuda {

struct OpenSequence {
  cudaGraphExec_t graph = nullptr;
};

namespace {

int Record(OpenDevice* device) {
  // A gang's thread may use CUDA meanwhile.
  return Check(device, cudaStreamBeginCapture(device->stream, cudaStreamCaptureModeThreadLocal),
               "beginning to record");
}

int Keep(OpenDevice* device, OpenSequence** sequence) {
  cudaGraph_t recorded = nullptr;
  if (Check(device, cudaStreamEndCapture(device->stream, &recorded), "recording")) {
    cudaGetLastError();  // it is told, and no later call's
    return 1;
  }
  auto opened = new OpenSequence;
  const cudaError_t error = cudaGraphInstantiate(&opened->graph, recorded, 0);
  cudaGraphDestroy(recorded);
  if (error == cudaSuccess) {
    *sequence = opened;
    return 0;
  }
  delete opened;
  cudaGetLastError();
  return Check(device, error, "keeping what was recorded");
}

int Replay(OpenDevice* device, OpenSequence* sequence) {
  return Check(device, cudaGraphLaunch(sequence->graph, device->stream), "replaying");
}

void Forget(OpenDevice* device, OpenSequence* sequence) {
  cudaStreamSynchronize(device->stream);
  cudaGraphExecDestroy(sequence->graph);
  delete sequence;
}

}  // namespace

void FillSequences(DeviceTable* table) {
  table->record = Record;
  table->keep = Keep;
  table->replay = Replay;
  table->forget = Forget;
}

}  // namespace dure::model::cuda
