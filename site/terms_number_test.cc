// The numbers of a terms file beside those of the record.
#include "site/terms_number.h"

#include <gmock/gmock.h>

#include "policy/terms/testing.h"

namespace dure::site {
namespace {

using ::testing::HasSubstr;

terms::Description Described(uint64_t number) {
  terms::Description description;
  description.terms = terms::testing::OpenTerms();
  description.terms.version = number;
  description.passport.dataset = "reviews";
  return description;
}
standing::DatasetEntry Recorded(const terms::Terms& terms) {
  standing::DatasetEntry entry;
  entry.terms = terms;
  entry.terms_text = terms::ToCanonical(terms);
  return entry;
}

TEST(TermsNumber, BeginsWithOne) {
  EXPECT_FALSE(FindWrongNumber(Described(1), nullptr, 1));
  const auto wrong = FindWrongNumber(Described(5), nullptr, 1);
  ASSERT_TRUE(wrong);
  EXPECT_EQ(Text(*wrong, "reviews.toml", false),
            "reviews.toml: version = 5 does not fit: the record has no terms of reviews yet; write "
            "version = 1");
  EXPECT_THAT(Text(*wrong, "reviews.toml", true),
              HasSubstr("reviews.toml: version = 5은(는) 맞지 않습니다"));
}

TEST(TermsNumber, OfOtherTermsIsTheNextOne) {
  terms::Terms before = Described(2).terms;
  before.limits.max_rounds = 9;
  const standing::DatasetEntry recorded = Recorded(before);
  EXPECT_FALSE(FindWrongNumber(Described(3), &recorded, 4));
  for (const uint64_t number : {1, 2, 4}) {
    const auto wrong = FindWrongNumber(Described(number), &recorded, 4);
    ASSERT_TRUE(wrong) << number;
    EXPECT_EQ(*wrong, (WrongNumber{false, "reviews", number, 3}));
    EXPECT_THAT(Text(*wrong, "t.toml", false),
                HasSubstr("the record has version 2 of the terms of reviews, and these are others; "
                          "write version = 3"));
    EXPECT_THAT(Text(*wrong, "t.toml", true), HasSubstr("version = 3(으)로 고치십시오"));
  }
}

// Other data under the same terms.
TEST(TermsNumber, OfTheSameTermsStays) {
  const standing::DatasetEntry recorded = Recorded(Described(2).terms);
  EXPECT_FALSE(FindWrongNumber(Described(2), &recorded, 7));
}

TEST(TermsNumber, OfTheDatasetIsTheOneThatIsRegisteredOrNotSaid) {
  terms::Description description = Described(1);
  description.passport.version = 3;
  EXPECT_FALSE(FindWrongNumber(description, nullptr, 1)) << "nothing is said, and this is left";
  description.says_version = true;
  const auto wrong = FindWrongNumber(description, nullptr, 1);
  ASSERT_TRUE(wrong);
  EXPECT_EQ(*wrong, (WrongNumber{true, "reviews", 3, 1}));
  EXPECT_THAT(Text(*wrong, "t.toml", false), HasSubstr("write version = 1, or leave it out"));
  EXPECT_THAT(Text(*wrong, "t.toml", true), HasSubstr("[dataset]의 version = 3"));
  const standing::DatasetEntry recorded = Recorded(description.terms);
  EXPECT_FALSE(FindWrongNumber(description, &recorded, 3));
}

TEST(TermsNumber, IsTakenByTermsThatNoFileHolds) {
  terms::Terms terms = Described(1).terms;
  TakeNumber(terms, nullptr);
  EXPECT_EQ(terms.version, 1u);
  const standing::DatasetEntry recorded = Recorded(Described(4).terms);
  TakeNumber(terms, &recorded);
  EXPECT_EQ(terms.version, 4u) << "they are the same";
  terms.limits.max_rounds = 9;
  TakeNumber(terms, &recorded);
  EXPECT_EQ(terms.version, 5u);
}

}  // namespace
}  // namespace dure::site
