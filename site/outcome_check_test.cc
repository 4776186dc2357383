// What a site holds an outcome against: the round-closed entry of its own copy of the record.
#include <gmock/gmock.h>

#include "site/run_desk_work.h"

namespace dure::site {
namespace {

struct Said {
  round::Outcome outcome;
  ledger::RoundClosed closed;
};

Said SaidTwice() {
  Said said;
  const SiteId site = *SiteId::Parse("north");
  said.outcome.at = {*RunId::Parse("run"), {3}, 1};
  said.outcome.aggregate = Sha256(AsBytes("aggregate"));
  said.outcome.next.model = Sha256(AsBytes("model"));
  said.outcome.counted = {{site, round::kWeightMax, 17}};
  said.outcome.weight_sum = round::kWeightMax;
  said.closed.at = {*RunId::Parse("run"), {3}, 1};
  said.closed.aggregate = said.outcome.aggregate;
  said.closed.model = said.outcome.next.model;
  said.closed.submissions = {{17, site, round::kWeightMax}};
  return said;
}

TEST(SaysTheSame, HoldsOnlyIfEveryNameAndNumberIsThatOfTheRecord) {
  const round::MergeRule mean;
  EXPECT_TRUE(SaysTheSame(SaidTwice().outcome, mean, SaidTwice().closed));
  Said other = SaidTwice();
  other.outcome.next.model = Sha256(AsBytes("another"));
  EXPECT_FALSE(SaysTheSame(other.outcome, mean, other.closed));
  other = SaidTwice();
  other.outcome.weight_sum -= 1;
  EXPECT_FALSE(SaysTheSame(other.outcome, mean, other.closed));
}

TEST(SaysTheSame, RefusesAClosingUnderAnotherRuleThanTheManifests) {
  const auto median = *round::MergeRule::Parse("median");
  Said said = SaidTwice();
  EXPECT_FALSE(SaysTheSame(said.outcome, median, said.closed)) << "merged as a mean";
  said.closed.merge = "median";
  EXPECT_TRUE(SaysTheSame(said.outcome, median, said.closed));
  EXPECT_FALSE(SaysTheSame(said.outcome, *round::MergeRule::Parse("krum=1"), said.closed));
  EXPECT_FALSE(SaysTheSame(said.outcome, {}, said.closed));
}

TEST(HasQuorum, HoldsFromTheManifestsQuorumOn) {
  round::RunManifest manifest;
  const ledger::RoundClosed closed = SaidTwice().closed;
  for (const uint32_t quorum : {1U, 2U, 3U}) {
    manifest.quorum = quorum;
    EXPECT_EQ(HasQuorum(closed, manifest), quorum <= closed.submissions.size()) << quorum;
  }
}

}  // namespace
}  // namespace dure::site
