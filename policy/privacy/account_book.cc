#include "policy/privacy/account_book.h"

namespace dure::privacy {
namespace {

AccountId IdOf(const Account& account) { return {account.dataset(), account.unit()}; }

}  // namespace

std::string KeyOf(const AccountId& id) {
  return std::string(kAccountKeyPrefix) + id.dataset.str() + "/" + std::string(Name(id.unit));
}

Result<AccountBook> AccountBook::Open(const std::map<std::string, Bytes>& entries, Keep keep) {
  AccountBook book(std::move(keep));
  for (const auto& [key, bytes] : entries) {
    auto account = Account::Parse(bytes);
    if (!account || KeyOf(IdOf(*account)) != key) {
      return Fail(ErrorCode::kCorrupt,
                  "the journal's entry " + key + " is not the privacy account that it should be");
    }
    book.accounts_.emplace(IdOf(*account), std::move(*account));
  }
  return book;
}

Status AccountBook::OpenAccount(const AccountId& id, const Budget& budget) {
  DURE_ASSIGN(Account opened, Account::Open(id.dataset, id.unit, budget));
  const Account* const present = Find(id);
  if (present == nullptr) return Believe(std::move(opened));
  if (present->budget() == budget) return {};
  return Fail(ErrorCode::kAlreadyExists,
              "dataset " + id.dataset.str() + " has a privacy account with another budget");
}

Status AccountBook::SetBudget(const AccountId& id, uint64_t epsilon_micro) {
  DURE_ASSIGN(Account account, CopyOf(id));
  DURE_TRY(account.SetBudget(epsilon_micro));
  return Believe(std::move(account));
}

Result<std::optional<Overdraw>> AccountBook::Reserve(const AccountId& id, const RunId& run,
                                                     const Charge& charge) {
  DURE_ASSIGN(Account account, CopyOf(id));
  DURE_ASSIGN(std::optional<Overdraw> refusal, account.Reserve(run, charge));
  if (!refusal) DURE_TRY(Believe(std::move(account)));
  return refusal;
}

Status AccountBook::Commit(const AccountId& id, const RunId& run, const Use& use, uint64_t steps) {
  DURE_ASSIGN(Account account, CopyOf(id));
  DURE_TRY(account.Commit(run, use, steps));
  return Believe(std::move(account));
}

Status AccountBook::Close(const AccountId& id, const RunId& run) {
  DURE_ASSIGN(Account account, CopyOf(id));
  DURE_TRY(account.Close(run));
  return Believe(std::move(account));
}

Result<bool> AccountBook::Replace(const Account& before, Account changed) {
  const Account* const present = Find(IdOf(before));
  if (present == nullptr || *present != before || IdOf(changed) != IdOf(before)) return false;
  DURE_TRY(Believe(std::move(changed)));
  return true;
}

const Account* AccountBook::Find(const AccountId& id) const {
  const auto found = accounts_.find(id);
  return found == accounts_.end() ? nullptr : &found->second;
}

Result<Account> AccountBook::CopyOf(const AccountId& id) const {
  const Account* const account = Find(id);
  if (account == nullptr) {
    return Fail(ErrorCode::kNotFound, "dataset " + id.dataset.str() +
                                          " has no privacy account of the unit " +
                                          std::string(Name(id.unit)));
  }
  return *account;
}

Status AccountBook::Believe(Account changed) {
  const AccountId id = IdOf(changed);
  const auto present = accounts_.find(id);
  if (present != accounts_.end() && present->second == changed) return {};
  DURE_TRY(keep_(KeyOf(id), changed.Serialize()));
  accounts_.insert_or_assign(id, std::move(changed));
  return {};
}

}  // namespace dure::privacy
