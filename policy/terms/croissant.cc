#include "policy/terms/croissant.h"

#include <algorithm>
#include <nlohmann/json.hpp>

#include "policy/terms/odrl_tree.h"
#include "policy/terms/spdx.h"
#include "policy/terms/tree.h"

namespace dure::terms {
namespace {

using nlohmann::ordered_json;

constexpr const char* kCroissant = "http://mlcommons.org/croissant/1.1";
constexpr const char* kResponsible = "http://mlcommons.org/croissant/RAI/1.0";
constexpr const char* kDuoSet = "http://purl.obolibrary.org/obo/duo.owl";

ordered_json CroissantContext() {
  return {{"@language", "en"},
          {"@vocab", "https://schema.org/"},
          {"cr", "http://mlcommons.org/croissant/"},
          {"dct", "http://purl.org/dc/terms/"},
          {"dure", kTermsNamespace},
          {"odrl", "http://www.w3.org/ns/odrl/2/"},
          {"rai", "http://mlcommons.org/croissant/RAI/"},
          {"sc", "https://schema.org/"},
          {"xsd", "http://www.w3.org/2001/XMLSchema#"},
          {"conformsTo", "dct:conformsTo"}};
}

// Croissant takes an address or a work here. SPDX has an address for "nobody says"; an expression
// that is no single listed licence is a work with the expression as its name.
ordered_json LicenceTree(const std::string& expression) {
  if (expression.empty()) return std::string(kNoLicenceSaid);
  const auto parsed = ParseSpdx(expression);
  const bool one = parsed && parsed->choices.size() == 1 && parsed->choices[0].size() == 1 &&
                   !expression.starts_with("LicenseRef-") &&
                   expression.find(' ') == expression.npos;
  if (one) return "https://spdx.org/licenses/" + expression + ".html";
  return {{"@type", "sc:CreativeWork"}, {"name", expression}};
}

std::string TextAt(const Draft& draft, const std::string& field) {
  for (const Attachment& attachment : draft.attachments) {
    if (attachment.field == field) return attachment.text;
  }
  return std::string(kAbsent);
}

ordered_json DefinedTerm(const DuoCode& code) {
  const DuoMeaning* meaning = FindDuo(code.number);
  std::string iri = FormatDuo(code.number);
  iri[3] = '_';
  ordered_json term = {{"@type", "DefinedTerm"},
                       {"@id", "http://purl.obolibrary.org/obo/" + iri},
                       {"name", meaning == nullptr ? "" : std::string(meaning->title)},
                       {"termCode", FormatDuo(code.number)},
                       {"inDefinedTermSet", kDuoSet}};
  if (!code.values.empty()) term["dure:values"] = code.values;
  return term;
}

// ODRL's words under their whole names and its terms as addresses (Croissant 1.1, "Fine-Grained
// Control with ODRL"): a word without a prefix is schema.org's here, and no reader would find a
// rule in the offer.
ordered_json ByFullNames(const ordered_json& tree) {
  constexpr std::string_view kAddresses[] = {"profile", "conflict",    "target",  "assigner",
                                             "action",  "leftOperand", "operator"};
  ordered_json out = tree;
  if (tree.is_array()) std::transform(tree.begin(), tree.end(), out.begin(), ByFullNames);
  if (!tree.is_object()) return out;
  out = ordered_json::object();
  for (const auto& [name, value] : tree.items()) {
    if (name == "uid") {
      out["@id"] = value;
    } else if (name.find_first_of("@:") != name.npos) {
      out[name] = value;
    } else if (std::find(std::begin(kAddresses), std::end(kAddresses), name) ==
               std::end(kAddresses)) {
      out["odrl:" + name] = ByFullNames(value);
    } else {
      const std::string term = value;
      out["odrl:" + name] = {{"@id", term.find(':') == term.npos ? "odrl:" + term : term}};
    }
  }
  return out;
}

}  // namespace

std::string ToCroissant(const Draft& draft, const std::optional<Instant>& published) {
  const Passport& passport = draft.passport;
  const Terms& terms = draft.terms;
  const std::string absent(kAbsent);
  const std::string title = TextAt(draft, "dataset.title");
  ordered_json out = {
      {"@context", CroissantContext()},
      {"@type", "sc:Dataset"},
      {"conformsTo", {kCroissant, kResponsible}},
      {"name", passport.dataset.empty() ? absent : passport.dataset},
      {"description", TextAt(draft, "dataset.description")},
      {"url", TargetOf(passport.dataset)},
      {"version", std::to_string(passport.version) + ".0.0"},
      {"license", LicenceTree(terms.licence.data)},
      {"creator",
       {{"@type", "sc:Organization"},
        {"name", passport.rights_holder.empty() ? absent : passport.rights_holder}}}};
  if (title != kAbsent) out["alternateName"] = title;
  // What is asked for and cannot say that nobody knows it is listed by name: a date, and files.
  out["dure:notRecorded"] = {"distribution"};
  if (published) out["datePublished"] = FormatInstant(*published);
  if (!published) out["dure:notRecorded"].push_back("datePublished");
  if (terms.licence.data.empty()) out["dure:notRecorded"].push_back("license");
  if (!passport.languages.empty()) out["inLanguage"] = passport.languages;
  out["rai:personalSensitiveInformation"] = std::string(Word(terms.personal.data_class));
  out["usageInfo"] = ordered_json::array();
  for (const DuoCode& code : terms.duo) out["usageInfo"].push_back(DefinedTerm(code));
  ordered_json offer = ByFullNames(OfferTree(terms, passport.dataset, passport.rights_holder));
  offer["@type"] = {"CreativeWork", "odrl:" + offer["@type"].get<std::string>()};
  out["usageInfo"].push_back(std::move(offer));
  return out.dump(2, ' ', false, ordered_json::error_handler_t::replace) + "\n";
}

}  // namespace dure::terms
