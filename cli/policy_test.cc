#include <gmock/gmock.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <nlohmann/json.hpp>
#include <sstream>

#include "cli/testing.h"

namespace dure::cli {
namespace {

using ::testing::HasSubstr;

class PolicyVerbs : public ::testing::Test {
 protected:
  PolicyVerbs() {
    std::string pattern = (std::filesystem::temp_directory_path() / "dure-XXXXXX").string();
    folder_ = mkdtemp(pattern.data());
  }
  ~PolicyVerbs() override { std::filesystem::remove_all(folder_); }

  std::string Write(const std::string& text) const {
    const std::string path = folder_ + "/rules.policy";
    std::ofstream(path, std::ios::binary) << text;
    return path;
  }
  static std::string Read(const std::string& path) {
    std::ifstream in(path, std::ios::binary);
    return {std::istreambuf_iterator<char>(in), {}};
  }

  std::string folder_;
};

constexpr const char* kGood =
    "policy \"P\" version 1 effective 2026-09-01\n"
    "\n"
    "rule P1 forbid train\n"
    "  title \"T\"\n"
    "     ko \"제목\"\n"
    "  when dataset.withdrawnAt exists\n"
    "  because \"Dataset {dataset.id} was withdrawn.\"\n"
    "       ko \"데이터셋 {dataset.id}은(는) 철회되었습니다.\"\n"
    "end\n"
    "\n"
    "case \"withdrawn\" asks train\n"
    "  given dataset.withdrawnAt is 2026-09-01\n"
    "  expect deny by P1\n"
    "end\n";

TEST_F(PolicyVerbs, TheShippedConstitutionLintsTestsAndExplains) {
  EXPECT_EQ(RunLine({"policy", "lint", "constitution"}).code, 0);
  EXPECT_EQ(RunLine({"policy", "fmt", "--check", "constitution"}).code, 0);
  EXPECT_THAT(RunLine({"policy", "test", "constitution"}).out, HasSubstr("cases passed"));
  EXPECT_THAT(RunLine({"policy", "explain", "constitution", "--rule", "P4.6", "--lang", "ko"}).out,
              HasSubstr("철회된 데이터는 더 쓰지 않는다"));
  EXPECT_EQ(RunLine({"policy", "explain", "constitution", "--rule", "P99"}).code, 1);
  EXPECT_THAT(RunLine({"policy", "show", "constitution", "p2-purpose"}).out,
              HasSubstr("rule P2.1 forbid train, finetune"));
  EXPECT_THAT(RunLine({"policy", "show", "constitution", "p7"}).err, HasSubstr("p1-base"));
}

TEST_F(PolicyVerbs, LintShowsWhereAndWhatToDo) {
  std::string text = kGood;
  text.replace(text.find("withdrawnAt exists"), 11, "withdrawAt");
  const Outcome lines = RunLine({"policy", "lint", Write(text)});
  EXPECT_EQ(lines.code, 1);
  EXPECT_THAT(lines.out, HasSubstr("rules.policy:6:8: error: rule P1: no attribute is called"));
  EXPECT_THAT(lines.out, HasSubstr("did you mean 'dataset.withdrawnAt'?"));
  const Outcome objects = RunLine({"policy", "lint", "--json", Write("policy")});
  EXPECT_EQ(objects.code, 1);
  const auto parsed = nlohmann::json::parse(objects.out);
  EXPECT_EQ(parsed["findings"][0]["severity"], "error");
  EXPECT_EQ(parsed["findings"][0]["line"], 1);
  EXPECT_EQ(RunLine({"policy", "lint", folder_ + "/none.policy"}).code, 1);
  const Outcome korean = RunLine({"policy", "lint", Write(text), "--lang", "ko"});
  EXPECT_THAT(korean.out, HasSubstr("rules.policy:6:8: 오류: 규칙 P1: dataset.withdrawAt(이)라는 "
                                    "속성은 없어서 언제나 모르는 값입니다"));
  EXPECT_THAT(korean.out, HasSubstr("혹시 'dataset.withdrawnAt'입니까?"));
  EXPECT_THAT(korean.err, HasSubstr("투표에 부치기 전에 고칠 것이 1건 있습니다"));
}

TEST_F(PolicyVerbs, FmtChecksPrintsAndWrites) {
  std::string untidy = kGood;
  untidy.replace(untidy.find("\n\nrule"), 2, "\n\n\n\n  ");
  const std::string path = Write(untidy);
  EXPECT_EQ(RunLine({"policy", "fmt", path}).out, kGood);
  EXPECT_EQ(RunLine({"policy", "fmt", "--check", path}).code, 1);
  EXPECT_EQ(Read(path), untidy);
  EXPECT_EQ(RunLine({"policy", "fmt", "--write", path}).code, 0);
  EXPECT_EQ(Read(path), kGood);
  EXPECT_EQ(RunLine({"policy", "fmt", "--check", path}).code, 0);
  const auto both = nlohmann::json::parse(RunLine({"policy", "fmt", path, path, "--json"}).out);
  ASSERT_EQ(both["files"].size(), 2u);
  EXPECT_EQ(both["files"][1]["text"], kGood);
  EXPECT_EQ(both["files"][1]["canonical"], true);
}

TEST_F(PolicyVerbs, TestSaysWhichCaseComesOutOtherwise) {
  std::string text = kGood;
  text.replace(text.find("deny by P1"), 10, "admit");
  const Outcome outcome = RunLine({"policy", "test", Write(text)});
  EXPECT_EQ(outcome.code, 1);
  EXPECT_THAT(outcome.out, HasSubstr("expected admit\n  found    deny by P1"));
  EXPECT_THAT(outcome.err, HasSubstr("1 of 1 cases"));
}

TEST_F(PolicyVerbs, DecideTriesAPolicyOnStatedFacts) {
  const std::vector<std::string> line = {"policy",
                                         "decide",
                                         "constitution",
                                         "--action",
                                         "publish-metrics",
                                         "--fact",
                                         "model.embargoUntil=absent",
                                         "--fact",
                                         "model.digest=m-4",
                                         "--fact"};
  std::vector<std::string> admitted = line;
  admitted.push_back("model.evaluation=passed");
  EXPECT_THAT(RunLine(admitted).out, HasSubstr("publish-metrics: admitted\n"));
  std::vector<std::string> denied = line;
  denied.insert(denied.end(), {"model.evaluation=pending", "--what-if"});
  EXPECT_THAT(RunLine(denied).out,
              HasSubstr("It would be admitted if the model's evaluation were passed."));
  denied.push_back("--json");
  EXPECT_THAT(RunLine(denied).out, HasSubstr("\"outcome\":\"deny\""));
  std::vector<std::string> mistyped = line;
  mistyped.push_back("model.evalution=passed");
  EXPECT_THAT(RunLine(mistyped).err, HasSubstr("did you mean model.evaluation?"));
  std::vector<std::string> never = line;
  never.push_back("model.evaluation=perfect");
  EXPECT_THAT(RunLine(never).err,
              HasSubstr("model.evaluation is never perfect; what it may be: one of {"));
}

TEST_F(PolicyVerbs, AttributesAreListedWithTheirValuesInBothLanguages) {
  const auto english = RunLine({"policy", "attributes", "--lang", "en"});
  EXPECT_EQ(english.code, 0);
  EXPECT_THAT(english.out, HasSubstr("dataset.withdrawnAt  time of the dataset's withdrawal: time, "
                                     "or none\n"));
  EXPECT_THAT(english.out, HasSubstr("member.status  member's status: one of {active, suspended, "
                                     "left}, or none (no member)\n"));
  const auto part = RunLine({"policy", "attributes", "dataset.terms", "--lang", "ko"});
  EXPECT_THAT(part.out, HasSubstr("dataset.terms.use  데이터셋 이용 구분: {open, "));
  EXPECT_THAT(part.out, ::testing::Not(HasSubstr("member.status")));
  const auto listed = nlohmann::json::parse(RunLine({"policy", "attributes", "--json"}).out);
  EXPECT_GT(listed["attributes"].size(), 90u);
  EXPECT_EQ(RunLine({"policy", "attributes", "nothing-like-it"}).code, 1);
}

}  // namespace
}  // namespace dure::cli
