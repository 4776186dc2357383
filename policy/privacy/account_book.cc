#include "policy/privacy/account_book.h"

namespace dure::privacy {
namespace {

std::string KeyOf(const DatasetId& dataset) {
  return std::string(kAccountKeyPrefix) + dataset.str();
}

}  // namespace

Result<AccountBook> AccountBook::Open(const std::map<std::string, Bytes>& entries, Keep keep) {
  AccountBook book(std::move(keep));
  for (const auto& [key, bytes] : entries) {
    auto account = Account::Parse(bytes);
    if (!account || KeyOf(account->dataset()) != key) {
      return Fail(ErrorCode::kCorrupt,
                  "the journal's entry " + key + " is not the privacy account that it should be");
    }
    book.accounts_.emplace(account->dataset(), std::move(*account));
  }
  return book;
}

Status AccountBook::OpenAccount(const DatasetId& dataset, Unit unit, const Budget& budget) {
  DURE_ASSIGN(Account opened, Account::Open(dataset, unit, budget));
  const Account* const present = Find(dataset);
  if (present == nullptr) return Believe(std::move(opened));
  if (present->unit() == unit && present->budget() == budget) return {};
  return Fail(ErrorCode::kAlreadyExists,
              "dataset " + dataset.str() + " has a privacy account with another unit or budget");
}

Status AccountBook::SetBudget(const DatasetId& dataset, uint64_t epsilon_micro) {
  DURE_ASSIGN(Account account, CopyOf(dataset));
  DURE_TRY(account.SetBudget(epsilon_micro));
  return Believe(std::move(account));
}

Result<std::optional<Overdraw>> AccountBook::Reserve(const DatasetId& dataset, const RunId& run,
                                                     const Charge& charge) {
  DURE_ASSIGN(Account account, CopyOf(dataset));
  DURE_ASSIGN(std::optional<Overdraw> refusal, account.Reserve(run, charge));
  if (!refusal) DURE_TRY(Believe(std::move(account)));
  return refusal;
}

Status AccountBook::Commit(const DatasetId& dataset, const RunId& run, const Use& use,
                           uint64_t steps) {
  DURE_ASSIGN(Account account, CopyOf(dataset));
  DURE_TRY(account.Commit(run, use, steps));
  return Believe(std::move(account));
}

Status AccountBook::Close(const DatasetId& dataset, const RunId& run) {
  DURE_ASSIGN(Account account, CopyOf(dataset));
  DURE_TRY(account.Close(run));
  return Believe(std::move(account));
}

const Account* AccountBook::Find(const DatasetId& dataset) const {
  const auto found = accounts_.find(dataset);
  return found == accounts_.end() ? nullptr : &found->second;
}

Result<Account> AccountBook::CopyOf(const DatasetId& dataset) const {
  const Account* const account = Find(dataset);
  if (account == nullptr) {
    return Fail(ErrorCode::kNotFound, "dataset " + dataset.str() + " has no privacy account");
  }
  return *account;
}

Status AccountBook::Believe(Account changed) {
  const auto present = accounts_.find(changed.dataset());
  if (present != accounts_.end() && present->second == changed) return {};
  DURE_TRY(keep_(KeyOf(changed.dataset()), changed.Serialize()));
  accounts_.insert_or_assign(changed.dataset(), std::move(changed));
  return {};
}

}  // namespace dure::privacy
