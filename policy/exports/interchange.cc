// ODRL and Croissant: policy/terms writes them; here they get their place in the record.
#include <nlohmann/json.hpp>

#include "policy/exports/parts.h"
#include "policy/terms/croissant.h"
#include "policy/terms/odrl.h"

namespace dure::exports {
namespace {

using nlohmann::ordered_json;

ordered_json RecordOf(const Dossier& dossier, Format format, const Dataset& dataset) {
  ordered_json caveats = ordered_json::array();
  for (const std::string& caveat : DoesNotProve(format, terms::Language::kEnglish))
    caveats.push_back(caveat);
  return {{"federation", dossier.federation},
          {"asOf", dossier.as_of},
          {"root", dossier.root.Hex()},
          {"ledgerIndex", dataset.place.index},
          {"leafHash", dataset.place.leaf.Hex()},
          {"withdrawnAt", dataset.withdrawal ? TimeOrAbsent(dataset.withdrawn_at) : "no"},
          {"templateVersion", TemplateVersion(format)},
          {"doesNotProve", caveats}};
}

// What is withdrawn is offered for nothing any more.
terms::Terms OfferOf(const Dataset& dataset) {
  terms::Terms terms = dataset.terms;
  if (dataset.withdrawal) terms.actions.fill(terms::Permission::kDeny);
  return terms;
}

// On record the commitments of the texts are part of a version: they do not change any more.
std::string UidOf(const Dataset& dataset) {
  return "urn:dure:terms:" + terms::DigestOf(OfferOf(dataset)).Hex();
}

// JSON that Dure itself wrote a moment ago.
ordered_json Reparse(const std::string& text) { return ordered_json::parse(text, nullptr, false); }

}  // namespace

std::vector<File> MakeOdrl(const Dossier& dossier) {
  std::vector<File> files;
  for (const Dataset& dataset : dossier.datasets) {
    ordered_json offer = Reparse(terms::ToOdrlOffer(OfferOf(dataset), dataset.passport.dataset,
                                                    dataset.passport.rights_holder));
    offer["uid"] = UidOf(dataset);
    offer["dure:record"] = {{"@type", "@json"},
                            {"@value", RecordOf(dossier, Format::kOdrl, dataset)}};
    files.push_back({.name = NameOf(dataset) + ".odrl.json",
                     .media_type = "application/ld+json",
                     .text = Dump(offer)});
  }
  if (files.empty())
    files.push_back(
        {.name = "terms.odrl.json", .media_type = "application/ld+json", .text = "[]\n"});
  return files;
}

std::vector<File> MakeCroissant(const Dossier& dossier) {
  std::vector<File> files;
  for (const Dataset& dataset : dossier.datasets) {
    terms::Draft draft;
    draft.terms = OfferOf(dataset);
    draft.passport = dataset.passport;
    draft.has_passport = true;
    draft.attachments = dataset.texts;
    ordered_json document = Reparse(terms::ToCroissant(draft, dataset.registered_at));
    document["usageInfo"].back()["@id"] = UidOf(dataset);
    document["dure:record"] = {{"@type", "@json"},
                               {"@value", RecordOf(dossier, Format::kCroissant, dataset)}};
    files.push_back({.name = NameOf(dataset) + ".croissant.json",
                     .media_type = "application/ld+json",
                     .text = Dump(document)});
  }
  if (files.empty())
    files.push_back(
        {.name = "datasets.croissant.json", .media_type = "application/ld+json", .text = "[]\n"});
  return files;
}

}  // namespace dure::exports
