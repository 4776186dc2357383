// dure ledger compare|heal|scrub: two copies of one record, a copy that lost its end or some of its
// bytes, and one that is read back to see.
#include <memory>
#include <nlohmann/json.hpp>

#include "clerk/evidence.h"
#include "cli/command.h"
#include "cli/folders.h"
#include "cli/language.h"
#include "cli/nouns.h"
#include "cli/phrases.h"
#include "cli/record_folder.h"
#include "federation/canonical.h"
#include "federation/journal/journal.h"
#include "policy/ledger/mirror.h"
#include "policy/ledger/scrub.h"

namespace dure::cli {
namespace {

using nlohmann::ordered_json;

constexpr size_t kPageBytes = 4 * 1024 * 1024;

struct LedgerCopiesOptions {
  std::string dir;
  std::string other;
  std::string vkey;
};

std::vector<std::string> Texts(const std::vector<ledger::Damage>& damages) {
  std::vector<std::string> texts;
  for (const ledger::Damage& damage : damages) texts.push_back(damage.text);
  return texts;
}

// As far as both go, they say the same.
Status NoFork(const ledger::LogReader& own, const ledger::LogReader& other,
              const LedgerCopiesOptions& options) {
  const auto fetch = [&](uint64_t begin, uint64_t end) {
    return other.Read(begin, end, kPageBytes);
  };
  DURE_ASSIGN(const auto different, clerk::FirstDifference(own, other.Head().head.size, fetch));
  if (!different) return {};
  return Fail(ErrorCode::kCorrupt,
              "FORK: two heads that the same key signed cannot both be true. As seen from " +
                  options.dir + ", in " + options.other + " " + different->text +
                  ". Keep both folders: together they are the proof");
}

Status Compare(const LedgerCopiesOptions& options, Context& context) {
  DURE_ASSIGN(const auto own, OpenRecord(options.dir));
  DURE_ASSIGN(const auto other, OpenRecord(options.other));
  if (own->log_key() != other->log_key()) {
    return Fail(ErrorCode::kInvalid, "these are copies of two logs: " + own->log_key().Vkey() +
                                         " and " + other->log_key().Vkey());
  }
  DURE_TRY(NoFork(*own, *other, options));
  const uint64_t size = other->Head().head.size;
  const uint64_t held = own->Head().head.size;
  if (context.json()) {
    context.PrintJson(
        ordered_json{{"same", std::min(held, size)}, {"own", held}, {"other", size}}.dump());
    return {};
  }
  const std::string same = std::to_string(std::min(held, size));
  const std::string here = std::to_string(held);
  const std::string there = std::to_string(size);
  context.Print(Pick(context,
                     "The same for " + same + " entries; " + options.dir + " has " + here + ", " +
                         options.other + " " + there + ".",
                     "처음 항목 " + same + "개가 같습니다. 항목 수: " + options.dir + " " + here +
                         "개, " + options.other + " " + there + "개"));
  return {};
}

// Runs that these entries speak of cannot go on from this disk; the daemon ends them.
Status NoteHealed(const std::string& dir, uint64_t before, uint64_t whole) {
  if (whole <= before) return {};
  DURE_ASSIGN(const auto journal, journal::Journal::Open(dir + "/aggregator.db"));
  return journal->Apply(journal::Change().Put("healed/" + std::to_string(before),
                                              CanonicalWriter().U64(before).U64(whole).Take()));
}

Status Continue(ledger::Mirror& log, const ledger::LogReader& other) {
  while (log.Head().head.size < other.Head().head.size) {
    DURE_ASSIGN(const auto next, ledger::MakeExtension(other, log.Head().head.size));
    DURE_ASSIGN(const auto refusal, log.Extend(next));
    if (!refusal) continue;
    return Fail(ErrorCode::kCorrupt,
                "that copy does not continue this log: " + ledger::AsError(*refusal).message +
                    "; dure ledger compare says where they part");
  }
  return {};
}

std::string HealText(const std::vector<std::string>& mended, uint64_t before, uint64_t after,
                     bool runs_end, bool korean) {
  std::string text;
  for (const std::string& one : mended) {
    text += Pick(korean, "Mended: " + one, "고침: " + InKorean(one)) + "\n";
  }
  if (!mended.empty()) {
    text += Pick(korean, "The file as it was is kept beside it as ledger.db.rotted.\n",
                 "전의 파일은 옆에 ledger.db.rotted로 남겨 두었습니다.\n");
  }
  const std::string from = std::to_string(before);
  if (after == before) {
    return text + Pick(korean, "Nothing was missing: the log has " + from + " entries.",
                       "빠진 것이 없습니다. 기록의 항목은 " + from + "개입니다.");
  }
  const std::string last = std::to_string(after - 1);
  text += Pick(korean,
               "Took entries " + from + " to " + last +
                   ", each checked and under a head that this log's key had signed.",
               "항목 " + from + "번부터 " + last +
                   "번까지 받아 왔습니다. 하나하나 확인했으며, 모두 이 기록의 키로 서명된 트리 "
                   "헤드에 들어 있습니다.");
  if (!runs_end) return text;
  return text + Pick(korean,
                     "\nRuns that they speak of end when the aggregator starts: what they were "
                     "made of is on no disk here.",
                     "\n이 항목들에 나오는 학습은 집계 서버를 시작할 때 끝납니다. 이어 가는 데 "
                     "필요한 자료가 이 디스크에 없기 때문입니다.");
}

Status Heal(const LedgerCopiesOptions& options, Context& context) {
  const std::string dir = AggregatorFolder(options.dir);
  DURE_ASSIGN(const identity::Identity self, identity::LoadIdentity(dir));
  const bool is_aggregator = self.role() == identity::Role::kAggregator;
  ledger::MirrorOptions own;
  own.dir = dir;
  DURE_ASSIGN(own.log_key, ledger::NoteKey::Parse(self.log_vkey));
  own.verifier = &RecordVerifier();
  DURE_ASSIGN(const auto other, OpenRecord(options.other));
  if (own.log_key != other->log_key()) {
    return Fail(ErrorCode::kInvalid,
                options.other + " is a copy of another log, " + other->log_key().Vkey());
  }
  DURE_ASSIGN(const ledger::Mended mended,
              ledger::MendFolder(dir, own.log_key, other.get(), RecordVerifier()));
  if (!mended.left.empty()) {
    return Fail(ErrorCode::kCorrupt, "it could not be mended: " + mended.left.front().text);
  }
  DURE_ASSIGN(const auto log, ledger::Mirror::Open(std::move(own)));
  DURE_TRY(NoFork(*log, *other, options));
  const uint64_t before = std::min(mended.size, log->Head().head.size);
  if (is_aggregator) DURE_TRY(NoteHealed(dir, before, other->Head().head.size));
  DURE_TRY(Continue(*log, *other));
  const uint64_t after = log->Head().head.size;
  const std::vector<std::string> texts = Texts(mended.found);
  if (context.json()) {
    context.PrintJson(ordered_json{{"before", before}, {"after", after}, {"mended", texts}}.dump());
    return {};
  }
  context.Print(HealText(texts, before, after, is_aggregator, IsKorean(context)));
  return {};
}

// The key of the record in a folder: as told, as its identity says, or as its first entry does.
Result<ledger::NoteKey> KeyOf(const LedgerCopiesOptions& options, const std::string& dir) {
  if (!options.vkey.empty()) return ledger::NoteKey::Parse(options.vkey);
  if (const auto self = identity::LoadIdentity(dir)) return ledger::NoteKey::Parse(self->log_vkey);
  DURE_ASSIGN(const auto log, OpenRecord(dir));
  return log->log_key();
}

Status ReadBack(const LedgerCopiesOptions& options, Context& context) {
  DURE_ASSIGN(const std::string dir, RecordFolder(options.dir));
  DURE_ASSIGN(const ledger::NoteKey key, KeyOf(options, dir));
  std::unique_ptr<ledger::LogReader> other;
  if (!options.other.empty()) {
    DURE_ASSIGN(other, OpenRecord(options.other));
  }
  DURE_ASSIGN(const ledger::Mended looked,
              ledger::CheckFolder(dir, key, other.get(), RecordVerifier()));
  const std::vector<std::string> rotted = Texts(looked.found);
  if (context.json() && rotted.empty()) {
    context.PrintJson(ordered_json{{"size", looked.size}, {"rotted", rotted}}.dump());
    return {};
  }
  if (rotted.empty()) {
    const std::string size = std::to_string(looked.size);
    context.Print(Pick(context,
                       "Read back from the disk: " + size +
                           " entries, their tree heads, cosignatures and keys. Nothing has rotted.",
                       "디스크에서 항목 " + size +
                           "개와 그 트리 헤드, 공동 서명, 키를 다시 읽었습니다. 손상된 곳이 "
                           "없습니다."));
    return {};
  }
  std::string text =
      dir + Pick(context, "/ledger.db has rotted:", "/ledger.db에 손상된 곳이 있습니다:");
  for (const std::string& one : rotted) text += "\n  " + one;
  return Fail(
      ErrorCode::kCorrupt,
      text + Pick(context,
                  "\nA running daemon mends it by itself from what others hold. Without one: dure "
                  "ledger heal --dir " +
                      options.dir + " --from COPY, with a copy of another member",
                  "\n데몬이 돌고 있으면 다른 회원의 사본으로 스스로 고칩니다. 아니면 다른 회원의 "
                  "사본을 받아 dure ledger heal --dir " +
                      options.dir + " --from 사본 을 실행하십시오"));
}

}  // namespace

void AddCopyCommands(Command ledger, Context& context) {
  auto options = std::make_shared<LedgerCopiesOptions>();
  Command compare =
      AddVerb(ledger, "compare", "whether two copies are of one log; the first entry if not",
              "dure ledger compare --dir desk --with /media/stick/other-member");
  compare.Add("--dir", options->dir, "A folder with a copy of the record").Required();
  compare.Add("--with", options->other, "Another member's copy").Required();
  context.Do(compare, [options, &context] { return Compare(*options, context); });

  Command heal = AddVerb(
      ledger, "heal", "give a copy that lost its end, or rotted, back what another one holds of it",
      "dure ledger heal --dir /var/lib/dure-aggregator --from /media/stick/kt-seoul");
  heal.Add("--dir", options->dir,
           "The aggregator's folder, or a site's or person's; its daemon is stopped")
      .Required();
  heal.Add("--from", options->other, "A member's copy: the folder of a site or an officer")
      .Required();
  context.Do(heal, [options, &context] { return Heal(*options, context); });

  Command scrub =
      AddVerb(ledger, "scrub", "read a copy's file back from its disk and name what has rotted",
              "dure ledger scrub --dir desk --lang ko\n"
              "dure ledger scrub --dir /var/lib/dure-site --from /media/stick/kt-seoul");
  scrub.Add("--dir", options->dir, "A folder with a copy; its daemon may run").Required();
  scrub.Add("--from", options->other,
            "Another copy, which says what must be there where this file no longer does");
  scrub.Add("--vkey", options->vkey, "The log's key as you were told it");
  AddLanguage(scrub, context);
  context.Do(scrub, [options, &context] { return ReadBack(*options, context); });
}

}  // namespace dure::cli
