// dure ledger: read the record, check it, prove an entry of it, take it away. Works on a folder: of
// a site (its own mirror), of the aggregator, or of exported tiles; a running daemon is not
// disturbed.
#include <fstream>
#include <iterator>
#include <memory>
#include <nlohmann/json.hpp>
#include <optional>
#include <set>
#include <thread>

#include "cli/command.h"
#include "cli/decisions_text.h"
#include "cli/language.h"
#include "cli/nouns.h"
#include "cli/record_copy.h"
#include "cli/record_folder.h"
#include "cli/text_file.h"
#include "policy/ledger/export.h"
#include "policy/ledger/report.h"
#include "policy/standing/verify.h"

namespace dure::cli {
namespace {

using ledger::LogReader;
using ledger::NoteKey;

constexpr size_t kPageBytes = 4 * 1024 * 1024;

struct LedgerOptions {
  std::string dir;
  std::string vkey;
  std::string out;
  std::string tiles;
  std::string receipt;
  std::string entry;
  std::string run;
  std::string site;
  std::string type;
  bool full = true;
  uint64_t index = 0;
  uint64_t from = 0;
  uint64_t count = UINT64_MAX;
};

unsigned Threads() { return std::max(1u, std::thread::hardware_concurrency()); }

// The key that was told out of band if there is one, else the one the log itself names.
Result<NoteKey> LogKey(const LedgerOptions& options, const LogReader* log) {
  if (!options.vkey.empty()) return NoteKey::Parse(options.vkey);
  if (log == nullptr)
    return Fail(ErrorCode::kInvalid, "say which log: --vkey KEY, or --dir of a copy you trust");
  return log->log_key();
}

// Whatever an audit finds is a record that does not verify; a script should see one exit code for
// it.
Error AsRefusal(Error error) {
  if (error.code != ErrorCode::kNotFound && error.code != ErrorCode::kUnavailable)
    error.code = ErrorCode::kCorrupt;
  return error;
}

Status WriteFile(const std::string& path, std::string_view bytes) {
  std::ofstream out(path, std::ios::binary);
  out << bytes;
  out.close();
  if (!out) return Fail(ErrorCode::kFailedPrecondition, path + " cannot be written");
  return {};
}

Status ShowHead(const LedgerOptions& options, Context& context) {
  DURE_ASSIGN(const auto log, OpenRecord(options.dir));
  context.Print(context.json()
                    ? ledger::HeadJson(log->Head(), log->log_key())
                    : ledger::HeadText(log->Head(), log->log_key(), RecordLanguage(context)));
  return {};
}

Status CheckType(const std::string& type) {
  std::string known;
  for (size_t i = 0; i < ledger::kEventTypes; ++i) {
    const std::string name(Name(static_cast<ledger::EventType>(i)));
    if (type.empty() || type == name) return {};
    known += (known.empty() ? "" : ", ") + name;
  }
  return Fail(ErrorCode::kInvalid, "--type '" + type + "' is not one of: " + known);
}

bool Wanted(const LedgerOptions& options, const ledger::Event& event) {
  return (options.run.empty() || ledger::RunOf(event) == options.run) &&
         (options.site.empty() || ledger::SiteOf(event) == options.site) &&
         (options.type.empty() || Name(ledger::TypeOf(event)) == options.type);
}

constexpr size_t kNamesShown = 20;

// A name that no entry has is a slip of whoever typed it, and is answered with those there are.
Status IsOneOf(const std::set<std::string>& names, const std::string& typed, const std::string& en,
               const std::string& ko, const Context& context) {
  if (typed.empty() || names.contains(typed)) return {};
  std::string there;
  for (auto name = names.begin(); name != names.end(); ++name) {
    if (static_cast<size_t>(std::distance(names.begin(), name)) == kNamesShown) {
      there += ", …";
      break;
    }
    there += (there.empty() ? "" : ", ") + *name;
  }
  const bool none = names.empty();
  return Fail(ErrorCode::kNotFound,
              Pick(context,
                   "the record knows no " + en + " \"" + typed + "\"; " +
                       (none ? "it has none yet" : "there are: " + there),
                   "기록에 \"" + typed + "\"(이)라는 " + rules::WithParticle(ko, "이(가)") +
                       " 없습니다. " + (none ? "아직 하나도 없습니다" : "있는 것: " + there)));
}

// Whether there are entries of the run and of the site that were asked for, at any place.
Status KnowsNames(const LedgerOptions& options, const LogReader& log, const Context& context) {
  if (options.run.empty() && options.site.empty()) return {};
  std::set<std::string> runs, sites;
  const uint64_t size = log.Head().head.size;
  for (uint64_t index = 0; index < size;) {
    DURE_ASSIGN(const std::vector<Bytes> page, log.Read(index, size, kPageBytes));
    for (const Bytes& bytes : page) {
      DURE_ASSIGN(const ledger::OpenedEntry entry, ledger::ParseEntry(bytes));
      runs.insert(ledger::RunOf(entry.record.event));
      sites.insert(ledger::SiteOf(entry.record.event));
    }
    index += page.size();
  }
  runs.erase("");
  sites.erase("");
  DURE_TRY(IsOneOf(runs, options.run, "run", "학습", context));
  return IsOneOf(sites, options.site, "site", "사이트", context);
}

// Prints entries as they are read, so that a long log needs no memory: one object a line with
// --json.
Status ShowEntries(const LedgerOptions& options, Context& context) {
  DURE_TRY(CheckType(options.type));
  DURE_ASSIGN(const auto log, OpenRecord(options.dir));
  const uint64_t size = log->Head().head.size;
  const ledger::Language language = RecordLanguage(context);
  uint64_t index = options.from;
  uint64_t shown = 0;
  while (index < size && shown < options.count) {
    DURE_ASSIGN(const std::vector<Bytes> page, log->Read(index, size, kPageBytes));
    for (size_t i = 0; i < page.size() && shown < options.count; ++i, ++index) {
      DURE_ASSIGN(const ledger::OpenedEntry entry, ledger::OpenEntry(page[i], RecordVerifier()));
      if (!Wanted(options, entry.record.event)) continue;
      context.Print(context.json() ? ledger::EntryJson(index, entry)
                                   : ledger::EntrySentence(index, entry, language));
      shown++;
    }
  }
  if (shown == 0 && options.count > 0) {
    DURE_TRY(KnowsNames(options, *log, context));
  }
  const std::string all = std::to_string(size);
  context.Say(IsKorean(context) ? "항목 " + all + "개 중 " + std::to_string(shown) + "개"
                                : std::to_string(shown) + " of " + all + " entries");
  return {};
}

std::string VerifiedJson(const standing::Verified& verified) {
  nlohmann::json object = nlohmann::json::parse(ledger::AuditJson(verified.report));
  object["decisions"] = nlohmann::json::parse(DecisionsJson(verified.auditor));
  return object.dump(-1, ' ', false, nlohmann::json::error_handler_t::replace);
}

// What the log's own checks cannot know stands last: whether its decisions follow from what stands
// before them.
Status PrintVerified(const Result<standing::Verified>& verified, Context& context) {
  if (!verified) return Fail(AsRefusal(verified.error()));
  const standing::Auditor& auditor = verified->auditor;
  context.Print(context.json() ? VerifiedJson(*verified)
                               : ledger::AuditText(verified->report, RecordLanguage(context)) +
                                     DecisionsText(auditor, IsKorean(context)));
  if (!auditor.dissent()) return {};
  return Fail(ErrorCode::kCorrupt, FindingText(*auditor.dissent(), IsKorean(context)));
}

// That no known key signed a record tells nobody which of the two is the wrong one.
Status IsOfLog(const std::string& dir, const NoteKey& key, const Context& context) {
  const auto own = OpenRecord(dir);
  if (!own || (*own)->log_key() == key) return {};
  const std::string there = (*own)->log_key().Vkey();
  return Fail(
      ErrorCode::kUnauthenticated,
      Pick(context,
           "the record in " + dir + " is of another log than --vkey names: it is of " + there,
           dir + "의 기록은 --vkey로 지정한 것과 다른 기록입니다. 이 기록의 키: " + there));
}

Status Verify(const LedgerOptions& options, Context& context) {
  DURE_ASSIGN(const std::string folder, RecordFolder(options.dir));
  std::optional<NoteKey> key;
  if (!options.vkey.empty()) {
    DURE_ASSIGN(key, NoteKey::Parse(options.vkey));
  }
  const auto verified = standing::VerifyFolder(folder, key, RecordVerifier(), Threads());
  if (!verified && key) DURE_TRY(IsOfLog(options.dir, *key, context));
  if (verified && !key) {
    context.Say(
        Pick(IsKorean(context),
             "log key taken from the record's own first entry; compare it with what you "
             "were told: ",
             "기록의 키는 이 사본의 첫 항목에서 읽었습니다. 따로 안내받은 키와 비교하십시오: ") +
        verified->report.log_key.Vkey());
  }
  return PrintVerified(verified, context);
}

Status Prove(const LedgerOptions& options, Context& context) {
  DURE_ASSIGN(const auto log, OpenRecord(options.dir));
  DURE_ASSIGN(const ledger::Receipt receipt, ledger::MakeReceipt(*log, options.index));
  DURE_ASSIGN(const std::vector<Bytes> entry,
              log->Read(options.index, options.index + 1, kPageBytes));
  const std::string base =
      options.out.empty() ? "entry-" + std::to_string(options.index) : options.out;
  DURE_TRY(WriteFile(base + ".tlog-proof", receipt.ToTlogProof()));
  DURE_TRY(WriteFile(base + ".json", AsText(entry[0])));
  if (context.json()) {
    const nlohmann::json object = {{"index", options.index},
                                   {"proof", base + ".tlog-proof"},
                                   {"entry", base + ".json"},
                                   {"vkey", log->log_key().Vkey()}};
    context.PrintJson(object.dump());
    return {};
  }
  context.Print(
      Pick(context,
           "wrote " + base + ".tlog-proof and " + base + ".json; anyone checks them with\n",
           base + ".tlog-proof와 " + base +
               ".json을 만들었습니다. 누구나 다음 명령으로 확인할 수 있습니다.\n") +
      "  dure ledger check --receipt " + base + ".tlog-proof --entry " + base + ".json --vkey " +
      log->log_key().Vkey());
  return {};
}

std::string CheckedText(const ledger::Receipt& receipt, const ledger::OpenedEntry& entry,
                        const Context& context) {
  const std::string size = std::to_string(receipt.head.head.size);
  return Pick(IsKorean(context), "In the log of " + size + " entries, and signed:\n",
              "항목 " + size + "개의 기록에 들어 있고 서명이 유효합니다:\n") +
         ledger::EntrySentence(receipt.index, entry, RecordLanguage(context));
}

Status Check(const LedgerOptions& options, Context& context) {
  DURE_ASSIGN(const NoteKey key, LogKey(options, nullptr));
  DURE_ASSIGN(const std::string file, ReadTextFile(options.receipt, context));
  DURE_ASSIGN(const std::string bytes, ReadTextFile(options.entry, context));
  const auto receipt = ledger::ParseTlogProof(file, key, RecordVerifier());
  if (!receipt) return Fail(AsRefusal(receipt.error()));
  DURE_TRY(ledger::VerifyReceipt(AsBytes(bytes), *receipt, key, RecordVerifier()));
  const auto entry = ledger::OpenEntry(AsBytes(bytes), RecordVerifier());
  if (!entry) return Fail(AsRefusal(entry.error()));
  context.Print(context.json() ? ledger::EntryJson(receipt->index, *entry)
                               : CheckedText(*receipt, *entry, context));
  return {};
}

// Whether every house stands behind an exported head: an auditor who is handed the folder sees no
// other. `agreed`: the size of the largest head that they all co-signed; 0: none.
std::string BehindText(uint64_t size, uint64_t agreed, const Context& context) {
  if (agreed == size) {
    return Pick(context, "Every house has co-signed its tree head.",
                "모든 구분이 이 트리 헤드에 함께 서명했습니다.");
  }
  const std::string first = std::to_string(agreed);
  return Pick(context,
              "Not every house has co-signed its tree head yet (they agree on the first " + first +
                  " entries).\nWhoever is to see their signatures in it: export again when dure "
                  "ledger witnesses says that every house agrees on all.",
              "이 트리 헤드에는 아직 모든 구분이 함께 서명하지 않았습니다(모든 구분이 동의한 "
              "항목: 처음 " +
                  first +
                  "개).\n함께 서명한 것을 보여야 하면, dure ledger witnesses가 모든 구분이 전체에 "
                  "동의했다고 말할 때 다시 내보내십시오.");
}

Status Export(const LedgerOptions& options, Context& context) {
  DURE_ASSIGN(const auto log, OpenRecord(options.dir));
  DURE_ASSIGN(const ledger::TreeHead head, ledger::ExportTiles(*log, options.out));
  const auto known = log->Agreed();
  const uint64_t agreed = known ? known->head.head.size : 0;
  if (context.json()) {
    const nlohmann::json object = {
        {"out", options.out}, {"size", head.size}, {"root", head.root.Hex()}, {"agreed", agreed}};
    context.PrintJson(object.dump());
    return {};
  }
  const std::string size = std::to_string(head.size);
  context.Print(Pick(context,
                     "exported " + size + " entries to " + options.out + "; check them with\n  ",
                     "항목 " + size + "개를 " + options.out + "에 내보냈습니다. 확인하려면\n  ") +
                "dure ledger fsck --tiles " + options.out + " --vkey " + log->log_key().Vkey());
  context.Say(BehindText(head.size, agreed, context));
  return {};
}

Status Fsck(const LedgerOptions& options, Context& context) {
  std::unique_ptr<LogReader> own;
  if (options.vkey.empty() && !options.dir.empty()) {
    DURE_ASSIGN(own, OpenRecord(options.dir));
  }
  DURE_ASSIGN(const NoteKey key, LogKey(options, own.get()));
  return PrintVerified(standing::VerifyTiles(options.tiles, key, RecordVerifier(), Threads()),
                       context);
}

using Verb = Status (*)(const LedgerOptions&, Context&);

Command Add(Command noun, Context& context, const std::shared_ptr<LedgerOptions>& options,
            const char* name, const char* one_line, const char* examples, Verb action) {
  Command verb = AddVerb(noun, name, one_line, examples);
  context.Do(verb, [options, &context, action] { return action(*options, context); });
  return verb;
}

void AddDir(Command verb, LedgerOptions& options) {
  verb.Add("--dir", options.dir, "Folder of a site or of the aggregator").Required();
}

}  // namespace

void AddLedgerCommands(Command dure, Context& context) {
  Command noun = AddNoun(dure, "ledger", "read, check and take away the record");
  const auto options = std::make_shared<LedgerOptions>();
  Command head = Add(noun, context, options, "head", "the signed tree head of a copy",
                     "dure ledger head --dir hospital-a", ShowHead);
  AddDir(head, *options);
  AddLanguage(head, context);

  Command show = Add(noun, context, options, "show", "who recorded what, when",
                     "dure ledger show --dir hospital-a\n"
                     "dure ledger show --dir hospital-a --type contribution-submitted --run run-1\n"
                     "dure ledger show --dir hospital-a --lang ko --count 20\n"
                     "dure ledger show --dir hospital-a --from 100 --count 20 --json",
                     ShowEntries);
  AddDir(show, *options);
  show.Add("--from", options->from, "First entry");
  show.Add("--count", options->count, "Most entries to show");
  show.Add("--run", options->run, "Only entries of this run");
  show.Add("--site", options->site, "Only entries about this site");
  show.Add("--type", options->type, "Only entries of this type, such as round-closed");
  AddLanguage(show, context);

  Command verify =
      Add(noun, context, options, "verify", "check the whole record from its first byte",
          "dure ledger verify --dir hospital-a\ndure ledger verify --dir hospital-a --vkey KEY",
          Verify);
  AddDir(verify, *options);
  verify.Add("--vkey", options->vkey, "The log's key as you were told it");
  // Every check is made in any case; officers are told to say --full, and may.
  verify.Flag("--full", options->full, "Every signature and every decision (always so)");
  AddLanguage(verify, context);

  Command prove =
      Add(noun, context, options, "prove", "write one entry and the proof that it is in the log",
          "dure ledger prove 5 --dir hospital-a --out my-contribution", Prove);
  AddDir(prove, *options);
  prove.Add("index", options->index, "The entry's index").Required();
  prove.Add("--out", options->out, "Name of the files, without ending (default entry-INDEX)");

  Command check =
      Add(noun, context, options, "check", "check a proof that somebody handed you, offline",
          "dure ledger check --receipt entry-5.tlog-proof --entry entry-5.json --vkey KEY", Check);
  check.Add("--receipt", options->receipt, "The .tlog-proof file").Required();
  check.Add("--entry", options->entry, "The entry's file").Required();
  check.Add("--vkey", options->vkey, "The log's key as you were told it").Required();
  AddLanguage(check, context);

  Command exported =
      Add(noun, context, options, "export", "write the record as static files (C2SP tlog-tiles)",
          "dure ledger export --dir hospital-a --out public/log", Export);
  AddDir(exported, *options);
  exported.Add("--out", options->out, "Folder to write or to continue").Required();

  Command fsck =
      Add(noun, context, options, "fsck", "check an exported folder, without any database",
          "dure ledger fsck --tiles public/log --vkey KEY", Fsck);
  fsck.Add("--tiles", options->tiles, "The exported folder").Required();
  fsck.Add("--vkey", options->vkey, "The log's key as you were told it");
  fsck.Add("--dir", options->dir, "Or: a copy you trust, whose key is taken");
  AddLanguage(fsck, context);

  AddWitnessCommands(noun, context);
  AddCopyCommands(noun, context);
}

}  // namespace dure::cli
