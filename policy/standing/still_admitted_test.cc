// Admissions asked again when their round opens and when a contribution comes; whom a run's
// proposal names; and what a record of older words may hold.
#include "policy/standing/still_admitted.h"

#include <gmock/gmock.h>

#include "policy/standing/testing.h"
#include "policy/standing/voting.h"

namespace dure::standing {
namespace {

using testing::DigestOf;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using testing::World;

constexpr std::string_view kStopsReviews =
    R"(policy "E1 Stop" ko "E1 중지" version 1 effective 2026-10-01

rule E1.1 forbid train
  title "Reviews rest" ko "리뷰는 쉰다"
  when dataset.id is reviews
  because "Dataset {dataset.id} rests." ko "데이터셋 {dataset.id}은(는) 쉽니다."
end
)";

class StillAdmittedTest : public ::testing::Test {
 protected:
  StillAdmittedTest() { w_.Found(World::NoVoteOnRuns(), rules::kWordsVersion); }
  void LendReviews(const terms::Terms& terms) {
    w_.Lend("reviews", "kt", terms);
    w_.Lend("notes", "etri", terms::testing::OpenTerms());
  }
  void Start(const std::string& run) {
    w_.Propose(run, "scientific-research");
    w_.Approve(run);
  }
  static terms::Terms RoundsAtMost(uint64_t rounds) {
    terms::Terms terms = terms::testing::OpenTerms();
    terms.limits.max_rounds = rounds;
    return terms;
  }
  uint64_t Admit(const std::string& run, uint64_t round) {
    return w_.DecideAndSay(w_.Asking(run, round, "kt", "reviews"));
  }
  uint64_t Open(const std::string& run, uint64_t round) {
    const Digest base =
        round == 0 ? DigestOf(run + "/start") : DigestOf(run + "/" + std::to_string(round - 1));
    return w_.Say("host", ledger::RoundOpened{World::At(run, round), base, {Site("kt-site")}});
  }
  uint64_t Submit(const std::string& run, uint64_t admission) {
    return w_.Say("kt-site", World::Submitted(World::At(run, 0), DigestOf(run + "/start"),
                                              {"kt", "reviews"}, admission));
  }
  void Close(const std::string& run, uint64_t submission) {
    ledger::RoundClosed closed;
    closed.at = World::At(run, 0);
    closed.model = DigestOf(run + "/0");
    closed.aggregate = closed.momentum = closed.scales = DigestOf("a");
    closed.submissions = {{submission, Site("kt-site"), testing::kWeight}};
    w_.Say("host", closed);
  }
  void ForbidAtOnce() {
    const uint64_t proposal = w_.Say(
        "kt-desk",
        ledger::PolicyProposed{ledger::ProposalKind::kEmergency, {}, std::string(kStopsReviews)});
    for (const char* desk : {"kt-desk", "etri-desk"}) {
      w_.Say(desk, ledger::VoteCast{proposal, w_.log().Leaf(proposal), ledger::Choice::kYes});
    }
    const Standing now = w_.Now();
    const auto due =
        DueOutcome(now.state().proposals.at(proposal), now.state(), rules::Instant::At(w_.time()));
    ASSERT_TRUE(due && due->adopt);
    w_.Say("host", ledger::PolicyAdopted{proposal, Sha256(AsBytes(kStopsReviews)), due->tally});
  }
  static SiteId Site(const char* id) { return *SiteId::Parse(id); }
  std::string Dissent() const {
    const auto dissent = w_.Audit().dissent();
    return dissent ? dissent->rule : "none";
  }
  std::vector<std::string> Voids() const {
    std::vector<std::string> rules;
    const Auditor audit = w_.Audit();
    for (const Finding& finding : audit.voids()) rules.push_back(finding.rule);
    return rules;
  }
  World w_;
};

TEST_F(StillAdmittedTest, DataIsAdmittedToTheNextRoundAlone) {
  LendReviews(RoundsAtMost(1));
  Start("first");
  Admit("first", 0);
  EXPECT_EQ(Dissent(), "none");
  Admit("first", 1);
  EXPECT_EQ(Dissent(), "round-number");
}

TEST_F(StillAdmittedTest, RoundsOfAnOlderRecordThatWereAdmittedAheadAreReplayed) {
  World old;
  old.Found();
  old.SetWords(kAskedAgainSince - 1);
  old.Lend("reviews", "kt", RoundsAtMost(1));
  old.Propose("first", "scientific-research");
  old.Approve("first");
  for (const uint64_t round : {0, 1}) {
    old.DecideAndSay(old.Asking("first", round, "kt", "reviews"));
  }
  old.Say("host", ledger::RoundOpened{World::At("first", 0), DigestOf("s"), {Site("kt-site")}});
  EXPECT_FALSE(old.Audit().dissent());
}

TEST_F(StillAdmittedTest, TheLastRoundThatTermsAllowIsTakenByWhoeverOpensFirst) {
  LendReviews(RoundsAtMost(1));
  for (const char* run : {"first", "second"}) {
    Start(run);
    Admit(run, 0);
  }
  Open("first", 0);
  EXPECT_EQ(Dissent(), "none");
  Open("second", 0);
  const auto dissent = w_.Audit().dissent();
  ASSERT_TRUE(dissent);
  EXPECT_EQ(dissent->rule, "admission-over");
  EXPECT_THAT(dissent->text, HasSubstr("was used in 1 rounds; its owner allows 1"));
}

TEST_F(StillAdmittedTest, NoMoreRunsThanTermsAllowHaveRoundsOpen) {
  terms::Terms terms = terms::testing::OpenTerms();
  terms.limits.max_runs = 1;
  LendReviews(terms);
  for (const char* run : {"first", "second"}) {
    Start(run);
    Admit(run, 0);
  }
  Open("first", 0);
  Open("second", 0);
  EXPECT_EQ(Dissent(), "admission-over");
}

TEST_F(StillAdmittedTest, ARoundThatIsGivenUpLeavesItToOthers) {
  LendReviews(RoundsAtMost(1));
  for (const char* run : {"first", "second"}) {
    Start(run);
    Admit(run, 0);
  }
  Open("first", 0);
  EXPECT_THAT(RunsUsingNow(w_.Now().state(), *DatasetId::Parse("reviews"), *RunId::Parse("second")),
              ElementsAre(*RunId::Parse("first")));
  w_.Say("host",
         ledger::RoundAbandoned{World::At("first", 0), DigestOf("first/start"), "no-quorum"});
  Open("second", 0);
  EXPECT_EQ(Dissent(), "none");
}

TEST_F(StillAdmittedTest, ARunThatHasEndedClosesNothing) {
  LendReviews(terms::testing::OpenTerms());
  Start("first");
  const uint64_t admission = Admit("first", 0);
  Open("first", 0);
  const uint64_t submission = Submit("first", admission);
  w_.Say("host", ledger::RunHalted{*RunId::Parse("first"), "stopped"});
  Close("first", submission);
  EXPECT_EQ(Dissent(), "run-halted");
}

TEST_F(StillAdmittedTest, AnEmergencyRuleStopsARoundThatWasAdmittedBefore) {
  LendReviews(terms::testing::OpenTerms());
  Start("first");
  Admit("first", 0);
  ForbidAtOnce();
  ASSERT_EQ(Dissent(), "none");
  Open("first", 0);
  EXPECT_EQ(Dissent(), "admission-over");
}

TEST_F(StillAdmittedTest, WhatIsForbiddenWhileItTrainsIsVoid) {
  LendReviews(terms::testing::OpenTerms());
  Start("first");
  const uint64_t admission = Admit("first", 0);
  Open("first", 0);
  ForbidAtOnce();
  Submit("first", admission);
  EXPECT_THAT(Voids(), ElementsAre("admission-over"));
  EXPECT_EQ(Dissent(), "none");
}

TEST_F(StillAdmittedTest, TermsThatEndBeforeTheRoundOpensAreOver) {
  terms::Terms terms = terms::testing::OpenTerms();
  terms.time.valid_until = terms::ParseInstant("2026-10-05", terms::DayPart::kLastSecond);
  LendReviews(terms);
  Start("first");
  Admit("first", 0);
  w_.SetTime("2026-10-06T09:00:00Z");
  Open("first", 0);
  EXPECT_EQ(Dissent(), "admission-over");
}

TEST_F(StillAdmittedTest, AnHonestRoundUsesItsLastRoundAndCloses) {
  LendReviews(RoundsAtMost(1));
  Start("first");
  w_.PlayRound("first", 0, {{"kt", "reviews"}});
  EXPECT_EQ(Dissent(), "none");
  EXPECT_TRUE(Voids().empty());
  EXPECT_FALSE(w_.Rule(w_.Asking("first", 1, "kt", "reviews")).allowed());
}

// A run that is proposed for etri's site alone.
void ProposeForEtri(World& w) {
  w.Say("host", ledger::RunProposed{*RunId::Parse("first"),
                                    DigestOf("first"),
                                    {{"purpose", "scientific-research"},
                                     {"beneficiaries", "non-profit"},
                                     {"sector", ""},
                                     {"riskClass", "ordinary"},
                                     {"masking", "none"},
                                     {"quorum", "1"}},
                                    {*SiteId::Parse("etri-site")},
                                    World::Bounds()});
  w.Approve("first");
}

TEST_F(StillAdmittedTest, OnlyThoseWhomTheProposalNamesAreAdmitted) {
  LendReviews(terms::testing::OpenTerms());
  ProposeForEtri(w_);
  w_.DecideAndSay(w_.Asking("first", 0, "etri", "notes"));
  EXPECT_EQ(Dissent(), "none");
  Admit("first", 0);
  EXPECT_EQ(Dissent(), "not-invited");
}

TEST(Invited, OlderBuildsDidNotLookAndTheFirstDecisionOfOursEndsThat) {
  World w;
  w.Found();
  w.SetWords(kInvitedHoldsSince - 1);
  w.Lend("reviews", "kt", terms::testing::OpenTerms());
  ProposeForEtri(w);
  w.DecideAndSay(w.Asking("first", 0, "kt", "reviews"));
  w.SetWords(rules::kWordsVersion);
  w.Propose("second", "scientific-research");
  w.Approve("second");
  w.DecideAndSay(w.Asking("second", 0, "kt", "reviews"));
  EXPECT_FALSE(w.Audit().dissent());
  w.Say("host",
        ledger::RoundOpened{World::At("first", 0), DigestOf("s"), {*SiteId::Parse("kt-site")}});
  const auto dissent = w.Audit().dissent();
  ASSERT_TRUE(dissent);
  EXPECT_EQ(dissent->rule, "not-invited");
}

TEST(Invited, ARunIsVotedOnOnceItWouldShowTheUpdatesOfMany) {
  World w;
  w.Found({}, rules::kWordsVersion);
  w.Propose("first", "scientific-research");
  EXPECT_FALSE(w.Now().state().runs.at(*RunId::Parse("first")).by_vote);
  w.Enrol("snu", ledger::House::kAcademic, 30);
  const Standing now = w.Now();
  const auto& run = now.state().runs.at(*RunId::Parse("first"));
  EXPECT_TRUE(run.by_vote);
  EXPECT_TRUE(now.state().open_votes.contains(run.proposed));
  w.Approve("first");
  ASSERT_TRUE(w.Audit().dissent());
  EXPECT_EQ(w.Audit().dissent()->rule, "vote-goes-on");
}

// Under a site's name for another member: there would be one member less whom an unmasked run shows
// its updates, and somebody else's terms and country to go by.
TEST(SitesOfOneMember, AnotherIsNotLetInUnderTheirName) {
  for (const uint32_t words : {4u, rules::kWordsVersion}) {
    World w;
    w.Found({}, words);
    w.Enrol("snu", ledger::House::kAcademic, 30);
    const auto sites = w.Now().state().sites;
    w.AddSeat("forged", "etri", ledger::Role::kSite, 90);
    w.Say("host", ledger::MemberAdmitted{*MemberId::Parse("etri"), *SiteId::Parse("snu-site"),
                                         ledger::Role::kSite, w.SeatOf("forged").actor.key});
    w.Propose("first", "scientific-research");
    const Auditor audit = w.Audit();
    const State& state = audit.standing().state();
    if (words < rules::kWordsVersion) {
      EXPECT_FALSE(audit.dissent()) << "a record of older words is replayed";
      EXPECT_FALSE(state.runs.at(*RunId::Parse("first")).by_vote);
      continue;
    }
    ASSERT_TRUE(audit.dissent());
    EXPECT_EQ(audit.dissent()->rule, "foreign-site");
    EXPECT_THAT(audit.dissent()->text, HasSubstr("snu-site is a site of snu"));
    EXPECT_EQ(state.sites, sites);
    EXPECT_FALSE(state.speakers.contains(w.SeatOf("forged").actor.key));
    EXPECT_TRUE(state.runs.at(*RunId::Parse("first")).by_vote) << "three members see its updates";
  }
}

TEST(SitesOfOneMember, ASiteThatIsEnrolledAnewIsLetIn) {
  World w;
  w.Found(World::NoVoteOnRuns(), rules::kWordsVersion);
  w.AddSeat("again", "etri", ledger::Role::kSite, 90);
  w.Say("host", ledger::MemberAdmitted{*MemberId::Parse("etri"), *SiteId::Parse("etri-site"),
                                       ledger::Role::kSite, w.SeatOf("again").actor.key});
  EXPECT_FALSE(w.Audit().dissent());
}

// The one that counts is found by its place; what it is is said here by looking at all of them.
TEST(Admissions, TheLastOneOfADatasetCountsInWhateverOrderTheyCome) {
  Round round;
  uint64_t chance = 1;
  const auto below = [&chance](uint64_t n) {
    chance = chance * 6364136223846793005 + 1442695040888963407;
    return (chance >> 33) % n;
  };
  const auto site = [](uint64_t n) { return *SiteId::Parse("site-" + std::to_string(n)); };
  const auto dataset = [](uint64_t n) { return *DatasetId::Parse("data-" + std::to_string(n)); };
  const auto by_looking = [&round](const SiteId& of, const DatasetId& what) {
    const Admission* last = nullptr;
    for (const Admission& each : round.admissions) {
      if (each.site == of && each.what.dataset == what) last = &each;
    }
    return last != nullptr && last->admit ? last : nullptr;
  };
  for (uint64_t index = 0; index < 400; ++index) {
    Admission one;
    one.index = index;
    one.site = site(below(12));
    one.what = {dataset(below(12)), 1 + below(2)};
    one.admit = below(3) > 0;
    Note(round, one);
    if (index % 20 > 0) continue;
    std::set<SiteId> admitted;
    for (uint64_t s = 0; s < 13; ++s) {
      for (uint64_t d = 0; d < 13; ++d) {
        const Admission* last = by_looking(site(s), dataset(d));
        if (last != nullptr) admitted.insert(site(s));
        EXPECT_EQ(AdmittedBy(round, site(s), dataset(d)), last) << index << " " << s << " " << d;
      }
    }
    EXPECT_EQ(AdmittedSites(round), admitted);
  }
}

}  // namespace
}  // namespace dure::standing
