// Each term of an owner decides something: told from what is recorded, and as of the words that it
// is decided in.
#include <gmock/gmock.h>

#include "policy/standing/testing.h"
#include "policy/terms/answer.h"

namespace dure::standing {
namespace {

using ::testing::Contains;
using testing::DigestOf;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Not;
using testing::World;

constexpr uint32_t kTermsBefore = terms::kEveryTermSince - 1;

class TermsHoldTest : public ::testing::Test {
 protected:
  TermsHoldTest() {
    w_.Found();
    w_.Lend("reviews", "kt", terms::testing::OpenTerms());
  }
  void Run(const std::string& run, const std::string& purpose = "scientific-research",
           const std::map<std::string, std::string>& more = {}) {
    w_.Propose(run, purpose, "non-profit", more);
    w_.Approve(run);
  }
  Ruling Rule(const std::string& run, uint32_t words = rules::kWordsVersion) {
    AdmissionRequest request = w_.Asking(run, 0, "etri", "notes");
    request.words = words;
    return *Decide(w_.Now(), request);
  }
  static std::vector<std::string> RulesOf(const Ruling& ruling) {
    std::vector<std::string> rules;
    for (const rules::Reason& reason : ruling.decision.reasons) rules.push_back(reason.rule);
    return rules;
  }
  // Admitted in the words of before, and refused for this alone today.
  void ExpectRefused(const std::string& run, const std::string& rule) {
    EXPECT_THAT(RulesOf(Rule(run)), ElementsAre(rule));
    EXPECT_TRUE(Rule(run, kTermsBefore).allowed());
  }

  World w_;
};

TEST_F(TermsHoldTest, DataThatMayNotLieInACountryIsNotUsedThere) {
  terms::Terms terms = terms::testing::OpenTerms();
  terms.territories.storage_forbidden = {"KR"};
  w_.Lend("notes", "etri", terms);
  Run("first");
  ExpectRefused("first", "terms:notes#territories.storageForbidden");
}

TEST_F(TermsHoldTest, MembersAreCountedAndNotSites) {
  terms::Terms terms = terms::testing::OpenTerms();
  terms.limits.min_participants = 2;
  w_.Lend("notes", "etri", terms);
  w_.AddSeat("kt-site-b", "kt", ledger::Role::kSite, 30);
  w_.Admit("kt-site-b");
  Run("first", "scientific-research", {{"quorum", "2"}});
  ExpectRefused("first", "terms:notes#limits.minParticipants");
  EXPECT_THAT(Rule("first").Json(),
              HasSubstr("asks for 2 members in a round; the round promises 1"));
  Run("second", "scientific-research", {{"quorum", "3"}});
  EXPECT_TRUE(Rule("second").allowed()) << Rule("second").Json();
}

TEST_F(TermsHoldTest, ARunThatStartsFromAModelFineTunes) {
  terms::Terms terms = terms::testing::OpenTerms();
  terms.Of(terms::Action::kFinetune) = terms::Permission::kDeny;
  w_.Lend("notes", "etri", terms);
  Run("first");
  EXPECT_TRUE(Rule("first").allowed());
  w_.PlayRound("first", 0, {{"kt", "reviews"}});
  // What the proposer says, and what the record knows.
  Run("said", "scientific-research", {{"startsFrom", "model"}});
  ExpectRefused("said", "terms:notes#actions.finetune");
  Run("known", "scientific-research", {{"initialModel", DigestOf("first/0").Hex()}});
  ExpectRefused("known", "terms:notes#actions.finetune");
  EXPECT_EQ(Rule("known").decision.action, rules::Action::kFinetune);
}

TEST_F(TermsHoldTest, FineTuningIsTrainingToo) {
  w_.Lend("notes", "etri", terms::testing::OpenTerms());
  Run("first", "scientific-research", {{"startsFrom", "model"}});
  auto own = rules::ReadPolicy(
      "policy \"Own\" ko \"자체\" version 1 effective 2026-09-01\n"
      "rule S1 forbid train when dataset.id is notes because \"No.\" end\n",
      "own.policy");
  ASSERT_TRUE(own) << own.error().message;
  own->policy.layer = rules::Layer::kSite;
  const auto reasons = ObjectionsOf(*own, w_.Now(), w_.Asking("first", 0, "etri", "notes"));
  ASSERT_TRUE(reasons);
  ASSERT_EQ(reasons->size(), 1u);
  EXPECT_EQ(reasons->front().rule, "S1");
}

TEST_F(TermsHoldTest, AChangeOfPurposeAsksTheOwner) {
  terms::Terms terms = terms::testing::OpenTerms();
  terms.consent = {terms::ConsentDuty::kPurposeChange};
  w_.Lend("notes", "etri", terms);
  Run("first");
  EXPECT_TRUE(Rule("first").allowed()) << "there is nothing to change from";
  w_.PlayRound("first", 0, {{"etri", "notes"}});
  w_.Say("kt-site",
         ledger::EvaluationReported{DigestOf("first/0"), *SiteId::Parse("kt-site"), 10.0, 10, 5});
  EXPECT_TRUE(Decide(w_.Now(), w_.ToServe("first/0", "scientific-research"))->allowed());
  EXPECT_THAT(RulesOf(*Decide(w_.Now(), w_.ToServe("first/0", "benchmark"))),
              ElementsAre("terms:notes#consent"));
  Run("second", "benchmark");
  ExpectRefused("second", "terms:notes#consent");
  ledger::ConsentGiven yes;
  yes.dataset = *DatasetId::Parse("notes");
  yes.run = *RunId::Parse("second");
  w_.Say("etri-desk", yes);
  EXPECT_TRUE(Rule("second").allowed());
}

TEST_F(TermsHoldTest, WhatTheOwnerAsksForIsOwed) {
  terms::Terms terms = terms::testing::OpenTerms();
  terms.duties.insert({.kind = terms::DutyKind::kReport, .every_days = 90});
  terms.duties.insert({.kind = terms::DutyKind::kPayShare, .formula = "annex-b"});
  terms.duo = {{.number = 19}};
  w_.Lend("notes", "etri", terms);
  Run("first");
  EXPECT_THAT(Rule("first", kTermsBefore).decision.obligations, IsEmpty());
  w_.PlayRound("first", 0, {{"etri", "notes"}});
  std::vector<std::string> kinds;
  const Standing now = w_.Now();
  for (const auto& [at, duty] : now.state().duties) {
    kinds.push_back(duty.obligation.kind);
    EXPECT_EQ(duty.debtor.str(), "host");
    EXPECT_EQ(duty.what.dataset.str(), "notes");
    EXPECT_EQ(duty.due.has_value(), duty.obligation.kind == "report");
  }
  EXPECT_THAT(kinds, ::testing::UnorderedElementsAre("report", "pay-share", "publish"));
  w_.Say("kt-site",
         ledger::EvaluationReported{DigestOf("first/0"), *SiteId::Parse("kt-site"), 10.0, 10, 5});
  const Ruling granted = *Decide(w_.Now(), w_.ToServe("first/0", "scientific-research"));
  ASSERT_TRUE(granted.allowed()) << granted.Json();
  std::vector<std::string> owed;
  for (const rules::Obligation& one : granted.decision.obligations) owed.push_back(one.rule);
  EXPECT_THAT(owed, Contains("terms:notes#duties.owed"));
  EXPECT_THAT(owed, Contains("terms:notes#duo.owed"));
}

// What was admitted in older words is decided again as it was then.
TEST_F(TermsHoldTest, AnOlderRecordReplays) {
  terms::Terms terms = terms::testing::OpenTerms();
  terms.territories.storage_forbidden = {"KR"};
  terms.duties.insert({.kind = terms::DutyKind::kReport, .every_days = 90});
  terms.limits.min_participants = 1;
  w_.Lend("notes", "etri", terms);
  Run("first", "scientific-research", {{"startsFrom", "model"}});
  w_.SetWords(kTermsBefore);
  w_.PlayRound("first", 0, {{"etri", "notes"}});
  EXPECT_FALSE(w_.Audit().dissent()) << w_.Audit().dissent()->text;
  EXPECT_THAT(w_.Now().state().duties, IsEmpty());
  w_.SetWords(rules::kWordsVersion);
  ledger::AdmissionDecided lie = w_.Decided(w_.Asking("first", 1, "etri", "notes"));
  EXPECT_FALSE(lie.admit);
  lie.admit = true;
  w_.Say("host", lie);
  ASSERT_TRUE(w_.Audit().dissent());
  EXPECT_EQ(w_.Audit().dissent()->rule, "decision-differs");
}

}  // namespace
}  // namespace dure::standing
