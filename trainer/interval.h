// How far the mean loss of some sequences may be from that of text like them.
//
// The percentile bootstrap (Efron 1979): as many sequences as there are, drawn with repeats, give a
// mean; of many such means the middle 95 of 100. Sequences that follow each other in one document
// are alike, and of few sequences nobody can tell much: then the interval is too narrow. Pure.
#pragma once

#include <cstdint>
#include <optional>
#include <span>

namespace dure::trainer {

struct SequenceLoss {
  double nats = 0;
  uint64_t bytes = 0;  // of text
};
struct MeanInterval {
  double low = 0;  // nats a byte
  double high = 0;
};
// The same answer on every machine for the same losses in the same order. nullopt: fewer than two
// sequences, no draws, or no text in them.
std::optional<MeanInterval> IntervalOfMean(std::span<const SequenceLoss> losses, uint64_t draws,
                                           uint64_t seed);

}  // namespace dure::trainer
