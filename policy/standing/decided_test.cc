// Decisions of another build: what is judged of them, and what is not.
#include <gmock/gmock.h>

#include <algorithm>
#include <functional>

#include "policy/rules/agreement.h"
#include "policy/standing/testing.h"

namespace dure::standing {
namespace {

using testing::DigestOf;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using testing::World;

constexpr uint32_t kNewer = rules::kWordsVersion + 1;

class WordsTest : public ::testing::Test {
 protected:
  WordsTest() {
    w_.Found();
    w_.Lend("reviews", "kt", terms::testing::OpenTerms());
    terms::Terms research = terms::testing::OpenTerms();
    research.use = terms::UseClass::kResearchOnly;
    research.purposes = {terms::Purpose::kScientificResearch};
    w_.Lend("notes", "etri", research);
    w_.Propose("first", "commercial-service");
    w_.Approve("first");
  }
  // As another build would have decided and said it: refused by the owner's terms, among others.
  rules::Decision Refusal(uint32_t words) const {
    rules::Decision decision = w_.Rule(Notes()).decision;
    decision.words = words;
    for (rules::Reason& reason : decision.reasons) {
      reason.because = {"It may not be, " + reason.rule + " says.", "안 됩니다."};
      if (reason.policy.layer != rules::Layer::kTerms) continue;
      reason.policy.name = "What owners say";
      reason.policy.digest = DigestOf("another sentence, another text");
    }
    return decision;
  }
  AdmissionRequest Notes() const { return w_.Asking("first", 0, "etri", "notes"); }
  void Say(const rules::Decision& decision) {
    ledger::AdmissionDecided entry = w_.Decided(Notes());
    entry.decision = rules::ToJson(decision);
    w_.Say("host", entry);
  }
  std::string DissentRule() const {
    const auto dissent = w_.Audit().dissent();
    return dissent ? dissent->rule : "none";
  }
  World w_;
};

TEST_F(WordsTest, OlderOnesAndNewerOnesHoldByTheirCodesAndFacts) {
  const auto byTerms = [](const rules::Reason& reason) {
    return reason.policy.layer == rules::Layer::kTerms;
  };
  ASSERT_TRUE(std::ranges::any_of(Refusal(0).reasons, byTerms));
  for (const uint32_t words : {0u, rules::kWordsVersion - 1, kNewer}) Say(Refusal(words));
  EXPECT_EQ(DissentRule(), "none");
  const std::map<uint32_t, uint64_t> counted = w_.Now().state().words;
  uint64_t decisions = 0;
  for (const auto& [words, count] : counted) decisions += count;
  EXPECT_EQ(decisions, 3u);
  EXPECT_EQ(counted.at(kNewer), 1u);
}

TEST_F(WordsTest, OfThisBuildAreHeldToTheByte) {
  Say(Refusal(rules::kWordsVersion));
  EXPECT_EQ(DissentRule(), "decision-differs");
}

// One change at a time, each under older and under newer words.
TEST_F(WordsTest, OfAnotherBuildExcuseNoOtherCodeAndNoOtherFact) {
  using Change = std::function<void(rules::Decision&)>;
  const std::vector<std::pair<std::string, Change>> changes = {
      {"a rule", [](auto& d) { d.reasons[0].rule = "P9.9"; }},
      {"a class", [](auto& d) { d.reasons[0].reason_class = rules::ReasonClass::kNothingPermits; }},
      {"a basis", [](auto& d) { d.reasons[0].basis += " b"; }},
      {"a policy's version", [](auto& d) { d.reasons[0].policy.version += 1; }},
      {"a policy's digest", [](auto& d) { d.reasons[0].policy.digest = DigestOf("x"); }},
      {"a policy's name", [](auto& d) { d.reasons[0].policy.name = "Another"; }},
      {"the layer of terms", [](auto& d) { d.reasons.back().policy.layer = rules::Layer::kSite; }},
      {"a fact's path", [](auto& d) { d.reasons[0].facts[0].path = "run.other"; }},
      {"a fact's value", [](auto& d) { d.reasons[0].facts[0].actual += "s"; }},
      {"a fact's limit", [](auto& d) { d.reasons[0].facts[0].expected += "s"; }},
      {"where the limit is from", [](auto& d) { d.reasons[0].facts[0].expected_path += "s"; }},
      {"a comparison", [](auto& d) { d.reasons[0].facts[0].op = "exists"; }},
      {"whether it holds",
       [](auto& d) {
         std::optional<bool>& holds = d.reasons[0].facts[0].holds;
         holds = !holds.value_or(false);
       }},
      {"a reason less", [](auto& d) { d.reasons.pop_back(); }},
      {"a reason twice", [](auto& d) { d.reasons.push_back(d.reasons.back()); }},
      {"the action", [](auto& d) { d.action = rules::Action::kServe; }},
  };
  for (const auto& [what, change] : changes) {
    for (const uint32_t words : {0u, kNewer}) {
      rules::Decision decision = Refusal(words);
      change(decision);
      const rules::Decision due = w_.Rule(Notes()).decision;
      EXPECT_EQ(rules::AgreementOf(due, rules::ToJson(decision)), rules::Agreement::kDiffers)
          << what << " in words " << words;
    }
  }
  rules::Decision lie = Refusal(0);
  lie.reasons[0].facts[0].actual += "s";
  Say(lie);
  EXPECT_EQ(DissentRule(), "decision-differs");
  EXPECT_THAT(w_.Now().state().words, IsEmpty());
}

TEST_F(WordsTest, OfAnotherBuildExcuseNoOtherDuty) {
  rules::Decision due;
  due.outcome = rules::Outcome::kAdmit;
  due.permissions = {{"P1.1", {}, {"It may.", "됩니다."}}};
  rules::Obligation owed;
  owed.kind = "notify";
  owed.text = {"Tell.", "알리십시오."};
  owed.limit = rules::Duty::Limit::kWithin;
  owed.count = 30;
  due.obligations = {owed};
  rules::Decision said = due;
  said.words = 0;
  said.permissions[0].because = said.obligations[0].text = {"Otherwise.", "다르게."};
  EXPECT_EQ(rules::AgreementOf(due, rules::ToJson(said)), rules::Agreement::kOtherWords);
  const auto differs = [&](const std::function<void(rules::Obligation&)>& change) {
    rules::Decision other = said;
    change(other.obligations[0]);
    return rules::AgreementOf(due, rules::ToJson(other)) == rules::Agreement::kDiffers;
  };
  EXPECT_TRUE(differs([](auto& o) { o.kind = "keep"; }));
  EXPECT_TRUE(differs([](auto& o) { o.limit = rules::Duty::Limit::kFor; }));
  EXPECT_TRUE(differs([](auto& o) { o.count = 31; }));
  EXPECT_TRUE(differs([](auto& o) { o.unit = rules::Unit::kHours; }));
  EXPECT_TRUE(differs([](auto& o) { o.basis = "art. 1"; }));
  EXPECT_TRUE(differs([](auto& o) { o.rule = "P1.2"; }));
  said.permissions[0].rule = "P1.9";
  EXPECT_EQ(rules::AgreementOf(due, rules::ToJson(said)), rules::Agreement::kDiffers);
}

TEST_F(WordsTest, ThatBecomeOlderAreNamedWhateverTheySay) {
  const std::string honest = rules::ToJson(w_.Rule(Notes()).decision);
  w_.DecideAndSay(Notes());
  EXPECT_EQ(DissentRule(), "none");
  rules::Decision lie = w_.Rule(Notes()).decision;
  lie.words = rules::kWordsVersion - 1;
  lie.reasons[0].because = {"The member's officer asked for it.", "회원이 요청했습니다."};
  Say(lie);
  const auto dissent = w_.Audit().dissent();
  ASSERT_TRUE(dissent);
  EXPECT_EQ(dissent->rule, "words-went-back");
  EXPECT_EQ(dissent->due, honest);
  EXPECT_THAT(dissent->text, HasSubstr("of version " + std::to_string(rules::kWordsVersion)));
}

TEST_F(WordsTest, ThatBecomeOlderAreNamedAmongDecisionsAboutModels) {
  w_.Propose("second", "scientific-research");
  w_.Approve("second");
  w_.PlayRound("second", 0, {{"kt", "reviews"}});
  const GrantRequest request = w_.ToServe("second/0", "scientific-research");
  Ruling ruling = *Decide(w_.Now(), request);
  ruling.decision.words = 0;
  w_.Say("host", EventOf(w_.Now(), request, ruling));
  EXPECT_EQ(DissentRule(), "words-went-back");
}

TEST_F(WordsTest, OfABuildThatIsNewerKeepAnOlderAggregatorFromDeciding) {
  w_.DecideAndSay(Notes());
  EXPECT_TRUE(MayDecide(w_.Now().state()).has_value());
  Say(Refusal(kNewer));
  const Status may = MayDecide(w_.Now().state());
  ASSERT_FALSE(may.has_value());
  EXPECT_EQ(may.error().code, ErrorCode::kFailedPrecondition);
  w_.DecideAndSay(Notes());
  EXPECT_EQ(DissentRule(), "words-went-back");
}

}  // namespace
}  // namespace dure::standing
