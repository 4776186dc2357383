#include "model/text/batches.h"

#include <algorithm>
#include <array>
#include <bit>
#include <cmath>

#include "federation/check.h"

namespace dure::text {
namespace {

uint64_t Mix(uint64_t x) {  // splitmix64's finalizer
  x += 0x9e3779b97f4a7c15u;
  x = (x ^ (x >> 30)) * 0xbf58476d1ce4e5b9u;
  x = (x ^ (x >> 27)) * 0x94d049bb133111ebu;
  return x ^ (x >> 31);
}

// A permutation of [0, count) without a table: a Feistel network over the next even number of bits,
// walked until it lands inside (fewer than four steps on average).
uint64_t Permuted(uint64_t index, uint64_t count, uint64_t key) {
  const int half = std::max(1, (static_cast<int>(std::bit_width(count - 1)) + 1) / 2);
  const uint64_t mask = (uint64_t{1} << half) - 1;
  do {
    uint64_t left = index >> half;
    uint64_t right = index & mask;
    for (uint64_t round = 0; round < 4; ++round) {
      const uint64_t next = left ^ (Mix(Mix(key + round) ^ right) & mask);
      left = right;
      right = next;
    }
    index = left << half | right;
  } while (index >= count);
  return index;
}

// Appends the sequence that starts at `begin`, padded behind the last token.
void AppendSequence(std::span<const uint32_t> tokens, const Tokenizer& tokenizer, uint64_t begin,
                    uint32_t sequence, Batch* batch) {
  for (uint64_t at = begin; at < begin + sequence; ++at) {
    const bool has_input = at < tokens.size();
    const bool has_target = at + 1 < tokens.size();
    batch->inputs.push_back(has_input ? tokens[at] : tokenizer.pad());
    // What follows a document's end says nothing about language: bos is given, not predicted.
    const bool predicted = has_target && tokens[at + 1] != tokenizer.bos();
    batch->targets.push_back(predicted ? tokens[at + 1] : kNotPredicted);
    if (!predicted) continue;
    ++batch->tokens;
    batch->bytes += tokenizer.token_bytes(tokens[at + 1]).size();
  }
}

void Clear(Batch* batch) {
  batch->inputs.clear();
  batch->targets.clear();
  batch->bytes = 0;
  batch->tokens = 0;
}

}  // namespace

TokenSource::TokenSource(std::span<const uint32_t> tokens, const Tokenizer& tokenizer,
                         uint64_t seed)
    : tokens_(tokens), tokenizer_(tokenizer), seed_(seed) {
  DURE_CHECK(tokens.size() >= 2, "a split holds at least a document's bos and eos");
}

void TokenSource::Next(uint32_t rows, uint32_t sequence, Batch* batch) {
  DURE_CHECK(rows > 0 && sequence > 0, "a batch has rows and tokens");
  Clear(batch);
  const uint64_t predictable = tokens_.size() - 1;
  for (uint32_t row = 0; row < rows; ++row) {
    // Another cut each epoch, so that a sequence's first tokens are not always the same ones.
    const uint64_t key = Mix(Mix(seed_) ^ cursor_.epoch);
    const uint64_t shift = predictable >= 2 * uint64_t{sequence} ? Mix(key) % sequence : 0;
    const uint64_t count = std::max<uint64_t>(1, (predictable - shift) / sequence);
    const uint64_t position = std::min(cursor_.position, count - 1);
    const uint64_t begin = shift + Permuted(position, count, key) * sequence;
    AppendSequence(tokens_, tokenizer_, begin, sequence, batch);
    cursor_ =
        position + 1 == count ? Cursor{cursor_.epoch + 1, 0} : Cursor{cursor_.epoch, position + 1};
  }
}

uint64_t RecordCount(std::span<const uint32_t> tokens, uint32_t sequence) {
  return std::max<uint64_t>(1, tokens.size() / (uint64_t{sequence} + 1));
}

void RecordBatch(std::span<const uint32_t> tokens, const Tokenizer& tokenizer,
                 std::span<const uint64_t> records, uint32_t sequence, Batch* batch) {
  Clear(batch);
  const uint64_t window = uint64_t{sequence} + 1;
  for (const uint64_t record : records) {
    const std::span<const uint32_t> rest = tokens.subspan(record * window);
    AppendSequence(rest.first(std::min<uint64_t>(window, rest.size())), tokenizer, 0, sequence,
                   batch);
  }
}

std::vector<uint64_t> PoissonSample(uint64_t count, double rate, Random& random) {
  std::vector<uint64_t> sample;
  // Below 2^64 times the rate, to 2^-64 of it or the double's own digits.
  const auto limit = rate >= 1 ? UINT64_MAX : static_cast<uint64_t>(std::ldexp(rate, 64));
  std::array<uint64_t, 512> words;
  for (uint64_t record = 0; record < count; ++record) {
    const size_t at = record % words.size();
    if (at == 0) random.Fill({reinterpret_cast<uint8_t*>(words.data()), sizeof words});
    if (rate >= 1 || words[at] < limit) sample.push_back(record);
  }
  return sample;
}

uint64_t EvaluationSequenceCount(std::span<const uint32_t> tokens, uint32_t sequence) {
  if (tokens.size() < 2) return 0;
  return (tokens.size() - 1 + sequence - 1) / sequence;
}

void EvaluationBatch(std::span<const uint32_t> tokens, const Tokenizer& tokenizer, uint64_t first,
                     uint32_t rows, uint32_t sequence, Batch* batch) {
  Clear(batch);
  for (uint64_t i = first; i < first + rows; ++i) {
    AppendSequence(tokens, tokenizer, i * sequence, sequence, batch);
  }
}

}  // namespace dure::text
