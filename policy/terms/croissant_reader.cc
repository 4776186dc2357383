#include <algorithm>
#include <nlohmann/json.hpp>

#include "policy/terms/croissant.h"
#include "policy/terms/licence_name.h"
#include "policy/terms/odrl_reader.h"
#include "policy/terms/spdx.h"

namespace dure::terms {
namespace {

using nlohmann::ordered_json;

// What tells of a dataset and restricts no use of it.
constexpr std::string_view kDescriptive[] = {"@context",
                                             "@type",
                                             "@id",
                                             "conformsTo",
                                             "dct:conformsTo",
                                             "name",
                                             "description",
                                             "alternateName",
                                             "url",
                                             "version",
                                             "license",
                                             "dct:license",
                                             "creator",
                                             "author",
                                             "publisher",
                                             "maintainer",
                                             "funder",
                                             "datePublished",
                                             "dateCreated",
                                             "dateModified",
                                             "inLanguage",
                                             "usageInfo",
                                             "hasPolicy",
                                             "odrl:hasPolicy",
                                             "keywords",
                                             "identifier",
                                             "sameAs",
                                             "citation",
                                             "citeAs",
                                             "cr:citeAs",
                                             "distribution",
                                             "recordSet",
                                             "cr:recordSet",
                                             "isLiveDataset",
                                             "cr:isLiveDataset",
                                             "isAccessibleForFree",
                                             "includedInDataCatalog",
                                             "thumbnailUrl",
                                             "image",
                                             "size",
                                             "contentSize",
                                             "sdVersion",
                                             "cr:sdVersion",
                                             "sdPublisher",
                                             "sdDatePublished",
                                             "sdLicense",
                                             "variableMeasured",
                                             "measurementTechnique",
                                             "rai:personalSensitiveInformation",
                                             "rai:dataCollection",
                                             "rai:dataCollectionType",
                                             "rai:dataCollectionTimeframe",
                                             "rai:dataCollectionRawData",
                                             "rai:dataAnnotationProtocol",
                                             "rai:dataAnnotationPlatform",
                                             "rai:dataAnnotationAnalysis",
                                             "rai:annotationsPerItem",
                                             "rai:annotatorDemographics",
                                             "rai:machineAnnotationTools",
                                             "rai:dataBiases",
                                             "rai:dataPreprocessingProtocol",
                                             "rai:dataManipulationProtocol",
                                             "rai:dataImputationProtocol",
                                             "dure:notRecorded",
                                             "dure:record"};
constexpr size_t kTitleBytesMax = 1024;
constexpr size_t kDuoValueBytesMax = 64;

bool IsPolicyType(const std::string& type) {
  return type == "Offer" || type == "Agreement" || type == "Set" || type == "Policy";
}

// The first type of `object` that `known` knows; else its first type.
template <typename Known>
std::string TypeOf(const ordered_json& object, Known&& known) {
  std::string first;
  for (const ordered_json* item : ValuesOf(object, kOdrlNames, "@type")) {
    const std::string text = TextIn(*item);
    std::string type = WordIn(kOdrlNames, text);
    if (type.empty()) type = WordIn(kSchemaNames, text);
    if (type.empty()) type = text;
    if (known(type)) return type;
    if (first.empty()) first = type;
  }
  return first;
}

// One text, in one language or in the first of several; empty: none.
std::string TextUnder(const ordered_json& object, const char* name) {
  for (const ordered_json* value : ValuesOf(object, kSchemaNames, name)) {
    std::string text = TextIn(*value);
    if (!text.empty()) return text;
  }
  return {};
}

class CroissantReader {
 public:
  CroissantReader(const ordered_json& dataset, Random& random, Imported& imported)
      : dataset_(dataset), random_(random), imported_(imported) {}

  Status Read() {
    CheckContext(dataset_, imported_);
    DURE_TRY(ReadPolicies());
    ReadUsage();
    ReadLicences(imported_.draft.terms.licence.data);
    ReadPersonal();
    ReadRest();
    ReadPassport();
    return {};
  }

  // Of an ODRL policy by itself.
  void ReadLicenceOf(const ordered_json& policy) {
    for (const ordered_json* value : ValuesOf(policy, kSchemaNames, "dct:license"))
      ReadLicence(*value);
    TakeLicences(imported_.draft.terms.licence.data);
  }

 private:
  static bool IsPolicy(const ordered_json& value) {
    return IsPolicyType(TypeOf(value, IsPolicyType));
  }

  Found Usage() const {
    Found usage = ValuesOf(dataset_, kSchemaNames, "usageInfo");
    const Found policies = ValuesOf(dataset_, kOdrlNames, "hasPolicy");
    usage.insert(usage.end(), policies.begin(), policies.end());
    return usage;
  }

  Status ReadPolicies() {
    std::set<std::string> names = {"urn:dure:dataset:" + TextUnder(dataset_, "name")};
    for (const char* name : {"@id", "url", "identifier", "sameAs", "name"}) {
      for (const ordered_json* value : ValuesOf(dataset_, kSchemaNames, name))
        names.insert(TextIn(*value));
    }
    names.erase("");
    OdrlReader reader(imported_, names);
    for (const ordered_json* info : Usage()) {
      if (!IsPolicy(*info)) continue;
      DURE_TRY(reader.Read(*info));
      for (const ordered_json* value : ValuesOf(*info, kSchemaNames, "dct:license"))
        ReadLicence(*value);
    }
    reader.Finish();
    return {};
  }

  void ReadUsage() {
    for (const ordered_json* info : Usage()) {
      if (IsPolicy(*info)) continue;
      if (info->is_string() || info->is_object()) {
        ReadTerm(*info);
      } else {
        NotUnderstood(imported_, "a part of usageInfo was not understood: ask the owner");
      }
    }
  }

  // The number of a DUO code; nullopt: another term, or two that differ.
  static std::optional<uint32_t> DuoOf(const ordered_json& term) {
    const std::string set = TextUnder(term, "inDefinedTermSet");
    const bool duo = set.find("duo") != set.npos || set.find("DUO") != set.npos;
    std::set<std::optional<uint32_t>> numbers;
    for (const char* name : {"termCode", "@id", "url"}) {
      std::string code = CodeUnder(term, name);
      if (code.empty() || (std::string_view(name) == "@id" && code.starts_with('#'))) continue;
      code = code.substr(code.find_last_of('/') + 1);
      std::replace(code.begin(), code.end(), '_', ':');
      numbers.insert(duo || code.starts_with("DUO:") ? ParseDuoNumber(code) : std::nullopt);
    }
    return numbers.size() == 1 ? *numbers.begin() : std::nullopt;
  }

  // A term may also be its IRI alone.
  static std::string CodeUnder(const ordered_json& term, const char* name) {
    if (term.is_string()) return std::string_view(name) == "@id" ? TextIn(term) : "";
    return TextUnder(term, name);
  }

  void ReadTerm(const ordered_json& term) {
    std::string shown = CodeUnder(term, "termCode");
    for (const char* name : {"@id", "url", "name"}) {
      if (shown.empty()) shown = CodeUnder(term, name);
    }
    const auto number = DuoOf(term);
    if (!number) {
      NotUnderstood(imported_, "the term '" + Short(shown) +
                                   "' of usageInfo is no DUO code and was left out: ask the owner");
      return;
    }
    DuoCode duo{.number = *number};
    bool fits = true;
    for (const ordered_json* value : ValuesOf(term, kOdrlNames, "dure:values")) {
      std::string text = TextIn(*value);
      fits = fits && !text.empty() && text.size() <= kDuoValueBytesMax;
      duo.values.push_back(std::move(text));
    }
    std::sort(duo.values.begin(), duo.values.end());
    duo.values.erase(std::unique(duo.values.begin(), duo.values.end()), duo.values.end());
    const auto others = OtherThan(term, kSchemaNames,
                                  {"@type", "@id", "url", "name", "termCode", "inDefinedTermSet",
                                   "description", "alternateName", "sameAs", "dure:values"});
    if (!others.empty())
      NotUnderstood(imported_, FormatDuo(*number) + " has parts that were not understood (" +
                                   Short(others.front()) + "): ask the owner");
    const std::string problem = fits ? DuoProblem(duo) : "values";
    if (!problem.empty()) {
      NotUnderstood(imported_, FormatDuo(*number) +
                                   " was left out, its values were not "
                                   "understood: ask the owner");
      return;
    }
    imported_.draft.terms.duo.insert(std::move(duo));
  }

  void ReadLicences(std::string& licence) {
    for (const char* name : {"license", "dct:license"}) {
      for (const ordered_json* value : ValuesOf(dataset_, kSchemaNames, name)) ReadLicence(*value);
    }
    TakeLicences(licence);
  }

  // A page, an expression, or a CreativeWork with its address and its name.
  void ReadLicence(const ordered_json& value) {
    std::set<std::string> read;
    std::string shown;
    for (const char* name : {"", "url", "identifier", "sameAs", "name"}) {
      const std::string text = *name == 0 ? TextIn(value) : TextUnder(value, name);
      if (text.empty()) continue;
      if (shown.empty()) shown = text;
      const std::string understood = LicenceOf(text);
      if (!understood.empty()) read.insert(understood);
    }
    if (shown == kAbsent || shown == kNoLicenceSaid) return;
    const auto others =
        OtherThan(value, kSchemaNames,
                  {"@type", "@id", "@value", "@language", "url", "identifier", "sameAs", "name"});
    if (!others.empty())
      NotUnderstood(imported_, "the licence '" + Short(shown) + "' says more than its name (" +
                                   Short(others.front()) + "): ask the owner");
    if (read.empty())
      NotUnderstood(imported_, "the licence '" + Short(shown) +
                                   "' is not one that SPDX lists; write LicenseRef-NAME once "
                                   "somebody has read it, and until then ask the owner");
    licences_.insert(read.begin(), read.end());
  }

  // Whether several are a choice or hold together the sources do not say: together is stricter.
  void TakeLicences(std::string& licence) {
    if (!licence.empty()) licences_.insert(licence);
    if (licences_.empty()) return;
    std::string all;
    for (const std::string& one : licences_)
      all += (all.empty() ? "" : " AND ") + (licences_.size() == 1 ? one : "(" + one + ")");
    const auto parsed = ParseSpdx(all);
    if (parsed && licences_.size() > 1)
      Remark(imported_,
             "the source names several licences; all of them hold together here, which "
             "is stricter");
    if (parsed) licence = parsed->text;
    if (!parsed)
      NotUnderstood(imported_,
                    "the source names too many licences to hold together: ask the owner");
  }

  // Our own word for it says nothing new; anything else is for somebody to read.
  void ReadPersonal() {
    Personal& personal = imported_.draft.terms.personal;
    for (const ordered_json* value :
         ValuesOf(dataset_, kOdrlNames, "rai:personalSensitiveInformation")) {
      if (TextIn(*value) == Word(personal.data_class)) continue;
      personal.data_class = PersonalClass::kUnknown;
      Remark(imported_,
             "rai:personalSensitiveInformation has to be read; personal.class is "
             "unknown until then");
    }
  }

  // A description that names what nobody read here may restrict any use.
  void ReadRest() {
    const auto others = OtherThan(dataset_, kSchemaNames, kDescriptive);
    for (const std::string& name : others)
      NotUnderstood(imported_,
                    "what the source says under '" + Short(name) + "' was not read: ask the owner");
    for (const char* parts : {"distribution", "recordSet", "cr:recordSet"}) {
      for (const ordered_json* part : ValuesOf(dataset_, kSchemaNames, parts)) ReadPart(*part);
    }
  }

  void ReadPart(const ordered_json& part) {
    for (const char* name : {"license", "usageInfo", "conditionsOfAccess", "dct:license",
                             "odrl:hasPolicy", "hasPolicy"}) {
      if (!ValuesOf(part, kSchemaNames, name).empty())
        NotUnderstood(imported_, std::string("a part of the data has terms of its own (") + name +
                                     "), which were not read: ask the owner");
    }
    for (const auto& inner : part) {
      if (inner.is_structured()) ReadPart(inner);
    }
  }

  void ReadPassport() {
    Passport& passport = imported_.draft.passport;
    const std::string name = TextUnder(dataset_, "name");
    if (DatasetId::Parse(name)) passport.dataset = name;
    KeepText(passport.dataset.empty() ? "name" : "alternateName", "dataset.title", kTitleBytesMax,
             passport.title);
    KeepText("description", "dataset.description", kAttachmentBytesMax, passport.description);
    for (const ordered_json* value : ValuesOf(dataset_, kSchemaNames, "inLanguage")) {
      const std::string code = LanguageOf(*value);
      if (IsCode(code) && passport.languages.size() < kTermsItemsMax)
        passport.languages.insert(code);
    }
    imported_.draft.has_passport = true;
    Remark(imported_, "the table [dataset] has to be completed by hand");
  }

  // A BCP 47 code, or a Language with one; what only a name says is for a person.
  static std::string LanguageOf(const ordered_json& value) {
    const std::string code = TextUnder(value, "alternateName");
    return code.empty() ? TextIn(value) : code;
  }

  void KeepText(const char* name, const char* field, size_t bytes_max,
                std::optional<Digest>& commitment) {
    const std::string all = TextUnder(dataset_, name);
    if (all.empty() || all == kAbsent) return;
    std::string text = CutText(all, bytes_max);
    if (text.size() < all.size())
      Remark(imported_, std::string("the ") + name + " was cut after " +
                            std::to_string(text.size()) + " of " + std::to_string(all.size()) +
                            " bytes");
    imported_.draft.attachments.push_back(
        {.field = field, .salt = MakeSalt(random_), .text = std::move(text)});
    commitment = imported_.draft.attachments.back().commitment();
  }

  const ordered_json& dataset_;
  Random& random_;
  Imported& imported_;
  std::set<std::string> licences_;
};

}  // namespace

Result<Imported> ImportTerms(std::string_view text, Random& random) {
  if (text.size() > kImportBytesMax)
    return Fail(ErrorCode::kInvalid, "the file is longer than 1 MiB");
  DURE_ASSIGN(const ordered_json document, ParseJsonLd(text));
  Imported imported;
  const auto known = [](const std::string& one) { return IsPolicyType(one) || one == "Dataset"; };
  const std::string type = TypeOf(document, known);
  CroissantReader croissant(document, random, imported);
  if (IsPolicyType(type)) {
    imported.format = "ODRL";
    OdrlReader reader(imported, {});
    DURE_TRY(reader.Read(document));
    reader.Finish();
    croissant.ReadLicenceOf(document);
  } else if (type == "Dataset") {
    imported.format = "Croissant";
    DURE_TRY(croissant.Read());
  } else {
    return Fail(ErrorCode::kInvalid,
                "the file is neither a Croissant dataset nor an ODRL policy: its @type is '" +
                    Short(type) + "'");
  }
  Terms& terms = imported.draft.terms;
  for (Permission& permission : terms.actions) {
    if (!imported.understood) permission = std::max(permission, Permission::kAsk);
  }
  const std::vector<Problem> problems = Check(terms);
  if (!problems.empty())
    return Fail(ErrorCode::kInvalid,
                "the source contradicts itself: " + Sentence(problems.front()));
  return imported;
}

}  // namespace dure::terms
