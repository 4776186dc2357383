// What an officer's own copy answers: counts, why, and what a policy would have changed.
#include <gmock/gmock.h>

#include <fstream>
#include <nlohmann/json.hpp>

#include "cli/testing.h"
#include "policy/ledger/testing.h"
#include "policy/standing/testing.h"
#include "policy/standing/voting.h"

namespace dure::cli {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;

class CopyTest : public ::testing::Test {
 protected:
  CopyTest() {
    w_.Found();
    terms::Terms at_home = terms::testing::OpenTerms();
    at_home.territories.exports = {};
    at_home.territories.exports.countries = {"KR"};
    w_.Lend("reviews", "kt", at_home);
    w_.Lend("news", "etri", terms::testing::OpenTerms());
    w_.Propose("first", "scientific-research");
    w_.Approve("first");
    w_.PlayRound("first", 0, {{"kt", "reviews"}, {"etri", "news"}});
  }
  Outcome Run(std::vector<std::string> line) const {
    line.insert(line.end(), {"--dir", folder_.path()});
    return RunLine(line);
  }
  Outcome InKorean(std::vector<std::string> line) const {
    line.insert(line.end(), {"--lang", "ko"});
    return Run(std::move(line));
  }
  uint64_t AdoptFormula() {
    const uint64_t proposal =
        w_.Say("kt-desk", ledger::PolicyProposed{ledger::ProposalKind::kFormula, {}, formula_});
    for (const char* desk : {"kt-desk", "etri-desk"}) {
      w_.Say(desk, ledger::VoteCast{proposal, w_.log().Leaf(proposal), ledger::Choice::kYes});
    }
    const standing::Standing now = w_.Now();
    const auto due = standing::DueOutcome(now.state().proposals.at(proposal), now.state(),
                                          rules::Instant::At(w_.time()));
    w_.Say("host", ledger::PolicyAdopted{proposal, Sha256(AsBytes(formula_)), due->tally});
    return proposal;
  }
  std::string Write(const std::string& name, const std::string& text) const {
    std::string path = folder_.path() + "/" + name;
    std::ofstream(path) << text;
    return path;
  }

  const std::string formula_ =
      "share formula: tokens 40, steps 20, rounds 30, evaluations 10, cap 50";
  const ledger::testing::TemporaryFolder folder_;
  standing::testing::World w_{folder_.path()};
};

TEST_F(CopyTest, ATallyOfAVoteThatHasEndedCountsTheMembersOfThen) {
  const std::string proposal = std::to_string(AdoptFormula());
  w_.Enrol("late", ledger::House::kPublic, 60);
  const Outcome ended = Run({"tally", proposal});
  EXPECT_THAT(ended.out, HasSubstr("public bodies: 1 yes, 0 no, 0 abstained, of 1"));
  EXPECT_THAT(ended.out, Not(HasSubstr("of 2")));
  EXPECT_THAT(InKorean({"tally", proposal}).out, HasSubstr("1곳 중 찬성 1"));
}

TEST_F(CopyTest, ATallySaysWhatAnEmergencyRuleStillTakes) {
  const std::string text =
      "policy \"Stop\" version 1 effective 2026-12-01\nrule E1 forbid train\n  title \"T\" ko "
      "\"제목\"\n  when run.purpose is statistics\n  because \"B\" ko \"이유\"\nend\n";
  const uint64_t proposal =
      w_.Say("kt-desk", ledger::PolicyProposed{ledger::ProposalKind::kEmergency, {}, text});
  w_.Say("kt-desk", ledger::VoteCast{proposal, w_.log().Leaf(proposal), ledger::Choice::kYes});
  EXPECT_THAT(Run({"tally"}).out,
              HasSubstr("an emergency rule takes a yes from members of 2 different houses; those "
                        "of 1 said yes"));
  EXPECT_THAT(InKorean({"tally"}).out,
              HasSubstr("긴급 규칙에는 서로 다른 구분 2곳의 찬성이 필요한데 1곳만 찬성함"));
}

TEST_F(CopyTest, ATallySaysThatAnOutcomeIsDueAndNotRecorded) {
  const uint64_t proposal =
      w_.Say("kt-desk", ledger::PolicyProposed{ledger::ProposalKind::kFormula, {}, formula_});
  EXPECT_THAT(Run({"tally"}).out, Not(HasSubstr("not recorded")));
  for (const char* desk : {"kt-desk", "etri-desk"}) {
    w_.Say(desk, ledger::VoteCast{proposal, w_.log().Leaf(proposal), ledger::Choice::kYes});
  }
  w_.Propose("second", "scientific-research");  // the aggregator says something else
  EXPECT_THAT(Run({"tally"}).out,
              HasSubstr("has been due since 2026-10-01T09:00:00Z and is not recorded\n"));
  w_.SetTime("2026-10-01T09:30:00Z");
  w_.Propose("third", "scientific-research");
  w_.SetTime("2026-10-01T09:31:00Z");
  w_.Say("kt-desk",
         ledger::ConsentGiven{*DatasetId::Parse("reviews"), *RunId::Parse("second"), {}, {}, {}});
  EXPECT_THAT(Run({"tally"}).out, Not(HasSubstr("OVERDUE"))) << "time is the aggregator's";
  w_.Say("host", ledger::RunHalted{*RunId::Parse("second"), "stopped"});
  // This is a lie by now, and a copy of it is not answered from without saying so.
  EXPECT_THAT(Run({"tally"}).out + Run({"tally"}).err, HasSubstr("outcome-overdue"));
}

TEST_F(CopyTest, ATallyNamesWhoCountsAndHasNobodyToVote) {
  w_.AddSeat("lab-site", "lab", ledger::Role::kSite, 60);
  w_.Say("host", ledger::MemberDescribed{*MemberId::Parse("lab"), ledger::House::kPublic, "KR"});
  w_.Admit("lab-site");
  w_.Say("kt-desk", ledger::PolicyProposed{ledger::ProposalKind::kFormula, {}, formula_});
  EXPECT_THAT(Run({"tally"}).out, HasSubstr("lab counts and has no officer to vote for it"));
  EXPECT_THAT(InKorean({"tally"}).out, HasSubstr("lab: 정족수에 들지만"));
}

TEST_F(CopyTest, SharesAreComputedByTheFormulaThatWasAdopted) {
  EXPECT_THAT(Run({"share", "compute", "first"}).out, HasSubstr("tokens 50, steps 20"));
  AdoptFormula();
  EXPECT_THAT(Run({"share", "compute", "first"}).out, HasSubstr(formula_));
}

TEST_F(CopyTest, WhyFindsTheOnlyRunAndNamesThemWhereThereAreMore) {
  const Outcome found = Run({"why", "kt-site", "reviews", "0"});
  EXPECT_EQ(found.code, 0) << found.err;
  EXPECT_THAT(found.out, HasSubstr("train: admitted"));
  w_.Propose("second", "scientific-research");
  w_.Approve("second");
  w_.PlayRound("second", 0, {{"kt", "reviews"}, {"etri", "news"}});
  const Outcome several = Run({"why", "kt-site", "reviews", "0"});
  EXPECT_EQ(several.code, 1);
  EXPECT_THAT(several.err, HasSubstr("first, second; name one: dure why kt-site reviews RUN 0"));
  EXPECT_THAT(InKorean({"why", "kt-site", "reviews", "0"}).err, HasSubstr("여러 학습에 있습니다"));
  EXPECT_EQ(Run({"why", "kt-site", "reviews", "second", "0"}).code, 0);
  for (const char* fact : {"nonsense", "run.purpose="}) {
    const std::string wrong =
        InKorean({"why", "kt-site", "reviews", "second", "0", "--what-if", fact}).err;
    EXPECT_THAT(wrong, Not(HasSubstr("is no fact")));
    EXPECT_THAT(wrong, Not(HasSubstr("expected")));
    EXPECT_THAT(wrong, HasSubstr("결정에 쓰인 사실의 이름은"));
  }
  EXPECT_THAT(Run({"why", "kt-site", "reviews", "7"}).err, HasSubstr("nothing about reviews"));
}

TEST_F(CopyTest, SupposedFactsAreAskedOfTheOwnersToo) {
  w_.Say("kt-site", ledger::EvaluationReported{standing::testing::DigestOf("first/0"),
                                               *SiteId::Parse("kt-site"), 1.0, 10, 5});
  standing::GrantRequest request = w_.ToServe("first/0", "scientific-research");
  request.kind = ledger::UseKind::kExport;
  const auto entry = [&] {
    const standing::Standing now = w_.Now();
    return std::to_string(
        w_.Say("host", standing::EventOf(now, request, *standing::Decide(now, request))));
  };
  const std::string at_home = entry();
  request.territory = "JP";
  const std::string abroad = entry();
  EXPECT_THAT(Run({"why", at_home}).out, HasSubstr(": admitted"));
  const std::string real = Run({"why", abroad}).out;
  ASSERT_THAT(real, HasSubstr("terms:reviews#territories.exports"));
  const std::string supposed =
      Run({"why", at_home, "--what-if", "request.country=JP", "--what-if", "grant.country=JP"}).out;
  EXPECT_THAT(supposed, HasSubstr("terms:reviews#territories.exports"));
  EXPECT_THAT(
      Run({"why", abroad, "--what-if", "request.country=KR", "--what-if", "grant.country=KR"}).out,
      HasSubstr(": admitted"));
}

TEST_F(CopyTest, ImpactCountsContributionsToo) {
  const std::string strict = Write("strict.policy",
                                   "policy \"P9 Short\" version 1 effective 2026-09-01\n"
                                   "rule P9.1 forbid aggregate\n  when update.steps more than 7\n"
                                   "  because \"Too many steps.\"\nend\n");
  const Outcome outcome = Run({"policy", "impact", strict});
  EXPECT_EQ(outcome.code, 0) << outcome.err;
  EXPECT_THAT(outcome.out, HasSubstr("2 past decisions and 2 contributions"));
  EXPECT_THAT(outcome.out, HasSubstr("would not be counted: P9.1: Too many steps."));
  const auto parsed = nlohmann::json::parse(Run({"policy", "impact", strict, "--json"}).out);
  ASSERT_EQ(parsed["flips"].size(), 2u);
  EXPECT_EQ(parsed["flips"][0]["kind"], "contribution");
}

}  // namespace
}  // namespace dure::cli
