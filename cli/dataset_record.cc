// What the record says of datasets: dataset list|show.
#include <memory>
#include <nlohmann/json.hpp>

#include "cli/command.h"
#include "cli/counted.h"
#include "cli/figures.h"
#include "cli/language.h"
#include "cli/nouns.h"
#include "cli/record_copy.h"
#include "policy/lineage/lineage.h"
#include "policy/terms/sentences.h"

namespace dure::cli {
namespace {

using nlohmann::ordered_json;

std::string StatusOf(const standing::Dataset& dataset) {
  if (!dataset.withdrawn) return "registered";
  return "withdrawn at entry " + std::to_string(dataset.withdrawn->index) +
         (dataset.withdrawn->closed ? ", case closed" : ", case open");
}

std::string StatusText(const standing::Dataset& dataset, bool korean) {
  if (!korean) return StatusOf(dataset);
  if (!dataset.withdrawn) return "등록됨";
  return "항목 " + std::to_string(dataset.withdrawn->index) + "에서 철회됨" +
         (dataset.withdrawn->closed ? "(처리 완료)" : "(처리 중)");
}

std::string LineOf(const DatasetId& id, const standing::Dataset& dataset, const Context& context) {
  const standing::DatasetEntry& newest = dataset.newest();
  const std::string& licence = newest.terms.licence.data;
  const std::string who = dataset.custodian.str();
  const std::string rounds = std::to_string(dataset.rounds);
  return id.str() + " v" + std::to_string(dataset.version()) + "  " +
         Pick(context, who + " at " + newest.site.str(), who + ", 사이트 " + newest.site.str()) +
         "  " + terms::PlainWord(newest.terms.use, TermsLanguage(context)) +
         (licence.empty() ? "" : "  " + licence) + "  " + StatusText(dataset, IsKorean(context)) +
         Pick(context, "  rounds " + rounds, "  라운드 " + rounds + "개") + "\n";
}

Status ListDatasets(const std::string& dir, Context& context) {
  DURE_ASSIGN(const auto record, RecordCopy::Open(dir, context));
  ordered_json list = ordered_json::array();
  std::string text;
  for (const auto& [id, dataset] : record->state().datasets) {
    const standing::DatasetEntry& newest = dataset.newest();
    list.push_back({{"dataset", id.str()},
                    {"version", dataset.version()},
                    {"custodian", dataset.custodian.str()},
                    {"site", newest.site.str()},
                    {"use", terms::Word(newest.terms.use)},
                    {"licence", newest.terms.licence.data},
                    {"status", StatusOf(dataset)},
                    {"entry", newest.index},
                    {"rounds", dataset.rounds}});
    text += LineOf(id, dataset, context);
  }
  context.Print(context.json()
                    ? ordered_json{{"datasets", list}}.dump()
                    : (!text.empty() ? text
                                     : Pick(context, "No dataset is registered in this record.",
                                            "등록된 데이터셋이 없습니다.")));
  return {};
}

std::string Indented(const std::string& lines) {
  std::string text = "    ";
  for (size_t i = 0; i < lines.size(); ++i) {
    text += lines[i];
    if (lines[i] == '\n' && i + 1 < lines.size()) text += "    ";
  }
  return text;
}

// As whoever signed them reads them; what does not parse is shown as it stands.
std::string VersionText(uint64_t number, const standing::DatasetEntry& version, bool korean) {
  const auto language = korean ? terms::Language::kKorean : terms::Language::kEnglish;
  const std::string entry = std::to_string(version.index);
  std::string text = korean ? "\n버전 " + std::to_string(number) + " (항목 " + entry +
                                  "), 사이트 " + version.site.str()
                            : "\nversion " + std::to_string(number) + " (entry " + entry + ") at " +
                                  version.site.str();
  text += "\n";
  const auto passport = terms::ParseCanonicalPassport(version.passport);
  text += passport ? Indented(terms::ToText(terms::PlainLines(*passport, {}, language)))
                   : "    " + version.passport + "\n";
  text += korean ? "  이용조건\n" : "  terms\n";
  return text + Indented(terms::ToText(terms::PlainLines(version.terms, {}, language)));
}

std::string UsesText(const lineage::DatasetUses& uses, const standing::State& state, bool korean) {
  const std::string rounds = std::to_string(uses.rounds.size());
  const std::string models = std::to_string(uses.models.size());
  std::string text =
      korean ? "\n라운드 " + rounds + "개에 쓰였고, 모델 " + models + "개에 들어 있습니다.\n"
             : "\nCounted in " + Counted(uses.rounds.size(), "round") + "; behind " +
                   Counted(uses.models.size(), "model") + "\n";
  for (const lineage::Made& made : uses.models) {
    text += "  " + made.model.Hex().substr(0, 16) + "  " + made.at.run.str() +
            (korean ? " 라운드 " : " round ") + std::to_string(made.at.round.value) + "\n";
  }
  for (const uint64_t grant : uses.grants) {
    text += (korean ? "  이용 허가: 항목 " : "  grant: entry ") + std::to_string(grant) + "\n";
  }
  if (uses.figures.empty()) return text;
  const std::string count = std::to_string(uses.figures.size());
  text += Pick(korean, "\nFigures of models that were measured on it: " + count + "\n",
               "\n이 데이터로 모델을 평가한 값이 " + count + "개 있습니다.\n") +
          FiguresText(uses.figures, state, korean);
  return text;
}

Status ShowDataset(const std::string& dir, const std::string& name, bool with_uses,
                   Context& context) {
  const bool korean = IsKorean(context);
  DURE_ASSIGN(const DatasetId id, DatasetId::Parse(name));
  DURE_ASSIGN(const auto record, RecordCopy::Open(dir, context));
  DURE_TRY(HasDataset(record->state(), id, context));
  DURE_ASSIGN(const lineage::DatasetUses uses, lineage::UsesOf(record->state(), id));
  const standing::Dataset& dataset = record->state().datasets.at(id);
  ordered_json versions = ordered_json::array();
  std::string text = Pick(korean, id.str() + " of " + dataset.custodian.str(),
                          dataset.custodian.str() + "의 " + id.str()) +
                     ": " + StatusText(dataset, korean) + "\n";
  for (const auto& [number, version] : dataset.versions) {
    versions.push_back({{"version", number},
                        {"entry", version.index},
                        {"site", version.site.str()},
                        {"terms", ordered_json::parse(version.terms_text)},
                        {"passport", ordered_json::parse(version.passport)}});
    text += VersionText(number, version, korean);
  }
  ordered_json object = {{"dataset", id.str()},
                         {"custodian", dataset.custodian.str()},
                         {"status", StatusOf(dataset)},
                         {"versions", versions}};
  if (with_uses) {
    ordered_json models = ordered_json::array();
    text += UsesText(uses, record->state(), korean);
    for (const lineage::Made& made : uses.models) {
      models.push_back({{"model", made.model.Hex()},
                        {"run", made.at.run.str()},
                        {"round", made.at.round.value},
                        {"entry", made.closed}});
    }
    object["rounds"] = uses.rounds.size();
    object["models"] = models;
    object["grants"] = uses.grants;
    object["figures"] = FiguresJson(uses.figures, record->state());
  }
  context.Print(context.json() ? object.dump() : text);
  return {};
}

}  // namespace

void AddDatasetRecordVerbs(Command dataset, Context& context) {
  auto dir = std::make_shared<std::string>();
  Command list = AddVerb(dataset, "list", "List the datasets of the record",
                         "dure dataset list --dir /srv/desk\n"
                         "dure dataset list --dir /srv/desk --lang ko");
  list.Add("--dir", *dir, "A folder with a copy of the record").Required();
  AddLanguage(list, context);
  context.Do(list, [dir, &context] { return ListDatasets(*dir, context); });

  auto name = std::make_shared<std::string>();
  auto uses = std::make_shared<bool>(false);
  Command show = AddVerb(dataset, "show", "Show a dataset: its versions, terms and uses",
                         "dure dataset show reviews --uses --dir /srv/desk");
  show.Add("dataset", *name, "The dataset").Required();
  show.Add("--dir", *dir, "A folder with a copy of the record").Required();
  show.Flag("--uses", *uses,
            "Also the rounds, models and grants it is behind, and what was measured on it");
  AddLanguage(show, context);
  context.Do(show, [=, &context] { return ShowDataset(*dir, *name, *uses, context); });
}

}  // namespace dure::cli
