#include "aggregator/accusations.h"

#include <gtest/gtest.h>

namespace dure::aggregator {
namespace {

using masking::Culprit;
using masking::Refusal;

// Sites 0 and 1 are of one member, 2 and 3 of another, 4 and 5 of members of their own.
masking::Context SixSitesOfFourMembers() {
  masking::Context context;
  for (const char* member : {"kt", "kt", "snu", "snu", "etri", "naver"}) {
    masking::Seat seat;
    seat.member = *MemberId::Parse(member);
    seat.site = *SiteId::Parse("site-" + std::to_string(context.seats.size()));
    context.seats.push_back(seat);
  }
  return context;
}

class AccusationsTest : public testing::Test {
 protected:
  bool Accuses(uint32_t site, uint32_t accused) {
    return heard_.Hear(context_, {site, {Refusal::kShares, "its shares do not open", accused}});
  }
  const masking::Context context_ = SixSitesOfFourMembers();
  Accusations heard_;
};

TEST_F(AccusationsTest, SitesOfOneMemberAreOneAccuser) {
  EXPECT_FALSE(Accuses(0, 4));
  EXPECT_FALSE(Accuses(0, 4)) << "said again";
  EXPECT_FALSE(Accuses(1, 4));
  EXPECT_TRUE(Accuses(5, 4));
  EXPECT_TRUE(Accuses(1, 4)) << "and stays so";
}

TEST_F(AccusationsTest, TheAccusedsOwnMemberIsNoneOfTwo) {
  EXPECT_FALSE(Accuses(3, 2));
  EXPECT_FALSE(Accuses(4, 2));
  EXPECT_TRUE(Accuses(5, 2));
}

TEST_F(AccusationsTest, OfOneSiteSayNothingOfAnother) {
  EXPECT_FALSE(Accuses(0, 4));
  EXPECT_FALSE(Accuses(2, 5));
}

TEST_F(AccusationsTest, WhatTheAggregatorSawIsEnough) {
  EXPECT_TRUE(Accuses(4, 4));
  EXPECT_TRUE(Accuses(0, 4));
}

}  // namespace
}  // namespace dure::aggregator
