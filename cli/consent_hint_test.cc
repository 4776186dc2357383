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
  EXPECT_EQ(Of({Forbid("theses")}), "");  // withdrawn: the reason itself says so
  // Also where this folder's copy does not know of it yet.
  rules::Reason gone = Forbid("reviews");
  gone.because.en = "Dataset reviews was withdrawn at entry 63.";
  EXPECT_EQ(Of({gone}), "");
}

}  // namespace
}  // namespace dure::cli
