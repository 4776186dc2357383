// Incidents, duties done, and what a round would have come to without some.
#include <algorithm>
#include <nlohmann/json.hpp>

#include "federation/limits.h"
#include "policy/ledger/event_fields.h"
#include "policy/ledger/policy_event_json.h"

namespace dure::ledger {
namespace {

using nlohmann::json;

constexpr size_t kCoalitionsMax = 256;

Subject OfEntry(uint64_t index) {
  const std::string name = Entry("entry", index);
  return {name, Sha256(AsBytes(name))};
}

}  // namespace

void Write(const IncidentReported& e, json& out) {
  out["kind"] = Name(e.kind);
  out["subject"] = e.subject;
  out["entries"] = e.entries;
  out["report"] = e.report.Hex();
}
void Read(IncidentReported& e, FieldReader& in) {
  e.kind = ReadName(in, "kind", ParseIncidentKind);
  e.subject = in.Code("subject", true);
  e.entries = ReadIndexes(in, "entries", kIndexesMax);
  e.report = in.Hash("report");
}
Status FormOf(const IncidentReported& e) {
  return Rising(e.entries, "the entries that show an incident");
}
Subject About(const std::string&, const IncidentReported& e) {
  return {"incident/" + std::string(Name(e.kind)), Sha256(AsBytes(e.subject))};
}

void Write(const IncidentClosed& e, json& out) {
  out["incident"] = e.incident;
  out["cause"] = e.cause;
  out["evidence"] = e.evidence;
}
void Read(IncidentClosed& e, FieldReader& in) {
  e.incident = in.Count("incident");
  e.cause = in.Code("cause");
  e.evidence = ReadIndexes(in, "evidence", kIndexesMax);
}
Status FormOf(const IncidentClosed& e) {
  return Rising(e.evidence, "the entries that close an incident");
}
Subject About(const std::string&, const IncidentClosed& e) { return OfEntry(e.incident); }

void Write(const DutyFulfilled& e, json& out) {
  out["decision"] = e.decision;
  out["duty"] = e.duty;
  out["evidence"] = e.evidence.Hex();
}
void Read(DutyFulfilled& e, FieldReader& in) {
  e.decision = in.Count("decision");
  e.duty = in.Count("duty");
  e.evidence = in.Hash("evidence");
}
Status FormOf(const DutyFulfilled&) { return {}; }
Subject About(const std::string&, const DutyFulfilled& e) { return OfEntry(e.decision); }

void Write(const CoalitionsMade& e, json& out) {
  out["closing"] = e.closing;
  out["kind"] = Name(e.kind);
  out["coalitions"] = json::array();
  for (const Coalition& one : e.coalitions) {
    out["coalitions"].push_back({{"of", one.of}, {"model", one.model.Hex()}});
  }
}
void Read(CoalitionsMade& e, FieldReader& in) {
  e.closing = in.Count("closing");
  e.kind = ReadName(in, "kind", ParseCoalitionKind);
  for (const JsonNode& item : in.Array("coalitions", kCoalitionsMax)) {
    FieldReader one(item, "coalitions");
    Coalition coalition;
    for (const JsonNode& name : one.Array("of", limits::kSitesMax)) {
      if (!IsCode(name.text)) one.Blame("of", "holds something that is no name");
      coalition.of.emplace_back(name.text);
    }
    coalition.model = one.Hash("model");
    in.Join(one.error());
    e.coalitions.push_back(std::move(coalition));
  }
}
Status FormOf(const CoalitionsMade& e) {
  for (const Coalition& one : e.coalitions) {
    const bool rising = std::ranges::adjacent_find(one.of, std::greater_equal<>()) == one.of.end();
    if (one.of.empty() || !rising) {
      return Fail(ErrorCode::kInvalid, "a coalition is empty, or not ascending, each once");
    }
  }
  return {};
}
Subject About(const std::string&, const CoalitionsMade& e) { return OfEntry(e.closing); }

}  // namespace dure::ledger
