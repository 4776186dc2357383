#include <gmock/gmock.h>

#include <cstdlib>
#include <fstream>
#include <nlohmann/json.hpp>
#include <sstream>

#include "cli/exit_code.h"
#include "cli/terminal_text.h"
#include "cli/testing.h"

namespace dure::cli {
namespace {

using testing::HasSubstr;
using testing::IsEmpty;
using testing::Not;

TEST(Dure, SaysWhatIsWrongWithACommandLineAndHowToGetHelp) {
  const Outcome nothing = RunLine({});
  EXPECT_EQ(nothing.code, 2);
  EXPECT_THAT(nothing.err, HasSubstr("see: dure --help"));

  const Outcome unknown = RunLine({"no-such-noun"});
  EXPECT_EQ(unknown.code, 2);
  EXPECT_THAT(unknown.out, IsEmpty());
  EXPECT_THAT(unknown.err, HasSubstr("dure has no command 'no-such-noun'"));
  EXPECT_THAT(RunLine({"run", "begin"}).err, HasSubstr("dure run has no command 'begin' (see"));
  EXPECT_THAT(RunLine({"doctor"}).err,
              HasSubstr("no command 'doctor'; there is: dure site doctor"));
  EXPECT_THAT(RunLine({"site", "docter"}).err, HasSubstr("; there is: dure site doctor (see"));
}

TEST(Dure, TellsWhichFolderACommandNeeds) {
  const std::string nowhere = testing::TempDir() + "dure-nowhere";
  EXPECT_THAT(RunLine({"run", "list", "--dir", nowhere}).err,
              HasSubstr("holds nobody's keys: it is neither the folder that dure site enrol made"));
  EXPECT_THAT(RunLine({"consortium", "show", "--dir", nowhere}).err, HasSubstr(nowhere));
  EXPECT_THAT(RunLine({"ledger", "show", "--dir", nowhere}).err,
              HasSubstr("holds no copy of the record"));
  EXPECT_THAT(
      RunLine({"site", "serve", "--dir", nowhere, "--data", nowhere, "--terms", "open"}).err,
      HasSubstr("--data"));
}

TEST(Dure, NoneOfWhatMustBeSomeIsAMistakeOfTheCommandLine) {
  for (const std::vector<std::string>& line : std::vector<std::vector<std::string>>{
           {"demo", "--sites", "0"},
           {"demo", "--quorum", "0"},
           {"run", "start", "--dir", "d", "--name", "n", "--quorum", "0"}}) {
    const Outcome refused = RunLine(line);
    EXPECT_EQ(refused.code, 2) << line[1];
    EXPECT_THAT(refused.err, HasSubstr("Value 0 not in range 1 to 255"));
  }
}

// Such a site would take part in nothing, and the others would wait for it.
TEST(Dure, ASiteWithTooLittleTextIsToldBeforeItServes) {
  const std::string text = testing::TempDir() + "dure-little.txt";
  std::ofstream(text) << "25 bytes and nothing else";
  const Outcome refused =
      RunLine({"site", "serve", "--dir", text + "-site", "--data", text, "--terms", "open"});
  EXPECT_EQ(refused.code, 1);
  EXPECT_THAT(refused.err, HasSubstr(text));
  EXPECT_THAT(refused.err, HasSubstr("25 bytes in 1 document; more than 1024 bytes"));
}

TEST(Dure, WhatAnOperatorAndASiteTypeSpeaksKoreanToo) {
  for (const std::vector<std::string>& line : std::vector<std::vector<std::string>>{
           {"run", "start"}, {"run", "list"}, {"site", "enrol"}}) {
    const Outcome help = RunLine({line[0], line[1], "--help"});
    EXPECT_THAT(help.out, HasSubstr("--lang")) << line[1];
  }
}

TEST(Dure, PrintsErrorsAsOneObjectWithJson) {
  const Outcome outcome = RunLine({"help", "nonsense", "--json"});
  EXPECT_EQ(outcome.code, 1);
  EXPECT_THAT(outcome.out, IsEmpty());
  EXPECT_THAT(outcome.err, HasSubstr(R"("exit_code":1)"));
  EXPECT_THAT(outcome.err, HasSubstr(R"(no help on 'nonsense' under 'dure')"));
}

// Names and texts of others reach the terminal, and a terminal obeys what it is shown.
TEST(Dure, ShowsNoControlCharacterOfOthers) {
  const std::string hostile =
      "a\x1b[31m\xc2\x9b"
      "b\xe2\x80\xae"
      "c\x07";
  const Outcome refused = RunLine({"ledger", "show", "--dir", hostile});
  EXPECT_EQ(refused.code, 1);
  for (const char* const part : {"\x1b", "\xc2\x9b", "\xe2\x80\xae", "\x07"}) {
    EXPECT_THAT(refused.err, Not(HasSubstr(part)));
  }
  EXPECT_THAT(refused.err, HasSubstr("a\xef\xbf\xbd[31m"));
  // A program that reads JSON gets what it was.
  const Outcome as_json = RunLine({"ledger", "show", "--dir", hostile, "--json"});
  EXPECT_THAT(nlohmann::json::parse(as_json.err)["error"]["message"].get<std::string>(),
              HasSubstr(hostile));
}

TEST(TerminalText, KeepsTextInAnyScriptAndReplacesTheRest) {
  EXPECT_EQ(TerminalText("두레\t漢字 é\r\n끝\n"), "두레\t漢字 é\r\n끝\n");
  EXPECT_EQ(TerminalText("\xeb\x91 x\x9b\rover"),
            "\xef\xbf\xbd\xef\xbf\xbd x\xef\xbf\xbd\xef\xbf\xbdover");
  EXPECT_EQ(LogLine("a file\n2026-11-26T00:00:00Z DISSENT"),
            "a file\n    2026-11-26T00:00:00Z DISSENT");
}

// Whoever reads dure with a program gets one object whatever was asked.
TEST(Dure, PrintsOneObjectWithJsonForHelpVersionAndUsage) {
  EXPECT_EQ(nlohmann::json::parse(RunLine({"--version", "--json"}).out)["version"], DURE_VERSION);
  for (const std::vector<std::string>& line :
       std::vector<std::vector<std::string>>{{"help", "--json"},
                                             {"--help", "--json"},
                                             {"vote", "--json", "--help"},
                                             {"help", "exit-codes", "--json"}}) {
    const Outcome outcome = RunLine(line);
    EXPECT_EQ(outcome.code, 0);
    EXPECT_THAT(nlohmann::json::parse(outcome.out)["help"], Not(IsEmpty())) << line.front();
  }
  const Outcome usage = RunLine({"vote", "--json"});
  EXPECT_EQ(usage.code, 2);
  EXPECT_THAT(usage.out, IsEmpty());
  EXPECT_EQ(nlohmann::json::parse(usage.err)["error"]["exit_code"], 2);
}

// CLI11 alone reads "-1" as 18446744073709551615.
TEST(Dure, RefusesANegativeCount) {
  for (const std::vector<std::string>& line : std::vector<std::vector<std::string>>{
           {"vote", "-1", "yes", "--dir", "d"},
           {"tally", "--dir", "d", "--", "-1"},
           {"withdraw", "close", "3", "--evidence", "-1", "--dir", "d"},
           {"export", "csv", "m", "--as-of", "-1", "--dir", "d"},
           {"share", "compute", "r", "--seed", "-5", "--dir", "d"}}) {
    EXPECT_EQ(RunLine(line).code, 2) << line.front();
  }
}

TEST(Dure, SpeaksKoreanWhereAskedAndWhereTheLocaleIs) {
  const std::string nowhere = testing::TempDir() + "dure-nowhere";
  const std::vector<std::string> asked = {"tally", "--lang", "ko", "--dir", nowhere};
  EXPECT_THAT(RunLine(asked).err, HasSubstr("에는 기록의 사본이 없습니다"));
  const char* const before = std::getenv("LC_ALL");
  const std::string kept = before == nullptr ? "" : before;
  setenv("LC_ALL", "ko_KR.UTF-8", 1);
  EXPECT_THAT(RunLine({"tally", "--dir", nowhere}).err, HasSubstr("에는 기록의 사본이 없습니다"));
  EXPECT_THAT(RunLine({"tally", "--lang", "en", "--dir", nowhere}).err,
              HasSubstr("holds no copy of the record"));
  before == nullptr ? unsetenv("LC_ALL") : setenv("LC_ALL", kept.c_str(), 1);
  EXPECT_EQ(RunLine({"tally", "--lang", "fr", "--dir", nowhere}).code, 2);
}

TEST(Dure, HelpTeachesWithExamples) {
  EXPECT_THAT(RunLine({"--help"}).out, HasSubstr("dure help exit-codes"));
  EXPECT_EQ(RunLine({"--help"}).code, 0);
  EXPECT_THAT(RunLine({"help"}).out, HasSubstr("Start with"));
  EXPECT_THAT(RunLine({"help", "help"}).out,
              testing::AllOf(HasSubstr("Usage: dure help"), HasSubstr("Examples:\n  dure help\n")));
  EXPECT_THAT(RunLine({"help", "exit-codes"}).out, HasSubstr("3  refused"));
  EXPECT_THAT(RunLine({"help", "exit-codes", "--lang", "ko"}).out, HasSubstr("3  거절"));
  EXPECT_THAT(RunLine({"site", "status", "--help"}).out, HasSubstr("Also: --json, --quiet"));
  EXPECT_THAT(RunLine({"why", "--help"}).out, HasSubstr("Usage: dure why [OPTIONS] decision..."));
  EXPECT_THAT(RunLine({"--version"}).out, HasSubstr("dure 0."));
  EXPECT_THAT(RunLine({"policy", "show", "--help"}).out,
              HasSubstr("Examples:\n  dure policy show constitution\n"));
}

// Whoever adds a verb or an option adds its Korean to cli/help_*.cc.
TEST(Dure, HelpSaysEachTextInKoreanToo) {
  EXPECT_THAT(HelpWithoutKorean(), IsEmpty());
  const Outcome file = RunLine({"withdraw", "file", "--help", "--lang", "ko"});
  EXPECT_EQ(file.code, 0);
  EXPECT_THAT(file.out,
              testing::AllOf(HasSubstr("사용법: dure withdraw file [옵션] dataset"),
                             HasSubstr("\n인수:\n  dataset TEXT 필수           데이터셋\n"),
                             HasSubstr("\n옵션:\n"), HasSubstr("정책 담당자의 폴더"),
                             HasSubstr("\n예:\n  dure withdraw file reviews"),
                             HasSubstr("모든 명령에서 --json")));
  EXPECT_THAT(RunLine({"help", "revoke", "--lang", "ko"}).out,
              testing::AllOf(HasSubstr("[대상]\n"), HasSubstr("하나만 써야 합니다"),
                             Not(HasSubstr("Option Group"))));
  EXPECT_THAT(RunLine({"--help", "--lang", "ko"}).out,
              testing::AllOf(HasSubstr("\n명령:\n"), HasSubstr("기록을 읽고, 확인하고")));
  // A program reads the same in any language.
  EXPECT_THAT(RunLine({"--help", "--lang", "ko", "--json"}).out, HasSubstr("Usage: dure"));
}

// A folder of another user ended dure with an abort. A name that no file can have fails in the same
// place for every user, root too.
TEST(Dure, AFolderThatCannotBeLookedAtIsSaidAndNotThrown) {
  const std::string impossible(300, 'x');
  for (const std::vector<std::string>& line :
       std::vector<std::vector<std::string>>{{"ledger", "show"},
                                             {"site", "status"},
                                             {"identity", "show"},
                                             {"run", "list"},
                                             {"dataset", "list"},
                                             {"aggregator", "serve"},
                                             {"consortium", "show"},
                                             {"model", "export", "--run", "r", "--to", "m"}}) {
    std::vector<std::string> arguments = line;
    arguments.insert(arguments.end(), {"--dir", impossible});
    const Outcome outcome = RunLine(arguments);
    EXPECT_EQ(outcome.code, 1) << line[0] << " " << line[1];
    EXPECT_THAT(outcome.err, HasSubstr("dure: ")) << line[0];
  }
  const Outcome folder = RunLine({"dataset", "check", testing::TempDir()});
  EXPECT_EQ(folder.code, 1) << "a folder where a file belongs";
  EXPECT_THAT(folder.err, HasSubstr("dure: "));
}

TEST(ExitCodes, TellARefusalFromAFailureFromSilence) {
  EXPECT_EQ(ExitCodeOf(ErrorCode::kPermissionDenied), ExitCode::kRefused);
  EXPECT_EQ(ExitCodeOf(ErrorCode::kUnauthenticated), ExitCode::kRefused);
  EXPECT_EQ(ExitCodeOf(ErrorCode::kCorrupt), ExitCode::kRefused);
  EXPECT_EQ(ExitCodeOf(ErrorCode::kUnavailable), ExitCode::kUnavailable);
  EXPECT_EQ(ExitCodeOf(ErrorCode::kExhausted), ExitCode::kFailed);
}

}  // namespace
}  // namespace dure::cli
