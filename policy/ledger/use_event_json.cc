// Datasets, decisions about their use, and what became of it.
#include <nlohmann/json.hpp>

#include "federation/limits.h"
#include "policy/ledger/event_fields.h"
#include "policy/ledger/policy_event_json.h"

namespace dure::ledger {
namespace {

using nlohmann::json;

constexpr uint64_t kPpm = 1'000'000;
constexpr size_t kDatasetsMax = 256;  // of one contribution

}  // namespace

void WriteDecided(const Digest& policies, uint64_t as_of, const std::string& decision, json& out) {
  out["policies"] = policies.Hex();
  out["asOf"] = as_of;
  out["decision"] = decision;
}
void ReadDecided(FieldReader& in, Digest& policies, uint64_t& as_of, std::string& decision) {
  policies = in.Hash("policies");
  as_of = in.Count("asOf");
  decision = in.Text("decision", kDecisionBytesMax);
}

void WriteDatasetsUsed(const std::vector<DatasetUsed>& used, json& out) {
  out = json::array();
  for (const DatasetUsed& one : used) {
    json item = {{"admission", one.admission}};
    WriteWhat(one.what, item);
    out.push_back(std::move(item));
  }
}
std::vector<DatasetUsed> ReadDatasetsUsed(FieldReader& in, const char* name) {
  std::vector<DatasetUsed> used;
  for (const JsonNode& item : in.Array(name, kDatasetsMax)) {
    FieldReader one(item, name);
    used.push_back({ReadWhat(one), one.Count("admission")});
    in.Join(one.error());
    const size_t last = used.size() - 1;
    if (last > 0 && !(used[last - 1].what.dataset < used[last].what.dataset)) {
      in.Blame(name, "is not ascending, each dataset once");
    }
  }
  return used;
}

void Write(const DatasetRegistered& e, json& out) {
  WriteWhat(e.what, out);
  out["site"] = e.site.str();
  out["passport"] = e.passport;
  out["terms"] = e.terms;
}
void Read(DatasetRegistered& e, FieldReader& in) {
  e.what = ReadWhat(in);
  e.site = in.Named<SiteId>("site");
  e.passport = in.Text("passport", kPassportBytesMax);
  e.terms = in.Text("terms", kTermsBytesMax);
}
Status FormOf(const DatasetRegistered& e) {
  if (e.what.version == 0) return Fail(ErrorCode::kInvalid, "a dataset's versions count from 1");
  DURE_TRY(Object(e.passport, "a dataset's passport"));
  return Object(e.terms, "a dataset's terms");
}
Subject About(const std::string&, const DatasetRegistered& e) {
  return {"dataset/" + e.what.dataset.str() + "/" + std::to_string(e.what.version),
          Sha256(AsBytes(e.terms))};
}

void Write(const DatasetWithdrawn& e, json& out) {
  out["dataset"] = e.dataset.str();
  out["ground"] = e.ground;
  out["scope"] = Name(e.scope);
  out["deadline"] = e.deadline;
  if (!e.reference.IsZero()) out["reference"] = e.reference.Hex();
}
void Read(DatasetWithdrawn& e, FieldReader& in) {
  e.dataset = in.Named<DatasetId>("dataset");
  e.ground = in.Code("ground");
  e.scope = ReadName(in, "scope", ParseWithdrawalScope);
  e.deadline = in.Text("deadline", 32);
  if (in.Has("reference")) e.reference = in.Hash("reference");
}
Status FormOf(const DatasetWithdrawn& e) { return Time(e.deadline, "a withdrawal's deadline"); }
Subject About(const std::string&, const DatasetWithdrawn& e) {
  return {"dataset/" + e.dataset.str(), Sha256(AsBytes(e.dataset.str()))};
}

void Write(const WithdrawalClosed& e, json& out) {
  out["withdrawal"] = e.withdrawal;
  out["evidence"] = e.evidence;
}
void Read(WithdrawalClosed& e, FieldReader& in) {
  e.withdrawal = in.Count("withdrawal");
  e.evidence = ReadIndexes(in, "evidence", kIndexesMax);
}
Status FormOf(const WithdrawalClosed& e) {
  return Rising(e.evidence, "the entries that close a withdrawal");
}
Subject About(const std::string&, const WithdrawalClosed& e) {
  const std::string name = Entry("entry", e.withdrawal);
  return {name, Sha256(AsBytes(name))};
}

void Write(const AdmissionDecided& e, json& out) {
  out["run"] = e.run.str();
  out["round"] = e.round.value;
  out["attempt"] = e.attempt;
  out["site"] = e.site.str();
  WriteWhat(e.what, out);
  out["admit"] = e.admit;
  WriteDecided(e.policies, e.as_of, e.decision, out);
}
void Read(AdmissionDecided& e, FieldReader& in) {
  e.run = in.Named<RunId>("run");
  e.round.value = in.Count("round");
  if (e.round.value > limits::kRoundsMax) in.Blame("round", "is beyond the last round");
  const uint64_t attempt = in.Count("attempt");
  if (attempt > UINT32_MAX) in.Blame("attempt", "is too large");
  e.attempt = static_cast<uint32_t>(attempt);
  e.site = in.Named<SiteId>("site");
  e.what = ReadWhat(in);
  e.admit = in.Flag("admit");
  ReadDecided(in, e.policies, e.as_of, e.decision);
}
Status FormOf(const AdmissionDecided& e) { return Object(e.decision, "a decision"); }
Subject About(const std::string&, const AdmissionDecided& e) {
  return {"admission/" + e.run.str() + "/" + std::to_string(e.round.value) + "/" +
              std::to_string(e.attempt) + "/" + e.what.dataset.str(),
          Sha256(AsBytes(e.decision))};
}

void Write(const GrantDecided& e, json& out) {
  out["kind"] = Name(e.kind);
  out["model"] = e.model.Hex();
  out["grantee"] = e.grantee.str();
  out["purpose"] = e.purpose;
  out["territory"] = e.territory;
  out["until"] = e.until;
  out["granted"] = e.granted;
  WriteDecided(e.policies, e.as_of, e.decision, out);
}
void Read(GrantDecided& e, FieldReader& in) {
  e.kind = ReadName(in, "kind", ParseUseKind);
  e.model = in.Hash("model");
  e.grantee = in.Named<MemberId>("grantee");
  e.purpose = in.Code("purpose");
  e.territory = in.Text("territory", 2);
  e.until = in.Text("until", 32);
  e.granted = in.Flag("granted");
  ReadDecided(in, e.policies, e.as_of, e.decision);
}
Status FormOf(const GrantDecided& e) {
  DURE_TRY(Country(e.territory, "a grant's territory"));
  if (!e.until.empty()) DURE_TRY(Time(e.until, "the end of a grant"));
  return Object(e.decision, "a decision");
}
Subject About(const std::string&, const GrantDecided& e) { return {"model", e.model}; }

void Write(const GrantRevoked& e, json& out) {
  out["grant"] = e.grant;
  out["reason"] = e.reason;
}
void Read(GrantRevoked& e, FieldReader& in) {
  e.grant = in.Count("grant");
  e.reason = in.Code("reason");
}
Status FormOf(const GrantRevoked&) { return {}; }
Subject About(const std::string&, const GrantRevoked& e) {
  const std::string name = Entry("entry", e.grant);
  return {name, Sha256(AsBytes(name))};
}

void Write(const ShareComputed& e, json& out) {
  out["run"] = e.run.str();
  out["formula"] = e.formula.Hex();
  out["asOf"] = e.as_of;
  out["seed"] = e.seed;
  out["shares"] = json::array();
  for (const ShareOfMember& share : e.shares) {
    out["shares"].push_back({{"member", share.member.str()},
                             {"sharePpm", share.share_ppm},
                             {"lowPpm", share.low_ppm},
                             {"highPpm", share.high_ppm}});
  }
}
void Read(ShareComputed& e, FieldReader& in) {
  e.run = in.Named<RunId>("run");
  e.formula = in.Hash("formula");
  e.as_of = in.Count("asOf");
  e.seed = in.Count("seed");
  for (const JsonNode& item : in.Array("shares", limits::kSitesMax)) {
    FieldReader one(item, "shares");
    ShareOfMember share;
    share.member = one.Named<MemberId>("member");
    share.share_ppm = one.Count("sharePpm");
    share.low_ppm = one.Count("lowPpm");
    share.high_ppm = one.Count("highPpm");
    in.Join(one.error());
    e.shares.push_back(std::move(share));
  }
}
Status FormOf(const ShareComputed& e) {
  uint64_t sum = 0;
  for (size_t i = 0; i < e.shares.size(); ++i) {
    const ShareOfMember& share = e.shares[i];
    const bool ordered = i == 0 || e.shares[i - 1].member < share.member;
    const bool inside = share.low_ppm <= share.share_ppm && share.share_ppm <= share.high_ppm &&
                        share.high_ppm <= kPpm;
    if (!ordered || !inside) {
      return Fail(ErrorCode::kInvalid, "a share is out of order or outside its interval");
    }
    sum += share.share_ppm;
  }
  if (sum != kPpm && !e.shares.empty()) {
    return Fail(ErrorCode::kInvalid, "the shares do not sum to a million");
  }
  return {};
}
Subject About(const std::string&, const ShareComputed& e) {
  return {"run/" + e.run.str(), e.formula};
}

void Write(const DisclosureExported& e, json& out) {
  out["kind"] = e.kind;
  out["templateVersion"] = e.template_version;
  out["subject"] = e.subject.Hex();
  out["file"] = e.file.Hex();
  out["asOf"] = e.as_of;
  if (!e.recipient.empty()) out["recipient"] = e.recipient;
}
void Read(DisclosureExported& e, FieldReader& in) {
  e.kind = in.Code("kind");
  e.template_version = in.Code("templateVersion");
  e.subject = in.Hash("subject");
  e.file = in.Hash("file");
  e.as_of = in.Count("asOf");
  if (in.Has("recipient")) e.recipient = in.Code("recipient");
}
Status FormOf(const DisclosureExported&) { return {}; }
Subject About(const std::string&, const DisclosureExported& e) { return {"file", e.file}; }

void Write(const ConsentGiven& e, json& out) {
  out["dataset"] = e.dataset.str();
  out["run"] = e.run.str();
  out["kind"] = Name(e.kind);
  out["purpose"] = e.purpose;
  out["model"] = e.model.Hex();
  if (!e.grantee.empty()) out["grantee"] = e.grantee.str();
  if (e.standing) out["standing"] = true;
}
void Read(ConsentGiven& e, FieldReader& in) {
  e.dataset = in.Named<DatasetId>("dataset");
  const std::string run = in.Text("run", limits::kNameBytesMax);
  if (!run.empty()) e.run = in.Named<RunId>("run");
  e.kind = ReadName(in, "kind", ParseUseKind);
  e.purpose = in.Code("purpose", true);
  e.model = in.Hash("model");
  if (in.Has("grantee")) e.grantee = in.Named<MemberId>("grantee");
  if (in.Has("standing")) e.standing = in.Flag("standing");
}
Status FormOf(const ConsentGiven& e) {
  const bool of_run = e.purpose.empty() && e.model.IsZero() && e.grantee.empty() && !e.standing;
  if (e.run.empty() ? !e.purpose.empty() : of_run) return {};
  return Fail(ErrorCode::kInvalid, "a consent names a run, or a purpose, and not both");
}
Subject About(const std::string&, const ConsentGiven& e) {
  return {"dataset/" + e.dataset.str(), Sha256(AsBytes(e.dataset.str()))};
}

}  // namespace dure::ledger
