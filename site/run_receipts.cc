// What this site says that it contributed, and its receipts on disk, which it shows for that.
#include <algorithm>

#include "federation/canonical.h"
#include "federation/codec/files.h"
#include "federation/wire_hook.h"
#include "model/text/whole_file.h"
#include "site/run_desk_work.h"

namespace dure::site {
namespace {

std::string NameOf(const round::RoundAttempt& at) {
  return at.run.str() + "-" + std::to_string(at.round.value) + "-" + std::to_string(at.attempt);
}

// Whether the two files of this stem are the receipt of that entry: a power cut, or the disk, may
// have left less.
bool Proves(const std::filesystem::path& stem, uint64_t index, const ledger::LogReader& mirror,
            const Verifier& verifier) {
  const auto proof = text::ReadWhole(stem.string() + ".tlog-proof", ledger::kReceiptBytesMax);
  const auto entry = text::ReadWhole(stem.string() + ".entry", limits::kEntryBytesMax);
  if (!proof || !entry) return false;
  const auto receipt = ledger::ParseTlogProof(*proof, mirror.log_key(), verifier);
  return receipt && receipt->index == index && index < mirror.Head().head.size &&
         ledger::LeafHash(AsBytes(*entry)) == mirror.Leaf(index) &&
         ledger::VerifyReceipt(AsBytes(*entry), *receipt, mirror.log_key(), verifier);
}

}  // namespace

round::Message AsSaid(round::Message message) {
  auto* said = std::get_if<round::Submission>(&message);
  if (said == nullptr) return message;
  Bytes bytes = CanonicalWriter().Raw32(said->contribution).Blob(said->envelope).Take();
  PassWire("site.submission", "aggregator", bytes);
  CanonicalReader reader(bytes);
  said->contribution = reader.Raw32();
  said->envelope = reader.Blob();
  return message;
}

Status WriteWhole(const std::filesystem::path& path, ByteView bytes) {
  DURE_TRY(text::WriteWhole(path, AsText(bytes)));
  return codec::SyncFolderOf(path.string());
}

Status KeepReceipt(const std::filesystem::path& folder, const round::RoundAttempt& at,
                   ByteView proof, ByteView envelope) {
  std::error_code ignored;  // a missing folder shows itself at the first file
  std::filesystem::create_directories(folder, ignored);
  // Both have their names before the disk is waited for, which is once for all. A power cut may
  // take any of it, as long as this has not returned; Proves says.
  const std::filesystem::path entry = folder / (NameOf(at) + ".entry");
  const std::filesystem::path last = folder / (NameOf(at) + ".tlog-proof");
  DURE_TRY(text::WriteWholeUnsynced(entry, AsText(envelope)));
  DURE_TRY(text::WriteWholeUnsynced(last, AsText(proof)));
  DURE_TRY(codec::SyncFile(entry.string()));
  DURE_TRY(codec::SyncFile(last.string()));
  return codec::SyncFolderOf(last.string());
}

Status KeepReceiptOfOutcome(const std::filesystem::path& folder, const round::Outcome& outcome,
                            const SiteId& site, const ledger::LogReader& mirror,
                            const Verifier& verifier) {
  const auto own = std::ranges::find(outcome.counted, site, &round::Counted::site);
  if (own == outcome.counted.end()) return {};
  if (Proves(folder / NameOf(outcome.at), own->submission, mirror, verifier)) return {};
  DURE_ASSIGN(const auto entries,
              mirror.Read(own->submission, own->submission + 1, limits::kEntryBytesMax));
  if (entries.empty()) return Fail(ErrorCode::kNotFound, "the mirror lacks the counted entry");
  DURE_ASSIGN(const ledger::Receipt receipt, ledger::MakeReceipt(mirror, own->submission));
  const std::string proof = receipt.ToTlogProof();
  return KeepReceipt(folder, outcome.at, AsBytes(proof), entries.front());
}

}  // namespace dure::site
