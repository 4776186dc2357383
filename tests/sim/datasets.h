// What the record of a simulated world says about data: every site's datasets, withdrawals and
// admissions. Durable, as the log is; the checkers read it too.
#pragma once

#include <map>
#include <optional>
#include <string>
#include <tuple>
#include <vector>

#include "federation/round/messages.h"

namespace dure::sim {

class Datasets {
 public:
  // Two datasets a site; what is withdrawn is registered anew, as the next version.
  std::vector<round::OfferedDataset> Of(const SiteId& site) const;
  // The second of its datasets. Returns its name.
  DatasetId Withdraw(const SiteId& site);
  bool IsCurrent(const SiteId& site, const round::OfferedDataset& one) const;

  // The decision about a dataset in an attempt, made at the first question: the same question gets
  // the same answer. nullopt: denied. A version that is no longer current is always denied.
  std::optional<round::AdmittedDataset> Decide(const round::RoundAttempt& at, const SiteId& site,
                                               const round::OfferedDataset& one, bool deny);
  bool Admitted(const round::RoundAttempt& at, const SiteId& site,
                const round::AdmittedDataset& one) const;
  // Whether something was admitted in this attempt that is no longer current.
  bool Withdrawn(const round::RoundAttempt& at, const SiteId& site) const;

 private:
  struct Decision {
    uint64_t entry = 0;
    bool admit = false;
  };
  using Question = std::tuple<round::RoundAttempt, SiteId, round::OfferedDataset>;
  std::map<SiteId, uint64_t> withdrawals_;
  std::map<Question, Decision> decisions_;
};

// Of one site: on what the updates were trained that are folded into its residuals. What rounding
// leaves over of a contribution is not counted: its data is named where it was counted.
class Carried {
 public:
  void Fold(uint64_t from, uint64_t to, const std::vector<round::OfferedDataset>& trained_on);
  void Encode(uint64_t to) { folded_.erase(to); }
  // One that is folded into this version and not among these.
  std::optional<round::OfferedDataset> In(uint64_t version,
                                          const std::vector<round::OfferedDataset>& named) const;

 private:
  std::map<uint64_t, std::vector<round::OfferedDataset>> folded_;  // by residual version
};

}  // namespace dure::sim
