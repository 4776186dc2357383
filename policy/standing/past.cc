#include "policy/standing/past.h"

#include "policy/rules/agreement.h"
#include "policy/standing/auditor.h"
#include "policy/standing/counting.h"
#include "policy/standing/reading.h"

namespace dure::standing {
namespace {

// The policies of a request with one replaced, or joined to the others.
template <typename Request>
Result<rules::Decision> DecideWith(const rules::PolicyDocument& proposal, const Request& request,
                                   const Standing& before) {
  DURE_ASSIGN(const rules::PolicySet now, PoliciesOf(before, request));
  std::vector<rules::PolicyDocument> documents;
  for (const rules::PolicyDocument& document : now.documents()) {
    const bool replaced = document.policy.layer == rules::Layer::kConsortium &&
                          document.policy.name.en == proposal.policy.name.en;
    if (!replaced) documents.push_back(document);
  }
  documents.push_back(proposal);
  DURE_ASSIGN(const rules::PolicySet then, rules::PolicySet::Make(std::move(documents)));
  return DecideUnder(then, ActionOf(before, request), FactsOf(before, request));
}

Status AddDecision(const PastDecision& past, const Standing& before,
                   const rules::PolicyDocument& proposal, Impact& impact) {
  DURE_ASSIGN(const rules::Decision decided,
              std::visit([&](const auto& request) { return DecideWith(proposal, request, before); },
                         past.request));
  ++impact.decided;
  const bool allowed = decided.outcome == rules::Outcome::kAdmit;
  if (allowed != past.allowed) {
    impact.flips.push_back({past.index, past.allowed, /*contribution=*/false, decided});
  }
  return {};
}

// Whether it counts is no entry of its own: everybody decides it where it stands.
Status AddContribution(const ledger::OpenedEntry& entry, const ledger::ContributionSubmitted& said,
                       const Standing& before, const rules::PolicyDocument& proposal,
                       Impact& impact) {
  const std::optional<Finding> finding = before.Check(entry);
  if (finding && finding->rule != "not-countable") return {};  // void whatever the rules say
  DURE_ASSIGN(const auto refusal,
              RefusalWith(before, before.state().rounds.at(said.at), said, proposal));
  ++impact.contributions;
  if (refusal.has_value() == finding.has_value()) return {};
  impact.flips.push_back(
      {before.size(), !finding, /*contribution=*/true, refusal.value_or(rules::Decision())});
  return {};
}

}  // namespace

std::optional<PastDecision> DecisionOf(uint64_t index, const ledger::OpenedEntry& entry) {
  const auto at = rules::Instant::Parse(entry.record.occurred_at);
  if (!at) return std::nullopt;
  if (const auto* e = std::get_if<ledger::AdmissionDecided>(&entry.record.event)) {
    return PastDecision{index,
                        AdmissionRequest{{e->run, e->round, e->attempt},
                                         e->site,
                                         e->what,
                                         *at,
                                         rules::WordsOf(e->decision).value_or(0)},
                        e->admit, e->decision};
  }
  if (const auto* e = std::get_if<ledger::GrantDecided>(&entry.record.event)) {
    return PastDecision{index,
                        GrantRequest{e->kind, e->model, e->grantee, e->purpose, e->territory,
                                     e->until, *at, rules::WordsOf(e->decision).value_or(0)},
                        e->granted, e->decision};
  }
  if (const auto* e = std::get_if<ledger::EvaluationDecided>(&entry.record.event)) {
    return PastDecision{index,
                        MeasuringRequest{e->run, e->model, e->site, e->what, *at,
                                         rules::WordsOf(e->decision).value_or(0)},
                        e->admit, e->decision};
  }
  return std::nullopt;
}

Status ForEachDecision(
    const ledger::LogReader& log,
    const std::function<void(const PastDecision&, const Standing& before)>& look) {
  Standing standing;
  return ForEachEntry(log, 0, log.Head().head.size, [&](const ledger::OpenedEntry& entry) {
    const auto decision = DecisionOf(standing.size(), entry);
    if (decision) look(*decision, standing);
    (void)standing.Take(entry);
  });
}

Result<Standing> StandingAt(const ledger::LogReader& log, uint64_t size) {
  Standing standing;
  DURE_TRY(ForEachEntry(log, 0, size,
                        [&](const ledger::OpenedEntry& entry) { (void)standing.Take(entry); }));
  return standing;
}

Result<Impact> ImpactOf(const ledger::LogReader& log, const rules::PolicyDocument& proposal) {
  Impact impact;
  Status failed;
  Standing before;
  const auto look = [&](const ledger::OpenedEntry& entry) {
    Status looked;
    if (const auto past = DecisionOf(before.size(), entry)) {
      looked = AddDecision(*past, before, proposal, impact);
    } else if (const auto* said = std::get_if<ledger::ContributionSubmitted>(&entry.record.event)) {
      looked = AddContribution(entry, *said, before, proposal, impact);
    }
    if (!looked && failed) failed = looked;
    (void)before.Take(entry);
  };
  DURE_TRY(ForEachEntry(log, 0, log.Head().head.size, look));
  DURE_TRY(failed);
  return impact;
}

}  // namespace dure::standing
