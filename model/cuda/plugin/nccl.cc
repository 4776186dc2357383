// A gang of GPUs through NCCL. Every call is queued on a stream of the gang's own, behind the work
// that the device had when it was made, so that sums overlap with what is computed next.
//
// Nothing here blocks without end: the communicator is made not to block, and whoever waits looks
// at NCCL's asynchronous error and at the clock. After an error or a late end the communicator is
// aborted, which frees the stream that hangs in it; the gang can then only be left.
#include <nccl.h>

#include <chrono>
#include <cstring>
#include <thread>

#include "model/cuda/plugin/cuda_device.h"

namespace dure::model::cuda {

inline constexpr uint32_t kMarks = 64;

struct OpenGang {
  OpenDevice* device = nullptr;
  uint32_t rank = 0;
  uint32_t world = 1;
  ncclComm_t comm = nullptr;  // null after an abort
  cudaStream_t stream = nullptr;
  cudaEvent_t marks[kMarks] = {};  // what the device had queued
  uint32_t next_mark = 0;
  cudaEvent_t done = nullptr;
  uint64_t calls = 0;
  std::string message;
};

namespace {

using Clock = std::chrono::steady_clock;
constexpr std::chrono::microseconds kLook{50};  // a step lasts milliseconds

static_assert(kGangIdBytes == NCCL_UNIQUE_ID_BYTES);

int Abort(OpenGang* gang, std::string why) {
  if (gang->message.empty()) gang->message = std::move(why);
  if (gang->comm) ncclCommAbort(gang->comm);
  gang->comm = nullptr;
  return 1;
}

int CheckCuda(OpenGang* gang, cudaError_t error, const char* what) {
  if (error == cudaSuccess) return 0;
  return Abort(gang, std::string(what) + ": " + cudaGetErrorString(error));
}

bool IsWell(ncclResult_t result) { return result == ncclSuccess || result == ncclInProgress; }

int CheckNccl(OpenGang* gang, ncclResult_t result, const char* what) {
  if (IsWell(result)) return 0;
  const char* const last = gang->comm ? ncclGetLastError(gang->comm) : nullptr;
  return Abort(gang, std::string("NCCL, ") + what + ": " + ncclGetErrorString(result) +
                         (last && *last ? std::string(" (") + last + ")" : std::string()));
}

// Until NCCL has taken what was asked for.
int WaitForNccl(OpenGang* gang, Clock::time_point deadline, const char* what) {
  ncclResult_t state = ncclInProgress;
  for (;;) {
    if (CheckNccl(gang, ncclCommGetAsyncError(gang->comm, &state), what) ||
        CheckNccl(gang, state, what)) {
      return 1;
    }
    if (state == ncclSuccess) return 0;
    if (Clock::now() >= deadline) return Abort(gang, std::string(what) + " takes too long");
    std::this_thread::sleep_for(kLook);
  }
}

int GangId(uint8_t id[kGangIdBytes], char* message, size_t message_bytes) {
  ncclUniqueId unique;
  const ncclResult_t result = ncclGetUniqueId(&unique);
  if (result != ncclSuccess) {
    std::snprintf(message, message_bytes, "NCCL: %s", ncclGetErrorString(result));
    return 1;
  }
  std::memcpy(id, unique.internal, kGangIdBytes);
  return 0;
}

void Leave(OpenGang* gang) {
  cudaSetDevice(gang->device->index);
  if (gang->comm) ncclCommAbort(gang->comm);
  if (gang->done) cudaEventDestroy(gang->done);
  for (const cudaEvent_t mark : gang->marks) {
    if (mark) cudaEventDestroy(mark);
  }
  if (gang->stream) cudaStreamDestroy(gang->stream);
  delete gang;
}

int Prepare(OpenGang* gang, const uint8_t id[kGangIdBytes], uint64_t milliseconds) {
  OpenDevice* const device = gang->device;
  if (CheckCuda(gang, cudaSetDevice(device->index), "taking the GPU") ||
      CheckCuda(gang, cudaStreamCreateWithFlags(&gang->stream, cudaStreamNonBlocking), "a queue") ||
      CheckCuda(gang, cudaEventCreateWithFlags(&gang->done, cudaEventDisableTiming), "an event")) {
    return 1;
  }
  for (cudaEvent_t& mark : gang->marks) {
    if (CheckCuda(gang, cudaEventCreateWithFlags(&mark, cudaEventDisableTiming), "an event")) {
      return 1;
    }
  }
  ncclUniqueId unique;
  std::memcpy(unique.internal, id, kGangIdBytes);
  ncclConfig_t config = NCCL_CONFIG_INITIALIZER;
  config.blocking = 0;
  const auto deadline = Clock::now() + std::chrono::milliseconds(milliseconds);
  return CheckNccl(gang,
                   ncclCommInitRankConfig(&gang->comm, static_cast<int>(gang->world), unique,
                                          static_cast<int>(gang->rank), &config),
                   "meeting") ||
         WaitForNccl(gang, deadline, "meeting");
}

int Join(OpenDevice* device, const uint8_t id[kGangIdBytes], uint32_t rank, uint32_t world,
         uint64_t milliseconds, OpenGang** gang) {
  auto* const joined = new OpenGang;
  joined->device = device;
  joined->rank = rank;
  joined->world = world;
  if (Prepare(joined, id, milliseconds) != 0) {
    device->message = joined->message;
    Leave(joined);
    return 1;
  }
  *gang = joined;
  return 0;
}

ncclDataType_t TypeOf(const GangWork& work) {
  if (work.call == GangCall::kBroadcast) return ncclUint8;
  return work.type == NumberType::kBf16 ? ncclBfloat16 : ncclFloat;
}

bool AreEqual(const uint64_t* edges, uint32_t world) {
  for (uint32_t r = 1; r < world; ++r) {
    if (edges[r + 1] - edges[r] != edges[1] - edges[0]) return false;
  }
  return true;
}

// Parts of different sizes: one call a part, which NCCL runs together.
ncclResult_t CallParts(OpenGang* gang, const GangWork& work, size_t number_bytes) {
  ncclResult_t result = ncclGroupStart();
  for (uint32_t r = 0; r < gang->world && IsWell(result); ++r) {
    const uint64_t count = work.edges[r + 1] - work.edges[r];
    void* const part = static_cast<uint8_t*>(work.values) + work.edges[r] * number_bytes;
    const int root = static_cast<int>(r);
    if (count == 0) continue;
    result =
        work.call == GangCall::kReduceScatter
            ? ncclReduce(part, part, count, TypeOf(work), ncclSum, root, gang->comm, gang->stream)
            : ncclBroadcast(part, part, count, TypeOf(work), root, gang->comm, gang->stream);
  }
  const ncclResult_t ended = ncclGroupEnd();
  return IsWell(result) ? ended : result;
}

ncclResult_t Call(OpenGang* gang, const GangWork& work) {
  const ncclDataType_t type = TypeOf(work);
  const size_t number_bytes = type == ncclFloat ? 4 : type == ncclBfloat16 ? 2 : 1;
  const uint64_t all = work.edges[gang->world];
  if (work.call == GangCall::kAllReduce) {
    return ncclAllReduce(work.values, work.values, all, type, ncclSum, gang->comm, gang->stream);
  }
  if (work.call == GangCall::kBroadcast) {
    return ncclBroadcast(work.values, work.values, all, type, static_cast<int>(work.root),
                         gang->comm, gang->stream);
  }
  if (!AreEqual(work.edges, gang->world)) return CallParts(gang, work, number_bytes);
  const uint64_t part = work.edges[1] - work.edges[0];
  uint8_t* const own = static_cast<uint8_t*>(work.values) + gang->rank * part * number_bytes;
  if (work.call == GangCall::kAllGather) {
    return ncclAllGather(own, work.values, part, type, gang->comm, gang->stream);
  }
  return ncclReduceScatter(work.values, own, part, type, ncclSum, gang->comm, gang->stream);
}

int Mark(OpenGang* gang, uint32_t* mark) {
  *mark = gang->next_mark++ % kMarks;
  const cudaError_t error = cudaEventRecord(gang->marks[*mark], gang->device->stream);
  // By the device's thread, so the gang's message is left alone.
  return Check(gang->device, error, "marking the queue");
}

int Work(OpenGang* gang, const GangWork* work) {
  if (gang->comm == nullptr) return 1;
  ++gang->calls;
  // A thread of its own makes these calls: the device is chosen per thread.
  if (CheckCuda(gang, cudaSetDevice(gang->device->index), "taking the GPU") ||
      CheckCuda(gang, cudaStreamWaitEvent(gang->stream, gang->marks[work->mark % kMarks], 0),
                "waiting for the queue")) {
    return 1;
  }
  return CheckNccl(gang, Call(gang, *work), "calling");
}

int Wait(OpenGang* gang, uint64_t milliseconds) {
  if (gang->comm == nullptr) return 1;
  const auto deadline = Clock::now() + std::chrono::milliseconds(milliseconds);
  if (WaitForNccl(gang, deadline, "taking a call") ||
      CheckCuda(gang, cudaEventRecord(gang->done, gang->stream), "marking the gang's queue")) {
    return 1;
  }
  for (;;) {
    const cudaError_t state = cudaEventQuery(gang->done);
    if (state == cudaSuccess) return 0;
    if (state != cudaErrorNotReady) return CheckCuda(gang, state, "a gang's call");
    ncclResult_t error = ncclSuccess;
    if (CheckNccl(gang, ncclCommGetAsyncError(gang->comm, &error), "looking at the gang") ||
        CheckNccl(gang, error, "another rank or the network failed")) {
      return 1;
    }
    if (Clock::now() >= deadline) {
      return Abort(gang, "NCCL call " + std::to_string(gang->calls) + " did not end in " +
                             std::to_string(milliseconds / 1000) + " s");
    }
    std::this_thread::sleep_for(kLook);
  }
}

const char* Message(OpenGang* gang) { return gang->message.c_str(); }

}  // namespace

void FillGang(DeviceTable* table) {
  table->gang_id = GangId;
  table->gang_join = Join;
  table->gang_mark = Mark;
  table->gang_work = Work;
  table->gang_wait = Wait;
  table->gang_error = Message;
  table->gang_leave = Leave;
}

}  // namespace dure::model::cuda
