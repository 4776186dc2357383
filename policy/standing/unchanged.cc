#include "policy/standing/unchanged.h"

#include <algorithm>

#include "policy/standing/admission.h"
#include "policy/standing/fold.h"
#include "policy/standing/lent.h"

namespace dure::standing {
namespace {

using rules::Atom;
using rules::Instant;
using rules::Op;

constexpr std::string_view kTime = "request.time";

// Both included.
struct Span {
  Instant from;
  Instant until;
  bool Has(Instant moment) const { return from <= moment && moment <= until; }
};

bool SpeaksOfTime(const Atom& atom) { return atom.path == kTime || atom.right.path == kTime; }

// What a rule compares the time with; nullptr: not known here.
const rules::Fact* OtherSide(const Atom& atom, const Run& run, const DatasetEntry& data) {
  const std::string& path = atom.path == kTime ? atom.right.path : atom.path;
  for (const rules::Facts* facts : SettledFacts(run, data)) {
    const rules::Fact& fact = facts->At(path);
    if (fact.presence != rules::Presence::kUnknown) return &fact;
  }
  return nullptr;
}

// The comparison comes out the same at every moment of the span.
bool IsSteady(const Atom& atom, const Run& run, const DatasetEntry& data, const Span& span) {
  if (!SpeaksOfTime(atom) || !rules::HasRightSide(atom.op)) return true;
  const bool compares = atom.op == Op::kIs || atom.op == Op::kIsNot || atom.op == Op::kBefore ||
                        atom.op == Op::kAfter;
  if (!compares) return false;
  if (atom.right.path.empty()) {
    const Instant* time = atom.right.value.time();
    return time == nullptr || !span.Has(*time);
  }
  const rules::Fact* other = OtherSide(atom, run, data);
  if (other == nullptr) return false;
  const Instant* time = other->value.time();
  return other->presence == rules::Presence::kAbsent || time == nullptr || !span.Has(*time);
}

bool RulesAreSteady(const rules::PolicySet& policies, rules::Action action, const Run& run,
                    const DatasetEntry& data, const Span& span) {
  return std::ranges::all_of(policies.For(action).nodes, [&](const rules::Node& node) {
    return node.atom == nullptr || IsSteady(*node.atom, run, data, span);
  });
}

bool NothingFallsDue(const State& state, const SiteId& site, const Span& span) {
  const auto member = state.sites.find(site);
  if (member == state.sites.end()) return true;
  const auto dues = state.dues.find(member->second);
  if (dues == state.dues.end()) return true;
  const auto first = dues->second.lower_bound(span.from);
  return first == dues->second.end() || !span.Has(*first);
}

// No emergency rule ends, no term of the owner's, no time for a duty, and none that a rule names.
bool NoMomentMatters(const Standing& now, const AdmissionRequest& request, const Span& span) {
  const State& state = now.state();
  const bool ends = std::ranges::any_of(
      state.emergencies, [&](const EmergencyRule& rule) { return span.Has(rule.until); });
  if (ends || !NothingFallsDue(state, request.site, span)) return false;
  const auto run = state.runs.find(request.at.run);
  const DatasetEntry* data = FindVersion(state, request.what);
  if (run == state.runs.end() || data == nullptr) return false;
  if (terms::HangsOnTime(data->lent->terms, {span.from.seconds}, {span.until.seconds})) {
    return false;
  }
  const Result<rules::PolicySet> policies = PoliciesOf(now, request);
  const rules::Action action = ActionOf(now, request);
  return policies && RulesAreSteady(*policies, action, run->second, *data, span) &&
         RulesAreSteady(*policies, rules::Action::kTrain, run->second, *data, span);
}

}  // namespace

bool SurelyStillHolds(const Standing& now, const RoundAttempt& at, const Admission& admission,
                      Instant moment) {
  if (!admission.admit || now.decided_alike_since(at.run) > admission.index) return false;
  if (moment <= admission.at) return moment == admission.at;
  return NoMomentMatters(now, {at, admission.site, admission.what, moment, admission.words},
                         {admission.at, moment});
}

// It is of no other decision that data was admitted, but for those of other runs where its round
// is open: they count it as used. Duties that it brings fall due later (NothingFallsDue).
void Fold::Note(const ledger::AdmissionDecided& e) {
  const auto round = state_.rounds.find({e.run, e.round, e.attempt});
  const bool is_used = round != state_.rounds.end() && round->second.opened != 0;
  if (is_used) standing_.recency_.NoteUse(e.run, standing_.size_ + 1);
}

void Fold::Note(const ledger::RoundOpened& e) {
  standing_.recency_.NoteUse(e.at.run, standing_.size_ + 1);
}

}  // namespace dure::standing
