// What may be measured on what, and what was.
#include <nlohmann/json.hpp>

#include "policy/ledger/event_fields.h"
#include "policy/ledger/policy_event_json.h"

namespace dure::ledger {
namespace {

using nlohmann::json;

void WriteOn(const MeasuredOn& on, json& out) {
  out["run"] = on.run.str();
  WriteDatasetsUsed(on.datasets, out["datasets"]);
  out["sequences"] = on.sequences;
  out["code"] = on.code.Hex();
  if (!on.interval) return;
  out["interval"] = {{"low", on.interval->low},
                     {"high", on.interval->high},
                     {"draws", on.interval->draws},
                     {"seed", on.interval->seed}};
}

Interval ReadInterval(FieldReader& in) {
  FieldReader of(in.Object("interval"), "interval");
  Interval interval{.low = of.Finite("low"),
                    .high = of.Finite("high"),
                    .draws = of.Count("draws"),
                    .seed = of.Count("seed")};
  in.Join(of.error());
  return interval;
}

MeasuredOn ReadOn(FieldReader& in) {
  MeasuredOn on;
  on.run = in.Named<RunId>("run");
  on.datasets = ReadDatasetsUsed(in, "datasets");
  on.sequences = in.Count("sequences");
  on.code = in.Hash("code");
  if (in.Has("interval")) on.interval = ReadInterval(in);
  return on;
}

}  // namespace

void Write(const EvaluationDecided& e, json& out) {
  out["run"] = e.run.str();
  out["model"] = e.model.Hex();
  out["site"] = e.site.str();
  WriteWhat(e.what, out);
  out["admit"] = e.admit;
  WriteDecided(e.policies, e.as_of, e.decision, out);
}
void Read(EvaluationDecided& e, FieldReader& in) {
  e.run = in.Named<RunId>("run");
  e.model = in.Hash("model");
  e.site = in.Named<SiteId>("site");
  e.what = ReadWhat(in);
  e.admit = in.Flag("admit");
  ReadDecided(in, e.policies, e.as_of, e.decision);
}
Status FormOf(const EvaluationDecided& e) { return Object(e.decision, "a decision"); }
Subject About(const std::string&, const EvaluationDecided& e) { return {"model", e.model}; }

void Write(const EvaluationReported& e, json& out) {
  out["model"] = e.model.Hex();
  out["site"] = e.site.str();
  out["nll"] = e.nll;
  out["bytes"] = e.bytes;
  out["tokens"] = e.tokens;
  if (e.on) WriteOn(*e.on, out);
}
void Read(EvaluationReported& e, FieldReader& in) {
  e.model = in.Hash("model");
  e.site = in.Named<SiteId>("site");
  e.nll = in.Finite("nll");
  e.bytes = in.Count("bytes");
  e.tokens = in.Count("tokens");
  if (in.Has("datasets")) e.on = ReadOn(in);
}
Status FormOf(const EvaluationReported& e) {
  if (!e.on) return {};
  if (e.on->datasets.empty()) {
    return Fail(ErrorCode::kInvalid, "a figure is of one dataset at least");
  }
  if (!e.on->interval) return {};
  const Interval& interval = *e.on->interval;
  const bool lies = interval.low >= 0 && interval.low <= interval.high;
  if (lies && interval.draws > 0 && e.on->sequences > 0) return {};
  return Fail(ErrorCode::kInvalid, "an interval has a lower end, then a higher, and was drawn");
}
Subject About(const std::string&, const EvaluationReported& e) { return {"model", e.model}; }

}  // namespace dure::ledger
