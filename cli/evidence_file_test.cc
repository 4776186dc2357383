#include "cli/evidence_file.h"

#include <gmock/gmock.h>

#include <filesystem>
#include <fstream>
#include <sstream>

#include "federation/random.h"
#include "policy/terms/attachment.h"

namespace dure::cli {
namespace {

namespace fs = std::filesystem;

class EvidenceFile : public ::testing::Test {
 protected:
  EvidenceFile() {
    SystemRandom random;
    dir_ = fs::temp_directory_path() / ("dure-evidence-" + std::to_string(random.Next64()));
    fs::create_directories(dir_);
    Write("report");
  }
  ~EvidenceFile() override { fs::remove_all(dir_); }

  std::string path() const { return (dir_ / "report.txt").string(); }
  std::string beside() const { return path() + ".salt.json"; }
  void Write(const std::string& text) const { std::ofstream(path()) << text; }
  static std::string Read(const std::string& path) {
    std::ifstream in(path);
    return {std::istreambuf_iterator<char>(in), {}};
  }

  fs::path dir_;
  std::ostringstream out_, err_;
  Context context_{out_, err_, [] { return WallTime(); }};
};

TEST_F(EvidenceFile, IsCommittedToUnderASaltThatOnlyItsOwnerReads) {
  const auto commitment = CommitEvidence(path(), context_);
  ASSERT_TRUE(commitment) << commitment.error().message;
  const std::string kept = Read(beside());
  const size_t at = kept.find("\"salt\":\"") + 8;
  const auto bytes = FromHex(kept.substr(at, 32));
  ASSERT_TRUE(bytes) << kept;
  terms::Salt salt;
  std::ranges::copy(*bytes, salt.begin());
  EXPECT_EQ(*commitment, terms::Commit(salt, "report"));
  EXPECT_EQ(fs::status(beside()).permissions() & fs::perms::mask,
            fs::perms::owner_read | fs::perms::owner_write);
}

// A second try, after one that was refused or recorded, would lose the salt that an entry stands
// on.
TEST_F(EvidenceFile, ItsSaltIsTakenAgainAndNeverWrittenOver) {
  const auto first = CommitEvidence(path(), context_);
  const std::string kept = Read(beside());
  const auto second = CommitEvidence(path(), context_);
  ASSERT_TRUE(first && second);
  EXPECT_EQ(*first, *second);
  Write("another report");
  const auto changed = CommitEvidence(path(), context_);
  ASSERT_FALSE(changed);
  EXPECT_EQ(changed.error().code, ErrorCode::kAlreadyExists);
  EXPECT_EQ(Read(beside()), kept);
  std::ofstream(beside()) << "no salt";
  EXPECT_FALSE(CommitEvidence(path(), context_));
}

TEST_F(EvidenceFile, MustBeThereAndBeAFile) {
  EXPECT_EQ(CommitEvidence(dir_.string() + "/none", context_).error().code, ErrorCode::kNotFound);
  EXPECT_EQ(CommitEvidence(dir_.string(), context_).error().code, ErrorCode::kNotFound);
  EXPECT_FALSE(fs::exists(dir_.string() + "/none.salt.json"));
  EXPECT_EQ(*CommitEvidence("", context_), Digest{});
}

}  // namespace
}  // namespace dure::cli
