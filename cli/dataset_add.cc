// dure dataset add: an institution's data onto the record, on the site's own machine: terms by form
// or file, measured there, registered under the site's key. Nothing of the data leaves.
#include <filesystem>
#include <fstream>
#include <iostream>
#include <memory>
#include <nlohmann/json.hpp>

#include "cli/command.h"
#include "cli/nouns.h"
#include "cli/record_copy.h"
#include "federation/journal/journal.h"
#include "policy/terms/form.h"
#include "policy/terms/sentences.h"
#include "site/lending.h"

namespace dure::cli {
namespace {

namespace fs = std::filesystem;
using nlohmann::ordered_json;

struct Options {
  std::string dir;
  std::string data;
  std::string terms;
  std::vector<std::string> columns;
  std::string language = "en";
};

// The terms file: given, or made here by asking.
Result<std::string> TermsFile(const Options& options, const identity::Identity& self) {
  if (!options.terms.empty()) return options.terms;
  const std::string data = fs::absolute(options.data).filename().string();
  const std::string path = options.dir + "/" + self.site().str() + "-" + data + ".terms.toml";
  if (fs::exists(path)) {
    return Fail(ErrorCode::kAlreadyExists,
                path + " is there already: give it with --terms, or remove it to be asked anew");
  }
  const auto language =
      options.language == "ko" ? terms::Language::kKorean : terms::Language::kEnglish;
  DURE_ASSIGN(const std::string filled, terms::RunForm(std::cin, std::cerr, language));
  std::ofstream out(path);
  out << filled;
  if (out.flush()) return path;
  return Fail(ErrorCode::kUnavailable, "cannot write " + path);
}

struct Registration {
  ledger::DatasetRegistered event;
  bool there = false;  // the record has just this already
};

Result<Registration> Compare(const clerk::Clerk& clerk, const identity::Identity& self,
                             const terms::Description& description) {
  Registration registration;
  ledger::DatasetRegistered& event = registration.event;
  DURE_ASSIGN(event.what.dataset, DatasetId::Parse(description.passport.dataset));
  event.what.version = 1;
  event.site = self.site();
  event.passport = terms::ToCanonical(description.passport);
  event.terms = terms::ToCanonical(description.terms);
  clerk.WithStanding([&](const standing::Auditor& own) {
    const auto& datasets = own.standing().state().datasets;
    const auto known = datasets.find(event.what.dataset);
    if (known == datasets.end()) return;
    const standing::DatasetEntry& newest = known->second.newest();
    registration.there = newest.site == event.site && newest.terms_text == event.terms;
    event.what.version = known->second.version() + (registration.there ? 0 : 1);
  });
  return registration;
}

Status Add(const Options& options, Context& context) {
  DURE_ASSIGN(Desk desk, OpenDesk(options.dir, {identity::Role::kMember}, context));
  if (!fs::exists(options.data)) {
    return Fail(ErrorCode::kNotFound, "--data " + options.data + " is not there");
  }
  DURE_ASSIGN(const std::string file, TermsFile(options, *desk.self));
  SystemRandom random;
  const bool preset = file == "open" || file == "research-only";
  const site::Loan loan{desk.self->site(), desk.self->member(), fs::absolute(options.data),
                        preset ? file : fs::absolute(file).string(), options.columns};
  DURE_ASSIGN(const terms::Description description, site::DescribeLoan(loan, random));
  DURE_TRY(desk.clerk->Follow());
  DURE_ASSIGN(const Registration made, Compare(*desk.clerk, *desk.self, description));
  const std::string what =
      made.event.what.dataset.str() + " version " + std::to_string(made.event.what.version);
  uint64_t index = 0;
  DURE_ASSIGN(const auto journal, journal::Journal::Open(options.dir + "/site.db"));
  if (!made.there) {
    // The salt first: without it nobody could ever show that these were the bytes.
    const std::string key = "dataset/" + made.event.what.dataset.str() + "/" +
                            std::to_string(made.event.what.version) + "/salt";
    const Bytes salt(description.data_salt.begin(), description.data_salt.end());
    DURE_TRY(journal->Apply(journal::Change().Put(key, salt)));
    DURE_ASSIGN(index, desk.clerk->Submit(made.event, context.Now()));
  }
  DURE_TRY(site::KeepLoan(*journal, made.event.what.dataset, loan));
  if (context.json()) {
    context.PrintJson(
        ordered_json{{"dataset", made.event.what.dataset.str()},
                     {"version", made.event.what.version},
                     {"terms", file},
                     {"files", description.passport.files},
                     {"bytes", description.passport.bytes},
                     {"entry", made.there ? ordered_json(nullptr) : ordered_json(index)}}
            .dump());
    return {};
  }
  context.Print(made.there ? "The record has " + what + " with these very terms already."
                           : "Registered " + what + ", entry " + std::to_string(index) + ": " +
                                 std::to_string(description.passport.files) + " files, " +
                                 std::to_string(description.passport.bytes) +
                                 " bytes. Nothing of them left this machine.");
  context.Say("Take part with all that was added here:\n  dure site serve --dir " + options.dir);
  return {};
}

}  // namespace

void AddDatasetAdd(Command dataset, Context& context) {
  auto options = std::make_shared<Options>();
  Command verb = AddVerb(dataset, "add", "register data of a site: by questions, or a terms file",
                         "dure dataset add --dir /var/lib/dure-site --data /data/reviews\n"
                         "dure dataset add --dir S --data r.tsv --terms reviews.toml");
  verb.Add("--dir", options->dir, "The site's folder; its daemon is stopped").Required();
  verb.Add("--data", options->data, "File or folder of the data; it stays here").Required();
  verb.Add("--terms", options->terms,
           "A file of dure dataset form, open or research-only; you are asked without it");
  verb.Add("--column", options->columns, "Columns or fields that hold text; guessed by default");
  verb.Add("--language", options->language, "Of the questions: en or ko").OneOf({"en", "ko"});
  context.Do(verb, [options, &context] { return Add(*options, context); });
}

}  // namespace dure::cli
