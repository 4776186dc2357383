#include "model/layout.h"

#include <algorithm>

#include "federation/canonical.h"
#include "federation/check.h"
#include "federation/limits.h"

namespace dure::model {
namespace {

bool IsPrintable(std::string_view name) {
  return std::all_of(name.begin(), name.end(), [](char c) { return c > ' ' && c < 0x7f; });
}

}  // namespace

Status Layout::Add(std::string name, std::vector<uint64_t> shape) {
  const auto refuse = [&](std::string_view why) {
    return Fail(ErrorCode::kInvalid, "tensor '" + name + "': " + std::string(why));
  };
  if (name.empty() || name.size() > kTensorNameBytesMax || !IsPrintable(name)) {
    return Fail(ErrorCode::kInvalid, "a tensor's name must be 1 to 256 printable characters");
  }
  if (tensors_.size() >= kTensorCountMax) return refuse("too many tensors");
  if (shape.size() > kTensorRankMax) return refuse("too many dimensions");
  uint64_t size = 1;
  for (const uint64_t extent : shape) {
    if (extent == 0) return refuse("a dimension is zero");
    if (extent > limits::kParameterCountMax / size) return refuse("too many parameters");
    size *= extent;
  }
  if (size > limits::kParameterCountMax - parameter_count_) return refuse("too many parameters");
  tensors_.push_back({std::move(name), std::move(shape), parameter_count_, size});
  parameter_count_ += size;
  return {};
}

const TensorSpec* Layout::Find(std::string_view name) const {
  const auto it = std::find_if(tensors_.begin(), tensors_.end(),
                               [&](const TensorSpec& tensor) { return tensor.name == name; });
  return it == tensors_.end() ? nullptr : &*it;
}

Digest Layout::digest() const {
  CanonicalWriter w;
  w.Text("dure-layout-1").U64(tensors_.size());
  for (const TensorSpec& tensor : tensors_) {
    w.Text(tensor.name).U32(static_cast<uint32_t>(tensor.shape.size()));
    for (const uint64_t extent : tensor.shape) w.U64(extent);
  }
  return Sha256(w.bytes());
}

Layout LlamaLayout(const LlamaConfig& c) {
  Layout layout;
  const auto add = [&](std::string name, std::vector<uint64_t> shape) {
    DURE_CHECK(layout.Add(std::move(name), std::move(shape)), "the configuration was validated");
  };
  add("model.embed_tokens.weight", {c.vocab, c.dim});
  for (uint32_t i = 0; i < c.layers; ++i) {
    const std::string layer = "model.layers." + std::to_string(i) + ".";
    add(layer + "input_layernorm.weight", {c.dim});
    add(layer + "self_attn.q_proj.weight", {c.dim, c.dim});
    add(layer + "self_attn.k_proj.weight", {c.kv_dim(), c.dim});
    add(layer + "self_attn.v_proj.weight", {c.kv_dim(), c.dim});
    add(layer + "self_attn.o_proj.weight", {c.dim, c.dim});
    add(layer + "post_attention_layernorm.weight", {c.dim});
    add(layer + "mlp.gate_proj.weight", {c.ffn_dim, c.dim});
    add(layer + "mlp.up_proj.weight", {c.ffn_dim, c.dim});
    add(layer + "mlp.down_proj.weight", {c.dim, c.ffn_dim});
  }
  add("model.norm.weight", {c.dim});
  if (!c.tie_embeddings) add("lm_head.weight", {c.vocab, c.dim});
  return layout;
}

}  // namespace dure::model
