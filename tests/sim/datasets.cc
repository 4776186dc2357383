#include "tests/sim/datasets.h"

#include <algorithm>

namespace dure::sim {
namespace {

DatasetId Named(const SiteId& site, const char* which) {
  return *DatasetId::Parse(site.str() + which);
}

}  // namespace

std::vector<round::OfferedDataset> Datasets::Of(const SiteId& site) const {
  const auto found = withdrawals_.find(site);
  const uint64_t withdrawn = found == withdrawals_.end() ? 0 : found->second;
  return {{Named(site, "-a"), 1}, {Named(site, "-b"), 1 + withdrawn}};
}

DatasetId Datasets::Withdraw(const SiteId& site) {
  ++withdrawals_[site];
  return Named(site, "-b");
}

bool Datasets::IsCurrent(const SiteId& site, const round::OfferedDataset& one) const {
  const auto current = Of(site);
  return std::find(current.begin(), current.end(), one) != current.end();
}

std::optional<round::AdmittedDataset> Datasets::Decide(const round::RoundAttempt& at,
                                                       const SiteId& site,
                                                       const round::OfferedDataset& one,
                                                       bool deny) {
  const uint64_t next = 1000 + decisions_.size();
  const bool admit = !deny && IsCurrent(site, one);
  const auto [decided, fresh] = decisions_.try_emplace({at, site, one}, Decision{next, admit});
  if (!decided->second.admit || !IsCurrent(site, one)) return std::nullopt;
  return round::AdmittedDataset{one.dataset, one.version, decided->second.entry};
}

bool Datasets::Admitted(const round::RoundAttempt& at, const SiteId& site,
                        const round::AdmittedDataset& one) const {
  const auto found = decisions_.find({at, site, {one.dataset, one.version}});
  return found != decisions_.end() && found->second.admit && found->second.entry == one.entry;
}

bool Datasets::Withdrawn(const round::RoundAttempt& at, const SiteId& site) const {
  return std::any_of(decisions_.begin(), decisions_.end(), [&](const auto& decision) {
    const auto& [when, who, what] = decision.first;
    return when == at && who == site && decision.second.admit && !IsCurrent(site, what);
  });
}

void Carried::Fold(uint64_t from, uint64_t to,
                   const std::vector<round::OfferedDataset>& trained_on) {
  std::vector<round::OfferedDataset> all = trained_on;
  if (const auto before = folded_.find(from); before != folded_.end()) {
    all.insert(all.end(), before->second.begin(), before->second.end());
  }
  folded_[to] = std::move(all);
}

std::optional<round::OfferedDataset> Carried::In(
    uint64_t version, const std::vector<round::OfferedDataset>& named) const {
  const auto found = folded_.find(version);
  if (found == folded_.end()) return std::nullopt;
  for (const round::OfferedDataset& one : found->second) {
    if (std::find(named.begin(), named.end(), one) == named.end()) return one;
  }
  return std::nullopt;
}

}  // namespace dure::sim
