#include "policy/privacy/account.h"

#include <algorithm>
#include <cmath>
#include <cstdio>

namespace dure::privacy {
namespace {

constexpr std::string_view kMagic = "dure privacy account 1";
// For the search of what would fit: dearer by a thousandth, and ten times as fast.
constexpr Resolution kSearch{size_t{1} << 12};

void Merge(std::vector<Charge>& charges, const Mechanism& mechanism, uint64_t steps) {
  if (steps == 0) return;
  const auto same = [&](const Charge& charge) { return charge.mechanism == mechanism; };
  const auto at = std::find_if(charges.begin(), charges.end(), same);
  if (at == charges.end()) {
    charges.push_back({mechanism, steps});
  } else {
    at->steps += steps;
  }
}

// The mechanism with its noise times `factor`; none if that is no mechanism.
std::optional<Mechanism> Louder(Mechanism mechanism, double factor) {
  const auto raise = [factor](double noise) {
    // Four digits, upwards: what a person is told is what was checked.
    const double exact = noise * factor;
    const double unit = std::pow(10, std::floor(std::log10(exact)) - 3);
    return std::ceil(exact / unit) * unit;
  };
  if (auto* gaussian = std::get_if<SampledGaussian>(&mechanism)) {
    gaussian->noise_multiplier = raise(gaussian->noise_multiplier);
  } else {
    auto& noise = std::get<IntegerNoise>(mechanism);
    noise.share_stddev = raise(noise.share_stddev);
  }
  if (!Check(mechanism)) return std::nullopt;
  return mechanism;
}

Status CheckBudget(const Budget& budget) {
  if (budget.epsilon_micro > kEpsilonMicroMax) {
    return Fail(ErrorCode::kInvalid, "a budget above epsilon 1000000 promises nothing");
  }
  if (!(budget.delta >= 1e-30 && budget.delta < 1)) {
    return Fail(ErrorCode::kInvalid, "delta must be from 1e-30 to below 1");
  }
  return {};
}

std::string EpsilonText(uint64_t micro) {
  if (micro == UINT64_MAX) return "without bound";
  char text[40];
  std::snprintf(text, sizeof text, "%.4g", static_cast<double>(micro) / 1e6);
  return text;
}

double NoiseOf(const Mechanism& mechanism) {
  if (const auto* gaussian = std::get_if<SampledGaussian>(&mechanism)) {
    return gaussian->noise_multiplier;
  }
  return std::get<IntegerNoise>(mechanism).share_stddev;
}

}  // namespace

std::string_view Name(Unit unit) { return unit == Unit::kExample ? "example" : "member"; }

std::string Overdraw::Sentence() const {
  char delta_text[24];
  std::snprintf(delta_text, sizeof delta_text, "%g", delta);
  std::string text = "run " + run.str() + " would overdraw the privacy account of dataset " +
                     dataset.str() + ": " + std::to_string(asked.steps) + " steps of " +
                     Describe(asked.mechanism) + " bring epsilon from " +
                     EpsilonText(before_micro) + " to " + EpsilonText(after_micro) + " at delta " +
                     delta_text + ", and the budget is " + EpsilonText(budget_micro) + "; ";
  if (steps_that_fit > 0) {
    text += std::to_string(steps_that_fit) + " steps would fit";
  } else {
    text += "not one such step fits";
  }
  if (mechanism_that_fits) {
    char noise[24];
    std::snprintf(noise, sizeof noise, "%.4g", NoiseOf(*mechanism_that_fits));
    text += ", or all of them with noise " + std::string(noise);
  }
  return text;
}

Result<Account> Account::Open(DatasetId dataset, Unit unit, const Budget& budget) {
  DURE_TRY(CheckBudget(budget));
  Account account;
  account.dataset_ = std::move(dataset);
  account.unit_ = unit;
  account.budget_ = budget;
  return account;
}

Result<std::optional<Overdraw>> Account::Reserve(const RunId& run, const Charge& charge) {
  DURE_TRY(Check(charge));
  const auto found = runs_.find(run);
  if (found != runs_.end()) {
    if (found->second.closed || found->second.charge != charge) {
      return Fail(ErrorCode::kAlreadyExists,
                  "run " + run.str() + " has another reservation on dataset " + dataset_.str() +
                      (found->second.closed ? ", and it is closed" : ""));
    }
    return std::optional<Overdraw>();
  }
  if (runs_.size() >= kAccountRunsMax) {
    return Fail(ErrorCode::kExhausted, "the privacy account of dataset " + dataset_.str() +
                                           " has no room for another run");
  }
  if (!Fits(charge, {})) return std::optional<Overdraw>(Explain(run, charge));
  Reservation reservation;
  reservation.charge = charge;
  runs_.emplace(run, reservation);
  return std::optional<Overdraw>();
}

Result<std::optional<Overdraw>> Account::Extend(const RunId& run, uint64_t steps) {
  const auto found = runs_.find(run);
  if (found == runs_.end()) {
    return Fail(ErrorCode::kNotFound, "run " + run.str() + " has no reservation to be extended");
  }
  Reservation& reservation = found->second;
  const uint64_t counted = ReservedOf(run);
  const Charge more{reservation.charge.mechanism, steps > counted ? steps - counted : 0};
  if (more.steps > 0) {
    DURE_TRY(Check(more));
    DURE_TRY(Check(Charge{more.mechanism, steps}));
    if (!Fits(more, {})) return std::optional<Overdraw>(Explain(run, more));
  }
  reservation.charge.steps = std::max(steps, counted);
  reservation.closed = false;
  return std::optional<Overdraw>();
}

Status Account::Commit(const RunId& run, const Use& use, uint64_t steps) {
  const auto found = runs_.find(run);
  const auto refuse = [&](ErrorCode code, const std::string& why) {
    return Fail(code, "run " + run.str() + " may not use dataset " + dataset_.str() + ": " + why);
  };
  if (found == runs_.end()) return refuse(ErrorCode::kNotFound, "nothing is reserved for it");
  Reservation& reservation = found->second;
  if (reservation.last == use && reservation.last_steps == steps) return {};
  if (reservation.closed) {
    return refuse(ErrorCode::kFailedPrecondition, "its reservation is closed");
  }
  if (reservation.last && *reservation.last >= use) {
    return refuse(ErrorCode::kFailedPrecondition,
                  "a use at or before the last one cannot be counted again");
  }
  if (steps > reservation.charge.steps - reservation.used) {
    return refuse(ErrorCode::kFailedPrecondition,
                  std::to_string(steps) + " steps are more than the " +
                      std::to_string(reservation.charge.steps - reservation.used) +
                      " left of its reservation");
  }
  reservation.used += steps;
  reservation.last = use;
  reservation.last_steps = steps;
  return {};
}

Status Account::Close(const RunId& run) {
  const auto found = runs_.find(run);
  if (found == runs_.end()) {
    return Fail(ErrorCode::kNotFound,
                "run " + run.str() + " has no reservation on dataset " + dataset_.str());
  }
  found->second.closed = true;
  return {};
}

Status Account::SetBudget(uint64_t epsilon_micro) {
  DURE_TRY(CheckBudget({epsilon_micro, budget_.delta}));
  budget_.epsilon_micro = epsilon_micro;
  return {};
}

std::vector<Charge> Account::Charges(bool with_open) const {
  std::vector<Charge> charges;
  for (const auto& [run, reservation] : runs_) {
    const bool open = with_open && !reservation.closed;
    Merge(charges, reservation.charge.mechanism,
          open ? reservation.charge.steps : reservation.used);
  }
  return charges;
}

uint64_t Account::UsedOf(const RunId& run) const {
  const auto found = runs_.find(run);
  return found == runs_.end() ? 0 : found->second.used;
}

uint64_t Account::ReservedOf(const RunId& run) const {
  const auto found = runs_.find(run);
  if (found == runs_.end()) return 0;
  return found->second.closed ? found->second.used : found->second.charge.steps;
}

std::optional<Charge> Account::ChargeOf(const RunId& run) const {
  const auto found = runs_.find(run);
  if (found == runs_.end()) return std::nullopt;
  return found->second.charge;
}

std::vector<RunId> Account::OpenRuns() const {
  std::vector<RunId> open;
  for (const auto& [run, reservation] : runs_) {
    if (!reservation.closed) open.push_back(run);
  }
  return open;
}

std::vector<Charge> Account::Used() const { return Charges(false); }
std::vector<Charge> Account::Reserved() const { return Charges(true); }

uint64_t Account::UsedMicro() const {
  return EpsilonMicro(EpsilonOf(Used(), budget_.delta).epsilon);
}

uint64_t Account::ReservedMicro() const {
  return EpsilonMicro(EpsilonOf(Reserved(), budget_.delta).epsilon);
}

bool Account::Fits(const Charge& charge, const Resolution& resolution) const {
  if (budget_.epsilon_micro == kEpsilonMicroMax) return true;
  std::vector<Charge> charges = Reserved();
  Merge(charges, charge.mechanism, charge.steps);
  const double epsilon = EpsilonOf(charges, budget_.delta, resolution).epsilon;
  return EpsilonMicro(epsilon) <= budget_.epsilon_micro;
}

Overdraw Account::Explain(const RunId& run, const Charge& charge) const {
  std::vector<Charge> charges = Reserved();
  Merge(charges, charge.mechanism, charge.steps);
  Overdraw overdraw;
  overdraw.dataset = dataset_;
  overdraw.run = run;
  overdraw.asked = charge;
  overdraw.delta = budget_.delta;
  overdraw.budget_micro = budget_.epsilon_micro;
  overdraw.before_micro = ReservedMicro();
  overdraw.after_micro = EpsilonMicro(EpsilonOf(charges, budget_.delta).epsilon);
  overdraw.steps_that_fit = StepsThatFit(charge);
  overdraw.mechanism_that_fits = MechanismThatFits(charge);
  return overdraw;
}

uint64_t Account::StepsThatFit(const Charge& charge) const {
  uint64_t fits = 0;
  uint64_t too_many = charge.steps;
  // To a thousandth: what it promises was itself checked.
  while (too_many - fits > 1 + fits / 1000) {
    const uint64_t middle = fits + (too_many - fits) / 2;
    (Fits({charge.mechanism, middle}, kSearch) ? fits : too_many) = middle;
  }
  while (fits > 0 && !Fits({charge.mechanism, fits}, {})) fits -= 1 + fits / 1000;
  return fits;
}

std::optional<Mechanism> Account::MechanismThatFits(const Charge& charge) const {
  std::optional<Mechanism> best;
  double low = 1;
  double high = 1;
  const auto try_at = [&](double factor) {
    const std::optional<Mechanism> louder = Louder(charge.mechanism, factor);
    if (!louder || !Fits({*louder, charge.steps}, kSearch)) return false;
    best = louder;
    return true;
  };
  while (!best && high < 1e6) {
    low = high;
    high *= 4;
    try_at(high);
  }
  if (!best) return std::nullopt;
  while (high / low > 1.001) {
    const double middle = std::sqrt(low * high);
    (try_at(middle) ? high : low) = middle;
  }
  if (!Fits({*best, charge.steps}, {})) return std::nullopt;
  return best;
}

Bytes Account::Serialize() const {
  CanonicalWriter writer;
  writer.Text(kMagic).Text(dataset_.str()).U8(static_cast<uint8_t>(unit_));
  writer.U64(budget_.epsilon_micro).F64(budget_.delta);
  writer.U32(static_cast<uint32_t>(runs_.size()));
  for (const auto& [run, reservation] : runs_) {
    writer.Text(run.str());
    Write(writer, reservation.charge.mechanism);
    writer.U64(reservation.charge.steps).U64(reservation.used).Bool(reservation.closed);
    writer.Bool(reservation.last.has_value());
    if (!reservation.last) continue;
    writer.U64(reservation.last->round).U32(reservation.last->attempt);
    writer.U64(reservation.last_steps);
  }
  return writer.Take();
}

Result<Account::Reservation> Account::ReadReservation(CanonicalReader& reader) {
  Reservation reservation;
  DURE_ASSIGN(reservation.charge.mechanism, ReadMechanism(reader));
  reservation.charge.steps = reader.U64();
  reservation.used = reader.U64();
  reservation.closed = reader.Bool();
  DURE_TRY(Check(reservation.charge));
  if (reader.Bool()) {
    reservation.last.emplace();
    reservation.last->round = reader.U64();
    reservation.last->attempt = reader.U32();
    reservation.last_steps = reader.U64();
  }
  const bool whole = reservation.used <= reservation.charge.steps &&
                     reservation.last_steps <= reservation.used &&
                     (reservation.last || reservation.used == 0);
  if (!whole) return Fail(ErrorCode::kInvalid, "a reservation used more than it holds");
  return reservation;
}

Result<Account> Account::Parse(ByteView bytes) {
  CanonicalReader reader(bytes);
  if (bytes.size() > kAccountBytesMax || reader.Text() != kMagic) {
    return Fail(ErrorCode::kInvalid, "not a privacy account");
  }
  DURE_ASSIGN(DatasetId dataset, DatasetId::Parse(reader.Text()));
  const uint8_t unit = reader.U8();
  if (unit != 1 && unit != 2) return Fail(ErrorCode::kInvalid, "an account of no known unit");
  Budget budget;
  budget.epsilon_micro = reader.U64();
  budget.delta = reader.F64();
  DURE_ASSIGN(Account account, Open(std::move(dataset), static_cast<Unit>(unit), budget));
  const uint32_t count = reader.U32();
  if (count > kAccountRunsMax) return Fail(ErrorCode::kInvalid, "an account of too many runs");
  for (uint32_t i = 0; i < count; ++i) {
    DURE_ASSIGN(RunId run, RunId::Parse(reader.Text()));
    DURE_ASSIGN(const Reservation reservation, ReadReservation(reader));
    if (!account.runs_.empty() && !(account.runs_.rbegin()->first < run)) {
      return Fail(ErrorCode::kInvalid, "an account's runs are not in order");
    }
    account.runs_.emplace(std::move(run), reservation);
  }
  DURE_TRY(reader.Done("the privacy account"));
  return account;
}

}  // namespace dure::privacy
