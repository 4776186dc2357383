#include "aggregator/uploads.h"

#include <algorithm>
#include <charconv>
#include <set>

#include "federation/crash_point.h"

namespace dure::aggregator {
namespace {

constexpr std::string_view kKey = "contribution/";
// New contributions that one site may offer to one attempt: it trains once, and offers that.
constexpr uint32_t kOffersMax = 32;

// "kt-seoul 104857600"; earlier versions wrote the site alone.
std::string MarkOf(const SiteId& site, uint64_t bytes) {
  return site.str() + " " + std::to_string(bytes);
}
Result<SiteId> SiteOf(std::string_view mark) {
  return SiteId::Parse(mark.substr(0, mark.find(' ')));
}
uint64_t BytesOf(std::string_view mark) {
  const size_t space = std::min(mark.find(' '), mark.size() - 1);
  uint64_t bytes = 0;
  (void)std::from_chars(mark.data() + space + 1, mark.data() + mark.size(), bytes);
  return bytes;
}

}  // namespace

Result<Uploads> Uploads::Open(journal::Journal& journal, const blob::BlobStore& store,
                              std::function<void(const Digest&)> remove) {
  Uploads uploads(journal, std::move(remove));
  DURE_ASSIGN(const auto marks, journal.Scan(kKey));
  for (const auto& [key, value] : marks) {
    DURE_ASSIGN(const Digest digest, Digest::FromHex(std::string_view(key).substr(kKey.size())));
    uploads.marks_.emplace(digest, std::string(AsText(value)));
  }
  // Once, also what a death left both in a spool and whole.
  std::set<Digest> here;
  for (const Digest& digest : store.ListSpools()) here.insert(digest);
  for (const Digest& digest : store.List()) here.insert(digest);
  for (const Digest& digest : here) {
    const auto mark = uploads.marks_.find(digest);
    if (mark == uploads.marks_.end()) continue;
    DURE_ASSIGN(const SiteId site, SiteOf(mark->second));
    uploads.here_[site].push_back({digest, BytesOf(mark->second)});
  }
  uploads.ForgetMarksBut(here);
  return uploads;
}

// A store that holds nothing at all, not even a model, may be one that was not put back yet. On a
// full disk they stay until the next start.
void Uploads::ForgetMarksBut(const std::set<Digest>& here) {
  if (here.empty()) return;
  const auto is_gone = [&here](const auto& mark) { return !here.contains(mark.first); };
  journal::Change change;
  for (const auto& mark : marks_) {
    if (is_gone(mark)) change.Erase(std::string(kKey) + mark.first.Hex());
  }
  if (!change.empty() && journal_->Apply(change)) std::erase_if(marks_, is_gone);
}

bool Uploads::IsBy(const SiteId& site, const Digest& digest) const {
  const auto own = here_.find(site);
  return own != here_.end() &&
         std::ranges::find(own->second, digest, &Upload::digest) != own->second.end();
}

bool Uploads::Holds(const Digest& digest) const {
  return std::ranges::any_of(here_, [&](const auto& own) { return IsBy(own.first, digest); });
}

Status Uploads::Allow(const SiteId& site, const Digest& digest, uint64_t bytes, const Runs& runs,
                      std::string_view attempt) {
  if (IsBy(site, digest)) return {};
  if (const auto gone = removing_.find(site); gone != removing_.end() && !gone->second.empty()) {
    return Fail(ErrorCode::kUnavailable,
                "what " + site.str() + " uploaded before is still being removed; try again");
  }
  Offers& offers = offers_[site];
  if (offers.attempt != attempt) offers = {std::string(attempt), 0};
  if (offers.count >= kOffersMax) {
    return Fail(ErrorCode::kUnavailable, site.str() + " has offered " + std::to_string(kOffersMax) +
                                             " contributions to one attempt; it takes no more");
  }
  ++offers.count;
  std::vector<Upload>& own = here_[site];
  const auto makes_room = [&](const Upload& one) {
    return (one.bytes == bytes || one.bytes == 0) && !runs.use(one.digest);
  };
  auto unclaimed = std::ranges::count_if(own, makes_room);
  const auto most = static_cast<ptrdiff_t>(std::max<size_t>(runs.would_take(site, bytes), 1));
  for (; unclaimed >= most; --unclaimed) {
    const Digest oldest = std::ranges::find_if(own, makes_room)->digest;
    Drop(site, oldest);
  }
  if (!Contains(digest)) {
    const std::string mark = MarkOf(site, bytes);
    DURE_TRY(
        journal_->Apply(journal::Change().Put(std::string(kKey) + digest.Hex(), ToBytes(mark))));
    marks_.emplace(digest, mark);
    CrashPoint("aggregator.upload-allowed");
  }
  own.push_back({digest, bytes});
  return {};
}

void Uploads::Sweep(const Runs& runs) {
  std::vector<std::pair<SiteId, Digest>> left;
  for (const auto& [site, own] : here_) {
    for (const Upload& one : own) {
      if (runs.use(one.digest) || runs.would_take(site, one.bytes) > 0) continue;
      left.emplace_back(site, one.digest);
    }
  }
  for (const auto& [site, digest] : left) Drop(site, digest);
}

void Uploads::Removed(const Digest& digest) {
  for (auto& [site, digests] : removing_) digests.erase(digest);
}

void Uploads::Forget(const Digest& digest) {
  for (auto& [site, own] : here_) {
    std::erase_if(own, [&](const Upload& one) { return one.digest == digest; });
  }
}

// Two sites may have uploaded the same bytes.
void Uploads::Drop(const SiteId& site, const Digest& digest) {
  std::erase_if(here_[site], [&](const Upload& one) { return one.digest == digest; });
  const bool of_another = std::ranges::any_of(here_, [&](const auto& each) {
    return std::ranges::find(each.second, digest, &Upload::digest) != each.second.end();
  });
  if (of_another) return;
  removing_[site].insert(digest);
  remove_(digest);
}

}  // namespace dure::aggregator
