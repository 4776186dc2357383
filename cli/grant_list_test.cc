// dure grant list and withdraw plan, of a model whose data was withdrawn with notice.
#include <gmock/gmock.h>

#include <nlohmann/json.hpp>

#include "cli/testing.h"
#include "policy/ledger/testing.h"
#include "policy/standing/testing.h"

namespace dure::cli {
namespace {

using standing::testing::DigestOf;
using standing::testing::TimeAt;
using ::testing::AllOf;
using ::testing::HasSubstr;
using ::testing::Not;

class GrantListTest : public ::testing::Test {
 protected:
  explicit GrantListTest(const std::string& until = "") {
    w_.Found();
    terms::Terms terms = terms::testing::OpenTerms();
    terms.withdrawal.notice_days = 30;
    w_.Lend("notes", "etri", terms);
    w_.Propose("first", "scientific-research");
    w_.Approve("first");
    w_.PlayRound("first", 0, {{"etri", "notes"}});
    w_.Say("etri-site", ledger::EvaluationReported{DigestOf("first/0"), *SiteId::Parse("etri-site"),
                                                   10.0, 10, 5});
    standing::GrantRequest request = w_.ToServe("first/0", "scientific-research");
    request.until = until;
    const standing::Standing now = w_.Now();
    w_.Say("host", standing::EventOf(now, request, *standing::Decide(now, request)));
    filed_at_ = w_.time();
  }
  uint64_t Withdraw(const std::string& scope) {
    const WallTime deadline = filed_at_ + std::chrono::hours(24 * 30);
    return w_.Say("etri-desk", ledger::DatasetWithdrawn{*DatasetId::Parse("notes"), "owner",
                                                        *ledger::ParseWithdrawalScope(scope),
                                                        rules::Instant::At(deadline).ToText()});
  }
  Outcome Listed(int days, const std::string& language = "en") const {
    return RunLine({"grant", "list", "--dir", folder_.path(), "--lang", language},
                   filed_at_ + std::chrono::hours(24 * days));
  }
  nlohmann::json ListedJson(int days) const {
    const Outcome outcome = RunLine({"grant", "list", "--dir", folder_.path(), "--json"},
                                    filed_at_ + std::chrono::hours(24 * days));
    return nlohmann::json::parse(outcome.out).at("grants").at(0);
  }

  const ledger::testing::TemporaryFolder folder_;
  standing::testing::World w_{folder_.path()};
  WallTime filed_at_;
};

TEST_F(GrantListTest, SaysWhenAWithdrawalEndsAGrantAndWhichDid) {
  EXPECT_THAT(Listed(1).out, AllOf(HasSubstr("granted"), Not(HasSubstr("withdrawn"))));
  EXPECT_EQ(ListedJson(1).at("ends"), nullptr);
  const std::string entry = std::to_string(Withdraw("retire-models"));
  const std::string end = rules::Instant::At(filed_at_ + std::chrono::hours(24 * 30)).ToText();
  EXPECT_THAT(Listed(1).out,
              AllOf(HasSubstr("granted"),
                    HasSubstr("  ends " + end + ": notes was withdrawn at entry " + entry)));
  EXPECT_THAT(Listed(1, "ko").out,
              HasSubstr(end + "에 끝날 예정: notes가 항목 " + entry + "에서 철회됨"));
  EXPECT_EQ(ListedJson(1).at("ends"), end);
  EXPECT_THAT(Listed(31).out, HasSubstr("  ended " + end + ": notes was withdrawn at entry"));
  EXPECT_THAT(Listed(31, "ko").out, HasSubstr(end + "에 끝남: notes가"));
  EXPECT_EQ(ListedJson(31).at("withdrawal"), std::stoull(entry));
}

class ShortGrantTest : public GrantListTest {
 protected:
  ShortGrantTest() : GrantListTest("2026-10-05T00:00:00Z") {}
};

TEST_F(ShortGrantTest, OneThatIsOverBeforeIsEndedByNobody) {
  Withdraw("retire-models");
  ASSERT_LT(filed_at_, TimeAt("2026-10-05"));
  EXPECT_THAT(Listed(1).out, AllOf(HasSubstr("granted"), Not(HasSubstr("  ends"))));
}

TEST_F(GrantListTest, OfAWithdrawalFromFutureRoundsSaysNothing) {
  Withdraw("future-rounds");
  EXPECT_THAT(Listed(31).out, AllOf(HasSubstr("granted"), Not(HasSubstr("ends"))));
}

TEST_F(GrantListTest, APlanSaysWhetherTheCaseIsOpen) {
  const uint64_t filed = Withdraw("future-rounds");
  const std::vector<std::string> plan = {"withdraw", "plan", "notes", "--dir", folder_.path()};
  EXPECT_THAT(RunLine(plan).err, HasSubstr("; the case is open."));
  const uint64_t halted = w_.Say("host", ledger::RunHalted{*RunId::Parse("first"), "stopped"});
  const std::string closed =
      std::to_string(w_.Say("etri-desk", ledger::WithdrawalClosed{filed, {halted}}));
  EXPECT_THAT(RunLine(plan).err, HasSubstr("; the case was closed at entry " + closed + "."));
  std::vector<std::string> korean = plan;
  korean.insert(korean.end(), {"--lang", "ko"});
  EXPECT_THAT(RunLine(korean).err, HasSubstr("처리는 항목 " + closed + "에서 마무리되었습니다."));
}

TEST_F(GrantListTest, APlanSaysThatAMaskedRunMayWaitForGood) {
  const std::vector<std::string> plan = {"withdraw", "plan", "notes", "--dir", folder_.path()};
  w_.Propose("open", "scientific-research", "non-profit", {{"rounds", "3"}});
  w_.Propose("hidden", "scientific-research", "non-profit",
             {{"rounds", "3"}, {"masking", "pairwise"}, {"valuation", "none"}});
  for (const char* run : {"open", "hidden"}) w_.Approve(run);
  EXPECT_THAT(RunLine(plan).out, AllOf(HasSubstr("open has rounds to come and could still ask for "
                                                 "it\n"),
                                       HasSubstr("hidden has rounds to come and could still ask "
                                                 "for it; it is masked, and may wait for good")));
}

TEST_F(GrantListTest, WhatIsMaskedIsNotMeasuredAndTheReasonIsSaidInKoreanToo) {
  w_.Propose("hidden", "scientific-research", "non-profit",
             {{"masking", "pairwise"}, {"valuation", "group"}});
  std::vector<std::string> measure = {"share", "measure", "hidden", "--dir", folder_.path()};
  EXPECT_THAT(RunLine(measure).err, HasSubstr("group-shapley refused (masked): "));
  measure.insert(measure.end(), {"--lang", "ko"});
  EXPECT_THAT(RunLine(measure).err, HasSubstr("계산을 거부합니다(masked)"));
}

TEST_F(GrantListTest, AnExportSaysThatNobodyHasCoSignedItsHead) {
  const std::string tiles = folder_.path() + "/tiles";
  const std::vector<std::string> take = {"ledger",       "export", "--dir",
                                         folder_.path(), "--out",  tiles};
  EXPECT_THAT(RunLine(take).err, HasSubstr("they agree on the first 0 entries"));
}

}  // namespace
}  // namespace dure::cli
