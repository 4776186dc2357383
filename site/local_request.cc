#include "site/local_request.h"

#include <array>
#include <nlohmann/json.hpp>

#include "federation/check.h"
#include "federation/transport/json_fields.h"

namespace dure::site {

using round::SitePhase;

namespace {
constexpr std::array<LocalVerb, 5> kVerbs = {LocalVerb::kStatus, LocalVerb::kLeave,
                                             LocalVerb::kJoin, LocalVerb::kResync,
                                             LocalVerb::kAccounts};
}  // namespace

std::string_view Name(LocalVerb verb) {
  constexpr std::array<std::string_view, 5> kNames = {"status", "leave", "join", "resync",
                                                      "accounts"};
  return kNames[static_cast<size_t>(verb)];
}

Result<LocalRequest> ParseLocalRequest(std::string_view line) {
  if (line.size() > kLocalRequestBytesMax) {
    return Fail(ErrorCode::kInvalid, "a local request is one short line");
  }
  DURE_ASSIGN(const nlohmann::json object, transport::ParseJsonObject(line, "the local request"));
  const std::string name = transport::TextField(object, "verb");
  for (const LocalVerb verb : kVerbs) {
    if (Name(verb) != name) continue;
    LocalRequest request{verb, {}};
    if (OnlyAsks(verb)) return request;
    DURE_ASSIGN(request.run, RunId::Parse(transport::TextField(object, "run")));
    return request;
  }
  return Fail(ErrorCode::kInvalid, "a site knows no verb \"" + name.substr(0, 40) + "\"");
}

std::string LineOf(const LocalRequest& request) {
  return transport::JsonLine(
      {{"verb", std::string(Name(request.verb))}, {"run", request.run.str()}});
}

Error NotKnownHere(const RunId& run) {
  return {ErrorCode::kNotFound,
          "this site knows no run \"" + run.str() +
              "\": it knows those that invited it and began; a site that enrolled later takes part "
              "from the next run on"};
}

Result<std::optional<round::SiteEvent>> EventFor(LocalVerb verb, SitePhase phase) {
  DURE_CHECK(!OnlyAsks(verb), "asking where a site stands changes nothing");
  const auto wrong = [&](std::string_view what) {
    return Fail(ErrorCode::kFailedPrecondition, std::string(what));
  };
  if (phase == SitePhase::kEnded) return wrong("that run has ended");
  std::optional<round::SiteEvent> event;
  if (verb == LocalVerb::kLeave) {
    if (phase != SitePhase::kLeft) event = round::LeaveRequested{};
  } else if (verb == LocalVerb::kJoin) {
    if (phase == SitePhase::kDissent) {
      return wrong("this site dissents and has not left: dure site resync ends that");
    }
    if (phase == SitePhase::kLeft) event = round::JoinRequested{};
  } else if (phase == SitePhase::kDissent) {
    event = round::ResyncRequested{};
  } else {
    return wrong("this site does not dissent but is " + std::string(round::Name(phase)) +
                 ": there is nothing to resync");
  }
  return event;
}

}  // namespace dure::site
