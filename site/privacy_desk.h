// PrivacyDesk: what this site's datasets have spent on runs with noise, and the secret that noise
// is made from.
//
// Life: made with the daemon; Reserve before a run may use datasets and before each update is
// encoded, Commit before anything leaves, Close when the run is over; on the loop, destroyed there.
// It owns the accounts, in the journal under privacy/: written before told, so that a crash leaves
// too much on an account and never too little. Counting takes up to some seconds and is done on a
// worker.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "federation/journal/journal.h"
#include "federation/loop/loop.h"
#include "federation/loop/workers.h"
#include "federation/noise/secret_random.h"
#include "federation/random.h"
#include "federation/round/plan.h"
#include "policy/privacy/account_book.h"

namespace dure::site {

class PrivacyDesk {
 public:
  struct Means {
    journal::Journal& journal;
    loop::EventLoop& loop;
    loop::WorkerPool& workers;
    Random& random;
    std::function<void(const std::string&)> say;
    double delta = 1e-6;  // of accounts that are opened
  };
  // kCorrupt: an account or the secret cannot be read: a site does not start without them.
  static Result<std::unique_ptr<PrivacyDesk>> Open(Means means);
  ~PrivacyDesk();

  // A dataset and what its owner lets it lose, in millionths of epsilon.
  struct Lent {
    DatasetId dataset;
    uint64_t epsilon_micro = privacy::kEpsilonMicroMax;
  };
  using Answer = std::function<void(const std::string& objection)>;
  // Reserves, on the accounts of these datasets, what is left of the run from `round` on. With no
  // datasets: on those that hold a reservation of it already, which is extended if attempts cost
  // more than was thought. Answers with nothing, or with a code, having said why: "privacy-budget"
  // (a dataset's account would be overdrawn; nothing is reserved then), "privacy-settings",
  // "privacy-account".
  void Reserve(const round::RunManifest& manifest, RoundNumber round, std::vector<Lent> lent,
               Answer answer);

  // This attempt's update is about to leave. Repeats are one. kFailedPrecondition: nothing is
  // reserved for it; the journal's errors.
  Status CommitUpdate(const round::RoundAttempt& at);
  // The run's training of that number came to so many steps, and what it gave will be used.
  Status CommitTraining(const RunId& run, uint64_t number, uint64_t steps);
  // The run is over here, for now or for good: what it did not use is given back.
  void Close(const RunId& run);

  // For the update of one attempt under one context of the masking: from the site's secret, so that
  // a repeat after a crash gives the same bytes.
  noise::SecretRandom::Key NoiseKey(const Digest& context, const round::RoundAttempt& at) const;
  const privacy::AccountBook& book() const { return *book_; }

 private:
  struct Wish {
    privacy::Account before;
    privacy::Charge charge;  // in all, used and still to be used
  };
  explicit PrivacyDesk(Means means);
  void Count(std::vector<Wish> wishes, const round::RunManifest& manifest, RoundNumber round,
             std::vector<Lent> lent, const Answer& answer);
  Result<std::vector<Wish>> WishesOf(const round::RunManifest& manifest, RoundNumber round,
                                     const std::vector<Lent>& lent);
  Status AddWish(const privacy::AccountId& id, const RunId& run, const privacy::Charge& left,
                 std::vector<Wish>& wishes) const;
  Status OpenAccounts(const std::vector<Lent>& lent, const round::Privacy& terms);
  template <typename Mechanism>
  Status Commit(const RunId& run, const privacy::Use& use, uint64_t steps);

  Means means_;
  std::unique_ptr<privacy::AccountBook> book_;
  noise::SecretRandom::Key secret_{};
  std::shared_ptr<bool> alive_ = std::make_shared<bool>(true);
};

}  // namespace dure::site
