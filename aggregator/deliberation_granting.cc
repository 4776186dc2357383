// What models may be used for.
#include <algorithm>
#include <ranges>

#include "aggregator/deliberation.h"
#include "policy/rules/agreement.h"

namespace dure::aggregator {
namespace {

constexpr std::string_view kMoment = "request.time";

// What of a decision does not hang on the moment at which it is made: in two that are alike the
// same rules speak, of the same facts.
std::string ButForTheMoment(const rules::Decision& decision) {
  rules::Decision rest = rules::CodesAndFacts(decision);
  for (rules::Reason& reason : rest.reasons) {
    for (rules::FactSeen& fact : reason.facts) {
      if (fact.path == kMoment) fact.actual.clear();
      if (fact.expected_path == kMoment) fact.expected.clear();
    }
  }
  return rules::ToJson(rest);
}

bool AsksTheSame(const ledger::GrantDecided& decided, const standing::GrantRequest& request) {
  return decided.kind == request.kind && decided.model == request.model &&
         decided.grantee == request.grantee && decided.purpose == request.purpose &&
         decided.territory == request.territory && decided.until == request.until;
}

// The last decision on such a request, if it stands and `due` says nothing else.
const standing::Grant* SameBefore(const standing::State& state,
                                  const standing::GrantRequest& request,
                                  const standing::Ruling& due) {
  for (const auto& [index, grant] : std::views::reverse(state.grants)) {
    const ledger::GrantDecided& decided = grant.decided;
    if (!AsksTheSame(decided, request)) continue;
    const auto before = rules::DecisionFromJson(decided.decision);
    const bool same = before && !grant.revoked && decided.granted == due.allowed() &&
                      decided.policies == due.policies &&
                      ButForTheMoment(*before) == ButForTheMoment(due.decision);
    return same ? &grant : nullptr;
  }
  return nullptr;
}

}  // namespace

void Deliberation::Grant(const standing::GrantRequest& request,
                         std::function<void(Result<Granted>)> done) {
  GrantAgain(request, 0, std::move(done));
}

void Deliberation::GrantAgain(const standing::GrantRequest& request, uint32_t time,
                              std::function<void(Result<Granted>)> done) {
  struct Answer {
    Granted granted;
    bool was_there = false;
  };
  auto answer = std::make_shared<Answer>();
  auto decide = [asked = request, answer](const standing::Standing& now,
                                          rules::Instant at) -> Result<ledger::Event> {
    if (!now.state().models.contains(asked.model)) {
      return Fail(ErrorCode::kNotFound,
                  "no closed round of this log made model " + asked.model.Hex());
    }
    standing::GrantRequest timed = asked;
    timed.now = at;
    DURE_ASSIGN(const standing::Ruling ruling, standing::Decide(now, timed));
    if (const standing::Grant* same = SameBefore(now.state(), timed, ruling)) {
      *answer = {{same->index, same->decided.granted, same->decided.decision}, true};
      return Fail(ErrorCode::kAlreadyExists, "it is decided");
    }
    *answer = {{0, ruling.allowed(), ruling.Json()}, false};
    return ledger::Event(standing::EventOf(now, timed, ruling));
  };
  record_.Make(Deciding(decide), "",
               [this, alive = alive_, request, time, answer,
                done = std::move(done)](Result<ledger::Appended> entry) {
                 if (!*alive) return;
                 if (!entry && answer->was_there) return done(answer->granted);
                 if (!entry) return done(Fail(std::move(entry.error())));
                 answer->granted.index = entry->receipt.index;
                 bool stands = false;
                 const Status looked = WithStanding([&](const standing::Standing& now) {
                   stands = now.state().grants.contains(answer->granted.index);
                 });
                 if (!looked) return done(Fail(looked.error()));
                 if (stands) return done(answer->granted);
                 // Its entry has no effect: something came between.
                 if (time + 1 < kDecidedAgainMax) return GrantAgain(request, time + 1, done);
                 done(Fail(ErrorCode::kUnavailable, "the record changed each time it was decided"));
               });
}

}  // namespace dure::aggregator
