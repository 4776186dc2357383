#include "policy/ledger/event_json.h"

#include <algorithm>
#include <cmath>
#include <nlohmann/json.hpp>
#include <set>

#include "federation/limits.h"
#include "policy/ledger/event_fields.h"
#include "policy/ledger/note.h"
#include "policy/ledger/policy_event_json.h"

namespace dure::ledger {
namespace {

using nlohmann::json;

constexpr size_t kMergeBytesMax = 64;
// Of one contribution: 34,000 years of one accelerator.
constexpr uint64_t kAcceleratorSecondsMax = uint64_t{1} << 40;

void WriteAttempt(const RoundAttempt& at, json& out) {
  out["run"] = at.run.str();
  out["round"] = at.round.value;
  out["attempt"] = at.attempt;
}

RoundAttempt ReadAttempt(FieldReader& in) {
  RoundAttempt at;
  at.run = in.Named<RunId>("run");
  at.round.value = in.Count("round");
  if (at.round.value > limits::kRoundsMax) in.Blame("round", "is beyond the last round");
  const uint64_t attempt = in.Count("attempt");
  if (attempt > UINT32_MAX) in.Blame("attempt", "is too large");
  at.attempt = static_cast<uint32_t>(attempt);
  return at;
}

void Write(const ConsortiumGenesis& e, json& out) {
  out["logVkey"] = e.log_vkey;
  out["caFingerprint"] = e.ca_fingerprint.Hex();
  out["aggregatorKey"] = ToHex(e.aggregator_key);
}
void Read(ConsortiumGenesis& e, FieldReader& in) {
  e.log_vkey = in.Text("logVkey", 512);
  e.ca_fingerprint = in.Hash("caFingerprint");
  e.aggregator_key = in.Key("aggregatorKey");
}

void Write(const MemberAdmitted& e, json& out) {
  out["member"] = e.member.str();
  out["site"] = e.site.str();
  out["role"] = Name(e.role);
  out["key"] = ToHex(e.key);
}
void Read(MemberAdmitted& e, FieldReader& in) {
  e.member = in.Named<MemberId>("member");
  e.site = in.Named<SiteId>("site");
  const Result<Role> role = ParseRole(in.View("role", 32));
  if (!role) in.Blame("role", "is not a role");
  e.role = role.value_or(Role::kSite);
  e.key = in.Key("key");
}

void Write(const KeyRevoked& e, json& out) {
  out["member"] = e.member.str();
  out["key"] = ToHex(e.key);
  out["reason"] = e.reason;
}
void Read(KeyRevoked& e, FieldReader& in) {
  e.member = in.Named<MemberId>("member");
  e.key = in.Key("key");
  e.reason = in.Code("reason");
}

void Write(const RoundOpened& e, json& out) {
  WriteAttempt(e.at, out);
  out["baseModel"] = e.base_model.Hex();
  out["cohort"] = json::array();
  for (const SiteId& site : e.cohort) out["cohort"].push_back(site.str());
}
void Read(RoundOpened& e, FieldReader& in) {
  e.at = ReadAttempt(in);
  e.base_model = in.Hash("baseModel");
  e.cohort = ReadSites(in, "cohort");
}

void Write(const ContributionSubmitted& e, json& out) {
  WriteAttempt(e.at, out);
  out["site"] = e.site.str();
  out["baseModel"] = e.base_model.Hex();
  out["contribution"] = e.contribution.Hex();
  if (e.masked()) {
    out["masked"] = true;
  } else {
    out["weight"] = e.weight;
    out["tokens"] = e.tokens;
    out["steps"] = e.steps;
    out["saturatedLanes"] = e.saturated_lanes;
  }
  if (e.accelerator_seconds > 0) out["acceleratorSeconds"] = e.accelerator_seconds;
  if (e.norm) out["norm"] = *e.norm;
  out["code"] = e.code.Hex();
  WriteDatasetsUsed(e.datasets, out["datasets"]);
}
void Read(ContributionSubmitted& e, FieldReader& in) {
  e.at = ReadAttempt(in);
  e.site = in.Named<SiteId>("site");
  e.base_model = in.Hash("baseModel");
  e.contribution = in.Hash("contribution");
  if (in.Has("masked")) {
    if (!in.Flag("masked")) in.Blame("masked", "is there and not true");
  } else {
    e.weight = in.Count("weight");
    e.tokens = in.Count("tokens");
    e.steps = in.Count("steps");
    e.saturated_lanes = in.Count("saturatedLanes");
    if (e.weight == 0) in.Blame("weight", "is 0, and nothing says that it is masked");
    if (in.Has("norm")) e.norm = in.Finite("norm");
  }
  if (in.Has("acceleratorSeconds")) {
    e.accelerator_seconds = in.Count("acceleratorSeconds");
    if (e.accelerator_seconds == 0) in.Blame("acceleratorSeconds", "is there and 0");
  }
  e.code = in.Hash("code");
  e.datasets = ReadDatasetsUsed(in, "datasets");
}

void Write(const ContributionReceipted& e, json& out) {
  WriteAttempt(e.at, out);
  out["submission"] = e.submission;
  out["submissionLeaf"] = e.submission_leaf.Hex();
  out["accepted"] = e.accepted;
  out["reason"] = e.reason;
}
void Read(ContributionReceipted& e, FieldReader& in) {
  e.at = ReadAttempt(in);
  e.submission = in.Count("submission");
  e.submission_leaf = in.Hash("submissionLeaf");
  e.accepted = in.Flag("accepted");
  e.reason = in.Code("reason", true);
}

MaskedSums ReadSums(FieldReader& in) {
  FieldReader of(in.Object("sums"), "sums");
  MaskedSums sums{.weight = of.Count("weight"),
                  .tokens = of.Count("tokens"),
                  .steps = of.Count("steps"),
                  .saturated_lanes = of.Count("saturatedLanes")};
  in.Join(of.error());
  return sums;
}
void Write(const RoundClosed& e, json& out) {
  WriteAttempt(e.at, out);
  out["submissions"] = json::array();
  for (const CountedSubmission& s : e.submissions) {
    out["submissions"].push_back({{"index", s.submission}, {"site", s.site.str()}});
    if (!e.sums) out["submissions"].back()["weight"] = s.weight;
    if (s.share) out["submissions"].back()["share"] = *s.share;
  }
  if (e.sums) {
    out["sums"] = {{"weight", e.sums->weight},
                   {"tokens", e.sums->tokens},
                   {"steps", e.sums->steps},
                   {"saturatedLanes", e.sums->saturated_lanes}};
  }
  if (!e.merge.empty()) out["merge"] = e.merge;
  out["excluded"] = json::array();
  for (const ExcludedSite& s : e.excluded) {
    out["excluded"].push_back({{"site", s.site.str()}, {"reason", s.reason}});
  }
  out["aggregate"] = e.aggregate.Hex();
  out["model"] = e.model.Hex();
  out["momentum"] = e.momentum.Hex();
  out["scales"] = e.scales.Hex();
}
void Read(RoundClosed& e, FieldReader& in) {
  e.at = ReadAttempt(in);
  if (in.Has("sums")) e.sums = ReadSums(in);
  for (const JsonNode& item : in.Array("submissions", limits::kSitesMax)) {
    FieldReader one(item, "submission");
    CountedSubmission s;
    s.submission = one.Count("index");
    s.site = one.Named<SiteId>("site");
    if (!e.sums) s.weight = one.Count("weight");
    if (one.Has("share")) s.share = one.Count("share");
    in.Join(one.error());
    e.submissions.push_back(std::move(s));
  }
  for (const JsonNode& item : in.Array("excluded", limits::kSitesMax)) {
    FieldReader one(item, "excluded");
    ExcludedSite s;
    s.site = one.Named<SiteId>("site");
    s.reason = one.Code("reason");
    in.Join(one.error());
    e.excluded.push_back(std::move(s));
  }
  if (in.Has("merge")) e.merge = in.Text("merge", kMergeBytesMax);
  e.aggregate = in.Hash("aggregate");
  e.model = in.Hash("model");
  e.momentum = in.Hash("momentum");
  e.scales = in.Hash("scales");
}

void Write(const RoundAbandoned& e, json& out) {
  WriteAttempt(e.at, out);
  out["baseModel"] = e.base_model.Hex();
  out["reason"] = e.reason;
}
void Read(RoundAbandoned& e, FieldReader& in) {
  e.at = ReadAttempt(in);
  e.base_model = in.Hash("baseModel");
  e.reason = in.Code("reason");
}

template <size_t I = 0>
Event ReadAs(size_t index, FieldReader& in) {
  if constexpr (I + 1 < kEventTypes) {
    if (index != I) return ReadAs<I + 1>(index, in);
  }
  std::variant_alternative_t<I, Event> event;
  Read(event, in);
  return event;
}

bool AllDistinct(std::vector<std::string> names) {
  std::sort(names.begin(), names.end());
  return std::adjacent_find(names.begin(), names.end()) == names.end();
}

Status FormOf(const ConsortiumGenesis& e) {
  DURE_TRY(NoteKey::Parse(e.log_vkey).map([](const NoteKey&) {}));
  return {};
}
Status FormOf(const RoundOpened& e) {
  std::vector<std::string> sites;
  for (const SiteId& site : e.cohort) sites.push_back(site.str());
  if (!AllDistinct(sites)) return Fail(ErrorCode::kInvalid, "a cohort names a site twice");
  return {};
}
Status FormOf(const ContributionSubmitted& e) {
  if (e.norm && (*e.norm < 0 || e.masked())) {
    return Fail(ErrorCode::kInvalid, "a norm is 0 or more, and of an update that is not masked");
  }
  const bool told = e.accelerator_seconds > 0;
  if (told && (e.masked() || e.accelerator_seconds > kAcceleratorSecondsMax)) {
    return Fail(ErrorCode::kInvalid,
                "accelerator-seconds are 2^40 at most, and of an update that is not masked");
  }
  return {};
}
Status FormOf(const ContributionReceipted& e) {
  if (e.accepted != e.reason.empty()) {
    return Fail(ErrorCode::kInvalid,
                "a receipt has a reason exactly when the submission was refused");
  }
  return {};
}
Status FormOf(const RoundClosed& e) {
  std::vector<std::string> sites;
  std::vector<std::string> indexes;
  for (const CountedSubmission& s : e.submissions) {
    sites.push_back(s.site.str());
    indexes.push_back(std::to_string(s.submission));
  }
  for (const ExcludedSite& s : e.excluded) sites.push_back(s.site.str());
  if (!AllDistinct(sites) || !AllDistinct(indexes)) {
    return Fail(ErrorCode::kInvalid, "a closed round counts a site or a submission twice");
  }
  const auto shared = std::count_if(e.submissions.begin(), e.submissions.end(),
                                    [](const CountedSubmission& s) { return s.share.has_value(); });
  const bool some = shared != 0;
  if (some && (e.merge.empty() || e.sums || shared != std::ssize(e.submissions))) {
    return Fail(
        ErrorCode::kInvalid,
        "a closed round gives shares to some of its submissions, or names no rule for them");
  }
  return {};
}
template <typename Any>
Status FormOf(const Any&) {
  return {};
}

std::string AttemptName(std::string_view what, const RoundAttempt& at) {
  return std::string(what) + "/" + at.run.str() + "/" + std::to_string(at.round.value) + "/" +
         std::to_string(at.attempt);
}

Subject About(const std::string& origin, const ConsortiumGenesis& e) {
  return {origin, e.ca_fingerprint};
}
Subject About(const std::string&, const MemberAdmitted& e) {
  return {"key/" + e.member.str() + "/" + e.site.str(), Sha256(e.key)};
}
Subject About(const std::string&, const KeyRevoked& e) {
  return {"key/" + e.member.str(), Sha256(e.key)};
}
Subject About(const std::string&, const RoundOpened& e) {
  return {AttemptName("base", e.at), e.base_model};
}
Subject About(const std::string&, const ContributionSubmitted& e) {
  return {AttemptName("contribution", e.at) + "/" + e.site.str(), e.contribution};
}
Subject About(const std::string&, const ContributionReceipted& e) {
  return {"entry/" + std::to_string(e.submission), e.submission_leaf};
}
Subject About(const std::string&, const RoundClosed& e) {
  return {AttemptName("model", e.at), e.model};
}
Subject About(const std::string&, const RoundAbandoned& e) {
  return {AttemptName("base", e.at), e.base_model};
}

}  // namespace

void WriteEvent(const Event& event, json& predicate) {
  std::visit([&](const auto& e) { Write(e, predicate); }, event);
}

Event ReadEvent(EventType type, FieldReader& reader) {
  return ReadAs(static_cast<size_t>(type), reader);
}

Status CheckForm(const Event& event) {
  return std::visit([](const auto& e) { return FormOf(e); }, event);
}

Subject SubjectOf(const Record& record) {
  return std::visit([&](const auto& e) { return About(record.federation, e); }, record.event);
}

}  // namespace dure::ledger
