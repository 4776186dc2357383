#include "policy/terms/toml.h"

#include <gmock/gmock.h>

#include <filesystem>
#include <fstream>

#include "policy/terms/testing.h"

namespace dure::terms {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;

constexpr const char* kFile = R"(# the hospital's notes
version = 2
use = "research-only"
duo = ["GRU", { code = "GS", values = ["KR"] }]
purposes = ["scientific-research", "statistics"]
consent = ["export"]

[actions]
train = "allow"
serve = "ask"

[licence]
data = "LicenseRef-hospital-agreement"
copyright = "© Hospital A"

[territories]
processing = ["KR"]
exports = ["KR", "JP"]

[time]
validFrom = 2026-01-01
validUntil = 2027-12-31
embargoUntil = 2026-06-30T18:00:00+09:00

[limits]
epsilonMax = 8.5
maxRounds = 40

[personal]
class = "pseudonymised"
basis = "pseudonymised-research"
assessment = "Assessed by the review board on 3 March."

[[duties]]
kind = "attribute"
text = "Notes of Hospital A"

[[duties]]
kind = "report"
everyDays = 90

[dataset]
dataset = "ward-notes"
custodian = "hospital-a"
rightsHolder = "hospital-a"
modality = "text"
origin = "own"
classification = "amber"
languages = ["ko"]
title = "Ward notes 2020-2025"
)";

Result<Draft> Parse(const std::string& text) {
  SeededRandom random(7);
  return ParseToml(text, "terms.toml", random);
}

TEST(TermsFile, IsReadWithItsTextsOutside) {
  const auto draft = Parse(kFile);
  ASSERT_TRUE(draft.has_value()) << draft.error().message;
  EXPECT_EQ(draft->terms.use, UseClass::kResearchOnly);
  EXPECT_EQ(draft->terms.duo.size(), 2u);
  EXPECT_EQ(draft->terms.limits.epsilon_max_micro, 8'500'000u);
  EXPECT_EQ(FormatInstant(*draft->terms.time.valid_until), "2027-12-31T23:59:59Z");
  EXPECT_EQ(FormatInstant(*draft->terms.time.embargo_until), "2026-06-30T09:00:00Z");
  EXPECT_EQ(draft->passport.dataset, "ward-notes");
  ASSERT_EQ(draft->attachments.size(), 4u);
  const std::string canonical = ToCanonical(draft->terms) + ToCanonical(draft->passport);
  for (const Attachment& attachment : draft->attachments) {
    EXPECT_THAT(canonical, HasSubstr(attachment.commitment().Hex())) << attachment.field;
    EXPECT_THAT(canonical, Not(HasSubstr(attachment.text)));
  }
  EXPECT_EQ(*ParsePrivateJson(ToPrivateJson(draft->attachments)), draft->attachments);
}

TEST(TermsFile, TheSameTextIsCommittedToUnderAnotherSaltEachTime) {
  SeededRandom random(7);
  const auto once = ParseToml(kFile, "terms.toml", random);
  const auto twice = ParseToml(kFile, "terms.toml", random);
  EXPECT_NE(once->terms.licence.copyright, twice->terms.licence.copyright);
}

TEST(TermsFile, IsWrittenSoThatItReadsBackTheSame) {
  for (const Terms& terms : {testing::OpenTerms(), testing::FullTerms(), Terms()}) {
    Draft draft;
    draft.terms = terms;
    const auto again = Parse(ToToml(draft));
    ASSERT_TRUE(again.has_value()) << again.error().message << "\n" << ToToml(draft);
    EXPECT_EQ(again->terms, terms) << ToToml(draft);
  }
  const auto draft = Parse(kFile);
  const auto again = Parse(ToToml(*draft));
  ASSERT_TRUE(again.has_value()) << again.error().message << "\n" << ToToml(*draft);
  EXPECT_THAT(ToToml(*draft), HasSubstr("copyright = \"© Hospital A\""));
  EXPECT_EQ(again->attachments.size(), draft->attachments.size());
  EXPECT_EQ(again->passport.languages, draft->passport.languages);
}

struct Wrong {
  const char* from;
  const char* to;
  const char* message;
};

// What nobody wrote is counted by the record, and a file that was written from it says nothing.
TEST(TermsFile, KnowsWhetherItsDatasetSaysAVersion) {
  const auto silent = Parse(kFile);
  EXPECT_FALSE(silent->says_version);
  EXPECT_THAT(ToToml(*silent).substr(ToToml(*silent).find("[dataset]")), Not(HasSubstr("version")));
  const auto said = Parse(std::string(kFile) + "version = 3\n");
  ASSERT_TRUE(said.has_value()) << said.error().message;
  EXPECT_TRUE(said->says_version);
  EXPECT_EQ(Parse(ToToml(*said))->passport.version, 3u);
}

TEST(TermsFile, ErrorsNameTheLineTheFieldAndWhatIsAllowed) {
  const Wrong cases[] = {
      {"\"research-only\"", "\"reserch-only\"",
       "terms.toml:3: use: 'reserch-only' does not fit; allowed: unknown, open,"},
      {"[\"KR\"]\nexports", "[\"Korea\"]\nexports",
       "terms.toml:17: territories.processing: 'Korea' does not fit; allowed: countries by their"},
      {"validUntil", "validUntill",
       "terms.toml:22: time.validUntill: no such field; did you mean validUntil?"},
      {"maxRounds = 40", "maxRounds = -1", "terms.toml:27: limits.maxRounds: '-1' does not fit"},
      {"epsilonMax = 8.5", "epsilonMax = inf",
       "terms.toml:26: limits.epsilonMax: 'inf' does not fit; allowed: a number of at least 0 with "
       "at most six decimals"},
      {"epsilonMax = 8.5", "epsilonMax = -inf", "limits.epsilonMax: '-inf' does not fit"},
      {"epsilonMax = 8.5", "epsilonMax = nan", "limits.epsilonMax: 'nan' does not fit"},
      {"maxRounds = 40", "maxRounds = nan", "limits.maxRounds: 'nan' does not fit"},
      {"everyDays = 90", "everyDays = \"often\"",
       "terms.toml:40: duties[2].everyDays: 'often' does not fit; allowed: a whole number"},
      {"custodian = \"hospital-a\"", "custodian = \"Hospital A\"",
       "terms.toml:44: dataset.custodian: 'Hospital A' does not fit"},
      {"use =", "use", "terms.toml:3: not TOML"},
      {"2027-12-31", "2025-12-31", "terms.toml:22: time.validUntil: '2025-12-31T23:59:59Z'"},
      {"LicenseRef-hospital-agreement", "hospital agreement",
       "terms.toml:13: licence.data: 'hospital agreement' does not fit; allowed: an SPDX licence"},
      {"everyDays = 90", "# none", "terms.toml:34: duties[report].everyDays: nothing is said"},
      {"\"GRU\"", "\"FREE\"", "terms.toml:4: duo[1].code: 'FREE' does not fit"},
  };
  for (const Wrong& wrong : cases) {
    std::string text = kFile;
    text.replace(text.find(wrong.from), std::string_view(wrong.from).size(), wrong.to);
    const auto draft = Parse(text);
    ASSERT_FALSE(draft.has_value()) << wrong.to;
    EXPECT_EQ(draft.error().code, ErrorCode::kInvalid);
    EXPECT_THAT(draft.error().message, HasSubstr(wrong.message));
  }
  const auto two = Parse("use = 1\nversion = \"x\"\n");
  EXPECT_THAT(two.error().message, HasSubstr("terms.toml:1: use"));
  EXPECT_THAT(two.error().message, HasSubstr("\nterms.toml:2: version"));
  EXPECT_FALSE(Parse(std::string(kTermsFileBytesMax + 1, ' ')).has_value());
}

class Measuring : public ::testing::Test {
 protected:
  Measuring() {
    path_ = std::filesystem::temp_directory_path() / ("dure-terms-" + ToHex(MakeSalt(system_)));
    std::filesystem::create_directories(path_ / "b");
    Write("a.txt", "one\ntwo\n");
    Write("b/c.txt", "three");
  }
  ~Measuring() override { std::filesystem::remove_all(path_); }
  void Write(const std::string& name, const std::string& text) {
    std::ofstream(path_ / name, std::ios::binary) << text;
  }

  SystemRandom system_;
  std::filesystem::path path_;
};

TEST_F(Measuring, IsMeasuredAsTheHeaderSays) {
  const Salt salt = MakeSalt(system_);
  const auto measured = MeasureData(path_, salt);
  ASSERT_TRUE(measured.has_value()) << measured.error().message;
  EXPECT_EQ(measured->files, 2u);
  EXPECT_EQ(measured->bytes, 13u);
  EXPECT_EQ(measured->lines, 3u);
  using std::string_literals::operator""s;
  const std::string hashed =
      "\5\0\0\0a.txt\10\0\0\0\0\0\0\0one\ntwo\n"s
      "\7\0\0\0b/c.txt\5\0\0\0\0\0\0\0three"s;
  EXPECT_EQ(measured->digest, Commit(salt, hashed));
}

TEST_F(Measuring, HasAnotherDigestUnderAnotherSaltOrContent) {
  const Salt salt = MakeSalt(system_);
  const Digest first = MeasureData(path_, salt)->digest;
  EXPECT_EQ(MeasureData(path_, salt)->digest, first);
  EXPECT_NE(MeasureData(path_, MakeSalt(system_))->digest, first);
  Write("b/c.txt", "thrEe");
  EXPECT_NE(MeasureData(path_, salt)->digest, first);
  Write("b/c.txt", "three");
  std::filesystem::rename(path_ / "a.txt", path_ / "d.txt");
  EXPECT_NE(MeasureData(path_, salt)->digest, first);
}

TEST_F(Measuring, CoversWhatIsReadAndNothingElse) {
  const Digest alone = MeasureData(path_, Salt{})->digest;
  std::filesystem::create_symlink("/", path_ / "root");
  Write(".hidden.txt", "not read");
  Write("terms.toml", kFile);
  EXPECT_EQ(MeasureData(path_, Salt{})->digest, alone);
  EXPECT_EQ(MeasureData(path_, Salt{})->files, 2u);
}

TEST_F(Measuring, NothingIsAnErrorAndNoneThatMayPass) {
  EXPECT_EQ(MeasureData(path_ / "none", Salt{}).error().code, ErrorCode::kNotFound);
  std::filesystem::create_directory(path_ / "empty");
  EXPECT_EQ(MeasureData(path_ / "empty", Salt{}).error().code, ErrorCode::kInvalid);
  EXPECT_EQ(MeasureData("/dev/null", Salt{}).error().code, ErrorCode::kInvalid);
  std::filesystem::create_symlink(path_ / "a.txt", path_ / "empty" / "a.txt");
  EXPECT_THAT(MeasureData(path_ / "empty", Salt{}).error().message, HasSubstr("links only"));
}

TEST_F(Measuring, AndItsTermsFileMakeADescription) {
  const auto description = Describe(kFile, "terms.toml", path_, system_);
  ASSERT_TRUE(description.has_value()) << description.error().message;
  EXPECT_EQ(description->passport.data, MeasureData(path_, description->data_salt)->digest);
  const std::string canonical = ToCanonical(description->passport);
  EXPECT_EQ(*ParseCanonicalPassport(canonical), description->passport);
  EXPECT_THAT(canonical, Not(HasSubstr(ToHex(description->data_salt))));
  const auto without = Describe("use = \"open\"\n", "t.toml", path_, system_);
  EXPECT_THAT(without.error().message, HasSubstr("t.toml: the table [dataset] is missing"));
}

}  // namespace
}  // namespace dure::terms
