// What a member might say that it has no say over: each is void, by its own name. Each of these
// fails when its check is taken out.
#include <gmock/gmock.h>

#include "policy/standing/testing.h"
#include "policy/standing/testing_draft.h"
#include "policy/standing/voting.h"

namespace dure::standing {
namespace {

using ledger::Choice;
using ledger::ProposalKind;
using testing::DigestOf;
using testing::DraftText;
using testing::World;

class VoidsTest : public ::testing::Test {
 protected:
  VoidsTest() {
    w_.Found(World::NoVoteOnRuns(), rules::kWordsVersion);
    w_.Lend("reviews", "kt", terms::testing::OpenTerms());
    w_.Lend("notes", "etri", terms::testing::OpenTerms());
  }
  void Start(const std::string& run) {
    w_.Propose(run, "scientific-research");
    w_.Approve(run);
  }
  uint64_t ProposeText(const std::string& text, ProposalKind kind = ProposalKind::kReplace) {
    return w_.Say("kt-desk", ledger::PolicyProposed{kind, w_.Now().state().policies, text});
  }
  // Why the entry is void; "": it is not. Nothing here is the aggregator's fault.
  std::string Rule(uint64_t index) const {
    const Auditor audit = w_.Audit();
    EXPECT_FALSE(audit.dissent());
    for (const Finding& finding : audit.voids()) {
      if (finding.index == index) return finding.rule;
    }
    return "";
  }
  template <typename Event>
  std::string Void(const std::string& who, Event event) {
    return Rule(w_.Say(who, std::move(event)));
  }
  // The same of what is not written: a site submits once.
  template <typename Event>
  std::string Check(const std::string& who, Event event) const {
    const World::Seat& seat = w_.SeatOf(who);
    const auto sealed =
        ledger::SealNext(log_, seat.actor, *seat.signer, w_.time(), std::move(event));
    const auto finding = w_.Now().Check(*ledger::OpenEntry(sealed->bytes, w_.verifier()));
    return finding ? finding->rule : "";
  }
  ledger::VoteCast Yes(uint64_t proposal) const {
    return {proposal, log_.Leaf(proposal), Choice::kYes};
  }
  ledger::ConsentGiven Consent(const std::string& dataset) const {
    ledger::ConsentGiven yes;
    yes.dataset = *DatasetId::Parse(dataset);
    yes.kind = ledger::UseKind::kServe;
    yes.purpose = "scientific-research";
    return yes;
  }
  ledger::DatasetRegistered Next(const std::string& dataset, const std::string& member,
                                 const std::string& site, uint64_t version) const {
    return {{*DatasetId::Parse(dataset), version},
            *SiteId::Parse(site),
            World::PassportOf(dataset, member),
            terms::ToCanonical(terms::testing::OpenTerms())};
  }
  ledger::DatasetWithdrawn Withdrawn(const std::string& dataset) const {
    return {*DatasetId::Parse(dataset), "owner", ledger::WithdrawalScope::kFutureRounds,
            "2026-12-31T09:00:00Z"};
  }
  World w_;
  ledger::Ledger& log_ = w_.log();
};

TEST_F(VoidsTest, AVoteOnAnotherText) {
  const uint64_t proposal = ProposeText(DraftText("P7 Rest", "forbid"));
  ledger::VoteCast vote = Yes(proposal);
  vote.leaf = DigestOf("another");
  EXPECT_EQ(Void("kt-desk", vote), "other-proposal");
  EXPECT_EQ(Void("kt-desk", Yes(proposal)), "");
}

TEST_F(VoidsTest, AVoteOfAMemberThatStandsInNoHouse) {
  w_.AddSeat("ghost-desk", "ghost", ledger::Role::kOfficer, 90);
  w_.Admit("ghost-desk");
  const uint64_t proposal = ProposeText(DraftText("P7 Rest", "forbid"));
  EXPECT_EQ(Void("ghost-desk", Yes(proposal)), "no-house");
}

TEST_F(VoidsTest, AVoteThatComesAfterTheOutcome) {
  const std::string text = DraftText("E7 Rest", "forbid");
  const uint64_t proposal = ProposeText(text, ProposalKind::kEmergency);
  w_.Enrol("snu", ledger::House::kAcademic, 30);
  for (const char* desk : {"kt-desk", "etri-desk"}) w_.Say(desk, Yes(proposal));
  const Standing now = w_.Now();
  const auto due =
      DueOutcome(now.state().proposals.at(proposal), now.state(), rules::Instant::At(w_.time()));
  ASSERT_TRUE(due && due->adopt);
  w_.Say("host", ledger::PolicyAdopted{proposal, Sha256(AsBytes(text)), due->tally});
  EXPECT_EQ(Void("snu-desk", Yes(proposal)), "vote-over");
}

TEST_F(VoidsTest, AnEmergencyTextThatPermits) {
  EXPECT_EQ(Rule(ProposeText(DraftText("E7 All", "permit"), ProposalKind::kEmergency)),
            "emergency-permits");
  EXPECT_EQ(Rule(ProposeText(DraftText("E7 All", "forbid"), ProposalKind::kEmergency)), "");
}

TEST_F(VoidsTest, ATextThatIsNotTheConsortiums) {
  for (const char* layer : {"site", "terms"}) {
    const std::string text = std::string(layer) + " " + DraftText("P7 Rest", "forbid");
    for (const ProposalKind kind : {ProposalKind::kReplace, ProposalKind::kEmergency}) {
      EXPECT_EQ(Rule(ProposeText(text, kind)), "policy-layer") << layer;
    }
  }
}

TEST_F(VoidsTest, AnOlderVersionOfWhatIsInForce) {
  const std::string text = DraftText("P7 Rest", "forbid", 2);
  const uint64_t proposal = ProposeText(text);
  for (const char* desk : {"kt-desk", "etri-desk"}) w_.Say(desk, Yes(proposal));
  const Standing now = w_.Now();
  const auto due =
      DueOutcome(now.state().proposals.at(proposal), now.state(), rules::Instant::At(w_.time()));
  ASSERT_TRUE(due && due->adopt);
  w_.Say("host", ledger::PolicyAdopted{proposal, Sha256(AsBytes(text)), due->tally});
  for (const uint64_t version : {1, 2}) {
    EXPECT_EQ(Rule(ProposeText(DraftText("P7 Rest", "permit", version))), "version");
  }
  EXPECT_EQ(Rule(ProposeText(DraftText("P7 Rest", "permit", 3))), "");
}

TEST_F(VoidsTest, AProposalForPoliciesThatAreNotInForce) {
  EXPECT_EQ(Void("kt-desk", ledger::PolicyProposed{ProposalKind::kReplace, DigestOf("others"),
                                                   DraftText("P7 Rest", "forbid")}),
            "superseded");
}

// Else whoever can write an entry widens the terms of what another lends.
TEST_F(VoidsTest, TheNextVersionOfWhatAnotherMemberLends) {
  EXPECT_EQ(Void("kt-site", Next("notes", "kt", "kt-site", 2)), "foreign-dataset");
  EXPECT_EQ(w_.Now().state().datasets.at(*DatasetId::Parse("notes")).version(), 1u);
}

TEST_F(VoidsTest, WhatIsSaidToLieAtAnotherSiteOfTheSameMember) {
  w_.AddSeat("kt-two", "kt", ledger::Role::kSite, 91);
  w_.Admit("kt-two");
  EXPECT_EQ(Void("kt-two", Next("more", "kt", "kt-site", 1)), "foreign-site");
  EXPECT_EQ(Void("kt-desk", Next("more", "kt", "kt-site", 1)), "") << "an officer may";
}

TEST_F(VoidsTest, AYesToTheUseOfWhatAnotherLends) {
  EXPECT_EQ(Void("kt-desk", Consent("notes")), "foreign-dataset");
  EXPECT_EQ(Void("etri-desk", Consent("notes")), "");
}

TEST_F(VoidsTest, AnythingOfWhatIsWithdrawn) {
  EXPECT_EQ(Void("etri-desk", Withdrawn("notes")), "");
  EXPECT_EQ(Void("etri-desk", Withdrawn("notes")), "withdrawn-twice");
  EXPECT_EQ(Void("etri-desk", Consent("notes")), "withdrawn");
  EXPECT_EQ(Void("etri-site", Next("notes", "etri", "etri-site", 2)), "withdrawn");
}

TEST_F(VoidsTest, ACaseThatIsClosedWithNothingOrAgainOrByWhatWasBefore) {
  Start("first");
  const uint64_t before = w_.PlayRound("first", 0, {{"etri", "notes"}, {"kt", "reviews"}});
  const uint64_t filed = w_.Say("etri-desk", Withdrawn("notes"));
  const auto close = [&](std::vector<uint64_t> evidence) {
    return Void("etri-desk", ledger::WithdrawalClosed{filed, std::move(evidence)});
  };
  EXPECT_EQ(close({}), "no-evidence");
  EXPECT_EQ(close({before}), "no-evidence");
  const uint64_t after = w_.PlayRound("first", 1, {{"kt", "reviews"}});
  EXPECT_EQ(close({after}), "");
  EXPECT_EQ(close({after}), "no-such-case");
}

TEST_F(VoidsTest, AGrantIsRevokedByWhoeverLentNothingToTheModel) {
  Start("first");
  w_.PlayRound("first", 0, {{"kt", "reviews"}});
  const GrantRequest request = w_.ToServe("first/0", "scientific-research");
  const Standing now = w_.Now();
  const Ruling ruling = *Decide(now, request);
  ASSERT_TRUE(ruling.allowed());
  const uint64_t grant = w_.Say("host", EventOf(now, request, ruling));
  EXPECT_EQ(Void("etri-desk", ledger::GrantRevoked{grant, "owner"}), "foreign-grant");
  EXPECT_EQ(Void("kt-desk", ledger::GrantRevoked{grant, "owner"}), "");
}

TEST_F(VoidsTest, AContributionThatNamesNoDataOrOtherDataThanWasAdmitted) {
  Start("first");
  const Digest base = DigestOf("first/start");
  const RoundAttempt at = World::At("first", 0);
  const uint64_t older = w_.DecideAndSay(w_.Asking("first", 0, "kt", "reviews"));
  const uint64_t admission = w_.DecideAndSay(w_.Asking("first", 0, "kt", "reviews"));
  w_.Say("host", ledger::RoundOpened{at, base, {*SiteId::Parse("kt-site")}});
  const auto honest = World::Submitted(at, base, {"kt", "reviews"}, admission);
  auto said = honest;
  said.datasets[0].what.version = 2;
  EXPECT_EQ(Check("kt-site", said), "not-admitted") << "another version";
  said = honest;
  said.datasets[0].admission = older;
  EXPECT_EQ(Check("kt-site", said), "not-admitted") << "an admission that counts no more";
  said.datasets.clear();
  EXPECT_EQ(Check("kt-site", said), "no-dataset");
  EXPECT_EQ(Check("kt-site", honest), "");
}

TEST_F(VoidsTest, AnExportOfWhatNoRoundMade) {
  Start("first");
  w_.PlayRound("first", 0, {{"kt", "reviews"}});
  const auto exported = [&](const std::string& model, uint64_t ahead) {
    return ledger::DisclosureExported{"prov", "v1", DigestOf(model), DigestOf("file"),
                                      w_.Now().size() + ahead};
  };
  EXPECT_EQ(Void("kt-desk", exported("first/1", 0)), "as-of");
  EXPECT_EQ(Void("kt-desk", exported("first/0", 1)), "as-of");
  EXPECT_EQ(Void("kt-desk", exported("first/0", 0)), "");
}

}  // namespace
}  // namespace dure::standing
