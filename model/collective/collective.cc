#include "model/collective/collective.h"

#include <algorithm>
#include <bit>
#include <cstring>
#include <numeric>

#include "federation/check.h"

namespace dure::model::collective {
namespace {

constexpr size_t kLineFloats = 16;
// Floats that one rank sends another in one step of a reduction: large enough that the step's
// latency vanishes, small enough that world - 1 of them fit any cache and any memory.
constexpr size_t kReduceFloats = size_t{1} << 17;

static_assert(std::endian::native == std::endian::little, "numbers travel as they lie in memory");

ByteView ViewOf(std::span<const float> floats) {
  return {reinterpret_cast<const uint8_t*>(floats.data()), floats.size_bytes()};
}

std::span<uint8_t> RoomOf(std::span<float> floats) {
  return {reinterpret_cast<uint8_t*>(floats.data()), floats.size_bytes()};
}

Piece Slice(const Piece& piece, size_t slice) {
  const size_t begin = std::min(piece.begin + slice * kReduceFloats, piece.end);
  return {begin, std::min(begin + kReduceFloats, piece.end)};
}

// sum[i] = ((x0 + x1) + x2) + …
void AddInOrder(const std::vector<const float*>& terms, std::span<float> sum) {
  const size_t n = sum.size();
  // The sum may lie where one of the terms does, so it is formed beside it, block by block.
  constexpr size_t kBlock = 512;
  float block[kBlock];
  for (size_t at = 0; at < n; at += kBlock) {
    const size_t count = std::min(kBlock, n - at);
    std::copy_n(terms[0] + at, count, block);
    for (size_t term = 1; term < terms.size(); ++term) {
      const float* x = terms[term] + at;
      for (size_t i = 0; i < count; ++i) block[i] += x[i];
    }
    std::copy_n(block, count, sum.data() + at);
  }
}

class Single final : public Collective {
 public:
  Single() : Collective(0, 1) {}

 private:
  Status Exchange(const Step&) override { return {}; }
};

}  // namespace

Piece PieceOf(size_t count, uint32_t rank, uint32_t world) {
  const size_t lines = (count + kLineFloats - 1) / kLineFloats;
  const auto edge = [&](size_t r) { return std::min(lines * r / world * kLineFloats, count); };
  return {edge(rank), edge(rank + size_t{1})};
}

std::string Collective::Step::Text() const {
  const char* name = "exchange";
  switch (kind) {
    case Kind::kReduce:
      name = "reduction";
      break;
    case Kind::kGather:
      name = "all-gather";
      break;
    case Kind::kBroadcast:
      name = "broadcast";
      break;
    case Kind::kBarrier:
      name = "barrier";
      break;
    case Kind::kSizes:
    case Kind::kCollect:
      name = "collection";
      break;
    case Kind::kFailure:
      break;
  }
  return std::string(name) + " of " + std::to_string(size) + " bytes, step " +
         std::to_string(number);
}

Collective::Step Collective::StepOf(Kind kind, uint64_t size) {
  Step step{kind, steps_++, size, {}, {}};
  step.out.resize(world_);
  step.in.resize(world_);
  return step;
}

Status Collective::Do(Step step) {
  if (failure_) return Fail(*failure_);
  Status done = Exchange(step);
  if (!done) failure_ = done.error();
  return done;
}

Status Collective::ReduceScatter(std::span<float> values) {
  if (world_ == 1) return {};
  const Piece own = PieceOf(values.size(), rank_, world_);
  size_t longest = 0;
  for (uint32_t r = 0; r < world_; ++r) {
    longest = std::max(longest, PieceOf(values.size(), r, world_).size());
  }
  incoming_.resize(world_);
  for (size_t slice = 0; slice == 0 || slice * kReduceFloats < longest; ++slice) {
    const Piece mine = Slice(own, slice);
    Step step = StepOf(Kind::kReduce, values.size_bytes());
    std::vector<const float*> terms(world_, values.data() + mine.begin);
    for (uint32_t r = 0; r < world_; ++r) {
      if (r == rank_) continue;
      const Piece theirs = Slice(PieceOf(values.size(), r, world_), slice);
      step.out[r] = ViewOf(values.subspan(theirs.begin, theirs.size()));
      incoming_[r].resize(std::max(incoming_[r].size(), mine.size()));
      step.in[r] = RoomOf(std::span(incoming_[r]).first(mine.size()));
      terms[r] = incoming_[r].data();
    }
    DURE_TRY(Do(std::move(step)));
    AddInOrder(terms, values.subspan(mine.begin, mine.size()));
  }
  return {};
}

Status Collective::AllGather(std::span<float> values) {
  if (world_ == 1) return {};
  const Piece own = PieceOf(values.size(), rank_, world_);
  Step step = StepOf(Kind::kGather, values.size_bytes());
  for (uint32_t r = 0; r < world_; ++r) {
    if (r == rank_) continue;
    const Piece theirs = PieceOf(values.size(), r, world_);
    step.out[r] = ViewOf(values.subspan(own.begin, own.size()));
    step.in[r] = RoomOf(values.subspan(theirs.begin, theirs.size()));
  }
  return Do(std::move(step));
}

Status Collective::AllReduce(std::span<float> values) {
  DURE_TRY(ReduceScatter(values));
  return AllGather(values);
}

Status Collective::Broadcast(std::span<uint8_t> bytes, uint32_t root) {
  DURE_CHECK(root < world_, "the root is a rank of the gang");
  Step step = StepOf(Kind::kBroadcast, bytes.size());
  if (rank_ != root) {
    step.in[root] = bytes;
  } else {
    for (uint32_t r = 0; r < world_; ++r) {
      if (r != rank_) step.out[r] = bytes;
    }
  }
  return Do(std::move(step));
}

Status Collective::Barrier() { return Do(StepOf(Kind::kBarrier, 0)); }

Result<std::vector<Bytes>> Collective::Collect(ByteView own) {
  if (own.size() > kCollectBytesMax) return Fail(ErrorCode::kInvalid, "too much to collect");
  std::vector<uint64_t> sizes(world_);
  sizes[rank_] = own.size();
  Step step = StepOf(Kind::kSizes, sizeof(uint64_t));
  const auto room = [&](uint32_t r) {
    return std::span(reinterpret_cast<uint8_t*>(&sizes[r]), sizeof(uint64_t));
  };
  for (uint32_t r = 0; r < world_; ++r) {
    if (r == rank_) continue;
    step.out[r] = room(rank_);
    step.in[r] = room(r);
  }
  DURE_TRY(Do(std::move(step)));
  std::vector<Bytes> all(world_);
  all[rank_].assign(own.begin(), own.end());
  step = StepOf(Kind::kCollect, std::accumulate(sizes.begin(), sizes.end(), uint64_t{0}));
  for (uint32_t r = 0; r < world_; ++r) {
    if (r == rank_) continue;
    if (sizes[r] > kCollectBytesMax) {
      failure_ = Error{ErrorCode::kCorrupt, "rank " + std::to_string(r) + " collects too much"};
      return Fail(*failure_);
    }
    all[r].resize(sizes[r]);
    step.out[r] = own;
    step.in[r] = all[r];
  }
  DURE_TRY(Do(std::move(step)));
  return all;
}

Result<double> Collective::Sum(double own) {
  const ByteView bytes(reinterpret_cast<const uint8_t*>(&own), sizeof own);
  DURE_ASSIGN(const std::vector<Bytes> all, Collect(bytes));
  double sum = 0;
  for (uint32_t r = 0; r < world_; ++r) {
    double term = 0;
    if (all[r].size() != sizeof term) {
      failure_ = Error{ErrorCode::kCorrupt, "rank " + std::to_string(r) + " sums another number"};
      return Fail(*failure_);
    }
    std::memcpy(&term, all[r].data(), sizeof term);
    sum = r == 0 ? term : sum + term;
  }
  return sum;
}

std::unique_ptr<Collective> MakeSingle() { return std::make_unique<Single>(); }

}  // namespace dure::model::collective
