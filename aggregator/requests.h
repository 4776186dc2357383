// Requests: what people and sites ask the aggregator in JSON, read into values. Total: any text is
// a request or kInvalid, never a throw. Pure; whether the asker may is decided in verbs.cc.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "federation/bytes.h"
#include "federation/clock.h"
#include "federation/digest.h"
#include "federation/round/plan.h"
#include "policy/ledger/policy_events.h"

namespace dure::aggregator {

// {"manifest": base64 of its canonical bytes, "invited": [site…]}
struct StartRequest {
  round::RunManifest manifest;
  std::vector<SiteId> invited;  // sorted
};
Result<StartRequest> ParseStart(std::string_view json);

// {"run": name, "after_round": true?}; run.show and run.resume read only the name.
struct RunRequest {
  std::string run;
  bool after_round = false;
};
Result<RunRequest> ParseRun(std::string_view json);

// {"run": name, "model": hex?, "sites": [site…]?}
struct EvaluateRequest {
  std::string run;
  std::optional<Digest> model;  // else the run's newest
  std::vector<SiteId> sites;    // sorted; empty: all that are invited
};
Result<EvaluateRequest> ParseEvaluate(std::string_view json);

// {"id": n}; an id that is missing is 0, which no evaluation has.
Result<uint64_t> ParseEvaluationId(std::string_view json);

// {"id": n, "envelope": base64} or {"id": n, "error": text}
struct EvaluationReport {
  uint64_t id = 0;
  std::optional<std::string> error;  // never empty, at most 500 bytes
  Bytes envelope;                    // empty when there is an error
};
Result<EvaluationReport> ParseReport(std::string_view json);

// {"id": n, "datasets": [{"dataset", "version"}…]}: on what a site would measure; ascending, at
// most 256.
struct MeasuringAsked {
  uint64_t id = 0;
  std::vector<ledger::DatasetVersion> datasets;
};
Result<MeasuringAsked> ParseMeasuring(std::string_view json);

// {"order": base64 of a signed revocation order}
Result<Bytes> ParseRevocation(std::string_view json);

// {"envelope": base64}: an entry that its sender sealed
Result<Bytes> ParseAppend(std::string_view json);

// {"size": n, "line": a C2SP cosignature line over the head of that size}
struct CosignatureSaid {
  uint64_t size = 0;
  std::string line;
};
Result<CosignatureSaid> ParseCosignature(std::string_view json);

// {"note": the signed head that a site holds, "time": what its clock shows, if it trusts it}
struct HeldShown {
  std::string note;
  std::optional<WallTime> time;
};
Result<HeldShown> ParseHeld(std::string_view json);

// {"index": n, "entry": base64}: an entry that was asked for, from a site's copy
struct SpareGiven {
  uint64_t index = 0;
  Bytes entry;
};
Result<SpareGiven> ParseSpare(std::string_view json);

// {"kind": "export", "model": hex, "purpose": code, "territory": "KR", "until": RFC 3339?}
struct GrantAsked {
  ledger::UseKind kind = ledger::UseKind::kExport;
  Digest model;
  std::string purpose;
  std::string territory;
  std::string until;  // empty: as long as the terms allow
};
Result<GrantAsked> ParseGrant(std::string_view json);

// {"run": name} or {"evaluations": true}
struct WatchRequest {
  std::string run;
  bool evaluations = false;
};
// Text that is no request asks for the run with no name, which is refused as unknown.
WatchRequest ParseWatch(std::string_view json);

}  // namespace dure::aggregator
