#include "cli/demo_data.h"

#include <gmock/gmock.h>
#include <stdlib.h>

#include <fstream>

namespace dure::cli {
namespace {

namespace fs = std::filesystem;

class DemoDataTest : public testing::Test {
 protected:
  DemoDataTest() {
    std::string pattern = (fs::temp_directory_path() / "dure-demo-XXXXXX").string();
    given_ = ::mkdtemp(pattern.data());
  }
  ~DemoDataTest() override { fs::remove_all(given_); }
  void Folder(const char* name) { fs::create_directories(given_ / name); }
  void File(const char* name, size_t bytes = kDemoFileBytesMin) {
    std::ofstream(given_ / name) << std::string(bytes, 'x');
  }
  std::vector<std::string> Names(size_t sites = 0) {
    std::vector<std::string> names;
    const auto found = FindDemoSites(given_, sites, given_ / "out");
    if (!found) return {found.error().message};
    for (const DemoSite& site : found->sites) names.push_back(site.site);
    left_out_ = found->left_out;
    return names;
  }

  fs::path given_;
  std::string left_out_;
};

TEST_F(DemoDataTest, EverySubFolderIsASiteAndFilesBesideThemAreNot) {
  Folder("kt");
  Folder("snu");
  Folder(".git");
  File("readme.txt");
  EXPECT_THAT(Names(), testing::ElementsAre("kt", "snu"));
  EXPECT_THAT(Names(1), testing::ElementsAre("kt"));
}

TEST_F(DemoDataTest, WithoutSubFoldersEveryFileOfTextIsASite) {
  File("a.tsv");
  File("b.jsonl");
  File("c.png");
  File("d.TXT");
  File("e.Md");
  EXPECT_EQ(Names().size(), 4u);
}

TEST_F(DemoDataTest, WhatIsAboutTheOthersOrTooSmallIsNoInstitutionAndIsSaid) {
  File("a.tsv");
  File("b.txt");
  File("README.md");
  File("LICENSE.txt");
  File("small.txt", kDemoFileBytesMin - 1);
  EXPECT_THAT(Names(), testing::ElementsAre("a-tsv", "b-txt"));
  EXPECT_THAT(left_out_, testing::EndsWith(": LICENSE.txt, README.md, small.txt"));
  EXPECT_THAT(Names(1), testing::ElementsAre("a-tsv"));
  EXPECT_THAT(left_out_, testing::EndsWith("left out by --sites 1: b.txt"));
}

TEST_F(DemoDataTest, NamesAreMadeFitForAPathAndACertificate) {
  Folder("Seoul National University!");
  Folder("두레");
  EXPECT_THAT(Names(), testing::ElementsAre("seoul-national-universit", "site-2"));
}

TEST_F(DemoDataTest, NoSiteIsCalledAsTheDemonstrationsOwnParts) {
  Folder("Aggregator");
  Folder("kt");
  Folder("kt-desk");
  EXPECT_THAT(Names(), testing::ElementsAre("aggregator-site", "kt", "kt-desk-site"));
}

TEST_F(DemoDataTest, MoreSitesThanThereIsTextForAreRefused) {
  Folder("kt");
  Folder("snu");
  EXPECT_THAT(Names(3), testing::ElementsAre(testing::HasSubstr("has text of 2")));
}

TEST_F(DemoDataTest, TwoFoldersThatGiveOneNameAreToldApart) {
  Folder("KT");
  Folder("kt");
  const auto names = Names();
  ASSERT_EQ(names.size(), 2u);
  EXPECT_NE(names[0], names[1]);
}

TEST_F(DemoDataTest, AFolderWithoutTextIsRefusedAndSaysWhatItLooksFor) {
  File("c.png");
  const auto sites = FindDemoSites(given_, 0, given_ / "out");
  ASSERT_FALSE(sites);
  EXPECT_EQ(sites.error().code, ErrorCode::kNotFound);
  EXPECT_THAT(sites.error().message, testing::HasSubstr(".jsonl"));
  EXPECT_FALSE(FindDemoSites(given_ / "absent", 0, given_ / "out"));
}

}  // namespace
}  // namespace dure::cli
