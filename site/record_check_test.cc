#include "site/record_check.h"

#include <gmock/gmock.h>

#include "policy/standing/testing.h"
#include "policy/standing/voting.h"

namespace dure::site {
namespace {

using standing::testing::DigestOf;
using standing::testing::World;
using ::testing::HasSubstr;

constexpr uint64_t kUnopened = 0;

// A run that was approved, one round of it open with kt's reviews, as an honest aggregator has it.
struct Open {
  World world;
  RunId run = *RunId::Parse("first");
  SiteId site = *SiteId::Parse("kt-site");
  round::OfferedDataset reviews{*DatasetId::Parse("reviews"), 1};
  round::Roster roster{{run, {0}, 0}, {site}, kUnopened, {}, {}};

  Open() {
    world.Found();
    world.Lend("reviews", "kt", terms::testing::OpenTerms());
    world.Propose("first", "scientific-research");
  }
  void Admit() { Admitted(world.DecideAndSay(world.Asking("first", 0, "kt", "reviews"))); }
  void Admitted(uint64_t entry) { roster.admitted = {{reviews.dataset, 1, entry}}; }
  void OpenRound(const std::vector<SiteId>& cohort) {
    roster.opened_index =
        world.Say("host", ledger::RoundOpened{World::At("first", 0), DigestOf("start"), cohort});
  }
  std::optional<NotHeld> Objection() const {
    return RosterObjection(world.Now(), roster, site, rules::Instant::At(world.time()));
  }
  std::string Code() const {
    const auto objection = Objection();
    return objection ? objection->code : "";
  }
  std::string LeavingCode(bool rostered, uint32_t attempt = 0) const {
    const auto objection =
        LeavingObjection(world.Now().state(), {{run, {0}, attempt}, site, {reviews}, rostered});
    return objection ? objection->code : "";
  }
};

TEST(RecordCheckTest, ARosterThatTheRecordHoldsIsTaken) {
  Open open;
  open.world.Approve("first");
  open.Admit();
  open.OpenRound({open.site});
  EXPECT_EQ(open.Code(), "");
  EXPECT_EQ(open.LeavingCode(true), "");
  EXPECT_EQ(SizeFor(open.roster), open.world.Now().size());
}

TEST(RecordCheckTest, ARunThatNobodyApprovedTrainsNothing) {
  Open open;
  open.Admitted(1);
  open.roster.opened_index = 1;
  EXPECT_EQ(open.Code(), "run-not-approved");
  EXPECT_EQ(open.LeavingCode(true), "run-not-approved");
  EXPECT_EQ(RunObjection(open.world.Now().state(), *RunId::Parse("never"))->code,
            "run-not-approved");
}

TEST(RecordCheckTest, ARunThatHasEndedTrainsNothing) {
  Open open;
  open.world.Approve("first");
  open.Admit();
  open.OpenRound({open.site});
  open.world.Say("host", ledger::RunHalted{open.run, "stopped"});
  EXPECT_EQ(open.Code(), "run-halted");
  EXPECT_EQ(open.LeavingCode(true), "run-halted");
}

TEST(RecordCheckTest, AnAdmissionThatIsNotThereIsNone) {
  Open open;
  open.world.Approve("first");
  open.roster.opened_index = open.world.Now().size();
  for (const uint64_t entry : {uint64_t{1}, open.world.Now().size()}) {
    open.Admitted(entry);
    EXPECT_EQ(open.Code(), "not-admitted");
    EXPECT_THAT(open.Objection()->text, HasSubstr("entry " + std::to_string(entry)));
  }
  EXPECT_EQ(open.LeavingCode(true), "not-admitted");
  EXPECT_EQ(open.LeavingCode(false), "not-admitted");
}

TEST(RecordCheckTest, AnAdmissionOfSomethingElseIsNone) {
  Open open;
  open.world.Lend("others", "kt", terms::testing::OpenTerms());
  open.world.Lend("etris", "etri", terms::testing::OpenTerms());
  open.world.Approve("first");
  open.Admit();
  const auto admitted = open.roster.admitted;
  // Of another site, of another dataset, to another round.
  const std::vector<standing::AdmissionRequest> elsewhere = {
      open.world.Asking("first", 0, "etri", "etris"), open.world.Asking("first", 0, "kt", "others"),
      open.world.Asking("first", 1, "kt", "reviews")};
  std::vector<uint64_t> entries;
  for (const auto& request : elsewhere) entries.push_back(open.world.DecideAndSay(request));
  open.OpenRound({open.site});
  for (const uint64_t entry : entries) {
    open.Admitted(entry);
    EXPECT_EQ(open.Code(), "not-admitted");
  }
  open.roster.admitted = admitted;
  EXPECT_EQ(open.Code(), "");
  open.roster.admitted.front().version = 2;
  EXPECT_EQ(open.Code(), "not-admitted");
}

TEST(RecordCheckTest, ARefusalOnRecordIsNoAdmission) {
  Open open;
  open.world.Propose("product", "commercial-service", "for-profit");
  open.world.Lend("notes", "kt", terms::testing::ResearchTerms());
  open.world.Approve("product");
  open.run = *RunId::Parse("product");
  open.reviews.dataset = *DatasetId::Parse("notes");
  open.roster.at.run = open.run;
  const auto request = open.world.Asking("product", 0, "kt", "notes");
  ASSERT_FALSE(open.world.Rule(request).allowed());
  open.Admitted(open.world.DecideAndSay(request));
  EXPECT_EQ(open.Code(), "not-admitted");
}

// A decision that was made again counts as it came out last.
TEST(RecordCheckTest, OnlyTheLastAdmissionOfADatasetIsInForce) {
  Open open;
  open.world.Approve("first");
  open.Admit();
  const auto first = open.roster.admitted;
  open.Admit();
  open.OpenRound({open.site});
  EXPECT_EQ(open.Code(), "");
  open.roster.admitted = first;
  EXPECT_EQ(open.Code(), "not-admitted");
}

TEST(RecordCheckTest, ARoundThatIsNotOpenedWithThisSiteTrainsNothing) {
  Open open;
  open.world.Lend("etris", "etri", terms::testing::OpenTerms());
  open.world.Approve("first");
  open.Admit();
  open.world.DecideAndSay(open.world.Asking("first", 0, "etri", "etris"));
  for (const uint64_t entry : {kUnopened, uint64_t{1}}) {
    open.roster.opened_index = entry;
    EXPECT_EQ(open.Code(), "round-not-opened");
  }
  open.OpenRound({*SiteId::Parse("etri-site")});
  EXPECT_EQ(open.Code(), "round-not-opened");
  EXPECT_THAT(open.Objection()->text, HasSubstr("without this site"));
}

TEST(RecordCheckTest, ARoundWithASiteThatTheRunDidNotInviteTrainsNothing) {
  World world;
  world.Found();
  world.SetWords(4);  // of later words no such round is open
  world.Lend("reviews", "kt", terms::testing::OpenTerms());
  world.Lend("etris", "etri", terms::testing::OpenTerms());
  world.Propose("other", "scientific-research");
  const SiteId site = *SiteId::Parse("kt-site");
  const SiteId uninvited = *SiteId::Parse("etri-site");
  const RunId run = *RunId::Parse("first");
  auto fields = world.Now().state().runs.at(*RunId::Parse("other")).fields;
  world.Say("host", ledger::RunProposed{run, DigestOf("first"), fields, {site}, World::Bounds()});
  world.Approve("first");
  const uint64_t entry = world.DecideAndSay(world.Asking("first", 0, "kt", "reviews"));
  world.DecideAndSay(world.Asking("first", 0, "etri", "etris"));
  const uint64_t opened = world.Say(
      "host", ledger::RoundOpened{World::At("first", 0), DigestOf("start"), {uninvited, site}});
  const round::Roster roster{
      {run, {0}, 0}, {uninvited, site}, opened, {}, {{*DatasetId::Parse("reviews"), 1, entry}}};
  const auto objection =
      RosterObjection(world.Now(), roster, site, rules::Instant::At(world.time()));
  ASSERT_TRUE(objection);
  EXPECT_THAT(objection->text, HasSubstr("etri-site, not invited"));
}

// In older words an owner's no to a run does not hold: the replay agrees, this site does not.
TEST(RecordCheckTest, WhatOnlyOlderWordsAdmitIsNotTrained) {
  World world;
  ledger::VotingRule rule;
  rule.runs_by_vote = true;
  world.Found(rule);
  world.Enrol("lab", ledger::House::kPublic, 30);
  world.Enrol("univ", ledger::House::kPublic, 40);
  world.Lend("papers", "lab", terms::testing::OpenTerms());
  world.Propose("first", "scientific-research");
  const RunId run = *RunId::Parse("first");
  const uint64_t proposed = world.Now().state().runs.at(run).proposed;
  for (const char* member : {"kt", "etri", "univ", "lab"}) {
    const bool no = std::string_view(member) == "lab";
    world.Say(member + std::string("-desk"),
              ledger::VoteCast{proposed, world.log().Leaf(proposed),
                               no ? ledger::Choice::kNo : ledger::Choice::kYes});
  }
  const auto due = standing::DueOutcome(world.Now().state().proposals.at(proposed),
                                        world.Now().state(), rules::Instant::At(world.time()));
  ASSERT_TRUE(due && due->adopt);
  world.Say("host", ledger::RunApproved{run, world.Now().state().policies, due->tally});
  world.SetWords(standing::kOwnersNoHoldsSince - 1);
  const uint64_t entry = world.DecideAndSay(world.Asking("first", 0, "lab", "papers"));
  const SiteId site = *SiteId::Parse("lab-site");
  const uint64_t opened =
      world.Say("host", ledger::RoundOpened{World::At("first", 0), DigestOf("start"), {site}});
  ASSERT_FALSE(world.Audit().dissent());
  EXPECT_TRUE(IsInOlderWords(world.Now().state()));
  const round::Roster roster{
      {run, {0}, 0}, {site}, opened, {}, {{*DatasetId::Parse("papers"), 1, entry}}};
  const auto objection =
      RosterObjection(world.Now(), roster, site, rules::Instant::At(world.time()));
  ASSERT_TRUE(objection);
  EXPECT_EQ(objection->code, "not-permitted");
  EXPECT_THAT(objection->text, HasSubstr("terms:papers#vote"));
}

TEST(RecordCheckTest, WorkOfAnAttemptBeforeMayLeaveForTheNext) {
  Open open;
  open.world.Approve("first");
  open.Admit();
  open.OpenRound({open.site});
  open.world.Say("host",
                 ledger::RoundAbandoned{World::At("first", 0), DigestOf("start"), "quorum-missed"});
  EXPECT_TRUE(IsOver(open.world.Now().state(), open.roster.at));
  EXPECT_EQ(open.LeavingCode(false, 1), "");
  EXPECT_EQ(open.LeavingCode(true, 1), "not-admitted") << "the next one's roster is another";
}

TEST(RecordCheckTest, AMemberThatTheRecordPutsElsewhereIsNamed) {
  World world;
  world.Found();
  const MemberId kt = *MemberId::Parse("kt");
  const standing::Standing now = world.Now();
  using identity::House;
  EXPECT_EQ(DomicileObjection(now.state(), kt, {House::kPrivate, "KR"}), "");
  EXPECT_EQ(DomicileObjection(now.state(), *MemberId::Parse("new"), {House::kPublic, "DE"}), "");
  EXPECT_THAT(DomicileObjection(now.state(), kt, {House::kPublic, "KR"}),
              HasSubstr("has kt as private, KR, and this site was invited as public, KR"));
  EXPECT_NE(DomicileObjection(now.state(), kt, {House::kPrivate, "DE"}), "");
}

TEST(KeyNotice, NamesEveryKeyOfItsMembersAndEveryOneUnderItsName) {
  const MemberId kt = *MemberId::Parse("kt");
  const MemberId etri = *MemberId::Parse("etri");
  const SiteId site = *SiteId::Parse("kt-site");
  const SiteId desk = *SiteId::Parse("second-desk");
  PublicKey key{};
  key[0] = 0xab;
  const OwnSeat own{kt, site};
  const auto notice = [&](const MemberId& member, const SiteId& name, ledger::Role role,
                          bool ended = false) {
    return KeyNotice(key, {member, name, role, ended, 7}, own);
  };
  EXPECT_THAT(
      notice(kt, desk, ledger::Role::kOfficer),
      HasSubstr("lets key ab00000000000000 speak for kt, as officer second-desk; if nobody"));
  EXPECT_THAT(notice(kt, desk, ledger::Role::kOfficer, true), HasSubstr("has ended key ab0000"));
  EXPECT_THAT(notice(etri, site, ledger::Role::kSite),
              HasSubstr("speak for etri, as site kt-site, which is this site's name"));
  EXPECT_EQ(notice(etri, site, ledger::Role::kSite, true), "");
  EXPECT_EQ(notice(etri, site, ledger::Role::kOfficer), "");
  EXPECT_EQ(notice(etri, desk, ledger::Role::kSite), "");
}

}  // namespace
}  // namespace dure::site
