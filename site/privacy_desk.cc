#include "site/privacy_desk.h"

#include <algorithm>
#include <set>

#include "federation/canonical.h"
#include "federation/crash_point.h"
#include "policy/safeguard/safeguard.h"

namespace dure::site {
namespace {

constexpr char kSecretKey[] = "privacy/secret";
constexpr std::chrono::seconds kAccountRetry{1};

using privacy::Account;
using privacy::AccountId;
using privacy::Charge;
using privacy::Unit;

// What counting came to, on a worker: the changed accounts, or why not.
struct AccountsChanged {
  std::vector<Account> changed;
  std::optional<privacy::Overdraw> overdraw;
};

Result<std::optional<privacy::Overdraw>> ReserveIn(Account& account, const RunId& run,
                                                   const Charge& charge) {
  const auto present = account.ChargeOf(run);
  if (!present) return account.Reserve(run, charge);
  if (present->mechanism == charge.mechanism) return account.Extend(run, charge.steps);
  return Fail(ErrorCode::kAlreadyExists, "run " + run.str() +
                                             " has a reservation of another mechanism on dataset " +
                                             account.dataset().str());
}

// REQUIRES: the manifest has noise, and `left` of its rounds are to come.
Charge PartOf(Charge whole, const round::RunManifest& manifest, uint64_t left) {
  whole.steps = whole.steps / manifest.rounds * left;
  return whole;
}

}  // namespace

PrivacyDesk::PrivacyDesk(Means means) : means_(std::move(means)) {}

PrivacyDesk::~PrivacyDesk() { *alive_ = false; }

Result<std::unique_ptr<PrivacyDesk>> PrivacyDesk::Open(Means means) {
  auto desk = std::unique_ptr<PrivacyDesk>(new PrivacyDesk(std::move(means)));
  journal::Journal& journal = desk->means_.journal;
  DURE_ASSIGN(const auto entries, journal.Scan(privacy::kAccountKeyPrefix));
  DURE_ASSIGN(auto book,
              privacy::AccountBook::Open(entries, [&journal](const std::string& key, Bytes value) {
                return journal.Apply(journal::Change().Put(key, std::move(value)));
              }));
  desk->book_ = std::make_unique<privacy::AccountBook>(std::move(book));
  DURE_ASSIGN(const auto kept, journal.Get(kSecretKey));
  if (kept && kept->size() != desk->secret_.size()) {
    return Fail(ErrorCode::kCorrupt, "the secret that noise is made from is damaged");
  }
  if (kept) {
    std::ranges::copy(*kept, desk->secret_.begin());
    return desk;
  }
  desk->means_.random.Fill(desk->secret_);
  DURE_TRY(journal.Apply(
      journal::Change().Put(kSecretKey, Bytes(desk->secret_.begin(), desk->secret_.end()))));
  return desk;
}

noise::SecretRandom::Key PrivacyDesk::NoiseKey(const Digest& context,
                                               const round::RoundAttempt& at) const {
  CanonicalWriter writer;
  writer.Text("dure update noise 2").Raw32(Digest{secret_}).Raw32(context);
  writer.Text(at.run.str()).U64(at.round.value).U32(at.attempt);
  return Sha256(writer.bytes()).bytes;
}

// Reserving
// -------------------------------------------------------------------------------------------

Status PrivacyDesk::OpenAccounts(const std::vector<Lent>& lent, const round::Privacy& terms) {
  for (const Lent& one : lent) {
    std::vector<Unit> units = {Unit::kExample};
    if (terms.noisy()) units.push_back(Unit::kMember);
    for (const Unit unit : units) {
      const AccountId id{one.dataset, unit};
      if (book_->Find(id) == nullptr) {
        DURE_TRY(book_->OpenAccount(id, {one.epsilon_micro, means_.delta}));
      }
      DURE_TRY(book_->SetBudget(id, one.epsilon_micro));
    }
  }
  return {};
}

Status PrivacyDesk::AddWish(const AccountId& id, const RunId& run, const Charge& left,
                            std::vector<Wish>& wishes) const {
  const Account* const account = book_->Find(id);
  if (account == nullptr) {
    return Fail(ErrorCode::kInternal, "dataset " + id.dataset.str() + " has no account");
  }
  wishes.push_back({*account, {left.mechanism, account->UsedOf(run) + left.steps}});
  return {};
}

Result<std::vector<PrivacyDesk::Wish>> PrivacyDesk::WishesOf(const round::RunManifest& manifest,
                                                             RoundNumber round,
                                                             const std::vector<Lent>& lent) {
  DURE_ASSIGN(const auto safeguards, safeguard::SafeguardsOf(manifest));
  DURE_TRY(OpenAccounts(lent, manifest.privacy));
  std::set<DatasetId> datasets;
  for (const Lent& one : lent) datasets.insert(one.dataset);
  for (const auto& [id, account] : book_->accounts()) {
    if (lent.empty() && account.ChargeOf(manifest.run)) datasets.insert(id.dataset);
  }
  std::vector<Wish> wishes;
  const uint64_t left = manifest.rounds - std::min(manifest.rounds - 1, round.value);
  for (const DatasetId& dataset : datasets) {
    DURE_TRY(AddWish({dataset, Unit::kExample}, manifest.run,
                     PartOf(safeguards.ChargeOfRecord(), manifest, left), wishes));
    if (!safeguards.update) continue;
    DURE_TRY(AddWish({dataset, Unit::kMember}, manifest.run,
                     PartOf(safeguards.update->charge, manifest, left), wishes));
  }
  return wishes;
}

void PrivacyDesk::Reserve(const round::RunManifest& manifest, RoundNumber round,
                          std::vector<Lent> lent, Answer answer) {
  auto wishes = WishesOf(manifest, round, lent);
  if (wishes) return Count(*std::move(wishes), manifest, round, std::move(lent), answer);
  const bool settings = wishes.error().code == ErrorCode::kInvalid;
  means_.say(manifest.run.str() + ": privacy: " + wishes.error().message);
  means_.loop.Post([alive = alive_, answer, settings] {
    if (*alive) answer(settings ? "privacy-settings" : "privacy-account");
  });
}

void PrivacyDesk::Count(std::vector<Wish> wishes, const round::RunManifest& manifest,
                        RoundNumber round, std::vector<Lent> lent, const Answer& answer) {
  auto work = [wishes, run = manifest.run]() -> Result<AccountsChanged> {
    AccountsChanged counted;
    for (const Wish& wish : wishes) {
      Account account = wish.before;
      DURE_ASSIGN(auto refusal, ReserveIn(account, run, wish.charge));
      if (refusal) return AccountsChanged{{}, std::move(refusal)};
      counted.changed.push_back(std::move(account));
    }
    return counted;
  };
  auto done = [this, wishes, manifest, round, lent, answer](Result<AccountsChanged> counted) {
    if (counted && counted->overdraw) {
      means_.say(manifest.run.str() + ": privacy: REFUSED: " + counted->overdraw->Sentence());
      return answer("privacy-budget");
    }
    Status kept = counted ? Status() : Fail(counted.error());
    for (size_t i = 0; i < wishes.size() && kept; ++i) {
      const auto replaced = book_->Replace(wishes[i].before, std::move(counted->changed[i]));
      // Another run was counted meanwhile.
      if (replaced && !*replaced) return Reserve(manifest, round, lent, answer);
      if (!replaced) kept = Fail(replaced.error());
    }
    CrashPoint("site.privacy-reserved");
    if (kept) return answer("");
    means_.say(manifest.run.str() + ": privacy: " + kept.error().message);
    answer("privacy-account");
  };
  loop::RunFor(alive_, means_.loop, means_.workers, std::move(work), std::move(done));
}

// Using
// -----------------------------------------------------------------------------------------------

template <typename Mechanism>
Status PrivacyDesk::Commit(const RunId& run, const privacy::Use& use, uint64_t steps) {
  std::vector<AccountId> holding;
  for (const auto& [id, account] : book_->accounts()) {
    const auto charge = account.ChargeOf(run);
    if (charge && std::holds_alternative<Mechanism>(charge->mechanism)) holding.push_back(id);
  }
  if (holding.empty()) {
    return Fail(ErrorCode::kFailedPrecondition,
                "nothing is reserved for run " + run.str() + " on any privacy account");
  }
  CrashPoint("site.before-privacy-commit");
  for (const AccountId& id : holding) DURE_TRY(book_->Commit(id, run, use, steps));
  CrashPoint("site.privacy-committed");
  return {};
}

Status PrivacyDesk::CommitUpdate(const round::RoundAttempt& at) {
  return Commit<privacy::IntegerNoise>(at.run, {at.round.value, at.attempt}, 1);
}

Status PrivacyDesk::CommitTraining(const RunId& run, uint64_t number, uint64_t steps) {
  return Commit<privacy::SampledGaussian>(run, {number, 0}, steps);
}

void PrivacyDesk::Close(const RunId& run) {
  std::vector<AccountId> holding;
  for (const auto& [id, account] : book_->accounts()) {
    if (account.ChargeOf(run)) holding.push_back(id);
  }
  for (const AccountId& id : holding) {
    const Status closed = book_->Close(id, run);
    if (closed) continue;
    means_.say(run.str() +
               ": privacy: cannot give back what was not used yet: " + closed.error().message);
    means_.loop.At(means_.loop.Now() + kAccountRetry, [this, alive = alive_, run] {
      if (*alive) Close(run);
    });
    return;
  }
}

}  // namespace dure::site
