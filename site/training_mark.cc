#include "site/training_mark.h"

#include <cmath>

#include "federation/canonical.h"

namespace dure::site {

Bytes ToMark(const TrainingMark& mark) {
  CanonicalWriter writer;
  writer.U64(mark.done.tokens).U64(mark.done.steps).F64(mark.done.loss);
  writer.U64(mark.done.number).Raw32(mark.done.code);
  // So a build before reads all others.
  if (mark.accelerator_seconds > 0) writer.U64(mark.accelerator_seconds);
  return writer.Take();
}

std::optional<TrainingMark> ReadMark(ByteView bytes, RoundNumber round) {
  CanonicalReader reader(bytes);
  TrainingMark mark;
  mark.done.round = round;
  mark.done.tokens = reader.U64();
  mark.done.steps = reader.U64();
  mark.done.loss = reader.F64();
  mark.done.number = reader.U64();
  mark.done.code = reader.Raw32();
  if (reader.ok() && reader.remaining() > 0) mark.accelerator_seconds = reader.U64();
  if (!reader.Done("a training mark")) return std::nullopt;
  return mark;
}

Result<uint64_t> SecondsToTell(const seat::DoneEvent& said, Duration took,
                               const round::RunManifest& manifest) {
  if (manifest.masked() || manifest.privacy.any()) return 0;
  const double seconds = said.accelerator_seconds;
  const double wall = std::chrono::duration<double>(took).count();
  if (std::isfinite(seconds) && seconds >= 0 && seconds <= kAcceleratorsMax * wall) {
    return static_cast<uint64_t>(std::ceil(seconds));
  }
  return Fail(ErrorCode::kInvalid, "the trainer says " + std::to_string(seconds) +
                                       " accelerator-seconds of a training of " +
                                       std::to_string(wall) + " s, which cannot be");
}

}  // namespace dure::site
