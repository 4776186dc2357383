// The privacy account of one dataset: what its uses have cost, in all runs and for ever, against a
// budget that its owner set.
//
// Life: opened once a dataset; Reserve before a run may use the dataset, for all the steps that it
// may ever take; Commit before anything computed in a round leaves the site; Close when the run is
// over, which gives back what was reserved and never used. A pure state machine: the owner keeps
// one, applies a change to a copy, makes the copy's bytes durable and only then believes it
// (site/privacy_accounts.h), so that a crash at any instant can leave too much on the account and
// never too little. What is reserved counts as spent until its run is closed: two runs at once
// cannot each take the last of it. Not thread-safe.
//
// Every call may be repeated: the same again changes nothing and answers the same.
#pragma once

#include <map>
#include <optional>
#include <string>

#include "federation/ids.h"
#include "policy/privacy/accountant.h"

namespace dure::privacy {

inline constexpr size_t kAccountRunsMax = 4096;  // runs over a dataset's life
inline constexpr size_t kAccountBytesMax = kAccountRunsMax * 256;

// Whose presence or absence the guarantee hides.
enum class Unit : uint8_t { kExample = 1, kMember = 2 };
std::string_view Name(Unit unit);  // "example", "member"

struct Budget {
  uint64_t epsilon_micro = 0;  // millionths, at most kEpsilonMicroMax
  double delta = 0;            // in (0, 1); fixed for the account's life
  bool operator==(const Budget&) const = default;
};
// A million: no promise at all, and no limit. Uses are counted and nothing is refused.
inline constexpr uint64_t kEpsilonMicroMax = 1'000'000'000'000;

// Which use of a run: attempts of a round count on.
struct Use {
  uint64_t round = 0;
  uint32_t attempt = 0;
  auto operator<=>(const Use&) const = default;
};

// Why a reservation was refused, and what would not have been.
struct Overdraw {
  DatasetId dataset;
  RunId run;
  Charge asked;
  double delta = 0;
  uint64_t budget_micro = 0;
  uint64_t before_micro = 0;    // spent and reserved already
  uint64_t after_micro = 0;     // with what was asked
  uint64_t steps_that_fit = 0;  // of the same mechanism; 0: not one
  // A mechanism with so much more noise that all the steps asked for fit; none if no noise would.
  std::optional<Mechanism> mechanism_that_fits;

  std::string Sentence() const;
};

class Account {
 public:
  // kInvalid: the budget is outside its bounds.
  static Result<Account> Open(DatasetId dataset, Unit unit, const Budget& budget);

  // No value: reserved (or was already, just so). Otherwise nothing changed and the refusal says
  // why; it takes some seconds to find what would fit.
  // kInvalid: the charge is malformed. kAlreadyExists: the run has a reservation of another charge,
  // or was closed. kExhausted: kAccountRunsMax runs.
  Result<std::optional<Overdraw>> Reserve(const RunId& run, const Charge& charge);

  // The run's reservation becomes one of at least `steps` steps, and is open again if it was
  // closed: for attempts that cost more than was thought, or a site that comes back. As Reserve,
  // and kNotFound: nothing is reserved.
  Result<std::optional<Overdraw>> Extend(const RunId& run, uint64_t steps);

  // `steps` of the run's reservation are used by `use`. Uses of a run come in order.
  // kNotFound: nothing reserved. kFailedPrecondition: more than is left, the run is closed, or the
  // use comes before the last or repeats it with other steps. Unchanged on failure.
  Status Commit(const RunId& run, const Use& use, uint64_t steps);

  // Gives back what the run did not use. kNotFound: it has no reservation.
  Status Close(const RunId& run);

  // The owner's: a lower budget than what is spent lets nothing more in. kInvalid: above the bound.
  Status SetBudget(uint64_t epsilon_micro);

  const DatasetId& dataset() const { return dataset_; }
  Unit unit() const { return unit_; }
  const Budget& budget() const { return budget_; }
  std::vector<Charge> Used() const;      // merged by mechanism
  std::vector<Charge> Reserved() const;  // used and what open runs may still use
  // Of one run's reservation. 0: it has none.
  uint64_t UsedOf(const RunId& run) const;
  uint64_t ReservedOf(const RunId& run) const;  // used, if it is closed
  std::optional<Charge> ChargeOf(const RunId& run) const;
  std::vector<RunId> OpenRuns() const;
  uint64_t UsedMicro() const;  // epsilon of Used at the account's delta
  uint64_t ReservedMicro() const;

  // Canonical: one state, one encoding.
  Bytes Serialize() const;
  // Total. kInvalid: not the bytes of an account.
  static Result<Account> Parse(ByteView bytes);
  bool operator==(const Account&) const = default;

 private:
  struct Reservation {
    Charge charge;
    uint64_t used = 0;
    std::optional<Use> last;
    uint64_t last_steps = 0;
    bool closed = false;
    bool operator==(const Reservation&) const = default;
  };

  Account() = default;
  std::vector<Charge> Charges(bool with_open) const;
  bool Fits(const Charge& charge, const Resolution& resolution) const;
  Overdraw Explain(const RunId& run, const Charge& charge) const;
  uint64_t StepsThatFit(const Charge& charge) const;
  std::optional<Mechanism> MechanismThatFits(const Charge& charge) const;
  static Result<Reservation> ReadReservation(CanonicalReader& reader);

  DatasetId dataset_;
  Unit unit_ = Unit::kExample;
  Budget budget_;
  std::map<RunId, Reservation> runs_;
};

}  // namespace dure::privacy
