// dure ledger compare|heal: two copies of one record, and a log that lost its end.
#include <CLI/CLI.hpp>
#include <memory>
#include <nlohmann/json.hpp>

#include "clerk/evidence.h"
#include "cli/command.h"
#include "cli/folders.h"
#include "cli/nouns.h"
#include "cli/record_folder.h"
#include "federation/canonical.h"
#include "federation/journal/journal.h"
#include "policy/ledger/mirror.h"

namespace dure::cli {
namespace {

using nlohmann::ordered_json;

constexpr size_t kPageBytes = 4 * 1024 * 1024;

struct Options {
  std::string dir;
  std::string other;
};

Status Compare(const Options& options, Context& context) {
  DURE_ASSIGN(const auto own, OpenRecord(options.dir));
  DURE_ASSIGN(const auto other, OpenRecord(options.other));
  if (own->log_key() != other->log_key()) {
    return Fail(ErrorCode::kInvalid, "these are copies of two logs: " + own->log_key().Vkey() +
                                         " and " + other->log_key().Vkey());
  }
  const uint64_t size = other->Head().head.size;
  const auto fetch = [&](uint64_t begin, uint64_t end) {
    return other->Read(begin, end, kPageBytes);
  };
  DURE_ASSIGN(const auto different, clerk::FirstDifference(*own, size, fetch));
  if (different) {
    return Fail(ErrorCode::kCorrupt,
                "FORK: two heads that the same key signed cannot both be true. As seen from " +
                    options.dir + ", in " + options.other + " " + different->text +
                    ". Keep both folders: together they are the proof");
  }
  const uint64_t held = own->Head().head.size;
  if (context.json()) {
    context.PrintJson(
        ordered_json{{"same", std::min(held, size)}, {"own", held}, {"other", size}}.dump());
    return {};
  }
  context.Print("The same for " + std::to_string(std::min(held, size)) + " entries; " +
                options.dir + " has " + std::to_string(held) + ", " + options.other + " " +
                std::to_string(size) + ".");
  return {};
}

Status Heal(const Options& options, Context& context) {
  const std::string dir = AggregatorFolder(options.dir);
  DURE_ASSIGN(const identity::Identity self, identity::LoadIdentity(dir));
  if (self.role() != identity::Role::kAggregator) {
    return Fail(ErrorCode::kFailedPrecondition, dir + " belongs to " + self.subject.ToUri() +
                                                    "; this needs the aggregator's folder");
  }
  DURE_ASSIGN(const auto other, OpenRecord(options.other));
  ledger::MirrorOptions own;
  own.dir = dir;
  DURE_ASSIGN(own.log_key, ledger::NoteKey::Parse(self.log_vkey));
  own.verifier = &RecordVerifier();
  DURE_ASSIGN(const auto log, ledger::Mirror::Open(std::move(own)));
  if (log->log_key() != other->log_key()) {
    return Fail(ErrorCode::kInvalid,
                options.other + " is a copy of another log, " + other->log_key().Vkey());
  }
  const uint64_t before = log->Head().head.size;
  const uint64_t whole = other->Head().head.size;
  // Runs that these entries speak of cannot go on from this disk; the daemon ends them.
  if (whole > before) {
    DURE_ASSIGN(const auto journal, journal::Journal::Open(dir + "/aggregator.db"));
    DURE_TRY(journal->Apply(journal::Change().Put(
        "healed/" + std::to_string(before), CanonicalWriter().U64(before).U64(whole).Take())));
  }
  while (log->Head().head.size < other->Head().head.size) {
    DURE_ASSIGN(const auto next, ledger::MakeExtension(*other, log->Head().head.size));
    DURE_ASSIGN(const auto refusal, log->Extend(next));
    if (refusal) {
      return Fail(ErrorCode::kCorrupt,
                  "that copy does not continue this log: " + ledger::AsError(*refusal).message +
                      "; dure ledger compare says where they part");
    }
  }
  const uint64_t after = log->Head().head.size;
  if (context.json()) {
    context.PrintJson(ordered_json{{"before", before}, {"after", after}}.dump());
    return {};
  }
  context.Print(after == before
                    ? "Nothing was missing: the log has " + std::to_string(before) + " entries."
                    : "Took entries " + std::to_string(before) + " to " +
                          std::to_string(after - 1) +
                          ", each checked and under a head that this "
                          "log's key had signed.\nRuns that they speak of end when the aggregator "
                          "starts: what they were made of is on no disk here.");
  return {};
}

}  // namespace

void AddCopyCommands(CLI::App& ledger, Context& context) {
  auto options = std::make_shared<Options>();
  CLI::App& compare =
      AddVerb(ledger, "compare", "whether two copies are of one log; the first entry if not",
              "dure ledger compare --dir desk --with /media/stick/other-member");
  compare.add_option("--dir", options->dir, "A folder with a copy of the record")->required();
  compare.add_option("--with", options->other, "Another member's copy")->required();
  context.Do(compare, [options, &context] { return Compare(*options, context); });

  CLI::App& heal =
      AddVerb(ledger, "heal", "give a log that lost its end back what a member holds of it",
              "dure ledger heal --dir /var/lib/dure-aggregator --from /media/stick/kt-seoul");
  heal.add_option("--dir", options->dir, "The aggregator's folder; it is stopped")->required();
  heal.add_option("--from", options->other, "A member's copy: the folder of a site or an officer")
      ->required();
  context.Do(heal, [options, &context] { return Heal(*options, context); });
}

}  // namespace dure::cli
