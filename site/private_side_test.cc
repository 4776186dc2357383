#include "site/private_side.h"

#include <gmock/gmock.h>

#include <fstream>

#include "federation/random.h"

namespace dure::site {
namespace {

namespace fs = std::filesystem;

constexpr const char* kTerms =
    "version = 1\nuse = \"open\"\npurposes = [\"statistics\"]\n[actions]\ntrain = \"allow\"\n"
    "[licence]\ndata = \"CC-BY-4.0\"\ncopyright = \"(c) Portal A\"\n[territories]\n"
    "processing = [\"KR\"]\n[personal]\nclass = \"none\"\n[[duties]]\nkind = \"attribute\"\n"
    "text = \"Film reviews, Portal A\"\n[dataset]\ndataset = \"reviews\"\n"
    "custodian = \"portal-a\"\nrightsHolder = \"portal-a\"\nmodality = \"text\"\n"
    "classification = \"clear\"\ntitle = \"Film reviews\"\n";

class PrivateSide : public ::testing::Test {
 protected:
  PrivateSide() {
    dir_ = fs::temp_directory_path() / ("dure-private-" + std::to_string(random_.Next64()));
    fs::create_directories(dir_);
  }
  ~PrivateSide() override { fs::remove_all(dir_); }

  terms::Description Described(const std::string& text) {
    const auto draft = terms::ParseToml(text, "terms.toml", random_);
    EXPECT_TRUE(draft) << (draft ? "" : draft.error().message);
    return {draft->passport, draft->terms, terms::MakeSalt(random_), draft->attachments};
  }

  SystemRandom random_;
  fs::path dir_;
  ledger::DatasetVersion what_{*DatasetId::Parse("reviews"), 1};
};

TEST_F(PrivateSide, TheSameTermsAreTheSameBytesAgain) {
  const terms::Description first = Described(kTerms);
  ASSERT_TRUE(KeepPrivateSide(dir_, what_, first));
  const terms::Description fresh = Described(kTerms);
  EXPECT_NE(terms::ToCanonical(fresh.terms), terms::ToCanonical(first.terms));
  const terms::Description again = WithKeptSalts(dir_, what_, fresh);
  EXPECT_EQ(terms::ToCanonical(again.terms), terms::ToCanonical(first.terms));
  EXPECT_EQ(terms::ToCanonical(again.passport), terms::ToCanonical(first.passport));
  EXPECT_EQ(again.attachments, first.attachments);
}

TEST_F(PrivateSide, AnotherTextIsOtherTerms) {
  const terms::Description first = Described(kTerms);
  ASSERT_TRUE(KeepPrivateSide(dir_, what_, first));
  std::string text = kTerms;
  text.replace(text.find("reviews, Portal A"), 17, "reviews, Portal B");
  const terms::Description again = WithKeptSalts(dir_, what_, Described(text));
  EXPECT_NE(terms::ToCanonical(again.terms), terms::ToCanonical(first.terms));
  EXPECT_EQ(again.terms.licence.copyright, first.terms.licence.copyright);
}

TEST_F(PrivateSide, OnlyTheOwnerReadsItAndWithoutItNothingIsTaken) {
  const terms::Description first = Described(kTerms);
  ASSERT_TRUE(KeepPrivateSide(dir_, what_, first));
  const fs::path path = PrivateSideOf(dir_, what_);
  EXPECT_EQ(fs::status(path).permissions() & fs::perms::mask,
            fs::perms::owner_read | fs::perms::owner_write);
  EXPECT_FALSE(fs::exists(path.string() + ".new"));
  fs::remove(path);
  const terms::Description fresh = Described(kTerms);
  EXPECT_EQ(WithKeptSalts(dir_, what_, fresh).attachments, fresh.attachments);
  fs::create_directories(path / "a folder in its place");
  EXPECT_EQ(WithKeptSalts(dir_, what_, fresh).attachments, fresh.attachments);
  EXPECT_FALSE(KeepPrivateSide(dir_, what_, fresh));
}

// What is on record stays as it was signed, and nothing is left here that would say what it means.
TEST_F(PrivateSide, RemovedItErasesTheTextsAndLeavesTheRecordWhole) {
  const terms::Description first = Described(kTerms);
  const std::string recorded = terms::ToCanonical(first.terms);
  ASSERT_TRUE(KeepPrivateSide(dir_, what_, first));
  EXPECT_EQ(KeptDataSalt(dir_, what_), first.data_salt);
  const auto holds = [&](const std::string& words) {
    for (const auto& found : fs::recursive_directory_iterator(dir_)) {
      if (!found.is_regular_file()) continue;
      std::ifstream in(found.path(), std::ios::binary);
      const std::string text{std::istreambuf_iterator<char>(in), {}};
      if (text.find(words) != text.npos) return true;
    }
    return false;
  };
  std::vector<std::string> secrets;
  for (const terms::Attachment& one : first.attachments) {
    for (const std::string& secret : {one.text, ToHex(one.salt)}) secrets.push_back(secret);
  }
  ASSERT_EQ(secrets.size(), 6u);
  for (const std::string& secret : secrets) EXPECT_TRUE(holds(secret)) << secret;
  fs::remove(PrivateSideOf(dir_, what_));
  for (const std::string& secret : secrets) {
    EXPECT_FALSE(holds(secret)) << secret;
    EXPECT_EQ(recorded.find(secret), recorded.npos) << secret;
  }
  EXPECT_FALSE(KeptDataSalt(dir_, what_));
  const auto read = terms::ParseCanonical(recorded);
  ASSERT_TRUE(read) << read.error().message;
  EXPECT_EQ(*read, first.terms);
}

}  // namespace
}  // namespace dure::site
