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

// A dataset has one account for each unit that is protected: what hides an example says little of
// a member, and the other way round it is a bound that is never reached.
struct AccountId {
  DatasetId dataset;
  Unit unit = Unit::kExample;
  auto operator<=>(const AccountId&) const = default;
};
std::string KeyOf(const AccountId& id);  // "privacy/account/<dataset>/<unit>"

// Makes the value under the key durable, or says why it did not.
using Keep = std::function<Status(const std::string& key, Bytes value)>;

class AccountBook {
 public:
  // `entries`: everything under kAccountKeyPrefix. kCorrupt: one is no account, or another
  // dataset's; a site does not start without its accounts.
  static Result<AccountBook> Open(const std::map<std::string, Bytes>& entries, Keep keep);

  // kAlreadyExists: the account is there with another budget.
  Status OpenAccount(const AccountId& id, const Budget& budget);
  Status SetBudget(const AccountId& id, uint64_t epsilon_micro);

  // As Account's, and kNotFound: there is no such account; or keep's error. Unchanged on failure.
  Result<std::optional<Overdraw>> Reserve(const AccountId& id, const RunId& run,
                                          const Charge& charge);
  Status Commit(const AccountId& id, const RunId& run, const Use& use, uint64_t steps);
  Status Close(const AccountId& id, const RunId& run);

  // What was made of a copy of `before` elsewhere, since counting may take a second. False: the
  // account is not `before` any more, and nothing changed. Errors as above.
  Result<bool> Replace(const Account& before, Account changed);

  // Null if there is none.
  const Account* Find(const AccountId& id) const;
  const std::map<AccountId, Account>& accounts() const { return accounts_; }

 private:
  explicit AccountBook(Keep keep) : keep_(std::move(keep)) {}
  Result<Account> CopyOf(const AccountId& id) const;
  Status Believe(Account changed);

  Keep keep_;
  std::map<AccountId, Account> accounts_;
};

}  // namespace dure::privacy
