// The layout: the ordered list of named tensors that makes a model one flat fp32 vector.
//
// Tensor i occupies parameters [offset, offset + size) and tensors follow each other without gaps,
// so codec, merge and optimizer see a plain vector. Names, shapes and the order of elements are
// those of Hugging Face's LlamaForCausalLM. Query, key and value matrices of a layer are
// neighbours, as are gate and up, so that each group is also one larger matrix.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "federation/digest.h"
#include "federation/result.h"
#include "model/config.h"

namespace dure::model {

struct TensorSpec {
  std::string name;
  std::vector<uint64_t> shape;  // row-major, at most kTensorRankMax dimensions, none of them zero
  uint64_t offset = 0;          // in parameters, from the start of the flat vector
  uint64_t size = 0;            // in parameters: the product of shape

  bool operator==(const TensorSpec&) const = default;
};

inline constexpr size_t kTensorRankMax = 8;
inline constexpr size_t kTensorCountMax = 65536;  // a 1,000-layer model has 9,003
inline constexpr size_t kTensorNameBytesMax = 256;

class Layout {
 public:
  Layout() = default;

  // Appends a tensor behind the others. kInvalid: bad name, shape, too many, or too many
  // parameters.
  Status Add(std::string name, std::vector<uint64_t> shape);

  const std::vector<TensorSpec>& tensors() const { return tensors_; }
  uint64_t parameter_count() const { return parameter_count_; }
  // nullptr if there is none. Linear: for set-up, not for inner loops.
  const TensorSpec* Find(std::string_view name) const;
  // SHA-256 of names and shapes in order: equal layouts, equal digest.
  Digest digest() const;

  bool operator==(const Layout&) const = default;

 private:
  std::vector<TensorSpec> tensors_;
  uint64_t parameter_count_ = 0;
};

// REQUIRES: Validate(config).
Layout LlamaLayout(const LlamaConfig& config);

}  // namespace dure::model
