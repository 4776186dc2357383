// What the daemon does for the people of its machine, and what they asked while it was not running.
#include <nlohmann/json.hpp>

#include "federation/transport/json_fields.h"
#include "site/daemon_state.h"

namespace dure::site {

using nlohmann::json;
using transport::JsonLine;

Result<std::string> Daemon::State::Answer(const LocalRequest& request) {
  Result<std::string> answer = Fail(ErrorCode::kUnavailable, "the site's daemon is stopping");
  loop->Wait([&] {
    if (!*alive) return;
    answer = request.verb == LocalVerb::kStatus     ? StatusLine()
             : request.verb == LocalVerb::kAccounts ? AccountsLine()
                                                    : Obey(request);
  });
  return answer;
}

std::string Daemon::State::StatusLine() const {
  json runs = json::array();
  for (const auto& [run, desk] : desks) {
    const round::Participation& at = desk->participation();
    runs.push_back({{"run", run.str()},
                    {"phase", std::string(round::Name(at.phase()))},
                    {"round", at.at().round.value},
                    {"attempt", at.at().attempt},
                    {"step", desk->status().step},
                    {"steps", desk->status().steps},
                    {"loss", desk->status().loss},
                    {"tokens_per_second", desk->status().tokens_per_second}});
  }
  const ledger::ScrubState scrub = scribe->scrub_state();
  const json record = {{"size", scribe->mirror().Head().head.size},
                       {"readings", scrub.readings},
                       {"last", scrub.last ? FormatRfc3339(*scrub.last) : std::string()},
                       {"mended", scrub.mended},
                       {"rotted", scrub.rotted}};
  const Digest& now = trainer->code().IsZero() ? code : trainer->code();
  return JsonLine({{"running", true},
                   {"connected", connected},
                   {"code", now.Hex()},
                   {"record", record},
                   {"store", {{"blobs", store->List().size()}, {"bytes", store->TotalBytes()}}},
                   {"runs", std::move(runs)}});
}

std::string Daemon::State::AccountsLine() const {
  json accounts = json::array();
  for (const auto& [id, account] : privacy->book().accounts()) {
    accounts.push_back(ToHex(account.Serialize()));
  }
  return JsonLine({{"accounts", std::move(accounts)}});
}

Result<std::string> Daemon::State::Obey(const LocalRequest& request) {
  const auto desk = desks.find(request.run);
  if (const auto aside = set_aside.find(request.run); aside != set_aside.end()) {
    return Fail(ErrorCode::kFailedPrecondition,
                "this site declines the rounds of \"" + request.run.str() + "\": " + aside->second +
                    ". Start the version that kept it to take part again");
  }
  if (desk == desks.end()) return Fail(NotKnownHere(request.run));
  RunDesk& run = *desk->second;
  DURE_ASSIGN(const auto event, EventFor(request.verb, run.participation().phase()));
  if (event) {
    options.say(request.run.str() + ": asked here to " + std::string(Name(request.verb)));
    run.Feed(*event);
  }
  return JsonLine({{"run", request.run.str()},
                   {"phase", std::string(round::Name(run.participation().phase()))},
                   {"running", true}});
}

// A wish that makes no sense any more is dropped: it was checked against the state that it met.
void Daemon::State::DoWhatWasAsked() {
  for (const auto& [run, desk] : desks) {
    const auto asked = journal->Get(AskedKey(run));
    if (!asked || !*asked) continue;
    for (const LocalVerb verb : {LocalVerb::kLeave, LocalVerb::kJoin, LocalVerb::kResync}) {
      if (AsText(**asked) == Name(verb)) (void)Obey({verb, run});
    }
    // Gone only after the state that came of it is durable; done twice it changes nothing.
    (void)journal->Apply(journal::Change().Erase(AskedKey(run)));
  }
}

}  // namespace dure::site
