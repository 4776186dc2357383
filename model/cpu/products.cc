#include "model/cpu/products.h"

#include <immintrin.h>
#include <oneapi/dnnl/dnnl.h>

#include <algorithm>
#include <array>
#include <bit>
#include <cstring>
#include <map>

#include "federation/check.h"

namespace dure::model::cpu {
namespace {

// A block of a is rounded once for all of b, one of b once for each block of a: enough rows make
// that little beside the product.
constexpr size_t kRows = 1024;
constexpr size_t kColumns = 512;
constexpr size_t kInner = 2048;
static_assert((kRows + kColumns) * kInner * sizeof(uint16_t) == kProductRoomBytes);

size_t StepBelow(size_t begin, size_t end, size_t most) { return std::min(end - begin, most); }

void RoundPlain(const float* from, size_t count, uint16_t* to) {
  for (size_t i = 0; i < count; ++i) {
    const auto bits = std::bit_cast<uint32_t>(from[i]);
    const bool is_nan = (bits & 0x7fffffffU) > 0x7f800000U;
    const uint32_t rounded = bits + 0x7fffU + ((bits >> 16) & 1U);
    to[i] = static_cast<uint16_t>((is_nan ? bits | 0x400000U : rounded) >> 16);
  }
}

__attribute__((target("avx512f,avx512bw,avx512vl,avx512bf16"))) void RoundBf16(const float* from,
                                                                               size_t count,
                                                                               uint16_t* to) {
  size_t i = 0;
  for (; i + 16 <= count; i += 16) {
    const __m256bh rounded = _mm512_cvtneps_pbh(_mm512_loadu_ps(from + i));
    std::memcpy(to + i, &rounded, sizeof rounded);
  }
  RoundPlain(from + i, count - i, to + i);
}

bool ConvertsBf16() {
  static const bool converts = __builtin_cpu_supports("avx512bf16") != 0;
  return converts;
}

void Check(dnnl_status_t status) {
  DURE_CHECK(status == dnnl_success, "strides and sizes come from a validated configuration");
}

}  // namespace

std::string_view Name(Precision precision) {
  return precision == Precision::kBf16 ? "bf16" : "fp32";
}

bool HasBf16Instructions() {
  const dnnl_cpu_isa_t isa = dnnl_get_effective_cpu_isa();
  return ConvertsBf16() && (isa & dnnl_cpu_isa_avx512_core_bf16) == dnnl_cpu_isa_avx512_core_bf16;
}

// oneDNN's products of bf16 matrices; each shape's code is made once.
class Products::Bf16 {
 public:
  // How the operands are stored: a as [inner, rows], b as [columns, inner].
  struct Transposed {
    bool a;
    bool b;
    auto operator<=>(const Transposed&) const = default;
  };

  explicit Bf16(void* room) : left_(static_cast<uint16_t*>(room)), right_(left_ + kRows * kInner) {
    Check(dnnl_engine_create(&engine_, dnnl_cpu, 0));
    Check(dnnl_stream_create(&stream_, engine_, dnnl_stream_default_flags));
  }
  ~Bf16() {
    for (const auto& [shape, product] : made_) dnnl_primitive_destroy(product);
    dnnl_stream_destroy(stream_);
    dnnl_engine_destroy(engine_);
  }
  Bf16(const Bf16&) = delete;
  Bf16& operator=(const Bf16&) = delete;

  void Call(Transposed transposed, MatmulSize size, Matrix a, Matrix b, MutableMatrix c,
            MatmulScale scale) {
    if (size.rows == 0 || size.columns == 0) return;
    DURE_CHECK(scale.alpha == 1 && (scale.beta == 0 || scale.beta == 1), "sums are plain");
    if (size.inner == 0) return Clear(size, c, scale);
    for (size_t k = 0; k < size.inner; k += kInner) {
      const size_t inner = StepBelow(k, size.inner, kInner);
      const bool adds = k > 0 || scale.beta != 0;
      for (size_t i = 0; i < size.rows; i += kRows) {
        const size_t rows = StepBelow(i, size.rows, kRows);
        Round(transposed.a ? Part{a, k, i, inner, rows} : Part{a, i, k, rows, inner}, left_);
        for (size_t j = 0; j < size.columns; j += kColumns) {
          const size_t columns = StepBelow(j, size.columns, kColumns);
          Round(transposed.b ? Part{b, j, k, columns, inner} : Part{b, k, j, inner, columns},
                right_);
          Multiply({rows, columns, inner, c.stride, transposed, adds}, c.data + i * c.stride + j);
        }
      }
    }
  }

 private:
  struct Shape {
    size_t rows, columns, inner, stride;
    Transposed transposed;
    bool adds;
    auto operator<=>(const Shape&) const = default;
  };
  // Rows and columns of a matrix as it is stored.
  struct Part {
    Matrix of;
    size_t row, column, rows, columns;
  };

  static void Clear(MatmulSize size, MutableMatrix c, MatmulScale scale) {
    for (size_t i = 0; scale.beta == 0 && i < size.rows; ++i) {
      std::fill_n(c.data + i * c.stride, size.columns, 0.0F);
    }
  }

  static void Round(const Part& part, uint16_t* to) {
    const auto round = ConvertsBf16() ? RoundBf16 : RoundPlain;
    const float* from = part.of.data + part.row * part.of.stride + part.column;
    if (part.of.stride == part.columns) return round(from, part.rows * part.columns, to);
    for (size_t i = 0; i < part.rows; ++i) {
      round(from + i * part.of.stride, part.columns, to + i * part.columns);
    }
  }

  void Multiply(const Shape& shape, float* c) {
    dnnl_primitive_t& product = made_[shape];
    if (product == nullptr) product = Make(shape);
    Execute(product, c);
  }

  static dnnl_memory_desc_t Describe(size_t rows, size_t columns, std::array<size_t, 2> strides,
                                     dnnl_data_type_t type) {
    const dnnl_dims_t dims = {static_cast<dnnl_dim_t>(rows), static_cast<dnnl_dim_t>(columns)};
    const dnnl_dims_t steps = {static_cast<dnnl_dim_t>(strides[0]),
                               static_cast<dnnl_dim_t>(strides[1])};
    dnnl_memory_desc_t described;
    Check(dnnl_memory_desc_init_by_strides(&described, 2, dims, type, steps));
    return described;
  }

  dnnl_primitive_t Make(const Shape& s) const {
    const auto a = Describe(
        s.rows, s.inner,
        s.transposed.a ? std::array{size_t{1}, s.rows} : std::array{s.inner, size_t{1}}, dnnl_bf16);
    const auto b =
        Describe(s.inner, s.columns,
                 s.transposed.b ? std::array{size_t{1}, s.inner} : std::array{s.columns, size_t{1}},
                 dnnl_bf16);
    const auto c = Describe(s.rows, s.columns, {s.stride, size_t{1}}, dnnl_f32);
    dnnl_matmul_desc_t wanted;
    Check(dnnl_matmul_desc_init(&wanted, &a, &b, nullptr, &c));
    dnnl_primitive_attr_t attributes = nullptr;
    dnnl_post_ops_t after = nullptr;
    Check(dnnl_primitive_attr_create(&attributes));
    Check(dnnl_post_ops_create(&after));
    if (s.adds) Check(dnnl_post_ops_append_sum(after, 1.0F));
    Check(dnnl_primitive_attr_set_post_ops(attributes, after));
    dnnl_primitive_desc_t how = nullptr;
    Check(dnnl_primitive_desc_create(&how, &wanted, attributes, engine_, nullptr));
    dnnl_primitive_t product = nullptr;
    Check(dnnl_primitive_create(&product, how));
    dnnl_primitive_desc_destroy(how);
    dnnl_post_ops_destroy(after);
    dnnl_primitive_attr_destroy(attributes);
    return product;
  }

  void Execute(dnnl_primitive_t product, float* c) const {
    const_dnnl_primitive_desc_t how = nullptr;
    Check(dnnl_primitive_get_primitive_desc(product, &how));
    std::array<dnnl_memory_t, 3> memory = {};
    const std::array<dnnl_query_t, 3> which = {dnnl_query_src_md, dnnl_query_weights_md,
                                               dnnl_query_dst_md};
    const std::array<void*, 3> data = {left_, right_, c};
    const std::array<int, 3> argument = {DNNL_ARG_SRC, DNNL_ARG_WEIGHTS, DNNL_ARG_DST};
    std::array<dnnl_exec_arg_t, 3> arguments;
    for (size_t i = 0; i < memory.size(); ++i) {
      Check(dnnl_memory_create(&memory[i], dnnl_primitive_desc_query_md(how, which[i], 0), engine_,
                               data[i]));
      arguments[i] = {argument[i], memory[i]};
    }
    Check(dnnl_primitive_execute(product, stream_, arguments.size(), arguments.data()));
    Check(dnnl_stream_wait(stream_));
    for (dnnl_memory_t each : memory) dnnl_memory_destroy(each);
  }

  uint16_t* const left_;
  uint16_t* const right_;
  dnnl_engine_t engine_ = nullptr;
  dnnl_stream_t stream_ = nullptr;
  std::map<Shape, dnnl_primitive_t> made_;
};

Products::Products(Precision precision, void* room)
    : bf16_(precision == Precision::kBf16 ? std::make_unique<Bf16>(room) : nullptr) {}
Products::~Products() = default;
Products::Products(Products&&) noexcept = default;
Products& Products::operator=(Products&&) noexcept = default;

void Products::MatmulTransposed(MatmulSize size, Matrix a, Matrix b, MutableMatrix c,
                                MatmulScale scale) {
  if (bf16_) return bf16_->Call({false, true}, size, a, b, c, scale);
  cpu::MatmulTransposed(size, a, b, c, scale);
}

void Products::Matmul(MatmulSize size, Matrix a, Matrix b, MutableMatrix c, MatmulScale scale) {
  if (bf16_) return bf16_->Call({false, false}, size, a, b, c, scale);
  cpu::Matmul(size, a, b, c, scale);
}

void Products::TransposedMatmul(MatmulSize size, Matrix a, Matrix b, MutableMatrix c,
                                MatmulScale scale) {
  if (bf16_) return bf16_->Call({true, false}, size, a, b, c, scale);
  cpu::TransposedMatmul(size, a, b, c, scale);
}

}  // namespace dure::model::cpu
