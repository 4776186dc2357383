// An owner's yes, and an owner's way out: to whom, for how long, and what shows it done.
#include <gmock/gmock.h>

#include "policy/standing/behind.h"
#include "policy/standing/testing.h"
#include "policy/terms/answer.h"

namespace dure::standing {
namespace {

using testing::DigestOf;
using testing::TimeAt;
using testing::World;

class WithdrawalsTest : public ::testing::Test {
 protected:
  WithdrawalsTest() {
    w_.Found();
    w_.Lend("reviews", "kt", terms::testing::OpenTerms());
  }
  void Train(const std::string& run, const std::string& member, const std::string& dataset) {
    w_.Propose(run, "scientific-research", "non-profit",
               {{"initialModel", DigestOf(run + "/start").Hex()}, {"modelConfig", "tiny"}});
    w_.Approve(run);
    w_.PlayRound(run, 0, {{member, dataset}});
    w_.Say("kt-site", ledger::EvaluationReported{DigestOf(run + "/0"), *SiteId::Parse("kt-site"),
                                                 10.0, 10, 5});
  }
  ledger::DatasetWithdrawn Filed(const std::string& scope, const std::string& ground = "owner",
                                 const std::string& deadline = "2026-10-31T09:00:00Z") {
    return {*DatasetId::Parse("notes"), ground, *ledger::ParseWithdrawalScope(scope), deadline};
  }
  uint64_t Withdraw(const ledger::DatasetWithdrawn& e) { return w_.Say("etri-desk", e); }
  // Why its entry is void; empty: it is not.
  std::string VoidRule(uint64_t index) {
    const Auditor audit = w_.Audit();
    for (const Finding& finding : audit.voids()) {
      if (finding.index == index) return finding.rule;
    }
    return "";
  }
  std::string Refused(const ledger::DatasetWithdrawn& e) { return VoidRule(Withdraw(e)); }
  GrantRequest Serve(const std::string& member) {
    GrantRequest request = w_.ToServe("first/0", "scientific-research");
    request.grantee = *MemberId::Parse(member);
    return request;
  }
  bool MayServe(const std::string& member) { return Decide(w_.Now(), Serve(member))->allowed(); }
  uint64_t Grant(const std::string& member) {
    const Standing now = w_.Now();
    Ruling ruling = *Decide(now, Serve(member));
    ruling.decision.words = Serve(member).words;
    return w_.Say("host", EventOf(now, Serve(member), ruling));
  }
  ledger::ConsentGiven Yes(const std::string& to, bool standing) {
    ledger::ConsentGiven yes;
    yes.dataset = *DatasetId::Parse("notes");
    yes.kind = ledger::UseKind::kServe;
    yes.purpose = "scientific-research";
    if (!to.empty()) yes.grantee = *MemberId::Parse(to);
    yes.standing = standing;
    return yes;
  }
  void LendAsking() {
    terms::Terms terms = terms::testing::OpenTerms();
    terms.Of(terms::Action::kServe) = terms::Permission::kAsk;
    w_.Lend("notes", "etri", terms);
  }
  uint64_t Close(uint64_t withdrawal, uint64_t evidence) {
    return w_.Say("etri-desk", ledger::WithdrawalClosed{withdrawal, {evidence}});
  }

  World w_;
};

TEST_F(WithdrawalsTest, AYesIsToWhomItNamesAndToOneGrant) {
  LendAsking();
  Train("first", "etri", "notes");
  EXPECT_FALSE(MayServe("kt"));
  w_.Say("etri-desk", Yes("kt", false));
  EXPECT_FALSE(MayServe("etri"));
  ASSERT_TRUE(MayServe("kt"));
  Grant("kt");
  EXPECT_FALSE(MayServe("kt")) << "each time";
  w_.Say("etri-desk", Yes("kt", true));
  for (int turn = 0; turn < 2; ++turn) {
    ASSERT_TRUE(MayServe("kt"));
    Grant("kt");
  }
  EXPECT_FALSE(MayServe("etri"));
  EXPECT_FALSE(w_.Audit().dissent());
}

TEST_F(WithdrawalsTest, AYesInOlderWordsIsFoldedAsItWas) {
  LendAsking();
  w_.SetWords(kOneUseSince - 1);
  Train("first", "etri", "notes");
  w_.Say("etri-desk", Yes("", false));
  for (int turn = 0; turn < 2; ++turn) {
    ASSERT_TRUE(MayServe("kt"));
    Grant("kt");
  }
  EXPECT_FALSE(w_.Audit().dissent());
  w_.SetWords(rules::kWordsVersion);
  ASSERT_TRUE(MayServe("kt")) << "what was granted then used up nothing";
  Grant("kt");
  EXPECT_FALSE(MayServe("kt"));
}

TEST_F(WithdrawalsTest, TheTermsSayWhatItsOwnerMayAskFor) {
  terms::Terms terms = terms::testing::OpenTerms();
  terms.withdrawal.scopes = {terms::WithdrawalScope::kFutureRounds};
  terms.withdrawal.notice_days = 30;
  w_.Lend("notes", "etri", terms);
  Train("first", "etri", "notes");
  EXPECT_EQ(Refused(Filed("retire-models")), "withdrawal-scope");
  EXPECT_EQ(Refused(Filed("future-rounds", "owner", "2026-10-10T09:00:00Z")), "withdrawal-notice");
  terms = terms::testing::OpenTerms();
  terms.withdrawal.allowed = false;
  w_.Lend("notes", "etri", terms, 2);
  EXPECT_EQ(Refused(Filed("future-rounds")), "withdrawal-not-allowed");
  EXPECT_EQ(Refused(Filed("retire-models", "court", "2026-10-02T09:00:00Z")), "")
      << "what the law gives, no terms take away";
}

// Else an owner would only have to write another version to take back what it promised before.
TEST_F(WithdrawalsTest, ALaterVersionFreesNobodyOfWhatTheOnesBeforePromised) {
  const terms::Withdrawal promises[] = {
      {.allowed = false, .scopes = {}},
      {.notice_days = 30, .scopes = {}},
      {.scopes = {terms::WithdrawalScope::kFutureRounds}},
  };
  Train("first", "kt", "reviews");
  std::vector<std::string> refused;
  for (const terms::Withdrawal& promised : promises) {
    const std::string name = "notes-" + std::to_string(refused.size());
    terms::Terms terms = terms::testing::OpenTerms();
    terms.withdrawal = promised;
    w_.Lend(name, "etri", terms);
    w_.Lend(name, "etri", terms::testing::OpenTerms(), 2);
    ledger::DatasetWithdrawn filed = Filed("retire-models", "owner", "2026-10-02T09:00:00Z");
    filed.dataset = *DatasetId::Parse(name);
    refused.push_back(Refused(filed));
  }
  EXPECT_THAT(refused, ::testing::ElementsAre("withdrawal-not-allowed", "withdrawal-notice",
                                              "withdrawal-scope"));
}

TEST_F(WithdrawalsTest, InAnOlderRecordTheTermsWereNotLookedAt) {
  terms::Terms terms = terms::testing::OpenTerms();
  terms.withdrawal.allowed = false;
  w_.Lend("notes", "etri", terms);
  w_.SetWords(3);
  w_.Propose("first", "scientific-research");
  w_.Approve("first");
  w_.PlayRound("first", 0, {{"etri", "notes"}});
  const Standing before = w_.Now();
  EXPECT_EQ(Refused(Filed("future-rounds")), "");
  const auto entry = w_.log().Read(w_.log().Head().head.size - 1, w_.log().Head().head.size, 1);
  const auto today = before.Check(*ledger::ParseEntry(entry->front()));
  ASSERT_TRUE(today) << "nobody may say it now";
  EXPECT_EQ(today->rule, "withdrawal-not-allowed");
}

TEST_F(WithdrawalsTest, AWideOneEndsTheGrantsOnceTheNoticeIsOver) {
  terms::Terms terms = terms::testing::OpenTerms();
  terms.withdrawal.notice_days = 10;
  w_.Lend("notes", "etri", terms);
  Train("first", "etri", "notes");
  Grant("kt");
  const Digest model = DigestOf("first/0");
  const auto at = [](std::string_view time) { return rules::Instant::At(TimeAt(time)); };
  EXPECT_FALSE(EndedBy(w_.Now().state(), model, at("2027-01-01T00:00:00Z")));
  const uint64_t filed = Withdraw(Filed("retire-models"));
  EXPECT_FALSE(EndedBy(w_.Now().state(), model, at("2026-10-05T00:00:00Z")));
  EXPECT_EQ(EndedBy(w_.Now().state(), model, at("2026-10-12T00:00:00Z")), filed);
  EXPECT_FALSE(MayServe("kt")) << "nothing new is granted meanwhile";
}

TEST_F(WithdrawalsTest, AWideOneLetsTheModelBeNeitherServedNorExported) {
  w_.Lend("notes", "etri", terms::testing::OpenTerms());
  Train("first", "etri", "notes");
  for (const auto kind : {ledger::UseKind::kServe, ledger::UseKind::kExport}) {
    GrantRequest request = Serve("kt");
    request.kind = kind;
    EXPECT_TRUE(Decide(w_.Now(), request)->allowed()) << Name(kind);
  }
  Withdraw(Filed("retire-models"));
  for (const auto kind : {ledger::UseKind::kServe, ledger::UseKind::kExport}) {
    GrantRequest request = Serve("kt");
    request.kind = kind;
    EXPECT_FALSE(Decide(w_.Now(), request)->allowed()) << Name(kind);
  }
}

// Whoever was granted it relied on the longest notice that any version gave.
TEST_F(WithdrawalsTest, TheLongestNoticeOfItsVersionsIsKept) {
  terms::Terms terms = terms::testing::OpenTerms();
  terms.withdrawal.notice_days = 30;
  w_.Lend("notes", "etri", terms);
  Train("first", "etri", "notes");
  terms.withdrawal.notice_days = 10;
  w_.Lend("notes", "etri", terms, 2);
  const uint64_t filed = Withdraw(Filed("retire-models"));
  ASSERT_EQ(VoidRule(filed), "");
  const auto ended = [&](std::string_view time) {
    return EndedBy(w_.Now().state(), DigestOf("first/0"), rules::Instant::At(TimeAt(time)));
  };
  EXPECT_FALSE(ended("2026-10-30T09:00:00Z"));
  EXPECT_EQ(ended("2026-10-31T09:00:00Z"), filed);
}

// A right that the law gives waits for no notice that people agreed on.
TEST_F(WithdrawalsTest, ByCourtOrConsentGrantsEndAtOnce) {
  terms::Terms terms = terms::testing::OpenTerms();
  terms.withdrawal.notice_days = 30;
  w_.Lend("notes", "etri", terms);
  Train("first", "etri", "notes");
  const uint64_t filed = Withdraw(Filed("retire-models", "court"));
  ASSERT_EQ(VoidRule(filed), "");
  EXPECT_EQ(EndedBy(w_.Now().state(), DigestOf("first/0"), rules::Instant::At(w_.time())), filed);
}

// No purpose would change it: the dataset behind the model is what matters. A grant that was
// decided in older words is decided again as it was.
TEST_F(WithdrawalsTest, TheReasonIsTheDatasetAndNoPurpose) {
  w_.SetWords(terms::kWithdrawnIsNamedSince - 1);
  w_.Lend("notes", "etri", terms::testing::OpenTerms());
  Train("first", "etri", "notes");
  Withdraw(Filed("retire-models"));
  for (const uint32_t words : {terms::kWithdrawnIsNamedSince - 1, terms::kWithdrawnIsNamedSince}) {
    GrantRequest request = Serve("kt");
    request.words = words;
    const Ruling ruling = *Decide(w_.Now(), request);
    const auto& reasons = ruling.decision.reasons;
    const auto of_terms =
        std::ranges::find(reasons, std::string("terms:notes#actions.serve"), &rules::Reason::rule);
    ASSERT_NE(of_terms, reasons.end());
    ASSERT_EQ(of_terms->facts.size(), 1u);
    const bool named = words >= terms::kWithdrawnIsNamedSince;
    EXPECT_EQ(of_terms->facts[0].path, named ? "model.datasets" : "request.purpose");
    EXPECT_THAT(of_terms->because.en, ::testing::HasSubstr("notes was withdrawn"));
  }
  Grant("kt");
  EXPECT_FALSE(w_.Audit().dissent());
}

TEST_F(WithdrawalsTest, OneOfFutureRoundsLeavesTheGrants) {
  w_.Lend("notes", "etri", terms::testing::OpenTerms());
  Train("first", "etri", "notes");
  Withdraw(Filed("future-rounds"));
  EXPECT_FALSE(EndedBy(w_.Now().state(), DigestOf("first/0"),
                       rules::Instant::At(TimeAt("2027-01-01T00:00:00Z"))));
  EXPECT_TRUE(MayServe("kt")) << "and what was made may be let go as before";
}

TEST_F(WithdrawalsTest, WhatShowsItDoneIsOfTheDatasetAndTheScope) {
  w_.Lend("notes", "etri", terms::testing::OpenTerms());
  Train("first", "etri", "notes");
  const uint64_t grant = Grant("kt");
  const uint64_t filed = Withdraw(Filed("retire-models"));
  w_.Propose("other", "benchmark", "non-profit", {{"modelConfig", "large"}});
  w_.Approve("other");
  const uint64_t unrelated = w_.PlayRound("other", 0, {{"kt", "reviews"}});
  EXPECT_EQ(VoidRule(Close(filed, unrelated)), "no-evidence");
  const uint64_t revoked = w_.Say("etri-desk", ledger::GrantRevoked{grant, "withdrawn"});
  EXPECT_EQ(VoidRule(Close(filed, revoked)), "");
}

TEST_F(WithdrawalsTest, ARetrainedRunShowsIt) {
  w_.Lend("notes", "etri", terms::testing::OpenTerms());
  Train("first", "etri", "notes");
  const uint64_t filed = Withdraw(Filed("retrain"));
  const uint64_t going_on = w_.PlayRound("first", 1, {{"kt", "reviews"}});
  EXPECT_EQ(VoidRule(Close(filed, going_on)), "no-evidence") << "the notes are still in it";
  w_.Propose("again", "scientific-research", "non-profit",
             {{"initialModel", DigestOf("again/start").Hex()}, {"modelConfig", "tiny"}});
  w_.Approve("again");
  const uint64_t again = w_.PlayRound("again", 0, {{"kt", "reviews"}});
  EXPECT_EQ(VoidRule(Close(filed, again)), "");
}

TEST_F(WithdrawalsTest, ARoundWithoutItShowsThatFutureRoundsAreWithout) {
  w_.Lend("notes", "etri", terms::testing::OpenTerms());
  Train("first", "etri", "notes");
  const uint64_t filed = Withdraw(Filed("future-rounds"));
  w_.Propose("other", "benchmark");
  w_.Approve("other");
  const uint64_t unrelated = w_.PlayRound("other", 0, {{"kt", "reviews"}});
  EXPECT_EQ(VoidRule(Close(filed, unrelated)), "no-evidence");
  const uint64_t next = w_.PlayRound("first", 1, {{"kt", "reviews"}});
  EXPECT_EQ(VoidRule(Close(filed, next)), "");
}

}  // namespace
}  // namespace dure::standing
