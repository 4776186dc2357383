// The privacy accounts of one site's datasets, durable.
//
// Life: opened at start with what the journal holds, then asked from the loop thread. Every change
// is made to a copy, the copy's bytes are handed to `keep`, and only when that says that they are
// durable does the book believe it: written before told. So a crash at any instant leaves an
// account at least as spent as what anybody was told. Owns the accounts; `keep` outlives it. The
// daemon's `keep` is Journal::Apply of one Put.
#pragma once

#include <functional>
#include <map>

#include "policy/privacy/account.h"

namespace dure::privacy {

inline constexpr std::string_view kAccountKeyPrefix = "privacy/account/";

// Makes the value under the key durable, or says why it did not.
using Keep = std::function<Status(const std::string& key, Bytes value)>;

class AccountBook {
 public:
  // `entries`: everything under kAccountKeyPrefix. kCorrupt: one is no account, or another
  // dataset's; a site does not start without its accounts.
  static Result<AccountBook> Open(const std::map<std::string, Bytes>& entries, Keep keep);

  // kAlreadyExists: the dataset has an account with another unit or budget.
  Status OpenAccount(const DatasetId& dataset, Unit unit, const Budget& budget);
  Status SetBudget(const DatasetId& dataset, uint64_t epsilon_micro);

  // As Account's, and kNotFound: the dataset has no account; or keep's error. Unchanged on failure.
  Result<std::optional<Overdraw>> Reserve(const DatasetId& dataset, const RunId& run,
                                          const Charge& charge);
  Status Commit(const DatasetId& dataset, const RunId& run, const Use& use, uint64_t steps);
  Status Close(const DatasetId& dataset, const RunId& run);

  // Null if the dataset has none.
  const Account* Find(const DatasetId& dataset) const;

 private:
  explicit AccountBook(Keep keep) : keep_(std::move(keep)) {}
  Result<Account> CopyOf(const DatasetId& dataset) const;
  Status Believe(Account changed);

  Keep keep_;
  std::map<DatasetId, Account> accounts_;
};

}  // namespace dure::privacy
