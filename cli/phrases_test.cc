// What a Korean officer reads where the rooms below speak English.
#include "cli/phrases.h"

#include <gmock/gmock.h>

#include <algorithm>

#include "policy/rules/parse.h"
#include "policy/terms/odrl.h"
#include "policy/terms/toml.h"

namespace dure::cli {
namespace {

using ::testing::HasSubstr;

bool HasHangul(std::string_view text) {
  return std::ranges::any_of(text, [](char c) { return (static_cast<uint8_t>(c) & 0xf0) == 0xe0; });
}

// Each is wrong in one way, and what is said of it is said in Korean whole.
TEST(Phrases, SayWhatIsWrongWithAPolicy) {
  const std::string head = "policy \"P\" version 1 effective 2026-09-01\n";
  const std::vector<std::string> wrong = {
      "",
      "policy P version 1 effective 2026-09-01",
      "policy \"P\" ko \"\" version 1 effective 2026-09-01",
      "policy \"P\" version x effective 2026-09-01",
      "policy \"P\" version 1 effective now",
      "site policy \"P\" version 1 effective 2026-09-01 rule R1 permit train when a.b is x end",
      head + "rul R1",
      head + "rule 7 forbid train when a.b is x end",
      head + "rule R1 allow train when a.b is x end",
      head + "rule R1 forbid fly when a.b is x end",
      head + "rule R1 forbid train, train when a.b is x end",
      head + "rule R1 forbid train end",
      head + "rule R1 forbid train that a.b is x end",
      head + "rule R1 require train when a.b is x end",
      head + "rule R1 forbid train when a.b is x because \"a\" because \"b\" end",
      head + "rule R1 forbid train when a.b is x because b end",
      head + "rule R1 forbid train when a.b is x duty keep \"it\" end",
      head + "rule R1 oblige train when a.b is x end",
      head + "rule R1 oblige train when a.b is x duty sing \"it\" end",
      head + "rule R1 oblige train when a.b is x duty keep \"it\" for 0 years end",
      head + "rule R1 oblige train when a.b is x duty keep \"it\" for 5 weeks end",
      head + "rule R1 forbid train when a.b is x and a.c is y or a.d is z end",
      head + "rule R1 forbid train when (a.b is x end",
      head + "rule R1 forbid train when ab is x end",
      head + "rule R1 forbid train when a.b equals x end",
      head + "rule R1 forbid train when a.b does exist end",
      head + "rule R1 forbid train when a.b is absent end",
      head + "rule R1 forbid train when a.b is one of {x y} end",
      head + "rule R1 forbid train when a.b is 2026-13-01 end",
      head + "rule R1 forbid train when a.b is \"x end",
      head + "rule R1 forbid train when a.b is \"\\x\" end",
      head + "rule R1 forbid train when a.b is “x” end",
      head + "rule R1 forbid train when a.b is ; end",
      head + "rule R1 forbid train when a.b is x end rule R1 forbid train when a.b is x end",
      head + "case \"c\" asks fly expect admit end",
      head + "case \"c\" expect admit end",
      head + "case \"c\" asks train expect yes end",
      head + "case \"c\" asks train given a.b is x, a.b is y expect admit end",
      head + "case \"c\" asks train expect deny by R9 end",
      head + "case \"c\" asks train in \"there\" expect admit end",
      head + "case \"c\" asks train expect admit end case \"c\" asks train expect admit end",
      head + "situation \"s\" end",
      head + "situation \"s\" given a.b x end"};
  for (const std::string& text : wrong) {
    const rules::Parsed parsed = rules::ParsePolicy(text);
    EXPECT_FALSE(parsed.problems.empty()) << text;
    for (const rules::Problem& problem : parsed.problems) {
      EXPECT_TRUE(HasHangul(InKorean(problem.message))) << problem.message;
      if (!problem.advice.empty()) {
        EXPECT_TRUE(HasHangul(InKorean(problem.advice))) << problem.advice;
      }
    }
  }
}

TEST(Phrases, KeepThePlaceAndTheLineItself) {
  const std::string text = "policy \"P\" version 1 effective 2026-09-01\nrule R1 forbid fly end\n";
  const auto read = rules::ReadPolicy(text, "house.policy");
  ASSERT_FALSE(read.has_value());
  const std::string said = InKorean(read.error().message);
  EXPECT_THAT(said, HasSubstr("house.policy:2:16: 행위(train, "));
  EXPECT_THAT(said, HasSubstr("가 와야 하는데 여기에는 fly가 있습니다"));
  EXPECT_THAT(said, HasSubstr("\n  rule R1 forbid fly end\n"));
}

TEST(Phrases, SayWhatIsWrongWithTerms) {
  SystemRandom random;
  const std::vector<std::string> wrong = {"use = \"anything\"\n",
                                          "limits.maxRounds = 2000000\n",
                                          "colour = 3\n",
                                          "purposes = 3\n",
                                          "personal = \"x\"\n",
                                          "time.validUntil = \"soon\"\n",
                                          "withdrawal.allowed = 4\n",
                                          "territories.processing = [\"Korea\"]\n",
                                          "duo = [\"DUO:9\"]\n",
                                          "version = 0\n",
                                          "duo = [\"GS\"]\n",
                                          "duo = [\"MOR\"]\n",
                                          std::string(70'000, '#'),
                                          "x = = 3\n"};
  for (const std::string& text : wrong) {
    const auto read = terms::ParseToml(text, "terms.toml", random);
    ASSERT_FALSE(read.has_value()) << text;
    std::istringstream lines(read.error().message);
    for (std::string line; std::getline(lines, line);) {
      EXPECT_TRUE(HasHangul(InKorean(line))) << line << "\n" << InKorean(line);
    }
  }
}

TEST(Phrases, SayWhatAnImportDidNotUnderstand) {
  const std::string rules =
      R"("profile":"x","inheritFrom":"x","target":{"refinement":[]},"obligation":["x"],)"
      R"("permission":[{"action":"use","target":"x","duty":["x"],"constraint":["x"],)"
      R"("assignee":"x"},{"action":"x"},{}],"prohibition":[{"action":"x","remedy":[]},{}])";
  const std::string dataset =
      R"({"@context":{"dure":"x"},"@type":"Dataset","name":")" + std::string(2000, 'x') +
      R"(","license":["x",{"name":"MIT","text":"x"},"0BSD"],"expires":"x",)"
      R"("rai:personalSensitiveInformation":"x","distribution":[{"license":"x"}],)"
      R"("usageInfo":[7,"x",)"
      R"({"termCode":"DUO:0000022"},{"termCode":"DUO:0000046","x":1},)"
      R"({"@type":"Set","prohibition":{"action":"dure:train"}},)"
      R"({"@type":"Set","permission":{"action":"dure:train"}},{"@type":"Set",)" +
      rules + "}]}";
  SystemRandom random;
  for (const std::string& text : {dataset, R"({"@type":"Set",)" + rules + "}"}) {
    const auto imported = terms::ImportTerms(text, random);
    ASSERT_TRUE(imported.has_value()) << imported.error().message;
    EXPECT_GE(imported->remarks.size(), 8u);
    for (const std::string& remark : imported->remarks)
      EXPECT_TRUE(HasHangul(InKorean(remark))) << remark;
  }
  for (const std::string text : {"[", R"({"@type":"x"})", R"({"a":1,"a":1})"})
    EXPECT_TRUE(HasHangul(InKorean(terms::ImportTerms(text, random).error().message))) << text;
}

TEST(Phrases, SayWhatBecameOfARecord) {
  EXPECT_EQ(
      InKorean("the log is refused (rollback: held 9 entries, offered 7; entries 7 to 8 are "
               "gone, which its key had signed); evidence is in desk/evidence/9.txt; nothing "
               "is contributed until somebody has looked and removes desk/evidence/stop"),
      "이 기록을 받아들이지 않습니다. 집계 서버가 이전 기록으로 돌아감(rollback): 이 사본에는 "
      "항목이 9개 있는데 집계 서버가 보인 기록은 7개입니다. 기록의 키로 서명되었던 항목 7부터 "
      "8까지가 사라졌습니다. 증거는 desk/evidence/9.txt에 있습니다. 담당자가 확인하고 "
      "desk/evidence/stop을 지울 때까지 아무것도 제출하지 않습니다");
  EXPECT_EQ(
      InKorean("old/ledger.db에 손상된 곳이 있습니다:\n  entry 48 (admission-decided): its bytes "
               "are not those that the signed tree head counts\n  entry 49 is gone"),
      "old/ledger.db에 손상된 곳이 있습니다:\n  항목 48(admission-decided): 서명된 트리 "
      "헤드에 든 내용과 다릅니다\n  항목 49: 사라졌습니다");
  EXPECT_EQ(InKorean("north-1 holds a head of 448 entries that this log's key signed; this log has "
                     "435: it was restored from an older copy. Stop the aggregator and run dure "
                     "ledger heal with a member's copy"),
            "north-1에는 이 기록의 키로 서명된 항목 448개짜리 트리 헤드가 있는데 이 기록의 항목은 "
            "435개입니다. 예전 사본으로 되돌린 것입니다. 집계 서버를 멈추고 회원의 사본으로 dure "
            "ledger heal을 실행하십시오");
  EXPECT_EQ(
      InKorean("FORK: two heads that the same key signed cannot both be true. As seen from a, "
               "in b entry 4 (run-proposed of kt at 2026-09-01T00:00:00Z) was dropped; there "
               "now: no entry of this log. Keep both folders: together they are the proof"),
      "분기(FORK): 같은 키로 서명된 두 트리 헤드가 함께 참일 수 없습니다. a에서 볼 때 b에서는 "
      "항목 4(run-proposed of kt at 2026-09-01T00:00:00Z): 빠졌습니다. 지금 그 자리에 있는 "
      "것: 이 기록의 항목이 아님. 두 폴더를 모두 보관하십시오. 둘이 함께 증거가 됩니다");
  EXPECT_EQ(InKorean("stored entry 83: the statement is not a JSON object"),
            "저장된 항목 83에 손상된 곳이 있습니다(항목의 진술이 JSON 객체가 아닙니다)");
  EXPECT_EQ(InKorean("south is not north's"), "south는 north의 것이 아닙니다");
  EXPECT_EQ(InKorean("a message that nobody put into the book"),
            "a message that nobody put into the book");
}

TEST(Phrases, SayWhatIsWrongWithACommand) {
  EXPECT_EQ(InKorean("choice: 예 not in {yes,no,abstain}"),
            "choice: 예는 쓸 수 없는 값입니다. 쓸 수 있는 값: yes,no,abstain");
  EXPECT_EQ(InKorean("Could not convert: entry = abc"), "entry에 쓸 수 없는 값입니다: abc");
  EXPECT_EQ(InKorean("'14x' is no span of time (for example 30m, 12h, 7d)"),
            "'14x'는 기간이 아닙니다(예: 30m, 12h, 7d)");
  EXPECT_EQ(InKorean("actions.fly: no such field; there are: train, serve"),
            "actions.fly: 없는 항목입니다. 쓸 수 있는 항목: train, serve");
  EXPECT_EQ(
      InKorean("enrolling: the invitation was used already, with other keys; ask the operator "
               "for a new one (and tell them if it was not you)"),
      "등록하지 못했습니다. 이미 다른 키로 쓰인 초대장입니다. 운영자에게 새 초대장을 "
      "받으십시오(직접 쓴 것이 아니라면 운영자에게 알리십시오)");
  EXPECT_EQ(InKorean("no run \"nope\" (dure run list shows them)"),
            "\"nope\"(이)라는 학습이 없습니다. dure run list로 확인하십시오");
  EXPECT_THAT(InKorean("manifest: valuation is group, and masking hides single updates: choose "
                       "masking none, which shows each update to the aggregator, or valuation none "
                       "(shares by the voted formula need no valuation)"),
              testing::StartsWith("기여 평가 방식이 group인데 보안 합산은"));
  EXPECT_EQ(InKorean("--privacy-noise requires --privacy"),
            "--privacy-noise는 --privacy와 함께 써야 합니다");
  EXPECT_EQ(InKorean("--params excludes --model"), "--params와 --model은 함께 쓸 수 없습니다");
  EXPECT_EQ(InKorean("--members-min 5 can never be reached: 4 sites are invited"),
            "--members-min 5: 초대한 사이트가 4곳이라 결코 채울 수 없습니다");
  EXPECT_EQ(InKorean("not a tlog-proof file: another first line"),
            "증명 파일(tlog-proof)이 아닙니다: 첫 줄이 다름");
  EXPECT_THAT(InKorean("form.txt: a share formula reads \"x\"; the first four sum to 100, the cap "
                       "is 1 to 100"),
              testing::StartsWith("form.txt: 몫의 산식"));
  EXPECT_EQ(InKorean("note: nobody put this into the book"), "note: nobody put this into the book");
  EXPECT_EQ(InKorean("c/charter.toml:5: quorum_percent is from 0 to 100"),
            "c/charter.toml:5: quorum_percent는 0부터 100까지의 수입니다");
  EXPECT_EQ(InKorean("c/charter.toml:5: runs_by_vote is true or false, without quotes"),
            "c/charter.toml:5: runs_by_vote는 따옴표 없이 true 또는 false로 씁니다");
  EXPECT_EQ(InKorean("this site lends no data that may be evaluated on; reviews: the site's own "
                     "rules refuse it (own-policy)"),
            "이 사이트에는 모델 평가에 쓸 수 있는 데이터가 없습니다. reviews: 사이트 자체 규칙이 "
            "거부함(own-policy)");
  EXPECT_EQ(InKorean("desk holds no copy of the record yet; first type dure tally --dir desk, "
                     "which fetches it"),
            "desk에는 아직 기록의 사본이 없습니다. 먼저 dure tally --dir desk를 실행하십시오");
}

// A word of English between Korean ones is easily read over.
TEST(Phrases, SayTheWholeOfAMistakeInALicence) {
  SystemRandom random;
  const std::vector<std::pair<std::string, std::string>> wrong = {
      {"CC-BY-NC",
       "'CC-BY-NC'는 SPDX 라이선스가 아님. SPDX에 없는 라이선스는 LicenseRef-NAME으로 적음"},
      {"(MIT", "괄호가 닫히지 않음"},
      {"MIT OR", "라이선스가 빠짐"},
      {"MIT MIT", "'MIT'이 올 자리가 아님"},
      {"MIT WITH Foo", "'Foo'는 SPDX 예외가 아님"}};
  for (const auto& [licence, said] : wrong) {
    const auto read =
        terms::ParseToml("licence.data = \"" + licence + "\"\n", "terms.toml", random);
    ASSERT_FALSE(read.has_value()) << licence;
    EXPECT_THAT(InKorean(read.error().message), HasSubstr("SPDX 라이선스 표현식(" + said + ")"));
  }
}

// A phrase that another one before it hides is never said.
TEST(Phrases, AreEachReached) {
  for (const auto& phrases : {PolicyPhrases(), TermsPhrases(), RecordPhrases(), CommandPhrases()}) {
    for (const Phrase& phrase : phrases) {
      std::string text(phrase.en);
      std::ranges::replace(text, '*', 'x');
      std::string due(phrase.ko);
      EXPECT_NE(InKorean(text), text) << text;
      const size_t star = due.find('*');
      EXPECT_THAT(InKorean(text), testing::StartsWith(due.substr(0, star))) << text;
    }
  }
}

}  // namespace
}  // namespace dure::cli
