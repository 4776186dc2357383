// dure ledger verify, and every command that answers from a record, on one that does not replay.
#include <gmock/gmock.h>

#include <nlohmann/json.hpp>
#include <sstream>

#include "cli/testing.h"
#include "policy/ledger/testing.h"
#include "policy/standing/testing.h"

namespace dure::cli {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;
using ::testing::Not;

constexpr uint32_t kOwn = rules::kWordsVersion;

class VerifyTest : public ::testing::Test {
 protected:
  VerifyTest() {
    w_.Found();
    w_.Lend("reviews", "kt", terms::testing::OpenTerms());
    w_.Propose("first", "scientific-research");
    w_.Approve("first");
  }
  // The entry of an admission as a build with other words would have made it.
  uint64_t Decide(uint32_t words, const std::string& because = "It may be.") {
    const auto request = w_.Asking("first", 0, "kt", "reviews");
    standing::Ruling ruling = w_.Rule(request);
    ruling.decision.words = words;
    if (words != kOwn) ruling.decision.permissions[0].because = {because, "됩니다."};
    return w_.Say("host", standing::EventOf(w_.Now(), request, ruling));
  }
  // The same with one fact or code changed.
  uint64_t Lie(uint32_t words, const std::string& from, const std::string& to) {
    const auto request = w_.Asking("first", 0, "kt", "reviews");
    standing::Ruling ruling = w_.Rule(request);
    ruling.decision.words = words;
    ledger::AdmissionDecided entry = standing::EventOf(w_.Now(), request, ruling);
    const size_t at = entry.decision.find(from);
    EXPECT_NE(at, std::string::npos) << entry.decision;
    entry.decision.replace(at, from.size(), to);
    return w_.Say("host", entry);
  }
  Outcome Verify(const std::string& language = "en") const {
    return RunLine({"ledger", "verify", "--full", "--dir", folder_.path(), "--lang", language});
  }
  nlohmann::json VerifyJson() const {
    const Outcome outcome =
        RunLine({"ledger", "verify", "--full", "--dir", folder_.path(), "--json"});
    return nlohmann::json::parse(outcome.out).at("decisions");
  }

  const ledger::testing::TemporaryFolder folder_;
  standing::testing::World w_{folder_.path()};
};

TEST_F(VerifyTest, TellsHowManyDecisionsFollowFromTheRecord) {
  Decide(kOwn);
  const Outcome outcome = Verify();
  EXPECT_EQ(outcome.code, 0) << outcome.err;
  EXPECT_THAT(outcome.out, AllOf(HasSubstr("The record is intact"), HasSubstr("  1 follows from"),
                                 Not(HasSubstr("words of version"))));
  EXPECT_EQ(VerifyJson(), nlohmann::json({{"held", 1},
                                          {"words", kOwn},
                                          {"in_other_words", nlohmann::json::array()},
                                          {"dissent", nullptr}}));
}

TEST_F(VerifyTest, AcceptsTheWordsOfAnOlderBuildAndSaysThatItDidNotJudgeThem) {
  Decide(kOwn - 1);
  Decide(kOwn - 1, "It may be, indeed.");
  Decide(kOwn);
  const Outcome outcome = Verify();
  EXPECT_EQ(outcome.code, 0) << outcome.err;
  EXPECT_THAT(outcome.out, HasSubstr("  3 follow from"));
  EXPECT_THAT(outcome.out,
              HasSubstr("2 of them in words of version " + std::to_string(kOwn - 1) +
                        ", older than this build's, which is " + std::to_string(kOwn) +
                        ": codes and facts are the same, the sentences were not judged"));
  EXPECT_THAT(outcome.out, Not(HasSubstr("This build is older")));
  EXPECT_THAT(Verify("ko").out,
              AllOf(HasSubstr("그중 2건은 이 프로그램(버전 " + std::to_string(kOwn) +
                              ")보다 오래된 문구(버전 " + std::to_string(kOwn - 1) + ")로"),
                    HasSubstr("문장은 대조하지 않았습니다")));
  const nlohmann::json other = {{"words", kOwn - 1}, {"decisions", 2}, {"older", true}};
  EXPECT_EQ(VerifyJson().at("in_other_words"), nlohmann::json::array({other}));
}

TEST_F(VerifyTest, SaysThatItIsTheOlderBuild) {
  Decide(kOwn + 1);
  const Outcome outcome = Verify();
  EXPECT_EQ(outcome.code, 0) << outcome.err;
  EXPECT_THAT(outcome.out, AllOf(HasSubstr("newer than this build's"),
                                 HasSubstr("This build is older than the record")));
  EXPECT_THAT(Verify("ko").out, HasSubstr("이 프로그램은 기록보다 오래되었습니다"));
  EXPECT_EQ(VerifyJson().at("in_other_words").at(0).at("older"), false);
}

// What is changed, and in which words it stands.
class ALie
    : public VerifyTest,
      public ::testing::WithParamInterface<std::tuple<std::array<const char*, 2>, uint32_t>> {};

TEST_P(ALie, IsNamedInAnyWords) {
  const auto& [change, words] = GetParam();
  const uint64_t index = Lie(words, change[0], change[1]);
  const Outcome outcome = Verify();
  EXPECT_EQ(outcome.code, 3) << outcome.out;
  EXPECT_THAT(outcome.err,
              AllOf(HasSubstr("entry " + std::to_string(index)), HasSubstr("decision-differs")));
  EXPECT_EQ(VerifyJson().at("dissent").at("entry"), index);
  EXPECT_EQ(VerifyJson().at("held"), 0);
}

INSTANTIATE_TEST_SUITE_P(
    OfACodeOrAFact, ALie,
    ::testing::Combine(
        ::testing::Values(std::array{"\"rule\":\"P1.1\"", "\"rule\":\"P1.7\""},
                          std::array{"\"layer\":\"consortium\"", "\"layer\":\"site\""},
                          std::array{"\"action\":\"train\"", "\"action\":\"finetune\""}),
        ::testing::Values(kOwn - 1, kOwn, kOwn + 1)));

TEST_F(VerifyTest, NamesWordsThatBecomeOlder) {
  Decide(kOwn);
  const uint64_t index = Decide(kOwn - 1, "Somebody asked for it.");
  const Outcome outcome = Verify();
  EXPECT_EQ(outcome.code, 3);
  EXPECT_THAT(outcome.err,
              AllOf(HasSubstr("entry " + std::to_string(index)), HasSubstr("words-went-back")));
  EXPECT_THAT(Verify("ko").err, HasSubstr("오래된 문구"));
}

TEST_F(VerifyTest, OfSentencesAlteredInOurWordsNamesThem) {
  const uint64_t index = Lie(kOwn, "active", "Active");
  EXPECT_EQ(Verify().code, 3);
  EXPECT_EQ(VerifyJson().at("dissent").at("rule"), "decision-differs");
  EXPECT_EQ(VerifyJson().at("dissent").at("entry"), index);
}

TEST_F(VerifyTest, AnExportedFolderIsDecidedAgainTheSame) {
  const std::string tiles = folder_.path() + "/tiles";
  const auto fsck = [&] {
    RunLine({"ledger", "export", "--dir", folder_.path(), "--out", tiles});
    return RunLine({"ledger", "fsck", "--tiles", tiles, "--dir", folder_.path()});
  };
  Decide(kOwn);
  const Outcome sound = fsck();
  EXPECT_EQ(sound.code, 0) << sound.err;
  EXPECT_THAT(sound.out, HasSubstr("  1 follows from"));
  const uint64_t index = Lie(kOwn, "active", "Active");
  const Outcome lying = fsck();
  EXPECT_EQ(lying.code, 3) << lying.out;
  EXPECT_THAT(lying.err,
              AllOf(HasSubstr("entry " + std::to_string(index)), HasSubstr("decision-differs")));
}

TEST_F(VerifyTest, WhyTellsWhetherItIsTheSentencesAlone) {
  const std::string older = std::to_string(Decide(kOwn - 1));
  const std::string own = std::to_string(Decide(kOwn));
  const auto why = [&](const std::string& entry, const std::string& language) {
    return RunLine({"why", entry, "--dir", folder_.path(), "--lang", language}).out;
  };
  EXPECT_THAT(why(own, "en"), HasSubstr("the same, byte for byte"));
  EXPECT_THAT(why(older, "en"), AllOf(HasSubstr("the same codes and facts"),
                                      HasSubstr("version " + std::to_string(kOwn - 1))));
  EXPECT_THAT(why(older, "ko"), HasSubstr("코드와 사실이 모두 같습니다"));
  const Outcome outcome = RunLine({"why", older, "--dir", folder_.path(), "--json"});
  const nlohmann::json said = nlohmann::json::parse(outcome.out);
  EXPECT_EQ(said.at("replays"), true);
  EXPECT_EQ(said.at("words"), kOwn - 1);
  const std::string lie = std::to_string(Lie(kOwn, "active", "Active"));
  EXPECT_THAT(why(lie, "en"), HasSubstr("NOT what the record says"));
}

TEST_F(VerifyTest, ACommandThatAnswersFromARecordThatDoesNotHoldSaysSoFirst) {
  const std::vector<std::string> ask = {"grant", "list", "--dir", folder_.path()};
  EXPECT_THAT(RunLine(ask).err, Not(HasSubstr("CAUTION")));
  const std::string entry = std::to_string(Lie(kOwn, "active", "Active"));
  const Outcome outcome = RunLine(ask);
  EXPECT_EQ(outcome.code, 0) << outcome.err;
  EXPECT_THAT(outcome.err, AllOf(HasSubstr("CAUTION"), HasSubstr("at entry " + entry),
                                 HasSubstr("(decision-differs)")));
  EXPECT_THAT(RunLine({"why", entry, "--dir", folder_.path()}).err, HasSubstr("CAUTION"));
}

}  // namespace
}  // namespace dure::cli
