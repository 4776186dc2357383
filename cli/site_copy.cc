#include "cli/site_copy.h"

#include <algorithm>
#include <fstream>
#include <iterator>

#include "federation/blob/manifest.h"
#include "policy/ledger/receipt.h"
#include "policy/ledger/sqlite_ledger.h"
#include "site/run_folder.h"

namespace dure::cli {
namespace {

constexpr uint64_t kPageEntries = 1024;
constexpr size_t kPageBytes = 16 * 1024 * 1024;

Result<Bytes> ReadFile(const std::filesystem::path& path) {
  std::ifstream in(path, std::ios::binary);
  if (!in) return Fail(ErrorCode::kNotFound, path.string() + " is not there");
  return Bytes{std::istreambuf_iterator<char>(in), {}};
}

// Where an earlier version kept it, as long as the site's daemon has not moved it.
std::filesystem::path NowOrBefore(const std::filesystem::path& now,
                                  const std::filesystem::path& folder) {
  std::error_code ignored;
  const std::filesystem::path before = folder / now.filename();
  return std::filesystem::exists(before, ignored) && !std::filesystem::exists(now, ignored) ? before
                                                                                            : now;
}

}  // namespace

Result<SiteCopy> SiteCopy::Open(const std::string& dir) {
  SiteCopy copy;
  copy.dir_ = dir;
  copy.verifier_ = std::make_unique<Ed25519Verifier>();
  DURE_ASSIGN(copy.log_, ledger::OpenLogCopy(dir, *copy.verifier_));
  return copy;
}

std::filesystem::path SiteCopy::Config(const RunId& run) const {
  const site::RunFolder folder(dir_, run);
  return NowOrBefore(folder.config(), folder.dir());
}

std::filesystem::path SiteCopy::Tokenizer(const RunId& run) const {
  const site::RunFolder folder(dir_, run);
  return NowOrBefore(folder.tokenizer(), folder.dir());
}

Result<std::vector<ClosedRound>> SiteCopy::Rounds(const RunId& run) const {
  std::vector<ClosedRound> rounds;
  std::string known;
  const uint64_t size = log_->Head().head.size;
  for (uint64_t at = 0; at < size;) {
    DURE_ASSIGN(const auto entries, log_->Read(at, std::min(size, at + kPageEntries), kPageBytes));
    for (const Bytes& entry : entries) {
      DURE_ASSIGN(const auto opened, ledger::ParseEntry(entry));
      if (const auto* proposed = std::get_if<ledger::RunProposed>(&opened.record.event)) {
        known += (known.empty() ? "" : ", ") + proposed->run.str();
      }
      const auto* closed = std::get_if<ledger::RoundClosed>(&opened.record.event);
      if (closed != nullptr && closed->at.run == run) rounds.push_back({*closed, at});
      ++at;
    }
  }
  if (rounds.empty()) {
    return Fail(ErrorCode::kNotFound, "this copy of the log has no closed round of run \"" +
                                          run.str() + "\"" +
                                          (known.empty() ? "" : " (its runs: " + known + ")"));
  }
  return rounds;
}

Result<std::filesystem::path> StoredModel(const std::filesystem::path& dir, const Digest& model) {
  std::filesystem::path path = dir / "blobs" / "blobs" / model.Hex();
  if (!std::filesystem::exists(path)) {
    return Fail(ErrorCode::kNotFound, "this site does not hold model " + model.Hex() +
                                          "; a site keeps the latest two of each run, and "
                                          "a person's folder none: ask a member to export it");
  }
  DURE_ASSIGN(const blob::Manifest manifest, blob::ManifestOfFile(path.string()));
  if (manifest.BlobDigest() == model) return path;
  return Fail(ErrorCode::kCorrupt,
              path.string() +
                  " has rotted: its bytes are not the model of its name. Take it from another "
                  "site's folder, or an earlier version (--round)");
}

Result<SiteCopy::CheckedReceipt> SiteCopy::CheckReceipt(const RunId& run) const {
  std::vector<std::filesystem::path> found;
  std::error_code ignored;
  for (const auto& entry : std::filesystem::directory_iterator(dir_ / "receipts", ignored)) {
    const std::string name = entry.path().filename().string();
    if (name.starts_with(run.str() + "-") && name.ends_with(".tlog-proof"))
      found.push_back(entry.path());
  }
  if (found.empty())
    return Fail(ErrorCode::kNotFound, "this site holds no receipt of run \"" + run.str() + "\"");
  const std::filesystem::path path = *std::ranges::max_element(found);
  DURE_ASSIGN(const Bytes proof, ReadFile(path));
  DURE_ASSIGN(const Bytes entry, ReadFile(std::filesystem::path(path).replace_extension(".entry")));
  DURE_ASSIGN(const auto receipt,
              ledger::ParseTlogProof(AsText(proof), log_->log_key(), *verifier_));
  DURE_TRY(ledger::VerifyReceipt(entry, receipt, log_->log_key(), *verifier_));
  if (receipt.index >= log_->Head().head.size ||
      log_->Leaf(receipt.index) != ledger::LeafHash(entry)) {
    return Fail(ErrorCode::kCorrupt,
                path.string() + " proves an entry that this copy of the log does not have");
  }
  return CheckedReceipt{path.string(), receipt.index, receipt.head.head.size};
}

}  // namespace dure::cli
