// dure dataset add: an institution's data onto the record, on the site's own machine: terms by form
// or file, measured there, registered under the site's key. Nothing of the data leaves.
#include <filesystem>
#include <memory>
#include <nlohmann/json.hpp>

#include "cli/command.h"
#include "cli/language.h"
#include "cli/nouns.h"
#include "cli/read_text.h"
#include "cli/record_copy.h"
#include "cli/terms_form.h"
#include "federation/journal/journal.h"
#include "model/text/dataset.h"
#include "site/lending.h"
#include "site/private_side.h"
#include "site/terms_number.h"

namespace dure::cli {
namespace {

namespace fs = std::filesystem;
using nlohmann::ordered_json;

struct DatasetAddOptions {
  std::string dir;
  std::string data;
  std::string terms;
  std::vector<std::string> columns;
  std::string tokenizer;
  bool unread = false;
  bool replace = false;
};

// The terms file: given, or made here by asking.
Result<std::string> TermsFile(const DatasetAddOptions& options, const identity::Identity& self,
                              Context& context) {
  if (!options.terms.empty()) return options.terms;
  const std::string data = fs::absolute(options.data).filename().string();
  const std::string path = options.dir + "/" + self.site().str() + "-" + data + ".terms.toml";
  if (fs::exists(path)) {
    return Fail(
        ErrorCode::kAlreadyExists,
        Pick(
            context,
            path + " is there already: give it with --terms, or remove it to be asked anew",
            path +
                " 파일이 이미 있습니다. --terms로 지정하거나, 새로 답하려면 그 파일을 지우십시오"));
  }
  DURE_TRY(AskForTerms(path, self.member().str(), context));
  return path;
}

struct Registration {
  ledger::DatasetRegistered event;
  bool there = false;  // the record has just this already
  bool gone = false;   // it was withdrawn
};

// Whether the data is, under the salt that was kept of that version, what its passport says.
// Without the salt nobody can tell, and then it is not said to be.
Result<bool> IsDataOf(const std::string& dir, const ledger::DatasetVersion& what,
                      const std::string& passport, const fs::path& data) {
  const auto recorded = terms::ParseCanonicalPassport(passport);
  const auto salt = site::KeptDataSalt(dir, what);
  if (!recorded || !salt) return false;
  DURE_ASSIGN(const terms::Measurement measured, terms::MeasureData(data, *salt));
  return measured.digest == recorded->data;
}

// What was counted of the same data stays counted, without counting it again. True: it was counted
// now and never before, which the record does not know.
bool KeepCounts(const std::string& recorded, terms::Passport& passport) {
  const auto before = terms::ParseCanonicalPassport(recorded);
  if (!before) return false;
  if (!before->tokens) return passport.tokens.has_value();
  passport.records = before->records;
  passport.tokens = before->tokens;
  return false;
}

// What goes on record, or why it does not fit what is there.
struct Compared {
  Registration made;
  std::optional<site::WrongNumber> wrong;
};

// A description of the terms on record takes their salts again, so that they are the same bytes.
// Other terms or other data are the next version.
Result<Compared> Compare(const std::string& dir, const clerk::Clerk& clerk, const site::Loan& loan,
                         terms::Description& description) {
  Compared compared;
  Registration& registration = compared.made;
  std::optional<standing::DatasetEntry> newest;
  ledger::DatasetRegistered& event = registration.event;
  DURE_ASSIGN(event.what.dataset, DatasetId::Parse(description.passport.dataset));
  event.what.version = 0;
  event.site = loan.site;
  clerk.WithStanding([&](const standing::Auditor& own) {
    const auto& datasets = own.standing().state().datasets;
    const auto known = datasets.find(event.what.dataset);
    if (known == datasets.end()) return;
    newest = known->second.newest();
    event.what.version = known->second.version();
    registration.gone = known->second.withdrawn.has_value();
  });
  if (registration.gone) return compared;
  const standing::DatasetEntry* const recorded = newest ? &*newest : nullptr;
  if (newest) description = site::WithKeptSalts(dir, event.what, std::move(description));
  if (site::IsPreset(loan.terms)) site::TakeNumber(description.terms, recorded);
  event.terms = terms::ToCanonical(description.terms);
  if (newest) {
    DURE_ASSIGN(const bool same, IsDataOf(dir, event.what, newest->passport, loan.data));
    const bool more = same && KeepCounts(newest->passport, description.passport);
    registration.there =
        same && !more && newest->site == event.site && newest->terms_text == event.terms;
  }
  if (!registration.there) {
    ++event.what.version;
    compared.wrong = site::FindWrongNumber(description, recorded, event.what.version);
  }
  terms::Passport told = description.passport;
  told.version = event.what.version;
  event.passport = terms::ToCanonical(told);
  return compared;
}

// Nobody registers what another member keeps. The file is named: whoever was asked never saw it.
Status CheckCustodian(const std::string& file, const terms::Passport& passport,
                      const identity::Identity& self, const Context& context) {
  const std::string& mine = self.member().str();
  if (passport.custodian == mine) return {};
  return Fail(ErrorCode::kInvalid,
              Pick(context,
                   file + ": the terms say custodian = \"" + passport.custodian +
                       "\", and this is a site of " + mine + ": write custodian = \"" + mine +
                       "\" (rightsHolder may be somebody else)",
                   file + ": 이용조건에는 custodian = \"" + passport.custodian +
                       "\"로 되어 있으나 이 사이트의 기관은 " + mine + "입니다. custodian = \"" +
                       mine + "\"로 고치십시오(rightsHolder는 달라도 됩니다)"));
}

// Text that nobody could read would stand in the record for good and be found out in a round. The
// same reading counts records and tokens, where somebody says with which tokenizer.
Status CheckText(const DatasetAddOptions& options, terms::Passport& passport, Context& context) {
  const bool text = passport.modality == terms::Modality::kText;
  if (!options.tokenizer.empty() && (options.unread || !text)) {
    return Fail(ErrorCode::kInvalid,
                Pick(context,
                     "--tokenizer counts the tokens of text that is read here: leave it out with "
                     "--unread, or where the terms say that the data is no text",
                     "--tokenizer는 여기서 읽는 글의 토큰을 셉니다. --unread를 붙였거나 "
                     "이용조건에 글이 아니라고 되어 있으면 빼십시오"));
  }
  if (options.unread || !text) return {};
  const auto counted = CountText(options.data, options.columns, options.tokenizer);
  if (!counted) {
    return Fail(counted.error().code,
                counted.error().message +
                    Pick(context,
                         "\nNothing was registered. Mend the data, name its text columns with "
                         "--column, or say with --unread that a trainer of your own reads it",
                         "\n아무것도 등록하지 않았습니다. 데이터를 고치거나, 글이 담긴 열을 "
                         "--column으로 알려 주십시오. 자체 학습기가 읽는 형식이면 --unread를 "
                         "붙이십시오"));
  }
  context.Say(ReadText(counted->report, context));
  if (const Status split = text::CheckSplit({options.data, options.columns}); !split) {
    context.Say(
        Pick(context, "! " + split.error().message + ": no run can train on it",
             "! 글이 너무 적어 학습용과 평가용으로 나눌 수 없습니다. 이대로는 어떤 학습에도 "
             "쓰이지 않습니다"));
  }
  if (!counted->tokens) return {};
  passport.records = counted->report.documents;
  passport.tokens = counted->tokens;
  return {};
}

// Two folders under one name would be one dataset, of which only the last is lent: and a name that
// nobody gave, a site's, is soon given twice.
Status CheckPlace(const DatasetAddOptions& options, const DatasetId& dataset,
                  const journal::Journal& journal, const fs::path& data, const Context& context) {
  DURE_ASSIGN(const auto kept, site::KeptDataOf(journal, dataset));
  if (options.replace || !kept || kept->lexically_normal() == data.lexically_normal()) return {};
  const std::string& id = dataset.str();
  return Fail(
      ErrorCode::kAlreadyExists,
      Pick(
          context,
          id + " is what lies at " + kept->string() +
              ": a second dataset needs a name of its own (dataset = in a terms file; open and "
              "research-only name it after the site). --replace puts " +
              data.string() + " in its place, as the next version",
          rules::WithParticle(id, "은(는)") + " 이미 " + kept->string() +
              "에 있는 데이터의 이름입니다. 다른 데이터셋에는 다른 이름을 주십시오(이용조건 파일의 "
              "dataset =. open과 research-only는 사이트 이름을 씁니다). 그 자리를 " +
              data.string() + "의 데이터로 바꾸려면 --replace를 붙이십시오(다음 버전이 됩니다)"));
}

// What the record would refuse, said before anything is kept.
Error WithdrawnError(const DatasetId& dataset, const Context& context) {
  const std::string& id = dataset.str();
  return {ErrorCode::kFailedPrecondition,
          Pick(context, id + " was withdrawn; lend it under a new name",
               rules::WithParticle(id, "은(는)") + " 철회되었습니다. 새 이름으로 등록하십시오")};
}

ordered_json OrNull(const std::optional<uint64_t>& count) {
  return count ? ordered_json(*count) : ordered_json(nullptr);
}

// "1200 tokens": of what the passport says.
std::string TokensText(const terms::Passport& passport, const Context& context) {
  if (!passport.tokens)
    return Pick(context, "tokens not counted (--tokenizer counts them)",
                "토큰 수는 세지 않음(--tokenizer를 주면 셉니다)");
  const std::string tokens = std::to_string(*passport.tokens);
  return Pick(context, tokens + " tokens", "토큰 " + tokens + "개");
}

Status Add(const DatasetAddOptions& options, Context& context) {
  DURE_ASSIGN(Desk desk, OpenDesk(options.dir, {identity::Role::kMember}, context));
  if (!fs::exists(options.data)) {
    return Fail(ErrorCode::kNotFound,
                Pick(context, "--data " + options.data + " is not there",
                     "--data로 지정한 자리에 아무것도 없습니다: " + options.data));
  }
  DURE_ASSIGN(const std::string file, TermsFile(options, *desk.self, context));
  SystemRandom random;
  const site::Loan loan{desk.self->site(), desk.self->member(), fs::absolute(options.data),
                        site::IsPreset(file) ? file : fs::absolute(file).string(), options.columns};
  DURE_ASSIGN(terms::Description description, site::DescribeLoan(loan, random));
  DURE_TRY(CheckCustodian(file, description.passport, *desk.self, context));
  DURE_ASSIGN(const auto journal, journal::Journal::Open(options.dir + "/site.db"));
  DURE_ASSIGN(const DatasetId dataset, DatasetId::Parse(description.passport.dataset));
  DURE_TRY(CheckPlace(options, dataset, *journal, loan.data, context));
  DURE_TRY(CheckText(options, description.passport, context));
  DURE_TRY(desk.clerk->Follow());
  DURE_ASSIGN(const Compared compared, Compare(options.dir, *desk.clerk, loan, description));
  const Registration& made = compared.made;
  if (made.gone) return Fail(WithdrawnError(dataset, context));
  if (compared.wrong) {
    return Fail(ErrorCode::kInvalid, site::Text(*compared.wrong, file, IsKorean(context)));
  }
  uint64_t index = 0;
  if (!made.there) {
    DURE_TRY(site::KeepPrivateSide(options.dir, made.event.what, description));
    DURE_ASSIGN(index, Submit(desk, made.event, context));
  }
  DURE_TRY(site::KeepLoan(*journal, made.event.what.dataset, loan));
  if (context.json()) {
    context.PrintJson(
        ordered_json{{"dataset", made.event.what.dataset.str()},
                     {"version", made.event.what.version},
                     {"terms", file},
                     {"files", description.passport.files},
                     {"bytes", description.passport.bytes},
                     {"tokens", OrNull(description.passport.tokens)},
                     {"entry", made.there ? ordered_json(nullptr) : ordered_json(index)}}
            .dump());
    return {};
  }
  const std::string version = std::to_string(made.event.what.version);
  const std::string what =
      made.event.what.dataset.str() + Pick(context, " version " + version, " 버전 " + version);
  const std::string entry = std::to_string(index);
  const std::string files = std::to_string(description.passport.files);
  const std::string bytes = std::to_string(description.passport.bytes);
  const std::string tokens = TokensText(description.passport, context);
  context.Print(made.there
                    ? Pick(context,
                           "The record has " + what + " with these very terms and data already.",
                           "기록에 이용조건과 데이터가 같은 " +
                               rules::WithParticle(what, "이(가)") + " 이미 있습니다.")
                    : Pick(context,
                           "Registered " + what + ", entry " + entry + ": " + files +
                               (description.passport.files == 1 ? " file, " : " files, ") + bytes +
                               " bytes, " + tokens + ". Nothing of them left this machine.",
                           rules::WithParticle(what, "을(를)") + " 등록했습니다(항목 " + entry +
                               "). 파일 " + files + "개, " + bytes + "바이트, " + tokens +
                               ". 내용은 이 컴퓨터를 떠나지 않았습니다."));
  context.Say(Pick(context, "Take part with all that was added here:\n  dure site serve --dir ",
                   "여기에 등록한 데이터로 참여하려면:\n  dure site serve --dir ") +
              options.dir);
  return {};
}

}  // namespace

void AddDatasetAdd(Command dataset, Context& context) {
  auto options = std::make_shared<DatasetAddOptions>();
  Command verb = AddVerb(dataset, "add", "register data of a site: by questions, or a terms file",
                         "dure dataset add --dir /var/lib/dure-site --data /data/reviews\n"
                         "dure dataset add --dir S --data r.tsv --terms reviews.toml");
  verb.Add("--dir", options->dir, "The site's folder; its daemon is stopped").Required();
  verb.Add("--data", options->data, "File or folder of the data; it stays here").Required();
  verb.Add(
      "--terms", options->terms,
      "A file of dure dataset form, open (any use, as CC0-1.0) or research-only; you are asked "
      "without it");
  verb.Add("--column", options->columns, "Columns or fields that hold text; guessed by default");
  verb.Add("--tokenizer", options->tokenizer,
           "Count records and tokens for the record: a tokenizer.json or 'bytes'");
  verb.Flag("--replace", options->replace,
            "Other data takes the place of that which lies elsewhere under the same name");
  verb.Flag("--unread", options->unread,
            "Do not try to read the text: a trainer of your own reads it");
  AddLanguage(verb, context);
  context.Do(verb, [options, &context] { return Add(*options, context); });
}

}  // namespace dure::cli
