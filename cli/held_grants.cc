#include "cli/held_grants.h"

#include "policy/standing/behind.h"
#include "policy/standing/stops.h"

namespace dure::cli {
namespace {

bool IsAskedFor(const standing::Grant& grant, const GrantAsk& ask, const MemberId& grantee) {
  const ledger::GrantDecided& e = grant.decided;
  const bool same = e.kind == ledger::UseKind::kExport && e.model.Hex() == ask.model &&
                    e.grantee == grantee && e.purpose == ask.purpose &&
                    e.territory == ask.territory;
  return same && e.granted && !grant.revoked;
}

}  // namespace

Result<HeldGrants> HeldExports(const standing::Standing& standing, const GrantAsk& ask,
                               const MemberId& grantee, rules::Instant now) {
  HeldGrants held;
  for (const auto& [index, grant] : standing.state().grants) {
    const ledger::GrantDecided& e = grant.decided;
    const auto until = rules::Instant::Parse(e.until);
    const bool is_over = until && *until < now;
    if (is_over || !IsAskedFor(grant, ask, grantee)) continue;
    if (const auto withdrawal = standing::EndedBy(standing.state(), e.model, now)) {
      held.ended.emplace_back(index, *withdrawal);
      continue;
    }
    // A rule may stand against one and not against another, as for how long it was given.
    DURE_ASSIGN(auto stops, standing::StopsOf(standing, e, now));
    if (stops.empty()) {
      held.usable = true;
    } else {
      held.stopped = {index, std::move(stops)};
    }
  }
  return held;
}

}  // namespace dure::cli
