// A run of which this site cannot read its own state, because another version wrote it or the disk
// damaged it: it alone is set aside, with what is kept of it untouched, and the others go on. What
// was trained, carried, charged and released in it is written there; a site that began anew would
// not know.
#include "federation/round/kept.h"
#include "site/daemon_state.h"

namespace dure::site {

Status Daemon::State::SetAside(const RunId& run, ByteView kept, const Error& why) {
  const bool passes = why.code == ErrorCode::kUnavailable || why.code == ErrorCode::kExhausted;
  if (passes) return Within(why, "restoring run " + run.str());
  set_aside.emplace(run, why.message);
  if (round::HeadOf(kept).over.value_or(false)) {
    options.say(run.str() + ": has ended, and what is kept of it is left aside: " + why.message);
    return {};
  }
  options.say(run.str() + ": SET ASIDE: " + why.message + ". This site declines its rounds and " +
              "takes part in all others; start the version that kept it to take part again");
  return {};
}

// Nobody waits for this site in vain.
void Daemon::State::AnswerAside(const round::Message& message) {
  if (const auto* plan = std::get_if<round::Plan>(&message)) {
    shop->send(round::Declined{plan->plan.at, round::kStateUnreadable});
  } else if (const auto* outcome = std::get_if<round::Outcome>(&message)) {
    shop->send(round::OutcomeAck{outcome->at, round::Derivation::kNotHeld, {}});
  } else if (const auto* ended = std::get_if<round::RunEnded>(&message)) {
    shop->send(round::Leave{ended->run, 0, true});
  }
}

}  // namespace dure::site
