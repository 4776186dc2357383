// The log's two seams: LogReader (a log, a mirror, a copy opened by the CLI) and Ledger (the
// aggregator's log).
//
// Life of an entry: SealNext makes its bytes on the actor's machine; the aggregator calls Append,
// which checks the signature on the calling thread, hands it to the writer, and answers with a
// receipt once the entry and a signed head over it are durable. Written before told: no receipt,
// head or proof of an entry leaves before its commit. Implementations: SqliteLedger
// (sqlite_ledger.h), MemoryLedger (memory_ledger.h). All methods are thread-safe.
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "policy/ledger/chronicle.h"
#include "policy/ledger/cosign.h"
#include "policy/ledger/receipt.h"

namespace dure::ledger {

// A step from one head to a later one: what a mirror takes.
struct Extension {
  std::string note;            // the later head
  Proof consistency;           // from the mirror's size to the head's
  std::vector<Bytes> entries;  // [mirror's size, head's size)
};

class LogReader {
 public:
  virtual ~LogReader() = default;
  virtual const NoteKey& log_key() const = 0;
  virtual SignedHead Head() const = 0;
  // kInvalid: not index < size <= head size.
  virtual Result<Proof> ProveInclusion(uint64_t index, uint64_t size) const = 0;
  // kInvalid: not from <= to <= head size.
  virtual Result<Proof> ProveConsistency(uint64_t from, uint64_t to) const = 0;
  // Entries from `begin`, at least one if begin < end, stopping at `end` or after `bytes_max`.
  // kInvalid: not begin <= end <= head size. kCorrupt: a stored entry no longer hashes to its leaf.
  virtual Result<std::vector<Bytes>> Read(uint64_t begin, uint64_t end, size_t bytes_max) const = 0;
  // The largest stored head of at most `from + entries_max` entries, else the smallest one beyond
  // `from`, else the current head.
  virtual Result<SignedHead> HeadFor(uint64_t from, uint64_t entries_max) const = 0;
  virtual Digest Leaf(uint64_t index) const = 0;   // REQUIRES: index < head size
  virtual Digest RootAt(uint64_t size) const = 0;  // REQUIRES: size <= head size
  virtual ActorChain ChainOf(const PublicKey& key) const = 0;
  virtual std::optional<AdmittedKey> FindKey(const PublicKey& key) const = 0;
  // As of now; it stays as it is, and is no copy.
  virtual std::shared_ptr<const CosignerRoll> Cosigners() const = 0;
  // The stored head of exactly that size with the cosignatures it has by now. kNotFound: there is
  // none of that size.
  virtual Result<CosignedHead> Cosigned(uint64_t size) const = 0;
  // The largest stored head that is agreed: co-signed by enough of every house that had cosigners
  // by then (CosignerRoll). nullopt: none yet.
  virtual std::optional<CosignedHead> Agreed() const = 0;
  // The largest size below `below` of which there is a cosignature.
  virtual Result<std::optional<uint64_t>> CosignedSizeBelow(uint64_t below) const = 0;
};

// What a mirror of `from` entries should take next; entries empty and note the current head if
// nothing is new. kInvalid: from is beyond the head. Bounded by entries_max, except that one
// commit's entries come together.
Result<Extension> MakeExtension(const LogReader& log, uint64_t from, uint64_t entries_max = 1024);
// The receipt of an entry under the current head. kInvalid: no such index.
Result<Receipt> MakeReceipt(const LogReader& log, uint64_t index);
// The next entry of `actor`: its sequence and anchor are taken from `log`, which is the ledger at
// the aggregator and the own mirror at a site. An entry sealed but never appended is simply
// superseded by the next one sealed.
Result<SealedEntry> SealNext(const LogReader& log, const Actor& actor, const Signer& signer,
                             WallTime now, Event event);

// What to do when the key is taken by other bytes.
enum class OnRepeat : uint8_t {
  kRefuse,        // kAlreadyExists
  kTakeExisting,  // answer with the entry that is there
};

struct Appended {
  Receipt receipt;
  bool existed = false;  // the log held it before this call
};
using AppendCallback = std::function<void(Result<Appended>)>;

class Ledger : public LogReader {
 public:
  // Appends an entry under an idempotency key such as "run-1/0/0/closed" (at most 256 bytes; empty:
  // none). The same key and bytes, or bytes already in the log, answer with the receipt of the
  // entry that is there. Errors, the log unchanged by this entry: kInvalid (not an event, or key
  // too long), kUnauthenticated (signature), kPermissionDenied (key not admitted for this),
  // kFailedPrecondition (actor chain, anchor, rule of the rounds), kAlreadyExists
  // (OnRepeat::kRefuse), kExhausted (disk full, queue full), kUnavailable (disk error; try again),
  // kCorrupt (the disk gave back other bytes; nothing further is taken), kCancelled (closing). The
  // signature is checked on the calling thread; the rest waits for the group's commit.
  Result<Appended> Append(Bytes entry, std::string key, OnRepeat on_repeat = OnRepeat::kRefuse);
  // The same; `done` is called once, from the writer's thread or, for an error known at once,
  // inside this call. It must not block, so not call Append: post to the loop. `only_at`: at that
  // index or not at all (kFailedPrecondition), for what was decided from exactly the entries before
  // it; it goes before everything that waits.
  void AppendAsync(Bytes entry, std::string key, OnRepeat on_repeat, AppendCallback done,
                   std::optional<uint64_t> only_at = {});
  // Stores a site's cosignature line of the stored head of `size`, durably; a later one of the same
  // cosigner for the same head changes nothing. kInvalid: no cosignature line. kNotFound: no head
  // of that size. kPermissionDenied: not one of those who co-sign a head of that size, or a key
  // that was revoked or replaced since. kUnauthenticated: it is not over that head. kExhausted,
  // kUnavailable: the disk.
  virtual Status AddCosignature(uint64_t size, std::string_view line) = 0;
  // The index that was appended under `key`.
  virtual std::optional<uint64_t> Find(std::string_view key) const = 0;
  virtual const Verifier& verifier() const = 0;

 protected:
  virtual void Submit(OpenedEntry entry, std::string key, OnRepeat on_repeat, AppendCallback done,
                      std::optional<uint64_t> only_at) = 0;
};

inline constexpr size_t kIdempotencyKeyBytesMax = 256;
// A log takes what may stand at one index alone before all that waits, so an event is overtaken
// while the group before it is being made durable, and hardly ever twice.
inline constexpr uint32_t kMadeAgainMax = 16;

// Seals and appends one actor's own events in order, one at a time: the aggregator's hand. An event
// whose key is in the log already is answered with that entry and not sealed again. Thread-safe.
// REQUIRES: outlived by what it was given.
class Recorder {
 public:
  // The time of an entry that is sealed now; an error is its answer, and it is not sealed.
  using Now = std::function<Result<WallTime>()>;
  Recorder(Ledger& ledger, Actor actor, const Signer& signer, Now now);
  ~Recorder();
  // Blocks until durable. Errors as Ledger::Append, SealRecord's and those of Now.
  Result<Appended> Record(Event event, std::string key);
  // `done` as in AppendAsync. Events are recorded in the order of the calls.
  void RecordAsync(Event event, std::string key, AppendCallback done);
  // Makes the event when it is its turn: of a log that holds all earlier events of this recorder,
  // and with the very time that the entry will say. Nothing comes between what it was made of and
  // its entry: an event that others' entries overtook is made again, at most kMadeAgainMax times
  // (then kUnavailable). `make` runs on whichever thread draws the queue.
  using Make = std::function<Result<Event>(WallTime now)>;
  void RecordAsync(Make make, std::string key, AppendCallback done);

 private:
  struct State;
  std::shared_ptr<State> state_;
};

}  // namespace dure::ledger
