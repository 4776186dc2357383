// Which steps of a round are not kept for themselves, and that whoever dies after one comes to it
// again from what was kept before.
#include <gmock/gmock.h>

#include "federation/round/testing.h"

namespace dure::round {
namespace {

// An aggregator of which only what it persisted is left after a death.
class Mortal {
 public:
  Mortal() {
    Feed(Started{});
    Feed(Appended{"run/proposed", 0, {}, {}});
  }
  std::vector<Effect> Feed(const Event& event) {
    auto effects = rounds_.Handle(At(++now_), event);
    keeps_ = !Only<Persist>(effects).empty();
    if (keeps_) kept_ = rounds_.Save(At(now_));
    return effects;
  }
  std::vector<Effect> Die() {
    rounds_ = Rounds::Load(kept_, At(++now_)).value();
    return Feed(Started{});
  }
  bool keeps() const { return keeps_; }  // the last event's step
  const Rounds& rounds() const { return rounds_; }

  void Ready_(const SiteId& site) {
    Feed(Received{site, Ready{rounds_.at(), rounds_.base(), Offered(site)}});
  }
  void Open() {
    for (const SiteId& site : {kA, kB}) Feed(SiteConnected{site});
    for (const SiteId& site : {kA, kB}) Ready_(site);
    Feed(AdmissionsDecided{rounds_.at(), {{kA, Granted(kA), ""}, {kB, Granted(kB), ""}}});
    Feed(Appended{rounds_.at().Text() + "/opened", 1, {}, {}});
    ASSERT_EQ(rounds_.phase(), RunPhase::kCollecting);
  }
  static Digest BlobOf(const SiteId& site) { return Sha256(AsBytes(site.str())); }
  std::string KeyOf(const SiteId& site) const {
    return rounds_.at().Text() + "/submission/" + site.str();
  }
  std::vector<Effect> Submit(const SiteId& site) {
    Submission one;
    one.at = rounds_.at();
    one.base_model = rounds_.base().model;
    one.contribution = BlobOf(site);
    one.weight = kWeightMax;
    one.datasets = Granted(site);
    one.envelope = {1};
    Feed(Received{site, one});
    return Feed(SubmissionVerified{site, one.at, one.contribution, Verdict::kOk});
  }
  void Close() {
    for (const SiteId& site : {kA, kB}) {
      Submit(site);
      Feed(Appended{KeyOf(site), 7, {}, {}});
    }
    Feed(Merged{rounds_.at(), Sha256(AsBytes("sum")), {Sha256(AsBytes("model")), {}, {}}});
    Feed(Appended{rounds_.at().Text() + "/closed", 9, {}, {}});
    ASSERT_EQ(rounds_.at().round.value, 1u);
  }
  OutcomeAck AckOf(Derivation derivation) const {
    return {{rounds_.manifest().run, {0}, 0}, derivation, rounds_.base()};
  }

 private:
  Rounds rounds_{TestManifest(), {kA, kB}};
  Bytes kept_;
  bool keeps_ = false;
  int now_ = 0;
};

TEST(Repeated, AReceiptIsGivenAgainFromTheAppendThatWasKept) {
  Mortal life;
  life.Open();
  EXPECT_EQ(Only<Append>(life.Submit(kA)).size(), 1u);
  EXPECT_TRUE(life.keeps()) << "before the log is asked, or its entry would be nobody's";
  const auto receipts = SentTo<Receipt>(life.Feed(Appended{life.KeyOf(kA), 7, {3}, {}}), kA);
  ASSERT_EQ(receipts.size(), 1u);
  EXPECT_FALSE(life.keeps());
  const auto again = Only<Append>(life.Die());
  ASSERT_EQ(again.size(), 1u);
  EXPECT_EQ(again[0].key, life.KeyOf(kA));
  life.Feed(SiteConnected{kA});
  EXPECT_EQ(SentTo<Receipt>(life.Feed(Appended{life.KeyOf(kA), 7, {3}, {}}), kA), receipts);
}

TEST(Repeated, AMergeIsKeptWithTheReceiptsThatLeadToIt) {
  Mortal life;
  life.Open();
  for (const SiteId& site : {kA, kB}) life.Submit(site);
  life.Feed(Appended{life.KeyOf(kA), 7, {}, {}});
  EXPECT_EQ(Only<StartMerge>(life.Feed(Appended{life.KeyOf(kB), 8, {}, {}})).size(), 1u);
  EXPECT_TRUE(life.keeps());
  const auto merges = Only<StartMerge>(life.Die());
  ASSERT_EQ(merges.size(), 1u);
  ASSERT_EQ(merges[0].contributions.size(), 2u);
  EXPECT_EQ(merges[0].contributions[0].submission, 7u);
}

TEST(Repeated, WhoeverWasReadyIsAskedAgain) {
  Mortal life;
  for (const SiteId& site : {kA, kB}) life.Feed(SiteConnected{site});
  life.Ready_(kA);
  EXPECT_FALSE(life.keeps());
  life.Die();
  EXPECT_EQ(SentTo<Plan>(life.Feed(SiteConnected{kA}), kA).size(), 1u);
  life.Feed(SiteConnected{kB});
  life.Ready_(kA);
  life.Ready_(kB);
  EXPECT_TRUE(life.keeps()) << "what they offered is kept before it is decided";
  const auto decides = Only<DecideAdmissions>(life.Die());
  ASSERT_EQ(decides.size(), 1u);
  EXPECT_EQ(decides[0].candidates.size(), 2u);
}

TEST(Repeated, WhoeverDerivedTheModelIsToldTheOutcomeAgainAndADissentIsKept) {
  Mortal life;
  life.Open();
  life.Close();
  life.Feed(Received{kA, life.AckOf(Derivation::kEqual)});
  EXPECT_FALSE(life.keeps());
  life.Feed(Received{kB, life.AckOf(Derivation::kDifferent)});
  EXPECT_TRUE(life.keeps());
  life.Die();
  EXPECT_TRUE(SentTo<Outcome>(life.Feed(SiteConnected{kB}), kB).empty());
}

TEST(Repeated, APlanThatWaitsForAnOutcomeIsNotKept) {
  Participation site(kA, TestManifest().run, FirstPlan().plan.base);
  int now = 0;
  const auto feed = [&](const SiteEvent& event) { return site.Handle(At(++now), event); };
  const RoundAttempt at = FirstPlan().plan.at;
  feed(SiteStarted{});
  feed(LinkUp{});
  feed(FromAggregator{FirstPlan()});
  feed(Decided{at, true, "", Offered(kA)});
  feed(FromAggregator{Roster{at, {kA, kB}, 0, Duration(1), Granted(kA)}});
  Outcome outcome;
  outcome.at = at;
  outcome.base = site.base();
  outcome.next.model = Sha256(AsBytes("next"));
  Plan next = FirstPlan();
  next.plan = MakePlan(next.manifest, {1}, 0, outcome.next);
  feed(FromAggregator{outcome});
  EXPECT_TRUE(Only<PersistSite>(feed(FromAggregator{next})).empty());
  EXPECT_TRUE(Only<DecideLocally>(feed(AggregateFetched{at, true})).empty());
  const auto derived = feed(Derived{at, true, outcome.next});
  EXPECT_EQ(Only<PersistSite>(derived).size(), 1u);
  EXPECT_EQ(Only<DecideLocally>(derived).size(), 1u) << "it was remembered";
}

}  // namespace
}  // namespace dure::round
