#include "policy/terms/answer.h"

#include <algorithm>

#include "policy/terms/licence.h"
#include "policy/terms/spdx.h"

namespace dure::terms {
namespace {

bool NeedsProfitFree(UseClass use) { return use == UseClass::kNotForProfitOrg; }

Permission OfUse(UseClass said, const Use& use) {
  if (said == UseClass::kUnknown) return Permission::kUnknown;
  const bool breach = (said == UseClass::kNonCommercial && IsCommercial(use.purpose)) ||
                      (said == UseClass::kResearchOnly && !IsResearch(use.purpose)) ||
                      (NeedsProfitFree(said) && use.beneficiary == Beneficiary::kForProfit);
  return breach ? Permission::kDeny : Permission::kAllow;
}

Permission DenyIf(bool breach) { return breach ? Permission::kDeny : Permission::kAllow; }

// Serving and exporting are what a publication moratorium and an embargo hold back.
bool GetsOut(Action action) { return !TouchesData(action); }

std::optional<Instant> EndOfMoratorium(const DuoCode& code) {
  if (code.values.empty()) return std::nullopt;
  return ParseInstant(code.values.front(), DayPart::kLastSecond);
}

Permission OfDuo(const DuoCode& code, const Use& use) {
  const DuoMeaning* meaning = FindDuo(code.number);
  if (meaning == nullptr) return Permission::kUnknown;
  const bool for_profit = use.beneficiary == Beneficiary::kForProfit;
  switch (meaning->effect) {
    case DuoEffect::kNothing:
    case DuoEffect::kDuty:
      return Permission::kAllow;
    case DuoEffect::kResearchPurposes:
      return DenyIf(!IsResearch(use.purpose));
    case DuoEffect::kNonCommercial:
      return DenyIf(IsCommercial(use.purpose));
    case DuoEffect::kNotForProfit:
      return DenyIf(for_profit);
    case DuoEffect::kNotForProfitNonCommercial:
      return DenyIf(for_profit || IsCommercial(use.purpose));
    case DuoEffect::kOnlyThere: {
      const auto& there = code.values;
      return DenyIf(TouchesData(use.action) &&
                    std::find(there.begin(), there.end(), use.country) == there.end());
    }
    case DuoEffect::kMoratorium: {
      const auto until = EndOfMoratorium(code);
      if (!until) return Permission::kUnknown;
      return DenyIf(GetsOut(use.action) && use.at <= *until);
    }
    case DuoEffect::kAskTheOwner:
      return Permission::kAsk;
    case DuoEffect::kResearchAndAsk:
      return IsResearch(use.purpose) ? Permission::kAsk : Permission::kDeny;
  }
  return Permission::kUnknown;
}

// Of a licence with choices, the user takes the kindest.
Permission OfLicence(const std::string& text, const Use& use) {
  const bool passes_on = use.action == Action::kExportWeights;
  const auto expression = ParseSpdx(text);
  if (!expression) return passes_on ? Permission::kAsk : Permission::kAllow;
  Permission kindest = Permission::kDeny;
  for (const std::vector<std::string>& choice : expression->choices) {
    Permission strictest = Permission::kAllow;
    for (const std::string& licence : choice) {
      const LicenceTraits traits = TraitsOf(licence);
      const bool breach = (traits.non_commercial && IsCommercial(use.purpose)) ||
                          (traits.no_derivatives && passes_on);
      const Permission one = !traits.known && passes_on ? Permission::kAsk : DenyIf(breach);
      strictest = std::max(strictest, one);
    }
    kindest = std::min(kindest, strictest);
  }
  return kindest;
}

Permission OfConsent(ConsentDuty duty, const Use& use) {
  const bool due = (duty == ConsentDuty::kRun && TouchesData(use.action)) ||
                   (duty == ConsentDuty::kExport && use.action == Action::kExportWeights) ||
                   (duty == ConsentDuty::kCommercialServe && use.action == Action::kServe &&
                    IsCommercial(use.purpose));
  return due ? Permission::kAsk : Permission::kAllow;
}

Permission OfPlaces(const Places& places, const std::string& country) {
  if (places.unknown()) return Permission::kUnknown;
  return DenyIf(!places.Contains(country));
}

std::string PlacesText(const Places& places) {
  if (places.anywhere) return std::string(kAnywhere);
  std::string text;
  for (const std::string& country : places.countries) text += (text.empty() ? "" : ", ") + country;
  return text.empty() ? "unknown" : text;
}

class Judge {
 public:
  Judge(const ModelTerms& terms, const Use& use) : terms_(terms), use_(use) {}

  Answer Take() {
    Purposes();
    Everything();
    PlacesAndTimes();
    std::sort(answer_.clauses.begin(), answer_.clauses.end(), [](const auto& a, const auto& b) {
      return a.outcome != b.outcome ? a.outcome > b.outcome : a.cause < b.cause;
    });
    return std::move(answer_);
  }

 private:
  void Note(Permission outcome, const std::set<Cause>& causes, const std::string& value) {
    if (outcome == Permission::kAllow || causes.empty()) return;
    answer_.outcome = std::max(answer_.outcome, outcome);
    for (const Cause& cause : causes) answer_.clauses.push_back({outcome, cause, value});
  }

  void Purposes() {
    Note(Permission::kUnknown, terms_.purposes_unknown, "unknown");
    const auto refused = terms_.purposes_refused.find(use_.purpose);
    if (refused != terms_.purposes_refused.end())
      Note(Permission::kDeny, refused->second, "not " + std::string(Word(use_.purpose)));
  }

  void Everything() {
    for (const auto& [said, causes] : terms_.actions[static_cast<size_t>(use_.action)])
      Note(said, causes, std::string(Word(said)));
    for (Clause& clause : answer_.clauses) SayIfWithdrawn(clause);
    for (const auto& [said, causes] : terms_.use)
      Note(OfUse(said, use_), causes, std::string(Word(said)));
    for (const auto& [code, causes] : terms_.duo)
      Note(OfDuo(code, use_), causes, FormatDuo(code.number));
    for (const auto& [licence, causes] : terms_.licences)
      Note(OfLicence(licence, use_), causes, licence.empty() ? "unknown" : licence);
    for (const auto& [duty, causes] : terms_.consent) {
      const bool change = duty == ConsentDuty::kPurposeChange;
      Note(change ? Permission::kAsk : OfConsent(duty, use_), change ? Changed(causes) : causes,
           std::string(Word(duty)));
    }
  }

  // Of these, the datasets that were used before, and never for this purpose.
  std::set<Cause> Changed(const std::set<Cause>& causes) const {
    std::set<Cause> changed;
    for (const Cause& cause : causes) {
      const auto before = use_.used_for.find(cause.dataset);
      const bool known = before != use_.used_for.end() && !before->second.empty();
      if (use_.every_term && known && !before->second.contains(use_.purpose)) changed.insert(cause);
    }
    return changed;
  }

  // REQUIRES: the clause is of an action, or of a purpose.
  void SayIfWithdrawn(Clause& clause) const {
    const auto gone = terms_.withdrawn_at.find(clause.cause.dataset);
    if (gone == terms_.withdrawn_at.end() || clause.outcome != Permission::kDeny) return;
    if (clause.cause.field.starts_with("actions.")) clause.withdrawn_at = gone->second;
  }

  void PlacesAndTimes() {
    const bool data = TouchesData(use_.action);
    if (data) {
      Where(terms_.processing, terms_.processing_excluded);
      // A site computes where its data lies.
      if (use_.every_term) Where(terms_.storage, terms_.storage_forbidden);
    } else if (use_.action != Action::kPublishMetrics) {
      for (const auto& [places, causes] : terms_.exports)
        Note(OfPlaces(places, use_.country), causes, PlacesText(places));
    }
    for (const auto& [from, causes] : terms_.valid_from)
      Note(DenyIf(use_.at < from), causes, FormatInstant(from));
    for (const auto& [until, causes] : terms_.valid_until)
      Note(DenyIf(data && use_.at > until), causes, FormatInstant(until));
    for (const auto& [after, causes] : terms_.delete_after)
      Note(DenyIf(data && use_.at > after), causes, FormatInstant(after));
    for (const auto& [until, causes] : terms_.embargo_until)
      Note(DenyIf(!data && use_.at <= until), causes, FormatInstant(until));
  }

  void Where(const Said<Places>& allowed, const Said<std::string>& forbidden) {
    for (const auto& [places, causes] : allowed)
      Note(OfPlaces(places, use_.country), causes, PlacesText(places));
    const auto not_there = forbidden.find(use_.country);
    if (not_there != forbidden.end())
      Note(Permission::kDeny, not_there->second, "not " + use_.country);
  }

  const ModelTerms& terms_;
  const Use& use_;
  Answer answer_;
};

}  // namespace

Answer Allows(const ModelTerms& terms, const Use& use) { return Judge(terms, use).Take(); }

bool HangsOnTime(const ModelTerms& terms, Instant from, Instant until) {
  const auto within = [&](Instant at) { return from <= at && at <= until; };
  const auto ends = [&](const auto& said) {
    const DuoMeaning* meaning = FindDuo(said.first.number);
    if (meaning == nullptr || meaning->effect != DuoEffect::kMoratorium) return false;
    const auto end = EndOfMoratorium(said.first);
    return end && within(*end);
  };
  const auto any_within = [&](const Said<Instant>& said) {
    const auto first = said.lower_bound(from);
    return first != said.end() && within(first->first);
  };
  return any_within(terms.valid_from) || any_within(terms.valid_until) ||
         any_within(terms.delete_after) || any_within(terms.embargo_until) ||
         std::ranges::any_of(terms.duo, ends);
}

}  // namespace dure::terms
