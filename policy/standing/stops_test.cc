// What stops the use of a grant that was given, and what does not.
#include "policy/standing/stops.h"

#include <gmock/gmock.h>

#include "policy/standing/testing.h"
#include "policy/standing/voting.h"

namespace dure::standing {
namespace {

using ::testing::Contains;
using testing::DigestOf;
using ::testing::IsEmpty;
using testing::World;

constexpr const char* kStopExport =
    "policy \"EM1 Stop export\" version 1 effective 2026-09-01\n"
    "rule EM1.1 forbid export-weights\n  when request.country is KR\n"
    "  because \"Nothing leaves.\"\nend\n";

class StopsTest : public ::testing::Test {
 protected:
  StopsTest() {
    w_.Found();
    terms::Terms asks = terms::testing::OpenTerms();
    asks.Of(terms::Action::kExportWeights) = terms::Permission::kAsk;
    w_.Lend("reviews", "kt", terms::testing::OpenTerms());
    w_.Lend("news", "etri", asks);
    w_.Propose("first", "scientific-research");
    w_.Approve("first");
    w_.PlayRound("first", 0, {{"kt", "reviews"}, {"etri", "news"}});
    w_.Say("kt-site", ledger::EvaluationReported{model_, *SiteId::Parse("kt-site"), 10.0, 10, 5});
    ledger::ConsentGiven yes;
    yes.dataset = *DatasetId::Parse("news");
    yes.purpose = "scientific-research";
    yes.grantee = *MemberId::Parse("kt");
    w_.Say("etri-desk", yes);
    const Standing now = w_.Now();
    grant_ = w_.Say("host", EventOf(now, Asking(), *Decide(now, Asking())));
  }
  GrantRequest Asking() const {
    return {ledger::UseKind::kExport,     model_, *MemberId::Parse("kt"),
            "scientific-research",        "KR",   "",
            rules::Instant::At(w_.time())};
  }
  void Vote(ledger::ProposalKind kind, const std::string& text) {
    const uint64_t proposal =
        w_.Say("kt-desk", ledger::PolicyProposed{kind, w_.Now().state().policies, text});
    const Digest leaf = w_.log().Leaf(proposal);
    for (const std::string& desk : officers_) {
      w_.Say(desk, ledger::VoteCast{proposal, leaf, ledger::Choice::kYes});
    }
    const State now = w_.Now().state();
    const auto tally = CountVotes(now.proposals.at(proposal), now);
    w_.Say("host", ledger::PolicyAdopted{proposal, Sha256(AsBytes(text)), tally});
  }
  std::vector<std::string> Stops() const {
    const Standing now = w_.Now();
    const auto stops =
        StopsOf(now, now.state().grants.at(grant_).decided, rules::Instant::At(w_.time()));
    std::vector<std::string> rules;
    for (const rules::Reason& reason : *stops) rules.push_back(reason.rule);
    return rules;
  }

  World w_;
  std::vector<std::string> officers_ = {"kt-desk", "etri-desk"};  // who vote
  const Digest model_ = DigestOf("first/0");
  uint64_t grant_ = 0;
};

TEST_F(StopsTest, NothingStopsAGrantWhoseConsentItUsedUp) {
  ASSERT_FALSE(Decide(w_.Now(), Asking())->allowed()) << "a second one needs a second yes";
  EXPECT_THAT(Stops(), IsEmpty());
}

TEST_F(StopsTest, AnEmergencyRuleStopsItForItsTime) {
  Vote(ledger::ProposalKind::kEmergency, kStopExport);
  EXPECT_THAT(Stops(), Contains("EM1.1"));
  w_.SetTime("2026-12-31T00:00:00Z");
  EXPECT_THAT(Stops(), IsEmpty());
}

TEST_F(StopsTest, AnOpenIncidentStopsItUntilItIsClosed) {
  const uint64_t incident = w_.Say(
      "etri-desk", ledger::IncidentReported{ledger::IncidentKind::kDataExposed, "news", {3}, {}});
  EXPECT_THAT(Stops(), Contains("P6.7"));
  const uint64_t more = w_.Lend("more", "kt", terms::testing::OpenTerms());
  w_.Say("etri-desk", ledger::IncidentClosed{incident, "fixed", {more}});
  EXPECT_THAT(Stops(), IsEmpty());
}

TEST_F(StopsTest, ASuspendedHolderDoesNotUseIt) {
  w_.Enrol("snu", ledger::House::kAcademic, 30);
  officers_ = {"etri-desk", "snu-desk"};
  Vote(ledger::ProposalKind::kSuspend, "kt");
  EXPECT_THAT(Stops(), Contains("P1.3"));
}

TEST_F(StopsTest, NewTermsOfAnOwnerAreForNewRequests) {
  terms::Terms closed = terms::testing::OpenTerms();
  closed.Of(terms::Action::kExportWeights) = terms::Permission::kDeny;
  w_.Lend("reviews", "kt", closed, 2);
  EXPECT_FALSE(Decide(w_.Now(), Asking())->allowed());
  EXPECT_THAT(Stops(), IsEmpty());
}

}  // namespace
}  // namespace dure::standing
