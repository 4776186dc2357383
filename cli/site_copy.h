// SiteCopy: what a site's folder holds of a run, read beside a running daemon or without one,
// asking nobody.
#pragma once

#include <filesystem>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "federation/ids.h"
#include "federation/signer.h"
#include "policy/ledger/ledger.h"

namespace dure::cli {

// The stored file of a model in a site's folder, read through once: a disk can give back other
// bytes than it took. kNotFound: this site does not hold it (any more). kCorrupt: its bytes are not
// those of its name.
Result<std::filesystem::path> StoredModel(const std::filesystem::path& dir, const Digest& model);

struct ClosedRound {
  ledger::RoundClosed event;
  uint64_t index = 0;
};

class SiteCopy {
 public:
  // kNotFound: no copy of a log in `dir`. kCorrupt: it is damaged.
  static Result<SiteCopy> Open(const std::string& dir);

  const ledger::LogReader& log() const { return *log_; }
  const Verifier& verifier() const { return *verifier_; }
  const std::filesystem::path& dir() const { return dir_; }

  // Rounds of `run` that were closed, in order. kNotFound: the log knows no such run, and says
  // which it knows.
  Result<std::vector<ClosedRound>> Rounds(const RunId& run) const;
  Result<std::filesystem::path> ModelFile(const Digest& model) const {
    return StoredModel(dir_, model);
  }
  std::filesystem::path Config(const RunId& run) const;
  std::filesystem::path Tokenizer(const RunId& run) const;

  // One stored receipt of this site's own contributions to `run`, checked against this copy. Its
  // index and name.
  struct CheckedReceipt {
    std::string path;
    uint64_t index = 0;
    uint64_t tree_size = 0;
  };
  Result<CheckedReceipt> CheckReceipt(const RunId& run) const;

 private:
  std::filesystem::path dir_;
  std::unique_ptr<Ed25519Verifier> verifier_;
  std::unique_ptr<ledger::LogReader> log_;
};

}  // namespace dure::cli
