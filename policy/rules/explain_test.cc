#include "policy/rules/explain.h"

#include <gmock/gmock.h>

#include "policy/rules/constitution.h"
#include "policy/rules/parse.h"

namespace dure::rules {
namespace {

using ::testing::HasSubstr;

const PolicySet& Purpose() {
  static const PolicySet policies = *PolicySet::Make(
      {*ReadPolicy("policy \"P\" version 1 effective 2026-09-01\n"
                   "rule P1 permit train when run.status is approved end\n"
                   "rule P2 require train that run.purpose is one of dataset.terms.purposes end\n"
                   "rule P3 forbid train when dataset.terms.validUntil exists and request.time "
                   "after dataset.terms.validUntil end\n",
                   "p")});
  return policies;
}

Facts Commercial() {
  Facts facts;
  facts.Set("run.status", Value::Text("approved"));
  facts.Set("run.purpose", Value::Text("commercial-service"));
  facts.Set("dataset.terms.purposes", Value::TextSet({"statistics"}));
  facts.SetAbsent("dataset.terms.validUntil");
  return facts;
}

TEST(Explained, ARuleIsASentenceInBothLanguages) {
  const Rule& rule = Constitution()[1].policy.rules[0];
  EXPECT_EQ(ExplainRule(rule, ConsortiumSchema(), Language::kEnglish),
            "P2.1  Research-only and non-commercial data stays out of commercial runs\n"
            "  Forbids train, finetune when the dataset's use class is one of non-commercial, "
            "for research only, not known, and the run's purpose is one of commercial service, "
            "product development.\n"
            "  Basis: DUO:0000046 NCU\n");
  EXPECT_EQ(
      ExplainRule(rule, ConsortiumSchema(), Language::kKorean),
      "P2.1  연구 전용·비상업 데이터는 상업적 학습에 쓸 수 없다\n"
      "  다음 조건에서 학습, 미세조정을 금지합니다: 데이터셋 이용 구분이 [비상업적 "
      "이용만, 연구 목적만, 알 수 없음] 중 하나임, 그리고 학습 목적이 [상업 서비스, 제품 개발] "
      "중 하나임.\n"
      "  근거: DUO:0000046 NCU\n");
}

// A law has a name in each language, and the record has both.
TEST(Explained, ABasisIsShownInTheReadersLanguage) {
  Rule rule = Constitution()[2].policy.rules[0];
  rule.basis = "PIPA art. 28-2 | 개인정보 보호법 제28조의2";
  EXPECT_THAT(ExplainRule(rule, ConsortiumSchema(), Language::kEnglish),
              HasSubstr("Basis: PIPA art. 28-2\n"));
  EXPECT_THAT(ExplainRule(rule, ConsortiumSchema(), Language::kKorean),
              HasSubstr("근거: 개인정보 보호법 제28조의2\n"));
}

// What policy/terms writes in English alone, because it is on record so.
TEST(Explained, TheBasisOfAnOwnersTermsAndVoteIsKoreanToo) {
  Decision decision = Decide(Purpose(), Action::kTrain, Commercial());
  ASSERT_FALSE(decision.reasons.empty());
  Reason& reason = decision.reasons.front();
  reason.policy.layer = Layer::kTerms;
  for (const auto& [basis, korean] :
       {std::pair("terms of reviews v2", "[reviews v2 이용조건]"),
        std::pair("vote of the owner of reviews", "[reviews 권리자의 투표]")}) {
    reason.basis = basis;
    EXPECT_THAT(ExplainDecision(decision, ConsortiumSchema(), Language::kKorean),
                HasSubstr(korean));
    EXPECT_THAT(ExplainDecision(decision, ConsortiumSchema(), Language::kEnglish),
                HasSubstr("[" + std::string(basis) + "]"));
  }
}

TEST(Explained, EveryRuleOfTheConstitutionHasWords) {
  for (const PolicyDocument& document : Constitution()) {
    for (const Language language : {Language::kEnglish, Language::kKorean}) {
      const std::string text = ExplainPolicy(document.policy, ConsortiumSchema(), language);
      for (const Rule& rule : document.policy.rules) EXPECT_THAT(text, HasSubstr("\n" + rule.id));
      EXPECT_EQ(text.find("dataset."), std::string::npos) << text;
    }
  }
}

TEST(Explained, ADecisionShowsRuleSentenceAndFacts) {
  const Decision decision = Decide(Purpose(), Action::kTrain, Commercial());
  EXPECT_EQ(ExplainDecision(decision, ConsortiumSchema(), Language::kEnglish),
            "train: denied\n"
            "  P2  a requirement is not met\n"
            "    run.purpose is one of dataset.terms.purposes\n"
            "      the run's purpose (run.purpose): commercial service (commercial-service); "
            "needed: that it is one of statistics ({statistics})\n");
  EXPECT_THAT(
      ExplainDecision(decision, ConsortiumSchema(), Language::kKorean),
      ::testing::AllOf(HasSubstr("학습: 거부\n  P2  요건 미충족\n"),
                       HasSubstr("(run.purpose): 상업 서비스(commercial-service); 필요 조건: "
                                 "값이 [통계 작성({statistics})] 중 하나임")));
}

TEST(WhatIf, FindsEverySingleFactThatWouldAdmit) {
  const std::vector<Change> changes =
      ChangesThatAdmit(Purpose(), Action::kTrain, Commercial(), ConsortiumSchema());
  std::vector<std::string> paths;
  for (const Change& change : changes)
    paths.push_back(change.path + "=" + change.to.value.ToText());
  EXPECT_THAT(paths, ::testing::UnorderedElementsAre(
                         "run.purpose=statistics",
                         "dataset.terms.purposes={commercial-service, statistics}"));
  EXPECT_THAT(ExplainChanges(changes, ConsortiumSchema(), Language::kEnglish),
              HasSubstr("It would be admitted if the run's purpose were statistics.\n"));
  EXPECT_THAT(ExplainChanges(changes, ConsortiumSchema(), Language::kKorean),
              HasSubstr("학습 목적이 통계 작성(statistics)이면 승인됩니다.\n"));
}

TEST(WhatIf, AsksNothingOfWhatMayBeAbsentButToBeSo) {
  const PolicySet policies = *PolicySet::Make(
      {*ReadPolicy("policy \"P\" version 1 effective 2026-09-01\n"
                   "rule P1 permit train when run.status is approved end\n"
                   "rule P2 forbid train when run.sector exists and run.sector is health end\n",
                   "p")});
  Facts health = Commercial();
  health.Set("run.sector", Value::Text("health"));
  EXPECT_THAT(ChangesThatAdmit(policies, Action::kTrain, health, ConsortiumSchema()),
              ::testing::ElementsAre(Change{"run.sector", {Presence::kAbsent, {}}}));
}

TEST(WhatIf, FindsTimesAndSaysWhenOneFactIsNotEnough) {
  Facts late = Commercial().Set("run.purpose", Value::Text("statistics"));
  late.Set("dataset.terms.validUntil", Value::Time(*Instant::Parse("2026-09-01")));
  late.Set("request.time", Value::Time(*Instant::Parse("2026-09-02")));
  const auto changes = ChangesThatAdmit(Purpose(), Action::kTrain, late, ConsortiumSchema());
  EXPECT_THAT(changes,
              ::testing::Contains(Change{"dataset.terms.validUntil", {Presence::kAbsent, {}}}));
  EXPECT_THAT(changes, ::testing::Contains(::testing::Field(&Change::path, "request.time")));
  late.Set("run.purpose", Value::Text("benchmark"));
  EXPECT_TRUE(ChangesThatAdmit(Purpose(), Action::kTrain, late, ConsortiumSchema()).empty());
  EXPECT_EQ(ExplainChanges({}, ConsortiumSchema(), Language::kEnglish),
            "No single fact would change it.\n");
}

TEST(Sentences, PutFactsIntoTemplates) {
  Facts facts;
  facts.Set("a.flag", Value::Bool(true))
      .SetAbsent("a.none")
      .Set("a.set", Value::TextSet({"x", "y"}));
  const auto fill = [&](std::string_view text, Language language) {
    return Fill(text, facts, Action::kTrain, language);
  };
  EXPECT_EQ(
      fill("{a.flag} {a.none} {a.set} {a.other} {{x}} {no {request.action}", Language::kEnglish),
      "yes none x, y (not recorded) {x} {no train");
  EXPECT_EQ(fill("{a.flag} {a.none} {a.other} {request.action}", Language::kKorean),
            "예 없음 (기록에 없음) 학습");
}

TEST(Sentences, ChooseTheKoreanParticle) {
  EXPECT_EQ(WithParticle("학습", "을(를)"), "학습을");
  EXPECT_EQ(WithParticle("평가", "을(를)"), "평가를");
  EXPECT_EQ(WithParticle("서울", "(으)로"), "서울로");
  EXPECT_EQ(WithParticle("집", "(으)로"), "집으로");
  EXPECT_EQ(WithParticle("ds-7", "은(는)"), "ds-7은");
  EXPECT_EQ(WithParticle("run-2", "은(는)"), "run-2는");
  EXPECT_EQ(WithParticle("(기록에 없음)", "이(가)"), "(기록에 없음)이");
  // Without a vowel by the names of its letters: 케이티, 에스케이엘, 케이비에스엔.
  for (const char* name : {"kt", "KT", "nh", "sds", "kb", "kisti-gpu", "hospital-a", "kt-b"}) {
    EXPECT_EQ(WithParticle(name, "은(는)"), std::string(name) + "는");
  }
  for (const char* name : {"skl", "KR", "lgm", "kbsn"}) {
    EXPECT_EQ(WithParticle(name, "은(는)"), std::string(name) + "은");
  }
  // With one, as a word: 네이버, 리뷰스, 퍼스트, 스테이트, 블로그.
  for (const char* name : {"naver", "reviews", "first", "state", "blog", "snu", "kaist", "dure"}) {
    EXPECT_EQ(WithParticle(name, "이(가)"), std::string(name) + "가");
  }
  for (const char* name : {"kim-legal", "spring", "train", "news-book", "track", "lab", "sample"}) {
    EXPECT_EQ(WithParticle(name, "이(가)"), std::string(name) + "이");
  }
  EXPECT_EQ(WithParticle("kt-seoul", "(으)로"), "kt-seoul로");
  EXPECT_EQ(WithParticle("'naver'", "은(는)"), "'naver'는");
  EXPECT_EQ(WithParticle("table", "(으)로"), "table로");
}

TEST(Sentences, AreCutBetweenCharacters) {
  EXPECT_EQ(Cut("가나다", 9), "가나다");
  EXPECT_EQ(Cut("가나다라", 9), "가나…");
  EXPECT_EQ(Cut("abcdefghij", 9), "abcdef…");
}

}  // namespace
}  // namespace dure::rules
