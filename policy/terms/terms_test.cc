#include "policy/terms/terms.h"

#include <gmock/gmock.h>

#include "policy/terms/decimal.h"
#include "policy/terms/testing.h"

namespace dure::terms {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

std::string ProblemsOf(const Terms& terms) {
  std::string all;
  for (const Problem& problem : Check(terms)) all += Sentence(problem) + "\n";
  return all;
}

TEST(Terms, GoThroughTheirCanonicalFormUnchanged) {
  for (const Terms& terms : {testing::OpenTerms(), testing::AttributedTerms("MIT"),
                             testing::ResearchTerms(), testing::FullTerms()}) {
    EXPECT_THAT(ProblemsOf(terms), IsEmpty());
    const std::string text = ToCanonical(terms);
    const auto again = ParseCanonical(text);
    ASSERT_TRUE(again.has_value()) << again.error().message << "\n" << text;
    EXPECT_EQ(*again, terms);
    EXPECT_EQ(DigestOf(*again), DigestOf(terms));
  }
}

// The bytes that institutions sign may never change under them.
TEST(Terms, HaveTheCanonicalBytesTheyAlwaysHad) {
  EXPECT_EQ(
      ToCanonical(testing::ResearchTerms()),
      R"({"format":"dure-terms/1","version":1,"use":"research-only",)"
      R"("purposes":["statistics","scientific-research"],)"
      R"("actions":{"train":"allow","finetune":"deny","evaluate":"allow","distil":"deny",)"
      R"("synthesise":"deny","export-weights":"deny","serve":"ask","publish-metrics":"deny",)"
      R"("combine":"deny"},"licence":{"data":"LicenseRef-hospital-agreement"},)"
      R"("territories":{"processing":["KR"],"storage":["KR"],"exports":["JP","KR"]},)"
      R"("time":{"validFrom":"2026-01-01T00:00:00Z","validUntil":"2027-12-31T23:59:59Z"},)"
      R"("limits":{"maxRounds":40,"epsilonMax":"8.5","minParticipants":3},)"
      R"("personal":{"class":"pseudonymised","special":"yes","basis":"pseudonymised-research"},)"
      R"("consent":["export","purpose-change"],"duties":[{"kind":"report","everyDays":90}],)"
      R"("tdm":{"reserved":"yes","evidence":"contract"},)"
      R"("withdrawal":{"noticeDays":30,"scopes":["future-rounds","restart"]}})");
  EXPECT_EQ(ToCanonical(Terms()), R"({"format":"dure-terms/1","version":1})");
}

TEST(Terms, AreRefusedInAnyOtherSpelling) {
  const std::string text = ToCanonical(testing::FullTerms());
  const std::vector<std::string> others = {
      "",
      "[]",
      "null",
      text + " ",
      " " + text,
      text + text,
      text.substr(1),
      R"({"version":1,"format":"dure-terms/1"})",
      R"({"format":"dure-terms/1","version":1,"version":1})",
      R"({"format":"dure-terms/1","version":1.0})",
      R"({"format":"dure-terms/1","version":1,"limits":{}})",
      R"({"format":"dure-terms/1","version":1,"limits":{"epsilonMax":"8.50"}})",
      R"({"format":"dure-terms/1","version":1,"limits":{"epsilonMax":8.5}})",
      R"({"format":"dure-terms/1","version":1,"purposes":["statistics","statistics"]})",
      R"({"format":"dure-terms/1","version":1,"purposes":["scientific-research","statistics"]})",
      R"({"format":"dure-terms/1","version":1,"use":"unknown"})",
      R"({"format":"dure-terms/1","version":1,"time":{"validUntil":"2027-12-31"}})",
      R"({"format":"dure-terms/1","version":1,"licence":{"data":"mit"}})",
      R"({"format":"dure-terms/2","version":1})",
      R"({"format":"dure-terms/1","version":1,"extra":1})",
      std::string(kTermsBytesMax + 1, ' ')};
  for (const std::string& other : others) {
    const auto parsed = ParseCanonical(other);
    EXPECT_FALSE(parsed.has_value()) << other;
    if (!parsed) {
      EXPECT_EQ(parsed.error().code, ErrorCode::kInvalid);
    }
  }
}

TEST(Terms, NameTheFieldTheValueAndWhatIsAllowed) {
  EXPECT_THAT(
      ParseCanonical(R"({"format":"dure-terms/1","version":1,"use":"comercial"})").error().message,
      HasSubstr("use: 'comercial' does not fit; allowed: unknown, open, commercial-allowed"));
  EXPECT_THAT(
      ParseCanonical(R"({"format":"dure-terms/1","version":1,"territory":{}})").error().message,
      HasSubstr("territory: no such field; did you mean territories?"));
}

struct Contradiction {
  const char* what;
  void (*make)(Terms&);
  const char* message;
};

TEST(Terms, ContradictionsAreFoundAndExplained) {
  const Contradiction cases[] = {
      {"licence", [](Terms& t) { t.licence.data = "CC-BY-NC-4.0"; },
       "use: 'open' does not fit; allowed: non-commercial or narrower, because CC-BY-NC-4.0"},
      {"purposes",
       [](Terms& t) {
         t.use = UseClass::kNonCommercial;
         t.licence.data = "CC-BY-NC-4.0";
       },
       "purposes: 'commercial-service' does not fit; allowed: no commercial purpose, because"},
      {"no-derivatives", [](Terms& t) { t.licence.data = "CC-BY-ND-4.0"; },
       "actions.export-weights: 'allow' does not fit; allowed: ask or deny, because CC-BY-ND-4.0"},
      {"duo against use", [](Terms& t) { t.duo.insert({.number = 46}); },
       "use: 'open' does not fit; allowed: non-commercial, not-for-profit-org or research-only"},
      {"two permissions",
       [](Terms& t) {
         t.duo.insert({.number = 4});
         t.duo.insert({.number = 42});
       },
       "duo: '2 permissions' does not fit; allowed: one of NRES, GRU, HMB, DS and POA"},
      {"duo values", [](Terms& t) { t.duo.insert({.number = 7, .values = {"cancer"}}); },
       "duo: 'DUO:0000007' does not fit; allowed: DUO:0000007 (DS) with diseases"},
      {"places",
       [](Terms& t) {
         t.territories.processing = {.countries = {"KR"}};
         t.territories.processing_excluded = {"KR"};
       },
       "territories.processing: 'KR' does not fit; allowed: no country that processingExcluded"},
      {"country", [](Terms& t) { t.territories.storage_forbidden = {"XX"}; },
       "territories.storageForbidden: 'XX' does not fit"},
      {"times",
       [](Terms& t) {
         t.time.valid_from = Instant{2000};
         t.time.valid_until = Instant{1000};
       },
       "time.validUntil: '1970-01-01T00:16:40Z' does not fit; allowed: not before validFrom"},
      {"limits", [](Terms& t) { t.limits.max_rounds = 0; },
       "limits.maxRounds: '0' does not fit; allowed: a number from 1"},
      {"basis", [](Terms& t) { t.personal.data_class = PersonalClass::kPseudonymised; },
       "personal.basis: 'not-needed' does not fit; allowed: the legal ground"},
      {"attribution", [](Terms& t) { t.duties.insert(Duty()); },
       "duties[attribute].text: nothing is said; allowed: the line to be shown"},
      {"tdm", [](Terms& t) { t.tdm.reserved = Tristate::kYes; },
       "tdm.evidence: 'none' does not fit"},
      {"withdrawal",
       [](Terms& t) {
         t.withdrawal.allowed = false;
         t.withdrawal.scopes = {WithdrawalScope::kRetrain};
       },
       "withdrawal.scopes: nothing is said; allowed: nothing, because withdrawal.allowed is false"},
      {"spelling", [](Terms& t) { t.licence.data = "mit"; },
       "licence.data: 'mit' does not fit; allowed: written as MIT"},
  };
  for (const Contradiction& one : cases) {
    Terms terms = testing::OpenTerms();
    one.make(terms);
    EXPECT_THAT(ProblemsOf(terms), HasSubstr(one.message)) << one.what;
  }
}

TEST(Terms, FitInTheirBoundWhateverTheySay) {
  Terms terms = testing::FullTerms();
  const auto every_country = [] {
    std::set<std::string> all;
    for (char a = 'A'; a <= 'Z'; ++a) {
      for (char b = 'A'; b <= 'Z'; ++b) {
        if (IsCountry(std::string{a, b})) all.insert({a, b});
      }
    }
    return all;
  }();
  EXPECT_EQ(every_country.size(), 249u);
  terms.territories = Territories();
  terms.territories.processing.countries = every_country;
  terms.territories.storage.countries = every_country;
  terms.territories.exports.countries = every_country;
  terms.duo.clear();
  DuoCode projects{.number = 27};
  for (size_t i = 0; i < kDuoValuesMax; ++i)
    projects.values.push_back(std::string(62, 'p') + std::to_string(10 + i));
  terms.duo.insert(projects);
  for (uint64_t i = 1; terms.duties.size() < kDutiesMax; ++i) {
    terms.duties.insert({.text = Sha256(AsBytes(std::to_string(i)))});
  }
  EXPECT_THAT(ProblemsOf(terms), IsEmpty());
  const std::string text = ToCanonical(terms);
  EXPECT_LT(text.size(), kTermsBytesMax);
  EXPECT_EQ(*ParseCanonical(text), terms);
}

TEST(Instant, ADayMeansItsFirstOrItsLastSecond) {
  EXPECT_EQ(FormatInstant(*ParseInstant("2027-12-31", DayPart::kFirstSecond)),
            "2027-12-31T00:00:00Z");
  EXPECT_EQ(FormatInstant(*ParseInstant("2027-12-31", DayPart::kLastSecond)),
            "2027-12-31T23:59:59Z");
  EXPECT_EQ(FormatInstant(*ParseInstant("2028-02-29T08:30:00+09:00", DayPart::kLastSecond)),
            "2028-02-28T23:30:00Z");
  for (const char* bad : {"", "2027-2-1", "2027-02-29", "2027-13-01", "2027-12-31T", "2027-12-31 ",
                          "2027-12-31T24:00:00Z", "2027-12-31T09:00:60Z", "2027-12-31T09:00:00",
                          "1970-01-01T00:00:00+01:00", "2027-12-31T09:00:00Zx"}) {
    EXPECT_FALSE(ParseInstant(bad, DayPart::kFirstSecond)) << bad;
  }
}

TEST(Decimal, IsExactInMillionths) {
  EXPECT_EQ(ParseMillionths("8.5"), 8'500'000u);
  EXPECT_EQ(ParseMillionths("0"), 0u);
  EXPECT_EQ(MillionthsOf(0.1), 100'000u);
  EXPECT_EQ(FormatMillionths(100'000), "0.1");
  EXPECT_EQ(FormatMillionths(8'000'000), "8");
  for (const char* bad : {"", ".5", "5.", "1.0000001", "-1", "1e3", "1.2.3", "99999999999999999"})
    EXPECT_FALSE(ParseMillionths(bad)) << bad;
  EXPECT_FALSE(MillionthsOf(0.00000049));
  EXPECT_FALSE(MillionthsOf(-1));
  EXPECT_FALSE(MillionthsOf(std::numeric_limits<double>::quiet_NaN()));
}

}  // namespace
}  // namespace dure::terms
