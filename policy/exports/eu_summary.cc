// The public summary of training content that Regulation (EU) 2024/1689, art. 53(1)(d), asks for,
// in the sections of the AI Office's template of July 2025.
#include <functional>

#include "policy/exports/parts.h"
#include "policy/terms/sentences.h"

namespace dure::exports {
namespace {

using terms::Language;
using terms::Origin;

std::string Field(const std::string& label, const std::string& text) {
  return "- **" + label + "**: " + (text.empty() ? kNotRecorded : text) + "\n";
}

// The template's ranges for text.
std::string TextRange(const std::optional<uint64_t>& tokens) {
  if (!tokens) return kNotRecorded;
  const char* range = *tokens < 1'000'000'000            ? "less than 1 billion tokens"
                      : *tokens <= 10'000'000'000'000ULL ? "1 billion to 10 trillion tokens"
                                                         : "more than 10 trillion tokens";
  return std::string(range) + " (" + std::to_string(*tokens) + ")";
}

// The bytes are recorded where the tokens are not.
std::string SizeText(const std::optional<uint64_t>& tokens, uint64_t bytes) {
  if (tokens) return TextRange(tokens);
  return std::to_string(bytes) + " bytes; tokens: " + kNotRecorded;
}

uint64_t BytesOf(const Dossier& dossier, terms::Modality modality) {
  uint64_t bytes = 0;
  for (const Dataset& dataset : dossier.datasets) {
    if (dataset.passport.modality == modality) bytes += dataset.passport.bytes;
  }
  return bytes;
}

// nullopt if one dataset's passport does not say.
std::optional<uint64_t> SizeOf(const Dossier& dossier, terms::Modality modality) {
  uint64_t tokens = 0;
  for (const Dataset& dataset : dossier.datasets) {
    if (dataset.passport.modality != modality) continue;
    if (!dataset.passport.tokens) return std::nullopt;
    tokens += *dataset.passport.tokens;
  }
  return tokens;
}

std::string General(const Dossier& dossier) {
  const Model& model = dossier.model;
  std::string text = "## 1. General information\n\n### 1.1 Provider identification\n\n";
  text += Field("Provider name", model.provider) + Field("Contact details", "") +
          Field("Authorised representative", "");
  text += "\n### 1.2 Model identification\n\n";
  text +=
      Field("Versioned model name", model.name + " (" + model.digest.Hex() + ")") +
      Field("Model dependencies",
            dossier.rounds.empty() ? ""
                                   : "first weights " + dossier.rounds.front().base_model.Hex() +
                                         "; whether they derive from another model: not recorded") +
      Field("Date of placement on the Union market", TimeOrAbsent(model.released_at));
  text += "\n### 1.3 Modalities, overall training data size and other characteristics\n\n";
  std::set<terms::Modality> modalities;
  std::set<std::string> languages;
  std::optional<terms::Instant> latest;
  bool latest_known = !dossier.datasets.empty();
  for (const Dataset& dataset : dossier.datasets) {
    const terms::Passport& passport = dataset.passport;
    modalities.insert(passport.modality);
    languages.insert(passport.languages.begin(), passport.languages.end());
    latest_known &= passport.collected_until.has_value();
    if (passport.collected_until && (!latest || *latest < *passport.collected_until))
      latest = passport.collected_until;
  }
  for (const terms::Modality modality : modalities)
    text += Field("Modality " + std::string(terms::Word(modality)),
                  SizeText(SizeOf(dossier, modality), BytesOf(dossier, modality)));
  if (modalities.empty()) text += Field("Modalities", "");
  std::string spoken;
  for (const std::string& language : languages) spoken += (spoken.empty() ? "" : ", ") + language;
  text += Field("Latest date of data acquisition",
                latest ? terms::FormatInstant(*latest) +
                             (latest_known ? "" : " at least; one dataset does not say")
                       : "");
  text += Field("Linguistic characteristics", spoken);
  text += Field("Other relevant characteristics",
                "the data stayed with its owners and was trained on there in " +
                    std::to_string(dossier.rounds.size()) + " rounds");
  return text;
}

std::string Entries(const Dossier& dossier, const std::function<bool(Origin)>& belongs,
                    bool named) {
  std::string text;
  for (const Dataset& dataset : dossier.datasets) {
    const terms::Passport& passport = dataset.passport;
    if (!belongs(passport.origin)) continue;
    const std::string title = TextOf(dataset, "dataset.title");
    const std::string name =
        named ? NameOf(dataset) + (title.empty() ? "" : ", \"" + title + "\"") : NameOf(dataset);
    text += "- " + name + ": kept by " + passport.custodian + ", rights holder " +
            passport.rights_holder + ", licence " +
            (dataset.terms.licence.data.empty() ? kNotRecorded : dataset.terms.licence.data) +
            ", " + SizeText(passport.tokens, passport.bytes) + ", collected " +
            TimeOrAbsent(passport.collected_from) + " to " +
            TimeOrAbsent(passport.collected_until) + ", " + PlaceText(dossier, dataset.place) +
            (dataset.withdrawal ? ", withdrawn since" : "") + "\n";
  }
  return text.empty() ? "None on record.\n" : text;
}

std::string Sources(const Dossier& dossier) {
  const auto is = [](Origin wanted) {
    return [wanted](Origin origin) { return origin == wanted; };
  };
  std::string text = "\n## 2. List of data sources\n\n### 2.1 Publicly available datasets\n\n";
  text += Entries(dossier, is(Origin::kPublicDataset), true);
  text += "\n### 2.2 Private non-publicly available datasets obtained from third parties\n\n";
  text +=
      "#### 2.2.1 Datasets commercially licensed by rightsholders or their representatives\n\n" +
      Entries(dossier, is(Origin::kLicensed), true);
  text += "\n#### 2.2.2 Private datasets obtained from other third parties\n\n" +
          Entries(dossier, is(Origin::kThirdParty), false);
  text += "\n### 2.3 Data crawled and scraped from online sources\n\n" +
          Entries(dossier, is(Origin::kCrawled), true) + Field("Crawlers, period and domains", "");
  text += "\n### 2.4 User data\n\n" + Entries(dossier, is(Origin::kUsers), false);
  text += "\n### 2.5 Synthetic data\n\n" + Entries(dossier, is(Origin::kSynthetic), true) +
          Field("Models that generated it", "");
  text += "\n### 2.6 Other sources of data\n\nThe members' own data:\n\n" +
          Entries(dossier, is(Origin::kOwn), false) +
          "\nOf a source that the record does not say:\n\n" +
          Entries(dossier, is(Origin::kUnknown), false);
  return text;
}

std::string Processing(const Dossier& dossier) {
  std::string text =
      "\n## 3. Data processing aspects\n\n"
      "### 3.1 Respect of reservation of rights from the text and data mining "
      "exception or limitation\n\n";
  for (const Dataset& dataset : dossier.datasets)
    text += "- " + NameOf(dataset) +
            ": reserved: " + std::string(terms::Word(dataset.terms.tdm.reserved)) +
            ", stated in: " + std::string(terms::Word(dataset.terms.tdm.evidence)) + "\n";
  if (dossier.datasets.empty()) text += std::string(kNotRecorded) + "\n";
  text +=
      "\nEach dataset was used only under terms that its custodian signed; a withdrawal is an "
      "entry that all members check.\n";
  text += Field("Signatory of the Code of Practice", "");
  text += "\n### 3.2 Removal of illegal content\n\n" + std::string(kNotRecorded) + "\n";
  text += "\n### 3.3 Other information\n\n";
  for (const Dataset& dataset : dossier.datasets)
    text +=
        "- " + NameOf(dataset) + ": personal data: " +
        terms::PlainWord(dataset.terms.personal.data_class, Language::kEnglish) +
        ", legal ground: " + terms::PlainWord(dataset.terms.personal.basis, Language::kEnglish) +
        "\n";
  return text;
}

}  // namespace

std::vector<File> MakeEuSummary(const Dossier& dossier) {
  std::string text = "# Public summary of training content\n\nVersion of the summary: made at " +
                     terms::FormatInstant(dossier.made_at) + " from " +
                     std::to_string(dossier.as_of) + " entries of " + dossier.federation +
                     " (root " + dossier.root.Hex() +
                     "). Template: " + TemplateVersion(Format::kEuSummary) +
                     " (AI Office, July 2025; Regulation (EU) 2024/1689 art. 53(1)(d)).\n\n";
  text += General(dossier) + Sources(dossier) + Processing(dossier);
  text += "\n## What this summary does not prove\n\n";
  for (const std::string& caveat : DoesNotProve(Format::kEuSummary, Language::kEnglish))
    text += "- " + caveat + "\n";
  return {{.name = "training-content-summary.md",
           .media_type = "text/markdown; charset=utf-8",
           .text = text}};
}

}  // namespace dure::exports
