// A run whose kept state this program cannot read, because another version wrote it or the disk
// damaged it: it alone is set aside, with what is kept of it untouched, and the others go on.
#include "aggregator/daemon_state.h"
#include "federation/round/kept.h"

namespace dure::aggregator {

Status Daemon::State::SetAside(const RunId& run, ByteView kept, const Error& why) {
  if (MayPass(why)) return Within(why, "restoring run " + run.str());
  if (round::HeadOf(kept).over.value_or(false)) {
    options.say(run.str() + ": has ended, and what is kept of it is left aside: " + why.message);
    return {};
  }
  options.say(run.str() + ": SET ASIDE: " + why.message + ". The other runs go on. Start the " +
              "version that kept it to go on with this one; or give it up (dure run stop) and " +
              "begin another from its last model (dure run start --from)");
  set_aside.emplace(run, why.message);
  named_aside.Add(Bytes(kept.begin(), kept.end()));
  return {};
}

Error Daemon::State::NoRun(const std::string& name) const {
  const auto id = RunId::Parse(name);
  const auto aside = id ? set_aside.find(*id) : set_aside.end();
  if (aside == set_aside.end()) {
    return {ErrorCode::kNotFound, "no run \"" + name + "\" (dure run list shows them)"};
  }
  return {ErrorCode::kFailedPrecondition,
          "run \"" + name + "\" is set aside: " + aside->second +
              ". Start the version that kept it, or give it up with dure run stop"};
}

// Sites repeat what was not answered. A submission that nobody answers keeps its site's pen from
// all its other runs; one that the record did not take is signed anew in a while, after the
// others'.
void Daemon::State::AnswerWithoutRun(const SiteId& site, const round::Message& message) {
  const RunId& run = RunOf(message);
  const auto* submission = std::get_if<round::Submission>(&message);
  if (set_aside.contains(run)) {
    if (submission == nullptr) return;
    (void)server->Send(site, round::Refusal{submission->at, submission->contribution,
                                            round::RefusalReason::kNotRecorded});
    return;
  }
  // Not of Leave, which answers this.
  const bool waits = submission != nullptr || std::holds_alternative<round::Ready>(message) ||
                     std::holds_alternative<round::Join>(message) ||
                     std::holds_alternative<round::SiteStatus>(message);
  if (!waits) return;
  if (const auto ended = EndOnRecord(run)) (void)server->Send(site, *ended);
}

void Daemon::State::GiveUp(const RunId& run) {
  set_aside.erase(run);
  options.say(run.str() + ": given up, as asked");
  Halt(run, round::kStateUnreadable);  // then what was kept goes
}

}  // namespace dure::aggregator
