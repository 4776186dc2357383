#include "policy/ledger/export.h"

#include <gmock/gmock.h>

#include <fstream>
#include <iterator>

#include "policy/ledger/testing.h"
#include "policy/ledger/tiles.h"

namespace dure::ledger {
namespace {

namespace fs = std::filesystem;
using testing::Consortium;
using testing::TemporaryFolder;

std::string Slurp(const fs::path& path) {
  std::ifstream in(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(in), {}};
}

class ExportTest : public ::testing::Test {
 protected:
  ExportTest() { c_.Found(*ledger_); }
  void Grow(uint64_t count) {
    for (uint64_t n = 0; n < count; ++n) {
      const EvaluationReported event{c_.base, c_.site_id, 1, n, n};
      ASSERT_TRUE(ledger_->Append(c_.BySite(*ledger_, event), "").has_value());
    }
  }
  Result<AuditReport> Fsck() const { return FsckTiles(dir(), c_.log_key, c_.verifier, 2); }
  std::string dir() const { return folder_.path() + "/tiles"; }
  // The same log with other entries.
  std::unique_ptr<Ledger> OtherHistory(uint64_t count) const {
    std::unique_ptr<Ledger> other = c_.NewMemoryLedger();
    c_.Found(*other);
    for (uint64_t n = 0; n < count; ++n) {
      const EvaluationReported event{c_.base, c_.site_id, 2, n, n};
      EXPECT_TRUE(other->Append(c_.BySite(*other, event), "").has_value());
    }
    return other;
  }

  const Consortium c_;
  const TemporaryFolder folder_;
  const std::unique_ptr<Ledger> ledger_ = c_.NewMemoryLedger();
};

TEST_F(ExportTest, WritesExactlyTheTilesOfItsSizeAndPassesItsOwnCheck) {
  Grow(295);
  const auto head = ExportTiles(*ledger_, dir());
  ASSERT_TRUE(head.has_value()) << head.error().message;
  std::vector<std::string> files;
  for (const auto& entry : fs::recursive_directory_iterator(dir())) {
    if (entry.is_regular_file()) files.push_back(fs::relative(entry.path(), dir()).string());
  }
  EXPECT_THAT(files, ::testing::UnorderedElementsAre("checkpoint", "tile/0/000", "tile/0/001.p/44",
                                                     "tile/1/000.p/1", "tile/entries/000",
                                                     "tile/entries/001.p/44"));
  EXPECT_EQ(fs::file_size(dir() + "/tile/0/000"), 8192u);
  EXPECT_EQ(Slurp(dir() + "/checkpoint"), ledger_->Head().note);
  const auto report = Fsck();
  ASSERT_TRUE(report.has_value()) << report.error().message;
  EXPECT_EQ(report->head, ledger_->Head().head);
  EXPECT_EQ(report->signatures_checked, 301u);
}

TEST_F(ExportTest, GrowsAndKeepsEveryPublishedTile) {
  for (const uint64_t more : {0, 1, 250, 1, 300}) {
    Grow(more);
    ASSERT_TRUE(ExportTiles(*ledger_, dir()).has_value());
    ASSERT_TRUE(Fsck().has_value());
  }
  EXPECT_TRUE(fs::exists(dir() + "/tile/0/000.p/5"));
  EXPECT_TRUE(fs::exists(dir() + "/tile/0/001"));
}

TEST_F(ExportTest, AnEmptyLogExportsItsHeadAlone) {
  const auto empty = c_.NewMemoryLedger();
  ASSERT_TRUE(ExportTiles(*empty, dir()).has_value());
  EXPECT_EQ(Fsck()->head.size, 0u);
}

TEST_F(ExportTest, FindsEveryDamagedMissingOrLongerFile) {
  Grow(260);
  ASSERT_TRUE(ExportTiles(*ledger_, dir()).has_value());
  for (const char* name : {"checkpoint", "tile/0/000", "tile/0/001.p/9", "tile/1/000.p/1",
                           "tile/entries/000", "tile/entries/001.p/9"}) {
    const fs::path path = fs::path(dir()) / name;
    const std::string good = Slurp(path);
    for (const std::string& bad :
         {good.substr(0, good.size() - 1), good + "x",
          std::string(1, static_cast<char>(good[0] ^ 1)) + good.substr(1),
          good.substr(0, good.size() / 2) + static_cast<char>(good[good.size() / 2] ^ 4) +
              good.substr(good.size() / 2 + 1)}) {
      std::ofstream(path, std::ios::binary) << bad;
      EXPECT_FALSE(Fsck().has_value()) << name;
    }
    fs::remove(path);
    EXPECT_FALSE(Fsck().has_value()) << name;
    std::ofstream(path, std::ios::binary) << good;
    ASSERT_TRUE(Fsck().has_value()) << name;
  }
}

TEST_F(ExportTest, AnotherKeysCheckpointIsNotThisLog) {
  ASSERT_TRUE(ExportTiles(*ledger_, dir()).has_value());
  const NoteKey other = *NoteKey::Make(c_.log_key.name, c_.site.key);
  EXPECT_EQ(FsckTiles(dir(), other, c_.verifier, 1).error().code, ErrorCode::kUnauthenticated);
  EXPECT_EQ(FsckTiles(folder_.path(), other, c_.verifier, 1).error().code, ErrorCode::kNotFound);
}

TEST_F(ExportTest, LeavesTheOldCheckpointWhenATileCannotBeWritten) {
  ASSERT_TRUE(ExportTiles(*ledger_, dir()).has_value());
  const std::string before = Slurp(dir() + "/checkpoint");
  Grow(1);
  // A plain file stands where the folder of the next partial tile would have to be.
  fs::remove_all(dir() + "/tile/entries/000.p");
  std::ofstream(dir() + "/tile/entries/000.p") << "in the way";
  EXPECT_FALSE(ExportTiles(*ledger_, dir()).has_value());
  EXPECT_EQ(Slurp(dir() + "/checkpoint"), before);
}

TEST_F(ExportTest, DamagedTilesAreWrittenAnew) {
  Grow(260);
  ASSERT_TRUE(ExportTiles(*ledger_, dir()).has_value());
  for (const char* name : {"tile/0/000", "tile/1/000.p/1", "tile/entries/000"}) {
    const fs::path path = fs::path(dir()) / name;
    std::string bad = Slurp(path);
    bad[bad.size() / 2] = static_cast<char>(bad[bad.size() / 2] ^ 4);
    std::ofstream(path, std::ios::binary) << bad;
  }
  ASSERT_FALSE(Fsck().has_value());
  ASSERT_TRUE(ExportTiles(*ledger_, dir()).has_value());
  EXPECT_TRUE(Fsck().has_value());
}

TEST_F(ExportTest, APublishedFolderNeverGoesBack) {
  const auto behind = c_.NewMemoryLedger();  // of the same log, without what comes now
  Grow(7);
  ASSERT_TRUE(ExportTiles(*ledger_, dir()).has_value());
  const std::string before = Slurp(dir() + "/checkpoint");
  const auto back = ExportTiles(*behind, dir());
  ASSERT_FALSE(back.has_value());
  EXPECT_EQ(back.error().code, ErrorCode::kFailedPrecondition);
  EXPECT_EQ(Slurp(dir() + "/checkpoint"), before);
}

TEST_F(ExportTest, AnotherHistoryOfTheLogIsNotWrittenOverIt) {
  Grow(3);
  ASSERT_TRUE(ExportTiles(*ledger_, dir()).has_value());
  const std::string before = Slurp(dir() + "/checkpoint");
  const auto other = OtherHistory(20);
  const auto forked = ExportTiles(*other, dir());
  ASSERT_FALSE(forked.has_value());
  EXPECT_EQ(forked.error().code, ErrorCode::kCorrupt);
  EXPECT_EQ(Slurp(dir() + "/checkpoint"), before);
}

}  // namespace
}  // namespace dure::ledger
