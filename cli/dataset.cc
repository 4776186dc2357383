// dure dataset: what an institution lends and under which terms, on files; nothing here needs a
// daemon or tells anybody.
#include <filesystem>
#include <fstream>
#include <iostream>
#include <iterator>
#include <memory>
#include <nlohmann/json.hpp>

#include "cli/command.h"
#include "cli/nouns.h"
#include "model/text/documents.h"
#include "model/text/tokenizer.h"
#include "policy/terms/croissant.h"
#include "policy/terms/form.h"
#include "policy/terms/odrl.h"
#include "policy/terms/sentences.h"
#include "policy/terms/toml.h"

namespace dure::cli {
namespace {

namespace fs = std::filesystem;
using terms::Language;

struct Options {
  std::string terms;
  std::string data;
  std::string out;
  std::string language = "en";
  std::string format;
  std::string from;
  std::string tokenizer;
  bool force = false;
};

Result<Language> LanguageOf(const std::string& word) {
  const auto language = terms::FromWord<Language>(word);
  if (!language) return Fail(ErrorCode::kInvalid, "--language '" + word + "' is neither en nor ko");
  return *language;
}

Result<std::string> ReadFile(const std::string& path) {
  std::ifstream in(path, std::ios::binary);
  std::string bytes{std::istreambuf_iterator<char>(in), {}};
  if (!in.is_open() || in.bad()) return Fail(ErrorCode::kNotFound, path + " cannot be read");
  return bytes;
}

// Never over a file that somebody wrote, unless told to. A private file is the owner's alone from
// its first byte.
Status WriteNew(const std::string& path, std::string_view text, bool force, bool is_private) {
  if (!force && fs::exists(path))
    return Fail(ErrorCode::kAlreadyExists, path + " exists already; --force replaces it");
  std::error_code error;
  fs::remove(path, error);
  std::ofstream out(path, std::ios::binary);
  if (is_private) fs::permissions(path, fs::perms::owner_read | fs::perms::owner_write, error);
  if (error) return Fail(ErrorCode::kUnavailable, path + ": " + error.message());
  out << text;
  out.close();
  if (!out) return Fail(ErrorCode::kUnavailable, path + " cannot be written");
  return {};
}

Result<terms::Draft> ReadTerms(const std::string& path) {
  DURE_ASSIGN(const std::string text, ReadFile(path));
  SystemRandom random;
  return terms::ParseToml(text, path, random);
}

Status FillForm(const Options& options, Context& context) {
  DURE_ASSIGN(const Language language, LanguageOf(options.language));
  if (!options.force && fs::exists(options.out))
    return Fail(ErrorCode::kAlreadyExists, options.out + " exists already; --force replaces it");
  DURE_ASSIGN(const std::string file, terms::RunForm(std::cin, std::cerr, language));
  DURE_TRY(WriteNew(options.out, file, options.force, false));
  context.Print("wrote " + options.out + "; read it again with\n  dure dataset show-terms " +
                options.out);
  return {};
}

Status CheckTerms(const Options& options, Context& context) {
  DURE_ASSIGN(const terms::Draft draft, ReadTerms(options.terms));
  if (context.json()) {
    context.PrintJson(terms::ToCanonical(draft.terms));
    return {};
  }
  context.Print(options.terms + " is sound: " + std::string(terms::Word(draft.terms.use)) +
                ", licence " +
                (draft.terms.licence.data.empty() ? "unknown" : draft.terms.licence.data) + ", " +
                std::to_string(terms::ToCanonical(draft.terms).size()) + " bytes in the record");
  return {};
}

Status ShowTerms(const Options& options, Context& context) {
  DURE_ASSIGN(const Language language, LanguageOf(options.language));
  DURE_ASSIGN(const terms::Draft draft, ReadTerms(options.terms));
  if (context.json()) {
    context.PrintJson(terms::ToCanonical(draft.terms));
    return {};
  }
  context.Print(terms::ToText(terms::PlainLines(draft.terms, draft.attachments, language)));
  return {};
}

// Records and tokens as the site would train on them.
Status CountText(const Options& options, terms::Passport& passport) {
  DURE_ASSIGN(const text::Tokenizer tokenizer, text::Tokenizer::Load(options.tokenizer));
  uint64_t tokens = 0;
  const auto count = [&](std::string_view document) {
    tokens += tokenizer.Encode(document).size();
    return true;
  };
  DURE_ASSIGN(const text::ReadReport report,
              text::ReadDocuments({.path = options.data, .columns = {}}, count));
  passport.records = report.documents;
  passport.tokens = tokens;
  return {};
}

// What `dataset add` will register, without registering it.
Status Describe(const Options& options, Context& context) {
  DURE_ASSIGN(const Language language, LanguageOf(options.language));
  DURE_ASSIGN(const std::string file, ReadFile(options.terms));
  SystemRandom random;
  DURE_ASSIGN(terms::Description description,
              terms::Describe(file, options.terms, options.data, random));
  if (!options.tokenizer.empty()) DURE_TRY(CountText(options, description.passport));
  const std::string passport = terms::ToCanonical(description.passport);
  const std::string canonical = terms::ToCanonical(description.terms);
  if (!options.out.empty()) {
    std::error_code error;
    fs::create_directories(options.out, error);
    if (error) return Fail(ErrorCode::kUnavailable, options.out + ": " + error.message());
    const std::string base = options.out + "/" + description.passport.dataset;
    DURE_TRY(WriteNew(base + ".passport.json", passport, options.force, false));
    DURE_TRY(WriteNew(base + ".terms.json", canonical, options.force, false));
    std::vector<terms::Attachment> kept = description.attachments;
    kept.push_back({.field = "data", .salt = description.data_salt, .text = ""});
    DURE_TRY(WriteNew(base + ".private.json", terms::ToPrivateJson(kept), options.force, true));
    context.Say("wrote " + base + ".passport.json and .terms.json, which go on record, and " +
                base + ".private.json, which must not");
  }
  if (context.json()) {
    context.PrintJson("{\"passport\":" + passport + ",\"terms\":" + canonical + "}");
    return {};
  }
  context.Print(
      terms::ToText(terms::PlainLines(description.passport, description.attachments, language)));
  return {};
}

Status Import(const Options& options, Context& context) {
  DURE_ASSIGN(const std::string text, ReadFile(options.from));
  SystemRandom random;
  DURE_ASSIGN(const terms::Imported imported, terms::ImportTerms(text, random));
  DURE_TRY(WriteNew(options.out, terms::ToToml(imported.draft), options.force, false));
  for (const std::string& remark : imported.remarks) context.Say("! " + remark);
  context.Print("wrote " + options.out + " from " + imported.format +
                "; what the source does not say is unknown there, and therefore not allowed");
  return {};
}

Status Export(const Options& options, Context& context) {
  DURE_ASSIGN(const terms::Draft draft, ReadTerms(options.terms));
  std::string text;
  if (options.format == "odrl") {
    text = terms::ToOdrlOffer(draft.terms, draft.passport.dataset, draft.passport.rights_holder);
  } else if (options.format == "croissant") {
    text = terms::ToCroissant(draft);
  } else {
    return Fail(ErrorCode::kInvalid,
                "--format '" + options.format + "' is neither odrl nor croissant");
  }
  if (options.out.empty()) {
    context.Print(text);
    return {};
  }
  DURE_TRY(WriteNew(options.out, text, options.force, false));
  context.Print("wrote " + options.out);
  return {};
}

using Action = Status (*)(const Options&, Context&);

Command Add(Command noun, Context& context, const std::shared_ptr<Options>& options,
            const char* name, const char* one_line, const char* examples, Action action) {
  Command verb = AddVerb(noun, name, one_line, examples);
  context.Do(verb, [options, &context, action] { return action(*options, context); });
  return verb;
}

void AddLanguage(Command verb, Options& options) {
  verb.Add("--language", options.language, "en or ko").ShowDefault();
}

void AddForce(Command verb, Options& options) {
  verb.Flag("--force", options.force, "Replace files that exist");
}

}  // namespace

void AddDatasetCommands(Command dure, Context& context) {
  Command noun = AddNoun(dure, "dataset", "say what data is lent, and under which terms");
  const auto options = std::make_shared<Options>();
  AddDatasetAdd(noun, context);
  AddDatasetRecordVerbs(noun, context);

  Command form = Add(noun, context, options, "form", "answer questions, get a terms file",
                     "dure dataset form --out terms.toml\n"
                     "dure dataset form --out terms.toml --language ko",
                     FillForm);
  form.Add("--out", options->out, "The terms file to write").Required();
  AddLanguage(form, *options);
  AddForce(form, *options);

  Command check = Add(noun, context, options, "check", "find what is wrong with a terms file",
                      "dure dataset check terms.toml", CheckTerms);
  check.Add("terms", options->terms, "The terms file").Required();

  Command show = Add(noun, context, options, "show-terms", "say terms in plain words",
                     "dure dataset show-terms terms.toml --language ko", ShowTerms);
  show.Add("terms", options->terms, "The terms file").Required();
  AddLanguage(show, *options);

  Command describe =
      Add(noun, context, options, "describe", "measure the data and show its passport",
          "dure dataset describe --terms terms.toml --data /data/text", Describe);
  describe.Add("--terms", options->terms, "The terms file").Required();
  describe.Add("--data", options->data, "File or folder of the data").Required();
  describe.Add("--tokenizer", options->tokenizer,
               "Count records and tokens of text too: a tokenizer.json or 'bytes'");
  describe.Add("--out", options->out,
               "Folder for the passport, the terms as they go on record, and the salts");
  AddLanguage(describe, *options);
  AddForce(describe, *options);

  Command import = Add(noun, context, options, "import", "make a terms file from other formats",
                       "dure dataset import croissant.json --out terms.toml", Import);
  import.Add("from", options->from, "A Croissant or ODRL file (JSON-LD)").Required();
  import.Add("--out", options->out, "The terms file to write").Required();
  AddForce(import, *options);

  Command exported = Add(noun, context, options, "export", "write terms in other formats",
                         "dure dataset export terms.toml --format odrl --out offer.json", Export);
  exported.Add("terms", options->terms, "The terms file").Required();
  exported.Add("--format", options->format, "odrl or croissant").Required();
  exported.Add("--out", options->out, "The file to write; without it, standard output");
  AddForce(exported, *options);
}

}  // namespace dure::cli
