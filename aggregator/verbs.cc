// What people ask the aggregator for. Each verb takes and gives a JSON object; who may ask is
// checked here.
#include <nlohmann/json.hpp>

#include "aggregator/daemon_state.h"
#include "aggregator/merge.h"
#include "aggregator/requests.h"
#include "aggregator/waiting.h"
#include "federation/canonical.h"
#include "federation/masking/run_terms.h"
#include "federation/round/kept.h"
#include "federation/transport/json_fields.h"
#include "policy/standing/measurable.h"

namespace dure::aggregator {

using nlohmann::json;
using transport::JsonLine;

namespace {

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
  if (verb == "evaluation.decide" && is_member)
    return evaluations->Decide(peer.site, text, std::move(reply));
  if (verb == "evaluation.report" && is_member)
    return evaluations->Report(peer.site, text, std::move(reply));
  // What leaves an entry for good; also what is refused costs, since deciding it may.
  const bool says = verb == "ledger.append" || verb == "grant.request" || verb == "model.evaluate";
  if (says) {
    const std::string seat = std::string(Name(peer.role)) + " " + peer.site.str();
    if (const Status paced = record_pace.Take(seat, text.size(), loop->Now()); !paced) {
      return reply(Fail(paced.error()));
    }
  }
  if (verb == "ledger.append") return TakeEntry(peer, text, std::move(reply));
  if (verb == "ledger.cosign" && is_member) return reply(TakeCosignature(text));
  if (verb == "ledger.held" && is_member) return reply(HearHeld(peer, text));
  if (verb == "ledger.spare" && is_member) return reply(TakeSpare(peer, text));
  if (verb == "aggregator.status") return reply(ShowStatus());
  if (verb == "ledger.agreed") return reply(ShowAgreed());
  if (verb == "grant.request") return AskGrant(peer, text, std::move(reply));
  if (verb == "run.list") return reply(ListRuns());
  if (verb == "run.show") return reply(ShowRun(text));
  if (verb == "site.list") return reply(ListSites());
  if (verb == "evaluation.show") {
    const auto id = ParseEvaluationId(text);
    return reply(id ? evaluations->Show(*id) : Result<std::string>(Fail(id.error())));
  }
  if (verb == "model.evaluate" && (is_operator || peer.role == identity::Role::kResearcher)) {
    return reply(AskEvaluation(text));
  }
  if (!is_operator) {
    const std::string needed = verb == "model.evaluate" ? "operator or researcher" : "operator";
    return reply(Fail(ErrorCode::kPermissionDenied, "wrong role: " + std::string(verb) + " needs " +
                                                        needed + ", and " + peer.site.str() +
                                                        " is " + std::string(Name(peer.role))));
  }
  if (verb == "run.start") return reply(StartRun(text));
  if (verb == "run.stop") return reply(StopRun(text));
  if (verb == "run.resume") return reply(ResumeRun(text));
  if (verb == "aggregator.scrub") return reply(ScrubNow());
  if (verb == "revoke") return Revoke(peer, text, std::move(reply));
  reply(Fail(ErrorCode::kInvalid, "no verb \"" + std::string(verb) + "\""));
}

Result<std::string> Daemon::State::StartRun(const std::string& text) {
  const Status may = record->guard().MayAppend();
  if (!may && may.error().code == ErrorCode::kCorrupt) return Fail(may.error());
  DURE_ASSIGN(StartRequest request, ParseStart(text));
  const round::RunManifest& manifest = request.manifest;
  std::vector<SiteId>& invited = request.invited;
  json answer = manifest.intent.Fields();
  answer.update({{"run", manifest.run.str()},
                 {"manifest", manifest.digest().Hex()},
                 {"masking", std::string(Name(manifest.masking))}});
  if (const RunDriver* existing = FindRun(manifest.run.str())) {
    // The same proposal again, after a lost answer, is no second run.
    if (existing->rounds().manifest() == manifest) {
      if (existing->protection()) answer["privacy"] = existing->protection()->Json();
      return JsonLine(answer);
    }
    return Fail(ErrorCode::kAlreadyExists,
                "there is a run \"" + manifest.run.str() + "\" already; choose another name");
  }
  if (set_aside.contains(manifest.run)) return Fail(NoRun(manifest.run.str()));
  for (const SiteId& site : invited) {
    if (!authority->FindSeat(identity::Role::kMember, site)) {
      return Fail(ErrorCode::kNotFound, "no site \"" + site.str() + "\" is enrolled");
    }
  }
  DURE_TRY(CheckMembers(manifest, invited));
  if (!manifest.tokenizer.IsZero() && !store->Has(manifest.tokenizer)) {
    return Fail(ErrorCode::kFailedPrecondition, "the run's tokenizer has not been uploaded");
  }
  CanonicalWriter list;
  list.U32(static_cast<uint32_t>(invited.size()));
  for (const SiteId& site : invited) list.Text(site.str());
  DURE_ASSIGN(auto driver, RunDriver::Create(*shop, manifest, std::move(invited)));
  DURE_TRY(
      journal->Apply(journal::Change().Put("run/" + manifest.run.str() + "/invited", list.Take())));
  if (driver->protection()) answer["privacy"] = driver->protection()->Json();
  AddRun(std::move(driver));
  return JsonLine(answer);
}

// Of two members each would read the other's update off the sum.
Status Daemon::State::CheckMembers(const round::RunManifest& manifest,
                                   const std::vector<SiteId>& invited) const {
  if (!manifest.masked()) return {};
  std::set<MemberId> members;
  for (const identity::Seat& seat : authority->Seats()) {
    const identity::Subject& who = seat.subject;
    const bool may_come = invited.empty() || std::ranges::find(invited, who.site) != invited.end();
    if (who.role == identity::Role::kMember && may_come && !Objection(seat)) {
      members.insert(who.member);
    }
  }
  const uint32_t needed = manifest.masking_rules.members_min;
  if (members.size() >= needed) return {};
  return Fail(ErrorCode::kFailedPrecondition,
              "masking needs sites of " + std::to_string(needed) + " members, and " +
                  std::to_string(members.size()) +
                  " are there; --masking none shows each update to the aggregator");
}

Result<std::string> Daemon::State::StopRun(const std::string& text) {
  DURE_ASSIGN(const RunRequest request, ParseRun(text));
  RunDriver* driver = FindRun(request.run);
  if (driver == nullptr) {
    const auto run = RunId::Parse(request.run);
    if (!run || !set_aside.contains(*run)) return Fail(NoRun(request.run));
    GiveUp(*run);
    return JsonLine(
        {{"run", request.run}, {"phase", "ended"}, {"reason", round::kStateUnreadable}});
  }
  driver->Feed(round::StopRequested{request.after_round});
  return ShowRun(text);
}

Result<std::string> Daemon::State::ResumeRun(const std::string& text) {
  DURE_ASSIGN(const RunRequest request, ParseRun(text));
  const std::string& name = request.run;
  RunDriver* driver = FindRun(name);
  if (driver == nullptr) return Fail(NoRun(name));
  const round::Rounds& rounds = driver->rounds();
  if (rounds.phase() != round::RunPhase::kPaused && !rounds.AwaitsAdmission()) {
    return Fail(ErrorCode::kFailedPrecondition,
                "run \"" + name + "\" is not paused but " + std::string(Name(rounds.phase())));
  }
  driver->Feed(round::Resume{});
  return ShowRun(text);
}

// Of a pause, of an end before the last round, of admissions that cannot be decided, or of a
// proposal that members have yet to vote on.
std::string Daemon::State::ReasonOf(const RunDriver& driver) const {
  const round::Rounds& rounds = driver.rounds();
  std::string reason = rounds.reason();
  if (const std::string waits = admissions->WaitsFor(rounds.manifest().run);
      !waits.empty() && rounds.phase() == round::RunPhase::kAdmitting) {
    return "undecided: " + waits;
  }
  if (rounds.phase() != round::RunPhase::kProposing) return reason;
  (void)deliberation->WithStanding([&](const standing::Standing& now) {
    const auto run = now.state().runs.find(rounds.manifest().run);
    const bool voted = run != now.state().runs.end() && run->second.by_vote;
    if (voted && !run->second.approved) reason = "waiting-for-vote";
  });
  return reason;
}

Result<std::string> Daemon::State::ShowRun(const std::string& text) const {
  DURE_ASSIGN(const RunRequest request, ParseRun(text));
  const std::string& name = request.run;
  const RunDriver* driver = FindRun(name);
  if (driver == nullptr) return Fail(NoRun(name));
  const round::Rounds& rounds = driver->rounds();
  json sites = json::array();
  for (const SiteId& site : driver->invited()) sites.push_back(site.str());
  json cohort = json::array();
  for (const SiteId& site : rounds.Cohort()) cohort.push_back(site.str());
  json answer = rounds.manifest().intent.Fields();
  answer.update({{"run", name},
                 {"phase", std::string(Name(rounds.phase()))},
                 {"reason", ReasonOf(*driver)},
                 {"round", rounds.at().round.value},
                 {"rounds", rounds.manifest().rounds},
                 {"attempt", rounds.at().attempt},
                 {"quorum", rounds.manifest().quorum},
                 {"lane", std::string(Name(rounds.manifest().lane))},
                 {"masking", std::string(Name(rounds.manifest().masking))},
                 {"merge", rounds.manifest().merge.Text()},
                 {"saturation_limit", rounds.manifest().saturation_limit},
                 {"parameters", driver->parameter_count()},
                 {"seed", rounds.manifest().inner.seed},
                 {"manifest", rounds.manifest().digest().Hex()},
                 {"initial_model", rounds.manifest().initial_model.Hex()},
                 {"base", BaseJson(rounds.base())},
                 {"invited", sites},
                 {"cohort", cohort}});
  if (rounds.manifest().masked()) {
    const round::MaskingRules& rules = rounds.manifest().masking_rules;
    answer.update({{"withstands", masking::CorruptMaxOf(rounds.manifest())},
                   {"members_min", rules.members_min},
                   {"batch_members", rules.batch_members},
                   {"survivors_permille", rules.survivors_permille},
                   {"differences", rules.forbid_differences ? "forbidden" : "allowed"}});
  }
  if (driver->protection()) answer["privacy"] = driver->protection()->Json();
  if (const auto waits = rounds.WaitsFor()) answer["waiting"] = WaitingJson(*waits, loop->Now());
  return JsonLine(answer);
}

Result<std::string> Daemon::State::ListRuns() const {
  json list = json::array();
  for (const auto& [id, driver] : runs) {
    const round::Rounds& rounds = driver->rounds();
    list.push_back({{"run", id.str()},
                    {"phase", std::string(Name(rounds.phase()))},
                    {"reason", ReasonOf(*driver)},
                    {"round", rounds.at().round.value},
                    {"rounds", rounds.manifest().rounds},
                    {"masking", std::string(Name(rounds.manifest().masking))}});
  }
  for (const auto& [id, why] : set_aside) {
    list.push_back({{"run", id.str()}, {"phase", "set-aside"}, {"reason", why}});
  }
  return JsonLine({{"runs", list}});
}

Result<std::string> Daemon::State::ListSites() const {
  json list = json::array();
  for (const identity::Seat& seat : authority->Seats()) {
    list.push_back({{"site", seat.subject.site.str()},
                    {"member", seat.subject.member.str()},
                    {"role", std::string(Name(seat.subject.role))},
                    {"connected", connected.contains(seat.subject.site)},
                    {"ended", Objection(seat).has_value()},
                    {"enrolled", FormatRfc3339(seat.enrolled)},
                    {"not_after", FormatRfc3339(seat.not_after)}});
  }
  return JsonLine({{"sites", list}});
}

Result<std::string> Daemon::State::AskEvaluation(const std::string& text) {
  DURE_ASSIGN(EvaluateRequest request, ParseEvaluate(text));
  const std::string& name = request.run;
  const RunDriver* driver = FindRun(name);
  if (driver == nullptr) return Fail(NoRun(name));
  const Digest model = request.model.value_or(driver->rounds().base().model);
  if (uploads->Contains(model) || !store->Has(model)) {
    return Fail(ErrorCode::kNotFound, "there is no model " + model.Hex());
  }
  DURE_ASSIGN(const uint64_t count, ParameterCountOf(model, *store));
  if (count != driver->parameter_count()) {
    return Fail(ErrorCode::kInvalid,
                "model " + model.Hex() + " has another shape than run \"" + name + "\"");
  }
  const RunId& run = driver->rounds().manifest().run;
  bool known = false;
  DURE_TRY(deliberation->WithStanding([&](const standing::Standing& now) {
    known = standing::IsMeasurable(now.state(), run, model);
  }));
  if (!known) return Fail(ErrorCode::kNotFound, standing::WhyNotMeasurable(run, model));
  std::vector<SiteId>& sites = request.sites;
  if (sites.empty()) sites = driver->invited();
  if (sites.empty()) {
    for (const identity::Seat& seat : authority->Seats()) {
      if (seat.subject.role == identity::Role::kMember) sites.push_back(seat.subject.site);
    }
  }
  return JsonLine({{"id", evaluations->Ask(driver->rounds().manifest(), model, sites)},
                   {"model", model.Hex()}});
}

void Daemon::State::Revoke(const PeerIdentity& peer, const std::string& text,
                           transport::JsonReply reply) {
  const auto order = ParseRevocation(text);
  if (!order) return reply(Fail(order.error()));
  // Takes the identity database and the log: on a worker.
  auto work = [this, peer, order = *order]() -> Result<json> {
    DURE_ASSIGN(const std::string said, authority->Obey(peer, order, loop->WallNow()));
    const Status recorded = RecordRevocations();
    // A log that takes nothing for a while gets the entry when it does.
    const bool follows = !recorded && MayPass(recorded.error());
    if (!recorded && !follows) {
      return Within(recorded.error(), "access is ended; the record does not say so yet");
    }
    return json{{"revoked", said}, {"on_record", !follows}};
  };
  auto done = [this, alive = alive, reply](Result<json> said) {
    if (!*alive) return;
    TellRunsOfSeats();  // access may have ended although the record does not say so
    if (!said) return reply(Fail(std::move(said.error())));
    json answer = *std::move(said);
    if (!answer["on_record"]) RecordSeats();
    json ended = json::array();
    for (const identity::Seat& seat : authority->Seats()) {
      if (IsLifted(seat)) ended.push_back(seat.subject.site.str());
    }
    if (!ended.empty()) answer["keys_ended"] = std::move(ended);
    reply(JsonLine(answer));
  };
  if (Status queued = registrar->RunThen(*loop, work, done); !queued) reply(Fail(queued.error()));
}

}  // namespace dure::aggregator
