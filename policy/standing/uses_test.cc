// Whose profit a use is for, and which of a dataset's terms stand behind a model. Each of these
// fails when what it asks is left out.
#include <gmock/gmock.h>

#include "policy/standing/fold.h"
#include "policy/standing/testing.h"

namespace dure::standing {
namespace {

using testing::World;

class UsesTest : public ::testing::Test {
 protected:
  UsesTest() { w_.Found(); }
  // The only round of a run, on etri's notes.
  void Train(const std::string& run, uint64_t version = 1) {
    w_.Propose(run, "scientific-research");
    w_.Approve(run);
    const RoundAttempt at = World::At(run, 0);
    const Digest base = testing::DigestOf(run + "/start");
    const uint64_t admission = w_.DecideAndSay(w_.Asking(run, 0, "etri", "notes", version));
    const SiteId site = *SiteId::Parse("etri-site");
    w_.Say("host", ledger::RoundOpened{at, base, {site}});
    auto said = World::Submitted(at, base, {"etri", "notes"}, admission);
    said.datasets[0].what.version = version;
    const uint64_t index = w_.Say("etri-site", said);
    ledger::RoundClosed closed;
    closed.at = at;
    closed.model = testing::DigestOf(run + "/0");
    closed.aggregate = closed.momentum = closed.scales = testing::DigestOf("a");
    closed.submissions = {{index, site, said.weight}};
    w_.Say("host", closed);
    ASSERT_FALSE(w_.Audit().dissent());
  }
  // What the owner's terms of use say to whoever asks to serve that model.
  bool OwnerRefuses(const std::string& member, const std::string& purpose) {
    GrantRequest request = w_.ToServe("first/0", purpose);
    request.grantee = *MemberId::Parse(member);
    const Ruling ruling = *Decide(w_.Now(), request);
    return std::ranges::any_of(ruling.decision.reasons, [](const rules::Reason& reason) {
      return reason.rule.starts_with("terms:notes") && reason.rule.ends_with("#use");
    });
  }
  static terms::Terms UseOf(terms::UseClass use) {
    terms::Terms terms = terms::testing::OpenTerms();
    terms.use = use;
    if (use != terms::UseClass::kNonCommercial) return terms;
    terms.purposes = {terms::Purpose::kScientificResearch};
    terms.licence.data = "CC-BY-NC-4.0";
    return terms;
  }
  World w_;
};

TEST_F(UsesTest, AFirmOfAnySizeAndWhoeverStandsInNoHouseUsesAModelForProfit) {
  w_.Lend("notes", "etri", UseOf(terms::UseClass::kNotForProfitOrg));
  w_.Enrol("shop", ledger::House::kSmallFirm, 30);
  w_.Enrol("snu", ledger::House::kAcademic, 40);
  w_.AddSeat("ghost-desk", "ghost", ledger::Role::kOfficer, 90);
  w_.Admit("ghost-desk");
  Train("first");
  for (const char* member : {"kt", "shop", "ghost", "nobody"}) {
    EXPECT_TRUE(OwnerRefuses(member, "scientific-research")) << member;
  }
  for (const char* member : {"etri", "snu"}) {
    EXPECT_FALSE(OwnerRefuses(member, "scientific-research")) << member;
  }
}

TEST_F(UsesTest, ARunIsForProfitIfItIsForAnybodysProfit) {
  for (const char* text : {"for-profit", "public-body,for-profit", "for-profit,non-profit"}) {
    EXPECT_EQ(StrictestOf(text), terms::Beneficiary::kForProfit) << text;
  }
  EXPECT_EQ(StrictestOf("public-body,non-profit"), terms::Beneficiary::kNonProfit);
}

TEST_F(UsesTest, AMemberWhoseKeysHaveAllEndedHasLeft) {
  const auto status = [&] {
    const rules::Facts facts =
        FactsOfMember(w_.Now().state(), *MemberId::Parse("etri"), rules::Instant::At(w_.time()));
    return *facts.At("member.status").value.text();
  };
  EXPECT_EQ(status(), "active");
  for (const char* seat : {"etri-desk", "etri-site"}) {
    w_.Say("host", ledger::KeyRevoked{*MemberId::Parse("etri"), w_.SeatOf(seat).actor.key, "left"});
  }
  EXPECT_EQ(status(), "left");
}

TEST_F(UsesTest, WhatItsOwnerAllowsLaterDoesNotWidenAModelThatWasMadeBefore) {
  w_.Lend("notes", "etri", UseOf(terms::UseClass::kNonCommercial));
  Train("first");
  EXPECT_TRUE(OwnerRefuses("kt", "commercial-service"));
  w_.Lend("notes", "etri", UseOf(terms::UseClass::kOpen), 2);
  EXPECT_TRUE(OwnerRefuses("kt", "commercial-service")) << "it was lent under the first version";
  EXPECT_FALSE(OwnerRefuses("kt", "scientific-research"));
}

TEST_F(UsesTest, WhatItsOwnerForbidsLaterNarrowsAModelThatWasMadeBefore) {
  w_.Lend("notes", "etri", UseOf(terms::UseClass::kOpen));
  Train("first");
  EXPECT_FALSE(OwnerRefuses("kt", "commercial-service"));
  w_.Lend("notes", "etri", UseOf(terms::UseClass::kNonCommercial), 2);
  EXPECT_TRUE(OwnerRefuses("kt", "commercial-service"));
}

}  // namespace
}  // namespace dure::standing
