#include "model/config.h"

#include <cmath>
#include <fstream>
#include <nlohmann/json.hpp>

#include "federation/canonical.h"
#include "federation/limits.h"

namespace dure::model {
namespace {

using Json = nlohmann::ordered_json;

constexpr uint32_t kVocabMax = 1u << 24;
constexpr uint32_t kDimMax = 1u << 17;
constexpr uint32_t kLayersMax = 4096;
constexpr uint32_t kHeadsMax = 4096;
constexpr uint32_t kContextMax = 1u << 24;
constexpr size_t kConfigBytesMax = size_t{1} << 20;

Status InRange(std::string_view field, uint64_t value, uint64_t least, uint64_t most) {
  if (value >= least && value <= most) return {};
  return Fail(ErrorCode::kInvalid, "model " + std::string(field) + " is " + std::to_string(value) +
                                       ", must be " + std::to_string(least) + " to " +
                                       std::to_string(most));
}

Status Refuse(std::string_view why) {
  return Fail(ErrorCode::kInvalid, "model config: " + std::string(why));
}

// Leaves `out` alone when the key is absent or null and there is a default.
Status Read32(const Json& json, const char* key, bool required, uint32_t& out) {
  const auto it = json.find(key);
  if (it == json.end() || it->is_null()) {
    return required ? Refuse(std::string(key) + " is missing") : Status{};
  }
  if (!it->is_number_integer() || (!it->is_number_unsigned() && it->get<int64_t>() < 0) ||
      it->get<uint64_t>() > UINT32_MAX) {
    return Refuse(std::string(key) + " must be a whole number below 2^32");
  }
  out = static_cast<uint32_t>(it->get<uint64_t>());
  return {};
}

// Of several, as later Llama models have them, the first: whoever trains names its own anyway.
Status ReadTokenId(Json json, const char* key, uint32_t& out) {
  const auto it = json.find(key);
  if (it != json.end() && it->is_array() && !it->empty()) *it = Json(it->front());
  return Read32(json, key, false, out);
}

Status ReadDouble(const Json& json, const char* key, double& out) {
  const auto it = json.find(key);
  if (it == json.end() || it->is_null()) return {};
  if (!it->is_number()) return Refuse(std::string(key) + " must be a number");
  out = it->get<double>();
  return {};
}

Status ReadBool(const Json& json, const char* key, bool& out) {
  const auto it = json.find(key);
  if (it == json.end() || it->is_null()) return {};
  if (!it->is_boolean()) return Refuse(std::string(key) + " must be true or false");
  out = it->get<bool>();
  return {};
}

// Keys that would make this another kind of model than the one we compute.
Status RefuseOtherMathematics(const Json& json) {
  const auto is_text = [&](const char* key, std::string_view text) {
    const auto it = json.find(key);
    return it == json.end() || (it->is_string() && it->get<std::string>() == text);
  };
  if (!is_text("model_type", "llama")) return Refuse("model_type must be \"llama\"");
  if (!is_text("hidden_act", "silu")) return Refuse("hidden_act must be \"silu\"");
  for (const char* key : {"attention_bias", "mlp_bias"}) {
    bool set = false;
    DURE_TRY(ReadBool(json, key, set));
    if (set) return Refuse(std::string(key) + " is not supported");
  }
  const auto scaling = json.find("rope_scaling");
  if (scaling != json.end() && !scaling->is_null()) return Refuse("rope_scaling is not supported");
  const auto names = json.find("architectures");
  if (names != json.end() && *names != Json::array({"LlamaForCausalLM"})) {
    return Refuse("architectures must be [\"LlamaForCausalLM\"]");
  }
  return {};
}

}  // namespace

Status Validate(const LlamaConfig& c) {
  DURE_TRY(InRange("vocab", c.vocab, 1, kVocabMax));
  DURE_TRY(InRange("dim", c.dim, 2, kDimMax));
  DURE_TRY(InRange("layers", c.layers, 1, kLayersMax));
  DURE_TRY(InRange("heads", c.heads, 1, kHeadsMax));
  DURE_TRY(InRange("kv_heads", c.kv_heads, 1, c.heads));
  DURE_TRY(InRange("ffn_dim", c.ffn_dim, 1, uint64_t{8} * kDimMax));
  DURE_TRY(InRange("context", c.context, 1, kContextMax));
  DURE_TRY(InRange("bos_id", c.bos_id, 0, c.vocab - 1));
  DURE_TRY(InRange("eos_id", c.eos_id, 0, c.vocab - 1));
  if (c.heads % c.kv_heads != 0) return Refuse("kv_heads must divide heads");
  if (c.dim % c.heads != 0) return Refuse("heads must divide dim");
  if (c.head_dim() % 2 != 0) return Refuse("dim / heads must be even for the rotary embedding");
  if (!(c.rope_theta >= 1.0 && c.rope_theta <= 1e12)) return Refuse("rope_theta must be 1 to 1e12");
  if (!(c.norm_eps > 0.0 && c.norm_eps <= 1.0)) return Refuse("norm_eps must be in (0, 1]");
  const uint64_t layer = uint64_t{2} * c.dim * (uint64_t{c.dim} + c.kv_dim()) +
                         uint64_t{3} * c.dim * c.ffn_dim + uint64_t{2} * c.dim;
  const uint64_t ends = uint64_t{c.vocab} * c.dim * (c.tie_embeddings ? 1 : 2) + c.dim;
  if (layer * c.layers + ends > limits::kParameterCountMax) return Refuse("too many parameters");
  return {};
}

Result<LlamaConfig> Preset(std::string_view name) {
  if (name == "tiny") return LlamaConfig{};
  if (name == "small") {
    return LlamaConfig{.vocab = 4096,
                       .dim = 384,
                       .layers = 6,
                       .heads = 6,
                       .kv_heads = 6,
                       .ffn_dim = 1024,
                       .context = 256};
  }
  return Fail(ErrorCode::kNotFound,
              "no model preset is called '" + std::string(name) + "'; there are tiny and small");
}

std::string ToConfigJson(const LlamaConfig& c) {
  const Json json = {
      {"architectures", Json::array({"LlamaForCausalLM"})},
      {"attention_bias", false},
      {"attention_dropout", 0.0},
      {"bos_token_id", c.bos_id},
      {"eos_token_id", c.eos_id},
      {"head_dim", c.head_dim()},
      {"hidden_act", "silu"},
      {"hidden_size", c.dim},
      {"initializer_range", 0.02},
      {"intermediate_size", c.ffn_dim},
      {"max_position_embeddings", c.context},
      {"mlp_bias", false},
      {"model_type", "llama"},
      {"num_attention_heads", c.heads},
      {"num_hidden_layers", c.layers},
      {"num_key_value_heads", c.kv_heads},
      {"rms_norm_eps", c.norm_eps},
      {"rope_scaling", nullptr},
      {"rope_theta", c.rope_theta},
      {"tie_word_embeddings", c.tie_embeddings},
      {"torch_dtype", "float32"},
      {"use_cache", true},
      {"vocab_size", c.vocab},
  };
  return json.dump(2) + "\n";
}

Result<LlamaConfig> ParseConfigJson(ByteView text) {
  if (text.size() > kConfigBytesMax) return Fail(Refuse("larger than 1 MiB").error());
  const Json json = Json::parse(text.begin(), text.end(), nullptr, false);
  if (!json.is_object()) return Fail(Refuse("not a JSON object").error());
  DURE_TRY(RefuseOtherMathematics(json));
  LlamaConfig c{.tie_embeddings = false};
  DURE_TRY(Read32(json, "vocab_size", true, c.vocab));
  DURE_TRY(Read32(json, "hidden_size", true, c.dim));
  DURE_TRY(Read32(json, "num_hidden_layers", true, c.layers));
  DURE_TRY(Read32(json, "num_attention_heads", true, c.heads));
  c.kv_heads = c.heads;
  DURE_TRY(Read32(json, "num_key_value_heads", false, c.kv_heads));
  DURE_TRY(Read32(json, "intermediate_size", true, c.ffn_dim));
  DURE_TRY(Read32(json, "max_position_embeddings", true, c.context));
  DURE_TRY(ReadTokenId(json, "bos_token_id", c.bos_id));
  DURE_TRY(ReadTokenId(json, "eos_token_id", c.eos_id));
  DURE_TRY(ReadDouble(json, "rope_theta", c.rope_theta));
  DURE_TRY(ReadDouble(json, "rms_norm_eps", c.norm_eps));
  DURE_TRY(ReadBool(json, "tie_word_embeddings", c.tie_embeddings));
  DURE_TRY(Validate(c));
  uint32_t head_dim = c.head_dim();
  DURE_TRY(Read32(json, "head_dim", false, head_dim));
  if (head_dim != c.head_dim()) return Fail(Refuse("head_dim must be hidden_size / heads").error());
  return c;
}

Result<LlamaConfig> ReadConfig(const std::filesystem::path& path) {
  std::ifstream in(path, std::ios::binary);
  if (!in) return Fail(ErrorCode::kNotFound, "cannot open the model config " + path.string());
  Bytes text(kConfigBytesMax + 1);
  in.read(reinterpret_cast<char*>(text.data()), static_cast<std::streamsize>(text.size()));
  text.resize(static_cast<size_t>(in.gcount()));
  auto config = ParseConfigJson(text);
  if (!config) return Within(config.error(), path.string());
  return config;
}

Result<LlamaConfig> PresetOrFile(std::string_view name_or_path) {
  if (auto preset = Preset(name_or_path)) return preset;
  std::error_code no_folder;
  const std::filesystem::path path(name_or_path);
  const bool is_folder = std::filesystem::is_directory(path, no_folder);
  auto config = ReadConfig(is_folder ? path / "config.json" : path);
  if (!config && config.error().code == ErrorCode::kNotFound) {
    const std::string quoted = "'" + std::string(name_or_path) + "'";
    return Fail(ErrorCode::kNotFound, quoted + " is neither a preset (tiny, small) nor a file");
  }
  return config;
}

Digest ConfigDigest(const LlamaConfig& c) {
  CanonicalWriter w;
  w.Text("dure-llama-config-1");
  w.U32(c.vocab).U32(c.dim).U32(c.layers).U32(c.heads).U32(c.kv_heads).U32(c.ffn_dim);
  w.U32(c.context).F64(c.rope_theta).F64(c.norm_eps).Bool(c.tie_embeddings);
  w.U32(c.bos_id).U32(c.eos_id);
  return Sha256(w.bytes());
}

}  // namespace dure::model
