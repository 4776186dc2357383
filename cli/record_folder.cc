#include "cli/record_folder.h"

#include <filesystem>

#include "policy/ledger/sqlite_ledger.h"

namespace dure::cli {

const Verifier& RecordVerifier() {
  static const Ed25519Verifier verifier;
  return verifier;
}

Result<std::string> RecordFolder(const std::string& dir) {
  namespace fs = std::filesystem;
  const std::string inside = dir + "/ledger";
  if (fs::exists(dir + "/ledger.db")) return dir;
  if (fs::exists(inside + "/ledger.db")) return inside;
  if (fs::exists(dir + "/checkpoint")) {
    return Fail(ErrorCode::kNotFound,
                dir + " is an exported folder: check it with dure ledger fsck --tiles " + dir);
  }
  // Somebody's keys without a daemon's database: of a person, whose commands fetch the record.
  const bool daemon = fs::exists(dir + "/site.db") || fs::exists(dir + "/aggregator.db");
  if (fs::exists(dir + "/identity") && !daemon) {
    return Fail(ErrorCode::kNotFound, dir +
                                          " holds no copy of the record yet; first type dure "
                                          "tally --dir " +
                                          dir + ", which fetches it");
  }
  return Fail(ErrorCode::kNotFound,
              dir +
                  " holds no copy of the record; give the folder of a site or of the aggregator "
                  "that has served, or of a person");
}

Result<std::unique_ptr<ledger::LogReader>> OpenRecord(const std::string& dir) {
  DURE_ASSIGN(const std::string folder, RecordFolder(dir));
  auto copy = ledger::OpenLogCopy(folder, RecordVerifier());
  if (!copy && copy.error().code == ErrorCode::kNotFound) {
    return Within(copy.error(), "the copy in " + dir + " has no entries yet (a site's first ones " +
                                    "come with its first receipt)");
  }
  return copy;
}

}  // namespace dure::cli
