// What was measured on what, as each command that speaks of it says: from a copy of the record.
#include "cli/figures.h"

#include <gmock/gmock.h>

#include <nlohmann/json.hpp>

#include "cli/testing.h"
#include "policy/ledger/testing.h"
#include "policy/standing/testing.h"

namespace dure::cli {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;
using ::testing::Not;

class FiguresTest : public ::testing::Test {
 protected:
  FiguresTest() {
    w_.Found();
    w_.Lend("reviews", "kt", terms::testing::OpenTerms());
    w_.Lend("news", "etri", terms::testing::OpenTerms());
    terms::Terms silent = terms::testing::OpenTerms();
    silent.Of(terms::Action::kPublishMetrics) = terms::Permission::kDeny;
    w_.Lend("private", "etri", silent);
    w_.Propose("first", "scientific-research");
    w_.Approve("first");
    w_.PlayRound("first", 0, {{"kt", "reviews"}});
    refused_ = w_.DecideAndSay(w_.ToMeasure("first", "first/0", "etri", "private"));
    const standing::MeasuringRequest request = w_.ToMeasure("first", "first/0", "etri", "news");
    decided_ = w_.DecideAndSay(request);
    figure_ = w_.Say("etri-site", standing::testing::World::Figure(request, decided_, 19.13));
  }
  void Withdraw() {
    withdrawn_ =
        w_.Say("etri-desk", ledger::DatasetWithdrawn{*DatasetId::Parse("news"), "consent",
                                                     ledger::WithdrawalScope::kFutureRounds,
                                                     "2026-10-31T09:00:00Z"});
  }
  std::string Out(std::vector<std::string> line, bool korean = false) const {
    line.insert(line.end(), {"--dir", folder_.path()});
    if (korean) line.insert(line.end(), {"--lang", "ko"});
    const Outcome outcome = RunLine(line);
    EXPECT_EQ(outcome.code, 0) << outcome.err;
    return outcome.out;
  }
  nlohmann::json Json(std::vector<std::string> line) const {
    line.push_back("--json");
    return nlohmann::json::parse(Out(std::move(line)));
  }
  std::string Line() const {
    return "entry " + std::to_string(figure_) + ": model " +
           standing::testing::DigestOf("first/0").Hex().substr(0, 12) +
           " on news v1 of etri-site: 1.913 nats a byte (95 %: 1.813 to 2.013), 4 sequences";
  }

  const ledger::testing::TemporaryFolder folder_;
  standing::testing::World w_{folder_.path()};
  uint64_t refused_ = 0;
  uint64_t decided_ = 0;
  uint64_t figure_ = 0;
  uint64_t withdrawn_ = 0;
};

TEST_F(FiguresTest, StandBehindAModelAndInItsRun) {
  EXPECT_THAT(Out({"model", "lineage", "first"}),
              AllOf(HasSubstr("What it was measured on\n  " + Line() + "\n")));
  EXPECT_THAT(Out({"model", "lineage", "first"}, true),
              HasSubstr("데이터 news v1(etri-site): 바이트당 1.913내트(95 % 구간 1.813~2.013), "
                        "시퀀스 4개"));
  const std::string refusal =
      "not measured on private v1 of etri-site (dure why " + std::to_string(refused_) + ")";
  EXPECT_THAT(Out({"run", "record", "first"}), AllOf(HasSubstr(Line()), HasSubstr(refusal)));
  EXPECT_THAT(Out({"run", "record", "first"}, true), HasSubstr("평가하지 않음"));
  const auto record = Json({"run", "record", "first"});
  EXPECT_EQ(record["figures"][0]["datasets"][0]["decision"], decided_);
  EXPECT_EQ(record["figures"][0]["interval"]["seed"], 7);
  EXPECT_EQ(record["not_measured"][0]["entry"], refused_);
  EXPECT_EQ(Json({"model", "lineage", "first"})["figures"], record["figures"]);
}

TEST_F(FiguresTest, AreAmongTheUsesOfADatasetAndOfItsWithdrawal) {
  EXPECT_THAT(Out({"dataset", "show", "news", "--uses"}),
              HasSubstr("measured on it: 1\n  " + Line() + "\n"));
  EXPECT_THAT(Out({"dataset", "show", "reviews", "--uses"}), Not(HasSubstr("measured on it")));
  EXPECT_THAT(Out({"withdraw", "plan", "news"}), HasSubstr(Line()));
  EXPECT_THAT(Out({"withdraw", "plan", "news"}, true), HasSubstr("이 데이터로 잰 값"));
  Withdraw();
  const std::string gone = "; news was withdrawn at entry " + std::to_string(withdrawn_);
  EXPECT_THAT(Out({"withdraw", "plan", "news"}), HasSubstr(Line() + gone));
  EXPECT_THAT(Out({"model", "lineage", "first"}), HasSubstr(Line() + gone));
  const auto plan = Json({"withdraw", "plan", "news"});
  EXPECT_EQ(plan["figures"][0]["entry"], figure_);
  EXPECT_EQ(plan["figures"][0]["datasets"][0]["withdrawn"], withdrawn_);
}

TEST_F(FiguresTest, AreExplainedByTheDecisionsTheyRestOn) {
  const std::string figure = std::to_string(figure_);
  EXPECT_THAT(Out({"why", figure}),
              AllOf(HasSubstr(Line()), HasSubstr("news v1, by entry " + std::to_string(decided_)),
                    HasSubstr("byte for byte"), Not(HasSubstr("void"))));
  EXPECT_THAT(Out({"why", std::to_string(refused_)}),
              HasSubstr("terms:private#actions.publish-metrics"));
  const auto why = Json({"why", figure});
  EXPECT_TRUE(why["counts"]);
  EXPECT_EQ(why["decisions"][0]["entry"], decided_);
  EXPECT_TRUE(why["decisions"][0]["replays"]);
  Withdraw();
  const uint64_t late =
      w_.Say("etri-site", standing::testing::World::Figure(
                              w_.ToMeasure("first", "first/0", "etri", "news"), decided_, 12));
  EXPECT_THAT(Out({"why", std::to_string(late)}), HasSubstr("It is void"));
  EXPECT_FALSE(Json({"why", std::to_string(late)})["counts"]);
}

}  // namespace
}  // namespace dure::cli
