#include "model/config.h"

#include <gmock/gmock.h>

#include "model/layout.h"

namespace dure::model {
namespace {

TEST(ConfigTest, JsonThereAndBackIsTheSameConfiguration) {
  for (const char* name : {"tiny", "small"}) {
    LlamaConfig config = *Preset(name);
    config.norm_eps = 1e-6;
    config.rope_theta = 500000;
    config.tie_embeddings = false;
    config.eos_id = 7;
    const auto read = ParseConfigJson(AsBytes(ToConfigJson(config)));
    ASSERT_TRUE(read) << read.error().message;
    EXPECT_EQ(*read, config);
    EXPECT_EQ(ConfigDigest(*read), ConfigDigest(config));
  }
}

TEST(ConfigTest, PresetsAreValidAndUnknownNamesAreNot) {
  EXPECT_TRUE(Validate(*Preset("tiny")));
  EXPECT_TRUE(Validate(*Preset("small")));
  EXPECT_EQ(Preset("huge").error().code, ErrorCode::kNotFound);
  EXPECT_EQ(PresetOrFile("no/such/file").error().code, ErrorCode::kNotFound);
}

TEST(ConfigTest, EveryFieldChangesTheDigest) {
  const LlamaConfig base;
  const auto differs = [&](auto change) {
    LlamaConfig config = base;
    change(config);
    return ConfigDigest(config) != ConfigDigest(base);
  };
  EXPECT_TRUE(differs([](LlamaConfig& c) { c.vocab++; }));
  EXPECT_TRUE(differs([](LlamaConfig& c) { c.context++; }));
  EXPECT_TRUE(differs([](LlamaConfig& c) { c.rope_theta++; }));
  EXPECT_TRUE(differs([](LlamaConfig& c) { c.tie_embeddings = !c.tie_embeddings; }));
  EXPECT_TRUE(differs([](LlamaConfig& c) { c.eos_id++; }));
}

TEST(ConfigTest, OfSeveralTokensThatEndATextTheFirstIsTaken) {
  std::string json = ToConfigJson(*Preset("tiny"));
  const std::string one = "\"eos_token_id\": " + std::to_string(Preset("tiny")->eos_id);
  const size_t at = json.find(one);
  ASSERT_NE(at, std::string::npos) << json;
  json.replace(at, one.size(), "\"eos_token_id\": [3, 5, 7]");
  const auto config = ParseConfigJson(AsBytes(json));
  ASSERT_TRUE(config) << config.error().message;
  EXPECT_EQ(config->eos_id, 3u);
  json.replace(json.find("[3, 5, 7]"), 9, "[\"x\"]");
  EXPECT_FALSE(ParseConfigJson(AsBytes(json)));
}

TEST(ConfigTest, RefusesWhatCannotBeComputed) {
  const auto refused = [](auto change) {
    LlamaConfig config;
    change(config);
    return !Validate(config);
  };
  EXPECT_TRUE(refused([](LlamaConfig& c) { c.heads = 3; }));
  EXPECT_TRUE(refused([](LlamaConfig& c) { c.heads = 128; }));
  EXPECT_TRUE(refused([](LlamaConfig& c) { c.kv_heads = 3; }));
  EXPECT_TRUE(refused([](LlamaConfig& c) { c.kv_heads = 0; }));
  EXPECT_TRUE(refused([](LlamaConfig& c) { c.vocab = 0; }));
  EXPECT_TRUE(refused([](LlamaConfig& c) { c.eos_id = c.vocab; }));
  EXPECT_TRUE(refused([](LlamaConfig& c) { c.norm_eps = 0; }));
  EXPECT_TRUE(refused([](LlamaConfig& c) { c.rope_theta = 0; }));
  EXPECT_TRUE(refused([](LlamaConfig& c) { c.layers = 1u << 31; }));
  EXPECT_TRUE(refused([](LlamaConfig& c) {
    c.layers = 4096;
    c.dim = 1u << 17;
    c.ffn_dim = 1u << 20;
  }));
}

TEST(ConfigTest, RefusesOtherMathematicsAndBadJson) {
  const std::string good = ToConfigJson(LlamaConfig{});
  const auto with = [&](const std::string& from, const std::string& to) {
    std::string text = good;
    const size_t at = text.find(from);
    EXPECT_NE(at, std::string::npos) << from;
    return ParseConfigJson(AsBytes(text.replace(at, from.size(), to)));
  };
  EXPECT_TRUE(with("\"vocab_size\": 512", "\"vocab_size\": 513"));
  EXPECT_FALSE(with("LlamaForCausalLM", "GPT2LMHeadModel"));
  EXPECT_FALSE(with("\"silu\"", "\"gelu\""));
  EXPECT_FALSE(with("\"mlp_bias\": false", "\"mlp_bias\": true"));
  EXPECT_FALSE(with("\"rope_scaling\": null", "\"rope_scaling\": {\"type\": \"linear\"}"));
  EXPECT_FALSE(with("\"head_dim\": 32", "\"head_dim\": 64"));
  EXPECT_FALSE(with("\"hidden_size\": 128", "\"hidden_size\": -128"));
  EXPECT_FALSE(with("\"hidden_size\": 128", "\"hidden_size\": 128.5"));
  EXPECT_FALSE(with("\"hidden_size\": 128", "\"hidden_size\": 4294967424"));
  EXPECT_FALSE(with("\"hidden_size\": 128", "\"hidden_size\": \"128\""));
  for (size_t cut = 0; cut + 2 < good.size(); cut += 7) {
    EXPECT_FALSE(ParseConfigJson(AsBytes(good.substr(0, cut))));
  }
}

TEST(LayoutTest, NamesShapesAndOffsetsAreThoseOfHuggingFace) {
  LlamaConfig config{.vocab = 10,
                     .dim = 8,
                     .layers = 2,
                     .heads = 4,
                     .kv_heads = 2,
                     .ffn_dim = 6,
                     .tie_embeddings = false};
  const Layout layout = LlamaLayout(config);
  ASSERT_EQ(layout.tensors().size(), 1u + 2 * 9 + 2);
  EXPECT_EQ(layout.Find("model.layers.1.self_attn.k_proj.weight")->shape,
            (std::vector<uint64_t>{4, 8}));
  EXPECT_EQ(layout.Find("model.layers.0.mlp.down_proj.weight")->shape,
            (std::vector<uint64_t>{8, 6}));
  uint64_t offset = 0;
  for (const TensorSpec& tensor : layout.tensors()) {
    EXPECT_EQ(tensor.offset, offset) << tensor.name;
    offset += tensor.size;
  }
  EXPECT_EQ(offset, layout.parameter_count());
  EXPECT_EQ(layout.tensors().back().name, "lm_head.weight");
  config.tie_embeddings = true;
  EXPECT_EQ(LlamaLayout(config).Find("lm_head.weight"), nullptr);
  EXPECT_NE(LlamaLayout(config).digest(), layout.digest());
}

TEST(LayoutTest, RefusesProductsThatOverflow) {
  Layout layout;
  EXPECT_FALSE(layout.Add("a", {uint64_t{1} << 40, uint64_t{1} << 40}));
  EXPECT_FALSE(layout.Add("a", {0}));
  EXPECT_FALSE(layout.Add("", {1}));
  EXPECT_FALSE(layout.Add("a b", {1}));
  EXPECT_TRUE(layout.Add("a", {uint64_t{1} << 40}));
  EXPECT_FALSE(layout.Add("b", {1}));
}

}  // namespace
}  // namespace dure::model
