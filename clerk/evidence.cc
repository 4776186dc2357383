#include "clerk/evidence.h"

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <iterator>

#include "federation/limits.h"
#include "policy/ledger/events.h"

namespace dure::clerk {
namespace {

using ledger::RefusalReason;

// A signed head, and entries that hash to it or a head that excludes it: the log key said both.
// Anything else may be a fault on the way, a restored backup, or a newer version than this one.
bool ProvesWrongdoing(RefusalReason reason) {
  switch (reason) {
    case RefusalReason::kFork:
    case RefusalReason::kBadSignature:
    case RefusalReason::kKeyNotAdmitted:
    case RefusalReason::kActorChainBroken:
    case RefusalReason::kAnchorMismatch:
    case RefusalReason::kRuleBroken:
      return true;
    case RefusalReason::kMalformedHead:
    case RefusalReason::kForeignKey:
    case RefusalReason::kRollback:
    case RefusalReason::kTruncated:
    case RefusalReason::kRewritten:
    case RefusalReason::kMalformedEntry:
      return false;
  }
  return true;
}

// What became of the copy's entry `at`, given the leaves that are offered from there on.
std::string ActAt(const ledger::LogReader& own, uint64_t at, const std::vector<Digest>& offered) {
  const uint64_t held = own.Head().head.size;
  const Digest next = at + 1 < held ? own.Leaf(at + 1) : Digest();
  const bool moved_up = !offered.empty() && offered[0] == next && !next.IsZero();
  if (moved_up && offered.size() > 1 && offered[1] == own.Leaf(at)) {
    return "changed places with the entry after it";
  }
  if (moved_up) return "was dropped";
  const bool moved_down = offered.size() > 1 && offered[1] == own.Leaf(at);
  return moved_down ? "has another one put before it" : "was rewritten";
}

}  // namespace

std::string Describe(ByteView entry) {
  const auto opened = ledger::ParseEntry(entry);
  if (!opened) return "no entry of this log";
  return std::string(Name(TypeOf(opened->record.event))) + " of " +
         opened->record.actor.member.str() + " at " + opened->record.occurred_at;
}

Result<std::optional<Difference>> FirstDifference(const ledger::LogReader& own,
                                                  uint64_t offered_size,
                                                  const FetchEntries& fetch) {
  const uint64_t end = std::min(own.Head().head.size, offered_size);
  for (uint64_t at = 0; at < end;) {
    DURE_ASSIGN(const std::vector<Bytes> page, fetch(at, offered_size));
    if (page.empty()) return Fail(ErrorCode::kUnavailable, "the aggregator sent no entries");
    std::vector<Digest> leaves;
    for (const Bytes& entry : page) leaves.push_back(ledger::LeafHash(entry));
    for (size_t i = 0; i < page.size() && at < end; ++i, ++at) {
      if (leaves[i] == own.Leaf(at)) continue;
      DURE_ASSIGN(const auto entry, own.Read(at, at + 1, limits::kEntryBytesMax));
      const std::vector<Digest> rest(leaves.begin() + static_cast<std::ptrdiff_t>(i), leaves.end());
      return std::optional(Difference{at,
                                      "entry " + std::to_string(at) + " (" +
                                          Describe(entry.front()) + ") " + ActAt(own, at, rest) +
                                          "; there now: " + Describe(page[i]),
                                      page[i]});
    }
  }
  return std::optional<Difference>();
}

bool IsDissent(std::string_view name) {
  return name.starts_with("dissent-") && name.ends_with(".dsse.json");
}

void EvidenceFolder::Make() const {
  std::error_code ignored;
  std::filesystem::create_directories(dir_, ignored);
}

std::vector<std::string> EvidenceFolder::Dissents() const {
  std::vector<std::string> kept;
  std::error_code none;
  for (std::filesystem::directory_iterator it(dir_, none), end; !none && it != end;
       it.increment(none)) {
    const std::string name = it->path().filename().string();
    if (!IsDissent(name)) continue;
    if (it->file_size(none) > kDissentBytesMax || none) continue;
    std::ifstream in(it->path(), std::ios::binary);
    kept.emplace_back(std::istreambuf_iterator<char>(in), std::istreambuf_iterator<char>());
    if (kept.size() == kDissentFilesMax) break;
  }
  return kept;
}

std::optional<std::string> EvidenceFolder::Stopped() const {
  std::ifstream in(dir_ + "/stop");
  if (!in) return std::nullopt;
  return std::string{std::istreambuf_iterator<char>(in), {}};
}

std::string EvidenceFolder::Keep(const ledger::Refusal& refusal, uint64_t held,
                                 ByteView entry) const {
  Make();
  const std::string name = dir_ + "/" + std::to_string(held);
  const std::string text = ledger::AsError(refusal).message;
  std::ofstream(name + ".own-head") << refusal.own_note;
  std::ofstream(name + ".offered-head") << refusal.offered_note;
  std::ofstream(name + ".txt") << text << "\n";
  if (!entry.empty()) {
    std::ofstream out(name + ".offered-entry", std::ios::binary);
    out.write(reinterpret_cast<const char*>(entry.data()),
              static_cast<std::streamsize>(entry.size()));
  }
  const std::string said = "the log is refused (" + text + "); evidence is in " + name + ".txt";
  if (!ProvesWrongdoing(refusal.reason)) return said;
  std::ofstream(dir_ + "/stop") << said;
  return said + "; nothing is contributed until somebody has looked and removes " + dir_ + "/stop";
}

}  // namespace dure::clerk
