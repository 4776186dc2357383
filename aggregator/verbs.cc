// What people ask the aggregator for. Each verb takes and gives a JSON object; who may ask is
// checked here.
#include <algorithm>
#include <nlohmann/json.hpp>

#include "aggregator/daemon_state.h"
#include "aggregator/merge.h"
#include "federation/canonical.h"

namespace dure::aggregator {

using nlohmann::json;

namespace {

std::string Dump(const json& object) {
  return object.dump(-1, ' ', false, json::error_handler_t::replace);
}

Result<json> ParseObject(const std::string& text) {
  json object = json::parse(text, nullptr, false);
  if (!object.is_object()) return Fail(ErrorCode::kInvalid, "the request is not a JSON object");
  return object;
}

Result<std::string> TextField(const json& object, const char* key) {
  const auto found = object.find(key);
  if (found == object.end() || !found->is_string()) {
    return Fail(ErrorCode::kInvalid, std::string("the request has no \"") + key + "\"");
  }
  return found->get<std::string>();
}

Result<std::vector<SiteId>> Sites(const json& object, const char* key) {
  std::vector<SiteId> sites;
  const json list = object.value(key, json::array());
  if (!list.is_array()) return Fail(ErrorCode::kInvalid, std::string("\"") + key + "\" is no list");
  for (const json& name : list) {
    if (!name.is_string())
      return Fail(ErrorCode::kInvalid, std::string("\"") + key + "\" holds no names");
    DURE_ASSIGN(SiteId site, SiteId::Parse(name.get<std::string>()));
    sites.push_back(std::move(site));
  }
  std::ranges::sort(sites);
  return sites;
}

json BaseJson(const round::Base& base) {
  return {{"model", base.model.Hex()},
          {"momentum", base.momentum.Hex()},
          {"scales", base.scales.Hex()}};
}

}  // namespace

void Daemon::State::Admin(const PeerIdentity& peer, std::string_view verb, const std::string& text,
                          transport::JsonReply reply) {
  const bool is_operator = peer.role == identity::Role::kOperator;
  const bool is_member = peer.role == identity::Role::kMember;
  if (verb == "evaluation.report" && is_member)
    return evaluations->Report(peer.site, text, std::move(reply));
  if (verb == "run.list") return reply(ListRuns());
  if (verb == "run.show") return reply(ShowRun(text));
  if (verb == "site.list") return reply(ListSites());
  if (verb == "evaluation.show") {
    const auto id = ParseObject(text).map([](const json& o) { return o.value("id", uint64_t{0}); });
    return reply(id ? evaluations->Show(*id) : Result<std::string>(Fail(id.error())));
  }
  if (verb == "model.evaluate" && (is_operator || peer.role == identity::Role::kResearcher)) {
    return reply(AskEvaluation(text));
  }
  if (!is_operator) {
    return reply(Fail(ErrorCode::kPermissionDenied, "wrong role: " + std::string(verb) +
                                                        " needs operator, and " + peer.site.str() +
                                                        " is " + std::string(Name(peer.role))));
  }
  if (verb == "run.start") return reply(StartRun(text));
  if (verb == "run.stop") return reply(StopRun(text));
  if (verb == "run.resume") return reply(ResumeRun(text));
  if (verb == "revoke") return Revoke(peer, text, std::move(reply));
  reply(Fail(ErrorCode::kInvalid, "no verb \"" + std::string(verb) + "\""));
}

Result<std::string> Daemon::State::StartRun(const std::string& text) {
  DURE_ASSIGN(const json request, ParseObject(text));
  DURE_ASSIGN(const std::string encoded, TextField(request, "manifest"));
  DURE_ASSIGN(const Bytes bytes, FromBase64(encoded));
  DURE_ASSIGN(round::RunManifest manifest, round::RunManifest::Parse(bytes));
  DURE_ASSIGN(std::vector<SiteId> invited, Sites(request, "invited"));
  const json answer = {{"run", manifest.run.str()}, {"manifest", manifest.digest().Hex()}};
  if (const RunDriver* existing = FindRun(manifest.run.str())) {
    // The same proposal again, after a lost answer, is no second run.
    if (existing->rounds().manifest() == manifest) return Dump(answer);
    return Fail(ErrorCode::kAlreadyExists,
                "there is a run \"" + manifest.run.str() + "\" already; choose another name");
  }
  for (const SiteId& site : invited) {
    if (!authority->FindSeat(identity::Role::kMember, site)) {
      return Fail(ErrorCode::kNotFound, "no site \"" + site.str() + "\" is enrolled");
    }
  }
  if (!manifest.tokenizer.IsZero() && !store->Has(manifest.tokenizer)) {
    return Fail(ErrorCode::kFailedPrecondition, "the run's tokenizer has not been uploaded");
  }
  CanonicalWriter list;
  list.U32(static_cast<uint32_t>(invited.size()));
  for (const SiteId& site : invited) list.Text(site.str());
  DURE_ASSIGN(auto driver, RunDriver::Create(*shop, manifest, std::move(invited)));
  DURE_TRY(
      journal->Apply(journal::Change().Put("run/" + manifest.run.str() + "/invited", list.Take())));
  AddRun(std::move(driver));
  return Dump(answer);
}

Result<std::string> Daemon::State::StopRun(const std::string& text) {
  DURE_ASSIGN(const json request, ParseObject(text));
  DURE_ASSIGN(const std::string name, TextField(request, "run"));
  RunDriver* driver = FindRun(name);
  if (driver == nullptr) return Fail(ErrorCode::kNotFound, "no run \"" + name + "\"");
  driver->Feed(round::StopRequested{request.value("after_round", false)});
  return ShowRun(text);
}

Result<std::string> Daemon::State::ResumeRun(const std::string& text) {
  DURE_ASSIGN(const json request, ParseObject(text));
  DURE_ASSIGN(const std::string name, TextField(request, "run"));
  RunDriver* driver = FindRun(name);
  if (driver == nullptr) return Fail(ErrorCode::kNotFound, "no run \"" + name + "\"");
  if (driver->rounds().phase() != round::RunPhase::kPaused) {
    return Fail(ErrorCode::kFailedPrecondition, "run \"" + name + "\" is not paused but " +
                                                    std::string(Name(driver->rounds().phase())));
  }
  driver->Feed(round::Resume{});
  return ShowRun(text);
}

Result<std::string> Daemon::State::ShowRun(const std::string& text) const {
  DURE_ASSIGN(const json request, ParseObject(text));
  DURE_ASSIGN(const std::string name, TextField(request, "run"));
  const RunDriver* driver = FindRun(name);
  if (driver == nullptr) return Fail(ErrorCode::kNotFound, "no run \"" + name + "\"");
  const round::Rounds& rounds = driver->rounds();
  json sites = json::array();
  for (const SiteId& site : driver->invited()) sites.push_back(site.str());
  json cohort = json::array();
  for (const SiteId& site : rounds.Cohort()) cohort.push_back(site.str());
  return Dump({{"run", name},
               {"phase", std::string(Name(rounds.phase()))},
               {"reason", rounds.reason()},
               {"round", rounds.at().round.value},
               {"rounds", rounds.manifest().rounds},
               {"attempt", rounds.at().attempt},
               {"quorum", rounds.manifest().quorum},
               {"masking", std::string(Name(rounds.manifest().masking))},
               {"parameters", driver->parameter_count()},
               {"manifest", rounds.manifest().digest().Hex()},
               {"initial_model", rounds.manifest().initial_model.Hex()},
               {"base", BaseJson(rounds.base())},
               {"invited", sites},
               {"cohort", cohort}});
}

Result<std::string> Daemon::State::ListRuns() const {
  json list = json::array();
  for (const auto& [id, driver] : runs) {
    const round::Rounds& rounds = driver->rounds();
    list.push_back({{"run", id.str()},
                    {"phase", std::string(Name(rounds.phase()))},
                    {"round", rounds.at().round.value},
                    {"rounds", rounds.manifest().rounds}});
  }
  return Dump({{"runs", list}});
}

Result<std::string> Daemon::State::ListSites() const {
  json list = json::array();
  for (const identity::Seat& seat : authority->Seats()) {
    list.push_back({{"site", seat.subject.site.str()},
                    {"member", seat.subject.member.str()},
                    {"role", std::string(Name(seat.subject.role))},
                    {"connected", connected.contains(seat.subject.site)},
                    {"enrolled", FormatRfc3339(seat.enrolled)},
                    {"not_after", FormatRfc3339(seat.not_after)}});
  }
  return Dump({{"sites", list}});
}

Result<std::string> Daemon::State::AskEvaluation(const std::string& text) {
  DURE_ASSIGN(const json request, ParseObject(text));
  DURE_ASSIGN(const std::string name, TextField(request, "run"));
  const RunDriver* driver = FindRun(name);
  if (driver == nullptr) return Fail(ErrorCode::kNotFound, "no run \"" + name + "\"");
  Digest model = driver->rounds().base().model;
  if (request.contains("model")) {
    DURE_ASSIGN(const std::string hex, TextField(request, "model"));
    DURE_ASSIGN(model, Digest::FromHex(hex));
  }
  if (IsContribution(model) || !store->Has(model)) {
    return Fail(ErrorCode::kNotFound, "there is no model " + model.Hex());
  }
  DURE_ASSIGN(const uint64_t count, ParameterCountOf(model, *store));
  if (count != driver->parameter_count()) {
    return Fail(ErrorCode::kInvalid,
                "model " + model.Hex() + " has another shape than run \"" + name + "\"");
  }
  DURE_ASSIGN(std::vector<SiteId> sites, Sites(request, "sites"));
  if (sites.empty()) sites = driver->invited();
  if (sites.empty()) {
    for (const identity::Seat& seat : authority->Seats()) {
      if (seat.subject.role == identity::Role::kMember) sites.push_back(seat.subject.site);
    }
  }
  return Dump({{"id", evaluations->Ask(driver->rounds().manifest(), model, sites)},
               {"model", model.Hex()}});
}

void Daemon::State::Revoke(const PeerIdentity& peer, const std::string& text,
                           transport::JsonReply reply) {
  const auto request = ParseObject(text);
  const auto encoded =
      request ? TextField(*request, "order") : Result<std::string>(Fail(request.error()));
  const auto order = encoded ? FromBase64(*encoded) : Result<Bytes>(Fail(encoded.error()));
  if (!order) return reply(Fail(order.error()));
  // Takes the identity database and the log: on a worker.
  auto work = [this, peer, order = *order]() -> Result<std::string> {
    DURE_ASSIGN(const std::string said, authority->Obey(peer, order, loop->WallNow()));
    const auto revoked = authority->revocations();
    for (const identity::Seat& seat : authority->Seats()) {
      PeerIdentity at{seat.subject.consortium,
                      seat.subject.member,
                      seat.subject.site,
                      seat.subject.role,
                      seat.serial,
                      {},
                      {},
                      {}};
      if (revoked->Find(at) != nullptr) DURE_TRY(record->Revoke(seat, "revoked-by-operator"));
    }
    return said;
  };
  auto done = [this, alive = alive, reply](Result<std::string> said) {
    if (!*alive) return;
    if (!said) return reply(Fail(std::move(said.error())));
    const auto revoked = authority->revocations();
    for (const identity::Seat& seat : authority->Seats()) {
      PeerIdentity at{seat.subject.consortium,
                      seat.subject.member,
                      seat.subject.site,
                      seat.subject.role,
                      seat.serial,
                      {},
                      {},
                      {}};
      if (revoked->Find(at) == nullptr || seat.subject.role != identity::Role::kMember) continue;
      for (const auto& [id, driver] : runs) {
        if (driver->Invites(seat.subject.site)) driver->Feed(round::SiteRemoved{seat.subject.site});
      }
    }
    reply(Dump({{"revoked", *said}}));
  };
  if (Status queued = workers->RunThen(*loop, work, done); !queued) reply(Fail(queued.error()));
}

}  // namespace dure::aggregator
