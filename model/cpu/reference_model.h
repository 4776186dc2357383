// The same model again, for tests only: slow loops in double, written from the definition, reading
// tensors by their Hugging Face names. The oracle for values, and by finite differences for
// gradients.
#pragma once

#include <cmath>
#include <cstdint>
#include <string>
#include <vector>

#include "model/config.h"
#include "model/cpu/cross_entropy.h"
#include "model/layout.h"

namespace dure::model::cpu {

class ReferenceModel {
 public:
  using Rows = std::vector<std::vector<double>>;

  ReferenceModel(const LlamaConfig& config, std::vector<double> parameters)
      : config_(config), layout_(LlamaLayout(config)), parameters_(std::move(parameters)) {}

  std::vector<double>& parameters() { return parameters_; }

  // [tokens, vocab] of one sequence.
  Rows Logits(const std::vector<uint32_t>& tokens) const {
    Rows x;
    for (const uint32_t token : tokens) x.push_back(Row("model.embed_tokens.weight", token));
    for (uint32_t i = 0; i < config_.layers; ++i) {
      const std::string layer = "model.layers." + std::to_string(i) + ".";
      Add(x, Attend(layer + "self_attn.", Norm(layer + "input_layernorm.weight", x)));
      Add(x, Mlp(layer + "mlp.", Norm(layer + "post_attention_layernorm.weight", x)));
    }
    const bool tied = config_.tie_embeddings;
    return Linear(tied ? "model.embed_tokens.weight" : "lm_head.weight",
                  Norm("model.norm.weight", x));
  }

  // Summed negative log likelihood of one sequence.
  double Loss(const std::vector<uint32_t>& tokens, const std::vector<uint32_t>& targets) const {
    const Rows logits = Logits(tokens);
    double loss = 0;
    for (size_t t = 0; t < tokens.size(); ++t) {
      if (targets[t] == kIgnoredTarget) continue;
      double sum = 0;
      for (const double logit : logits[t]) sum += std::exp(logit);
      loss += std::log(sum) - logits[t][targets[t]];
    }
    return loss;
  }

 private:
  std::vector<double> Row(const std::string& name, size_t row) const {
    const TensorSpec& tensor = *layout_.Find(name);
    const uint64_t width = tensor.shape.back();
    const double* begin = parameters_.data() + tensor.offset + row * width;
    return {begin, begin + width};
  }

  static void Add(Rows& x, const Rows& y) {
    for (size_t t = 0; t < x.size(); ++t) {
      for (size_t i = 0; i < x[t].size(); ++i) x[t][i] += y[t][i];
    }
  }

  Rows Norm(const std::string& name, const Rows& x) const {
    const std::vector<double> w = Row(name, 0);
    Rows y = x;
    for (auto& row : y) {
      double mean = 0;
      for (const double v : row) mean += v * v / static_cast<double>(row.size());
      for (size_t i = 0; i < row.size(); ++i) row[i] *= w[i] / std::sqrt(mean + config_.norm_eps);
    }
    return y;
  }

  Rows Linear(const std::string& name, const Rows& x) const {
    const uint64_t out = layout_.Find(name)->shape[0];
    Rows y(x.size(), std::vector<double>(out));
    for (size_t o = 0; o < out; ++o) {
      const std::vector<double> w = Row(name, o);
      for (size_t t = 0; t < x.size(); ++t) {
        for (size_t i = 0; i < w.size(); ++i) y[t][o] += x[t][i] * w[i];
      }
    }
    return y;
  }

  void Rotate(Rows& x, size_t heads) const {
    const size_t dim = config_.head_dim();
    for (size_t t = 0; t < x.size(); ++t) {
      const std::vector<double> old = x[t];
      for (size_t i = 0; i < heads * dim; ++i) {
        const size_t within = i % dim;
        const size_t pair = within % (dim / 2);
        const double angle = static_cast<double>(t) *
                             std::pow(config_.rope_theta,
                                      -2.0 * static_cast<double>(pair) / static_cast<double>(dim));
        const bool is_low = within < dim / 2;
        const double other = is_low ? -old[i + dim / 2] : old[i - dim / 2];
        x[t][i] = old[i] * std::cos(angle) + other * std::sin(angle);
      }
    }
  }

  Rows Attend(const std::string& prefix, const Rows& x) const {
    Rows q = Linear(prefix + "q_proj.weight", x);
    Rows k = Linear(prefix + "k_proj.weight", x);
    const Rows v = Linear(prefix + "v_proj.weight", x);
    Rotate(q, config_.heads);
    Rotate(k, config_.kv_heads);
    Rows out(x.size(), std::vector<double>(config_.dim));
    for (size_t h = 0; h < config_.heads; ++h) {
      for (size_t t = 0; t < x.size(); ++t) AttendOne(h, t, q[t], {k, v}, out[t]);
    }
    return Linear(prefix + "o_proj.weight", out);
  }

  struct KeysValues {
    const Rows& k;
    const Rows& v;
  };
  void AttendOne(size_t head, size_t t, const std::vector<double>& q, const KeysValues& kv,
                 std::vector<double>& out) const {
    const size_t dim = config_.head_dim();
    const size_t kv_head = head / (config_.heads / config_.kv_heads);
    std::vector<double> p(t + 1);
    double sum = 0;
    for (size_t s = 0; s <= t; ++s) {
      double score = 0;
      for (size_t i = 0; i < dim; ++i) score += q[head * dim + i] * kv.k[s][kv_head * dim + i];
      p[s] = std::exp(score / std::sqrt(static_cast<double>(dim)));
      sum += p[s];
    }
    for (size_t s = 0; s <= t; ++s) {
      for (size_t i = 0; i < dim; ++i)
        out[head * dim + i] += p[s] / sum * kv.v[s][kv_head * dim + i];
    }
  }

  Rows Mlp(const std::string& prefix, const Rows& x) const {
    Rows gate = Linear(prefix + "gate_proj.weight", x);
    const Rows up = Linear(prefix + "up_proj.weight", x);
    for (size_t t = 0; t < x.size(); ++t) {
      for (size_t i = 0; i < gate[t].size(); ++i) {
        gate[t][i] *= up[t][i] / (1.0 + std::exp(-gate[t][i]));
      }
    }
    return Linear(prefix + "down_proj.weight", gate);
  }

  const LlamaConfig config_;
  const Layout layout_;
  std::vector<double> parameters_;
};

}  // namespace dure::model::cpu
