// PROV-JSON: datasets, policies and models are entities, rounds and evaluations activities, members
// and sites agents.
#include <nlohmann/json.hpp>

#include "policy/exports/parts.h"

namespace dure::exports {
namespace {

using nlohmann::ordered_json;

std::string Id(const std::string& name) { return "dure:" + name; }
// The value of prov:type is a name, not a text.
ordered_json ProvName(const char* name) { return {{"$", name}, {"type", "prov:QUALIFIED_NAME"}}; }
std::string ModelId(const Digest& digest) { return Id("model-" + digest.Hex().substr(0, 16)); }

class Prov {
 public:
  explicit Prov(const Dossier& dossier) : dossier_(dossier) {
    out_["prefix"] = {{"dure", "https://dure.dev/ns/prov#"}};
    for (const char* section : {"entity", "activity", "agent"})
      out_[section] = ordered_json::object();
  }

  ordered_json Take() {
    Document();
    for (const Member& member : dossier_.members) AddMember(member);
    for (const Site& site : dossier_.sites) AddSite(site);
    for (const Dataset& dataset : dossier_.datasets) AddDataset(dataset);
    for (const Policy& policy : dossier_.policies) AddPolicy(policy);
    for (const Round& round : dossier_.rounds) AddRound(round);
    for (const Evaluation& evaluation : dossier_.evaluations) AddEvaluation(evaluation);
    return std::move(out_);
  }

 private:
  // What stands in the record can be proven; the attributes say where to ask.
  ordered_json At(const Place& place) const {
    return {{"dure:ledgerIndex", place.index}, {"dure:leafHash", place.leaf.Hex()}};
  }
  void Relate(const char* relation, ordered_json value) {
    out_[relation]["_:" + std::string(relation) + std::to_string(++relations_)] = std::move(value);
  }
  // An entity that the record names and of which it says no more here.
  void Entity(const std::string& id, const ordered_json& attributes) {
    ordered_json& entity = out_["entity"][id];
    if (entity.is_null()) entity = ordered_json::object();
    entity.update(attributes);
  }
  void Agent(const std::string& id, const char* type) {
    if (!out_["agent"].contains(id)) out_["agent"][id] = {{"prov:type", ProvName(type)}};
  }

  void Document() {
    std::string caveats;
    for (const std::string& caveat : DoesNotProve(Format::kProv, terms::Language::kEnglish))
      caveats += (caveats.empty() ? "" : " ") + caveat;
    Entity("dure:this-document", {{"dure:templateVersion", TemplateVersion(Format::kProv)},
                                  {"dure:federation", dossier_.federation},
                                  {"dure:asOf", dossier_.as_of},
                                  {"dure:root", dossier_.root.Hex()},
                                  {"dure:logKey", OrAbsent(dossier_.log_key)},
                                  {"dure:madeAt", terms::FormatInstant(dossier_.made_at)},
                                  {"dure:doesNotProve", caveats}});
    Entity(ModelId(dossier_.model.digest),
           {{"dure:sha256", dossier_.model.digest.Hex()}, {"prov:label", dossier_.model.name}});
  }

  void AddMember(const Member& member) {
    ordered_json agent = {{"prov:type", ProvName("prov:Organization")},
                          {"dure:house", OrAbsent(member.house)},
                          {"dure:country", OrAbsent(member.country)}};
    agent.update(At(member.place));
    out_["agent"][Id("member-" + member.id)] = std::move(agent);
  }

  void AddSite(const Site& site) {
    Agent(Id("site-" + site.id), "prov:SoftwareAgent");
    Agent(Id("member-" + site.member), "prov:Organization");
    Relate("actedOnBehalfOf", {{"prov:delegate", Id("site-" + site.id)},
                               {"prov:responsible", Id("member-" + site.member)}});
  }

  void AddDataset(const Dataset& dataset) {
    const std::string id = Id("dataset-" + NameOf(dataset));
    ordered_json attributes = At(dataset.place);
    attributes["dure:saltedDigest"] = dataset.passport.data.Hex();
    attributes["dure:termsDigest"] = terms::DigestOf(dataset.terms).Hex();
    attributes["dure:licence"] =
        dataset.terms.licence.data.empty() ? kNotRecorded : dataset.terms.licence.data;
    attributes["dure:withdrawnAt"] =
        dataset.withdrawal ? TimeOrAbsent(dataset.withdrawn_at) : "no withdrawal recorded";
    Entity(id, attributes);
    Agent(Id("member-" + dataset.passport.custodian), "prov:Organization");
    Relate("wasAttributedTo",
           {{"prov:entity", id}, {"prov:agent", Id("member-" + dataset.passport.custodian)}});
  }

  void AddPolicy(const Policy& policy) {
    ordered_json attributes = At(policy.place);
    attributes["dure:sha256"] = policy.digest.Hex();
    attributes["prov:label"] = OrAbsent(policy.name);
    Entity(Id("policy-" + policy.digest.Hex().substr(0, 16)), attributes);
  }

  void AddRound(const Round& round) {
    const std::string id = Id(round.run + "-round-" + std::to_string(round.number));
    ordered_json activity = At(round.closed);
    if (round.opened_at) activity["prov:startTime"] = terms::FormatInstant(*round.opened_at);
    if (round.closed_at) activity["prov:endTime"] = terms::FormatInstant(*round.closed_at);
    activity["dure:attempt"] = round.attempt;
    out_["activity"][id] = std::move(activity);
    Entity(ModelId(round.base_model), {{"dure:sha256", round.base_model.Hex()}});
    Entity(ModelId(round.model), {{"dure:sha256", round.model.Hex()}});
    Relate("used", {{"prov:activity", id}, {"prov:entity", ModelId(round.base_model)}});
    Relate("wasGeneratedBy", {{"prov:entity", ModelId(round.model)}, {"prov:activity", id}});
    Relate("wasDerivedFrom", {{"prov:generatedEntity", ModelId(round.model)},
                              {"prov:usedEntity", ModelId(round.base_model)}});
    for (const Contribution& contribution : round.contributions)
      AddContribution(id, round, contribution);
  }

  void AddContribution(const std::string& round_id, const Round& round,
                       const Contribution& contribution) {
    Agent(Id("site-" + contribution.site), "prov:SoftwareAgent");
    ordered_json association = {{"prov:activity", round_id},
                                {"prov:agent", Id("site-" + contribution.site)},
                                {"dure:tokens", CountOrAbsent(contribution.tokens)},
                                {"dure:weight", CountOrAbsent(contribution.weight)}};
    association.update(At(contribution.place));
    Relate("wasAssociatedWith", std::move(association));
    for (const terms::Source& source : contribution.datasets) {
      const std::string dataset = Id("dataset-" + NameOf(source));
      Entity(dataset, ordered_json::object());
      Relate("used", {{"prov:activity", round_id}, {"prov:entity", dataset}});
      Relate("wasDerivedFrom",
             {{"prov:generatedEntity", ModelId(round.model)}, {"prov:usedEntity", dataset}});
    }
  }

  void AddEvaluation(const Evaluation& evaluation) {
    const std::string id = Id("evaluation-" + std::to_string(evaluation.place.index));
    ordered_json activity = At(evaluation.place);
    if (evaluation.at) activity["prov:endTime"] = terms::FormatInstant(*evaluation.at);
    activity["dure:natsPerToken"] = NumberText(ScoreOf(evaluation).nats_per_token);
    out_["activity"][id] = std::move(activity);
    Entity(ModelId(evaluation.model), {{"dure:sha256", evaluation.model.Hex()}});
    Agent(Id("site-" + evaluation.site), "prov:SoftwareAgent");
    Relate("used", {{"prov:activity", id}, {"prov:entity", ModelId(evaluation.model)}});
    for (const terms::Source& source : evaluation.datasets) {
      const std::string dataset = Id("dataset-" + NameOf(source));
      Entity(dataset, ordered_json::object());
      Relate("used", {{"prov:activity", id}, {"prov:entity", dataset}});
    }
    Relate("wasAssociatedWith",
           {{"prov:activity", id}, {"prov:agent", Id("site-" + evaluation.site)}});
  }

  const Dossier& dossier_;
  ordered_json out_;
  uint64_t relations_ = 0;
};

}  // namespace

std::vector<File> MakeProv(const Dossier& dossier) {
  return {{.name = "model.prov.json",
           .media_type = "application/json",
           .text = Dump(Prov(dossier).Take())}};
}

}  // namespace dure::exports
