#include "policy/ledger/ledger.h"

#include <atomic>
#include <deque>
#include <future>
#include <mutex>

namespace dure::ledger {

Result<Extension> MakeExtension(const LogReader& log, uint64_t from, uint64_t entries_max) {
  constexpr size_t kPageBytes = 4 * 1024 * 1024;
  SignedHead head = log.Head();
  if (from > head.head.size) return Fail(ErrorCode::kInvalid, "the copy is ahead of this log");
  if (from < head.head.size) {
    DURE_ASSIGN(head, log.HeadFor(from, entries_max));
  }
  Extension extension;
  DURE_ASSIGN(extension.consistency, log.ProveConsistency(from, head.head.size));
  while (from + extension.entries.size() < head.head.size) {
    const uint64_t next = from + extension.entries.size();
    DURE_ASSIGN(std::vector<Bytes> page, log.Read(next, head.head.size, kPageBytes));
    for (Bytes& entry : page) extension.entries.push_back(std::move(entry));
  }
  extension.note = std::move(head.note);
  return extension;
}

Result<Receipt> MakeReceipt(const LogReader& log, uint64_t index) {
  Receipt receipt;
  receipt.index = index;
  receipt.head = log.Head();
  DURE_ASSIGN(receipt.inclusion, log.ProveInclusion(index, receipt.head.head.size));
  return receipt;
}

Result<SealedEntry> SealNext(const LogReader& log, const Actor& actor, const Signer& signer,
                             WallTime now, Event event) {
  const SignedHead head = log.Head();
  const ActorChain chain = log.ChainOf(actor.key);
  Record record;
  record.federation = log.log_key().name;
  record.actor = actor;
  record.actor_seq = chain.next_seq;
  record.prev_actor_digest = chain.prev_digest;
  record.anchor = {head.head.size, head.head.root};
  record.occurred_at = FormatRfc3339(now);
  record.event = std::move(event);
  return SealRecord(record, signer);
}

void Ledger::AppendAsync(Bytes entry, std::string key, OnRepeat on_repeat, AppendCallback done,
                         std::optional<uint64_t> only_at) {
  if (key.size() > kIdempotencyKeyBytesMax) {
    return done(Fail(ErrorCode::kInvalid, "the idempotency key is longer than 256 bytes"));
  }
  Result<OpenedEntry> opened = OpenEntry(entry, verifier());
  if (!opened) return done(Fail(std::move(opened.error())));
  Submit(std::move(*opened), std::move(key), on_repeat, std::move(done), only_at);
}

Result<Appended> Ledger::Append(Bytes entry, std::string key, OnRepeat on_repeat) {
  std::promise<Result<Appended>> answer;
  AppendAsync(std::move(entry), std::move(key), on_repeat,
              [&answer](Result<Appended> given) { answer.set_value(std::move(given)); });
  return answer.get_future().get();
}

struct Recorder::State {
  struct Waiting {
    Make make;
    std::string key;
    AppendCallback done;
    bool follows = false;  // nothing may come between what it is made of and its entry
    uint32_t again = 0;    // times that something did
  };

  Ledger& ledger;
  const Actor actor;
  const Signer& signer;
  const Now now;
  std::mutex mutex;  // guards waiting and busy
  std::deque<Waiting> waiting;
  bool busy = false;  // someone is draining `waiting`, or an append is under way

  State(Ledger& l, Actor a, const Signer& s, Now n)
      : ledger(l), actor(std::move(a)), signer(s), now(std::move(n)) {}

  static void Take(const std::shared_ptr<State>& state, Waiting next) {
    {
      const std::lock_guard lock(state->mutex);
      state->waiting.push_back(std::move(next));
      if (state->busy) return;
      state->busy = true;
    }
    Drain(state);
  }
  static void Drain(const std::shared_ptr<State>& state);
  Result<SealedEntry> SealNow(const Make& make) const {
    DURE_ASSIGN(const WallTime at, now());
    DURE_ASSIGN(Event event, make(at));
    return SealNext(ledger, actor, signer, at, std::move(event));
  }
  bool Overtaken(const Waiting& next, uint64_t only_at, const Result<Appended>& answer) const {
    return next.follows && !answer && answer.error().code == ErrorCode::kFailedPrecondition &&
           ledger.Head().head.size > only_at;
  }
  void Answer(Waiting next, uint64_t only_at, Result<Appended> answer);
  // Returns the receipt of an event recorded earlier under the same key.
  std::optional<Result<Appended>> Existing(const std::string& key) const {
    const std::optional<uint64_t> index = key.empty() ? std::nullopt : ledger.Find(key);
    if (!index) return std::nullopt;
    Result<Receipt> receipt = MakeReceipt(ledger, *index);
    if (!receipt) return Fail(std::move(receipt.error()));
    return Appended{std::move(*receipt), true};
  }
};

// Records what waits, one at a time. Returns when nothing waits or while an append is under way;
// its answer then continues here. `turn` tells whether the answer came inside the call, so that a
// ledger that answers at once does not nest a frame for every event.
void Recorder::State::Drain(const std::shared_ptr<State>& state) {
  while (true) {
    Waiting next;
    {
      const std::lock_guard lock(state->mutex);
      if (state->waiting.empty()) {
        state->busy = false;
        return;
      }
      next = std::move(state->waiting.front());
      state->waiting.pop_front();
    }
    if (auto existing = state->Existing(next.key)) {
      next.done(std::move(*existing));
      continue;
    }
    const uint64_t size = state->ledger.Head().head.size;
    Result<SealedEntry> sealed = state->SealNow(next.make);
    if (!sealed) {
      next.done(Fail(std::move(sealed.error())));
      continue;
    }
    const auto turn = std::make_shared<std::atomic<bool>>(false);
    const std::string key = next.key;
    const auto only_at = next.follows ? std::optional(size) : std::nullopt;
    auto answered = [state, turn, size, next = std::move(next)](Result<Appended> answer) mutable {
      state->Answer(std::move(next), size, std::move(answer));
      if (turn->exchange(true)) Drain(state);
    };
    state->ledger.AppendAsync(std::move(sealed->bytes), key, OnRepeat::kTakeExisting,
                              std::move(answered), only_at);
    if (!turn->exchange(true)) return;
  }
}

void Recorder::State::Answer(Waiting next, uint64_t only_at, Result<Appended> answer) {
  if (!Overtaken(next, only_at, answer)) return next.done(std::move(answer));
  if (++next.again == kMadeAgainMax) {
    return next.done(Fail(ErrorCode::kUnavailable, "others' entries came first each time"));
  }
  const std::lock_guard lock(mutex);
  waiting.push_front(std::move(next));
}

Recorder::Recorder(Ledger& ledger, Actor actor, const Signer& signer, Now now)
    : state_(std::make_shared<State>(ledger, std::move(actor), signer, std::move(now))) {}
Recorder::~Recorder() = default;

void Recorder::RecordAsync(Event event, std::string key, AppendCallback done) {
  Make make = [event = std::move(event)](WallTime) -> Result<Event> { return event; };
  State::Take(state_, {std::move(make), std::move(key), std::move(done)});
}

void Recorder::RecordAsync(Make make, std::string key, AppendCallback done) {
  State::Take(state_, {std::move(make), std::move(key), std::move(done), true});
}

Result<Appended> Recorder::Record(Event event, std::string key) {
  std::promise<Result<Appended>> answer;
  RecordAsync(std::move(event), std::move(key),
              [&answer](Result<Appended> given) { answer.set_value(std::move(given)); });
  return answer.get_future().get();
}

}  // namespace dure::ledger
