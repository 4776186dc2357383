#include "tests/sim/sim_log.h"

#include <algorithm>

#include "federation/canonical.h"

namespace dure::sim {
namespace {

Digest Seal(uint64_t size, const Digest& root) {
  CanonicalWriter w;
  w.Text("test log key").U64(size).Raw32(root);
  return Sha256(w.bytes());
}

void Put(CanonicalWriter& w, const round::Base& base) {
  w.Raw32(base.model).Raw32(base.momentum).Raw32(base.scales);
}

Bytes BytesOf(const std::string& key, const round::LogRecord& record) {
  if (const auto* submission = std::get_if<round::RecordSubmission>(&record)) {
    return submission->envelope;
  }
  CanonicalWriter w;
  w.Text(key);
  if (const auto* opened = std::get_if<round::RecordOpened>(&record)) w.Raw32(opened->base_model);
  if (const auto* closed = std::get_if<round::RecordClosed>(&record)) {
    w.Raw32(closed->aggregate);
    Put(w, closed->next);
    for (const round::Counted& one : closed->counted) w.Text(one.site.str()).U64(one.submission);
  }
  return w.Take();
}

}  // namespace

Bytes EncodeHead(const Head& head) {
  CanonicalWriter w;
  w.U64(head.size).Raw32(head.root).Raw32(head.seal);
  return w.Take();
}

std::optional<Head> DecodeHead(ByteView bytes) {
  CanonicalReader r(bytes);
  Head head{r.U64(), r.Raw32(), r.Raw32()};
  if (!r.Done("head") || head.seal != Seal(head.size, head.root)) return std::nullopt;
  return head;
}

Bytes EncodeReceipt(const SimReceipt& receipt) {
  CanonicalWriter w;
  w.U64(receipt.index).Blob(EncodeHead(receipt.head));
  for (const Digest& step : receipt.inclusion) w.Raw32(step);
  return w.Take();
}

std::optional<SimReceipt> DecodeReceipt(ByteView bytes) {
  CanonicalReader r(bytes);
  SimReceipt receipt;
  receipt.index = r.U64();
  const auto head = DecodeHead(r.Blob());
  if (!r.ok() || !head) return std::nullopt;
  receipt.head = *head;
  while (r.ok() && r.remaining() > 0) receipt.inclusion.push_back(r.Raw32());
  if (!r.ok()) return std::nullopt;
  return receipt;
}

uint64_t SimLog::Append(const std::string& key, const round::LogRecord& record, bool blind) {
  const auto found = keys_.find(key);
  if (found != keys_.end() && !blind) return found->second;
  Entry entry{BytesOf(key, record), key, record};
  tree_.Append(ledger::LeafHash(entry.bytes));
  entries_.push_back(std::move(entry));
  keys_[key] = entries_.size() - 1;
  return entries_.size() - 1;
}

uint64_t SimLog::Foretell(const std::string& key) const {
  const auto found = keys_.find(key);
  return found != keys_.end() ? found->second : entries_.size();
}

Head SimLog::HeadNow() const {
  const Digest root = tree_.Root();
  return {tree_.size(), root, Seal(tree_.size(), root)};
}

SimReceipt SimLog::ReceiptFor(uint64_t index) const {
  return {index, HeadNow(), tree_.ProveInclusion(index, tree_.size())};
}

std::vector<masking::ReleasedSum> SimLog::MaskedSums() const {
  std::vector<masking::ReleasedSum> sums;
  for (const Entry& entry : entries_) {
    const auto* closed = std::get_if<round::RecordClosed>(&entry.record);
    if (closed == nullptr || !closed->sums) continue;
    masking::ReleasedSum& sum = sums.emplace_back();
    for (const round::Counted& one : closed->counted) sum.sites.push_back(one.site);
    std::ranges::sort(sum.sites);
  }
  return sums;
}

std::vector<SiteId> SimLog::CohortOf(const round::RoundAttempt& at) const {
  for (const Entry& entry : entries_) {
    const auto* opened = std::get_if<round::RecordOpened>(&entry.record);
    if (opened != nullptr && opened->at == at) return opened->cohort;
  }
  return {};
}

uint64_t SimLog::Attempts() const {
  return static_cast<uint64_t>(std::ranges::count_if(entries_, [](const Entry& entry) {
    return std::holds_alternative<round::RecordOpened>(entry.record);
  }));
}

}  // namespace dure::sim
