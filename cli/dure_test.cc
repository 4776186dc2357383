#include "cli/dure.h"

#include <gmock/gmock.h>

#include <sstream>

#include "cli/exit_code.h"

namespace dure::cli {
namespace {

using testing::HasSubstr;
using testing::IsEmpty;

struct Outcome {
  int code;
  std::string out;
  std::string err;
};

Outcome RunLine(const std::vector<std::string>& arguments) {
  std::ostringstream out, err;
  const int code =
      RunDure(arguments, out, err, [] { return WallTime(std::chrono::hours(24 * 20000)); });
  return {code, out.str(), err.str()};
}

TEST(Dure, SaysWhatIsWrongWithACommandLineAndHowToGetHelp) {
  const Outcome nothing = RunLine({});
  EXPECT_EQ(nothing.code, 2);
  EXPECT_THAT(nothing.err, HasSubstr("see: dure --help"));

  const Outcome unknown = RunLine({"no-such-noun"});
  EXPECT_EQ(unknown.code, 2);
  EXPECT_THAT(unknown.out, IsEmpty());
  EXPECT_THAT(unknown.err, HasSubstr("dure has no command 'no-such-noun'"));
  EXPECT_THAT(RunLine({"run", "begin"}).err, HasSubstr("dure run has no command 'begin'"));
}

TEST(Dure, TellsWhichFolderACommandNeeds) {
  const std::string nowhere = testing::TempDir() + "dure-nowhere";
  EXPECT_THAT(RunLine({"run", "list", "--dir", nowhere}).err,
              HasSubstr("neither the folder that dure consortium init made nor an operator's"));
  EXPECT_THAT(RunLine({"consortium", "show", "--dir", nowhere}).err, HasSubstr(nowhere));
  EXPECT_THAT(RunLine({"ledger", "show", "--dir", nowhere}).err,
              HasSubstr("holds no copy of the record"));
  EXPECT_THAT(
      RunLine({"site", "serve", "--dir", nowhere, "--data", nowhere, "--terms", "open"}).err,
      HasSubstr("--data"));
}

TEST(Dure, PrintsErrorsAsOneObjectWithJson) {
  const Outcome outcome = RunLine({"help", "nonsense", "--json"});
  EXPECT_EQ(outcome.code, 1);
  EXPECT_THAT(outcome.out, IsEmpty());
  EXPECT_THAT(outcome.err, HasSubstr(R"("exit_code":1)"));
  EXPECT_THAT(outcome.err, HasSubstr(R"(no help on 'nonsense' under 'dure')"));
}

TEST(Dure, HelpTeachesWithExamples) {
  EXPECT_THAT(RunLine({"--help"}).out, HasSubstr("dure help exit-codes"));
  EXPECT_EQ(RunLine({"--help"}).code, 0);
  EXPECT_THAT(RunLine({"help"}).out, HasSubstr("Start with"));
  EXPECT_THAT(RunLine({"help", "help"}).out,
              testing::AllOf(HasSubstr("Usage: dure help"), HasSubstr("Examples:\n  dure help\n")));
  EXPECT_THAT(RunLine({"help", "exit-codes"}).out, HasSubstr("3  refused"));
  EXPECT_THAT(RunLine({"--version"}).out, HasSubstr("dure 0."));
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
