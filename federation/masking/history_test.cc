#include "federation/masking/history.h"

#include <gtest/gtest.h>

#include <numeric>

#include "federation/masking/isolation.h"
#include "federation/masking/run_terms.h"
#include "federation/random.h"

namespace dure::masking {
namespace {

SiteId SiteAt(size_t i) { return SiteId::Parse("s" + std::to_string(100 + i)).value(); }
MemberId MemberAt(size_t i) { return MemberId::Parse("m" + std::to_string(100 + i)).value(); }

std::vector<Seat> SeatsOf(size_t count, size_t per_batch) {
  std::vector<Seat> seats(count);
  for (size_t i = 0; i < count; ++i) {
    seats[i] = {SiteAt(i), MemberAt(i), {}, static_cast<uint32_t>(i / per_batch)};
  }
  return seats;
}

std::map<SiteId, MemberId> MembersOf(size_t count) {
  std::map<SiteId, MemberId> members;
  for (size_t i = 0; i < count; ++i) members[SiteAt(i)] = MemberAt(i);
  return members;
}

ReleasedSum SumOf(std::initializer_list<size_t> sites, uint32_t segment = 0) {
  ReleasedSum sum{segment, {}};
  for (const size_t i : sites) sum.sites.push_back(SiteAt(i));
  return sum;
}

Digest DigestOf(uint8_t byte) { return Sha256(Bytes{byte}); }

// A cohort of the first so many sites, without some.
Quorum QuorumAt(size_t count, const std::set<size_t>& without = {}) {
  Quorum quorum;
  for (size_t i = 0; i < count; ++i) {
    if (!without.contains(i)) quorum.cohort.push_back(SiteAt(i));
  }
  quorum.threshold = ThresholdFor(static_cast<uint32_t>(quorum.cohort.size()));
  quorum.corrupt_max = CorruptMax(static_cast<uint32_t>(quorum.cohort.size()), quorum.threshold);
  return quorum;
}

TEST(Differences, RefuseASingleSiteThatDropsOut) {
  History history;
  DifferenceRule rules;
  ASSERT_FALSE(history.Sign({0}, 0, DigestOf(1), {SumOf({0, 1, 2, 3, 4, 5})}));
  const auto objection = history.CheckDifferences(rules, {1}, SumOf({0, 1, 2, 3, 4}), MembersOf(6));
  ASSERT_TRUE(objection.has_value());
  EXPECT_EQ(objection->rule, Refusal::kMembership);
  EXPECT_NE(objection->why.find("m105"), std::string::npos) << "it names who would be isolated";
  EXPECT_FALSE(history.CheckDifferences(rules, {1}, SumOf({0, 1, 2, 3}), MembersOf(6)))
      << "a whole batch may leave";
  EXPECT_FALSE(history.CheckDifferences(rules, {1}, SumOf({0, 1, 2, 3, 4, 5}), MembersOf(6)));
  rules.batch_members = 3;
  EXPECT_TRUE(history.CheckDifferences(rules, {1}, SumOf({0, 1, 2, 3}), MembersOf(6)))
      << "two are fewer than a batch of three";
  rules.forbid = false;
  EXPECT_FALSE(history.CheckDifferences(rules, {1}, SumOf({0, 1, 2, 3, 4}), MembersOf(6)));
}

std::vector<Seat> SeatsAt(const std::vector<int>& sites) {
  std::vector<Seat> seats;
  for (const int i : sites) {
    seats.push_back({SiteAt(i), MemberId::Parse("m" + SiteAt(i).str()).value(), {}, 0});
  }
  return seats;
}

TEST(Differences, ACohortIsChosenThatShowsNobody) {
  DifferenceRule rules;
  rules.batch_members = 1;
  History history;
  const auto chosen = [&](const std::vector<int>& sites) {
    return ChooseCohort(history, rules, {5}, SeatsAt(sites));
  };
  EXPECT_EQ(chosen({0, 1, 2, 3}), SumOf({0, 1, 2, 3}).sites) << "nothing was released yet";
  history.Learn(SumOf({0, 1, 2}));
  EXPECT_EQ(chosen({0, 1, 2, 3}), SumOf({0, 1, 2}).sites) << "one newcomer would be shown";
  EXPECT_EQ(chosen({0, 1, 2, 3, 4}), SumOf({0, 1, 2, 3, 4}).sites) << "two hide one another";
  EXPECT_EQ(chosen({0, 1}), SumOf({0, 1}).sites) << "refused by the rule: 2 must be waited for";
  history.Learn(SumOf({0, 1, 2, 3, 4}));
  EXPECT_EQ(chosen({0, 1, 2, 3}), SumOf({0, 1, 2}).sites) << "a former sum's sites are all there";
  rules.forbid = false;
  EXPECT_EQ(chosen({0, 1, 2, 3}), SumOf({0, 1, 2, 3}).sites);
}

TEST(Differences, SumsOfOtherRunsCountButForWhatTheyShowByThemselves) {
  DifferenceRule rules;
  rules.batch_members = 1;
  History history;
  const auto refused = [&](const ReleasedSum& sum, const std::set<ReleasedSum>& beside) {
    const auto objection = history.CheckDifferences(rules, {0}, sum, MembersOf(6), {}, beside);
    return objection ? objection->why : "";
  };
  const ReleasedSum five = SumOf({0, 1, 2, 3, 4});
  const ReleasedSum four = SumOf({0, 1, 2, 3});
  EXPECT_NE(refused(four, {five}).find("m104"), std::string::npos);
  EXPECT_EQ(refused(five, {five}), "");
  EXPECT_EQ(refused(SumOf({0, 1, 2}), {five}), "") << "two hide one another";
  EXPECT_EQ(refused(four, {SumOf({0, 1, 2, 3, 4}, 1)}), "") << "other coordinates";
  // These two have shown site 4 already: who is in a sum beside them is not shown by it.
  EXPECT_EQ(refused(four, {five, four}), "");
  EXPECT_EQ(refused(five, {five, four}), "");
  EXPECT_NE(refused(SumOf({0, 1, 2}), {five, four}).find("m103"), std::string::npos);
  EXPECT_EQ(ChooseCohort(history, rules, {0}, SeatsAt({0, 1, 2, 3, 4}), {four}), four.sites);
  rules.batch_members = 3;
  EXPECT_EQ(refused(five, {five, SumOf({0, 1, 2})}), "") << "3 and 4 were shown together";
  EXPECT_NE(refused(four, {five, SumOf({0, 1, 2})}), "") << "3 alone was not";
}

// Whoever helps the aggregator knows its own part and takes it out of a sum.
TEST(Differences, HideAMemberFromThoseThatHelpTheAggregator) {
  DifferenceRule rule{true, 1, 1};
  History history;
  const auto refused = [&](const ReleasedSum& sum, std::map<SiteId, MemberId> members) {
    const auto objection = history.CheckDifferences(rule, {0}, sum, members);
    return objection ? objection->why : "";
  };
  history.Learn(SumOf({0, 1, 2}));
  const std::string pair = refused(SumOf({0, 1, 2, 3, 4}), MembersOf(6));
  EXPECT_NE(pair.find("show the part of m103 if the aggregator is helped by s104"),
            std::string::npos)
      << pair;
  EXPECT_NE(pair.find("at least 3 sites at once"), std::string::npos) << pair;
  EXPECT_NE(refused(SumOf({0, 1, 3}), MembersOf(6)), "") << "3's part less 2's, which 2 knows";
  EXPECT_EQ(refused(SumOf({0, 1, 2, 3, 4, 5}), MembersOf(6)), "");
  EXPECT_EQ(ChooseCohort(history, rule, {5}, SeatsAt({0, 1, 2, 3, 4})), SumOf({0, 1, 2}).sites);
  EXPECT_EQ(ChooseCohort(history, rule, {5}, SeatsAt({0, 1, 2, 3, 4, 5})),
            SumOf({0, 1, 2, 3, 4, 5}).sites);
  rule.helpers = 2;
  EXPECT_NE(refused(SumOf({0, 1, 2, 3, 4, 5}), MembersOf(6)), "");
  rule.helpers = 0;
  EXPECT_EQ(refused(SumOf({0, 1, 2, 3, 4}), MembersOf(6)), "");
}

// Sites help, not members: who has four of six is hidden by two others from one of them.
TEST(Differences, CountTheSitesOfOthersBesideAMembers) {
  auto members = MembersOf(6);
  for (const size_t i : {1, 2, 3}) members[SiteAt(i)] = MemberAt(0);
  const ReleasedSum all = SumOf({0, 1, 2, 3, 4, 5});
  const History history;
  EXPECT_FALSE(history.CheckDifferences({true, 1, 1}, {0}, all, members));
  const auto objection = history.CheckDifferences({true, 1, 2}, {0}, all, members);
  ASSERT_TRUE(objection);
  EXPECT_EQ(objection->why,
            "this sum would show the part of m100 if the aggregator is helped by s104, s105, and "
            "this run withstands 2 that help; more of other members have to be in");
  EXPECT_FALSE(history.CheckDifferences({true, 1, 2}, {0}, all, MembersOf(6)));
}

// Who signed the first of two such sums refuses the second, and the other way around, for good: so
// the aggregator, which knows of both, names no survivors of the second.
TEST(Differences, SurvivorsAreHeldAgainstAllThatMayHaveBeenReleased) {
  round::RunManifest manifest;
  manifest.masking_rules = {};
  manifest.masking_rules.forbid_differences = true;
  const auto seats = SeatsOf(4, 1);
  History released;
  const std::vector<SiteId> three{SiteAt(3), SiteAt(1), SiteAt(2)};
  EXPECT_FALSE(CheckSum(released, manifest, {1}, seats, three));
  released.Learn(SumOf({0, 1, 2, 3}));
  const auto objection = CheckSum(released, manifest, {1}, seats, three);
  ASSERT_TRUE(objection);
  EXPECT_EQ(objection->rule, Refusal::kMembership);
  EXPECT_FALSE(CheckSum(released, manifest, {1}, seats, SumOf({0, 1, 2, 3}).sites));
  manifest.masking_rules.forbid_differences = false;
  EXPECT_FALSE(CheckSum(released, manifest, {1}, seats, three));
}

TEST(Differences, RefuseACombinationOfThreeRounds) {
  History history;
  const DifferenceRule rules;
  // {0,1,2,3} + {2,3,4,5} - {0,1,4,5,...}: rows that give 2*(x2 + x3), then a row that splits them.
  ASSERT_FALSE(history.Sign({0}, 0, DigestOf(1), {SumOf({0, 1, 2, 3})}));
  ASSERT_FALSE(history.Sign({1}, 0, DigestOf(2), {SumOf({2, 3, 4, 5})}));
  EXPECT_FALSE(history.CheckDifferences(rules, {2}, SumOf({0, 1, 4, 5}), MembersOf(6)));
  ASSERT_FALSE(history.Sign({2}, 0, DigestOf(3), {SumOf({0, 1, 4, 5})}));
  EXPECT_TRUE(history.CheckDifferences(rules, {3}, SumOf({0, 1, 2, 4, 5}), MembersOf(6)));
}

TEST(Differences, ProtectAMemberWithTwoSitesAsOne) {
  History history;
  const DifferenceRule rules;
  auto members = MembersOf(6);
  members[SiteAt(5)] = MemberAt(4);
  ASSERT_FALSE(history.Sign({0}, 0, DigestOf(1), {SumOf({0, 1, 2, 3, 4, 5})}));
  EXPECT_TRUE(history.CheckDifferences(rules, {1}, SumOf({0, 1, 2, 3}), members))
      << "the two sites that leave are of one member";
}

// Each sum leaves three others out.
TEST(Differences, OfMoreSumsThanAreReckonedExactlyAreRefused) {
  constexpr size_t kSites = 41;
  History history;
  std::vector<SiteId> all = QuorumAt(kSites).cohort;
  const auto without = [&all](size_t i) {
    ReleasedSum sum{0, {}};
    for (size_t s = 0; s < kSites; ++s) {
      if (s != i && s != i + 1 && s != i + 3) sum.sites.push_back(all[s]);
    }
    return sum;
  };
  for (size_t i = 0; i < kIndependentSumsMax; ++i) history.Learn(without(i));
  const DifferenceRule rule{true, 1, 0};
  const auto why = [&](size_t i) {
    const auto refused = history.CheckDifferences(rule, {1}, without(i), MembersOf(kSites));
    return refused ? refused->why : "";
  };
  EXPECT_EQ(why(0).find("so many different sets"), std::string::npos);
  EXPECT_NE(why(kIndependentSumsMax).find("so many different sets"), std::string::npos);
}

TEST(Differences, AreReckonedWithinASegment) {
  History history;
  const DifferenceRule rules;
  ASSERT_FALSE(
      history.Sign({0}, 0, DigestOf(1), {SumOf({0, 1, 2, 3, 4, 5}, 0), SumOf({0, 1, 2, 3}, 1)}));
  EXPECT_FALSE(history.CheckDifferences(rules, {1}, SumOf({0, 1, 2, 3}, 1), MembersOf(6)));
  EXPECT_TRUE(history.CheckDifferences(rules, {1}, SumOf({0, 1, 2, 3, 4}, 0), MembersOf(6)));
}

TEST(Quorums, ExcludeOneAnotherIfNotEnoughSitesCouldServeBoth) {
  for (size_t sites = 4; sites <= 255; ++sites) {
    EXPECT_TRUE(Exclude(QuorumAt(sites), QuorumAt(sites))) << sites;
    EXPECT_TRUE(Exclude(QuorumAt(sites), QuorumAt(sites, {1}))) << sites << " without one";
  }
  // Seven of ten and five of six, three of them for both: four and two honest sites are enough.
  EXPECT_FALSE(Exclude(QuorumAt(10), QuorumAt(10, {3, 4, 5, 6})));
  EXPECT_FALSE(Exclude(QuorumAt(10, {3, 4, 5, 6}), QuorumAt(10)));
  EXPECT_FALSE(Exclude(QuorumAt(10, {0, 1}), QuorumAt(10, {8, 9})));
  EXPECT_FALSE(Exclude(QuorumAt(10), {}));
  EXPECT_FALSE(Exclude({}, {}));
}

TEST(Differences, DoNotCountAnAttemptThatALaterOneReplaced) {
  const DifferenceRule rules;
  for (const size_t sites : {4, 5, 6, 7, 10, 20}) {
    History history;
    std::vector<size_t> all(sites);
    std::iota(all.begin(), all.end(), 0);
    ReleasedSum first{0, QuorumAt(sites).cohort};
    ReleasedSum second{0, QuorumAt(sites, {sites - 1}).cohort};
    ASSERT_FALSE(history.Sign({0}, 0, DigestOf(1), {first}, QuorumAt(sites)));
    EXPECT_FALSE(history.CheckDifferences(rules, {0}, second, MembersOf(sites),
                                          QuorumAt(sites, {sites - 1})))
        << "the first attempt was not released if the second is";
    EXPECT_TRUE(history.CheckDifferences(rules, {1}, second, MembersOf(sites),
                                         QuorumAt(sites, {sites - 1})))
        << "under the next number it may be";
  }
}

TEST(Differences, CountAnAttemptThatALaterOneOfAMuchSmallerCohortDoesNotExclude) {
  // Of ten sites 0, 1 and 2 collude. The first sum needs four others' shares, the second two:
  // there are seven, and what one sum has more than the other is 3's part.
  History history;
  const DifferenceRule rules;
  ASSERT_FALSE(history.Sign({0}, 0, DigestOf(1), {SumOf({0, 1, 2, 3, 7, 8, 9})}, QuorumAt(10)));
  const auto objection = history.CheckDifferences(rules, {0}, SumOf({0, 1, 2, 7, 8, 9}),
                                                  MembersOf(10), QuorumAt(10, {3, 4, 5, 6}));
  ASSERT_TRUE(objection.has_value());
  EXPECT_EQ(objection->rule, Refusal::kMembership);
  EXPECT_NE(objection->why.find("m103"), std::string::npos);
}

TEST(Differences, CountEveryAttemptAtANumberUntilOneIsReleasedThatExcludesIt) {
  const DifferenceRule rules;
  const auto isolates = [&rules](const History& history) {
    return history.CheckDifferences(rules, {1}, SumOf({0, 1, 2}), MembersOf(4)).has_value();
  };
  History history;
  ASSERT_FALSE(history.Sign({0}, 0, DigestOf(1), {SumOf({0, 1, 2, 3})}, QuorumAt(4)));
  ASSERT_FALSE(history.Sign({0}, 1, DigestOf(2), {SumOf({0, 1, 2})}, QuorumAt(3)));
  EXPECT_TRUE(isolates(history)) << "it is not known which of the two was released";
  History later = history;
  ASSERT_FALSE(later.Sign({1}, 0, DigestOf(3), {SumOf({0, 1, 2, 3})}, QuorumAt(4)));
  EXPECT_TRUE(later.CheckDifferences(rules, {2}, SumOf({0, 1, 2}), MembersOf(4)));
  history.Release({0}, 1, DigestOf(2));
  EXPECT_FALSE(isolates(history));
}

TEST(History, SignsOneTranscriptAnAttemptAndReleasesOneARound) {
  History history;
  ASSERT_FALSE(history.Sign({3}, 1, DigestOf(1), {SumOf({0, 1, 2})}));
  EXPECT_FALSE(history.Sign({3}, 1, DigestOf(1), {SumOf({0, 1, 2})})) << "the same again";
  EXPECT_EQ(history.Sign({3}, 1, DigestOf(2), {})->rule, Refusal::kSurvivorSet);
  EXPECT_EQ(history.CheckOpening({3}, 1)->rule, Refusal::kStale);
  EXPECT_EQ(history.CheckOpening({2}, 9)->rule, Refusal::kStale);
  EXPECT_FALSE(history.CheckOpening({3}, 2));
  history.Release({3}, 1, DigestOf(1));
  EXPECT_EQ(history.CheckOpening({3}, 2)->rule, Refusal::kAlreadyReleased);
  EXPECT_EQ(history.Sign({3}, 2, DigestOf(2), {})->rule, Refusal::kAlreadyReleased);
  EXPECT_FALSE(history.CheckOpening({4}, 0));
}

TEST(History, SeesAPeerThatWentBackAndAForkedRound) {
  History history;
  EXPECT_FALSE(history.CheckPeer(SiteAt(1), Released{{7}, DigestOf(7)}));
  history.NotePeer(SiteAt(1), Released{{7}, DigestOf(7)});
  EXPECT_FALSE(history.CheckPeer(SiteAt(1), Released{{8}, DigestOf(8)}));
  EXPECT_EQ(history.CheckPeer(SiteAt(1), Released{{6}, DigestOf(6)})->rule, Refusal::kStale);
  EXPECT_EQ(history.CheckPeer(SiteAt(1), {})->rule, Refusal::kStale);
  ASSERT_FALSE(history.Sign({8}, 0, DigestOf(8), {}));
  history.Release({8}, 0, DigestOf(8));
  EXPECT_EQ(history.CheckPeer(SiteAt(2), Released{{8}, DigestOf(9)})->rule, Refusal::kStale);
  EXPECT_FALSE(history.CheckPeer(SiteAt(2), Released{{8}, DigestOf(8)}));
  EXPECT_EQ(history.CheckPrevious(Released{{8}, DigestOf(9)})->rule, Refusal::kStale);
  EXPECT_EQ(history.CheckPrevious(Released{{7}, DigestOf(7)})->rule, Refusal::kStale);
  EXPECT_EQ(history.CheckPrevious({})->rule, Refusal::kStale);
  EXPECT_FALSE(history.CheckPrevious(Released{{8}, DigestOf(8)}));
  EXPECT_FALSE(history.CheckPrevious(Released{{9}, DigestOf(9)}));
}

TEST(History, TakesALaterAttemptForTheReleaseOfWhatItOnlySigned) {
  // This site signed, nobody gathered a quorum, and the others released a later attempt without it.
  History history;
  ASSERT_FALSE(history.Sign({8}, 0, DigestOf(8), {}));
  EXPECT_FALSE(history.CheckPrevious(Released{{8}, DigestOf(9)}));
  EXPECT_FALSE(history.CheckPeer(SiteAt(2), Released{{8}, DigestOf(9)}));
  EXPECT_FALSE(history.CheckPrevious({}));
}

TEST(Threshold, WithstandsTheColludersThatTheReferenceTableNames) {
  const struct {
    uint32_t sites, threshold, corrupt;
  } rows[] = {{3, 3, 1},  {4, 3, 1},   {5, 4, 2},    {7, 5, 2},
              {10, 7, 3}, {20, 14, 7}, {50, 34, 17}, {100, 67, 33}};
  for (const auto& row : rows) {
    EXPECT_EQ(ThresholdFor(row.sites), row.threshold);
    EXPECT_EQ(CorruptMax(row.sites, row.threshold), row.corrupt);
    EXPECT_FALSE(CheckThreshold(row.sites, row.threshold, row.corrupt));
    EXPECT_TRUE(CheckThreshold(row.sites, row.threshold - 1, row.corrupt));
    EXPECT_TRUE(CheckThreshold(row.sites, row.sites + 1, 0));
  }
}

TEST(Cohort, CountsMembersNotCertificates) {
  std::vector<Seat> seats = SeatsOf(6, 2);
  CohortRules rules;
  EXPECT_FALSE(CheckCohort(rules, seats));
  seats[5].member = seats[4].member;
  EXPECT_EQ(CheckCohort(rules, seats)->rule, Refusal::kCohort) << "its batch holds one member";
  for (Seat& seat : seats) seat.batch = 0;
  EXPECT_FALSE(CheckCohort(rules, seats)) << "five members in six sites";
  seats[3].member = seats[4].member;
  EXPECT_EQ(CheckCohort(rules, seats)->rule, Refusal::kCohort);
  rules.members_min = 2;
  EXPECT_EQ(CheckRules(rules)->rule, Refusal::kPolicyHash);
}

TEST(Survivors, MustBeEnoughAPartAndWholeBatches) {
  const std::vector<Seat> seats = SeatsOf(10, 2);
  CohortRules rules;
  rules.survivors_permille = 800;
  const Sites shared = AllOf(seats);
  const SurvivorCheck check{rules, seats, 7, shared};
  EXPECT_FALSE(CheckSurvivors(check, {0, 1, 2, 3, 4, 5, 6, 7}));
  EXPECT_EQ(CheckSurvivors(check, {0, 1, 2, 3, 4, 5, 6, 8})->rule, Refusal::kMembership);
  EXPECT_EQ(CheckSurvivors(check, {0, 1, 2, 3, 4, 5, 6})->rule, Refusal::kMinFraction);
  EXPECT_EQ(CheckSurvivors(check, {0, 1, 2, 3, 4, 5})->rule, Refusal::kThreshold);
  EXPECT_EQ(CheckSurvivors(check, {0, 1, 2, 3, 4, 5, 6, 7, 10})->rule, Refusal::kSurvivorSet);
  EXPECT_EQ(WholeBatches(seats, {0, 1, 2, 5, 6, 7}), (Sites{0, 1, 6, 7}));
}

}  // namespace
}  // namespace dure::masking
