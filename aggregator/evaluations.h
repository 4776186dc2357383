// Evaluations: who was asked to measure which model on its own held-out text, and what it answered.
//
// The answers are entries that each site signs; this is only the list of what is still open. On the
// loop.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "aggregator/deliberation.h"
#include "aggregator/record.h"
#include "aggregator/requests.h"
#include "federation/digest.h"
#include "federation/loop/loop.h"
#include "federation/round/plan.h"
#include "federation/transport/server.h"

namespace dure::aggregator {

class Evaluations {
 public:
  Evaluations(loop::EventLoop& loop, Record& record, Deliberation& deliberation,
              identity::IssuingAuthority& authority);
  ~Evaluations();

  // Asks `sites` to evaluate `model` under the run's configuration and tokenizer. Returns the
  // evaluation's id. A site that is revoked has failed at once.
  uint64_t Ask(const round::RunManifest& manifest, const Digest& model,
               const std::vector<SiteId>& sites);
  // A site's standing line for requests; what is open for it is sent at once.
  void Listen(const SiteId& site, std::shared_ptr<transport::Watcher> watcher);
  // What the site that was asked may measure on, decided on the record. Answer: {"known": false},
  // or
  // {"known": true, "decided": [{dataset, version, admit, entry, reason}]}.
  void Decide(const SiteId& site, const std::string& json, transport::JsonReply reply);
  // {"id":…, "envelope": base64} or {"id":…, "error": text}; `reply` when the entry is durable.
  void Report(const SiteId& site, const std::string& json, transport::JsonReply reply);
  // {"id", "model", "pending": [...], "results": [{site, nats, tokens, bytes, index, sequences,
  // low, high, datasets: [{dataset, version}]} | {site, error}]}; low and high where there are
  // such.
  Result<std::string> Show(uint64_t id) const;

 private:
  struct Answer {
    std::string error;
    double nats = 0;
    uint64_t tokens = 0;
    uint64_t bytes = 0;
    uint64_t index = 0;
    std::optional<ledger::MeasuredOn> on = {};
  };
  struct Evaluation {
    RunId run;
    Bytes manifest;
    Digest model;
    std::set<SiteId> pending;
    std::map<SiteId, Answer> answers;
  };
  struct Deciding;
  std::set<SiteId> RevokedSites() const;
  void DecideNext(const std::shared_ptr<Deciding>& deciding);
  std::string RequestLine(uint64_t id, const Evaluation& evaluation) const;
  void Settle(uint64_t id, const SiteId& site, Answer answer);

  loop::EventLoop& loop_;
  Record& record_;
  Deliberation& deliberation_;
  identity::IssuingAuthority& authority_;
  Ed25519Verifier verifier_;
  uint64_t next_id_;  // begins at the time of the start: a site may still hold an older id
  std::map<uint64_t, Evaluation> evaluations_;
  std::map<SiteId, std::shared_ptr<transport::Watcher>> listeners_;
  std::shared_ptr<bool> alive_ = std::make_shared<bool>(true);
};

}  // namespace dure::aggregator
