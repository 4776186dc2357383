// Batches: what training and evaluation read from a dataset.
//
// Training: the token stream is cut into sequences of fixed length, visited once an epoch in an
// order made from (seed, epoch); each epoch cuts at another offset. The cursor is all there is to
// remember: a source set to a cursor continues bit for bit as if it had never stopped.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "federation/random.h"
#include "model/text/tokenizer.h"

namespace dure::text {

// A target that is not predicted (padding, or the bos after a document's end). Same value as
// model::cpu::kIgnoredTarget.
inline constexpr uint32_t kNotPredicted = UINT32_MAX;

struct Cursor {
  uint64_t epoch = 0;
  uint64_t position = 0;  // sequences taken in this epoch
  bool operator==(const Cursor&) const = default;
};

// [rows, sequence] row-major; targets[i] is what follows inputs[i].
struct Batch {
  std::vector<uint32_t> inputs;
  std::vector<uint32_t> targets;
  uint64_t bytes = 0;   // of text in the predicted targets
  uint64_t tokens = 0;  // predicted targets
};

// The seam of training data. Batches are copies; nothing outlives them.
class DataSource {
 public:
  virtual ~DataSource() = default;
  // The next `rows` sequences of `sequence` tokens. Never ends: epochs follow each other.
  // `sequence` must not change within an epoch. REQUIRES: rows and sequence are positive.
  virtual void Next(uint32_t rows, uint32_t sequence, Batch* batch) = 0;
  virtual Cursor cursor() const = 0;
  virtual void Seek(const Cursor& cursor) = 0;
};

// `tokens` and `tokenizer` must outlive it. REQUIRES: at least 2 tokens, all below the vocabulary.
class TokenSource final : public DataSource {
 public:
  TokenSource(std::span<const uint32_t> tokens, const Tokenizer& tokenizer, uint64_t seed);
  void Next(uint32_t rows, uint32_t sequence, Batch* batch) override;
  Cursor cursor() const override { return cursor_; }
  void Seek(const Cursor& cursor) override { cursor_ = cursor; }

 private:
  std::span<const uint32_t> tokens_;
  const Tokenizer& tokenizer_;
  uint64_t seed_;
  Cursor cursor_;
};

// What DP-SGD protects one by one: the token stream cut into windows of sequence + 1 tokens that do
// not overlap, the same in every epoch; what is left at the end is no record. A short stream is one
// record, padded.
uint64_t RecordCount(std::span<const uint32_t> tokens, uint32_t sequence);
// These records as rows: the first `sequence` tokens of each are inputs, the last its targets.
// REQUIRES: each is below RecordCount.
void RecordBatch(std::span<const uint32_t> tokens, const Tokenizer& tokenizer,
                 std::span<const uint64_t> records, uint32_t sequence, Batch* batch);
// Each of `count` records with chance `rate`, by itself: one word of `random` a record. Ascending.
std::vector<uint64_t> PoissonSample(uint64_t count, double rate, Random& random);

// Held-out text in order: every token but the first is predicted exactly once, so nats / bytes
// compares between tokenizers. Sequences are [i*T, (i+1)*T); the last is padded with targets that
// are not predicted.
uint64_t EvaluationSequenceCount(std::span<const uint32_t> tokens, uint32_t sequence);
// Sequences [first, first + rows). REQUIRES: they exist.
void EvaluationBatch(std::span<const uint32_t> tokens, const Tokenizer& tokenizer, uint64_t first,
                     uint32_t rows, uint32_t sequence, Batch* batch);

}  // namespace dure::text
