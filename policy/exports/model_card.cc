// A Hugging Face model card: YAML front matter and Markdown.
#include <algorithm>
#include <cmath>
#include <nlohmann/json.hpp>
#include <set>

#include "policy/exports/parts.h"
#include "policy/terms/sentences.h"

namespace dure::exports {
namespace {

constexpr const char* kOther = "other";  // a licence that the hub has no name of
constexpr const char* kLicenceFile = "LICENSE";

// A double-quoted YAML scalar; JSON's escapes are a part of YAML's.
std::string Yaml(const std::string& text) {
  return nlohmann::json(text).dump(-1, ' ', false, nlohmann::json::error_handler_t::replace);
}

// The hub's own name of a licence, or "other" with the SPDX expression beside it.
std::string HubLicence(const std::string& expression) {
  static const std::set<std::string> kHub = {
      "apache-2.0",   "mit",          "cc0-1.0",      "cc-by-3.0",       "cc-by-4.0",
      "cc-by-sa-3.0", "cc-by-sa-4.0", "cc-by-nc-4.0", "cc-by-nc-sa-4.0", "cc-by-nc-nd-4.0",
      "cc-by-nd-4.0", "odc-by",       "pddl",         "bsd-3-clause",    "bsd-2-clause",
      "gpl-3.0",      "gpl-2.0",      "agpl-3.0",     "lgpl-3.0",        "mpl-2.0"};
  std::string lower = expression;
  std::transform(lower.begin(), lower.end(), lower.begin(),
                 [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
  for (const char* ending : {"-only"}) {
    if (lower.ends_with(ending)) lower.resize(lower.size() - std::string_view(ending).size());
  }
  return kHub.contains(lower) ? lower : kOther;
}

std::string HubName(const ModelLicence& licence) {
  return licence.expression.empty() ? kOther : HubLicence(licence.expression);
}

// YAML's own spelling of what is no finite number.
std::string YamlNumber(double value) {
  if (std::isnan(value)) return ".nan";
  return std::isinf(value) ? ".inf" : NumberText(value);
}

std::string List(const std::string& name, const std::set<std::string>& items) {
  if (items.empty()) return "";
  std::string text = name + ":\n";
  for (const std::string& item : items) text += "- " + Yaml(item) + "\n";
  return text;
}

std::string Results(const Dossier& dossier) {
  if (dossier.evaluations.empty()) return "";
  std::string text = "model-index:\n- name: " + Yaml(dossier.model.name) + "\n  results:\n";
  for (const Evaluation& evaluation : dossier.evaluations) {
    const Score score = ScoreOf(evaluation);
    text +=
        "  - task:\n      type: " + Yaml(dossier.model.task.value_or("text-generation")) +
        "\n    dataset:\n      type: \"private\"\n      name: " + Yaml(SliceText(evaluation)) +
        "\n    metrics:\n    - type: \"perplexity\"\n      value: " + YamlNumber(score.perplexity) +
        "\n      verified: false\n";
  }
  return text;
}

std::string FrontMatter(const Dossier& dossier, const ModelLicence& licence) {
  std::set<std::string> languages, datasets;
  for (const Dataset& dataset : dossier.datasets) {
    languages.insert(dataset.passport.languages.begin(), dataset.passport.languages.end());
    datasets.insert(NameOf(dataset));
  }
  std::string text = "---\n" + List("language", languages);
  const std::string hub = HubName(licence);
  text += "license: " + Yaml(hub) + "\n";
  if (hub == kOther)
    text +=
        "license_name: " +
        Yaml(licence.expression.empty() ? "no-licence-satisfies-all-terms" : licence.expression) +
        "\nlicense_link: " + Yaml(kLicenceFile) + "\n";
  text += "library_name: \"transformers\"\n";
  if (dossier.model.task) text += "pipeline_tag: " + Yaml(*dossier.model.task) + "\n";
  text += List("tags", {"federated-learning", "dure"}) + List("datasets", datasets);
  if (!dossier.evaluations.empty()) text += List("metrics", {"perplexity"});
  return text + Results(dossier) + "---\n";
}

std::string Attributions(const Dossier& dossier, const ModelLicence& licence) {
  std::string text;
  for (const Dataset& dataset : dossier.datasets) {
    const std::string line = TextOf(dataset, "duties");
    const bool owed =
        !line.empty() ||
        std::any_of(dataset.terms.duties.begin(), dataset.terms.duties.end(),
                    [](const auto& duty) { return duty.kind == terms::DutyKind::kAttribute; }) ||
        std::any_of(
            licence.proposal.attribution.begin(), licence.proposal.attribution.end(),
            [&](const auto& item) { return item.first.dataset == dataset.passport.dataset; });
    if (!owed) continue;
    const std::string notice = TextOf(dataset, "licence.copyright");
    const std::string& said = dataset.terms.licence.data;
    text += "- " + NameOf(dataset) + " (" + (said.empty() ? kNotRecorded : said) + "): " +
            (line.empty() && notice.empty()
                 ? "the text to show is kept outside the record; ask " + dataset.passport.custodian
                 : line + (line.empty() || notice.empty() ? "" : "; ") + notice) +
            "\n";
  }
  return text.empty() ? "None of the recorded terms asks for one.\n" : text;
}

std::string LicenceSection(const ModelLicence& licence) {
  std::string text;
  if (!licence.proposed) {
    text = "Decided: " + licence.expression + ".\n";
  } else if (!licence.expression.empty()) {
    text =
        "Proposed from the terms of the data, decided by nobody yet: " + licence.expression + ".\n";
  } else {
    text = "No licence satisfies all terms:\n";
    for (const auto& conflict : licence.proposal.conflicts)
      text += "- " + terms::Sentence(conflict, terms::Language::kEnglish) + "\n";
  }
  const auto because = [&](const char* what, const std::map<terms::Cause, std::string>& causes) {
    for (const auto& [cause, expression] : causes)
      text += "- " + std::string(what) + " because of " + terms::ShortText(cause) + ": " +
              expression + "\n";
  };
  because("share-alike", licence.proposal.share_alike);
  because("non-commercial", licence.proposal.non_commercial);
  return text;
}

std::string MadeFrom(const Dossier& dossier) {
  return "Made from " + std::to_string(dossier.as_of) + " entries of the record " +
         dossier.federation + " (root " + dossier.root.Hex() + "), template " +
         TemplateVersion(Format::kModelCard) + ".";
}

// What license_link of a card leads to: the hub asks for a file beside the card, or an address.
File LicenceFile(const Dossier& dossier, const ModelLicence& licence) {
  std::string text = "Licence of the model " + dossier.model.name + "\n\n" +
                     LicenceSection(licence) +
                     "\nThis is what the record comes to, not the text of a licence: SPDX "
                     "(https://spdx.org/licenses)\nhas those that it names, and a LicenseRef its "
                     "owner. " +
                     MadeFrom(dossier) + "\n\nWhat this file does not prove:\n";
  for (const std::string& caveat : DoesNotProve(Format::kModelCard, terms::Language::kEnglish))
    text += "- " + caveat + "\n";
  return {.name = kLicenceFile, .media_type = "text/plain; charset=utf-8", .text = text};
}

std::string DataTable(const Dossier& dossier) {
  if (dossier.datasets.empty()) return std::string(kNotRecorded) + "\n";
  std::string text =
      "| dataset | kept by | licence | use | personal data | tokens | recorded as |\n"
      "|---|---|---|---|---|---|---|\n";
  for (const Dataset& dataset : dossier.datasets) {
    const terms::Terms& t = dataset.terms;
    text += "| " + NameOf(dataset) + (dataset.withdrawal ? " (withdrawn)" : "") + " | " +
            dataset.passport.custodian + " | " +
            (t.licence.data.empty() ? kNotRecorded : t.licence.data) + " | " +
            std::string(terms::Word(t.use)) + " | " +
            std::string(terms::Word(t.personal.data_class)) + " | " +
            CountOrAbsent(dataset.passport.tokens) + " | " + PlaceText(dossier, dataset.place) +
            " |\n";
  }
  return text;
}

std::string UseSection(const Dossier& dossier) {
  const terms::Summary summary = terms::Summarise(CombinedTerms(dossier));
  std::string text = "What the owners of all data behind it allow together:\n\n";
  std::string purposes;
  for (const terms::Purpose purpose : summary.purposes)
    purposes +=
        (purposes.empty() ? "" : ", ") + terms::PlainWord(purpose, terms::Language::kEnglish);
  text += "- purposes: " + (purposes.empty() ? "none" : purposes) + "\n";
  for (const terms::Action action : {terms::Action::kServe, terms::Action::kExportWeights,
                                     terms::Action::kFinetune, terms::Action::kDistil}) {
    text +=
        "- " + terms::PlainWord(action, terms::Language::kEnglish) + ": " +
        terms::PlainWord(summary.actions[static_cast<size_t>(action)], terms::Language::kEnglish) +
        "\n";
  }
  if (summary.time.embargo_until)
    text += "- nothing gets out before " + terms::FormatInstant(*summary.time.embargo_until) + "\n";
  for (const Dataset& dataset : dossier.datasets) {
    const std::string withdrawn = WithdrawnText(dossier, dataset);
    if (!withdrawn.empty()) text += "-" + withdrawn + "\n";
  }
  return text;
}

std::string EvaluationSection(const Dossier& dossier) {
  if (dossier.evaluations.empty()) return std::string(kNotRecorded) + "\n";
  std::string text =
      "| held-out text of | datasets | perplexity | bits per byte | 95 % of these | tokens | "
      "recorded as |\n"
      "|---|---|---|---|---|---|---|\n";
  for (const Evaluation& evaluation : dossier.evaluations) {
    const Score score = ScoreOf(evaluation);
    const auto interval = BitsInterval(evaluation);
    text += "| " + evaluation.site + " | " + DataText(evaluation) + " | " +
            NumberText(score.perplexity) + " | " + NumberText(score.bits_per_byte) + " | " +
            (interval ? NumberText(interval->first) + " to " + NumberText(interval->second)
                      : kNotRecorded) +
            " | " + std::to_string(evaluation.tokens) + " | " +
            PlaceText(dossier, evaluation.place) + " |\n";
  }
  const bool any_withdrawn = std::ranges::any_of(
      dossier.evaluations, [](const Evaluation& one) { return !one.withdrawn.empty(); });
  if (any_withdrawn) {
    text +=
        "\nFigures on data that was withdrawn since stay as they were reported; none can be "
        "measured on it any more.\n";
  }
  return text;
}

}  // namespace

std::vector<File> MakeModelCard(const Dossier& dossier) {
  const Model& model = dossier.model;
  const ModelLicence licence = LicenceOf(dossier);
  std::string text = FrontMatter(dossier, licence);
  text += "\n# " + model.name + "\n\nTrained together by " +
          std::to_string(dossier.members.size()) + " institutions without moving their data. " +
          MadeFrom(dossier) + "\n";
  text += "\n## Model details\n\n- weights (SHA-256): " + model.digest.Hex() +
          "\n- provider: " + (model.provider.empty() ? kNotRecorded : model.provider) +
          "\n- architecture: " + OrAbsent(model.architecture) +
          "\n- parameters: " + CountOrAbsent(model.parameters) +
          "\n- tokenizer: " + (model.tokenizer ? model.tokenizer->Hex() : kNotRecorded) +
          "\n- released: " + TimeOrAbsent(model.released_at) + "\n";
  text += "\n## Uses\n\n" + UseSection(dossier);
  text += "\n## Training data\n\n" + DataTable(dossier);
  text += "\n## Training procedure\n\n- rounds: " + std::to_string(dossier.rounds.size()) +
          "\n- tokens trained on: " + CountOrAbsent(TrainedTokens(dossier)) +
          "\n- energy (kWh): " + OrAbsent(model.training_energy_kwh) +
          "\n- computation (FLOP): " + OrAbsent(model.training_flops) + "\n";
  for (const auto& [name, value] : model.hyperparameters) text += "- " + name + ": " + value + "\n";
  text += "\n## Evaluation\n\n" + EvaluationSection(dossier);
  text += "\n## Bias, risks and limitations\n\n" + std::string(kNotRecorded) + "\n";
  text += "\n## Licence\n\n" + LicenceSection(licence);
  text += "\n## Attribution\n\n" + Attributions(dossier, licence);
  text += "\n## What this card does not prove\n\n";
  for (const std::string& caveat : DoesNotProve(Format::kModelCard, terms::Language::kEnglish))
    text += "- " + caveat + "\n";
  std::vector<File> files = {
      {.name = "README.md", .media_type = "text/markdown; charset=utf-8", .text = text}};
  if (HubName(licence) == kOther) files.push_back(LicenceFile(dossier, licence));
  return files;
}

}  // namespace dure::exports
