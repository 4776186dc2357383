// Datasets and their terms, withdrawals, and what became of the models.
#include <algorithm>

#include "policy/rules/agreement.h"
#include "policy/standing/admission.h"
#include "policy/standing/behind.h"
#include "policy/standing/decided.h"
#include "policy/standing/fold.h"
#include "policy/standing/lent.h"
#include "policy/standing/shares.h"
#include "policy/standing/valuation.h"
#include "policy/terms/passport.h"

namespace dure::standing {
namespace {

// A site lends what lies there; an officer what lies at any site of the same member.
bool SpeaksFor(const Said& said, const MemberId& member, const SiteId& site) {
  return said.member == member && (said.role == ledger::Role::kOfficer || said.site == site);
}

// From this version of the words on (rules/versions.h) a log's passports are looked at by everyone.
constexpr uint32_t kPassportsHoldSince = 2;
// And from this one on a model that is let be used is one that a round of this log made: of another
// nobody's terms are known, and what has no terms behind it may be used for anything.
constexpr uint32_t kGrantedAreKnownSince = 5;

}  // namespace

// What is made from the record names whoever the passport says keeps the data.
MaybeBreach PassportHolds(const Said& said, const ledger::DatasetRegistered& e) {
  const auto passport = terms::ParseCanonicalPassport(e.passport);
  if (!passport) return Breach{"passport-malformed", passport.error().message};
  if (passport->dataset == e.what.dataset.str() && passport->custodian == said.member.str()) {
    return std::nullopt;
  }
  return Breach{"passport-of-another", "the passport is of " + passport->dataset + ", kept by " +
                                           passport->custodian + "; " + said.member.str() +
                                           " registers " + e.what.dataset.str()};
}

MaybeBreach HoldsIn(const Standing& now, const Said& said, const ledger::DatasetRegistered& e) {
  const auto owner = now.state().sites.find(e.site);
  if (owner == now.state().sites.end() || !SpeaksFor(said, owner->second, e.site)) {
    return Breach{"foreign-site", said.member.str() + " has no say over " + e.site.str()};
  }
  const auto terms = terms::ParseCanonical(e.terms);
  if (!terms) return Breach{"terms-malformed", terms.error().message};
  // Records of builds that did not look hold passports of any kind, and are replayed.
  if (NewestWords(now.state()) >= kPassportsHoldSince) {
    if (MaybeBreach breach = PassportHolds(said, e)) return breach;
  }
  const auto known = now.state().datasets.find(e.what.dataset);
  const uint64_t due = known == now.state().datasets.end() ? 1 : known->second.version() + 1;
  if (e.what.version != due) {
    return Breach{"version", "version " + std::to_string(due) + " of " + e.what.dataset.str() +
                                 " was due, " + std::to_string(e.what.version) + " came"};
  }
  if (known == now.state().datasets.end()) return std::nullopt;
  if (known->second.custodian != said.member) {
    return Breach{"foreign-dataset",
                  e.what.dataset.str() + " is " + known->second.custodian.str() + "'s"};
  }
  if (!known->second.withdrawn) return std::nullopt;
  return Breach{"withdrawn", e.what.dataset.str() + " was withdrawn; lend it under a new name"};
}

MaybeBreach HoldsIn(const Standing& now, const Said& said, const ledger::ConsentGiven& e) {
  const auto known = now.state().datasets.find(e.dataset);
  if (known == now.state().datasets.end() || known->second.custodian != said.member) {
    return Breach{"foreign-dataset", e.dataset.str() + " is not " + said.member.str() + "'s"};
  }
  if (!known->second.withdrawn) return std::nullopt;
  return Breach{"withdrawn", e.dataset.str() + " was withdrawn"};
}

GrantRequest RequestOf(const Said& said, const ledger::GrantDecided& e) {
  return {e.kind,      e.model, e.grantee, e.purpose,
          e.territory, e.until, said.at,   rules::WordsOf(e.decision).value_or(0)};
}

MaybeBreach HoldsIn(const Standing& now, const Said& said, const ledger::GrantDecided& e) {
  if (e.as_of > said.index) return Breach{"as-of", "it was decided from entries after itself"};
  if (e.as_of < now.decisive_size()) return std::nullopt;  // stale: has no effect
  const GrantRequest request = RequestOf(said, e);
  const uint32_t words = std::max(request.words, NewestWords(now.state()));
  if (words >= kGrantedAreKnownSince && !now.state().models.contains(e.model)) {
    return Breach{"unknown-model",
                  "no closed round of this log made model " + e.model.Hex().substr(0, 16) + "..."};
  }
  const Result<Ruling> due = Decide(now, request);
  if (!due) return Breach{"not-decidable", due.error().message};
  if (due->policies != e.policies) {
    return Breach{"other-policies", "it was decided under policies that are not in force",
                  due->policies.Hex()};
  }
  return DecisionHolds(now, *due, {e.granted, e.decision, "the request of " + e.grantee.str()});
}

MaybeBreach HoldsIn(const Standing& now, const Said& said, const ledger::GrantRevoked& e) {
  const auto grant = now.state().grants.find(e.grant);
  if (grant == now.state().grants.end() || !grant->second.decided.granted ||
      grant->second.revoked) {
    return Breach{"no-such-grant", "no grant stands at entry " + std::to_string(e.grant)};
  }
  if (said.role == ledger::Role::kAggregator) return std::nullopt;
  const uint32_t words = NewestWords(now.state());
  for (const auto& [what, rounds] :
       DatasetsBehind(now.state(), grant->second.decided.model, words)) {
    const auto dataset = now.state().datasets.find(what.dataset);
    const bool own =
        dataset != now.state().datasets.end() && dataset->second.custodian == said.member;
    if (own) return std::nullopt;
  }
  return Breach{"foreign-grant", said.member.str() + " lent nothing to that model"};
}

MaybeBreach ValuationHolds(const State& state, const ledger::ShareComputed& e, CoalitionKind kind) {
  if (!state.runs.contains(e.run)) return Breach{"no-such-run", "it was never proposed"};
  const Valuation due = ValueRun(state, e.run, kind);
  if (due.refusal) return Breach{due.refusal->code, due.refusal->text};
  if (due.valued.shares == e.shares) return std::nullopt;
  return Breach{"shares-differ", "the shares of " + e.run.str() + " recompute to others"};
}

MaybeBreach HoldsIn(const Standing& now, const Said&, const ledger::ShareComputed& e) {
  const State& state = now.state();
  const auto closing = [&](const auto& item) {
    return item.second.run == e.run && item.first >= e.as_of;
  };
  if (e.as_of > now.size() || std::ranges::any_of(state.closings, closing)) {
    return Breach{"as-of", "it was computed from other entries than those before it"};
  }
  for (const CoalitionKind kind : {CoalitionKind::kLeaveOneOut, CoalitionKind::kGroup}) {
    if (e.formula == DigestOf(kind)) return ValuationHolds(state, e, kind);
  }
  const ShareFormula formula = FormulaOf(state);
  if (formula.digest() != e.formula) {
    return Breach{"other-formula", "the formula in force is \"" + formula.Text() + "\"",
                  formula.digest().Hex()};
  }
  if (ComputeShares(state, e.run, formula, e.seed) == e.shares) return std::nullopt;
  return Breach{"shares-differ", "the shares of " + e.run.str() + " recompute to others"};
}

MaybeBreach HoldsIn(const Standing& now, const Said&, const ledger::DisclosureExported& e) {
  const bool known = now.state().models.contains(e.subject);
  if (known && e.as_of <= now.size()) return std::nullopt;
  return Breach{"as-of", known ? "it speaks of entries that are not there yet"
                               : "no closed round made what it speaks of"};
}

void Fold::Do(const Said& said, const ledger::DatasetRegistered& e) {
  Dataset& dataset = state_.datasets[e.what.dataset];
  dataset.custodian = said.member;
  DatasetEntry& entry = dataset.versions[e.what.version];
  entry = {said.index, e.site, said.at, e.passport, e.terms, *terms::ParseCanonical(e.terms)};
  entry.lent = LentBy(e.what, said.member, entry);
  Decisive();
}

void Fold::Do(const Said& said, const ledger::ConsentGiven& e) {
  state_.datasets.at(e.dataset).consents.push_back({said.index, said.entry.record.actor.key, e.run,
                                                    e.kind, e.purpose, e.model, e.grantee,
                                                    e.standing, std::nullopt});
  Decisive();
}

// A yes that does not stand is to one grant; of several, one that stands is taken first.
void Fold::UseConsents(const Said& said, const ledger::GrantDecided& e) {
  const GrantRequest request = RequestOf(said, e);
  if (request.words < kOneUseSince) return;
  const bool any = std::ranges::any_of(
      state_.datasets, [](const auto& item) { return !item.second.consents.empty(); });
  if (!any) return;
  const auto asked = AskedFor(standing_, request);
  if (!asked) return;
  for (const DatasetId& id : *asked) {
    std::vector<Consent>& consents = state_.datasets.at(id).consents;
    const auto covers = [&](const Consent& one) { return Covers(one, request); };
    const auto stands = [&](const Consent& one) { return one.standing && covers(one); };
    if (std::ranges::any_of(consents, stands)) continue;
    const auto used = std::ranges::find_if(consents, covers);
    if (used == consents.end()) continue;
    used->used = said.index;
    Decisive();
  }
}

void Fold::Do(const Said& said, const ledger::GrantDecided& e) {
  if (e.as_of < standing_.decisive_size()) return;
  CountWords(e.decision);
  if (e.granted) UseConsents(said, e);
  state_.grants[said.index] = {said.index, e, std::nullopt};
  if (e.granted) OpenDuties(said, e.decision, {e.grantee, e.model.Hex(), {}, {}, 0});
}

void Fold::Do(const Said& said, const ledger::GrantRevoked& e) {
  state_.grants.at(e.grant).revoked = said.index;
}

void Fold::Do(const Said& said, const ledger::ShareComputed& e) { state_.shares[said.index] = e; }

void Fold::Do(const Said& said, const ledger::DisclosureExported& e) {
  state_.disclosures[said.index] = e;
}

}  // namespace dure::standing
