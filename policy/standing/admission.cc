#include "policy/standing/admission.h"

#include <set>

#include "policy/standing/behind.h"
#include "policy/standing/lent.h"
#include "policy/standing/voting.h"
#include "policy/terms/compile.h"

namespace dure::standing {
namespace {

using Documents = std::vector<const rules::PolicyDocument*>;

// The texts of an edition, and the emergency rules of the moment.
Result<Documents> ConsortiumTexts(const Standing& standing, const Digest& policies,
                                  rules::Instant now) {
  const auto edition = standing.state().editions.find(policies);
  if (edition == standing.state().editions.end()) {
    return Fail(ErrorCode::kFailedPrecondition, "no policies " + policies.Hex() + " were in force");
  }
  return standing.DecidingTexts(edition->second, now);
}

const std::string* TextAt(const rules::Facts& facts, std::string_view path) {
  const rules::Fact& fact = facts.At(path);
  return fact.presence == rules::Presence::kKnown ? fact.value.text() : nullptr;
}

// The use that it would be if these facts were so.
terms::Use Supposed(terms::Use use, const rules::Facts& as_if) {
  for (const char* path : {"run.purpose", "request.purpose"}) {
    const std::string* text = TextAt(as_if, path);
    const auto purpose = text ? terms::FromWord<terms::Purpose>(*text) : std::nullopt;
    if (purpose) use.purpose = *purpose;
  }
  for (const char* path : {"site.country", "request.country"}) {
    if (const std::string* country = TextAt(as_if, path)) use.country = *country;
  }
  const rules::Fact& beneficiaries = as_if.At("run.beneficiaries");
  if (beneficiaries.presence == rules::Presence::kKnown) {
    use.beneficiary = StrictestOf(beneficiaries.value.ToText());
  }
  const rules::Fact& time = as_if.At("request.time");
  if (time.value.time() != nullptr) use.at = terms::Instant{time.value.time()->seconds};
  return use;
}

// The use of data in a run; to train, or to fine-tune.
Result<terms::Use> UseOf(const State& state, const Run& run, const AdmissionRequest& request) {
  const auto purpose = terms::FromWord<terms::Purpose>(run.Field("purpose"));
  if (!purpose) {
    return Fail(ErrorCode::kFailedPrecondition, request.at.run.str() + " names no purpose");
  }
  terms::Use use;
  use.every_term = request.words >= terms::kEveryTermSince;
  use.action = use.every_term && run.from_model ? terms::Action::kFinetune : terms::Action::kTrain;
  use.purpose = *purpose;
  use.beneficiary = StrictestOf(run.Field("beneficiaries"));
  const auto member = state.sites.find(request.site);
  if (member != state.sites.end()) use.country = state.members.at(member->second).country;
  use.at = terms::Instant{request.now.seconds};
  return use;
}

// A round that is none: the same run, site and data.
AdmissionRequest AsAdmission(const MeasuringRequest& request) {
  return {{request.run, {0}, 0}, request.site, request.what, request.now, request.words};
}

// What the owner says of this very use; nullptr: the dataset is not on record. Its limits go to
// `documents`.
Result<std::shared_ptr<const rules::PolicyDocument>> AddTerms(const State& state, const Run& run,
                                                              const AdmissionRequest& request,
                                                              const rules::Facts& as_if,
                                                              Documents& documents) {
  const auto dataset = state.datasets.find(request.what.dataset);
  if (dataset == state.datasets.end()) return nullptr;
  const auto entry = dataset->second.versions.find(request.what.version);
  if (entry == dataset->second.versions.end()) return nullptr;
  DURE_ASSIGN(terms::Use use, UseOf(state, run, request));
  const Lent& lent = *entry->second.lent;
  if (use.every_term && !lent.terms.consent.empty()) {
    use.used_for[dataset->first.str()] = PurposesOf(state, dataset->second.runs);
  }
  DURE_ASSIGN(auto said, lent.ready.For(lent.terms, Supposed(use, as_if)));
  const auto& limits = use.every_term ? lent.limits : lent.limits_before;
  if (!limits) return Fail(limits.error());
  documents.push_back(said.get());
  documents.push_back(&*limits);
  if (request.words < kOwnersNoHoldsSince) return said;
  if (!OwnerSaidNo(state, request.at.run, dataset->second)) return said;
  if (!lent.refusal) return Fail(lent.refusal.error());
  documents.push_back(&*lent.refusal);
  return said;
}

// A firm uses a model for profit; others are taken at their house's word.
terms::Beneficiary BeneficiaryOf(const State& state, const MemberId& grantee) {
  const auto found = state.members.find(grantee);
  const bool described = found != state.members.end() && found->second.described;
  if (!described) return terms::Beneficiary::kForProfit;
  switch (found->second.house) {
    case ledger::House::kPublic:
      return terms::Beneficiary::kPublicBody;
    case ledger::House::kAcademic:
      return terms::Beneficiary::kNonProfit;
    case ledger::House::kPrivate:
    case ledger::House::kSmallFirm:
      break;
  }
  return terms::Beneficiary::kForProfit;
}

Result<terms::Use> UseOf(const State& state, const GrantRequest& request) {
  const auto purpose = terms::FromWord<terms::Purpose>(request.purpose);
  if (!purpose) {
    return Fail(ErrorCode::kInvalid, "\"" + request.purpose + "\" is no purpose; it is one of " +
                                         terms::AllWords<terms::Purpose>());
  }
  terms::Use use;
  use.action = request.kind == ledger::UseKind::kServe ? terms::Action::kServe
                                                       : terms::Action::kExportWeights;
  use.purpose = *purpose;
  use.beneficiary = BeneficiaryOf(state, request.grantee);
  use.country = request.territory;
  use.at = terms::Instant{request.now.seconds};
  use.every_term = request.words >= terms::kEveryTermSince;
  if (use.every_term) use.used_for = UsedFor(state, request.model, request.words);
  use.withdrawn_named = request.words >= terms::kWithdrawnIsNamedSince;
  return use;
}

// The reasons of a site's own rules: that they permit nothing is no objection.
void AddOwn(rules::Decision decision, std::vector<rules::Reason>& objections) {
  for (rules::Reason& reason : decision.reasons) {
    const bool own_rule = reason.policy.layer == rules::Layer::kSite &&
                          reason.reason_class != rules::ReasonClass::kNothingPermits;
    if (own_rule) objections.push_back(std::move(reason));
  }
}

}  // namespace

terms::Beneficiary StrictestOf(const std::string& beneficiaries) {
  const bool profit = beneficiaries.find("for-profit") != std::string::npos;
  return profit ? terms::Beneficiary::kForProfit : terms::Beneficiary::kNonProfit;
}

Result<std::set<DatasetId>> AskedFor(const Standing& standing, const GrantRequest& request) {
  DURE_ASSIGN(const terms::Use use, UseOf(standing.state(), request));
  std::set<DatasetId> asked;
  const terms::ModelTerms behind = TermsBehind(standing.state(), request.model, request.words);
  for (const terms::Clause& clause : terms::Allows(behind, use).clauses) {
    if (clause.outcome != terms::Permission::kAsk) continue;
    if (const auto id = DatasetId::Parse(clause.cause.dataset)) asked.insert(*id);
  }
  return asked;
}

rules::Action ActionOf(const Standing& standing, const AdmissionRequest& request) {
  const auto run = standing.state().runs.find(request.at.run);
  const bool tunes = request.words >= terms::kEveryTermSince &&
                     run != standing.state().runs.end() && run->second.from_model;
  return tunes ? rules::Action::kFinetune : rules::Action::kTrain;
}
rules::Action ActionOf(const Standing&, const GrantRequest& request) {
  const bool serves = request.kind == ledger::UseKind::kServe;
  return serves ? rules::Action::kServe : rules::Action::kExportWeights;
}

rules::Action ActionOf(const Standing&, const MeasuringRequest&) {
  return rules::Action::kEvaluate;
}

Result<rules::PolicySet> PoliciesOf(const Standing& standing, const AdmissionRequest& request,
                                    const rules::Facts& as_if) {
  const auto run = standing.state().runs.find(request.at.run);
  if (run == standing.state().runs.end() || !run->second.approved) {
    return Fail(ErrorCode::kFailedPrecondition, request.at.run.str() + " is not approved");
  }
  DURE_ASSIGN(Documents documents, ConsortiumTexts(standing, run->second.policies, request.now));
  DURE_ASSIGN(const auto of_use,
              AddTerms(standing.state(), run->second, request, as_if, documents));
  return standing.SetOf(documents);
}

Result<rules::PolicySet> PoliciesOf(const Standing& standing, const GrantRequest& request,
                                    const rules::Facts& as_if) {
  DURE_ASSIGN(Documents documents,
              ConsortiumTexts(standing, standing.state().policies, request.now));
  DURE_ASSIGN(const terms::Use use, UseOf(standing.state(), request));
  const terms::ModelTerms behind = TermsBehind(standing.state(), request.model, request.words);
  DURE_ASSIGN(const rules::PolicyDocument of_terms, terms::PolicyFor(behind, Supposed(use, as_if)));
  documents.push_back(&of_terms);
  return standing.SetOf(documents);
}

// What the consortium's rules say of publishing figures speaks of a model and whoever asks for it;
// the owner's say is asked of both, measuring and publishing.
Result<rules::PolicySet> PoliciesOf(const Standing& standing, const MeasuringRequest& request,
                                    const rules::Facts& as_if) {
  const State& state = standing.state();
  const auto run = state.runs.find(request.run);
  if (run == state.runs.end() || !run->second.approved) {
    return Fail(ErrorCode::kFailedPrecondition, request.run.str() + " is not approved");
  }
  const auto dataset = state.datasets.find(request.what.dataset);
  if (dataset == state.datasets.end() || !dataset->second.versions.contains(request.what.version)) {
    return Fail(ErrorCode::kFailedPrecondition, request.what.dataset.str() + " is not on record");
  }
  const auto member = state.sites.find(request.site);
  if (member == state.sites.end() || member->second != dataset->second.custodian) {
    return Fail(ErrorCode::kFailedPrecondition,
                request.what.dataset.str() + " is not lent by the member of " + request.site.str());
  }
  DURE_ASSIGN(Documents documents, ConsortiumTexts(standing, run->second.policies, request.now));
  DURE_ASSIGN(terms::Use use, UseOf(state, run->second, AsAdmission(request)));
  use.used_for[request.what.dataset.str()] = PurposesOf(state, dataset->second.runs);
  const terms::ModelTerms& owners = dataset->second.versions.at(request.what.version).lent->terms;
  DURE_ASSIGN(const rules::PolicyDocument of_terms,
              terms::MeasuringPolicyFor(owners, Supposed(use, as_if)));
  documents.push_back(&of_terms);
  return standing.SetOf(documents);
}

rules::Decision DecideUnder(const rules::PolicySet& policies, rules::Action action,
                            const rules::Facts& facts) {
  rules::Decision decision = rules::Decide(policies, action, facts);
  const bool admits = decision.outcome == rules::Outcome::kAdmit;
  if (!admits || action != rules::Action::kFinetune) return decision;
  rules::Decision training = rules::Decide(policies, rules::Action::kTrain, facts);
  return training.outcome == rules::Outcome::kAdmit ? decision : training;
}

std::string Ruling::Json() const { return rules::ToJson(decision); }

Result<Ruling> Decide(const Standing& standing, const AdmissionRequest& request) {
  DURE_ASSIGN(const rules::PolicySet policies, PoliciesOf(standing, request));
  const rules::Facts facts = FactsOf(standing, request);
  return Ruling{DecideUnder(policies, ActionOf(standing, request), facts),
                standing.state().runs.at(request.at.run).policies};
}

Result<std::vector<rules::Reason>> ObjectionsOf(const rules::PolicyDocument& own,
                                                const Standing& standing,
                                                const AdmissionRequest& request) {
  DURE_ASSIGN(const rules::PolicySet alone, rules::PolicySet::Make({own}));
  const rules::Facts facts = FactsOf(standing, request);
  std::vector<rules::Reason> objections;
  // Whoever fine-tunes also trains.
  for (const rules::Action action :
       std::set<rules::Action>{rules::Action::kTrain, ActionOf(standing, request)}) {
    AddOwn(rules::Decide(alone, action, facts), objections);
  }
  return objections;
}

Result<std::vector<rules::Reason>> ObjectionsOf(const rules::PolicyDocument& own,
                                                const Standing& standing,
                                                const MeasuringRequest& request) {
  DURE_ASSIGN(const rules::PolicySet alone, rules::PolicySet::Make({own}));
  std::vector<rules::Reason> objections;
  AddOwn(rules::Decide(alone, ActionOf(standing, request), FactsOf(standing, request)), objections);
  return objections;
}

Result<Ruling> Decide(const Standing& standing, const MeasuringRequest& request) {
  DURE_ASSIGN(const rules::PolicySet policies, PoliciesOf(standing, request));
  const rules::Facts facts = FactsOf(standing, request);
  return Ruling{DecideUnder(policies, ActionOf(standing, request), facts),
                standing.state().runs.at(request.run).policies};
}

Result<Ruling> Decide(const Standing& standing, const GrantRequest& request) {
  DURE_ASSIGN(const rules::PolicySet policies, PoliciesOf(standing, request));
  const rules::Facts facts = FactsOf(standing, request);
  return Ruling{DecideUnder(policies, ActionOf(standing, request), facts),
                standing.state().policies};
}

ledger::AdmissionDecided EventOf(const Standing& standing, const AdmissionRequest& request,
                                 const Ruling& ruling) {
  return {request.at.run,   request.at.round, request.at.attempt, request.site, request.what,
          ruling.allowed(), ruling.policies,  standing.size(),    ruling.Json()};
}

ledger::GrantDecided EventOf(const Standing& standing, const GrantRequest& request,
                             const Ruling& ruling) {
  return {request.kind,  request.model,    request.grantee, request.purpose, request.territory,
          request.until, ruling.allowed(), ruling.policies, standing.size(), ruling.Json()};
}

ledger::EvaluationDecided EventOf(const Standing& standing, const MeasuringRequest& request,
                                  const Ruling& ruling) {
  return {request.run,      request.model,   request.site,    request.what,
          ruling.allowed(), ruling.policies, standing.size(), ruling.Json()};
}

}  // namespace dure::standing
