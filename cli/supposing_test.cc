// What-ifs of a refused grant: the owners' terms are asked about the use that it would be.
#include "cli/supposing.h"

#include <gmock/gmock.h>

#include "policy/standing/testing.h"

namespace dure::cli {
namespace {

using standing::testing::DigestOf;
using standing::testing::World;
using ::testing::Contains;
using ::testing::IsEmpty;
using ::testing::Not;

class SupposingTest : public ::testing::Test {
 protected:
  SupposingTest() {
    w_.Found();
    terms::Terms research = terms::testing::OpenTerms();
    research.purposes = {terms::Purpose::kScientificResearch, terms::Purpose::kStatistics};
    w_.Lend("reviews", "kt", terms::testing::OpenTerms());
    w_.Lend("news", "etri", research);
    w_.Propose("first", "scientific-research");
    w_.Approve("first");
    w_.PlayRound("first", 0, {{"kt", "reviews"}, {"etri", "news"}});
    w_.Say("kt-site",
           ledger::EvaluationReported{DigestOf("first/0"), *SiteId::Parse("kt-site"), 10, 10, 5});
  }
  static rules::Facts::Entry If(const char* path, const char* text) {
    return {rules::FactPath(path), {rules::Presence::kKnown, rules::Value::Text(text)}};
  }
  Supposed ForProfit(const std::vector<rules::Facts::Entry>& what_if) const {
    return *Suppose(w_.Now(), w_.ToServe("first/0", "commercial-service"), what_if);
  }
  static std::vector<std::string> Purposes(const Supposed& supposed) {
    std::vector<std::string> all;
    for (const rules::Change& change : supposed.changes) {
      if (change.path == "request.purpose") all.push_back(change.to.value.ToText());
    }
    return all;
  }

  World w_;
};

TEST_F(SupposingTest, OnlyPurposesThatTheTermsAllowWouldAdmit) {
  const Supposed refused = ForProfit({});
  ASSERT_EQ(refused.decision.outcome, rules::Outcome::kDeny);
  EXPECT_THAT(Purposes(refused), Contains("statistics"));
  EXPECT_THAT(Purposes(refused), Not(Contains("benchmark"))) << "news is not for that";
  EXPECT_THAT(Purposes(refused), Not(Contains("commercial-service")));
}

TEST_F(SupposingTest, WhatIsSupposedIsAskedOfTheTerms) {
  EXPECT_EQ(ForProfit({If("request.purpose", "statistics")}).decision.outcome,
            rules::Outcome::kAdmit);
  const Supposed other = ForProfit({If("request.purpose", "benchmark")});
  EXPECT_EQ(other.decision.outcome, rules::Outcome::kDeny);
  EXPECT_THAT(Purposes(other), Not(Contains("benchmark")));
}

TEST_F(SupposingTest, WhereItIsUsedIsAskedOfTheTermsWhicheverFactSaysIt) {
  terms::Terms here = terms::testing::OpenTerms();
  here.territories.exports = {.countries = {"KR"}};
  w_.Lend("local", "kt", here);
  w_.Propose("second", "scientific-research");
  w_.Approve("second");
  w_.PlayRound("second", 0, {{"kt", "local"}});
  w_.Say("kt-site",
         ledger::EvaluationReported{DigestOf("second/0"), *SiteId::Parse("kt-site"), 10, 10, 5});
  standing::GrantRequest request = w_.ToServe("second/0", "scientific-research");
  ASSERT_EQ(Suppose(w_.Now(), request, {})->decision.outcome, rules::Outcome::kAdmit);
  for (const char* path : {"request.country", "grant.country"}) {
    request.territory = "KR";
    EXPECT_EQ(Suppose(w_.Now(), request, {If(path, "US")})->decision.outcome, rules::Outcome::kDeny)
        << path;
    request.territory = "US";
    EXPECT_EQ(Suppose(w_.Now(), request, {If(path, "KR")})->decision.outcome,
              rules::Outcome::kAdmit)
        << path;
  }
}

TEST_F(SupposingTest, AFactThatAnotherTellsIsNoChangeByItself) {
  for (const rules::Change& change : ForProfit({}).changes) {
    EXPECT_NE(change.path, "grant.purposes");
  }
}

}  // namespace
}  // namespace dure::cli
