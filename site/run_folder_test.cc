#include "site/run_folder.h"

#include <gmock/gmock.h>
#include <stdlib.h>

#include <fstream>

namespace dure::site {
namespace {

namespace fs = std::filesystem;

class RunFolderTest : public testing::Test {
 protected:
  RunFolderTest() {
    std::string pattern = (fs::temp_directory_path() / "dure-folder-XXXXXX").string();
    home_ = ::mkdtemp(pattern.data());
    folder_.emplace(home_, *RunId::Parse("run"));
    folder_->MakeReady();
  }
  ~RunFolderTest() override { fs::remove_all(home_); }
  void Touch(const fs::path& path) { std::ofstream(path) << "x"; }

  fs::path home_;
  std::optional<RunFolder> folder_;
};

TEST_F(RunFolderTest, TheLatestStateBeforeARoundIsFoundByNumberAndNotByName) {
  EXPECT_EQ(folder_->StateBefore({5}), std::nullopt);
  for (const uint64_t round : {2, 9, 10}) fs::create_directories(folder_->state({round}));
  EXPECT_EQ(folder_->StateBefore({11}), folder_->state({10}));
  EXPECT_EQ(folder_->StateBefore({10}), folder_->state({9}));
  EXPECT_EQ(folder_->StateBefore({2}), std::nullopt);
}

TEST_F(RunFolderTest, NamesThatOnlyLookLikeStatesAreLeftAlone) {
  for (const char* name :
       {"state-", "state-x", "state-3x", "state--1", "state-99999999999999999999"})
    fs::create_directories(folder_->seat() / name);
  EXPECT_EQ(folder_->StateBefore({100}), std::nullopt);
  folder_->ForgetStatesBefore({100});
  EXPECT_TRUE(fs::exists(folder_->seat() / "state-3x"));
}

TEST_F(RunFolderTest, TheStateThatTheRoundContinuesFromIsKept) {
  for (uint64_t round = 0; round < 5; ++round) fs::create_directories(folder_->state({round}));
  folder_->ForgetStatesBefore({4});
  EXPECT_FALSE(fs::exists(folder_->state({2})));
  EXPECT_TRUE(fs::exists(folder_->state({3})));
  EXPECT_TRUE(fs::exists(folder_->state({4})));
}

TEST_F(RunFolderTest, WhatAnEarlierVersionKeptBesideTheFoldersIsBroughtToItsPlace) {
  Touch(folder_->dir() / "config.json");
  fs::create_directories(folder_->dir() / "state-7" / "optimizer");
  Touch(folder_->residual(1));
  folder_->MakeReady();
  EXPECT_TRUE(fs::exists(folder_->config()));
  EXPECT_EQ(folder_->StateBefore({8}), folder_->state({7}));
  EXPECT_TRUE(fs::exists(folder_->state({7}) / "optimizer"));
  EXPECT_TRUE(fs::exists(folder_->residual(1)));
}

TEST_F(RunFolderTest, AllResidualsButTheTwoNamedOnesMayGo) {
  for (uint64_t version = 1; version < 5; ++version) Touch(folder_->residual(version));
  Touch(folder_->dir() / "residual-1.f32.part");
  EXPECT_THAT(folder_->ResidualsBut(4, 2),
              testing::UnorderedElementsAre(folder_->residual(1), folder_->residual(3)));
}

TEST_F(RunFolderTest, ResultsOfEarlierRoundsMayGo) {
  for (uint64_t round = 8; round < 12; ++round) Touch(folder_->trained({round}));
  EXPECT_THAT(folder_->TrainedBefore({10}),
              testing::UnorderedElementsAre(folder_->trained({8}), folder_->trained({9})));
}

TEST_F(RunFolderTest, WhatADeadProcessLeftHalfMadeMayGoAndNothingElse) {
  const std::string digest = Sha256(AsBytes("aggregate")).Hex();
  std::vector<fs::path> left;
  for (const char* ending : {".model", ".momentum", ".scales"}) {
    left.push_back(folder_->dir() / (digest + ending));
  }
  left.push_back(folder_->dir() / "ready-0");
  left.push_back(folder_->lanes({3}));
  left.push_back(folder_->payload({3}));
  left.push_back(folder_->made({9}));
  left.push_back(folder_->made({9}).string() + ".writing");
  left.push_back(folder_->state({9}).string() + ".new");
  EXPECT_THAT(folder_->HalfTrained(), testing::IsEmpty());
  for (const fs::path& path : left) Touch(path);
  for (const fs::path& path : {folder_->lanes({4}), folder_->payload({4}), folder_->trained({3}),
                               folder_->state({3}), folder_->residual(1), folder_->config(),
                               folder_->dir() / "my.model", folder_->dir() / digest}) {
    Touch(path);
  }
  EXPECT_THAT(folder_->LeftoversBefore({4}), testing::UnorderedElementsAreArray(left));
  EXPECT_THAT(folder_->HalfTrained(),
              testing::UnorderedElementsAreArray(left.end() - 3, left.end()));
}

TEST_F(RunFolderTest, OfARunThatIsOverWhatItsRoundsMadeMayGoAndNotWhatItsModelNeeds) {
  const std::vector<fs::path> made = {
      folder_->residual(1),  folder_->residual(7),  folder_->lanes({9}),
      folder_->payload({9}), folder_->trained({9}), folder_->dir() / "ready-0",
      folder_->made({9}),    folder_->base(),       folder_->seat() / "of-another-program"};
  for (const fs::path& path : made) Touch(path);
  fs::create_directories(folder_->state({9}));
  Touch(folder_->state({9}) / "optimizer");
  for (const fs::path& path : {folder_->config(), folder_->tokenizer()}) Touch(path);
  for (const fs::path& path : folder_->FilesOfRounds()) fs::remove_all(path);
  for (const fs::path& path : made) EXPECT_FALSE(fs::exists(path)) << path;
  EXPECT_FALSE(fs::exists(folder_->state({9})));
  EXPECT_TRUE(fs::exists(folder_->config()));
  EXPECT_TRUE(fs::exists(folder_->tokenizer()));
  EXPECT_THAT(folder_->FilesOfRounds(), testing::IsEmpty());
}

TEST_F(RunFolderTest, AFolderThatIsNotThereHoldsNothing) {
  const RunFolder absent(home_, *RunId::Parse("another"));
  EXPECT_EQ(absent.StateBefore({5}), std::nullopt);
  absent.ForgetStatesBefore({5});
  EXPECT_THAT(absent.ResidualsBut(1, 0), testing::IsEmpty());
  EXPECT_THAT(absent.LeftoversBefore({5}), testing::IsEmpty());
}

}  // namespace
}  // namespace dure::site
