// One token at a time: attention of one query over cached keys, and the choice of the next token.
// The products are in decode_vectors.h.
#pragma once

#include "model/cuda/kernels/attention_tile.h"
#include "model/cuda/kernels/decode_state.h"

namespace dure::model::cuda {

// The attention of one query over keys [0, position], split over the keys: each split's result and
// softmax sum, which OutVector puts together. A few lanes hold a row; each such group takes keys of
// its own with a running softmax, kAtOnce of them at a time, keys and values asked for together.
template <typename T>
struct DecodeSplit {
  static constexpr uint32_t kThreads = 256;
  static constexpr uint32_t kPack = kPackOf<T>;
  static constexpr uint32_t kGroup = kHeadDimMax / kPack;  // lanes of a row
  static constexpr uint32_t kGroups = kThreads / kGroup;
  static constexpr uint32_t kAtOnce = kDecodeKeys / 16;
  static constexpr bool kBeginsEarly = true;
  struct Args {
    const T* q;       // [heads, dim]
    const T* keys;    // [positions, kv_heads dim]
    const T* values;  // as keys
    T* parts;         // [kDecodeSplits, heads dim]
    SplitSum* sums;   // [kDecodeSplits, heads]
    const DecodeState* state;
    uint32_t heads;
    uint32_t kv_heads;
    uint32_t dim;
    float scale;
  };
  static Grid GridOf(const Args& a) { return {kDecodeSplits, a.heads}; }
  static uint32_t SharedBytes(const Args& a) {
    return kGroups * (2 + a.dim) * static_cast<uint32_t>(sizeof(float));
  }

  template <typename Block>
  static DURE_DEVICE void Run(Block& block, const Args& a) {
    block.LetNextBegin();
    block.AwaitEarlier();
    const uint32_t count = a.state->position + 1;
    const uint32_t own = KeysOfSplit(count);
    const uint32_t begin = block.x * own;
    if (begin >= count) {
      block.Last([&](uint32_t thread) {
        if (thread == 0) a.sums[block.x * a.heads + block.y] = {-INFINITY, 0};
      });
      return;
    }
    const uint32_t end = count - begin < own ? count : begin + own;
    typename Block::template Registers<Numbers> q;
    typename Block::template Registers<Running> running;
    block.Own([&](uint32_t thread) {
      const Pack16<T> row = LoadLane(a.q + block.y * a.dim, a.dim, thread % kGroup);
      DURE_UNROLL
      for (uint32_t e = 0; e < kPack; ++e) {
        q[thread].values[e] = row[e] * a.scale;
        running[thread].mixed.values[e] = 0;
      }
      running[thread].most = -INFINITY;
      running[thread].sum = 0;
    });
    for (uint32_t first = begin; first < end; first += kGroups * kAtOnce) {
      typename Block::template Registers<Rows> rows;
      typename Block::template Registers<float> scores[kAtOnce];
      block.Own([&](uint32_t thread) {
        Ask(a, block.y, first + thread / kGroup, end, thread % kGroup, rows[thread]);
        DURE_UNROLL
        for (uint32_t n = 0; n < kAtOnce; ++n) {
          float sum = 0;
          DURE_UNROLL
          for (uint32_t e = 0; e < kPack; ++e) {
            sum += q[thread].values[e] * rows[thread].keys[n][e];
          }
          scores[n][thread] = sum;
        }
      });
      DURE_UNROLL
      for (uint32_t n = 0; n < kAtOnce; ++n) block.template GroupSum<kGroup>(scores[n]);
      block.Own([&](uint32_t thread) {
        float own_scores[kAtOnce];
        DURE_UNROLL
        for (uint32_t n = 0; n < kAtOnce; ++n) {
          const bool is_key = first + n * kGroups + thread / kGroup < end;
          own_scores[n] = is_key ? scores[n][thread] : -INFINITY;
        }
        running[thread].Add(own_scores, rows[thread]);
      });
    }
    End(block, a, running);
  }

 private:
  struct Numbers {
    float values[kPack];
  };
  struct Rows {
    Pack16<T> keys[kAtOnce];
    Pack16<T> values[kAtOnce];
  };
  // Of the keys that a group has seen: the values' mix is of the exponentials below `most`.
  struct Running {
    float most;
    float sum;
    Numbers mixed;

    // Keys that are none have -inf.
    DURE_DEVICE void Add(const float (&scores)[kAtOnce], const Rows& rows) {
      float now = most;
      DURE_UNROLL
      for (uint32_t n = 0; n < kAtOnce; ++n) now = scores[n] > now ? scores[n] : now;
      if (now == -INFINITY) return;
      const float factor = Exponential(most - now);
      most = now;
      sum *= factor;
      DURE_UNROLL
      for (uint32_t e = 0; e < kPack; ++e) mixed.values[e] *= factor;
      DURE_UNROLL
      for (uint32_t n = 0; n < kAtOnce; ++n) {
        const float weight = Exponential(scores[n] - now);
        sum += weight;
        DURE_UNROLL
        for (uint32_t e = 0; e < kPack; ++e) {
          mixed.values[e] += weight * rows.values[n][e];
        }
      }
    }
  };

  // Where element e of a lane lies in its row.
  static DURE_DEVICE uint32_t ColumnOf(uint32_t dim, uint32_t lane, uint32_t e) {
    return dim % kPack == 0 ? lane * kPack + e : lane + kGroup * e;
  }
  // Zeros beyond dim.
  static DURE_DEVICE Pack16<T> LoadLane(const T* row, uint32_t dim, uint32_t lane) {
    Pack16<T> pack{};
    if (dim % kPack == 0) {
      if (lane * kPack < dim) pack = LoadPack(row + lane * kPack);
      return pack;
    }
    DURE_UNROLL
    for (uint32_t e = 0; e < kPack; ++e) {
      if (lane + kGroup * e < dim) pack.Put(e, row[lane + kGroup * e]);
    }
    return pack;
  }

  // Rows of keys that are none are zeros.
  static DURE_DEVICE void Ask(const Args& a, uint32_t head, uint32_t first, uint32_t end,
                              uint32_t lane, Rows& rows) {
    const uint32_t kv_head = head / (a.heads / a.kv_heads);
    DURE_UNROLL
    for (uint32_t n = 0; n < kAtOnce; ++n) {
      const uint32_t key = first + n * kGroups;
      const uint32_t dim = key < end ? a.dim : 0;
      const uint64_t at = (uint64_t{key} * a.kv_heads + kv_head) * a.dim;
      rows.keys[n] = LoadLane(a.keys + at, dim, lane);
      rows.values[n] = LoadLane(a.values + at, dim, lane);
    }
  }

  // The groups' mixes become the split's.
  template <typename Block, typename Runnings>
  static DURE_DEVICE void End(Block& block, const Args& a, const Runnings& running) {
    float* const most = block.template Shared<float>();
    float* const sums = most + kGroups;
    float* const mixed = sums + kGroups;  // [kGroups, dim]
    block.Phase([&](uint32_t thread) {
      const uint32_t group = thread / kGroup;
      const uint32_t lane = thread % kGroup;
      if (lane == 0) {
        most[group] = running[thread].most;
        sums[group] = running[thread].sum;
      }
      DURE_UNROLL
      for (uint32_t e = 0; e < kPack; ++e) {
        const uint32_t column = ColumnOf(a.dim, lane, e);
        if (column < a.dim) mixed[group * a.dim + column] = running[thread].mixed.values[e];
      }
    });
    block.Last([&](uint32_t thread) {
      if (thread >= a.dim) return;
      float top = -INFINITY;
      for (uint32_t group = 0; group < kGroups; ++group) {
        top = most[group] > top ? most[group] : top;
      }
      float sum = 0;
      float value = 0;
      for (uint32_t group = 0; group < kGroups; ++group) {
        const float factor = Exponential(most[group] - top);
        sum += sums[group] * factor;
        value += mixed[group * a.dim + thread] * factor;
      }
      if (thread == 0) a.sums[block.x * a.heads + block.y] = {top, sum};
      a.parts[(uint64_t{block.x} * a.heads + block.y) * a.dim + thread] = FromFloat<T>(value / sum);
    });
  }
};

inline constexpr uint32_t kNoToken = UINT32_MAX;

// The most likely token, the lowest among equals, stands at made[position + 1] and is what the next
// step reads. Where a logit is not finite it is kNoToken, and the next step reads token 0.
struct ChooseToken {
  static constexpr uint32_t kThreads = 1024;
  static constexpr uint32_t kWarps = kThreads / 32;
  struct Args {
    const float* logits;  // [vocab]
    DecodeState* state;
    uint32_t* made;  // [positions + 1]
    uint32_t vocab;
  };
  static Grid GridOf(const Args&) { return {}; }
  static uint32_t SharedBytes(const Args&) { return (kThreads + kWarps) * sizeof(uint32_t); }

  template <typename Block>
  static DURE_DEVICE void Run(Block& block, const Args& a) {
    uint32_t* const candidates = block.template Shared<uint32_t>();
    uint32_t* const of_warps = candidates + kThreads;
    typename Block::template Registers<float> highest;
    typename Block::template Registers<uint32_t> token;
    block.Own([&](uint32_t thread) { Highest(a, thread, highest[thread], token[thread]); });
    typename Block::template Registers<float> all = highest;
    const float most = block.BlockMax(all);
    block.Phase([&](uint32_t thread) {
      candidates[thread] = highest[thread] == most ? token[thread] : kNoToken;
    });
    block.Phase([&](uint32_t thread) {
      if (thread < kWarps) of_warps[thread] = Lowest(candidates + thread * 32, 32);
    });
    block.Last([&](uint32_t thread) {
      if (thread != 0) return;
      const uint32_t next = most < INFINITY ? Lowest(of_warps, kWarps) : kNoToken;
      const uint32_t position = a.state->position + 1;
      a.made[position] = next;
      a.state->position = position;
      a.state->token = next == kNoToken ? 0 : next;
    });
  }

 private:
  // Of the thread's logits; +inf where one is not finite.
  static DURE_DEVICE void Highest(const Args& a, uint32_t thread, float& highest, uint32_t& token) {
    highest = -INFINITY;
    token = kNoToken;
    ForColumns<4>(thread, kThreads, a.vocab, [&](auto width, uint32_t i) {
      float logits[width.kWidth];
      Load<width.kWidth>(a.logits + i, logits);
      DURE_UNROLL
      for (uint32_t k = 0; k < width.kWidth; ++k) {
        const bool is_finite = logits[k] > -INFINITY && logits[k] < INFINITY;
        if (logits[k] > highest) token = i + k;
        if (logits[k] > highest) highest = logits[k];
        if (!is_finite) highest = INFINITY;
      }
    });
  }
  static DURE_DEVICE uint32_t Lowest(const uint32_t* tokens, uint32_t count) {
    uint32_t lowest = kNoToken;
    for (uint32_t i = 0; i < count; ++i) lowest = tokens[i] < lowest ? tokens[i] : lowest;
    return lowest;
  }
};

}  // namespace dure::model::cuda
