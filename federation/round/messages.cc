#include "federation/round/messages.h"

#include <array>
#include <cmath>
#include <utility>

#include "federation/check.h"
#include "federation/limits.h"
#include "federation/round/fields.h"

namespace dure::round {
namespace {

constexpr std::array<std::string_view, std::variant_size_v<Message>> kKinds = {
    "plan",      "roster", "receipt",  "refusal",     "outcome",
    "run-ended", "ready",  "declined", "submission",  "outcome-ack",
    "withdraw",  "leave",  "join",     "site-status", "masked"};

Status Malformed(std::string_view what) {
  return Fail(ErrorCode::kInvalid, "round message: " + std::string(what));
}

Status CheckAt(const RoundAttempt& at) {
  if (at.run.empty()) return Malformed("names no run");
  if (at.round.value >= limits::kRoundsMax) return Malformed("round out of bounds");
  return {};
}

// Reasons are codes: safe in a log, a path and a sentence.
Status CheckCode(std::string_view reason) { return ValidateName("reason", reason); }

template <typename E>
Status CheckEnum(E value) {
  const auto raw = static_cast<uint8_t>(value);
  if (raw < 1 || raw > EnumMax(value)) return Malformed("a choice that is none");
  return {};
}

template <typename Dataset>
Status CheckDatasets(const std::vector<Dataset>& datasets) {
  if (datasets.empty() || datasets.size() > limits::kDatasetsPerSiteMax) {
    return Malformed("a number of datasets out of bounds");
  }
  for (size_t i = 0; i < datasets.size(); ++i) {
    if (datasets[i].version == 0) return Malformed("a dataset without a version");
    if (i > 0 && !(datasets[i - 1].dataset < datasets[i].dataset)) {
      return Malformed("datasets out of order");
    }
  }
  return {};
}

Status Check(const Plan& m) {
  DURE_TRY(CheckAt(m.plan.at));
  DURE_TRY(m.manifest.Validate());
  if (m.plan.at.run != m.manifest.run) return Malformed("a plan with another run's manifest");
  if (m.plan != MakePlan(m.manifest, m.plan.at.round, m.plan.at.attempt, m.plan.base)) {
    return Malformed("a plan that does not follow from its manifest");
  }
  if (m.plan.base.model.IsZero()) return Malformed("a plan without a base model");
  if (!m.has_counted && (m.counted_round.value != 0 || m.counted_attempt != 0)) {
    return Malformed("a counted attempt that is none");
  }
  return {};
}
Status Check(const Roster& m) {
  DURE_TRY(CheckAt(m.at));
  if (m.cohort.empty() || m.cohort.size() > limits::kSitesMax) return Malformed("cohort size");
  for (size_t i = 1; i < m.cohort.size(); ++i) {
    if (!(m.cohort[i - 1] < m.cohort[i])) return Malformed("cohort out of order");
  }
  if (m.time_left.count() < 0) return Malformed("negative time left");
  return CheckDatasets(m.admitted);
}
Status Check(const Receipt& m) { return CheckAt(m.at); }
Status Check(const Refusal& m) {
  DURE_TRY(CheckAt(m.at));
  return CheckEnum(m.reason);
}
Status Check(const Outcome& m) {
  DURE_TRY(CheckAt(m.at));
  if (m.counted.empty() || m.counted.size() > limits::kSitesMax) return Malformed("counted sites");
  const bool masked = m.counted.front().weight == 0;
  uint64_t sum = 0;
  for (size_t i = 0; i < m.counted.size(); ++i) {
    if (i > 0 && !(m.counted[i - 1].site < m.counted[i].site)) {
      return Malformed("counted sites out of order");
    }
    const uint64_t weight = m.counted[i].weight;
    if ((weight == 0) != masked || weight > kWeightMax) return Malformed("a weight out of bounds");
    sum += weight;
  }
  if (masked) {
    const bool possible =
        m.weight_sum >= m.counted.size() && m.weight_sum <= m.counted.size() * kWeightMax;
    return possible ? Status() : Malformed("a weight sum that the sites cannot reach");
  }
  if (sum != m.weight_sum) return Malformed("a weight sum that is not the sum of the weights");
  return {};
}
Status Check(const RunEnded& m) { return CheckCode(m.reason); }
Status Check(const Ready& m) {
  DURE_TRY(CheckAt(m.at));
  return CheckDatasets(m.datasets);
}
Status Check(const Declined& m) {
  DURE_TRY(CheckAt(m.at));
  return CheckCode(m.reason);
}
Status Check(const Submission& m) {
  DURE_TRY(CheckAt(m.at));
  if (m.weight > kWeightMax) return Malformed("a weight out of bounds");
  const bool told = m.tokens != 0 || m.steps != 0 || m.saturated_lanes != 0;
  if (m.weight == 0 && told) return Malformed("counts without a weight");
  const bool sound = !m.norm || (m.weight != 0 && *m.norm >= 0 && *m.norm <= 1e300);
  if (!sound) return Malformed("a norm that is none, or of a masked update");
  if (m.contribution.IsZero()) return Malformed("a submission without a contribution");
  if (m.envelope.empty()) return Malformed("a submission without an envelope");
  return CheckDatasets(m.datasets);
}
Status Check(const OutcomeAck& m) {
  DURE_TRY(CheckAt(m.at));
  return CheckEnum(m.derivation);
}
Status Check(const Withdraw& m) {
  DURE_TRY(CheckAt(m.at));
  return CheckCode(m.reason);
}
Status Check(const Leave&) { return {}; }
Status Check(const Join&) { return {}; }
Status Check(const Masked& m) {
  return m.message.empty() ? Malformed("an empty masking message") : Status();
}
Status Check(const SiteStatus& m) {
  DURE_TRY(CheckAt(m.at));
  if (!std::isfinite(m.loss) || !std::isfinite(m.tokens_per_second)) {
    return Malformed("a status that is not finite");
  }
  return CheckEnum(m.phase);
}

template <size_t I = 0>
bool ReadKind(Get& get, size_t kind, Message& out) {
  if constexpr (I < std::variant_size_v<Message>) {
    if (kind != I) return ReadKind<I + 1>(get, kind, out);
    get(out.template emplace<I>());
    return true;
  } else {
    return false;
  }
}

template <typename Of>
const RunId& RunIn(const Of& m) {
  if constexpr (requires { m.plan; }) {
    return m.plan.at.run;
  } else if constexpr (requires { m.at; }) {
    return m.at.run;
  } else {
    return m.run;
  }
}

template <typename E, size_t N>
std::string_view NameIn(const std::array<std::string_view, N>& names, E value) {
  const auto i = static_cast<size_t>(value);
  return i < N ? names[i] : "unknown";
}

}  // namespace

std::vector<OfferedDataset> VersionsOf(const std::vector<AdmittedDataset>& admitted) {
  std::vector<OfferedDataset> versions;
  for (const AdmittedDataset& one : admitted) versions.push_back({one.dataset, one.version});
  return versions;
}

std::string_view Name(RefusalReason reason) {
  constexpr std::array<std::string_view, 12> kNames = {"",
                                                       "late",
                                                       "not-in-cohort",
                                                       "blob-missing",
                                                       "blob-corrupt",
                                                       "not-signed",
                                                       "not-recorded",
                                                       "other-base",
                                                       "not-admitted",
                                                       "excluded",
                                                       "not-allowed",
                                                       "set-apart"};
  return NameIn(kNames, reason);
}
std::string_view Name(Derivation derivation) {
  constexpr std::array<std::string_view, 5> kNames = {"", "equal", "different", "failed",
                                                      "not-held"};
  return NameIn(kNames, derivation);
}
std::string_view Name(SitePhase phase) {
  constexpr std::array<std::string_view, 15> kNames = {
      "",          "idle",     "fetching",  "deciding", "ready",
      "training",  "encoding", "uploading", "signing",  "submitted",
      "receipted", "deriving", "dissent",   "left",     "ended"};
  return NameIn(kNames, phase);
}

std::string_view KindName(const Message& message) { return kKinds[message.index()]; }

const RunId& RunOf(const Message& message) {
  return std::visit([](const auto& m) -> const RunId& { return RunIn(m); }, message);
}

Status CheckMessage(const Message& message) {
  if (RunOf(message).empty()) return Malformed("names no run");
  return std::visit([](const auto& m) { return Check(m); }, message);
}

Bytes EncodeMessage(const Message& message) {
  Put put;
  put.One(static_cast<uint8_t>(message.index()));
  std::visit([&put](const auto& m) { put(m); }, message);
  return put.Take();
}

Result<Message> DecodeMessage(ByteView bytes) {
  if (bytes.size() > limits::kControlMessageBytesMax) return Fail(Malformed("too large").error());
  Get get(bytes);
  uint8_t kind = 0;
  get(kind);
  Message message;
  if (!get.ok() || !ReadKind(get, kind, message)) return Fail(Malformed("unknown kind").error());
  DURE_TRY(get.Done("round message"));
  DURE_TRY(CheckMessage(message));
  return message;
}

}  // namespace dure::round
