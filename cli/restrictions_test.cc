#include "cli/restrictions.h"

#include <gmock/gmock.h>

#include "policy/standing/testing.h"

namespace dure::cli {
namespace {

using standing::testing::DigestOf;
using standing::testing::TimeAt;
using standing::testing::World;
using ::testing::AllOf;
using ::testing::Each;
using ::testing::HasSubstr;
using ::testing::Not;

std::vector<std::string> At(const standing::State& state, std::string_view time,
                            const std::string& country,
                            terms::Language language = terms::Language::kEnglish) {
  const auto now = rules::Instant::At(TimeAt(time));
  return RestrictionsOf(state, DigestOf("first/0"), country, {now.seconds}, language);
}

TEST(Restrictions, AreThoseOfTheMomentAndTheCountry) {
  terms::Terms terms = terms::testing::OpenTerms();
  terms.time.valid_from = terms::ParseInstant("2026-01-01", terms::DayPart::kFirstSecond);
  terms.time.embargo_until = terms::ParseInstant("2027-06-30", terms::DayPart::kLastSecond);
  terms.territories.exports = {.countries = {"KR"}};
  World world;
  world.Found();
  world.Lend("reviews", "kt", terms);
  world.Propose("first", "scientific-research");
  world.Approve("first");
  world.PlayRound("first", 0, {{"kt", "reviews"}});
  const standing::Standing now = world.Now();
  const auto held_back = At(now.state(), "2026-10-01T00:00:00Z", "KR");
  EXPECT_THAT(held_back, Each(HasSubstr("the time is 2026-10-01T00:00:00Z")));
  EXPECT_THAT(held_back, Each(Not(HasSubstr("when its terms begin"))));
  EXPECT_THAT(At(now.state(), "2027-07-01T00:00:00Z", "KR"),
              Each(HasSubstr("allowed by every owner")));
  EXPECT_THAT(At(now.state(), "2027-07-01T00:00:00Z", "JP"),
              Each(AllOf(HasSubstr("in JP: "), HasSubstr("the country is JP"))));
  EXPECT_THAT(At(now.state(), "2027-07-01T00:00:00Z", ""), Each(HasSubstr("country is not known")));
  EXPECT_THAT(At(now.state(), "2027-07-01T00:00:00Z", "KR", terms::Language::kKorean),
              Each(HasSubstr("모든 권리자가 허용")));
}

}  // namespace
}  // namespace dure::cli
