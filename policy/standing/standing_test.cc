// The fold: what an honest log comes to, and every lie of an aggregator that it must name.
#include "policy/standing/standing.h"

#include <gmock/gmock.h>

#include "policy/standing/behind.h"
#include "policy/standing/dissent.h"
#include "policy/standing/testing.h"
#include "policy/standing/voting.h"

namespace dure::standing {
namespace {

using testing::DigestOf;
using ::testing::HasSubstr;
using ::testing::Not;
using testing::World;

class StandingTest : public ::testing::Test {
 protected:
  StandingTest() {
    w_.Found();
    w_.Lend("reviews", "kt", terms::testing::OpenTerms());
    w_.Lend("nli", "etri", terms::testing::AttributedTerms("CC-BY-SA-4.0"));
  }
  void Run(const std::string& purpose = "scientific-research") {
    w_.Propose("first", purpose);
    w_.Approve("first");
  }
  std::string DissentRule() const {
    const auto dissent = w_.Audit().dissent();
    return dissent ? dissent->rule : "none";
  }
  static terms::Terms NonCommercial() {
    terms::Terms terms = terms::testing::OpenTerms();
    terms.use = terms::UseClass::kNonCommercial;
    terms.licence.data = "CC-BY-NC-4.0";
    terms.purposes = {terms::Purpose::kScientificResearch, terms::Purpose::kStatistics};
    terms.duties.insert({.kind = terms::DutyKind::kAttribute, .text = Sha256(AsBytes("hospital"))});
    return terms;
  }
  World w_;
};

TEST_F(StandingTest, AnHonestLogHoldsAndComesToItsModels) {
  Run();
  w_.PlayRound("first", 0, {{"kt", "reviews"}, {"etri", "nli"}});
  w_.PlayRound("first", 1, {{"kt", "reviews"}});
  const Auditor auditor = w_.Audit();
  EXPECT_FALSE(auditor.dissent()) << auditor.dissent()->rule << ": " << auditor.dissent()->text;
  EXPECT_THAT(auditor.voids(), ::testing::IsEmpty());
  const auto behind = DatasetsBehind(auditor.standing().state(), DigestOf("first/1"));
  ASSERT_EQ(behind.size(), 2u);
  EXPECT_EQ(behind.at({*DatasetId::Parse("reviews"), 1}).size(), 2u);
  EXPECT_EQ(behind.at({*DatasetId::Parse("nli"), 1}).size(), 1u);
}

TEST_F(StandingTest, AddsUpThePrivacyLossOfADatasetOverItsRunsAndRefusesWhatIsTooMuch) {
  terms::Terms terms = terms::testing::OpenTerms();
  terms.limits.epsilon_max_micro = 5'000'000;
  w_.Lend("notes", "etri", terms);
  const auto propose = [this](const std::string& run, const std::string& epsilon) {
    std::map<std::string, std::string> more = {{"masking", "pairwise"}, {"noise", "skellam"}};
    if (!epsilon.empty()) more["privacyEpsilon"] = epsilon;
    w_.Propose(run, "scientific-research", "non-profit", more);
    w_.Approve(run);
  };
  const auto objection = [this](const std::string& run) {
    const Ruling ruling = w_.Rule(w_.Asking(run, 0, "etri", "notes"));
    std::string because;
    for (const rules::Reason& reason : ruling.decision.reasons) {
      if (reason.rule == "terms:notes#limits.epsilonMax") because = reason.because.en;
    }
    return because;
  };
  propose("first", "2.254086");
  EXPECT_EQ(objection("first"), "");
  const auto facts = FactsOf(w_.Now(), w_.Asking("first", 0, "etri", "notes"));
  EXPECT_EQ(facts.At("run.privacy").value, rules::Value::Text("differential-privacy"));
  w_.PlayRound("first", 0, {{"etri", "notes"}});
  EXPECT_EQ(objection("first"), "");  // what it reserved for itself is not counted twice
  propose("second", "2.745914");
  EXPECT_EQ(objection("second"), "");
  propose("third", "2.745915");
  EXPECT_THAT(objection("third"), HasSubstr("it would be 5.000001"));
  // A run that tells no bound, as one without noise, cannot be shown to be within any.
  propose("fourth", "");
  EXPECT_THAT(objection("fourth"), HasSubstr("allows a privacy loss of 5"));
  propose("fifth", "-1");
  EXPECT_NE(objection("fifth"), "");
}

TEST_F(StandingTest, RefusesACommercialRunOfNonCommercialDataWithEveryReason) {
  w_.Lend("notes", "etri", NonCommercial());
  Run("commercial-service");
  const Ruling ruling = w_.Rule(w_.Asking("first", 0, "etri", "notes"));
  EXPECT_FALSE(ruling.allowed());
  std::vector<std::string> rules;
  for (const rules::Reason& reason : ruling.decision.reasons) rules.push_back(reason.rule);
  EXPECT_THAT(rules, ::testing::IsSupersetOf({"P2.1", "P2.3", "terms:notes#use",
                                              "terms:notes#purposes", "terms:notes#licence.data"}));
  for (const rules::Reason& reason : ruling.decision.reasons) {
    EXPECT_FALSE(reason.facts.empty()) << reason.rule;
    EXPECT_FALSE(reason.because.ko.empty()) << reason.rule;
  }
}

TEST_F(StandingTest, NamesAnAdmissionOfWhatThePolicyDenies) {
  w_.Lend("notes", "etri", NonCommercial());
  Run("commercial-service");
  ledger::AdmissionDecided lie = w_.Decided(w_.Asking("first", 0, "etri", "notes"));
  ASSERT_FALSE(lie.admit);
  lie.admit = true;
  const uint64_t index = w_.Say("host", lie);
  const auto dissent = w_.Audit().dissent();
  ASSERT_TRUE(dissent);
  EXPECT_EQ(dissent->rule, "decision-differs");
  EXPECT_EQ(dissent->index, index);
  EXPECT_THAT(dissent->text, HasSubstr("deny"));
}

TEST_F(StandingTest, NamesADecisionWithAlteredReasons) {
  Run();
  ledger::AdmissionDecided lie = w_.Decided(w_.Asking("first", 0, "kt", "reviews"));
  const size_t at = lie.decision.find("active");
  ASSERT_NE(at, std::string::npos);
  lie.decision.replace(at, 6, "Active");
  w_.Say("host", lie);
  EXPECT_EQ(DissentRule(), "decision-differs");
}

TEST_F(StandingTest, AStaleAdmissionHasNoEffect) {
  Run();
  const ledger::AdmissionDecided early = w_.Decided(w_.Asking("first", 0, "kt", "reviews"));
  w_.Lend("more", "kt", terms::testing::OpenTerms());
  const uint64_t index = w_.Say("host", early);
  EXPECT_EQ(DissentRule(), "none");
  const auto rounds = w_.Now().state().rounds;
  EXPECT_TRUE(!rounds.contains(World::At("first", 0)) ||
              rounds.at(World::At("first", 0)).admissions.empty())
      << "entry " << index;
  w_.Say("host",
         ledger::RoundOpened{World::At("first", 0), DigestOf("b"), {*SiteId::Parse("kt-site")}});
  EXPECT_EQ(DissentRule(), "not-admitted");
}

TEST_F(StandingTest, NamesARoundOfARunThatNobodyApproved) {
  w_.Propose("first", "scientific-research");
  w_.Say("host", ledger::RoundOpened{World::At("first", 0), DigestOf("b"), {}});
  EXPECT_EQ(DissentRule(), "run-not-approved");
}

TEST_F(StandingTest, ASubmissionOnUnadmittedDataIsVoidAndCountingItIsALie) {
  Run();
  w_.Lend("other", "kt", terms::testing::OpenTerms());
  const uint64_t admission = w_.DecideAndSay(w_.Asking("first", 0, "kt", "reviews"));
  const RoundAttempt at = World::At("first", 0);
  w_.Say("host", ledger::RoundOpened{at, DigestOf("b"), {*SiteId::Parse("kt-site")}});
  const uint64_t submission =
      w_.Say("kt-site", World::Submitted(at, DigestOf("b"), {"kt", "other"}, admission));
  const Auditor before = w_.Audit();
  ASSERT_EQ(before.voids().size(), 1u);
  EXPECT_EQ(before.voids()[0].rule, "not-admitted");
  EXPECT_FALSE(before.dissent());
  ledger::RoundClosed closed;
  closed.at = at;
  closed.submissions = {{submission, *SiteId::Parse("kt-site"), testing::kWeight}};
  w_.Say("host", closed);
  EXPECT_EQ(DissentRule(), "counts-void");
}

TEST_F(StandingTest, NamesACohortMemberThatIsNeitherCountedNorLeftOut) {
  Run();
  const uint64_t admission = w_.DecideAndSay(w_.Asking("first", 0, "kt", "reviews"));
  const RoundAttempt at = World::At("first", 0);
  w_.Say("host", ledger::RoundOpened{at, DigestOf("b"), {*SiteId::Parse("kt-site")}});
  w_.Say("kt-site", World::Submitted(at, DigestOf("b"), {"kt", "reviews"}, admission));
  ledger::RoundClosed closed;
  closed.at = at;
  w_.Say("host", closed);
  EXPECT_EQ(DissentRule(), "cohort");
}

TEST_F(StandingTest, ARoundClosesBeforeAWithdrawalOrWithoutTheDataset) {
  Run();
  const uint64_t admission = w_.DecideAndSay(w_.Asking("first", 0, "kt", "reviews"));
  const RoundAttempt at = World::At("first", 0);
  w_.Say("host", ledger::RoundOpened{at, DigestOf("b"), {*SiteId::Parse("kt-site")}});
  const uint64_t submission =
      w_.Say("kt-site", World::Submitted(at, DigestOf("b"), {"kt", "reviews"}, admission));
  w_.Say("kt-desk",
         ledger::DatasetWithdrawn{*DatasetId::Parse("reviews"), "owner",
                                  ledger::WithdrawalScope::kFutureRounds, "2026-12-01T00:00:00Z"});
  ledger::RoundClosed closed;
  closed.at = at;
  World honest = World();
  closed.submissions = {{submission, *SiteId::Parse("kt-site"), testing::kWeight}};
  w_.Say("host", closed);
  EXPECT_EQ(DissentRule(), "counts-withdrawn");
}

TEST_F(StandingTest, NothingIsAdmittedAfterAWithdrawal) {
  Run();
  w_.Say("kt-desk",
         ledger::DatasetWithdrawn{*DatasetId::Parse("reviews"), "owner",
                                  ledger::WithdrawalScope::kFutureRounds, "2026-12-01T00:00:00Z"});
  const Ruling ruling = w_.Rule(w_.Asking("first", 0, "kt", "reviews"));
  EXPECT_FALSE(ruling.allowed());
  EXPECT_THAT(rules::ToJson(ruling.decision), HasSubstr("P4.6"));
}

TEST_F(StandingTest, AWithdrawalOfAnothersDatasetIsVoid) {
  w_.Say("kt-desk",
         ledger::DatasetWithdrawn{*DatasetId::Parse("nli"), "owner",
                                  ledger::WithdrawalScope::kFutureRounds, "2026-12-01T00:00:00Z"});
  ASSERT_EQ(w_.Audit().voids().size(), 1u);
  EXPECT_EQ(w_.Audit().voids()[0].rule, "foreign-dataset");
  EXPECT_FALSE(w_.Now().state().datasets.at(*DatasetId::Parse("nli")).withdrawn);
}

// What is exported names the custodian of the passport: nobody lends in another's name. A record of
// a build that did not look is replayed as it is.
TEST_F(StandingTest, APassportOfAnotherMemberOrOfNoneIsVoidOnceTheRecordsWordsAreOfToday) {
  const auto known = w_.Now().state().datasets.at(*DatasetId::Parse("nli")).newest();
  const auto lend = [this, &known](const std::string& name, const std::string& passport) {
    w_.Say(
        "kt-site",
        ledger::DatasetRegistered{
            {*DatasetId::Parse(name), 1}, *SiteId::Parse("kt-site"), passport, known.terms_text});
  };
  const Standing before = w_.Now();
  lend("old", "{}");
  EXPECT_TRUE(w_.Audit().voids().empty());
  const auto entry = w_.log().Read(w_.log().Head().head.size - 1, w_.log().Head().head.size, 1);
  const auto today = before.Check(*ledger::ParseEntry(entry->front()));
  ASSERT_TRUE(today) << "nobody may say it now";
  EXPECT_EQ(today->rule, "passport-malformed");

  Run();
  w_.PlayRound("first", 0, {{"kt", "reviews"}});
  lend("fresh", World::PassportOf("fresh", "etri"));
  lend("fresh", World::PassportOf("nli", "kt"));
  lend("fresh", "{}");
  ASSERT_EQ(w_.Audit().voids().size(), 3u);
  EXPECT_EQ(w_.Audit().voids()[0].rule, "passport-of-another");
  EXPECT_EQ(w_.Audit().voids()[1].rule, "passport-of-another");
  EXPECT_EQ(w_.Audit().voids()[2].rule, "passport-malformed");
  EXPECT_FALSE(w_.Now().state().datasets.contains(*DatasetId::Parse("fresh")));
  lend("fresh", World::PassportOf("fresh", "kt"));
  EXPECT_EQ(w_.Audit().voids().size(), 3u);
}

TEST_F(StandingTest, NamesAnEntryThatTheAggregatorBackdates) {
  w_.SetTime("2026-10-02T09:00:00Z");
  Run();
  w_.SetTime("2026-10-01T12:00:00Z");
  w_.Say("host", ledger::RunHalted{*RunId::Parse("first"), "operator"});
  EXPECT_EQ(DissentRule(), "backdated");
}

TEST_F(StandingTest, AGrantIsRefusedForOneDatasetThreeRoundsBack) {
  w_.Lend("notes", "etri", NonCommercial());
  Run();
  w_.PlayRound("first", 0, {{"kt", "reviews"}, {"etri", "notes"}});
  for (uint64_t round = 1; round < 4; ++round) w_.PlayRound("first", round, {{"kt", "reviews"}});
  GrantRequest request = w_.ToServe("first/3", "commercial-service");
  const Standing now = w_.Now();
  const auto ruling = Decide(now, request);
  ASSERT_TRUE(ruling) << ruling.error().message;
  EXPECT_FALSE(ruling->allowed());
  EXPECT_THAT(ruling->Json(), HasSubstr("terms:notes#use"));
  EXPECT_THAT(ruling->Json(), ::testing::Not(HasSubstr("terms:reviews")));
  ledger::GrantDecided lie = EventOf(now, request, *ruling);
  lie.granted = true;
  w_.Say("host", lie);
  EXPECT_EQ(DissentRule(), "decision-differs");
}

// A member can always say something between a decision and its entry.
TEST_F(StandingTest, AStaleGrantHasNoEffect) {
  Run();
  w_.PlayRound("first", 0, {{"kt", "reviews"}});
  const GrantRequest request = w_.ToServe("first/0", "scientific-research");
  const Standing now = w_.Now();
  const ledger::GrantDecided early = EventOf(now, request, *Decide(now, request));
  w_.Say("etri-desk", ledger::ConsentGiven{*DatasetId::Parse("nli"), {}, {}, "statistics", {}});
  w_.Say("host", early);
  EXPECT_EQ(DissentRule(), "none");
  EXPECT_THAT(w_.Now().state().grants, ::testing::IsEmpty());
}

TEST_F(StandingTest, AnOwnerThatAsksIsHeardBeforeAnExport) {
  terms::Terms asks = terms::testing::OpenTerms();
  asks.Of(terms::Action::kExportWeights) = terms::Permission::kAsk;
  w_.Lend("private", "etri", asks);
  Run();
  w_.PlayRound("first", 0, {{"kt", "reviews"}, {"etri", "private"}});
  w_.Say("kt-site",
         ledger::EvaluationReported{DigestOf("first/0"), *SiteId::Parse("kt-site"), 1.0, 10, 10});
  GrantRequest request;
  request.model = DigestOf("first/0");
  request.grantee = *MemberId::Parse("etri");
  request.purpose = "scientific-research";
  request.territory = "KR";
  request.now = rules::Instant::At(w_.time());
  const auto before = Decide(w_.Now(), request);
  ASSERT_TRUE(before) << before.error().message;
  EXPECT_FALSE(before->allowed());
  EXPECT_THAT(before->Json(), HasSubstr("terms:private#actions.export-weights"));
  w_.Say(
      "etri-desk",
      ledger::ConsentGiven{
          *DatasetId::Parse("private"), {}, ledger::UseKind::kExport, "scientific-research", {}});
  const auto after = Decide(w_.Now(), request);
  ASSERT_TRUE(after) << after.error().message;
  EXPECT_TRUE(after->allowed()) << after->Json();
}

TEST_F(StandingTest, AWithdrawalOfMoreThanFutureRoundsChangesTheModelsTerms) {
  for (const auto scope :
       {ledger::WithdrawalScope::kFutureRounds, ledger::WithdrawalScope::kRetireModels}) {
    World world;
    world.Found();
    world.Lend("open", "etri", terms::testing::OpenTerms());
    world.Propose("first", "scientific-research");
    world.Approve("first");
    world.PlayRound("first", 0, {{"etri", "open"}});
    GrantRequest request = world.ToServe("first/0", "scientific-research");
    ASSERT_TRUE(Decide(world.Now(), request)->allowed());
    world.Say("etri-desk", ledger::DatasetWithdrawn{*DatasetId::Parse("open"), "owner", scope,
                                                    "2026-11-01T00:00:00Z"});
    const auto ruling = Decide(world.Now(), request);
    const bool stays = scope == ledger::WithdrawalScope::kFutureRounds;
    EXPECT_EQ(ruling->allowed(), stays) << ruling->Json();
    if (!stays) {
      EXPECT_THAT(ruling->Json(), HasSubstr("terms:open#actions.serve"));
      // It is the withdrawal that forbids, and nothing that the owner wrote into the terms.
      const std::string entry = std::to_string(
          world.Now().state().datasets.at(*DatasetId::Parse("open")).withdrawn->index);
      EXPECT_THAT(ruling->Json(), HasSubstr("Dataset open was withdrawn at entry " + entry + "."));
      EXPECT_THAT(ruling->Json(),
                  HasSubstr("데이터셋 open은 항목 " + entry + "에서 철회되었습니다."));
      EXPECT_THAT(ruling->Json(), Not(HasSubstr("Dataset open v1 says of")));
    }
  }
}

TEST_F(StandingTest, AMembersVersionsFollowEachOther) {
  w_.Lend("reviews", "kt", NonCommercial(), 3);
  ASSERT_EQ(w_.Audit().voids().size(), 1u);
  EXPECT_EQ(w_.Audit().voids()[0].rule, "version");
  w_.Lend("reviews", "kt", NonCommercial(), 2);
  EXPECT_EQ(w_.Now().state().datasets.at(*DatasetId::Parse("reviews")).version(), 2u);
}

TEST_F(StandingTest, ADissentIsSignedAndTampersShow) {
  w_.SetTime("2026-10-02T09:00:00Z");
  Run();
  w_.SetTime("2026-10-01T12:00:00Z");
  const uint64_t index = w_.Say("host", ledger::RunHalted{*RunId::Parse("first"), "operator"});
  const World::Seat& seat = w_.SeatOf("kt-site");
  Dissent dissent{"test/log",           *SiteId::Parse("kt-site"),
                  seat.actor.key,       *w_.Audit().dissent(),
                  w_.log().Leaf(index), w_.log().Head().note};
  const std::string file = SealDissent(dissent, *seat.signer);
  const auto opened = OpenDissent(file, w_.verifier());
  ASSERT_TRUE(opened) << opened.error().message;
  EXPECT_EQ(opened->finding.index, index);
  EXPECT_EQ(opened->finding.rule, "backdated");
  std::string changed = file;
  for (char& c : changed) {
    if (c == 'A') {
      c = 'B';
      break;
    }
  }
  EXPECT_FALSE(OpenDissent(changed, w_.verifier()));
}

TEST(Runs, OneThatShowsEachUpdateOfThreeMembersTakesTheirVote) {
  World world;
  world.Found(ledger::VotingRule());
  world.Propose("of-two", "scientific-research");
  world.Approve("of-two");
  EXPECT_FALSE(world.Audit().dissent()) << "of two each knows the other's anyway";
  world.Enrol("snu", ledger::House::kAcademic, 40);
  world.Propose("of-three", "scientific-research");
  const Standing standing = world.Now();
  const State& now = standing.state();
  EXPECT_TRUE(now.runs.at(*RunId::Parse("of-three")).by_vote);
  EXPECT_EQ(now.proposals.size(), 1u);
  world.Approve("of-three");
  const auto dissent = world.Audit().dissent();
  ASSERT_TRUE(dissent) << "an aggregator that approves it without votes is found out";
}

}  // namespace
}  // namespace dure::standing
