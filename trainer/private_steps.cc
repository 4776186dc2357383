#include "trainer/private_steps.h"

namespace dure::trainer {
namespace {

noise::SecretRandom::Key NewKey() {
  noise::SecretRandom::Key key;
  SystemRandom().Fill(key);
  return key;
}

}  // namespace

Status CheckPrivate(const seat::TrainTask& request) {
  if (request.record_clip == 0) return {};
  const bool whole = request.record_clip > 0 && request.record_noise > 0 &&
                     request.record_rate > 0 && request.record_rate <= 1;
  if (!whole) return Fail(ErrorCode::kInvalid, "DP-SGD needs a clip, noise and a rate");
  if (request.seconds > 0) {
    return Fail(ErrorCode::kInvalid, "DP-SGD counts steps, and seconds would end them sooner");
  }
  return {};
}

PrivateSteps::PrivateSteps(const seat::TrainTask& request, std::span<const uint32_t> tokens,
                           const text::Tokenizer& tokenizer)
    : request_(request),
      tokens_(tokens),
      tokenizer_(tokenizer),
      records_(text::RecordCount(tokens, request.sequence)),
      chance_(NewKey()) {}

Result<model::cpu::StepResult> PrivateSteps::Next(model::cpu::TrainSession& session) {
  const auto sample = text::PoissonSample(records_, request_.record_rate, chance_);
  text::RecordBatch(tokens_, tokenizer_, sample, request_.sequence, &batch_);
  const double expected = request_.record_rate * static_cast<double>(records_);
  return session.PrivateStep(batch_.inputs, batch_.targets, expected, chance_);
}

}  // namespace dure::trainer
