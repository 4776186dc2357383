// Text from a model, token by token, with cached keys and values.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <span>
#include <vector>

#include "federation/result.h"
#include "model/config.h"

namespace dure::model::cpu {

struct GenerateOptions {
  uint32_t tokens_max = 64;  // most tokens to make; also ends when the context is full
  double temperature = 0.0;  // 0 is greedy
  uint32_t top_k = 0;        // 0 keeps every token
  uint64_t seed = 0;         // same seed, same tokens
  bool stop_at_eos = true;   // the end token is not part of the result
};

// Reads tokens after those read before and gives the logits of what comes next; Generator::Advance,
// or another engine's.
using AdvanceFunction = std::function<Result<std::span<const float>>(std::span<const uint32_t>)>;

// Makes tokens after the prompt (not empty), which nothing was read before. `on_token` (may be
// empty) sees each as it comes and ends the generation by returning false.
Result<std::vector<uint32_t>> GenerateWith(const LlamaConfig& config,
                                           const AdvanceFunction& advance,
                                           std::span<const uint32_t> prompt,
                                           const GenerateOptions& options,
                                           const std::function<bool(uint32_t)>& on_token);

class Generator {
 public:
  // `parameters` is the flat vector and must outlive the generator. kInvalid: configuration or
  // size.
  static Result<std::unique_ptr<Generator>> Create(const LlamaConfig& config,
                                                   std::span<const float> parameters);
  ~Generator();
  Generator(const Generator&) = delete;
  Generator& operator=(const Generator&) = delete;

  // Forgets what was read so far.
  void Reset();
  // Reads tokens after those read before; the logits of what comes next, [vocab], valid until the
  // next call. kInvalid: none, or a token beyond the vocabulary; kExhausted: more than the context
  // holds.
  Result<std::span<const float>> Advance(std::span<const uint32_t> tokens);

  // Resets, then GenerateWith.
  Result<std::vector<uint32_t>> Generate(std::span<const uint32_t> prompt,
                                         const GenerateOptions& options,
                                         const std::function<bool(uint32_t)>& on_token = {});

 private:
  struct State;
  explicit Generator(std::unique_ptr<State> state);
  std::unique_ptr<State> state_;
};

}  // namespace dure::model::cpu
