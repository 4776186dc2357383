// The shape of a Llama-style decoder (RMSNorm, RoPE, SwiGLU, grouped-query attention, tied or
// untied head).
//
// A configuration comes from a preset's name, from our own call, or from the `config.json` of a
// Hugging Face `LlamaForCausalLM`; whoever makes one calls Validate before use. It fixes the layout
// of the flat vector (layout.h), so two sites with equal configurations have comparable models.
#pragma once

#include <cstdint>
#include <filesystem>
#include <string>
#include <string_view>

#include "federation/bytes.h"
#include "federation/digest.h"
#include "federation/result.h"

namespace dure::model {

struct LlamaConfig {
  uint32_t vocab = 512;  // rows of the embedding
  uint32_t dim = 128;    // width of the residual stream
  uint32_t layers = 4;
  uint32_t heads = 4;      // query heads; dim is a multiple of it and dim / heads is even
  uint32_t kv_heads = 4;   // key and value heads; divides heads
  uint32_t ffn_dim = 352;  // width of the SwiGLU layer
  uint32_t context = 128;  // longest sequence, in tokens
  double rope_theta = 10000.0;
  double norm_eps = 1e-5;
  bool tie_embeddings = true;  // the head is the embedding
  uint32_t bos_id = 0;         // both below vocab
  uint32_t eos_id = 0;

  uint32_t head_dim() const { return dim / heads; }
  uint32_t kv_dim() const { return head_dim() * kv_heads; }
  bool operator==(const LlamaConfig&) const = default;
};

// kInvalid names the field and its bound. Bounds keep every product within 64 bits and the
// parameter count within limits::kParameterCountMax.
Status Validate(const LlamaConfig& config);

// "tiny" (4 x 128, context 128: a federation in a minute on two cores) or "small" (6 x 384, context
// 256). The vocabulary is a default; whoever has a tokenizer sets vocab, bos_id and eos_id.
// kNotFound otherwise.
Result<LlamaConfig> Preset(std::string_view name);

// The content of a Hugging Face config.json, stable byte for byte for equal configurations.
std::string ToConfigJson(const LlamaConfig& config);

// Reads a Hugging Face Llama config.json. Total and bounded (1 MiB); unknown keys are ignored, but
// what would change the mathematics (architecture, activation, biases, rope scaling, another
// head_dim) is refused. The result is validated. kInvalid names the key.
Result<LlamaConfig> ParseConfigJson(ByteView json);

// As ParseConfigJson, from a file. kNotFound: there is no such file.
Result<LlamaConfig> ReadConfig(const std::filesystem::path& path);

// A preset's name or the path of a JSON file: what `--model` takes.
Result<LlamaConfig> PresetOrFile(std::string_view name_or_path);

// SHA-256 of the canonical bytes of every field.
Digest ConfigDigest(const LlamaConfig& config);

}  // namespace dure::model
