#include "aggregator/evaluations.h"

#include <nlohmann/json.hpp>

#include "aggregator/requests.h"
#include "federation/crash_point.h"
#include "federation/transport/json_fields.h"
#include "policy/ledger/events.h"

namespace dure::aggregator {

using nlohmann::json;
using transport::JsonLine;

namespace {

constexpr size_t kEvaluationsKept =
    256;  // older ones are in the log; this list is only for whoever waits

void AddOn(const ledger::MeasuredOn& on, json& result) {
  result["sequences"] = on.sequences;
  if (on.interval) result.update({{"low", on.interval->low}, {"high", on.interval->high}});
  result["datasets"] = json::array();
  for (const ledger::DatasetUsed& used : on.datasets) {
    result["datasets"].push_back(
        {{"dataset", used.what.dataset.str()}, {"version", used.what.version}});
  }
}

}  // namespace

Evaluations::Evaluations(loop::EventLoop& loop, Record& record, Deliberation& deliberation,
                         identity::IssuingAuthority& authority)
    : loop_(loop),
      record_(record),
      deliberation_(deliberation),
      authority_(authority),
      next_id_(static_cast<uint64_t>(loop.WallNow().time_since_epoch().count())) {}

Evaluations::~Evaluations() { *alive_ = false; }

std::string Evaluations::RequestLine(uint64_t id, const Evaluation& evaluation) const {
  return JsonLine({{"evaluate",
                    {{"id", id},
                     {"run", evaluation.run.str()},
                     {"model", evaluation.model.Hex()},
                     {"decides", true},
                     {"manifest", ToBase64(evaluation.manifest)}}}});
}

std::set<SiteId> Evaluations::RevokedSites() const {
  const auto revocations = authority_.revocations();
  std::set<SiteId> revoked;
  for (const identity::Seat& seat : authority_.Seats()) {
    if (seat.subject.role != identity::Role::kMember) continue;
    const bool ended =
        revocations->Find(identity::PeerOf(seat)) != nullptr || record_.KeyEnded(seat);
    if (ended) revoked.insert(seat.subject.site);
  }
  return revoked;
}

uint64_t Evaluations::Ask(const round::RunManifest& manifest, const Digest& model,
                          const std::vector<SiteId>& sites) {
  const uint64_t id = next_id_++;
  Evaluation& evaluation = evaluations_[id];
  evaluation = {manifest.run, manifest.Canonical(), model, {sites.begin(), sites.end()}, {}};
  const std::set<SiteId> revoked = RevokedSites();
  for (const SiteId& site : sites) {
    // It will not come, and whoever asked would wait for it.
    if (revoked.contains(site)) {
      evaluation.pending.erase(site);
      evaluation.answers[site].error = "revoked";
      continue;
    }
    const auto listener = listeners_.find(site);
    if (listener != listeners_.end()) (void)listener->second->Send(RequestLine(id, evaluation));
  }
  if (evaluations_.size() > kEvaluationsKept) evaluations_.erase(evaluations_.begin());
  return id;
}

void Evaluations::Listen(const SiteId& site, std::shared_ptr<transport::Watcher> watcher) {
  std::shared_ptr<transport::Watcher>& listener = listeners_[site];
  if (listener) listener->Close({});
  listener = std::move(watcher);
  for (const auto& [id, evaluation] : evaluations_) {
    if (evaluation.pending.contains(site)) (void)listener->Send(RequestLine(id, evaluation));
  }
}

// One site's question, and what is decided of it so far.
struct Evaluations::Deciding {
  RunId run;
  Digest model;
  SiteId site;
  std::vector<ledger::DatasetVersion> datasets;
  json decided = json::array();
  transport::JsonReply reply;
};

void Evaluations::Decide(const SiteId& site, const std::string& text, transport::JsonReply reply) {
  auto asked = ParseMeasuring(text);
  if (!asked) return reply(Fail(asked.error()));
  const auto found = evaluations_.find(asked->id);
  if (found == evaluations_.end() || !found->second.pending.contains(site)) {
    return reply(std::string("{\"known\":false}"));
  }
  auto deciding = std::make_shared<Deciding>();
  *deciding = {found->second.run,          found->second.model, site,
               std::move(asked->datasets), json::array(),       std::move(reply)};
  DecideNext(deciding);
}

void Evaluations::DecideNext(const std::shared_ptr<Deciding>& deciding) {
  const size_t done = deciding->decided.size();
  if (done == deciding->datasets.size()) {
    return deciding->reply(JsonLine({{"known", true}, {"decided", deciding->decided}}));
  }
  const ledger::DatasetVersion what = deciding->datasets[done];
  deliberation_.Measure(
      {deciding->run, deciding->model, deciding->site, what, {}},
      [this, alive = alive_, deciding, what](Result<Deliberation::Admitted> admitted) {
        if (!*alive) return;
        if (!admitted) return deciding->reply(Fail(std::move(admitted.error())));
        deciding->decided.push_back({{"dataset", what.dataset.str()},
                                     {"version", what.version},
                                     {"admit", admitted->admit},
                                     {"entry", admitted->index},
                                     {"reason", admitted->reason}});
        DecideNext(deciding);
      });
}

void Evaluations::Report(const SiteId& site, const std::string& text, transport::JsonReply reply) {
  const auto report = ParseReport(text);
  if (!report) return reply(Fail(report.error()));
  const uint64_t id = report->id;
  const auto found = evaluations_.find(id);
  if (found == evaluations_.end() || !found->second.pending.contains(site)) {
    reply(std::string("{\"known\":false}"));  // asked before a restart, or answered already
    return;
  }
  if (report->error) {
    Answer answer;
    answer.error = *report->error;
    Settle(id, site, std::move(answer));
    reply(std::string("{\"known\":true}"));
    return;
  }
  const auto opened = ledger::OpenEntry(report->envelope, verifier_);
  const auto seat = authority_.FindSeat(identity::Role::kMember, site);
  const auto* said =
      opened ? std::get_if<ledger::EvaluationReported>(&opened->record.event) : nullptr;
  if (said == nullptr || !seat || opened->record.actor.key != seat->signing_key ||
      said->site != site || said->model != found->second.model) {
    reply(Fail(ErrorCode::kInvalid,
               "the report is not this site's signed statement about this model"));
    return;
  }
  const std::string key = "evaluation/" + opened->leaf.Hex();
  // What the record does not let stand is not written into it, and whoever asked is told why.
  std::optional<standing::Finding> finding;
  if (!record_.log().Find(key)) {
    const Status looked = deliberation_.WithStanding(
        [&](const standing::Standing& now) { finding = now.Check(*opened); });
    if (!looked) return reply(Fail(looked.error()));
  }
  if (finding) {
    const std::string why = finding->rule + ": " + finding->text;
    Settle(id, site, {.error = why});
    return reply(Fail(ErrorCode::kFailedPrecondition, why));
  }
  const Answer answer{"", said->nll, said->tokens, said->bytes, 0, said->on};
  record_.AppendEnvelope(
      report->envelope, key,
      [this, &loop = loop_, alive = alive_, id, site, answer,
       reply](Result<ledger::Appended> done) {
        loop.Post([this, alive, id, site, answer, reply, done = std::move(done)]() mutable {
          if (!*alive) return;
          CrashPoint("aggregator.evaluation-appended");
          if (!done) {
            reply(Fail(std::move(done.error())));
            return;
          }
          Answer settled = answer;
          settled.index = done->receipt.index;
          Settle(id, site, settled);
          reply(JsonLine({{"known", true}, {"index", settled.index}}));
        });
      });
}

void Evaluations::Settle(uint64_t id, const SiteId& site, Answer answer) {
  const auto found = evaluations_.find(id);
  if (found == evaluations_.end()) return;
  found->second.pending.erase(site);
  found->second.answers[site] = std::move(answer);
}

Result<std::string> Evaluations::Show(uint64_t id) const {
  const auto found = evaluations_.find(id);
  if (found == evaluations_.end())
    return Fail(ErrorCode::kNotFound, "no evaluation " + std::to_string(id));
  json pending = json::array();
  for (const SiteId& site : found->second.pending) pending.push_back(site.str());
  json results = json::array();
  for (const auto& [site, answer] : found->second.answers) {
    json result = {{"site", site.str()}};
    if (!answer.error.empty()) {
      result["error"] = answer.error;
    } else {
      result.update({{"nats", answer.nats},
                     {"tokens", answer.tokens},
                     {"bytes", answer.bytes},
                     {"index", answer.index}});
      if (answer.on) AddOn(*answer.on, result);
    }
    results.push_back(std::move(result));
  }
  return JsonLine({{"id", id},
                   {"run", found->second.run.str()},
                   {"model", found->second.model.Hex()},
                   {"pending", pending},
                   {"results", results}});
}

}  // namespace dure::aggregator
