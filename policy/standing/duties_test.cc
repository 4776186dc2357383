// Incidents, duties, suspensions: who may say what, and what it changes.
#include <gmock/gmock.h>

#include "policy/standing/testing.h"
#include "policy/standing/unchanged.h"
#include "policy/standing/valuation.h"
#include "policy/standing/voting.h"

namespace dure::standing {
namespace {

using testing::DigestOf;
using testing::World;

class DutiesTest : public ::testing::Test {
 protected:
  DutiesTest() {
    w_.Found();
    w_.Lend("reviews", "kt", terms::testing::OpenTerms());
    w_.Lend("news", "etri", terms::testing::OpenTerms());
  }
  void Train() {
    w_.Propose("first", "scientific-research");
    w_.Approve("first");
    w_.PlayRound("first", 0, {{"kt", "reviews"}, {"etri", "news"}});
    w_.Say("kt-site", ledger::EvaluationReported{model_, *SiteId::Parse("kt-site"), 10.0, 10, 5});
  }
  uint64_t Vote(ledger::ProposalKind kind, const std::string& text) {
    const uint64_t proposal =
        w_.Say("kt-desk", ledger::PolicyProposed{kind, w_.Now().state().policies, text});
    const Digest leaf = w_.log().Leaf(proposal);
    for (const std::string& desk : officers_) {
      w_.Say(desk, ledger::VoteCast{proposal, leaf, ledger::Choice::kYes});
    }
    const Standing now = w_.Now();
    const auto tally = CountVotes(now.state().proposals.at(proposal), now.state());
    return w_.Say("host", ledger::PolicyAdopted{proposal, Sha256(AsBytes(text)), tally});
  }
  GrantRequest Asking() const {
    return {ledger::UseKind::kExport,     model_, *MemberId::Parse("kt"),
            "scientific-research",        "KR",   "",
            rules::Instant::At(w_.time())};
  }
  Ruling Ask() const { return *Decide(w_.Now(), Asking()); }
  uint64_t Grant() { return w_.Say("host", EventOf(w_.Now(), Asking(), Ask())); }
  // As a build with these words would have recorded it, its duties told in its own way.
  uint64_t GrantInWords(uint32_t words, const std::string& told) {
    Ruling ruling = Ask();
    ruling.decision.words = words;
    for (rules::Obligation& one : ruling.decision.obligations) one.text = {told, told};
    return w_.Say("host", EventOf(w_.Now(), Asking(), ruling));
  }
  size_t DutyCount() const { return w_.Now().state().duties.size(); }
  std::vector<std::string> Refusals() const {
    std::vector<std::string> rules;
    for (const rules::Reason& reason : Ask().decision.reasons) rules.push_back(reason.rule);
    return rules;
  }
  std::string VoidRule(uint64_t index) const {
    const Auditor audit = w_.Audit();
    EXPECT_FALSE(audit.dissent());
    for (const Finding& finding : audit.voids()) {
      if (finding.index == index) return finding.rule;
    }
    return "";
  }
  // One that obliges whoever exports to report within ten days.
  void OwePolicy() {
    Vote(ledger::ProposalKind::kReplace,
         "policy \"P7 Reports\" version 1 effective 2026-09-01\n"
         "rule P7.1 oblige export-weights\n  when grant.status is active\n"
         "  duty report \"Report what the model is used for.\" within 10 days\n"
         "  because \"The model leaves.\"\nend\n");
  }

  World w_;
  std::vector<std::string> officers_ = {"kt-desk", "etri-desk"};  // who vote
  const Digest model_ = DigestOf("first/0");
};

TEST_F(DutiesTest, AnOpenIncidentKeepsModelsInUntilItIsClosed) {
  Train();
  EXPECT_TRUE(Ask().allowed());
  const uint64_t incident = w_.Say(
      "etri-desk", ledger::IncidentReported{ledger::IncidentKind::kDataExposed, "news", {3}, {}});
  EXPECT_THAT(Refusals(), ::testing::Contains("P6.7"));
  const uint64_t foreign = w_.Say("kt-desk", ledger::IncidentClosed{incident, "false-alarm", {}});
  EXPECT_EQ(VoidRule(foreign), "foreign-incident");
  const uint64_t bare = w_.Say("etri-desk", ledger::IncidentClosed{incident, "fixed", {}});
  EXPECT_EQ(VoidRule(bare), "no-evidence");
  const uint64_t old = w_.Say("etri-desk", ledger::IncidentClosed{incident, "fixed", {2}});
  EXPECT_EQ(VoidRule(old), "no-evidence");
  EXPECT_FALSE(Ask().allowed());
  w_.Say("etri-desk", ledger::IncidentClosed{incident, "fixed", {foreign}});
  EXPECT_TRUE(Ask().allowed());
  const uint64_t again = w_.Say("etri-desk", ledger::IncidentClosed{incident, "fixed", {foreign}});
  EXPECT_EQ(VoidRule(again), "no-such-incident");
}

TEST_F(DutiesTest, ACompromisedKeyIsMendedByItsRevocationOnly) {
  const uint64_t incident = w_.Say(
      "kt-desk", ledger::IncidentReported{ledger::IncidentKind::kKeyCompromised, "kt", {}, {}});
  const uint64_t other = w_.Lend("more", "kt", terms::testing::OpenTerms());
  const uint64_t early = w_.Say("kt-desk", ledger::IncidentClosed{incident, "fixed", {other}});
  EXPECT_EQ(VoidRule(early), "no-evidence");
  const auto& site = w_.SeatOf("kt-site");
  const uint64_t revoked =
      w_.Say("kt-desk", ledger::KeyRevoked{site.actor.member, site.actor.key, "key-compromised"});
  const uint64_t closed = w_.Say("kt-desk", ledger::IncidentClosed{incident, "fixed", {revoked}});
  EXPECT_EQ(VoidRule(closed), "");
  EXPECT_EQ(w_.Now().state().incidents.at(incident).closed, closed);
}

TEST_F(DutiesTest, ADutyIsOpenedByItsDecisionOnceAndDoneByWhoOwesIt) {
  Train();
  OwePolicy();
  const uint64_t grant = Grant();
  uint64_t number = 99;
  const State state = w_.Now().state();
  for (const auto& [key, duty] : state.duties) {
    if (duty.obligation.rule == "P7.1") number = duty.number;
    EXPECT_EQ(duty.decision, grant);
    EXPECT_EQ(duty.debtor.str(), "kt");
  }
  ASSERT_NE(number, 99u);
  const size_t duties = state.duties.size();
  Grant();
  EXPECT_EQ(w_.Now().state().duties.size(), duties) << "the same duty is owed once";
  const uint64_t foreign = w_.Say("etri-desk", ledger::DutyFulfilled{grant, number, {}});
  EXPECT_EQ(VoidRule(foreign), "foreign-duty");
  const uint64_t none = w_.Say("kt-desk", ledger::DutyFulfilled{grant, 98, {}});
  EXPECT_EQ(VoidRule(none), "no-such-duty");
  w_.Say("kt-desk", ledger::DutyFulfilled{grant, number, DigestOf("report")});
  const uint64_t twice = w_.Say("kt-desk", ledger::DutyFulfilled{grant, number, {}});
  EXPECT_EQ(VoidRule(twice), "done-twice");
}

TEST_F(DutiesTest, ADutyThatANewerBuildTellsOtherwiseIsTheSame) {
  Train();
  OwePolicy();
  Grant();
  const size_t duties = DutyCount();
  ASSERT_GT(duties, 1u);
  GrantInWords(rules::kWordsVersion + 1, "Say what it is for.");
  EXPECT_FALSE(w_.Audit().dissent());
  EXPECT_EQ(DutyCount(), duties);
}

// Records of builds that told duties by their sentences: facts count what those builds counted.
TEST_F(DutiesTest, OfOlderRecordsAreThoseThatTheirBuildCounted) {
  w_.SetWords(1);
  Train();
  OwePolicy();
  GrantInWords(1, "Say what it is for.");
  const size_t duties = DutyCount();
  GrantInWords(1, "Say what it is for.");
  EXPECT_EQ(DutyCount(), duties);
  GrantInWords(1, "Report its use.");
  EXPECT_EQ(DutyCount(), 2 * duties);
  Grant();
  EXPECT_FALSE(w_.Audit().dissent());
  EXPECT_EQ(DutyCount(), 2 * duties) << "what a decision of this build obliges to is owed";
}

TEST_F(DutiesTest, EachDatasetOfARunBringsItsOwn) {
  for (const char* dataset : {"poems", "prose"}) {
    w_.Lend(dataset, "kt", terms::testing::AttributedTerms("CC-BY-4.0"));
  }
  w_.Propose("named", "scientific-research");
  w_.Approve("named");
  for (const uint32_t attempt : {0, 1}) {
    for (const char* dataset : {"poems", "prose"}) {
      AdmissionRequest request = w_.Asking("named", 0, "kt", dataset);
      request.at.attempt = attempt;
      w_.DecideAndSay(request);
    }
  }
  std::vector<std::string> datasets;
  const State state = w_.Now().state();
  for (const auto& [key, duty] : state.duties) {
    EXPECT_EQ(duty.obligation.kind, "attribute");
    datasets.push_back(duty.what.dataset.str());
  }
  EXPECT_THAT(datasets, ::testing::ElementsAre("poems", "prose"));
}

TEST_F(DutiesTest, WhoeverOwesAnOverdueDutyGetsNothingNew) {
  Train();
  OwePolicy();
  const uint64_t grant = Grant();
  w_.SetTime("2026-10-11T09:00:00Z");
  EXPECT_TRUE(Ask().allowed()) << "the tenth day is not over";
  w_.SetTime("2026-10-11T09:00:01Z");
  EXPECT_THAT(Refusals(), ::testing::Contains("P6.9"));
  const auto duties = w_.Now().state().duties;
  for (const auto& [key, duty] : duties) {
    if (duty.due) w_.Say("kt-desk", ledger::DutyFulfilled{grant, duty.number, {}});
  }
  EXPECT_TRUE(Ask().allowed());
}

TEST_F(DutiesTest, NothingIsToldOfAnAdmissionAtOnceOverTheDayOnWhichADutyFallsDue) {
  Train();
  OwePolicy();
  Grant();
  const uint64_t admission = w_.DecideAndSay(w_.Asking("first", 1, "kt", "reviews"));
  const auto told = [&](std::string_view when) {
    const Standing now = w_.Now();
    const Admission& one = now.state().rounds.at(World::At("first", 1)).admissions.front();
    EXPECT_EQ(one.index, admission);
    return SurelyStillHolds(now, World::At("first", 1), one, *rules::Instant::Parse(when));
  };
  EXPECT_TRUE(told("2026-10-11T08:59:59Z"));
  EXPECT_FALSE(told("2026-10-11T09:00:01Z"));
}

TEST_F(DutiesTest, ASuspendedMemberDoesNothingAndHasNoVote) {
  w_.Enrol("snu", ledger::House::kAcademic, 30);
  Train();
  officers_ = {"etri-desk", "snu-desk"};
  Vote(ledger::ProposalKind::kSuspend, "kt");
  EXPECT_THAT(Refusals(), ::testing::Contains("P1.3"));
  EXPECT_FALSE(w_.Rule(w_.Asking("first", 1, "kt", "reviews")).allowed());
  EXPECT_FALSE(MayVote(w_.Now().state().members.at(*MemberId::Parse("kt"))));
  const uint64_t again =
      w_.Say("etri-desk", ledger::PolicyProposed{ledger::ProposalKind::kSuspend, {}, "kt"});
  EXPECT_EQ(VoidRule(again), "no-change");
  const uint64_t nobody =
      w_.Say("etri-desk", ledger::PolicyProposed{ledger::ProposalKind::kSuspend, {}, "nobody"});
  EXPECT_EQ(VoidRule(nobody), "no-such-member");
  const uint64_t proposal =
      w_.Say("etri-desk", ledger::PolicyProposed{ledger::ProposalKind::kReinstate, {}, "kt"});
  const Digest leaf = w_.log().Leaf(proposal);
  for (const std::string& desk : officers_) {
    w_.Say(desk, ledger::VoteCast{proposal, leaf, ledger::Choice::kYes});
  }
  const Standing now = w_.Now();
  w_.Say("host",
         ledger::PolicyAdopted{proposal, Sha256(AsBytes("kt")),
                               CountVotes(now.state().proposals.at(proposal), now.state())});
  EXPECT_TRUE(w_.Rule(w_.Asking("first", 1, "kt", "reviews")).allowed());
  EXPECT_FALSE(w_.Audit().dissent());
}

// What a round would have come to without each of its two members.
class CoalitionsTest : public DutiesTest {
 protected:
  ledger::CoalitionsMade Made(uint64_t closing) const {
    return {closing,
            ledger::CoalitionKind::kLeaveOneOut,
            {{{"kt"}, DigestOf("kt alone")}, {{"etri"}, DigestOf("etri alone")}}};
  }
  ledger::CoalitionsMade OfHouses(uint64_t closing) const {
    return {closing,
            ledger::CoalitionKind::kGroup,
            {{{"private"}, DigestOf("private")}, {{"public"}, DigestOf("public")}}};
  }
  void Measure(const Digest& model, double loss) {
    w_.Say("kt-site", ledger::EvaluationReported{model, *SiteId::Parse("kt-site"), loss, 1, 1});
  }
};

TEST_F(CoalitionsTest, AreThoseThatTheRoundsContributionsMake) {
  Train();
  const uint64_t closing = w_.Now().state().closings.begin()->first;
  ledger::CoalitionsMade made = Made(closing);
  made.coalitions.pop_back();
  w_.Say("host", made);
  ASSERT_TRUE(w_.Audit().dissent());
  EXPECT_EQ(w_.Audit().dissent()->rule, "coalitions");
}

TEST_F(CoalitionsTest, AreMadeOnceOfEachKind) {
  Train();
  const uint64_t closing = w_.Now().state().closings.begin()->first;
  w_.Say("host", Made(closing));
  w_.Say("host", OfHouses(closing));
  ASSERT_FALSE(w_.Audit().dissent()) << w_.Audit().dissent()->text;
  ledger::CoalitionsMade again = OfHouses(closing);
  again.coalitions[0].model = DigestOf("better");
  w_.Say("host", again);
  ASSERT_TRUE(w_.Audit().dissent());
  EXPECT_EQ(w_.Audit().dissent()->rule, "made-twice");
}

TEST_F(CoalitionsTest, OneOfThemIsNamedOnce) {
  Train();
  ledger::CoalitionsMade made = OfHouses(w_.Now().state().closings.begin()->first);
  made.coalitions.push_back(made.coalitions[0]);
  w_.Say("host", made);
  ASSERT_TRUE(w_.Audit().dissent());
  EXPECT_EQ(w_.Audit().dissent()->rule, "coalitions");
}

TEST_F(CoalitionsTest, ValueEachMemberByWhatTheModelLosesWithoutIt) {
  Train();
  const uint64_t closing = w_.Now().state().closings.begin()->first;
  w_.Say("host", Made(closing));
  const RunId run = *RunId::Parse("first");
  const auto value = [&] { return ValueRun(w_.Now().state(), run, CoalitionKind::kLeaveOneOut); };
  EXPECT_EQ(value().refusal->code, "not-measured");
  Measure(model_, 2.0);
  Measure(DigestOf("kt alone"), 2.25);    // without etri: a quarter worse
  Measure(DigestOf("etri alone"), 2.75);  // without kt: three quarters worse
  const Valuation valued = value();
  ASSERT_FALSE(valued.refusal) << valued.refusal->text;
  ASSERT_EQ(valued.valued.shares.size(), 2u);
  EXPECT_EQ(valued.valued.shares[0].member.str(), "etri");
  EXPECT_EQ(valued.valued.shares[0].share_ppm, 250'000u);
  EXPECT_EQ(valued.valued.shares[1].share_ppm, 750'000u);
  ledger::ShareComputed said{run, standing::DigestOf(CoalitionKind::kLeaveOneOut), w_.Now().size(),
                             0, valued.valued.shares};
  EXPECT_EQ(VoidRule(w_.Say("kt-desk", said)), "");
  said.shares[0].share_ppm = said.shares[0].low_ppm = said.shares[0].high_ppm = 0;
  said.shares[1].share_ppm = said.shares[1].high_ppm = 1'000'000;
  EXPECT_EQ(VoidRule(w_.Say("kt-desk", said)), "shares-differ");
}

TEST_F(CoalitionsTest, GroupsAreValuedOverEveryOrderInWhichTheyCouldJoin) {
  Train();
  w_.Say("host", OfHouses(w_.Now().state().closings.begin()->first));
  ASSERT_FALSE(w_.Audit().dissent()) << w_.Audit().dissent()->text;
  Measure(DigestOf("first/start"), 4.0);
  Measure(DigestOf("private"), 3.0);
  Measure(DigestOf("public"), 3.5);
  Measure(model_, 2.0);
  const Valuation valued =
      ValueRun(w_.Now().state(), *RunId::Parse("first"), CoalitionKind::kGroup);
  ASSERT_FALSE(valued.refusal) << valued.refusal->text;
  // private: ((4 - 3) + (3.5 - 2)) / 2 = 1.25; public: ((4 - 3.5) + (3 - 2)) / 2 = 0.75.
  EXPECT_EQ(valued.valued.shares[0].member.str(), "etri");
  EXPECT_EQ(valued.valued.shares[0].share_ppm, 375'000u);
  EXPECT_EQ(valued.valued.shares[1].share_ppm, 625'000u);
}

// A member that takes part from two sites is no two members of its house.
TEST_F(CoalitionsTest, AHousesPartIsDividedAmongItsMembersAndNotAmongTheirSites) {
  w_.Enrol("shop", ledger::House::kPrivate, 30);
  w_.Lend("sales", "shop", terms::testing::OpenTerms());
  w_.AddSeat("kt2-site", "kt", ledger::Role::kSite, 40);
  w_.Admit("kt2-site");
  w_.Say("kt2-site", ledger::DatasetRegistered{{*DatasetId::Parse("more"), 1},
                                               *SiteId::Parse("kt2-site"),
                                               World::PassportOf("more", "kt"),
                                               terms::ToCanonical(terms::testing::OpenTerms())});
  w_.Propose("first", "scientific-research");
  w_.Approve("first");
  w_.Say("host", OfHouses(w_.PlayRound(
                     "first", 0,
                     {{"etri", "news"}, {"kt", "reviews"}, {"kt2", "more"}, {"shop", "sales"}})));
  ASSERT_FALSE(w_.Audit().dissent()) << w_.Audit().dissent()->text;
  Measure(DigestOf("first/start"), 4.0);
  Measure(DigestOf("private"), 3.0);
  Measure(DigestOf("public"), 3.5);
  Measure(model_, 2.0);
  std::map<std::string, uint64_t> shares;
  const Valuation valued =
      ValueRun(w_.Now().state(), *RunId::Parse("first"), CoalitionKind::kGroup);
  for (const auto& one : valued.valued.shares) shares[one.member.str()] = one.share_ppm;
  const std::map<std::string, uint64_t> due = {
      {"etri", 375'000}, {"kt", 312'500}, {"shop", 312'500}};
  EXPECT_EQ(shares, due);
}

}  // namespace
}  // namespace dure::standing
