// Receipts on disk: what this site shows when it says that it contributed.
#include <algorithm>
#include <fstream>

#include "site/run_desk_work.h"

namespace dure::site {
namespace {

std::string NameOf(const round::RoundAttempt& at) {
  return at.run.str() + "-" + std::to_string(at.round.value) + "-" + std::to_string(at.attempt);
}

}  // namespace

Status WriteWhole(const std::filesystem::path& path, ByteView bytes) {
  const std::filesystem::path temporary = path.string() + ".new";
  {
    std::ofstream out(temporary, std::ios::binary | std::ios::trunc);
    out.write(reinterpret_cast<const char*>(bytes.data()),
              static_cast<std::streamsize>(bytes.size()));
    if (!out.flush()) return Fail(ErrorCode::kExhausted, "cannot write " + temporary.string());
  }
  std::error_code error;
  std::filesystem::rename(temporary, path, error);
  if (error)
    return Fail(ErrorCode::kUnavailable, "cannot name " + path.string() + ": " + error.message());
  return {};
}

Status KeepReceipt(const std::filesystem::path& folder, const round::RoundAttempt& at,
                   ByteView proof, ByteView envelope) {
  std::error_code ignored;  // a missing folder shows itself at the first file
  std::filesystem::create_directories(folder, ignored);
  // The proof goes last: where it stands, its entry does too.
  DURE_TRY(WriteWhole(folder / (NameOf(at) + ".entry"), envelope));
  return WriteWhole(folder / (NameOf(at) + ".tlog-proof"), proof);
}

Status KeepReceiptOfOutcome(const std::filesystem::path& folder, const round::Outcome& outcome,
                            const SiteId& site, const ledger::Mirror& mirror) {
  const auto own = std::ranges::find(outcome.counted, site, &round::Counted::site);
  if (own == outcome.counted.end()) return {};
  if (std::filesystem::exists(folder / (NameOf(outcome.at) + ".tlog-proof"))) return {};
  DURE_ASSIGN(const auto entries,
              mirror.Read(own->submission, own->submission + 1, limits::kEntryBytesMax));
  if (entries.empty()) return Fail(ErrorCode::kNotFound, "the mirror lacks the counted entry");
  DURE_ASSIGN(const ledger::Receipt receipt, ledger::MakeReceipt(mirror, own->submission));
  const std::string proof = receipt.ToTlogProof();
  return KeepReceipt(folder, outcome.at, AsBytes(proof), entries.front());
}

}  // namespace dure::site
