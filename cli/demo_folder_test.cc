#include "cli/demo_folder.h"

#include <gmock/gmock.h>
#include <stdlib.h>

#include <fstream>

namespace dure::cli {
namespace {

namespace fs = std::filesystem;

class DemoFolderTest : public testing::Test {
 protected:
  DemoFolderTest() {
    std::string pattern = (fs::temp_directory_path() / "dure-demo-XXXXXX").string();
    above_ = ::mkdtemp(pattern.data());
    dir_ = above_ / "demo";
  }
  ~DemoFolderTest() override { fs::remove_all(above_); }
  // A demonstration that left `file` behind.
  void Earlier(const char* file) {
    const auto folder = DemoFolder::Take(dir_);
    ASSERT_TRUE(folder) << folder.error().message;
    std::ofstream((*folder)->fresh() / file) << "it";
    ASSERT_TRUE((*folder)->Replace());
  }

  fs::path above_;
  fs::path dir_;
};

TEST_F(DemoFolderTest, WhatIsRefusedLeavesTheEarlierAsItWas) {
  Earlier("first");
  {
    const auto folder = DemoFolder::Take(dir_);
    ASSERT_TRUE(folder) << folder.error().message;
    std::ofstream((*folder)->fresh() / "second") << "it";
  }
  EXPECT_TRUE(fs::exists(dir_ / "first"));
  EXPECT_FALSE(fs::exists(dir_ / ".fresh"));
}

TEST_F(DemoFolderTest, WhatIsTakenReplacesTheEarlier) {
  Earlier("first");
  Earlier("second");
  EXPECT_FALSE(fs::exists(dir_ / "first"));
  EXPECT_TRUE(fs::exists(dir_ / "second"));
  EXPECT_TRUE(fs::exists(dir_ / "demo.json"));
}

TEST_F(DemoFolderTest, IsForOneAtATime) {
  const auto folder = DemoFolder::Take(dir_);
  ASSERT_TRUE(folder) << folder.error().message;
  const auto other = DemoFolder::Take(dir_);
  ASSERT_FALSE(other);
  EXPECT_EQ(other.error().code, ErrorCode::kAlreadyExists);
  EXPECT_THAT(other.error().message, testing::HasSubstr("another demonstration works in"));
  EXPECT_TRUE(fs::exists((*folder)->fresh()));
}

TEST_F(DemoFolderTest, LeavesNoFolderThatWasNotThere) {
  { ASSERT_TRUE(DemoFolder::Take(dir_)); }
  EXPECT_FALSE(fs::exists(dir_));
}

TEST_F(DemoFolderTest, NeverTakesAFolderOfSomethingElse) {
  fs::create_directories(dir_);
  std::ofstream(dir_ / "thesis.txt") << "years of work";
  const auto folder = DemoFolder::Take(dir_);
  ASSERT_FALSE(folder);
  EXPECT_THAT(folder.error().message, testing::HasSubstr("no earlier demonstration"));
  EXPECT_TRUE(fs::exists(dir_ / "thesis.txt"));
}

TEST_F(DemoFolderTest, SaysWhereAPathIsOnceItIsInPlace) {
  const auto folder = DemoFolder::Take(dir_);
  ASSERT_TRUE(folder) << folder.error().message;
  EXPECT_EQ((*folder)->Placed((*folder)->fresh() / "data" / "docs"), dir_ / "data" / "docs");
  EXPECT_EQ((*folder)->Placed("/elsewhere/docs"), "/elsewhere/docs");
  EXPECT_EQ((*folder)->Placed("research-only"), "research-only");
}

}  // namespace
}  // namespace dure::cli
