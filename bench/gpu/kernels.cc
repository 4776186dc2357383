// The kernel list: what each must move and compute at the size of one model, and how long it takes.
#include <cmath>
#include <functional>

#include "bench/gpu/figures.h"
#include "model/cuda/attend.h"
#include "model/cuda/device_plan.h"
#include "model/cuda/products.h"

namespace dure::bench {
namespace {

namespace cuda = model::cuda;
using cuda::Bf16;
using cuda::Device;
using cuda::DevicePlan;
using cuda::Linear;

// Buffers that all kernels share: what they compute does not matter, only how long it takes.
struct Bench {
  Bench(const ModelSize& size, DevicePlan& plan) : c(size.config), batch(size.batch) {
    rows = batch * c.context;
    const uint64_t wide = std::max<uint64_t>({uint64_t{2} * c.ffn_dim, qkv(), c.dim});
    for (Bf16*& buffer : wide_rows) buffer = plan.Take<Bf16>(rows * wide);
    for (Bf16*& buffer : narrow_rows) buffer = plan.Take<Bf16>(rows * uint64_t{c.dim});
    logit_rows = std::min<uint32_t>(rows, 1024);
    logits = plan.Take<Bf16>(uint64_t{logit_rows} * c.vocab);
    weights = plan.Take<Bf16>(uint64_t{c.vocab} * c.dim);
    const uint64_t matrix = std::max<uint64_t>(uint64_t{c.vocab} * c.dim, wide * c.dim);
    for (float*& buffer : vectors) buffer = plan.Take<float>(matrix);
    rows_of_floats = plan.Take<float>(uint64_t{rows} * std::max(c.heads, c.head_dim()));
    more_rows_of_floats = plan.Take<float>(uint64_t{rows} * c.heads);
    parts = plan.Take<float>(uint64_t{kNormBlocks} * c.dim);
    tokens = plan.Take<uint32_t>(rows);
    sums = plan.Take<double>(cuda::Sums::kBlocks);
  }

  static constexpr uint32_t kNormBlocks = 1056;
  uint64_t qkv() const { return c.dim + uint64_t{2} * c.kv_dim(); }
  cuda::AttentionShape Attend() const {
    const auto stride = static_cast<uint32_t>(qkv());
    return {batch,   c.context,  c.context,
            c.heads, c.kv_heads, c.head_dim(),
            stride,  stride,     1.0F / std::sqrt(static_cast<float>(c.head_dim()))};
  }

  const model::LlamaConfig c;
  const uint32_t batch;
  uint32_t rows;
  uint32_t logit_rows;
  Bf16* wide_rows[3];
  Bf16* narrow_rows[4];
  Bf16* logits;
  Bf16* weights;
  float* vectors[4];
  float* rows_of_floats;
  float* more_rows_of_floats;
  float* parts;
  uint32_t* tokens;
  double* sums;
};

class List {
 public:
  List(Device& device, double seconds) : device_(device), seconds_(seconds) {}

  void Add(std::string name, double bytes, double operations, const std::function<void()>& work) {
    if (!status_) return;
    const auto took = SecondsOf(device_, seconds_, work);
    if (!took) {
      status_ = Fail(took.error());
      return;
    }
    figures_.push_back({std::move(name), bytes, operations, *took});
  }
  void Product(const std::string& name, const Linear& size, const std::function<void()>& work,
               double out_bytes = 2) {
    const double rows = size.rows, out = size.out, in = size.in;
    Add(name, 2 * (rows * in + out * in) + out_bytes * rows * out, 2 * rows * out * in, work);
  }
  Result<std::vector<KernelFigure>> Take() {
    if (!status_) return Fail(status_.error());
    return std::move(figures_);
  }

 private:
  Device& device_;
  const double seconds_;
  std::vector<KernelFigure> figures_;
  Status status_;
};

void AddProducts(Device& d, const Bench& b, List& list) {
  const uint32_t dim = b.c.dim;
  const Linear qkv{b.rows, static_cast<uint32_t>(b.qkv()), dim};
  const Linear out{b.rows, dim, dim};
  const Linear up{b.rows, 2 * b.c.ffn_dim, dim};
  const Linear down{b.rows, dim, b.c.ffn_dim};
  const Linear head{b.logit_rows, b.c.vocab, dim};
  const struct {
    const char* name;
    Linear size;
  } layers[] = {{"qkv", qkv}, {"attention out", out}, {"gate and up", up}, {"down", down}};
  for (const auto& [name, size] : layers) {
    list.Product(std::string("product, ") + name, size,
                 [&] { Apply(d, size, b.wide_rows[0], b.weights, b.wide_rows[1]); });
    list.Product(std::string("input gradient, ") + name, size,
                 [&] { InputGradient(d, size, b.wide_rows[0], b.weights, b.wide_rows[1]); });
    list.Product(std::string("weight gradient, ") + name, size,
                 [&] { AddWeightGradient(d, size, b.wide_rows[0], b.wide_rows[1], b.vectors[0]); });
  }
  list.Product("product, head (a chunk)", head,
               [&] { Apply(d, head, b.narrow_rows[0], b.weights, b.logits); });
}

void AddAttention(Device& d, const Bench& b, List& list) {
  const cuda::AttentionShape shape = b.Attend();
  const double rows = b.rows, width = b.c.dim;
  // Half of the scores are seen; two products forward, five (twice the scores') backward.
  const double product = 2 * rows * b.c.context / 2 * width;
  const double qkv_bytes = 2 * rows * static_cast<double>(b.qkv());
  Bf16* const q = b.wide_rows[0];
  const Bf16* const k = q + b.c.dim;
  const Bf16* const v = k + b.c.kv_dim();
  list.Add("attention", qkv_bytes + 2 * rows * width, 2 * product,
           [&] { cuda::Attend(d, shape, q, k, v, b.narrow_rows[0], b.rows_of_floats); });
  list.Add("attention delta", 4 * rows * width, 0, [&] {
    d.Launch<cuda::AttentionDelta<Bf16>>({b.narrow_rows[0], b.narrow_rows[1], b.more_rows_of_floats,
                                          b.rows, b.c.heads, b.c.head_dim()});
  });
  Bf16* const dq = b.wide_rows[1];
  const cuda::AttentionGradientArgs<Bf16> args{shape,
                                               q,
                                               k,
                                               v,
                                               b.narrow_rows[1],
                                               b.rows_of_floats,
                                               b.more_rows_of_floats,
                                               dq,
                                               dq + b.c.dim,
                                               dq + b.c.dim + b.c.kv_dim()};
  list.Add("attention, backward", 3 * qkv_bytes + 4 * rows * width, 7 * product,
           [&] { cuda::AttendBackward(d, args); });
}

void AddRows(Device& d, const Bench& b, List& list) {
  const model::LlamaConfig& c = b.c;
  const double numbers = static_cast<double>(b.rows) * c.dim;
  const double ffn = static_cast<double>(b.rows) * c.ffn_dim;
  list.Add("embedding", 4 * numbers, 0, [&] {
    d.Launch<cuda::Embed<Bf16>>({b.tokens, b.weights, b.narrow_rows[0], b.rows, c.dim});
  });
  list.Add("norm", 4 * numbers, 0, [&] {
    d.Launch<cuda::RmsNorm<Bf16>>({b.narrow_rows[0], b.weights, b.narrow_rows[1], b.rows_of_floats,
                                   b.rows, c.dim, 1e-5F, false});
  });
  list.Add("norm, backward with the residual", 8 * numbers, 0, [&] {
    d.Launch<cuda::RmsNormBackward<Bf16>>(
        {b.narrow_rows[0], b.weights, b.rows_of_floats, b.narrow_rows[1], b.narrow_rows[2],
         b.narrow_rows[3], b.parts, b.rows, c.dim, std::min(b.rows, Bench::kNormBlocks)});
  });
  list.Add("rotation of queries and keys", 4 * static_cast<double>(b.rows) * (c.dim + c.kv_dim()),
           0, [&] {
             d.Launch<cuda::Rope<Bf16>>({b.wide_rows[0], b.vectors[0], b.vectors[1], b.rows,
                                         static_cast<uint32_t>(b.qkv()), c.heads + c.kv_heads,
                                         c.head_dim() / 2, c.context, 0, 1.0F});
           });
  list.Add("SwiGLU", 6 * ffn, 0, [&] {
    d.Launch<cuda::SwiGlu<Bf16>>({b.wide_rows[0], b.wide_rows[1], b.rows, c.ffn_dim});
  });
  list.Add("SwiGLU, backward", 12 * ffn, 0, [&] {
    d.Launch<cuda::SwiGluBackward<Bf16>>(
        {b.wide_rows[0], b.wide_rows[1], b.wide_rows[2], b.wide_rows[0], b.rows, c.ffn_dim});
  });
  list.Add("cross-entropy (a chunk)", 4.0 * b.logit_rows * c.vocab, 0, [&] {
    d.Launch<cuda::CrossEntropy<Bf16>>(
        {b.logits, b.tokens, b.rows_of_floats, b.logit_rows, c.vocab, 1.0F, true});
  });
}

void AddVectors(Device& d, const Bench& b, List& list) {
  const uint64_t count = uint64_t{b.c.vocab} * b.c.dim;
  const double numbers = static_cast<double>(count);
  cuda::AdamW<Bf16>::Args adamw{};
  adamw.parameters = b.vectors[0];
  adamw.gradients = b.vectors[1];
  adamw.m = b.vectors[2];
  adamw.v = b.vectors[3];
  adamw.weights = b.weights;
  adamw.count = count;
  adamw.epsilon = 1e-8F;
  list.Add("AdamW (the embedding)", numbers * (4 * 4 + 3 * 4 + 2), 0,
           [&] { d.Launch<cuda::AdamW<Bf16>>(adamw); });
  list.Add("norm of the gradient (the embedding)", 4 * numbers, 0, [&] {
    d.Launch<cuda::Sums>({b.vectors[1], b.sums, count, true});
  });
  list.Add("matrix times vector, gate and up", 2.0 * 2 * b.c.ffn_dim * b.c.dim,
           2.0 * 2 * b.c.ffn_dim * b.c.dim, [&] {
             d.Launch<cuda::MatrixVectorBf16>({b.weights, b.narrow_rows[0], b.wide_rows[0],
                                               std::min<uint32_t>(2 * b.c.ffn_dim, b.c.vocab),
                                               b.c.dim, false});
           });
}

}  // namespace

Result<std::vector<KernelFigure>> MeasureKernels(Device& device, const ModelSize& size,
                                                 double seconds) {
  DevicePlan sum;
  const Bench counted(size, sum);
  DURE_ASSIGN(const cuda::DeviceArena arena, cuda::DeviceArena::Create(device, sum.bytes()));
  DevicePlan plan(arena);
  const Bench bench(size, plan);
  device.Clear(arena.memory(), sum.bytes());  // zeros: tokens are then of the vocabulary
  List list(device, seconds);
  AddProducts(device, bench, list);
  AddAttention(device, bench, list);
  AddRows(device, bench, list);
  AddVectors(device, bench, list);
  return list.Take();
}

}  // namespace dure::bench
