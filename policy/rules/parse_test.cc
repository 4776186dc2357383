#include "policy/rules/parse.h"

#include <gmock/gmock.h>

namespace dure::rules {
namespace {

using ::testing::HasSubstr;
using ::testing::SizeIs;

constexpr std::string_view kHeader = "policy \"P\" version 1 effective 2026-09-01\n";

std::string Problems(const std::string& text) {
  const Parsed parsed = ParsePolicy(text);
  std::string all;
  for (const Problem& problem : parsed.problems) all += ToText(problem, "p.policy", text);
  return all;
}

// One forbid with this condition.
std::string WithCondition(const std::string& condition) {
  return std::string(kHeader) + "rule P1 forbid train\n  when " + condition + "\nend\n";
}

TEST(PolicyText, ReadsEveryPartOfARule) {
  const std::string text =
      "site policy \"Our site\" ko \"우리 사이트\" version 7 effective 2026-09-01T08:00:00Z\n"
      "rule S1 oblige serve, train\n"
      "  title \"A title\" ko \"제목\"\n"
      "  when grant.status is active\n"
      "  duty notify \"Tell {member.id}.\" ko \"{member.id}에 알리십시오.\" within 72 hours\n"
      "  duty keep \"Keep it.\" for 1 year\n"
      "  because \"Grant {grant.id}\" ko \"이용 허가 {grant.id}\"\n"
      "  basis \"Annex B\"\n"
      "end\n";
  const auto document = ReadPolicy(text, "s.policy");
  ASSERT_TRUE(document.has_value()) << document.error().message;
  const Policy& policy = document->policy;
  EXPECT_EQ(policy.layer, Layer::kSite);
  EXPECT_EQ(policy.name, (Sentence{"Our site", "우리 사이트"}));
  EXPECT_EQ(policy.version, 7u);
  EXPECT_EQ(policy.effective.ToText(), "2026-09-01T08:00:00Z");
  EXPECT_EQ(document->digest, Sha256(AsBytes(text)));
  ASSERT_THAT(policy.rules, SizeIs(1));
  const Rule& rule = policy.rules[0];
  EXPECT_EQ(rule.actions, (std::vector<Action>{Action::kTrain, Action::kServe}));
  ASSERT_THAT(rule.duties, SizeIs(2));
  EXPECT_EQ(rule.duties[0].limit, Duty::Limit::kWithin);
  EXPECT_EQ(rule.duties[0].count, 72u);
  EXPECT_EQ(rule.duties[1].unit, Unit::kYears);
  EXPECT_EQ(rule.basis, "Annex B");
}

TEST(PolicyText, ReadsEveryComparison) {
  const struct {
    const char* text;
    Condition condition;
  } cases[] = {
      {"run.id is run-3", Compare("run.id", Op::kIs, Value::Text("run-3"))},
      {"run.id is not \"two words\"", Compare("run.id", Op::kIsNot, Value::Text("two words"))},
      {"run.id is round.id", ComparePaths("run.id", Op::kIs, "round.id")},
      {"run.id is one of {a, b}", Compare("run.id", Op::kIsOneOf, Value::TextSet({"a", "b"}))},
      {"run.id is not one of x.y", ComparePaths("run.id", Op::kIsNotOneOf, "x.y")},
      {"a.b includes KR", Compare("a.b", Op::kIncludes, Value::Text("KR"))},
      {"a.b includes any of {DUO:0000018}",
       Compare("a.b", Op::kIncludesAnyOf, Value::TextSet({"DUO:0000018"}))},
      {"a.b includes all of {}", Compare("a.b", Op::kIncludesAllOf, Value::Set({}))},
      {"a.b includes only c.d", ComparePaths("a.b", Op::kIncludesOnly, "c.d")},
      {"a.b includes none of c.d", ComparePaths("a.b", Op::kIncludesNoneOf, "c.d")},
      {"a.b at least 0.80", Compare("a.b", Op::kAtLeast, Value::Number({0, 800'000'000}))},
      {"a.b at most -3", Compare("a.b", Op::kAtMost, Value::Number(-3))},
      {"a.b more than 1", Compare("a.b", Op::kMoreThan, Value::Number(1))},
      {"a.b less than 1", Compare("a.b", Op::kLessThan, Value::Number(1))},
      {"a.b before 1970-01-02", Compare("a.b", Op::kBefore, Value::Time(Instant{86400}))},
      {"a.b after c.d", ComparePaths("a.b", Op::kAfter, "c.d")},
      {"a.b exists", Exists("a.b")},
      {"a.b does not exist", DoesNotExist("a.b")},
      {"a.b is true", Compare("a.b", Op::kIs, Value::Bool(true))},
      {"not (a.b exists)", Not(Exists("a.b"))},
      {"a.b exists and (c.d exists or not e.f exists)",
       All({Exists("a.b"), Any({Exists("c.d"), Not(Exists("e.f"))})})},
      {"(a.b exists and c.d exists) and e.f exists",
       All({Exists("a.b"), Exists("c.d"), Exists("e.f")})},
  };
  for (const auto& one : cases) {
    const auto document = ReadPolicy(WithCondition(one.text), "p.policy");
    ASSERT_TRUE(document.has_value()) << document.error().message;
    EXPECT_EQ(document->policy.rules[0].condition, one.condition) << one.text;
  }
}

TEST(PolicyText, RefusesAndMixedWithOr) {
  const std::string text = WithCondition("a.b exists and c.d exists or e.f exists");
  EXPECT_EQ(Problems(text),
            "p.policy:3:34: 'and' and 'or' are mixed, so this could be read in two ways\n"
            "    when a.b exists and c.d exists or e.f exists\n"
            "                                   ^\n"
            "  put parentheses around the part that belongs together, for example (a and b) or "
            "c\n");
}

TEST(PolicyText, SaysWhereAndWhatToDo) {
  const struct {
    std::string text;
    const char* says;
  } cases[] = {
      {std::string(kHeader) + "rule P1 forbit train", "did you mean 'forbid'?"},
      {std::string(kHeader) + "rule P1 forbid trian", "did you mean 'train'?"},
      {std::string(kHeader) + "rule P1 forbid train, train", "train is named twice"},
      {std::string(kHeader) + "rule P1 forbid train\n titel \"x\"", "did you mean 'title'?"},
      {std::string(kHeader) + "rule P1 forbid train\nend", "has no condition"},
      {std::string(kHeader) + "rule P1 require train when a.b exists", "a require says 'that'"},
      {std::string(kHeader) + "rule P1 permit train\n duty keep \"x\"",
       "only an oblige has a duty"},
      {std::string(kHeader) + "rule P1 oblige train when a.b exists end", "obliges to nothing"},
      {std::string(kHeader) + "rule P1 forbid train when a.b exists\n", "the text ends here"},
      {WithCondition("purpose is research"), "'purpose' is no attribute"},
      {WithCondition("run.purpose research"), "expected a comparison"},
      {WithCondition("run.purpose is absent"), "write 'exists' or 'does not exist'"},
      {WithCondition("run.purpose is Apache-2.0"), "put the text in \"quotes\""},
      {WithCondition("run.purpose is “research”"), "not the straight one"},
      {WithCondition("run.purpose is 'research'"), "not the straight one"},
      {WithCondition("run.purpose is \"research"), "no closing quotation mark"},
      {WithCondition("run.purpose is 연구"), "put texts in \"quotes\""},
      {WithCondition("a.b at least 5k"), "neither a number nor a time"},
      {WithCondition("a.b after 2026-02-30"), "neither a number nor a time"},
      {WithCondition("(a.b exists"), "expected ')'"},
      {WithCondition("a.b is one of {x, y"), "expected ',' or '}'"},
      {WithCondition("a.b is \"\\t\""), "a backslash in a string"},
      {"policy \"P\" version 0 effective 2026-09-01", "a whole number from 1"},
      {"policy \"P\" version 1 efective 2026-09-01", "did you mean 'effective'?"},
      {"", "expected a policy"},
      {std::string(kHeader) + "ruel P1 forbid train", "did you mean 'rule'?"},
      {WithCondition("a.b exists") + "rule P1 forbid train when a.b exists end", "occurs twice"},
      {std::string(kHeader) + "case \"x\" asks train expect deny by P9 end",
       "rule P9 is not in this policy"},
      {WithCondition("a.b exists") + "case \"x\" asks train in \"nowhere\" expect admit end",
       "situation \"nowhere\" is not in this policy"},
      {std::string(kHeader) + "case \"x\" asks train given a.b is 1, a.b is 2 expect admit end",
       "is given twice"},
  };
  for (const auto& one : cases) {
    EXPECT_FALSE(ParsePolicy(one.text).document.has_value()) << one.text;
    EXPECT_THAT(Problems(one.text), HasSubstr(one.says)) << one.text;
  }
}

TEST(PolicyText, ASiteAndTermsCanOnlyNarrow) {
  const std::string rule = "rule S1 permit train\n  when a.b exists\nend\n";
  for (const char* layer : {"site ", "terms "}) {
    EXPECT_THAT(Problems(layer + std::string(kHeader) + rule), HasSubstr("can only narrow"));
  }
  EXPECT_EQ(Problems(std::string(kHeader) + rule), "");
}

TEST(PolicyText, GoesOnBehindABrokenRule) {
  const std::string text = std::string(kHeader) +
                           "rule P1 forbid trian\n  when a.b exists\nend\n"
                           "rule P2 forbid train\n  when a.b exists\nend\n"
                           "rule P3 forbid train\n  when a.b exits\nend\n";
  const Parsed parsed = ParsePolicy(text);
  ASSERT_THAT(parsed.problems, SizeIs(2));
  EXPECT_EQ(parsed.problems[0].at.line, 2u);
  EXPECT_EQ(parsed.problems[1].at.line, 9u);
}

// One mistake is one finding: nothing is said again of what stands beside it or names it.
TEST(PolicyText, SaysOneMistakeOnce) {
  const std::string cases =
      "situation \"s\" given a.b is 1 end\n"
      "case \"x\" asks train in \"s\" expect deny by P1 end\n";
  const std::pair<std::string, const char*> mistakes[] = {
      {"a.b is 상업적-이용", "'상업적-이용' belongs nowhere"},
      {"상업 is x", "'상업' belongs nowhere"},
      {"a.b at least 5k", "neither a number"},
      {"a.b is \"research", "no closing quotation mark"},
      {"a.b exits", "did you mean 'exists'?"},
  };
  for (const auto& [condition, says] : mistakes) {
    const std::string text =
        std::string(kHeader) + "rule P1 forbid train\n  when " + condition + "\nend\n" + cases;
    const Parsed parsed = ParsePolicy(text);
    EXPECT_THAT(parsed.problems, SizeIs(1)) << Problems(text);
    EXPECT_THAT(Problems(text), HasSubstr(says));
  }
  const Parsed situation =
      ParsePolicy(WithCondition("a.b exists") + "situation \"s\" given a.b 1 end\n" +
                  "case \"x\" asks train in \"s\" expect deny by P1 end\n");
  EXPECT_THAT(situation.problems, SizeIs(1));
}

TEST(PolicyText, PutsTheCaretUnderKoreanText) {
  const std::string text = WithCondition("a.b is \"한글\" nonsense");
  EXPECT_THAT(Problems(text), HasSubstr("p.policy:3:20: "));
  EXPECT_THAT(Problems(text), HasSubstr("\n" + std::string(2 + 19 + 2, ' ') + "^\n"));
}

TEST(PolicyText, KeepsItsBounds) {
  const auto nested = [](size_t depth) {
    std::string text;
    for (size_t i = 0; i < depth; ++i) text += "not (";
    return WithCondition(text + "a.b exists" + std::string(depth, ')'));
  };
  EXPECT_EQ(Problems(nested(9)), "");
  EXPECT_THAT(Problems(nested(40)), HasSubstr("nested deeper"));
  EXPECT_THAT(Problems(nested(40'000)), HasSubstr("nested deeper"));
  std::string many = "a.b exists";
  for (size_t i = 1; i < kAtomsMax; ++i) many += " and a.b exists";
  EXPECT_EQ(Problems(WithCondition(many)), "");
  EXPECT_THAT(Problems(WithCondition(many + " and a.b exists")), HasSubstr("more than 64"));
  EXPECT_EQ(ReadPolicy(std::string(kPolicyBytesMax + 1, ' '), "p").error().code,
            ErrorCode::kExhausted);
  EXPECT_LE(ParsePolicy(std::string(10'000, '%')).problems.size(), kProblemsMax);
}

TEST(PolicyText, TakesWhatWindowsEditorsWrite) {
  std::string text = "\xef\xbb\xbf" + WithCondition("a.b exists");
  for (size_t at = 0; (at = text.find('\n', at)) != std::string::npos; at += 2)
    text.replace(at, 1, "\r\n");
  EXPECT_EQ(Problems(text), "");
}

TEST(PolicyText, RefusesBytesThatAreNoText) {
  for (const std::string bytes : {"\xff", "\xc0\x80", "\xed\xa0\x80", "\xf5\x80\x80\x80", "\x01"}) {
    EXPECT_FALSE(ReadPolicy(WithCondition("a.b is \"" + bytes + "\""), "p").has_value());
    EXPECT_FALSE(ReadPolicy("# " + bytes + "\n" + WithCondition("a.b exists"), "p").has_value());
    EXPECT_FALSE(ReadPolicy(WithCondition("a.b exists") + bytes, "p").has_value());
  }
}

TEST(OneFact, IsReadFromACommandLine) {
  const auto fact = ParseFact("dataset.terms.purposes={statistics, benchmark}");
  ASSERT_TRUE(fact.has_value()) << fact.error().message;
  EXPECT_EQ(fact->fact.value, Value::TextSet({"benchmark", "statistics"}));
  EXPECT_EQ(ParseFact("dataset.withdrawnAt=absent")->fact.presence, Presence::kAbsent);
  EXPECT_EQ(ParseFact("run.purpose is statistics")->path.text(), "run.purpose");
  for (const char* text : {"", "run.purpose", "purpose=x", "run.purpose=", "run.purpose=a b", "=x"})
    EXPECT_FALSE(ParseFact(text).has_value()) << text;
}

}  // namespace
}  // namespace dure::rules
