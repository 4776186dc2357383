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
constexpr const char* kAbsent = "not recorded";

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

std::string LicenceUrl(const std::string& expression) {
  if (expression.empty()) return kAbsent;
  const auto parsed = ParseSpdx(expression);
  const bool one = parsed && parsed->choices.size() == 1 && parsed->choices[0].size() == 1 &&
                   !expression.starts_with("LicenseRef-") &&
                   expression.find(' ') == expression.npos;
  return one ? "https://spdx.org/licenses/" + expression + ".html" : expression;
}

std::string TextAt(const Draft& draft, const std::string& field) {
  for (const Attachment& attachment : draft.attachments) {
    if (attachment.field == field) return attachment.text;
  }
  return kAbsent;
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

}  // namespace

std::string ToCroissant(const Draft& draft) {
  const Passport& passport = draft.passport;
  const Terms& terms = draft.terms;
  const std::string name = passport.dataset.empty() ? kAbsent : passport.dataset;
  ordered_json out = {
      {"@context", CroissantContext()},
      {"@type", "sc:Dataset"},
      {"conformsTo", {kCroissant, kResponsible}},
      {"name", name},
      {"alternateName", TextAt(draft, "dataset.title")},
      {"description", TextAt(draft, "dataset.description")},
      {"url", "urn:dure:dataset:" + name},
      {"version", std::to_string(passport.version) + ".0.0"},
      {"license", LicenceUrl(terms.licence.data)},
      {"creator",
       {{"@type", "sc:Organization"},
        {"name", passport.rights_holder.empty() ? kAbsent : passport.rights_holder}}},
      {"datePublished", kAbsent},
      {"inLanguage", passport.languages},
      {"rai:personalSensitiveInformation", std::string(Word(terms.personal.data_class))},
      {"usageInfo", ordered_json::array()}};
  for (const DuoCode& code : terms.duo) out["usageInfo"].push_back(DefinedTerm(code));
  ordered_json offer = OfferTree(terms, passport.dataset, passport.rights_holder);
  offer["@type"] = "odrl:Offer";
  out["usageInfo"].push_back(std::move(offer));
  return out.dump(2, ' ', false, ordered_json::error_handler_t::replace) + "\n";
}

namespace {

std::string TypeOf(const ordered_json& value) {
  const auto type = value.is_object() ? value.find("@type") : value.end();
  if (!value.is_object() || type == value.end()) return {};
  const ordered_json& first = type->is_array() && !type->empty() ? type->front() : *type;
  if (!first.is_string()) return {};
  const std::string text = first.get<std::string>();
  const size_t cut = text.find_last_of("#/:");
  return cut == text.npos ? text : text.substr(cut + 1);
}

bool IsPolicy(const std::string& type) {
  return type == "Offer" || type == "Agreement" || type == "Set" || type == "Policy";
}

std::string StringAt(const ordered_json& object, const char* name) {
  const auto found = object.find(name);
  if (found == object.end()) return {};
  if (found->is_string()) return found->get<std::string>();
  if (found->is_object()) {
    for (const char* inner : {"@id", "url", "name"}) {
      const std::string text = StringAt(*found, inner);
      if (!text.empty()) return text;
    }
  }
  return {};
}

// An SPDX expression from what people write for a licence; empty: not understood.
std::string LicenceOf(std::string text) {
  if (const auto parsed = ParseSpdx(text)) return parsed->text;
  while (text.ends_with('/')) text.pop_back();
  for (const char* ending : {".html", "/legalcode", "/deed.en", "/deed.ko"}) {
    if (text.ends_with(ending)) text.resize(text.size() - std::string_view(ending).size());
  }
  const size_t spdx = text.find("spdx.org/licenses/");
  if (spdx != text.npos) {
    const auto parsed = ParseSpdx(text.substr(spdx + 18));
    return parsed ? parsed->text : "";
  }
  if (text.find("creativecommons.org/publicdomain/zero/1.0") != text.npos) return "CC0-1.0";
  const size_t cc = text.find("creativecommons.org/licenses/");
  if (cc == text.npos) return {};
  std::string id = "CC-" + text.substr(cc + 29);
  std::replace(id.begin(), id.end(), '/', '-');
  std::transform(id.begin(), id.end(), id.begin(),
                 [](unsigned char c) { return static_cast<char>(std::toupper(c)); });
  const auto parsed = ParseSpdx(id);
  return parsed ? parsed->text : "";
}

void ReadDefinedTerm(const ordered_json& term, Imported& imported) {
  std::string code = StringAt(term, "termCode");
  if (code.empty()) code = StringAt(term, "@id");
  if (code.empty()) code = StringAt(term, "url");
  code = code.substr(code.find_last_of('/') + 1).substr(0, 64);
  std::replace(code.begin(), code.end(), '_', ':');
  const auto number = ParseDuoNumber(code);
  if (!number) {
    imported.remarks.push_back("the term '" + code +
                               "' of usageInfo is no DUO code and was left out");
    return;
  }
  DuoCode duo{.number = *number};
  const auto values = term.find("dure:values");
  if (values != term.end() && values->is_array()) {
    for (const auto& value : *values) {
      if (value.is_string()) duo.values.push_back(value.get<std::string>().substr(0, 64));
    }
  }
  std::sort(duo.values.begin(), duo.values.end());
  duo.values.erase(std::unique(duo.values.begin(), duo.values.end()), duo.values.end());
  const std::string problem = DuoProblem(duo);
  if (!problem.empty()) {
    imported.remarks.push_back(FormatDuo(*number) + " was left out, it needs values: " + problem);
    return;
  }
  imported.draft.terms.duo.insert(std::move(duo));
}

void KeepText(const ordered_json& dataset, const char* name, const char* field, Random& random,
              Imported& imported, std::optional<Digest>& commitment) {
  std::string text = StringAt(dataset, name).substr(0, 1024);
  if (text.empty() || text == kAbsent) return;
  imported.draft.attachments.push_back(
      {.field = field, .salt = MakeSalt(random), .text = std::move(text)});
  commitment = imported.draft.attachments.back().commitment();
}

Status ReadCroissant(const ordered_json& dataset, Random& random, Imported& imported) {
  const auto usage = dataset.find("usageInfo");
  const ordered_json infos = usage == dataset.end() ? ordered_json::array()
                             : usage->is_array()    ? *usage
                                                    : ordered_json::array({*usage});
  for (const ordered_json& info : infos) {
    if (IsPolicy(TypeOf(info))) DURE_TRY(ReadOdrl(info, imported));
  }
  for (const ordered_json& info : infos) {
    if (!info.is_object()) continue;
    if (TypeOf(info) == "DefinedTerm") ReadDefinedTerm(info, imported);
  }
  const std::string licence = StringAt(dataset, "license").substr(0, kSpdxBytesMax);
  const std::string understood = LicenceOf(licence);
  if (!understood.empty()) imported.draft.terms.licence.data = understood;
  if (understood.empty() && !licence.empty() && licence != kAbsent)
    imported.remarks.push_back("the licence '" + licence +
                               "' is not one that SPDX lists; write "
                               "LicenseRef-NAME once somebody has read it");
  Passport& passport = imported.draft.passport;
  const std::string name = StringAt(dataset, "name");
  if (DatasetId::Parse(name)) passport.dataset = name;
  KeepText(dataset, passport.dataset.empty() ? "name" : "alternateName", "dataset.title", random,
           imported, passport.title);
  KeepText(dataset, "description", "dataset.description", random, imported, passport.description);
  imported.draft.has_passport = true;
  imported.remarks.push_back("the table [dataset] has to be completed by hand");
  return {};
}

}  // namespace

Result<Imported> ImportTerms(std::string_view text, Random& random) {
  if (text.size() > kImportBytesMax)
    return Fail(ErrorCode::kInvalid, "the file is longer than 1 MiB");
  const auto document = ordered_json::parse(text.begin(), text.end(), nullptr, false);
  if (!document.is_object()) return Fail(ErrorCode::kInvalid, "the file is not a JSON object");
  Imported imported;
  const std::string type = TypeOf(document);
  if (IsPolicy(type)) {
    imported.format = "ODRL";
    DURE_TRY(ReadOdrl(document, imported));
    const std::string licence = LicenceOf(StringAt(document, "dct:license").substr(0, 512));
    if (imported.draft.terms.licence.data.empty()) imported.draft.terms.licence.data = licence;
  } else if (type == "Dataset") {
    imported.format = "Croissant";
    DURE_TRY(ReadCroissant(document, random, imported));
  } else {
    return Fail(ErrorCode::kInvalid,
                "the file is neither a Croissant dataset nor an ODRL policy: its @type is '" +
                    type.substr(0, 64) + "'");
  }
  const std::vector<Problem> problems = Check(imported.draft.terms);
  if (!problems.empty())
    return Fail(ErrorCode::kInvalid,
                "the source contradicts itself: " + Sentence(problems.front()));
  return imported;
}

}  // namespace dure::terms
