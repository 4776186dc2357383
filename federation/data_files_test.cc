#include "federation/data_files.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>

#include <fstream>

namespace dure {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;

namespace fs = std::filesystem;

class DataFilesOf : public testing::Test {
 protected:
  DataFilesOf() : folder_(fs::path(testing::TempDir()) / "dure_data_files") {
    fs::remove_all(folder_);
    fs::create_directories(folder_);
  }
  ~DataFilesOf() override { fs::remove_all(folder_); }
  void Write(const std::string& name) {
    fs::create_directories((folder_ / name).parent_path());
    std::ofstream(folder_ / name) << name;
  }
  std::vector<std::string> Names(const fs::path& path) {
    found_ = ListDataFiles(path).value();
    std::vector<std::string> names;
    for (const DataFile& file : found_.files) names.push_back(file.name);
    return names;
  }
  const fs::path folder_;
  DataFiles found_;
};

TEST_F(DataFilesOf, AFolderAreThoseThatAreNeitherHiddenNorLinkedNorTheTerms) {
  Write("b.txt");
  Write("a/deep.txt");
  Write("a/terms.toml");
  Write(".hidden");
  Write(".git/config");
  Write("terms.toml");
  fs::create_symlink("b.txt", folder_ / "c.txt");
  fs::create_directory_symlink(folder_ / "a", folder_ / "d");
  fs::create_symlink("nowhere", folder_ / "e.txt");
  ASSERT_EQ(mkfifo((folder_ / "pipe").c_str(), 0600), 0);
  EXPECT_THAT(Names(folder_), ElementsAre("a/deep.txt", "a/terms.toml", "b.txt"));
  EXPECT_THAT(found_.links, ElementsAre("c.txt", "d", "e.txt"));
}

TEST_F(DataFilesOf, WhatIsNamedIsReadThroughALinkToo) {
  Write("data/.a.txt");
  Write("data/b.txt");
  fs::create_symlink("data/.a.txt", folder_ / "file");
  fs::create_directory_symlink("data", folder_ / "folder");
  EXPECT_THAT(Names(folder_ / "file"), ElementsAre("file"));
  EXPECT_THAT(Names(folder_ / "folder"), ElementsAre("b.txt"));
  EXPECT_THAT(Names(folder_ / "data" / ".a.txt"), ElementsAre(".a.txt"));
}

TEST_F(DataFilesOf, WhatIsNoneIsSaidToBe) {
  EXPECT_EQ(ListDataFiles(folder_ / "none").error().code, ErrorCode::kNotFound);
  EXPECT_EQ(ListDataFiles("/dev/null").error().code, ErrorCode::kInvalid);
  EXPECT_THAT(Names(folder_), IsEmpty());
}

}  // namespace
}  // namespace dure
