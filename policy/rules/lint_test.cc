#include "policy/rules/lint.h"

#include <gmock/gmock.h>

#include "policy/rules/parse.h"

namespace dure::rules {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;

std::string Findings(const std::string& rules, Severity least = Severity::kWarning,
                     Language language = Language::kEnglish) {
  const std::string text = "policy \"P\" version 1 effective 2026-09-01\n" + rules;
  const auto document = ReadPolicy(text, "p.policy");
  if (!document) return "does not read: " + document.error().message;
  std::string all;
  for (const Finding& finding : Lint(*document, ConsortiumSchema())) {
    if (finding.severity <= least) all += ToText(finding, "p.policy", language);
  }
  return all;
}

// A rule with all the words a linter asks for.
std::string Rule(const std::string& head, const std::string& condition) {
  const bool require = head.find(" require ") != std::string::npos;
  return "rule " + head + "\n  title \"T\" ko \"제목\"\n  " + (require ? "that " : "when ") +
         condition + "\n  because \"B\" ko \"이유\"\nend\n";
}

TEST(Lint, SaysWhatTheSchemaDoesNotKnow) {
  const struct {
    const char* condition;
    const char* says;
  } cases[] = {
      {"dataset.term.use is open", "did you mean 'dataset.terms.use'?"},
      {"dataset.terms.use is opne", "did you mean 'open'?"},
      {"dataset.terms.use is one of {open, closed}", "dataset.terms.use is never closed"},
      {"dataset.terms.use at least 3", "cannot be compared by 'at least'"},
      {"dataset.terms.use is 3", "dataset.terms.use is never 3"},
      {"dataset.terms.use is {open}", "where one value is meant"},
      {"dataset.terms.use is one of open", "write {open}"},
      {"dataset.terms.purposes is one of {statistics}", "cannot be compared by 'is one of'"},
      {"dataset.terms.purposes includes profit", "is never profit"},
      {"dataset.terms.purposes includes any of statistics", "write {statistics}"},
      {"run.purpose is round.no", "never holds"},
      {"run.purpose is one of dataset.terms.licence", "never holds"},
      {"request.time before 3", "request.time is never 3"},
      {"dataset.id exists", "is always there"},
  };
  for (const auto& one : cases)
    EXPECT_THAT(Findings(Rule("P1 forbid train", one.condition)), HasSubstr(one.says))
        << one.condition;
}

TEST(Lint, SaysEveryFindingInKoreanToo) {
  const std::string said = Findings("rule P1 permit train when dataset.term.use is open end\n" +
                                        Rule("P2 forbid train", "dataset.terms.use is closed") +
                                        Rule("P3 forbid train", "dataset.terms.use at least 3") +
                                        Rule("P4 forbid train", "dataset.terms.use is {open}") +
                                        Rule("P5 forbid train", "run.purpose is round.no") +
                                        Rule("P6 forbid train", "dataset.id exists"),
                                    Severity::kNote, Language::kKorean);
  for (const char* part :
       {"오류: 규칙 P1: dataset.term.use(이)라는 속성은 없어서", "혹시 'dataset.terms.use'입니까?",
        "주의: 규칙 P1: 제목이 없습니다", "dataset.terms.use는 closed일 수 없습니다",
        "'at least' 비교를 쓸 수 없습니다", "모음이 아니라 값 하나와", "결코 참이 되지 않습니다",
        "언제나 있는 속성입니다", "참고: 규칙 P6: 이 규칙이 쓰이는 사례(case)가"}) {
    EXPECT_THAT(said, HasSubstr(part));
  }
  EXPECT_THAT(said, Not(HasSubstr("rule P")));
}

TEST(Lint, SaysNothingAboutWhatIsRight) {
  EXPECT_EQ(Findings(Rule("P1 forbid train", "dataset.terms.use is open and round.no at least 3") +
                     Rule("P2 permit train", "dataset.terms.purposes includes statistics") +
                     Rule("P3 require train", "run.purpose is one of dataset.terms.purposes") +
                     Rule("P4 forbid train", "dataset.withdrawnAt exists")),
            "");
}

TEST(Lint, AsksForTitlesReasonsAndKorean) {
  const std::string bare = Findings("rule P1 forbid train when dataset.withdrawnAt exists end");
  EXPECT_THAT(bare, HasSubstr("it has no title"));
  EXPECT_THAT(bare, HasSubstr("it has no because"));
  const std::string english = Findings(
      "rule P1 oblige train title \"T\" when dataset.withdrawnAt exists duty keep \"x\" because "
      "\"{dataset.idd} {\" end");
  EXPECT_THAT(english, HasSubstr("its title has no Korean"));
  EXPECT_THAT(english, HasSubstr("its because has no Korean"));
  EXPECT_THAT(english, HasSubstr("a duty has no Korean"));
  EXPECT_THAT(english, HasSubstr("did you mean 'dataset.id'?"));
  EXPECT_THAT(english, HasSubstr("a brace that is no {attribute}"));
}

TEST(Lint, FindsContradictions) {
  for (const char* condition :
       {"dataset.terms.use is open and dataset.terms.use is research-only",
        "round.no at least 5 and round.no less than 5",
        "round.no more than 5 and round.no less than 5.000000001",
        "request.time after 2026-01-02 and request.time before 2026-01-02",
        "dataset.withdrawnAt exists and dataset.withdrawnAt does not exist",
        "dataset.terms.purposes includes statistics and dataset.terms.purposes includes none of "
        "{statistics, benchmark}",
        "run.purpose is dataset.terms.licence and not (run.purpose is dataset.terms.licence)"}) {
    EXPECT_THAT(Findings(Rule("P1 forbid train", condition)), HasSubstr("contradicts itself"))
        << condition;
  }
  EXPECT_THAT(Findings(Rule("P1 require train", "round.no at least 5 and round.no at most 4")),
              HasSubstr("refuses everything"));
  EXPECT_THAT(Findings(Rule("P1 require train", "round.no at least 5 or round.no at most 5")),
              HasSubstr("always met"));
  for (const char* condition :
       {"round.no more than 5 and round.no less than 5.000000002",
        "dataset.terms.purposes includes statistics and dataset.terms.purposes includes benchmark",
        "run.purpose is not dataset.terms.licence"}) {
    EXPECT_THAT(Findings(Rule("P1 forbid train", condition)), Not(HasSubstr("contradicts")))
        << condition;
  }
}

TEST(Lint, FindsRulesThatTogetherRefuseEverything) {
  const std::string all = "it refuses every train, whatever the facts are";
  EXPECT_THAT(Findings(Rule("P1 require train", "run.purpose is statistics") +
                       Rule("P2 require train, serve", "run.purpose is benchmark")),
              HasSubstr("rule P2: with P1 " + all));
  EXPECT_THAT(Findings(Rule("P1 forbid train", "run.purpose is statistics") +
                       Rule("P2 require train", "run.purpose is statistics")),
              HasSubstr("rule P2: with P1 " + all));
  // Each asks of something else, too.
  EXPECT_THAT(Findings(Rule("P1 require train", "round.no at least 5 and run.sector exists") +
                       Rule("P2 require train",
                            "round.no less than 5 and run.riskClass is "
                            "ordinary")),
              HasSubstr("rule P2: with P1 " + all));
  // No two of them do.
  const std::string sectors = Findings(Rule("P1 require train", "run.sector is one of {a, b}") +
                                       Rule("P2 require train", "run.sector is one of {b, c}") +
                                       Rule("P3 require train", "run.sector is one of {a, c}"));
  EXPECT_THAT(sectors, HasSubstr("rule P3: with P1, P2 " + all));
  EXPECT_THAT(Findings(Rule("P1 require train", "run.purpose is statistics") +
                           Rule("P2 require train", "run.purpose is benchmark"),
                       Severity::kWarning, Language::kKorean),
              HasSubstr("규칙 P1과 함께 사실이 어떻든 학습을 언제나 거부합니다"));
  EXPECT_THAT(Findings(Rule("P1 forbid train",
                            "run.purpose is statistics or run.purpose is not "
                            "statistics"),
                       Severity::kNote),
              HasSubstr("note: rule P1: its condition always holds, so it refuses everything"));
}

TEST(Lint, SaysNothingOfRefusalsThatLeaveSomething) {
  EXPECT_EQ(Findings(Rule("P1 require train", "run.purpose is one of {statistics, benchmark}") +
                     Rule("P2 require train", "run.purpose is one of {benchmark, public-service}")),
            "");
  // Of different actions.
  EXPECT_EQ(Findings(Rule("P1 require train", "run.purpose is statistics") +
                     Rule("P2 require evaluate", "run.purpose is benchmark")),
            "");
  EXPECT_EQ(Findings(Rule("P1 forbid train", "run.purpose is statistics") +
                     Rule("P2 forbid train", "run.riskClass is high-impact")),
            "");
}

TEST(Lint, SaysOnceWhatBothLanguagesHaveWrong) {
  const std::string found = Findings(
      "rule P1 forbid train\n  title \"T\" ko \"제목\"\n  when run.purpose is statistics\n"
      "  because \"{run.purpos}\" ko \"{run.purpos}\"\nend\n");
  const size_t first = found.find("no attribute is called run.purpos");
  ASSERT_NE(first, found.npos) << found;
  EXPECT_EQ(found.find("no attribute is called run.purpos", first + 1), found.npos) << found;
}

TEST(Lint, FindsAPermitThatNothingReaches) {
  const std::string permit = Rule("P1 permit train, serve", "dataset.terms.use is open");
  EXPECT_THAT(Findings(permit + Rule("P2 forbid train", "dataset.terms.use is one of {open}")),
              HasSubstr("rule P1: it can never permit train: whenever it would, another"));
  EXPECT_THAT(Findings(permit + Rule("P2 require serve", "dataset.terms.use is research-only")),
              HasSubstr("it can never permit serve"));
  // Two that only together cover everything.
  EXPECT_THAT(Findings(Rule("P1 permit train", "round.no at least 0") +
                       Rule("P2 forbid train", "round.no at most 5") +
                       Rule("P3 forbid train", "round.no at least 5")),
              HasSubstr("it can never permit train"));
  EXPECT_EQ(Findings(permit + Rule("P2 forbid train", "dataset.terms.use is research-only")), "");
}

TEST(Lint, FindsARuleThatNeverMatters) {
  EXPECT_THAT(
      Findings(Rule("P1 forbid train", "dataset.terms.use is open") +
               Rule("P2 forbid train, serve", "dataset.terms.use is one of {open, research-only}")),
      HasSubstr("rule P1: rule P2 always does the same already"));
  EXPECT_THAT(Findings(Rule("P1 require train", "round.no at least 3") +
                       Rule("P2 require train", "round.no at least 4")),
              HasSubstr("rule P1: rule P2 always does the same already"));
  const std::string twins = Findings(Rule("P1 forbid train", "round.no at least 3") +
                                     Rule("P2 forbid train", "not (round.no less than 3)"));
  EXPECT_THAT(twins, HasSubstr("rule P2: rule P1 always does"));
  EXPECT_THAT(twins, Not(HasSubstr("rule P1: rule P2")));
  // Wider in its actions, so it matters for serve.
  EXPECT_EQ(Findings(Rule("P1 forbid train, serve", "dataset.terms.use is open") +
                     Rule("P2 forbid train", "dataset.terms.use is one of {open, research-only}")),
            "");
}

TEST(Lint, SaysWhatItDidNotTry) {
  std::string many = "round.no at least 3";
  for (const char* path :
       {"update.norm", "update.tokens", "update.round", "round.participants", "dataset.version",
        "dataset.roundsUsed", "dataset.runsUsed", "incident.open", "run.termsSnapshot",
        "privacy.epsilonAfter", "usage.callsThisMonth"})
    many += " and " + std::string(path) + " at least 3";
  EXPECT_THAT(Findings(Rule("P1 forbid train", many), Severity::kNote),
              HasSubstr("too many combinations"));
}

TEST(Lint, ChecksWhatCasesGive) {
  const std::string rule = Rule("P1 forbid train", "dataset.terms.use is open");
  EXPECT_THAT(Findings(rule + "case \"c\" asks train given dataset.terms.use is opne, dataset.idd "
                              "is x, dataset.id is absent expect no refusal end"),
              ::testing::AllOf(HasSubstr("dataset.terms.use is never opne"),
                               HasSubstr("did you mean 'dataset.id'?"),
                               HasSubstr("dataset.id is never absent")));
  EXPECT_THAT(Findings(rule, Severity::kNote), HasSubstr("no case of this policy shows it"));
}

}  // namespace
}  // namespace dure::rules
