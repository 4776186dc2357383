// The kernel list: what each must move and compute at the size of one model, and how long it takes.
#include <cmath>
#include <functional>

#include "bench/gpu/figures.h"
#include "model/cuda/attend.h"
#include "model/cuda/device_plan.h"
#include "model/cuda/norm.h"
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
    weights = plan.Take<Bf16>(std::max<uint64_t>(c.vocab, wide) * c.dim);
    const uint64_t matrix = std::max<uint64_t>(uint64_t{c.vocab} * c.dim, wide * c.dim);
    for (float*& buffer : vectors) buffer = plan.Take<float>(matrix);
    rows_of_floats = plan.Take<float>(uint64_t{rows} * std::max(c.heads, c.head_dim()));
    more_rows_of_floats = plan.Take<float>(uint64_t{rows} * c.heads);
    parts = plan.Take<float>(uint64_t{kNormBlocks} * c.dim);
    tokens = plan.Take<uint32_t>(rows);
    attention_scratch_bytes =
        cuda::AttentionScratchBytes(rows, c.heads, c.kv_heads, c.head_dim(), true);
    attention_scratch = plan.Take<uint8_t>(attention_scratch_bytes);
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
  uint8_t* attention_scratch;
  uint64_t attention_scratch_bytes;
};

class List {
 public:
  static constexpr uint32_t kReplayed = 32;

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
  // As Add, of many calls of `work` replayed as one: without the host's part of each. `work` only
  // launches, or it is as Add.
  void AddReplayed(std::string name, double bytes, double operations,
                   const std::function<void()>& work) {
    if (!status_) return;
    work();  // loads code
    const auto sequence = device_.Record([&] {
      for (uint32_t i = 0; i < kReplayed; ++i) work();
    });
    if (!sequence) return Add(std::move(name), bytes, operations, work);
    Add(std::move(name), bytes, operations, [&] { sequence->Replay(); });
    if (status_) figures_.back().seconds /= kReplayed;
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
  cuda::SequenceAttention<Bf16> library(d, b.attention_scratch, b.attention_scratch_bytes, true,
                                        false);
  library.Choose(shape);
  const cuda::AttentionGradientArgs<Bf16> gradients{shape,
                                                    q,
                                                    k,
                                                    v,
                                                    b.narrow_rows[1],
                                                    b.rows_of_floats,
                                                    b.more_rows_of_floats,
                                                    b.wide_rows[1],
                                                    b.wide_rows[1] + b.c.dim,
                                                    b.wide_rows[1] + b.c.dim + b.c.kv_dim()};
  if (library.by_library()) {
    list.Add("attention by the library", qkv_bytes + 2 * rows * width, 2 * product,
             [&] { library.Forward(q, k, v, b.narrow_rows[0], b.rows_of_floats); });
    list.Add("attention by the library, backward", 3 * qkv_bytes + 6 * rows * width, 5 * product,
             [&] {
               library.Backward({gradients.q, gradients.k, gradients.v, gradients.dout,
                                 gradients.dq, gradients.dk, gradients.dv},
                                b.narrow_rows[0], b.rows_of_floats, b.more_rows_of_floats);
             });
  }
  list.Add("attention", qkv_bytes + 2 * rows * width, 2 * product,
           [&] { cuda::Attend(d, shape, q, k, v, b.narrow_rows[0], b.rows_of_floats); });
  list.Add("attention delta", 4 * rows * width, 0, [&] {
    d.Launch<cuda::AttentionDelta<Bf16>>({b.narrow_rows[0], b.narrow_rows[1], b.more_rows_of_floats,
                                          b.rows, b.c.heads, b.c.head_dim()});
  });
  list.Add("attention, backward", 3 * qkv_bytes + 4 * rows * width, 7 * product,
           [&] { cuda::AttendBackward(d, gradients); });
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
    cuda::NormBackward<Bf16>(
        d,
        {b.narrow_rows[0], b.weights, b.rows_of_floats, b.narrow_rows[1], b.narrow_rows[2],
         b.narrow_rows[3], b.parts, b.rows, c.dim, Bench::kNormBlocks},
        b.vectors[0]);
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
}

// The kernels of one decoded token, at the end of the context. Each call reads another stretch of
// the weights and of the cache: decoding never finds them on the chip.
class Token {
 public:
  Token(Device& device, const Bench& bench)
      : d_(device), b_(bench), state_(reinterpret_cast<cuda::DecodeState*>(bench.tokens)) {
    const cuda::DecodeState last{c_.context - 1, 0};
    d_.CopyIn(state_, std::span<const cuda::DecodeState>(&last, 1));
  }

  void Qkv() {
    d_.Launch<cuda::QkvVector<Bf16>>(
        {cuda::QkvVector<Bf16>::WorkOf(Matrix(b_.qkv()), dim_ / 2 + c_.kv_dim(), dim_,
                                       cuda::kQkvRounds),
         Normed(), b_.vectors[0], b_.vectors[1], state_, q_, Cached(2), Cached(3), c_.heads,
         c_.kv_heads, c_.head_dim() / 2});
  }
  void Attend() {
    d_.Launch<cuda::DecodeSplit<Bf16>>({q_, Cached(2), Cached(3), parts_, sums_, state_, c_.heads,
                                        c_.kv_heads, c_.head_dim(), 0.1F});
  }
  void Out() {
    d_.Launch<cuda::OutVector<Bf16>>({cuda::OutVector<Bf16>::WorkOf(Matrix(dim_), dim_, dim_),
                                      parts_, sums_, b_.narrow_rows[0], c_.heads, c_.head_dim()});
  }
  void GateUp() {
    d_.Launch<cuda::GateUpVector<Bf16>>(
        {cuda::GateUpVector<Bf16>::WorkOf(Matrix(uint64_t{2} * c_.ffn_dim), c_.ffn_dim, dim_,
                                          cuda::kGateUpRounds),
         Normed(), q_});
  }
  void Down() {
    d_.Launch<cuda::DownVector<Bf16>>(
        {cuda::DownVector<Bf16>::WorkOf(Matrix(c_.ffn_dim), dim_, c_.ffn_dim, cuda::kDownRounds),
         q_, b_.narrow_rows[0]});
  }
  void Head() {
    d_.Launch<cuda::HeadVector<Bf16>>(
        {cuda::HeadVector<Bf16>::WorkOf(b_.weights, c_.vocab, dim_, cuda::kHeadRounds), Normed(),
         b_.vectors[0]});
  }
  void Choose() {
    d_.Clear(chosen_, 1);
    d_.Launch<cuda::ChooseToken>({b_.vectors[0], chosen_, b_.tokens + 2, c_.vocab});
  }

 private:
  const Bf16* Matrix(uint64_t rows) {
    const uint64_t places = std::max<uint64_t>(c_.vocab / rows, 1);
    return b_.weights + calls_++ % places * rows * dim_;
  }
  Bf16* Cached(uint32_t buffer) const {
    return b_.narrow_rows[buffer] + calls_ % b_.batch * c_.context * c_.kv_dim();
  }
  cuda::NormedVector<Bf16> Normed() const { return {b_.narrow_rows[0], b_.narrow_rows[1], 1e-5F}; }

  Device& d_;
  const Bench& b_;
  const model::LlamaConfig& c_ = b_.c;
  const uint32_t dim_ = c_.dim;
  cuda::DecodeState* const state_;
  cuda::DecodeState* const chosen_ = reinterpret_cast<cuda::DecodeState*>(b_.sums);
  Bf16* const q_ = b_.wide_rows[0];
  Bf16* const parts_ = b_.wide_rows[1];
  cuda::SplitSum* const sums_ = reinterpret_cast<cuda::SplitSum*>(b_.more_rows_of_floats);
  uint64_t calls_ = 0;
};

void AddToken(Device& d, const Bench& b, List& list) {
  Token token(d, b);
  const double dim = b.c.dim, qkv = static_cast<double>(b.qkv()), ffn = b.c.ffn_dim;
  const double cache = 4.0 * b.c.context * b.c.kv_dim();
  const auto add = [&](const std::string& name, double weights, double bytes, auto work) {
    list.AddReplayed("token: " + name, 2 * weights + bytes, 2 * weights, work);
  };
  add("norm, qkv, rotation, cache", qkv * dim, 0, [&] { token.Qkv(); });
  add("attention over the cache", 0, cache, [&] { token.Attend(); });
  add("end of attention, out", dim * dim, 0, [&] { token.Out(); });
  add("norm, gate and up, SwiGLU", 2 * ffn * dim, 0, [&] { token.GateUp(); });
  add("down", ffn * dim, 0, [&] { token.Down(); });
  add("all five, a layer", (qkv + dim + 3 * ffn) * dim, cache, [&] {
    token.Qkv();
    token.Attend();
    token.Out();
    token.GateUp();
    token.Down();
  });
  add("norm, head", b.c.vocab * dim, 0, [&] { token.Head(); });
  add("choice", 0, 4.0 * b.c.vocab, [&] { token.Choose(); });
}

// As many layers of almost no weights: what a token's kernels cost besides.
ModelSize Thin(ModelSize size) {
  model::LlamaConfig& c = size.config;
  c.dim = 128;
  c.heads = c.kv_heads = 2;
  c.ffn_dim = 128;
  c.vocab = 256;
  return size;
}

}  // namespace

Result<std::vector<KernelFigure>> MeasureKernels(Device& device, const ModelSize& size,
                                                 double seconds) {
  DevicePlan sum;
  const Bench counted(size, sum);
  DURE_ASSIGN(const cuda::DeviceArena arena, cuda::DeviceArena::Create(device, sum.bytes()));
  DevicePlan plan(arena);
  const Bench bench(size, plan);
  FillByChance(device, arena.memory(), sum.bytes());
  device.Clear(bench.tokens, bench.rows);
  List list(device, seconds);
  AddProducts(device, bench, list);
  AddAttention(device, bench, list);
  AddRows(device, bench, list);
  AddVectors(device, bench, list);
  AddToken(device, bench, list);
  DURE_ASSIGN(std::vector<KernelFigure> figures, list.Take());
  DURE_ASSIGN(const DecodingFigure thin, MeasureDecoding(device, Thin(size), 65));
  figures.push_back({"token: all but its weights", thin.weight_bytes, 0, 1 / thin.tokens_s});
  return figures;
}

}  // namespace dure::bench
