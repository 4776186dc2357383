// dure dataset: what an institution lends and under which terms, on files; nothing here needs a
// daemon or tells anybody.
#include <filesystem>
#include <memory>
#include <nlohmann/json.hpp>

#include "cli/command.h"
#include "cli/language.h"
#include "cli/nouns.h"
#include "cli/phrases.h"
#include "cli/read_text.h"
#include "cli/terms_form.h"
#include "cli/text_file.h"
#include "federation/identity/private_files.h"
#include "policy/terms/croissant.h"
#include "policy/terms/form.h"
#include "policy/terms/odrl.h"
#include "policy/terms/proposal.h"
#include "policy/terms/sentences.h"
#include "policy/terms/toml.h"

namespace dure::cli {
namespace {

namespace fs = std::filesystem;
using terms::Language;

struct DatasetOptions {
  std::string terms;
  std::string data;
  std::string out;
  std::string format;
  std::string from;
  std::string tokenizer;
  std::string published;
  bool force = false;
};

std::string Exists(const std::string& path, const Context& context) {
  return Pick(context, path + " exists already; --force replaces it",
              path + " 파일이 이미 있습니다. 바꾸려면 --force를 붙이십시오");
}

// Never over a file that somebody wrote, unless told to.
Status MayWrite(const std::string& path, bool force, const Context& context) {
  if (force || !fs::exists(path)) return {};
  return Fail(ErrorCode::kAlreadyExists, Exists(path, context));
}

Status WriteNew(const std::string& path, std::string_view text, bool force,
                const Context& context) {
  DURE_TRY(MayWrite(path, force, context));
  return WriteTextFile(path, text, context);
}

Result<terms::Draft> ReadTerms(const std::string& path, const Context& context) {
  DURE_ASSIGN(const std::string text, ReadTextFile(path, context));
  SystemRandom random;
  return terms::ParseToml(text, path, random);
}

// Which file was written, as JSON too, and in words what comes `next`.
Status PrintWritten(const std::string& path, const std::string& next, Context& context) {
  context.Print(context.json() ? nlohmann::json{{"file", path}}.dump(
                                     -1, ' ', false, nlohmann::json::error_handler_t::replace)
                               : Pick(context, "wrote " + path, path + " 파일을 썼습니다") + next);
  return {};
}

Status FillForm(const DatasetOptions& options, Context& context) {
  DURE_TRY(MayWrite(options.out, options.force, context));
  DURE_TRY(AskForTerms(options.out, "", context));
  return PrintWritten(options.out,
                      Pick(context, "; read it again with\n  dure dataset show-terms ",
                           ". 다시 읽어 보려면\n  dure dataset show-terms ") +
                          options.out,
                      context);
}

std::string NoPassport(const Context& context) {
  return Pick(context,
              "there is no table [dataset] yet; dure dataset add needs one, to know which dataset",
              "[dataset] 표가 아직 없습니다. 어느 데이터셋인지 알아야 dure dataset add로 등록할 수 "
              "있습니다");
}

bool AllowsNothing(const terms::Terms& terms) {
  return std::ranges::none_of(terms.actions, [](terms::Permission permission) {
    return permission == terms::Permission::kAllow || permission == terms::Permission::kAsk;
  });
}

// Already with this data alone no licence would do for a model, because of the one that is asked.
bool AsksForALicenceThatTheDataForbids(terms::Terms terms) {
  const auto proposed = [&terms] {
    return terms::ProposeLicence(terms::TermsOf({"data", 1}, terms)).licence;
  };
  if (terms.licence.model.empty() || !proposed().empty()) return false;
  terms.licence.model.clear();
  return !proposed().empty();
}

// What is sound and yet hardly meant.
void Warn(const terms::Terms& terms, Context& context) {
  if (AllowsNothing(terms)) {
    context.Say(
        Pick(context,
             "! [actions] allows nothing, not even training, and nothing is asked for: with "
             "these terms the data is never used",
             "! [actions]에 허용하거나 물어보도록 한 것이 하나도 없습니다. 이 이용조건으로는 "
             "학습에도 쓰이지 않습니다"));
  }
  const auto now =
      std::chrono::duration_cast<std::chrono::seconds>(context.Now().time_since_epoch());
  if (terms.time.valid_until && terms.time.valid_until->seconds < now.count()) {
    context.Say(Pick(context, "! time.validUntil is over: no new training uses the data",
                     "! time.validUntil이 이미 지났습니다. 새 학습에는 쓰이지 않습니다"));
  }
  const auto exports = terms.Of(terms::Action::kExportWeights);
  if (terms.consent.contains(terms::ConsentDuty::kExport) &&
      exports == terms::Permission::kUnknown) {
    context.Say(
        Pick(context,
             "! consent names \"export\", but actions.export-weights is not said: no model "
             "will ever leave",
             "! consent에 export가 있으나 actions.export-weights를 정하지 않아 모델을 내보낼 "
             "수 없습니다"));
  }
  if (AsksForALicenceThatTheDataForbids(terms)) {
    const std::string& data = terms.licence.data;
    const std::string& model = terms.licence.model;
    context.Say(Pick(context,
                     "! licence.model = \"" + model + "\" cannot hold with licence.data = \"" +
                         data + "\": no model with this data may be passed on",
                     "! licence.model = \"" + model + "\"은 licence.data = \"" + data +
                         "\"과 함께 지킬 수 없습니다. 이 데이터로 학습한 모델은 아무에게도 넘길 "
                         "수 없습니다"));
  }
  if (terms.personal.data_class == terms::PersonalClass::kUnknown) {
    context.Say("! personal.class: " + terms::LeftOutPersonalClass(TermsLanguage(context)));
  }
}

Status CheckTerms(const DatasetOptions& options, Context& context) {
  DURE_ASSIGN(const terms::Draft draft, ReadTerms(options.terms, context));
  if (context.json()) {
    context.PrintJson(terms::ToCanonical(draft.terms));
    return {};
  }
  if (!draft.has_passport) context.Say(NoPassport(context));
  Warn(draft.terms, context);
  const std::string& licence = draft.terms.licence.data;
  const std::string bytes = std::to_string(terms::ToCanonical(draft.terms).size());
  context.Print(Pick(
      context,
      options.terms + " is sound: " + std::string(terms::Word(draft.terms.use)) + ", licence " +
          (licence.empty() ? "unknown" : licence) + ", " + bytes + " bytes in the record",
      options.terms + "에서 고칠 것을 찾지 못했습니다: " +
          terms::PlainWord(draft.terms.use, Language::kKorean) + ", 라이선스 " +
          (licence.empty() ? "알 수 없음" : licence) + ", 기록에는 " + bytes + "바이트"));
  return {};
}

Status ShowTerms(const DatasetOptions& options, Context& context) {
  const Language language = TermsLanguage(context);
  DURE_ASSIGN(const terms::Draft draft, ReadTerms(options.terms, context));
  if (context.json()) {
    context.PrintJson(terms::ToCanonical(draft.terms));
    return {};
  }
  context.Print(terms::ToText(terms::PlainLines(draft.terms, draft.attachments, language)));
  return {};
}

// What `dataset add` will register, without registering it.
Status Describe(const DatasetOptions& options, Context& context) {
  const Language language = TermsLanguage(context);
  DURE_ASSIGN(const std::string file, ReadTextFile(options.terms, context));
  SystemRandom random;
  DURE_ASSIGN(terms::Description description,
              terms::Describe(file, options.terms, options.data, random));
  if (!options.tokenizer.empty()) {
    DURE_ASSIGN(const CountedText counted, CountText(options.data, {}, options.tokenizer));
    description.passport.records = counted.report.documents;
    description.passport.tokens = counted.tokens;
    context.Say(ReadText(counted.report, context));
  }
  const std::string passport = terms::ToCanonical(description.passport);
  const std::string canonical = terms::ToCanonical(description.terms);
  if (!options.out.empty()) {
    std::error_code error;
    fs::create_directories(options.out, error);
    if (error) return Fail(ErrorCode::kFailedPrecondition, options.out + ": " + error.message());
    const std::string base = options.out + "/" + description.passport.dataset;
    DURE_TRY(WriteNew(base + ".passport.json", passport, options.force, context));
    DURE_TRY(WriteNew(base + ".terms.json", canonical, options.force, context));
    std::vector<terms::Attachment> kept = description.attachments;
    kept.push_back({.field = "data", .salt = description.data_salt, .text = ""});
    const std::string secret = base + ".private.json";
    DURE_TRY(MayWrite(secret, options.force, context));
    DURE_TRY(identity::WritePrivateFile(secret, terms::ToPrivateJson(kept)));
    context.Say(Pick(context,
                     "wrote " + base + ".passport.json and .terms.json, which go on record, and " +
                         base + ".private.json, which must not",
                     base + ".passport.json과 .terms.json은 기록에 올라갈 파일이고, " + base +
                         ".private.json은 기관 안에만 두어야 합니다"));
  }
  if (context.json()) {
    context.PrintJson("{\"passport\":" + passport + ",\"terms\":" + canonical + "}");
    return {};
  }
  context.Print(
      terms::ToText(terms::PlainLines(description.passport, description.attachments, language)));
  return {};
}

Status Import(const DatasetOptions& options, Context& context) {
  DURE_ASSIGN(const std::string text, ReadTextFile(options.from, context));
  SystemRandom random;
  const auto imported = terms::ImportTerms(text, random);
  if (!imported) return Within(imported.error(), "while reading " + options.from);
  DURE_TRY(WriteNew(options.out, terms::ToToml(imported->draft), options.force, context));
  if (context.json()) {
    context.PrintJson(nlohmann::json{
        {"file", options.out}, {"format", imported->format}, {"remarks", imported->remarks}}
                          .dump(-1, ' ', false, nlohmann::json::error_handler_t::replace));
    return {};
  }
  for (const std::string& remark : imported->remarks) {
    context.Say("! " + (IsKorean(context) ? InKorean(remark) : remark));
  }
  if (!imported->draft.has_passport) context.Say("! " + NoPassport(context));
  context.Print(
      Pick(context,
           "wrote " + options.out + " from " + imported->format +
               "; what the source does not say is unknown there, and therefore not allowed",
           imported->format + "에서 " + options.out +
               " 파일을 썼습니다. 원본에 없는 내용은 알 수 없음이 되고, 따라서 허용되지 않습니다"));
  return {};
}

// Croissant asks for the day; without it the file lacks what its format requires.
Result<std::optional<terms::Instant>> PublishedAt(const std::string& day, Context& context) {
  const auto at = terms::ParseInstant(day, terms::DayPart::kFirstSecond);
  if (!day.empty() && !at)
    return Fail(ErrorCode::kInvalid,
                Pick(context, "--published '" + day + "' is no date such as 2026-11-01",
                     "--published '" + day + "'은(는) 2026-11-01과 같은 날짜가 아닙니다"));
  if (!at)
    context.Say(Pick(context,
                     "! datePublished is not recorded, and Croissant requires it: give --published "
                     "with the day on which the dataset was first told of",
                     "! datePublished 기록이 없습니다. Croissant에 반드시 있어야 하는 항목이니 "
                     "데이터셋을 처음 알린 날을 --published로 주십시오"));
  return at;
}

Status Export(const DatasetOptions& options, Context& context) {
  DURE_ASSIGN(const terms::Draft draft, ReadTerms(options.terms, context));
  std::string text;
  if (options.format == "odrl") {
    text = terms::ToOdrlOffer(draft.terms, draft.passport.dataset, draft.passport.rights_holder);
  } else if (options.format == "croissant") {
    DURE_ASSIGN(const auto published, PublishedAt(options.published, context));
    text = terms::ToCroissant(draft, published);
  } else {
    return Fail(ErrorCode::kInvalid,
                "--format '" + options.format + "' is neither odrl nor croissant");
  }
  if (options.out.empty()) {
    context.Print(text);
    return {};
  }
  DURE_TRY(WriteNew(options.out, text, options.force, context));
  return PrintWritten(options.out, "", context);
}

using Action = Status (*)(const DatasetOptions&, Context&);

Command Add(Command noun, Context& context, const std::shared_ptr<DatasetOptions>& options,
            const char* name, const char* one_line, const char* examples, Action action) {
  Command verb = AddVerb(noun, name, one_line, examples);
  context.Do(verb, [options, &context, action] { return action(*options, context); });
  return verb;
}

void AddForce(Command verb, DatasetOptions& options) {
  verb.Flag("--force", options.force, "Replace files that exist");
}

}  // namespace

void AddDatasetCommands(Command dure, Context& context) {
  Command noun = AddNoun(dure, "dataset", "say what data is lent, and under which terms");
  const auto options = std::make_shared<DatasetOptions>();
  AddDatasetAdd(noun, context);
  AddDatasetRecordVerbs(noun, context);

  Command form = Add(noun, context, options, "form", "answer questions, get a terms file",
                     "dure dataset form --out terms.toml\n"
                     "dure dataset form --out terms.toml --language ko",
                     FillForm);
  form.Add("--out", options->out, "The terms file to write").Required();
  AddLanguage(form, context);
  AddForce(form, *options);

  Command check =
      Add(noun, context, options, "check", "find what is wrong with a terms file",
          "dure dataset check terms.toml\ndure dataset check terms.toml --lang ko", CheckTerms);
  check.Add("terms", options->terms, "The terms file").Required();
  AddLanguage(check, context);

  Command show = Add(noun, context, options, "show-terms", "say terms in plain words",
                     "dure dataset show-terms terms.toml --language ko", ShowTerms);
  show.Add("terms", options->terms, "The terms file").Required();
  AddLanguage(show, context);

  Command describe =
      Add(noun, context, options, "describe", "measure the data and show its passport",
          "dure dataset describe --terms terms.toml --data /data/text", Describe);
  describe.Add("--terms", options->terms, "The terms file").Required();
  describe.Add("--data", options->data, "File or folder of the data").Required();
  describe.Add("--tokenizer", options->tokenizer,
               "Count records and tokens of text too: a tokenizer.json or 'bytes'");
  describe.Add("--out", options->out,
               "Folder for the passport, the terms as they go on record, and the salts");
  AddLanguage(describe, context);
  AddForce(describe, *options);

  Command import = Add(noun, context, options, "import", "make a terms file from other formats",
                       "dure dataset import croissant.json --out terms.toml", Import);
  import.Add("from", options->from, "A Croissant or ODRL file (JSON-LD)").Required();
  import.Add("--out", options->out, "The terms file to write").Required();
  AddLanguage(import, context);
  AddForce(import, *options);

  Command exported = Add(noun, context, options, "export", "write terms in other formats",
                         "dure dataset export terms.toml --format odrl --out offer.json", Export);
  exported.Add("terms", options->terms, "The terms file").Required();
  exported.Add("--format", options->format, "odrl or croissant")
      .Required()
      .OneOf({"odrl", "croissant"});
  exported.Add("--published", options->published,
               "For croissant: the day on which the dataset was first told of");
  AddLanguage(exported, context);
  exported.Add("--out", options->out, "The file to write; without it, standard output");
  AddForce(exported, *options);
}

}  // namespace dure::cli
