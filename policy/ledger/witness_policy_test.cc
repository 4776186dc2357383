// The consortium's quorum as a C2SP tlog-policy.
#include "policy/ledger/witness_policy.h"

#include <gmock/gmock.h>

#include "federation/random.h"
#include "policy/ledger/testing.h"

namespace dure::ledger {
namespace {

using testing::SignerOf;

NoteKey LogKey() { return *NoteKey::Make("test/ledger", SignerOf(1)->Key()); }
// A key needs no private half here.
CosignerKey KeyOf(uint8_t number) {
  PublicKey key{};
  key[0] = number;
  return *CosignerKey::Make("s" + std::to_string(number) + "/auditor", key);
}

TEST(WitnessPolicy, WritesTheHousesAsGroups) {
  const auto policy = PolicyOfHouses(LogKey(),
                                     {{House::kPrivate, KeyOf(1)},
                                      {House::kPublic, KeyOf(2)},
                                      {House::kPrivate, KeyOf(3)},
                                      {House::kPrivate, KeyOf(4)}},
                                     50);
  ASSERT_TRUE(policy.has_value());
  EXPECT_EQ(policy->Text(), "log " + LogKey().Vkey() + "\n" +                         //
                                "witness s2/auditor " + KeyOf(2).Vkey() + "\n" +      //
                                "witness s1/auditor " + KeyOf(1).Vkey() + "\n" +      //
                                "witness s3/auditor " + KeyOf(3).Vkey() + "\n" +      //
                                "witness s4/auditor " + KeyOf(4).Vkey() + "\n" +      //
                                "group public all s2/auditor\n"                       //
                                "group private 2 s1/auditor s3/auditor s4/auditor\n"  //
                                "group agreed all public private\n"                   //
                                "quorum agreed\n");
  EXPECT_EQ(*WitnessPolicy::Parse(policy->Text()), *policy);
}

TEST(WitnessPolicy, MoreThanAShareIsNeverMoreThanAll) {
  EXPECT_EQ(MoreThan(50, 0), 0u);
  EXPECT_EQ(MoreThan(0, 5), 1u);
  EXPECT_EQ(MoreThan(50, 1), 1u);
  EXPECT_EQ(MoreThan(50, 2), 2u);
  EXPECT_EQ(MoreThan(50, 3), 2u);
  EXPECT_EQ(MoreThan(66, 3), 2u);
  EXPECT_EQ(MoreThan(67, 3), 3u);
  EXPECT_EQ(MoreThan(99, 3), 3u);
  EXPECT_EQ(MoreThan(100, 3), 3u);
  EXPECT_EQ(MoreThan(~uint64_t{0}, 3), 3u);
}

TEST(WitnessPolicy, ItsTextDecidesAsTheHousesDoOverRandomConsortia) {
  SeededRandom random(3);
  size_t agreed = 0;
  for (int world = 0; world < 500; ++world) {
    std::vector<HouseCosigner> cosigners;
    std::vector<CosignerKey> signed_by;
    for (uint8_t i = 0; i < random.Below(12); ++i) {
      cosigners.push_back({static_cast<House>(random.Below(kHouses)), KeyOf(i)});
      if (random.Below(4) != 0) signed_by.push_back(KeyOf(i));
    }
    signed_by.push_back(KeyOf(200));  // a stranger
    const uint64_t percent = random.Below(100);
    const bool by_houses = AllAgree(CountByHouse(cosigners, percent, signed_by));
    const auto policy = PolicyOfHouses(LogKey(), cosigners, percent);
    ASSERT_EQ(policy.has_value(), !cosigners.empty());
    if (!policy) {
      EXPECT_FALSE(by_houses) << "a head that nobody co-signs is not agreed";
      continue;
    }
    const auto read = WitnessPolicy::Parse(policy->Text());
    ASSERT_TRUE(read.has_value()) << read.error().message;
    EXPECT_EQ(read->IsMetBy(signed_by), by_houses) << policy->Text();
    agreed += by_houses ? 1 : 0;
  }
  EXPECT_GT(agreed, 50u);
  EXPECT_LT(agreed, 450u);
}

TEST(WitnessPolicy, ReadsCommentsSpacesAndURLs) {
  const std::string text = "# ours\n\n \tlog  " + LogKey().Vkey() + "\thttps://log.example \n" +
                           "  # more\nwitness a " + KeyOf(1).Vkey() + " https://a.example\n" +
                           "witness b " + KeyOf(2).Vkey() + "\ngroup g any a b\nquorum g\n";
  const auto policy = WitnessPolicy::Parse(text);
  ASSERT_TRUE(policy.has_value()) << policy.error().message;
  EXPECT_EQ(policy->logs[0].url, "https://log.example");
  EXPECT_EQ(policy->witnesses[0].url, "https://a.example");
  EXPECT_TRUE(policy->IsMetBy({KeyOf(2)}));
  EXPECT_FALSE(policy->IsMetBy({KeyOf(3)}));
  EXPECT_TRUE(WitnessPolicy::Parse("quorum none\n")->IsMetBy({}));
}

TEST(WitnessPolicy, RefusesWhatTwoReadersCouldTakeDifferently) {
  const std::string a = "witness a " + KeyOf(1).Vkey() + "\n";
  const std::string b = "witness b " + KeyOf(2).Vkey() + "\n";
  ASSERT_TRUE(WitnessPolicy::Parse(a + b + "group g 2 a b\nquorum g\n").has_value());
  for (const std::string& bad :
       {std::string(),
        a,
        std::string("quorum none"),
        std::string("quorum none\nquorum none\n"),
        std::string("quorum a\n"),
        a + a + "quorum a\n",
        a + "witness b " + KeyOf(1).Vkey() + "\nquorum a\n",
        "quorum a\n" + a,
        a + b + "group g 3 a b\nquorum g\n",
        a + b + "group g 0 a b\nquorum g\n",
        a + b + "group g +1 a b\nquorum g\n",
        a + b + "group g 1x a b\nquorum g\n",
        a + b + "group g any\nquorum g\n",
        a + b + "group g any a a\nquorum g\n",
        a + b + "group g any g a\nquorum g\n",
        a + b + "group none any a\nquorum none\n",
        a + b + "group g any a\ngroup h any a\nquorum h\n",
        a + b + "group a any b\nquorum a\n",
        a + "group g any none a\nquorum g\n",
        "log " + KeyOf(1).Vkey() + "\nquorum none\n",
        "witness a " + LogKey().Vkey() + "\nquorum a\n",
        "log " + LogKey().Vkey() + "\nlog " + LogKey().Vkey() + "\nquorum none\n",
        std::string("something else\nquorum none\n"),
        std::string("quorum none\r\n"),
        std::string("# \x01\nquorum none\n"),
        std::string("quorum none extra\n")}) {
    EXPECT_FALSE(WitnessPolicy::Parse(bad).has_value()) << bad;
  }
  std::string long_one;
  for (size_t i = 0; i <= kWitnessPolicyLinesMax; ++i) long_one += "#\n";
  EXPECT_FALSE(WitnessPolicy::Parse(long_one + "quorum none\n").has_value());
}

}  // namespace
}  // namespace dure::ledger
