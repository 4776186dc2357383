#include "policy/rules/constitution.h"

#include <gmock/gmock.h>

#include "policy/rules/cases.h"
#include "policy/rules/format.h"
#include "policy/rules/lint.h"
#include "policy/rules/parse.h"

namespace dure::rules {
namespace {

TEST(TheConstitution, ReadsAndIsInItsCanonicalLayout) {
  ASSERT_EQ(ConstitutionTexts().size(), 6u);
  for (const ConstitutionText& text : ConstitutionTexts()) {
    const auto document = ReadPolicy(text.text, text.name);
    ASSERT_TRUE(document.has_value()) << document.error().message;
    EXPECT_EQ(Format(document->policy), text.text) << text.name;
  }
}

TEST(TheConstitution, HasNothingForTheLinterToSay) {
  for (size_t i = 0; i < Constitution().size(); ++i) {
    for (const Finding& finding : Lint(Constitution()[i], ConsortiumSchema()))
      ADD_FAILURE() << ToText(finding, ConstitutionTexts()[i].name);
  }
}

TEST(TheConstitution, PassesItsOwnCases) {
  size_t cases = 0;
  for (const PolicyDocument& document : Constitution()) {
    const auto run = RunCases(document);
    ASSERT_TRUE(run.has_value()) << run.error().message;
    for (const CaseResult& result : run->results) {
      EXPECT_TRUE(result.passed) << document.policy.name.en << ": " << result.name
                                 << "\n  expected " << result.expected << "\n  found    "
                                 << result.found;
      cases++;
    }
  }
  EXPECT_GE(cases, 60u);
}

TEST(TheConstitution, FitsTogether) {
  const auto policies = PolicySet::Make(Constitution());
  ASSERT_TRUE(policies.has_value()) << policies.error().message;
  EXPECT_GE(policies->For(Action::kTrain).rules.size(), 15u);
  EXPECT_NE(policies->Find("P4.6"), nullptr);
  EXPECT_EQ(policies->Find("P9.9"), nullptr);
}

TEST(ACase, SaysWhatWasFoundInstead) {
  const auto document = ReadPolicy(
      "policy \"P\" version 1 effective 2026-09-01\n"
      "rule P1 forbid train when dataset.withdrawnAt exists end\n"
      "case \"wrong\" asks train given dataset.withdrawnAt is 2026-09-01 expect admit end\n",
      "p");
  ASSERT_TRUE(document.has_value()) << document.error().message;
  const auto run = RunCases(*document);
  ASSERT_TRUE(run.has_value());
  EXPECT_FALSE(run->AllPassed());
  EXPECT_EQ(run->results[0].expected, "admit");
  EXPECT_EQ(run->results[0].found, "deny by P1");
}

}  // namespace
}  // namespace dure::rules
