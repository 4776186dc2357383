// Causal attention by cuDNN: the graphs of its forward and backward (Dao 2023; the names of the
// numbers are those of NVIDIA's documentation of scaled dot product attention), planned once for
// each shape.
#include <algorithm>
#include <limits>

#include "model/cuda/plugin/cuda_device.h"
#include "model/cuda/plugin/cudnn_graph.h"

namespace dure::model::cuda {
namespace {

using Tensor = CudnnGraph::Tensor;

// Below 9.1 the graphs are not taken as they are here.
constexpr size_t kCudnnMin = 90100;
// Sequences that are no multiple of it the backward of versions before 9.16 computes wrongly.
constexpr uint32_t kSequenceUnit = 128;
constexpr uint32_t kWidthUnit = 8;

enum Number : int64_t {
  kQ = 1,
  kK,
  kV,
  kO,
  kStats,
  kScale,
  kLowest,
  kDo,
  kDq,
  kDk,
  kDv,
  kDqSums,
  kRowSums,
  kOne
};

// Shape and strides of what both graphs read, and the operations that both begin with.
class Scores {
 public:
  Scores(CudnnGraph& graph, const AttentionCall& call)
      : g(graph),
        b(call.batch),
        h(call.heads),
        hk(call.kv_heads),
        s(call.sequence),
        d(call.dim),
        row(call.stride) {
    q = g.Stored(kQ, CUDNN_DATA_BFLOAT16, {b, h, s, d}, Narrow());
    k_transposed = g.Stored(kK, CUDNN_DATA_BFLOAT16, {b, hk, d, s}, Across());
    scale = g.Value(kScale);
    lowest = g.Value(kLowest);
  }

  // Of rows of heads, as q, k and v lie; transposed; and of outputs, without gaps.
  Sizes Narrow() const { return {s * row, d, row, 1}; }
  Sizes Across() const { return {s * row, d, 1, row}; }
  Sizes Outputs() const { return {s * h * d, d, h * d, 1}; }
  Sizes Square() const { return {b, h, s, s}; }
  Sizes Rows() const { return {b, h, s, 1}; }

  Tensor Scaled(Tensor x) {
    return g.Pointwise(CUDNN_POINTWISE_MUL, x, scale, g.Between(Square()));
  }
  // Scores of keys that a query does not see become the least number.
  Tensor Masked(Tensor x) {
    const Tensor query = g.Index(2, x, g.Between(Square(), CUDNN_DATA_INT32));
    const Tensor key = g.Index(3, x, g.Between(Square(), CUDNN_DATA_INT32));
    const Tensor sees = g.Pointwise(CUDNN_POINTWISE_CMP_GE, query, key,
                                    g.Between(Square(), CUDNN_DATA_BOOLEAN), CUDNN_DATA_BOOLEAN);
    return g.Select(x, lowest, sees, g.Between(Square()));
  }
  Tensor Make() { return Scaled(g.Product(q, k_transposed, g.Between(Square()))); }

  CudnnGraph& g;
  const int64_t b, h, hk, s, d, row;
  Tensor q, k_transposed, scale, lowest;
};

void DescribeForward(CudnnGraph& g, const AttentionCall& call) {
  Scores x(g, call);
  const Tensor v = g.Stored(kV, CUDNN_DATA_BFLOAT16, {x.b, x.hk, x.s, x.d}, x.Narrow());
  const Tensor o = g.Stored(kO, CUDNN_DATA_BFLOAT16, {x.b, x.h, x.s, x.d}, x.Outputs());
  const Tensor stats = g.Stored(kStats, CUDNN_DATA_FLOAT, x.Rows(), PackedStrides(x.Rows()));
  const Tensor scores = x.Masked(x.Make());
  const Tensor most = g.Reduce(CUDNN_REDUCE_TENSOR_MAX, scores, g.Between(x.Rows()));
  const Tensor below = g.Pointwise(CUDNN_POINTWISE_SUB, scores, most, g.Between(x.Square()));
  const Tensor powers = g.Pointwise(CUDNN_POINTWISE_EXP, below, nullptr, g.Between(x.Square()));
  const Tensor sum = g.Reduce(CUDNN_REDUCE_TENSOR_ADD, powers, g.Between(x.Rows()));
  const Tensor log = g.Pointwise(CUDNN_POINTWISE_LOG, sum, nullptr, g.Between(x.Rows()));
  g.Pointwise(CUDNN_POINTWISE_ADD, most, log, stats);
  const Tensor p =
      g.Pointwise(CUDNN_POINTWISE_DIV, powers, sum, g.Between(x.Square(), CUDNN_DATA_BFLOAT16));
  g.Product(p, v, o);
}

// The gradient of k or of v, of shared heads the sum over those that share them.
void Gradient(Scores& x, Tensor weights, Tensor of, Number number) {
  CudnnGraph& g = x.g;
  const Tensor gradient = g.Stored(number, CUDNN_DATA_BFLOAT16, {x.b, x.hk, x.s, x.d}, x.Narrow());
  if (x.h == x.hk) {
    g.Product(weights, of, gradient);
    return;
  }
  const Tensor all = g.Product(weights, of, g.Between({x.b, x.h, x.s, x.d}, CUDNN_DATA_BFLOAT16));
  g.Reduce(CUDNN_REDUCE_TENSOR_ADD, all, gradient);
}

// As bf16 with queries and keys exchanged.
Tensor Transposed(Scores& x, Tensor square) {
  return x.g.Reshape(
      square, x.g.Between(x.Square(), {x.h * x.s * x.s, x.s * x.s, 1, x.s}, CUDNN_DATA_BFLOAT16));
}

void DescribeBackward(CudnnGraph& g, const AttentionCall& call) {
  Scores x(g, call);
  const Sizes wide{x.b, x.h, x.s, x.d};
  const Tensor v_transposed = g.Stored(kV, CUDNN_DATA_BFLOAT16, {x.b, x.hk, x.d, x.s}, x.Across());
  const Tensor o = g.Stored(kO, CUDNN_DATA_BFLOAT16, wide, x.Outputs());
  const Tensor d_o = g.Stored(kDo, CUDNN_DATA_BFLOAT16, wide, x.Outputs());
  const Tensor stats = g.Stored(kStats, CUDNN_DATA_FLOAT, x.Rows(), PackedStrides(x.Rows()));
  const Tensor row_sums = g.Stored(kRowSums, CUDNN_DATA_FLOAT, x.Rows(), PackedStrides(x.Rows()));
  const Tensor each = g.Pointwise(CUDNN_POINTWISE_MUL, d_o, o, g.Between(wide));
  const Tensor sums = g.Reduce(CUDNN_REDUCE_TENSOR_ADD, each, g.Between(x.Rows()));
  g.Pointwise(CUDNN_POINTWISE_MUL, sums, g.Value(kOne), row_sums);

  const Tensor below = g.Pointwise(CUDNN_POINTWISE_SUB, x.Make(), stats, g.Between(x.Square()));
  const Tensor p =
      g.Pointwise(CUDNN_POINTWISE_EXP, x.Masked(below), nullptr, g.Between(x.Square()));
  Gradient(x, Transposed(x, p), d_o, kDv);

  const Tensor dp = g.Product(d_o, v_transposed, g.Between(x.Square()));
  const Tensor less = g.Pointwise(CUDNN_POINTWISE_SUB, dp, row_sums, g.Between(x.Square()));
  const Tensor ds = x.Scaled(g.Pointwise(CUDNN_POINTWISE_MUL, less, p, g.Between(x.Square())));
  Gradient(x, Transposed(x, ds), x.q, kDk);

  const Tensor k =
      g.Reshape(x.k_transposed, g.Between({x.b, x.hk, x.s, x.d}, x.Narrow(), CUDNN_DATA_BFLOAT16));
  const Tensor dq_sums = g.Stored(kDqSums, CUDNN_DATA_FLOAT, wide, PackedStrides(wide));
  g.Product(ds, k, dq_sums);
  g.Pointwise(CUDNN_POINTWISE_IDENTITY, dq_sums, nullptr,
              g.Stored(kDq, CUDNN_DATA_BFLOAT16, wide, x.Narrow()));
}

uint64_t RoundUp(uint64_t bytes) { return (bytes + 255) / 256 * 256; }

// The scratch of a backward: sums of dq in fp32, sums of rows, and what the library wants.
struct Scratch {
  explicit Scratch(const AttentionCall& call)
      : dq_sums(RoundUp(uint64_t{4} * call.batch * call.sequence * call.heads * call.dim)),
        row_sums(RoundUp(uint64_t{4} * call.batch * call.sequence * call.heads)) {}
  uint64_t bytes() const { return dq_sums + row_sums; }
  uint64_t dq_sums;
  uint64_t row_sums;
};

using Key = std::tuple<bool, uint32_t, uint32_t, uint32_t, uint32_t, uint32_t, uint32_t>;
Key KeyOf(const AttentionCall& c, bool backward) {
  return {backward, c.batch, c.sequence, c.heads, c.kv_heads, c.dim, c.stride};
}

}  // namespace

struct AttentionLibrary {
  // Of one direction of one shape.
  struct Planned {
    CudnnPlan plan;
    uint64_t scratch_bytes = 0;
    std::string trouble;  // empty where the library computes it
  };
  const CudnnLibrary* library = nullptr;
  cudnnHandle_t handle = nullptr;
  std::map<Key, Planned> plans;
};

namespace {

using Planned = AttentionLibrary::Planned;

void MakePlan(AttentionLibrary& attention, const AttentionCall& call, bool backward,
              Planned* planned) {
  CudnnGraph graph(*attention.library, attention.handle);
  if (backward) {
    DescribeBackward(graph, call);
  } else {
    DescribeForward(graph, call);
  }
  if (!graph.Build(&planned->plan, &planned->trouble)) {
    planned->trouble = "cuDNN: " + planned->trouble;
    return;
  }
  planned->scratch_bytes = RoundUp(static_cast<uint64_t>(planned->plan.workspace_bytes()));
  if (backward) planned->scratch_bytes += Scratch(call).bytes();
}

// nullptr where the library does not compute it, with the reason in the device's message.
const Planned* PlanOf(OpenDevice* device, const AttentionCall& call, bool backward) {
  AttentionLibrary* const attention = device->attention;
  if (attention == nullptr) {
    device->message = device->attention_text;
    return nullptr;
  }
  if (call.sequence % kSequenceUnit != 0 || call.dim % kWidthUnit != 0 ||
      call.stride % kWidthUnit != 0) {
    device->message = "cuDNN is asked for sequences that are multiples of 128 and heads of 8";
    return nullptr;
  }
  const auto [it, is_new] = attention->plans.try_emplace(KeyOf(call, backward));
  Planned* const planned = &it->second;
  if (is_new) MakePlan(*attention, call, backward, planned);
  if (planned->trouble.empty()) return planned;
  device->message = planned->trouble;
  return nullptr;
}

}  // namespace

void OpenAttention(OpenDevice* device) {
  std::string& text = device->attention_text;
  const CudnnLibrary* const library = LoadCudnn(&text);
  if (library == nullptr) return;
  if (library->version() < kCudnnMin) {
    text = "cuDNN is older than 9.1";
    return;
  }
  cudnnHandle_t handle = nullptr;
  cudnnStatus_t status = library->create(&handle);
  if (status == CUDNN_STATUS_SUCCESS) status = library->set_stream(handle, device->stream);
  if (status != CUDNN_STATUS_SUCCESS) {
    text = std::string("cuDNN: ") + library->error_text(status);
    if (handle != nullptr) library->destroy(handle);
    return;
  }
  device->attention = new AttentionLibrary{library, handle, {}};
  text.clear();
}

void CloseAttention(OpenDevice* device) {
  AttentionLibrary* const attention = device->attention;
  if (attention == nullptr) return;
  attention->plans.clear();
  attention->library->destroy(attention->handle);
  delete attention;
  device->attention = nullptr;
}

int PrepareAttention(OpenDevice* device, const AttentionCall* call, uint64_t* scratch_bytes) {
  const Planned* const forward = PlanOf(device, *call, false);
  if (forward == nullptr) return 1;
  *scratch_bytes = forward->scratch_bytes;
  if (call->dout == nullptr) return 0;
  const Planned* const backward = PlanOf(device, *call, true);
  if (backward == nullptr) return 1;
  *scratch_bytes = std::max(*scratch_bytes, backward->scratch_bytes);
  return 0;
}

int RunAttention(OpenDevice* device, const AttentionCall* call) {
  const AttentionCall& c = *call;
  const bool backward = c.dout != nullptr;
  const Planned* const planned = PlanOf(device, c, backward);
  if (planned == nullptr) return 1;
  if (c.scratch_bytes < planned->scratch_bytes) {
    device->message = "attention: less scratch than was said";
    return 1;
  }
  const float one = 1;
  const float lowest = -std::numeric_limits<float>::infinity();
  std::vector<CudnnPlan::Place> places{{kQ, c.q},         {kK, c.k},           {kV, c.v},
                                       {kO, c.out},       {kStats, c.log_sum}, {kScale, &c.scale},
                                       {kLowest, &lowest}};
  auto* workspace = static_cast<uint8_t*>(c.scratch);
  if (backward) {
    const Scratch scratch(c);
    places.insert(places.end(), {{kDo, c.dout},
                                 {kDq, c.dq},
                                 {kDk, c.dk},
                                 {kDv, c.dv},
                                 {kDqSums, workspace},
                                 {kRowSums, workspace + scratch.dq_sums},
                                 {kOne, &one}});
    workspace += scratch.bytes();
  }
  const AttentionLibrary& attention = *device->attention;
  const cudnnStatus_t status =
      planned->plan.Run(*attention.library, attention.handle, places, workspace);
  if (status == CUDNN_STATUS_SUCCESS) return 0;
  device->message = std::string("attention by cuDNN: ") + attention.library->error_text(status);
  return 1;
}

}  // namespace dure::model::cuda
