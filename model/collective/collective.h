// Collective: what the ranks of a gang compute together. A gang is one training in several
// processes (or, in tests, threads); each has a rank in [0, world).
//
// Life: one object a rank, made by MakeSingle, MakeThreads or MakeSockets; every rank makes the
// same calls in the same order; destroyed by its rank when it has no more to say. One thread calls
// at a time. Every call is also a barrier.
//
// Sums are formed in the order of the ranks, ((x0 + x1) + x2) + …, whatever the implementation and
// whatever arrives first: for a fixed world every implementation gives the same bits, on all ranks.
//
// A call succeeds on every rank or the gang is over: the first error stays, every later call
// returns it, and its message names the rank and host at fault.
//   kUnavailable  a rank is gone, or gave no sign for as long as the patience lasts
//   kCorrupt      ranks made different calls: a fault of the trainer
// What a failed call was to fill is unspecified.
#pragma once

#include <chrono>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "federation/bytes.h"
#include "federation/result.h"

namespace dure::model::collective {

inline constexpr uint32_t kWorldMax = 256;  // a full mesh: each rank holds a socket to each other
inline constexpr size_t kCollectBytesMax = size_t{1} << 20;  // of one rank

// No sign of a rank for this long is taken for its end. Much longer than any step's computation
// differs between ranks; reading a model from a slow file system is waited for elsewhere.
inline constexpr std::chrono::milliseconds kPatience{300'000};
inline constexpr std::chrono::milliseconds kForever = std::chrono::milliseconds::max();

// The part [begin, end) of `count` floats that a rank owns: whole cache lines, sizes that differ by
// one line at most.
struct Piece {
  size_t begin = 0;
  size_t end = 0;
  size_t size() const { return end - begin; }
};
Piece PieceOf(size_t count, uint32_t rank, uint32_t world);

class Collective {
 public:
  virtual ~Collective() = default;
  Collective(const Collective&) = delete;
  Collective& operator=(const Collective&) = delete;

  uint32_t rank() const { return rank_; }
  uint32_t world() const { return world_; }

  // Every rank's values become the sum over the ranks. All give as many.
  Status AllReduce(std::span<float> values);
  // This rank's piece (PieceOf) becomes the sum over the ranks; the rest stays as it was.
  Status ReduceScatter(std::span<float> values);
  // Each rank gives its piece and gets all others, in place.
  Status AllGather(std::span<float> values);
  // The root's bytes replace everybody's. All give as many. REQUIRES: root < world().
  Status Broadcast(std::span<uint8_t> bytes, uint32_t root);
  // What each rank gave, by rank; lengths may differ. kInvalid before anything is sent: longer than
  // kCollectBytesMax.
  Result<std::vector<Bytes>> Collect(ByteView own);
  Status Barrier();

  // The sum over the ranks, in their order.
  Result<double> Sum(double own);

  // Why the gang is over, once it is.
  const std::optional<Error>& failure() const { return failure_; }

  // Of the calls that follow. kForever: only the end of a rank ends a call.
  void set_patience(std::chrono::milliseconds patience) { patience_ = patience; }
  std::chrono::milliseconds patience() const { return patience_; }

 protected:
  enum class Kind : uint32_t {
    kReduce = 1,
    kGather,
    kBroadcast,
    kSizes,
    kCollect,
    kBarrier,
    kFailure,  // of implementations: a rank tells why it ends
  };
  // One step of a call: `out[r]` goes to rank r, `in[r]` is filled by it, both may be empty; those
  // of the own rank are. Every rank has told every other kind and number when it returns.
  struct Step {
    Kind kind;
    uint64_t number;  // of the steps of this gang
    uint64_t size;    // of the whole call, in bytes: the same on every rank
    std::vector<ByteView> out;
    std::vector<std::span<uint8_t>> in;
    std::string Text() const;  // "all-gather of 400 bytes, step 12"
  };

  Collective(uint32_t rank, uint32_t world) : rank_(rank), world_(world) {}
  // Errors as above; after one, no further step is asked for.
  virtual Status Exchange(const Step& step) = 0;

 private:
  Status Do(Step step);
  Step StepOf(Kind kind, uint64_t size);

  const uint32_t rank_;
  const uint32_t world_;
  uint64_t steps_ = 0;
  std::chrono::milliseconds patience_ = kPatience;
  std::optional<Error> failure_;
  std::vector<std::vector<float>> incoming_;  // of a reduction, one a rank
};

// A gang of one: nothing to exchange.
std::unique_ptr<Collective> MakeSingle();

// A gang of threads of this process, one object each. Destroying one before the others ended their
// calls is the end of that rank. REQUIRES: 1 <= world <= kWorldMax.
std::vector<std::unique_ptr<Collective>> MakeThreads(uint32_t world);

// A gang of processes: `sockets[r]` is a connected stream to rank r, owned from now on; that of the
// own rank is -1. Tells the others where it runs. Errors as of a call, with `patience` for this
// first one only. REQUIRES: rank < sockets.size() <= kWorldMax.
Result<std::unique_ptr<Collective>> MakeSockets(uint32_t rank, std::vector<int> sockets,
                                                std::chrono::milliseconds patience = kPatience);

// "host n7, process 4242": this process, for messages.
std::string WhereThisRuns();

}  // namespace dure::model::collective
