#include "model/cpu/tokens.h"

#include "model/cpu/cross_entropy.h"

namespace dure::model::cpu {

Status CheckTokens(const LlamaConfig& config, std::span<const uint32_t> inputs,
                   std::span<const uint32_t> targets) {
  for (const uint32_t token : inputs) {
    if (token >= config.vocab) {
      return Fail(ErrorCode::kInvalid, "an input token is beyond the vocabulary");
    }
  }
  for (const uint32_t token : targets) {
    if (token >= config.vocab && token != kIgnoredTarget) {
      return Fail(ErrorCode::kInvalid, "a target token is beyond the vocabulary");
    }
  }
  return {};
}

}  // namespace dure::model::cpu
