// The table: all that passes between the engine and what runs it, as plain C. The plug-in
// (dure_cuda.so, plugin/) fills one with CUDA; emulated/ fills one with loops, for tests. So the
// programs hold no symbol of CUDA's and start on any machine, and the same engine runs on both.
//
// A call that returns an int returns 0, or a number and a sentence in the device's message (error).
// Work on a device is queued in order; `synchronize` and `copy_out` wait for it, and what `copy_in`
// was given may be changed when it returns. One
// thread at a time uses a device; a gang (NCCL) has a queue and a thread of its own beside it.
#pragma once

#include <cstddef>
#include <cstdint>

namespace dure::model::cuda {

inline constexpr uint32_t kTableVersion = 4;
inline constexpr char kTableEntry[] = "dure_cuda_table";

enum class NumberType : uint32_t { kFloat = 0, kBf16 = 1 };

// d [rows, columns] = alpha op(a) op(b) + beta c, all row-major with strides in elements; op
// transposes where it says so: a is then stored [inner, rows], b [columns, inner]. Sums in fp32.
struct Gemm {
  const void* a;
  const void* b;
  const void* c;  // read only if beta is not 0; may be d
  void* d;
  uint64_t a_stride;
  uint64_t b_stride;
  uint64_t d_stride;  // of c too
  uint32_t rows;
  uint32_t columns;
  uint32_t inner;
  uint32_t a_transposed;
  uint32_t b_transposed;
  NumberType in;   // of a and b
  NumberType out;  // of c and d
  float alpha;
  float beta;
};

// Causal attention of queries as many as keys, in bf16, by a library of the device's maker; with
// dout also its gradients. Rows of q, k, v and of their gradients lie `stride` elements apart;
// those of out and dout, [batch sequence, heads dim], without gaps. log_sum [batch sequence heads]
// is laid out as the library likes: only its own backward reads it.
struct AttentionCall {
  uint32_t batch;
  uint32_t sequence;
  uint32_t heads;
  uint32_t kv_heads;
  uint32_t dim;
  uint32_t stride;
  float scale;
  const void* q;
  const void* k;
  const void* v;
  void* out;
  float* log_sum;
  const void* dout;  // null: forward
  void* dq;
  void* dk;
  void* dv;
  void* scratch;
  uint64_t scratch_bytes;
};

struct DeviceFacts {
  char name[128];
  uint64_t memory_bytes;
  uint64_t memory_free_bytes;
  uint32_t major;  // compute capability
  uint32_t minor;
  uint32_t multiprocessors;
  uint32_t shared_bytes_max;  // of a block
};

struct OpenDevice;    // the table's own
struct OpenSequence;  // launches
struct OpenGang;

inline constexpr size_t kGangIdBytes = 128;
enum class GangCall : uint32_t { kAllReduce, kReduceScatter, kAllGather, kBroadcast };
struct GangWork {
  GangCall call;
  NumberType type;        // of values; a broadcast's are bytes
  void* values;           // in place
  const uint64_t* edges;  // [world + 1]: rank r's part is [edges[r], edges[r + 1])
  uint32_t root;
  uint32_t mark;  // begins when the work queued before this mark is done
};

struct DeviceTable {
  uint32_t version;       // kTableVersion
  uint32_t kernel_count;  // AllKernels::kCount
  char what[32];          // "cuda", "emulated"

  // Devices there are; below 0: none can be used, and why in the message.
  int (*count)(char* message, size_t message_bytes);
  int (*open)(uint32_t index, OpenDevice** device, char* message, size_t message_bytes);
  void (*close)(OpenDevice* device);
  const char* (*error)(OpenDevice* device);
  int (*facts)(OpenDevice* device, DeviceFacts* facts);

  int (*allocate)(OpenDevice* device, uint64_t bytes, void** memory);
  void (*release)(OpenDevice* device, void* memory);
  int (*copy_in)(OpenDevice* device, void* to, const void* from, uint64_t bytes);
  int (*copy_out)(OpenDevice* device, void* to, const void* from, uint64_t bytes);
  int (*copy)(OpenDevice* device, void* to, const void* from, uint64_t bytes);
  int (*clear)(OpenDevice* device, void* memory, uint64_t bytes);
  int (*synchronize)(OpenDevice* device);
  int (*launch)(OpenDevice* device, uint32_t kernel, const void* args, uint32_t args_bytes);
  int (*gemm)(OpenDevice* device, const Gemm* gemm);
  // Whether products of one shape must give the same bits in every process from here on: then the
  // way to compute them is not chosen by a try. Null where they always do.
  void (*set_same_bits)(OpenDevice* device, uint32_t wanted);

  // Attention by a library, where there is one; null where not. `prepare` says how much scratch a
  // call of that shape takes, or a number and the reason in the message: then the caller's own
  // kernels compute it. It may read files, the first time for a shape; `attend` does not.
  int (*prepare_attention)(OpenDevice* device, const AttentionCall* call, uint64_t* scratch_bytes);
  int (*attend)(OpenDevice* device, const AttentionCall* call);

  // A sequence of launches that is replayed as one; null where there is none. Between `record` and
  // `keep` launches are kept and not run, and nothing else may be called; `keep` ends it in any
  // case.
  int (*record)(OpenDevice* device);
  int (*keep)(OpenDevice* device, OpenSequence** sequence);
  int (*replay)(OpenDevice* device, OpenSequence* sequence);
  void (*forget)(OpenDevice* device, OpenSequence* sequence);

  // A gang of devices in other processes; null where there is no NCCL. `join` waits for all, so
  // long. `mark` is called by the device's thread: what it has queued is what work with that mark
  // waits for. A thread of the gang's own calls `work`, and `wait`, which returns when all is done,
  // after `milliseconds` without an end, or with the others' error. The last 64 marks count.
  int (*gang_id)(uint8_t id[kGangIdBytes], char* message, size_t message_bytes);
  int (*gang_join)(OpenDevice* device, const uint8_t id[kGangIdBytes], uint32_t rank,
                   uint32_t world, uint64_t milliseconds, OpenGang** gang);
  int (*gang_mark)(OpenGang* gang, uint32_t* mark);
  int (*gang_work)(OpenGang* gang, const GangWork* work);
  int (*gang_wait)(OpenGang* gang, uint64_t milliseconds);
  const char* (*gang_error)(OpenGang* gang);
  void (*gang_leave)(OpenGang* gang);
};

// The plug-in's only symbol; null for another version than its own.
using TableEntry = const DeviceTable* (*)(uint32_t version);

}  // namespace dure::model::cuda
