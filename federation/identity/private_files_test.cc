#include "federation/identity/private_files.h"

#include <gtest/gtest.h>

#include <fstream>

namespace dure::identity {
namespace {

namespace fs = std::filesystem;

// Only what may pass by itself is unavailable: a script would try the same again.
TEST(PrivateFiles, APlaceThatCannotBeWrittenIsNoReasonToTryAgain) {
  const fs::path file = fs::path(testing::TempDir()) / "dure_private_files";
  std::ofstream(file) << "no folder";
  EXPECT_EQ(MakePrivateFolder(file / "folder").error().code, ErrorCode::kFailedPrecondition);
  EXPECT_EQ(WritePrivateFile(file / "key", "k").error().code, ErrorCode::kFailedPrecondition);
  EXPECT_EQ(ReadPrivateFile(file / "key").error().code, ErrorCode::kFailedPrecondition);
  EXPECT_EQ(ReadPrivateFile("/nowhere/key").error().code, ErrorCode::kNotFound);
  fs::remove(file);
}

}  // namespace
}  // namespace dure::identity
