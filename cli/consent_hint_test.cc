#include "cli/consent_hint.h"

#include <gmock/gmock.h>

namespace dure::cli {
namespace {

rules::Reason Ask(const std::string& dataset) {
  rules::Reason reason;
  reason.rule = "terms:" + dataset + "#consent";
  reason.policy.layer = rules::Layer::kTerms;
  reason.facts = {{"run.ownersAgreed", "includes", dataset, "", "{}", false}};
  return reason;
}

rules::Reason Forbid(const std::string& dataset) {
  rules::Reason reason = Ask(dataset);
  reason.rule = "terms:" + dataset + ":v2#actions.export-weights";
  reason.facts = {{"request.purpose", "is", "benchmark", "", "benchmark", true}};
  return reason;
}

rules::Reason Incident() {
  rules::Reason reason;
  reason.rule = "P6.7";
  reason.facts = {{"incident.open", "is", "0", "", "1", false}};
  return reason;
}

class ConsentHints : public ::testing::Test {
 protected:
  std::string Of(std::vector<rules::Reason> reasons, bool korean = false) const {
    rules::Decision decision;
    decision.reasons = std::move(reasons);
    GrantAsk ask;
    ask.purpose = "benchmark";
    return ConsentHint(decision, ask, "etri", owners_, korean);
  }
  std::map<std::string, DatasetOwner> owners_ = {
      {"naver-1", {"naver", false}}, {"reviews", {"kt", false}}, {"theses", {"snu", true}}};
};

TEST_F(ConsentHints, NameWhoAgreesWhereThatIsAllThatIsMissing) {
  EXPECT_EQ(Of({Ask("naver-1")}),
            "An officer of naver agrees with: dure grant consent naver-1 --kind export --purpose "
            "benchmark --to etri --dir DESK");
  EXPECT_EQ(Of({Ask("naver-1"), Ask("reviews"), Ask("reviews")}, true),
            "naver의 정책 담당자가 동의하려면: dure grant consent naver-1 --kind export --purpose "
            "benchmark --to etri --dir DESK\nkt의 정책 담당자가 동의하려면: dure grant consent "
            "reviews --kind "
            "export --purpose benchmark --to etri --dir DESK");
}

TEST_F(ConsentHints, SendNobodyAfterAConsentThatDoesNotHelp) {
  EXPECT_EQ(
      Of({Ask("naver-1"), Forbid("reviews")}),
      "Consent does not help: the terms of reviews do not allow it; only a new version of its "
      "terms would.");
  EXPECT_EQ(Of({Forbid("reviews")}, true),
            "동의로는 해결되지 않습니다. reviews의 이용조건이 허용하지 않으며, 이용조건을 새 "
            "버전으로 바꾸어야 가능합니다.");
}

TEST_F(ConsentHints, SayNothingWhereTermsAreNotTheReason) {
  EXPECT_EQ(Of({Incident()}), "");
  EXPECT_EQ(Of({Ask("naver-1"), Incident()}), "");
}

TEST_F(ConsentHints, PromiseNothingOfNewTermsWhereTheDataWasWithdrawn) {
  const std::string theses =
      "Consent does not help: theses was withdrawn, with the models made of it; the last models "
      "without it: dure withdraw plan theses";
  EXPECT_EQ(Of({Forbid("theses")}), theses);
  EXPECT_EQ(Of({Forbid("theses"), Forbid("reviews"), Ask("naver-1")}), theses);
  EXPECT_EQ(Of({Forbid("theses")}, true),
            "동의로는 해결되지 않습니다. theses을(를) 쓴 모델은 데이터와 함께 철회되었습니다. 쓰기 "
            "전의 마지막 모델: dure withdraw plan theses");
  // Also where this folder's copy does not know of it yet.
  rules::Reason gone = Forbid("reviews");
  gone.because.en = "Dataset reviews was withdrawn at entry 63.";
  EXPECT_THAT(Of({gone}), ::testing::HasSubstr("reviews was withdrawn"));
}

TEST_F(ConsentHints, SayWhoHasAModelMeasured) {
  rules::Reason pending;
  pending.rule = "P6.4";
  pending.facts = {{"model.evaluation", "is", "passed", "", "pending", false}};
  EXPECT_EQ(Of({pending}),
            "An operator has it measured with: dure model evaluate --dir OPERATOR --run RUN");
  EXPECT_EQ(Of({pending}, true),
            "운영자가 측정하려면: dure model evaluate --dir OPERATOR --run 학습");
  EXPECT_THAT(Of({pending, Forbid("reviews")}), ::testing::HasSubstr("Consent does not help"));
}

}  // namespace
}  // namespace dure::cli
