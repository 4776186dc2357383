// dure export: files for authorities, partners and tools, made from the own copy of the record.
#include <filesystem>
#include <fstream>
#include <memory>
#include <nlohmann/json.hpp>

#include "cli/command.h"
#include "cli/find_model.h"
#include "cli/language.h"
#include "cli/nouns.h"
#include "cli/record_copy.h"
#include "policy/exports/collect.h"

namespace dure::cli {
namespace {

using exports::Format;
using nlohmann::ordered_json;

struct ExportOptions {
  std::string model;
  std::string dir;
  std::string out;
  uint64_t as_of = 0;
  std::string recipient;
  bool no_log = false;
};

struct Kind {
  Format format;
  const char* what;
};
constexpr Kind kKinds[] = {
    {Format::kProv, "W3C PROV-JSON: which data, rounds and members a model comes from"},
    {Format::kSpdx, "SPDX 3.0.1 with the AI and Dataset profiles"},
    {Format::kCycloneDx, "CycloneDX 1.6: a machine-learning bill of materials"},
    {Format::kModelCard, "a model card that Hugging Face takes"},
    {Format::kEuSummary, "the EU's public summary of training content"},
    {Format::kKrOverview, "the overview after Korea's AI Basic Act, in Korean"},
    {Format::kOdrl, "one ODRL offer a dataset"},
    {Format::kCroissant, "one Croissant 1.1 description a dataset"},
    {Format::kCsv, "tables: datasets, rounds, contributions, decisions, evaluations"},
};

Status WriteFile(const std::filesystem::path& path, const std::string& text) {
  if (std::filesystem::exists(path)) {
    return Fail(ErrorCode::kAlreadyExists, path.string() + " exists; nothing is written over");
  }
  std::ofstream out(path, std::ios::binary);
  out << text;
  if (out.flush()) return {};
  return Fail(ErrorCode::kFailedPrecondition, "cannot write " + path.string());
}

// To the folder, made if need be.
Status WriteFiles(const exports::Export& made, const std::string& folder) {
  std::error_code error;
  std::filesystem::create_directories(folder, error);
  if (error) {
    return Fail(ErrorCode::kFailedPrecondition, "cannot make " + folder + ": " + error.message());
  }
  for (const exports::File& file : made.files) {
    DURE_TRY(WriteFile(std::filesystem::path(folder) / file.name, file.text));
  }
  return {};
}

// Says in the record that the file was made. A daemon's folder has no seat of its own for that.
Result<uint64_t> LogDisclosure(const ExportOptions& options, const exports::Export& made,
                               const exports::Dossier& dossier, Context& context) {
  auto desk =
      OpenDesk(options.dir, {identity::Role::kOfficer, identity::Role::kResearcher}, context);
  if (!desk) {
    return Fail(desk.error().code,
                desk.error().message + Pick(context,
                                            "; an export is recorded by an officer or a "
                                            "researcher: give --no-log to make it without",
                                            ". 내보내기를 기록하는 것은 정책 담당자나 연구자의 "
                                            "일입니다. 기록 없이 만들려면 --no-log를 붙이십시오"));
  }
  ledger::DisclosureExported event;
  event.kind = made.kind;
  event.template_version = made.template_version;
  event.subject = dossier.model.digest;
  event.file = exports::DigestOf(made);
  event.as_of = dossier.as_of;
  event.recipient = options.recipient;
  return Submit(*desk, event, context);
}

void Report(Format format, const exports::Export& made, const exports::Dossier& dossier,
            std::optional<uint64_t> entry, Context& context) {
  const std::vector<std::string> caveats = exports::DoesNotProve(format, TermsLanguage(context));
  if (context.json()) {
    ordered_json files = ordered_json::array();
    for (const exports::File& file : made.files) {
      files.push_back({{"name", file.name},
                       {"media_type", file.media_type},
                       {"sha256", Sha256(AsBytes(file.text)).Hex()}});
    }
    context.PrintJson(ordered_json{
        {"kind", made.kind},
        {"template", made.template_version},
        {"model", dossier.model.digest.Hex()},
        {"as_of", dossier.as_of},
        {"sha256", exports::DigestOf(made).Hex()},
        {"files", files},
        {"entry", entry ? ordered_json(*entry) : ordered_json(nullptr)},
        {"does_not_prove",
         caveats}}.dump());
    return;
  }
  std::string text;
  for (const exports::File& file : made.files) {
    text += Sha256(AsBytes(file.text)).Hex() + "  " + file.name + "\n";
  }
  const std::string as_of = std::to_string(dossier.as_of);
  const std::string digest = exports::DigestOf(made).Hex();
  text += Pick(context,
               "\nMade from the first " + as_of + " entries, template " + made.template_version +
                   ", digest " + digest + ".\n",
               "\n처음 항목 " + as_of + "개로 만들었습니다. 서식 " + made.template_version +
                   ", 다이제스트 " + digest + "\n");
  const std::string recorded = entry ? std::to_string(*entry) : "";
  text += entry ? Pick(context, "Recorded as entry " + recorded + ".\n",
                       "내보냈다는 사실을 항목 " + rules::WithParticle(recorded, "(으)로") +
                           " 기록했습니다.\n")
                : Pick(context, "Not recorded.\n", "기록하지 않았습니다.\n");
  text += Pick(context, "\nWhat it does not prove\n", "\n이 문서가 증명하지 않는 것\n");
  for (const std::string& caveat : caveats) text += "  " + caveat + "\n";
  context.Print(text);
}

Status Export(const ExportOptions& options, Format format, Context& context) {
  DURE_ASSIGN(auto record, RecordCopy::Open(options.dir, context));
  if (const auto& dissent = record->auditor().dissent()) {
    return Fail(ErrorCode::kCorrupt, "entry " + std::to_string(dissent->index) +
                                         " of this copy does not hold (" + dissent->rule +
                                         "): nothing is exported from it");
  }
  const uint64_t as_of = options.as_of == 0 ? record->log().Head().head.size : options.as_of;
  DURE_ASSIGN(const Digest model, FindModel(record->state(), options.model, context, as_of));
  // Not the locale's: the same command makes the same bytes on any machine.
  const auto language =
      context.language() == "ko" ? terms::Language::kKorean : terms::Language::kEnglish;
  DURE_ASSIGN(const exports::Dossier dossier,
              exports::Collect(record->log(), as_of, model, language));
  const exports::Export made = exports::Make(format, dossier);
  const std::string folder =
      options.out.empty() ? made.kind + "-" + model.Hex().substr(0, 12) : options.out;
  for (const exports::File& file : made.files) {
    if (std::filesystem::exists(std::filesystem::path(folder) / file.name)) {
      return Fail(ErrorCode::kAlreadyExists,
                  folder + "/" + file.name + " exists; give another folder with --out");
    }
  }
  record.reset();  // of a person: the desk's clerk opens the same copy
  // Recorded before it leaves: no file without its entry.
  std::optional<uint64_t> entry;
  if (!options.no_log) {
    DURE_ASSIGN(entry, LogDisclosure(options, made, dossier, context));
  }
  DURE_TRY(WriteFiles(made, folder));
  Report(format, made, dossier, entry, context);
  return {};
}

}  // namespace

void AddExportCommands(Command dure, Context& context) {
  Command noun = AddNoun(dure, "export", "Make files for authorities, partners and tools");
  for (const Kind& kind : kKinds) {
    auto options = std::make_shared<ExportOptions>();
    const std::string word(terms::Word(kind.format));
    Command verb = AddVerb(noun, word, kind.what,
                           "dure export " + word + " first --dir desk --out " + word +
                               "\ndure export " + word + " 4c0ce92c76 --no-log --dir /srv/site");
    verb.Add("model", options->model, "Its digest, the first digits of it, or a run for its newest")
        .Required();
    verb.Add("--dir", options->dir, "A folder with a copy of the record").Required();
    verb.Add("--out", options->out, "The folder to write to; named after kind and model");
    verb.Add("--as-of", options->as_of,
             "Only the first so many entries: makes a recorded export again");
    AddLanguage(verb, context);
    verb.Add("--for", options->recipient, "Who gets it, for the record")
        .OneOf({"authority", "auditor", "partner", "publication"});
    verb.Flag("--no-log", options->no_log, "Do not say in the record that it was made");
    context.Do(verb, [options, format = kind.format, &context] {
      return Export(*options, format, context);
    });
  }
}

}  // namespace dure::cli
