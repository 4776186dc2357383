// Which of several grants a model is taken away by.
#include "cli/held_grants.h"

#include <gmock/gmock.h>

#include "policy/standing/testing.h"
#include "policy/standing/voting.h"

namespace dure::cli {
namespace {

using standing::testing::DigestOf;
using standing::testing::World;

constexpr const char* kNotForLong =
    "policy \"X1 Not for long\" version 1 effective 2026-09-01\n"
    "rule X1.1 forbid export-weights\n  when grant.validUntil exists and grant.validUntil after "
    "2027-01-01\n"
    "  because \"Nobody takes a model away for years.\"\nend\n";

class HeldGrantsTest : public ::testing::Test {
 protected:
  HeldGrantsTest() {
    w_.Found();
    w_.Lend("reviews", "kt", terms::testing::OpenTerms());
    w_.Propose("first", "scientific-research");
    w_.Approve("first");
    w_.PlayRound("first", 0, {{"kt", "reviews"}});
    w_.Say("kt-site", ledger::EvaluationReported{model_, *SiteId::Parse("kt-site"), 10.0, 10, 5});
    ask_.model = model_.Hex();
  }
  uint64_t Grant(const std::string& until) {
    standing::GrantRequest request = w_.ToServe("first/0", ask_.purpose);
    request.kind = ledger::UseKind::kExport;
    request.until = until;
    const standing::Standing now = w_.Now();
    return w_.Say("host", standing::EventOf(now, request, *standing::Decide(now, request)));
  }
  void AdoptNotForLong() {
    const uint64_t proposal =
        w_.Say("kt-desk", ledger::PolicyProposed{ledger::ProposalKind::kReplace,
                                                 w_.Now().state().policies, kNotForLong});
    const Digest leaf = w_.log().Leaf(proposal);
    for (const char* desk : {"kt-desk", "etri-desk"}) {
      w_.Say(desk, ledger::VoteCast{proposal, leaf, ledger::Choice::kYes});
    }
    const standing::State now = w_.Now().state();
    const auto tally = standing::CountVotes(now.proposals.at(proposal), now);
    w_.Say("host", ledger::PolicyAdopted{proposal, Sha256(AsBytes(kNotForLong)), tally});
  }
  HeldGrants Held() const {
    return *HeldExports(w_.Now(), ask_, *MemberId::Parse("kt"), rules::Instant::At(w_.time()));
  }

  World w_;
  const Digest model_ = DigestOf("first/0");
  GrantAsk ask_;
};

TEST_F(HeldGrantsTest, OneThatARuleStopsKeepsNobodyFromUsingAnother) {
  EXPECT_FALSE(Held().usable);
  const uint64_t years = Grant("2030-01-01T00:00:00Z");
  AdoptNotForLong();
  ASSERT_TRUE(Held().stopped);
  EXPECT_EQ(Held().stopped->grant, years);
  EXPECT_EQ(Held().stopped->rules.front().rule, "X1.1");
  EXPECT_FALSE(Held().usable);
  Grant("2026-12-31T00:00:00Z");
  EXPECT_TRUE(Held().usable);
  w_.SetTime("2027-02-01T00:00:00Z");
  EXPECT_FALSE(Held().usable) << "it is over";
}

}  // namespace
}  // namespace dure::cli
