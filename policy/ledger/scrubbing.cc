#include "policy/ledger/scrubbing.h"

#include <algorithm>

#include "policy/ledger/merkle.h"

namespace dure::ledger {
namespace {

constexpr uint64_t kEntriesOfStep =
    4096;  // some milliseconds of hashing, some more of cosignatures

bool IsOf(const Damage& one, const Damage& other) {
  return one.what == other.what && one.at == other.at && one.row == other.row;
}

}  // namespace

Scrubbing::Scrubbing(const LogReader& log, const Verifier& verifier, ScrubOptions options)
    : log_(log), options_(std::move(options)), scrub_(options_.dir, verifier) {}

// As much of the file is due as of the period has gone by.
void Scrubbing::Step(MonoTime now, WallTime wall) {
  if (options_.period <= Duration::zero()) return;
  const Truth truth = TruthOf(log_);
  MendOpen(truth);
  if (!began_) began_ = now;
  if (hurry_.exchange(false)) began_ = now - options_.period;
  const double gone = std::min(1.0, std::chrono::duration<double>(now - *began_) /
                                        std::chrono::duration<double>(options_.period));
  const auto due = static_cast<uint64_t>(gone * static_cast<double>(truth.size));
  const uint64_t end = std::min({due, next_ + kEntriesOfStep, truth.size});
  if (end > next_) {
    auto found = scrub_.CheckEntries(truth, next_, end);
    if (!found) return options_.say("the record could not be read back: " + found.error().message);
    next_ = end;
    Note(std::move(*found));
  }
  if (gone >= 1.0 && next_ == truth.size) {
    auto found = scrub_.CheckFile();
    if (!found) return options_.say("the record could not be read back: " + found.error().message);
    {
      // What is wrong with the file as a whole is known anew each time.
      const std::lock_guard lock(mutex_);
      std::erase_if(open_, [](const Damage& one) { return one.what == Rotted::kFile; });
      state_.readings++;
      state_.last = wall;
    }
    Note(std::move(*found));
    next_ = 0;
    began_ = now;
  }
  MendOpen(truth);
}

void Scrubbing::Note(std::vector<Damage> found) {
  for (Damage& damage : found) {
    {
      const std::lock_guard lock(mutex_);
      const auto same = [&](const Damage& one) { return IsOf(one, damage); };
      if (std::ranges::any_of(open_, same)) continue;
      open_.push_back(damage);
    }
    const bool named = damage.what == Rotted::kFile;
    options_.say("ROTTED: " + damage.text +
                 (named ? std::string() : " (" + options_.dir + "/ledger.db)"));
  }
}

std::optional<Bytes> Scrubbing::EntryFor(uint64_t index) {
  {
    const std::lock_guard lock(mutex_);
    if (const auto found = offered_.find(index); found != offered_.end()) {
      return found->second.bytes;
    }
  }
  return options_.spares.entry ? options_.spares.entry(index) : std::nullopt;
}

void Scrubbing::MendOpen(const Truth& truth) {
  std::vector<Damage> open;
  {
    const std::lock_guard lock(mutex_);
    open = open_;
  }
  const Spares spares{[this](uint64_t index) { return EntryFor(index); }, options_.spares.note};
  for (const Damage& damage : open) {
    if (!scrub_.Mend(truth, damage, spares)) continue;
    std::string from;
    {
      const std::lock_guard lock(mutex_);
      std::erase_if(open_, [&](const Damage& one) { return IsOf(one, damage); });
      state_.mended++;
      const auto offered = offered_.find(damage.at);
      if (damage.what == Rotted::kEntry && offered != offered_.end()) {
        from = " from the copy of " + offered->second.from;
        offered_.erase(offered);
      }
    }
    options_.say("mended" + from + ": " + damage.text);
  }
}

std::vector<uint64_t> Scrubbing::Wanted() const {
  const std::lock_guard lock(mutex_);
  std::vector<uint64_t> wanted;
  for (const Damage& damage : open_) {
    const bool asks = damage.what == Rotted::kEntry && !offered_.contains(damage.at);
    if (asks && wanted.size() < kWantedMax) wanted.push_back(damage.at);
  }
  return wanted;
}

Status Scrubbing::Offer(uint64_t index, Bytes bytes, std::string from) {
  const std::vector<uint64_t> wanted = Wanted();
  if (std::ranges::find(wanted, index) == wanted.end()) {
    return Fail(ErrorCode::kInvalid, "entry " + std::to_string(index) + " is not asked for");
  }
  if (LeafHash(bytes) != log_.Leaf(index)) {
    return Fail(ErrorCode::kInvalid, "entry " + std::to_string(index) + " of " + from +
                                         " is not the one that the signed tree head counts");
  }
  const std::lock_guard lock(mutex_);
  offered_[index] = {std::move(bytes), std::move(from)};
  return {};
}

Status Scrubbing::Whole() const {
  const std::lock_guard lock(mutex_);
  if (open_.empty()) return {};
  return Fail(ErrorCode::kUnavailable,
              "the record's file has rotted, and nothing is written until it is mended: " +
                  open_.front().text);
}

ScrubState Scrubbing::state() const {
  const std::lock_guard lock(mutex_);
  ScrubState now = state_;
  for (const Damage& damage : open_) now.rotted.push_back(damage.text);
  return now;
}

}  // namespace dure::ledger
