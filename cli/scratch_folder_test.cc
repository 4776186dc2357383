#include "cli/scratch_folder.h"

#include <gtest/gtest.h>

#include <chrono>
#include <fstream>

namespace dure::cli {
namespace {

namespace fs = std::filesystem;

class Scratch : public testing::Test {
 protected:
  Scratch() : below_(fs::path(testing::TempDir()) / "dure_scratch_folder") {
    fs::remove_all(below_);
    fs::create_directories(below_);
  }
  ~Scratch() override { fs::remove_all(below_); }
  void Age(const fs::path& path) const {
    fs::last_write_time(path, fs::file_time_type::clock::now() - std::chrono::hours(1));
  }
  fs::path below_;
};

TEST_F(Scratch, IsThereAndThenGone) {
  fs::path path;
  {
    const ScratchFolder folder(below_);
    path = folder.path();
    std::ofstream(path / "initial.safetensors") << "weights";
    EXPECT_TRUE(fs::is_directory(path));
  }
  EXPECT_FALSE(fs::exists(path));
}

// An interrupted `dure run start` left a file as large as the model for each try.
TEST_F(Scratch, RemovesWhatAKilledOneLeftAndNothingElse) {
  const fs::path left = below_ / "dure-run-AbCdEf";
  const fs::path other = below_ / "dure-other";
  const fs::path young = below_ / "dure-run-young1";
  for (const fs::path& path : {left, other, young}) fs::create_directories(path);
  std::ofstream(left / "initial.safetensors") << "weights";
  Age(left);
  Age(other);
  const ScratchFolder first(below_);
  EXPECT_FALSE(fs::exists(left));
  EXPECT_TRUE(fs::exists(other));
  EXPECT_TRUE(fs::exists(young));
  Age(first.path());
  const ScratchFolder second(below_);
  EXPECT_TRUE(fs::exists(first.path())) << "it is in use, however old";
}

TEST_F(Scratch, CannotBeMadeWhereThereIsNoFolder) {
  EXPECT_TRUE(ScratchFolder(below_ / "absent").path().empty());
}

}  // namespace
}  // namespace dure::cli
