#include "policy/terms/odrl.h"

#include <nlohmann/json.hpp>

#include "policy/terms/odrl_tree.h"
#include "policy/terms/tree.h"

namespace dure::terms {
namespace {

using nlohmann::ordered_json;

std::string Name(std::string_view word) { return "dure:" + std::string(word); }

ordered_json Constraint(const std::string& left, const char* op, ordered_json right) {
  return {{"leftOperand", left}, {"operator", op}, {"rightOperand", std::move(right)}};
}

ordered_json DateTime(Instant time) {
  return {{"@value", FormatInstant(time)}, {"@type", "xsd:dateTime"}};
}

void AddPlaces(const Places& places, ordered_json& constraints) {
  if (!places.countries.empty())
    constraints.push_back(Constraint("spatial", "isAnyOf", places.countries));
}

// Everything that has to hold for the action, in ODRL's words.
ordered_json ConstraintsOf(const Terms& terms, Action action) {
  ordered_json constraints = ordered_json::array();
  if (!terms.purposes.empty()) {
    ordered_json purposes = ordered_json::array();
    for (const Purpose purpose : terms.purposes) purposes.push_back({{"@id", Name(Word(purpose))}});
    constraints.push_back(Constraint("purpose", "isAnyOf", std::move(purposes)));
  }
  const bool data = TouchesData(action);
  if (data) AddPlaces(terms.territories.processing, constraints);
  if (!data && action != Action::kPublishMetrics) AddPlaces(terms.territories.exports, constraints);
  if (data && !terms.territories.processing_excluded.empty())
    constraints.push_back(Constraint("spatial", "isNoneOf", terms.territories.processing_excluded));
  const auto& time = terms.time;
  if (time.valid_from)
    constraints.push_back(Constraint("dateTime", "gteq", DateTime(*time.valid_from)));
  if (data && time.valid_until)
    constraints.push_back(Constraint("dateTime", "lteq", DateTime(*time.valid_until)));
  if (!data && time.embargo_until)
    constraints.push_back(Constraint("dateTime", "gt", DateTime(*time.embargo_until)));
  return constraints;
}

// The fields that the policy itself has no place for.
ordered_json MoreOf(const Terms& terms) {
  ordered_json more = ToTree(terms);
  for (const char* said : {"format", "purposes", "actions"}) more.erase(said);
  if (more.contains("territories")) {
    // "Anywhere" is no constraint in ODRL, and "nobody said" neither: they differ here.
    for (const char* said : {"processing", "processingExcluded", "exports"}) {
      auto& places = more["territories"];
      if (places.contains(said) && places[said] != ordered_json::array({kAnywhere}))
        places.erase(said);
    }
    if (more["territories"].empty()) more.erase("territories");
  }
  if (more.contains("time")) {
    for (const char* said : {"validFrom", "validUntil", "embargoUntil"}) more["time"].erase(said);
    if (more["time"].empty()) more.erase("time");
  }
  return more;
}

// Its uid is of what the terms say: their texts' commitments have another salt each time a file is
// read, and the same version of a file would be another policy at each export.
std::string UidOf(Terms terms) {
  const auto said = [](std::optional<Digest>& text) {
    if (text) text = Digest();
  };
  for (auto* notice : {&terms.licence.copyright, &terms.licence.patent, &terms.licence.trademark})
    said(*notice);
  said(terms.personal.assessment);
  std::set<Duty> duties;
  for (Duty duty : terms.duties) {
    said(duty.text);
    duties.insert(std::move(duty));
  }
  terms.duties = std::move(duties);
  return "urn:dure:terms:" + DigestOf(terms).Hex();
}

}  // namespace

std::string DutyAction(DutyKind kind) {
  switch (kind) {
    case DutyKind::kAttribute:
      return "attribute";
    case DutyKind::kReport:
    case DutyKind::kNotifyIncident:
      return "inform";
    case DutyKind::kDeleteEvidence:
      return "delete";
    case DutyKind::kPayShare:
      return "compensate";
    case DutyKind::kShareResults:
    case DutyKind::kReturnDerived:
      break;
  }
  return Name(Word(kind));
}

ordered_json OdrlContext() {
  return ordered_json::array({"http://www.w3.org/ns/odrl.jsonld",
                              {{"dure", kTermsNamespace},
                               {"dct", "http://purl.org/dc/terms/"},
                               {"xsd", "http://www.w3.org/2001/XMLSchema#"}}});
}

std::string TargetOf(const std::string& dataset) {
  return "urn:dure:dataset:" + (dataset.empty() ? "unnamed" : dataset);
}

ordered_json OfferTree(const Terms& terms, const std::string& dataset,
                       const std::string& assigner) {
  ordered_json policy = {{"@type", assigner.empty() ? "Set" : "Offer"},
                         {"uid", UidOf(terms)},
                         {"profile", std::string(kTermsNamespace)},
                         {"conflict", "prohibit"}};
  const std::string target = TargetOf(dataset);
  policy["target"] = target;
  if (!assigner.empty()) policy["assigner"] = "urn:dure:party:" + assigner;
  if (!terms.licence.data.empty()) policy["dct:license"] = terms.licence.data;
  for (size_t i = 0; i < kWordCount<Action>; ++i) {
    const auto action = static_cast<Action>(i);
    const Permission said = terms.Of(action);
    ordered_json rule = {{"target", target}, {"action", Name(Word(action))}};
    if (said == Permission::kDeny) policy["prohibition"].push_back(rule);
    if (said != Permission::kAllow && said != Permission::kAsk) continue;
    ordered_json constraints = ConstraintsOf(terms, action);
    if (!constraints.empty()) rule["constraint"] = std::move(constraints);
    if (said == Permission::kAsk) rule["duty"].push_back({{"action", "obtainConsent"}});
    policy["permission"].push_back(std::move(rule));
  }
  for (const Duty& duty : terms.duties)
    policy["obligation"].push_back({{"target", target}, {"action", DutyAction(duty.kind)}});
  if (terms.time.delete_after)
    policy["obligation"].push_back(
        {{"target", target},
         {"action", "delete"},
         {"constraint", {Constraint("dateTime", "lteq", DateTime(*terms.time.delete_after))}}});
  const bool ruled = policy.contains("permission") || policy.contains("prohibition");
  if (!ruled) policy["prohibition"].push_back({{"target", target}, {"action", "use"}});
  const ordered_json more = MoreOf(terms);
  if (!more.empty()) policy["dure:more"] = {{"@type", "@json"}, {"@value", more}};
  return policy;
}

namespace {

std::string WithContext(const ordered_json& policy) {
  ordered_json document = {{"@context", OdrlContext()}};
  document.update(policy);
  return document.dump(2) + "\n";
}

}  // namespace

std::string ToOdrlOffer(const Terms& terms, const std::string& dataset,
                        const std::string& assigner) {
  return WithContext(OfferTree(terms, dataset, assigner));
}

std::string ToOdrlAgreement(const Terms& terms, const std::string& dataset,
                            const std::string& assigner, const std::string& assignee) {
  ordered_json policy = OfferTree(terms, dataset, assigner);
  if (!assigner.empty()) policy["@type"] = "Agreement";
  policy["assignee"] = "urn:dure:party:" + assignee;
  return WithContext(policy);
}

}  // namespace dure::terms
