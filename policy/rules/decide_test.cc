#include "policy/rules/decide.h"

#include <gmock/gmock.h>

#include <algorithm>

#include "policy/rules/constitution.h"
#include "policy/rules/impact.h"
#include "policy/rules/parse.h"

namespace dure::rules {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;
using ::testing::SizeIs;

PolicySet SetOf(const std::vector<std::string>& texts) {
  std::vector<PolicyDocument> documents;
  for (const std::string& text : texts) {
    auto document = ReadPolicy(text, "test.policy");
    EXPECT_TRUE(document.has_value()) << document.error().message;
    if (document) documents.push_back(std::move(*document));
  }
  auto policies = PolicySet::Make(std::move(documents));
  EXPECT_TRUE(policies.has_value()) << policies.error().message;
  return policies.value_or(PolicySet());
}

PolicySet Policies(const std::string& rules) {
  return SetOf({"policy \"P\" version 2 effective 2026-09-01\n" + rules});
}

std::vector<std::string> Rules(const Decision& decision) {
  std::vector<std::string> rules;
  for (const Reason& reason : decision.reasons) rules.push_back(reason.rule);
  return rules;
}

constexpr const char* kOpenRules =
    "rule P1 permit train when run.status is approved end\n"
    "rule P2 forbid train when dataset.withdrawnAt exists end\n"
    "rule P3 require train that run.purpose is one of dataset.terms.purposes end\n"
    "rule P4 oblige train when dataset.terms.attribution exists duty attribute \"Name "
    "{dataset.terms.attribution}.\" within 30 days basis \"art. 7\" end\n";

Facts OpenFacts() {
  Facts facts;
  facts.Set("run.status", Value::Text("approved")).SetAbsent("dataset.withdrawnAt");
  facts.Set("run.purpose", Value::Text("statistics"));
  facts.Set("dataset.terms.purposes", Value::TextSet({"benchmark", "statistics"}));
  facts.Set("dataset.terms.attribution", Value::Text("Hospital A"));
  return facts;
}

TEST(Decide, AdmitsWithWhatIsOwed) {
  const Decision decision = Decide(Policies(kOpenRules), Action::kTrain, OpenFacts());
  EXPECT_EQ(decision.outcome, Outcome::kAdmit);
  EXPECT_THAT(decision.reasons, IsEmpty());
  ASSERT_THAT(decision.permissions, SizeIs(1));
  EXPECT_EQ(decision.permissions[0].rule, "P1");
  ASSERT_THAT(decision.obligations, SizeIs(1));
  EXPECT_EQ(decision.obligations[0].text.en, "Name Hospital A.");
  EXPECT_EQ(decision.obligations[0].kind, "attribute");
  EXPECT_EQ(decision.obligations[0].count, 30u);
  EXPECT_EQ(decision.obligations[0].basis, "art. 7");
}

TEST(Decide, ListsEveryHitAndNothingElse) {
  Facts facts = OpenFacts();
  facts.Set("dataset.withdrawnAt", Value::Time(*Instant::Parse("2026-09-20")));
  facts.Set("run.purpose", Value::Text("commercial-service"));
  const Decision decision = Decide(Policies(kOpenRules), Action::kTrain, facts);
  EXPECT_EQ(decision.outcome, Outcome::kDeny);
  EXPECT_THAT(Rules(decision), ElementsAre("P2", "P3"));
  EXPECT_EQ(decision.reasons[0].reason_class, ReasonClass::kForbidden);
  EXPECT_EQ(decision.reasons[1].reason_class, ReasonClass::kRequirementNotMet);
  EXPECT_THAT(decision.reasons[1].facts,
              ElementsAre(FactSeen{"run.purpose", "is one of", "{benchmark, statistics}",
                                   "dataset.terms.purposes", "commercial-service", false}));
  EXPECT_THAT(decision.obligations, IsEmpty());
  EXPECT_EQ(decision.reasons[0].policy.version, 2u);
}

TEST(Decide, AnUnknownFactDeniesAndSaysSo) {
  for (const char* path :
       {"run.status", "dataset.withdrawnAt", "run.purpose", "dataset.terms.purposes"}) {
    Facts facts = OpenFacts();
    facts.Forget(path);
    const Decision decision = Decide(Policies(kOpenRules), Action::kTrain, facts);
    EXPECT_EQ(decision.outcome, Outcome::kDeny) << path;
    ASSERT_THAT(decision.reasons, SizeIs(1)) << path;
    const Reason& reason = decision.reasons[0];
    const FactSeen& fact = reason.facts.at(0);
    EXPECT_TRUE(fact.actual == "<unknown>" || fact.expected == "<unknown>") << path;
    EXPECT_EQ(fact.holds, std::nullopt) << path;
    const bool permit = std::string_view(path) == "run.status";
    EXPECT_EQ(reason.reason_class,
              permit ? ReasonClass::kNothingPermits : ReasonClass::kUnknownFact);
  }
}

TEST(Decide, AnUnknownFactStillBindsAnOblige) {
  Facts facts = OpenFacts();
  facts.Forget("dataset.terms.attribution");
  const Decision decision = Decide(Policies(kOpenRules), Action::kTrain, facts);
  EXPECT_EQ(decision.outcome, Outcome::kAdmit);
  ASSERT_THAT(decision.obligations, SizeIs(1));
  EXPECT_EQ(decision.obligations[0].text.en, "Name (not recorded).");
  facts.SetAbsent("dataset.terms.attribution");
  EXPECT_THAT(Decide(Policies(kOpenRules), Action::kTrain, facts).obligations, IsEmpty());
}

TEST(Decide, AFactOfAnotherKindIsUnknown) {
  Facts facts = OpenFacts();
  facts.Set("run.purpose", Value::Number(3));
  EXPECT_EQ(Decide(Policies(kOpenRules), Action::kTrain, facts).reasons.at(0).reason_class,
            ReasonClass::kUnknownFact);
  const PolicySet policies =
      Policies("rule P1 permit train when round.no less than 5 and run.id is not run-3 end");
  facts = Facts().Set("round.no", Value::Text("4")).Set("run.id", Value::Text("run-4"));
  EXPECT_EQ(Decide(policies, Action::kTrain, facts).outcome, Outcome::kDeny);
  facts.Set("round.no", Value::Number(4)).Set("run.id", Value::Number(3));
  EXPECT_EQ(Decide(policies, Action::kTrain, facts).outcome, Outcome::kDeny);
}

TEST(Decide, NothingPermitsListsEachCandidateWithWhatItLacked) {
  const PolicySet policies = Policies(
      "rule P1 permit train when member.status is active and run.status is approved end\n"
      "rule P2 permit train when member.house is public or member.country is KR end\n"
      "rule P10 permit serve when member.status is active end\n");
  Facts facts;
  facts.Set("member.status", Value::Text("active")).Set("run.status", Value::Text("halted"));
  facts.Set("member.house", Value::Text("private")).Set("member.country", Value::Text("US"));
  const Decision decision = Decide(policies, Action::kTrain, facts);
  EXPECT_THAT(Rules(decision), ElementsAre("P1", "P2"));
  ASSERT_THAT(decision.reasons[0].facts, SizeIs(1)) << "what did hold is no reason";
  EXPECT_EQ(decision.reasons[0].because.en,
            "Rule P1 would permit it, but the run's status is halted (permitted where it is "
            "approved).");
  EXPECT_THAT(decision.reasons[1].facts, SizeIs(2));
}

TEST(Decide, ADenyAlwaysNamesARuleAndAFact) {
  for (const Action action : kActions) {
    for (const PolicySet& policies : {PolicySet(), Policies(kOpenRules)}) {
      const Decision decision = Decide(policies, action, Facts());
      EXPECT_EQ(decision.outcome, Outcome::kDeny);
      ASSERT_FALSE(decision.reasons.empty());
      for (const Reason& reason : decision.reasons) {
        EXPECT_FALSE(reason.rule.empty());
        EXPECT_FALSE(reason.facts.empty());
        EXPECT_FALSE(reason.because.en.empty());
        EXPECT_FALSE(reason.because.ko.empty());
      }
    }
  }
}

TEST(Decide, KnowsItsActionWhateverTheFactsSay) {
  const PolicySet policies =
      Policies("rule P1 permit train, serve when request.action is serve end");
  Facts facts;
  facts.Set("request.action", Value::Text("serve"));
  EXPECT_EQ(Decide(policies, Action::kTrain, facts).outcome, Outcome::kDeny);
  EXPECT_EQ(Decide(policies, Action::kServe, Facts()).outcome, Outcome::kAdmit);
}

TEST(Decide, TermsAndSitePoliciesNarrowTheConsortiums) {
  const std::string open =
      "policy \"C\" version 1 effective 2026-09-01\n" + std::string(kOpenRules);
  const std::string terms =
      "terms policy \"terms:ds-7\" version 3 effective 2026-09-01\n"
      "rule terms:ds-7#purposes require train that run.purpose is one of {benchmark} end\n";
  const std::string site =
      "site policy \"Site A\" version 1 effective 2026-09-01\n"
      "rule S1 forbid train when run.purpose is statistics end\n";
  EXPECT_EQ(Decide(SetOf({open}), Action::kTrain, OpenFacts()).outcome, Outcome::kAdmit);
  const Decision decision = Decide(SetOf({site, terms, open}), Action::kTrain, OpenFacts());
  EXPECT_THAT(Rules(decision), ElementsAre("S1", "terms:ds-7#purposes"));
  EXPECT_EQ(decision.reasons[0].policy.layer, Layer::kSite);
  EXPECT_EQ(decision.reasons[1].policy.layer, Layer::kTerms);
  EXPECT_EQ(decision.reasons[1].policy.name, "terms:ds-7");
}

TEST(Decide, WritesTheRecordedExamplesInBothLanguages) {
  const auto policies = PolicySet::Make({Constitution()[1], Constitution()[2], Constitution()[5]});
  ASSERT_TRUE(policies.has_value());
  Facts facts;
  facts.Set("dataset.id", Value::Text("ds-7")).Set("run.id", Value::Text("run-3"));
  facts.Set("dataset.terms.use", Value::Text("research-only"));
  facts.Set("run.purpose", Value::Text("product-development"));
  facts.Set("dataset.terms.duo", Value::TextSet({"DUO:0000046"}));
  facts.Set("run.beneficiaries", Value::TextSet({"for-profit"}));
  facts.Set("dataset.terms.purposes", Value::TextSet({"scientific-research", "statistics"}));
  facts.Set("dataset.personalData", Value::Text("pseudonymised"));
  facts.SetAbsent("dataset.terms.epsilonMax");
  const Decision decision = Decide(*policies, Action::kTrain, facts);
  ASSERT_THAT(Rules(decision), ElementsAre("P2.1", "P2.3", "P3.2"));
  EXPECT_EQ(decision.reasons[0].because.en,
            "Dataset ds-7 is for research only; run run-3 is for product development.");
  EXPECT_EQ(decision.reasons[0].basis, "DUO:0000046 NCU");
  EXPECT_EQ(decision.reasons[1].because.ko,
            "학습 run-3의 목적은 제품 개발이고, 데이터셋 ds-7이 허용하는 목적은 과학적 연구, 통계 "
            "작성입니다.");
  EXPECT_EQ(decision.reasons[1].facts[0].actual, "product-development") << "the code stays";
  Facts calls;
  calls.Set("caller.class", Value::Text("large-firm"));
  calls.Set("capacity.otherUsedShare", Value::Number(*Decimal::Parse("0.83")));
  const Decision refused = Decide(*policies, Action::kServe, calls);
  const auto fifth = std::find_if(refused.reasons.begin(), refused.reasons.end(),
                                  [](const Reason& reason) { return reason.rule == "P6.2"; });
  ASSERT_NE(fifth, refused.reasons.end());
  EXPECT_EQ(fifth->because.en,
            "Others than small firms used 0.83 of this month's capacity; 0.20 is reserved for "
            "small firms, and the caller is large firm.");
}

TEST(ADecision, HasOneTextAndComesBackFromIt) {
  for (const Facts& facts : {OpenFacts(), Facts(), OpenFacts().Forget("run.purpose")}) {
    const Decision decision = Decide(Policies(kOpenRules), Action::kTrain, facts);
    const std::string json = ToJson(decision);
    const auto back = DecisionFromJson(json);
    ASSERT_TRUE(back.has_value()) << back.error().message << "\n" << json;
    EXPECT_EQ(*back, decision);
    EXPECT_FALSE(DecisionFromJson(json + " ").has_value());
    EXPECT_FALSE(DecisionFromJson(json.substr(0, json.size() - 1)).has_value());
  }
}

// The bytes themselves: whoever changes them makes old decisions fail their replay, and must raise
// kEngineVersion; or the words' version, where it is a sentence (versions.h).
TEST(ADecision, HasTheseVeryBytes) {
  const PolicySet policies = Policies("rule P2 forbid train when dataset.withdrawnAt exists end\n");
  Facts facts;
  facts.Set("dataset.withdrawnAt", Value::Time(*Instant::Parse("2026-09-20")));
  EXPECT_EQ(ToJson(Decide(policies, Action::kTrain, facts)),
            R"({"action":"train","engine":1,"obligations":[],"outcome":"deny","permissions":[],)"
            R"("reasons":[{"basis":"","because":{"en":"dataset.withdrawnAt exists",)"
            R"("ko":"dataset.withdrawnAt exists"},"class":"forbidden","facts":[{"actual":)"
            R"("2026-09-20","holds":true,"op":"exists","path":"dataset.withdrawnAt"}],"policy":)"
            R"({"digest":")" +
                policies.documents()[0].digest.Hex() +
                R"(","layer":"consortium","name":"P","version":2},"rule":"P2"}],"words":)" +
                std::to_string(kWordsVersion) + "}");
}

TEST(ADecision, IsRefusedWhereItWasChanged) {
  const std::string json = ToJson(Decide(Policies(kOpenRules), Action::kTrain, Facts()));
  for (const auto& [from, to] : std::vector<std::pair<std::string, std::string>>{
           {"\"engine\":1", "\"engine\":2"},
           {"\"outcome\":\"deny\"", "\"outcome\":\"admit\""},
           {"\"class\":\"unknown-fact\"", "\"class\":\"unknown\""},
           {"\"action\":\"train\"", "\"action\":\"serve\",\"action\":\"train\""},
           {"\"permissions\":[]", "\"permissions\":[],\"more\":1"},
           {"\"version\":2", "\"version\":2.0"},
           {"\"words\":" + std::to_string(kWordsVersion), "\"words\":0"},
           {"\"words\":", "\"words\":-"},
           {"\"words\":", "\"words\":4294967296"}}) {
    std::string changed = json;
    const size_t at = changed.find(from);
    ASSERT_NE(at, std::string::npos) << from;
    changed.replace(at, from.size(), to);
    EXPECT_FALSE(DecisionFromJson(changed).has_value()) << to;
  }
}

TEST(Policies, WithTwoRulesOfOneNameAreNotInForceTogether) {
  const auto document = ReadPolicy(
      "policy \"P\" version 1 effective 2026-09-01\nrule P1 forbid train when a.b exists end", "p");
  ASSERT_TRUE(document.has_value());
  EXPECT_FALSE(PolicySet::Make({*document, *document}).has_value());
}

TEST(RuleNames, AreOrderedAsPeopleCount) {
  std::vector<std::string> ids = {"P2.10", "P2.9", "P10", "P2", "P2.1a", "P2.1", "P2.01"};
  std::sort(ids.begin(), ids.end(), RuleIdLess);
  EXPECT_THAT(ids, ElementsAre("P2", "P2.01", "P2.1", "P2.1a", "P2.9", "P2.10", "P10"));
}

TEST(Impact, NamesThePastDecisionsThatWouldFlip) {
  Facts withdrawn = OpenFacts();
  withdrawn.Set("dataset.withdrawnAt", Value::Time(*Instant::Parse("2026-09-20")));
  const std::vector<PastDecision> past = {
      {"entry 4", Action::kTrain, OpenFacts(), Outcome::kAdmit},
      {"entry 9", Action::kTrain, withdrawn, Outcome::kDeny},
      {"entry 12", Action::kServe, OpenFacts(), Outcome::kDeny}};
  const Impact same = ImpactOf(Policies(kOpenRules), past);
  EXPECT_EQ(same.decided, 3u);
  EXPECT_THAT(same.to_admit, IsEmpty());
  EXPECT_THAT(same.to_deny, IsEmpty());
  const Impact other =
      ImpactOf(Policies("rule P1 permit train, serve when dataset.withdrawnAt does not exist end\n"
                        "rule P2 forbid train when run.purpose is statistics end\n"),
               past);
  ASSERT_THAT(other.to_deny, SizeIs(1));
  EXPECT_EQ(other.to_deny[0].index, 0u);
  EXPECT_THAT(Rules(other.to_deny[0].proposed), ElementsAre("P2"));
  ASSERT_THAT(other.to_admit, SizeIs(1));
  EXPECT_EQ(other.to_admit[0].index, 2u);
}

}  // namespace
}  // namespace dure::rules
