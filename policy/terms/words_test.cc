// Nobody changes a sentence of a decision without raising the words' version: everything that rules
// and terms may say about a fixed set of requests, in both languages, beside its digest in
// policy/rules/versions.h. Codes and facts of the same decisions beside theirs, here.
#include <gmock/gmock.h>

#include "policy/rules/agreement.h"
#include "policy/rules/decide.h"
#include "policy/rules/format.h"
#include "policy/rules/parse.h"
#include "policy/rules/sentence.h"
#include "policy/terms/compile.h"
#include "policy/terms/sentences.h"
#include "policy/terms/testing.h"

namespace dure::terms {
namespace {

using rules::Facts;
using rules::Value;

// What was said, to be digested.
class Sayings {
 public:
  void Add(const rules::Sentence& sentence) { words_ += sentence.en + "\n" + sentence.ko + "\n"; }
  // A policy that is made from terms, whose digest a decision cites.
  void Add(const rules::PolicyDocument& made) { words_ += rules::Format(made.policy) + "\n"; }
  void Add(const rules::Decision& decision) {
    for (const rules::Reason& reason : decision.reasons) Add(reason.because);
    for (const rules::Permission& permission : decision.permissions) Add(permission.because);
    for (const rules::Obligation& owed : decision.obligations) Add(owed.text);
    codes_ += rules::ToJson(rules::CodesAndFacts(decision)) + "\n";
  }
  std::string words() const { return Sha256(AsBytes(words_)).Hex(); }
  std::string codes() const { return Sha256(AsBytes(codes_)).Hex(); }

 private:
  std::string words_;
  std::string codes_;
};

rules::PolicySet Policies(const std::string& rules) {
  const std::string header = "policy \"P\" ko \"정책\" version 2 effective 2026-09-01\n";
  auto document = rules::ReadPolicy(header + rules, "test.policy");
  EXPECT_TRUE(document.has_value()) << document.error().message << "\n" << rules;
  return document ? *rules::PolicySet::Make({std::move(*document)}) : rules::PolicySet();
}

// Each kind of value, and each sound that a Korean particle may follow.
std::vector<Facts> FactsToSpeakOf() {
  const auto all = [](const Value& value) {
    Facts facts;
    for (const char* path : {"a.left", "a.right"}) facts.Set(path, value);
    return facts;
  };
  std::vector<Facts> facts = {Facts(), Facts().SetAbsent("a.left").SetAbsent("a.right")};
  for (const char* text : {"", "학습", "학교", "서울", "run-3", "run-1", "run-2", "kt", "model",
                           "server", "{braces}", "\"quoted\" and \\", "a]"}) {
    facts.push_back(all(Value::Text(text)));
  }
  facts.push_back(all(Value::Text(std::string(300, 'x'))));
  facts.push_back(all(Value::Bool(true)));
  facts.push_back(all(Value::Bool(false)));
  facts.push_back(all(Value::Number(7)));
  facts.push_back(all(Value::Count(12345678)));
  facts.push_back(all(Value::Number(rules::Decimal{2, 254'086'000})));
  facts.push_back(all(Value::Time(*rules::Instant::Parse("2026-09-20"))));
  facts.push_back(all(Value::Time(*rules::Instant::Parse("2026-09-20T01:02:03Z"))));
  facts.push_back(all(Value::TextSet({})));
  facts.push_back(all(Value::TextSet({"JP", "KR"})));
  return facts;
}

// The shapes of a rule: with and without sentence and title, in one language and in both.
constexpr const char* kShapes =
    "rule R1 forbid train when a.left exists because \"{a.left}, {a.right}, {request.action}; "
    "{{x}}\""
    " ko \"{a.left}은(는) {a.left}이(가) {a.left}을(를) {a.left}과(와) {a.left}(으)로 "
    "{request.action}을(를)\" end\n"
    "rule R2 require train that a.left is a.right and not a.left is yes because \"Only {a.left}.\" "
    "end\n"
    "rule R3 forbid train title \"A title\" ko \"제목\" when a.left exists or a.right exists end\n"
    "rule R4 forbid train title \"A title\" when not a.left exists end\n"
    "rule R5 require train that a.left is one of {1, 2} or (a.left at least 3 and a.left less than "
    "9) end\n"
    "rule R6 forbid train when a.left includes KR or a.left includes any of {JP, US} or a.left is "
    "not one of {x} or a.left before 2026-09-20 end\n";
constexpr const char* kPermits =
    "rule Q1 permit train when a.left is a.right and not a.left is KR because \"{a.left}.\" end\n"
    "rule Q2 permit train when a.left at least 8 or a.right does not exist title \"T\" end\n"
    "rule Q3 permit train when not a.left includes KR end\n"
    "rule Q4 oblige train when a.left exists basis \"art. 7\" duty notify \"Tell {a.left}.\" ko "
    "\"{a.left}을(를) 알리십시오.\" within 30 days duty keep \"Keep {a.right}.\" for 5 years duty "
    "label \"Label it.\" end\n";

void SayRules(Sayings& said) {
  for (const rules::Action action : rules::kActions) {
    said.Add(rules::Decide(rules::PolicySet(), action, Facts()));
  }
  const rules::PolicySet shapes = Policies(kShapes);
  const rules::PolicySet permits = Policies(kPermits);
  for (const Facts& facts : FactsToSpeakOf()) {
    said.Add(rules::Decide(shapes, rules::Action::kTrain, facts));
    said.Add(rules::Decide(permits, rules::Action::kTrain, facts));
  }
}

// Every code of every attribute, in words.
void SayCodes(Sayings& said) {
  for (const rules::Attribute& attribute : rules::ConsortiumSchema().attributes()) {
    if (attribute.words.empty()) continue;
    const std::string path = "{" + attribute.path + "}";
    const rules::PolicySet policies =
        Policies("rule R1 forbid train when a.left exists because \"" + path + "\" ko \"" + path +
                 "이(가)\" end\nrule R2 oblige train when a.left exists duty notify \"" + path +
                 "\" end\nrule R3 permit train when a.left does not exist end\n");
    const bool sets = attribute.kind == rules::Kind::kSet;
    std::vector<Value> values;
    for (const std::string& code : attribute.enumeration) {
      values.push_back(sets ? Value::TextSet({code}) : Value::Text(code));
    }
    values.push_back(sets ? Value::TextSet(attribute.enumeration) : Value::Text("no code"));
    for (const Value& value : values) {
      Facts facts;
      facts.Set("a.left", Value::Bool(true)).Set(attribute.path, value);
      said.Add(rules::Decide(policies, rules::Action::kTrain, facts));
      facts.SetAbsent("a.left");
      said.Add(rules::Decide(policies, rules::Action::kTrain, facts));
    }
  }
}

template <typename E>
std::vector<E> Every() {
  std::vector<E> all;
  for (size_t i = 0; i < kWordCount<E>; ++i) all.push_back(static_cast<E>(i));
  return all;
}

// A use for each word of each vocabulary.
std::vector<Use> UsesToSpeakOf(bool every_term = false) {
  std::vector<Use> uses;
  for (const Action action : Every<Action>()) {
    Use use;
    use.every_term = every_term;
    if (every_term) use.used_for["ds-7"] = {Purpose::kStatistics, Purpose::kBenchmark};
    use.action = action;
    use.country = "KR";
    use.at = *ParseInstant("2026-03-01", DayPart::kFirstSecond);
    for (const Purpose purpose : Every<Purpose>()) {
      use.purpose = purpose;
      for (const Beneficiary beneficiary : Every<Beneficiary>()) {
        use.beneficiary = beneficiary;
        uses.push_back(use);
      }
    }
    use.country = "US";
    use.at = *ParseInstant("2029-03-01", DayPart::kFirstSecond);
    uses.push_back(use);
    use.country.clear();
    use.at = *ParseInstant("2025-03-01", DayPart::kFirstSecond);
    uses.push_back(use);
  }
  return uses;
}

// Every clause there can be, whether or not some terms make it.
void SayClauses(Sayings& said) {
  std::vector<std::pair<std::string, std::string>> fields = {
      {"purposes", "unknown"},     {"purposes", "not benchmark"},
      {"duo", "DUO:0000007"},      {"licence.data", "CC-BY-NC-4.0"},
      {"licence.data", "unknown"}, {"licence.model", "MIT"},
      {"a.new.field", "{x}"}};
  for (const char* field :
       {"processing", "processingExcluded", "storage", "storageForbidden", "exports"}) {
    fields.push_back({std::string("territories.") + field, "KR, JP"});
  }
  for (const char* field : {"validFrom", "validUntil", "embargoUntil", "deleteAfter"}) {
    fields.push_back({std::string("time.") + field, "2026-01-01T00:00:00Z"});
  }
  for (const UseClass one : Every<UseClass>()) fields.push_back({"use", std::string(Word(one))});
  for (const ConsentDuty one : Every<ConsentDuty>()) {
    fields.push_back({"consent", std::string(Word(one))});
  }
  for (const Action action : Every<Action>()) {
    for (const Permission one : Every<Permission>()) {
      fields.push_back({"actions." + std::string(Word(action)), std::string(Word(one))});
    }
  }
  const std::vector<Use> uses = UsesToSpeakOf(true);
  for (const char* dataset : {"reviews", "ds-7", "kt"}) {
    const Clause gone{
        Permission::kDeny, {dataset, 2, "actions.export-weights"}, "deny", /*withdrawn_at=*/63};
    said.Add({Sentence(gone, uses.front(), Language::kEnglish),
              Sentence(gone, uses.front(), Language::kKorean)});
  }
  for (const auto& [field, value] : fields) {
    for (const Permission outcome : Every<Permission>()) {
      const Clause clause{outcome, {"ds-7", 2, field}, value};
      for (const Use& use : uses) {
        said.Add(
            {Sentence(clause, use, Language::kEnglish), Sentence(clause, use, Language::kKorean)});
      }
    }
  }
}

// What real terms come to, as decisions: titles, limits, and what an owner is asked.
void SayTerms(Sayings& said, bool every_term) {
  const std::vector<Terms> all = {testing::OpenTerms(), testing::AttributedTerms("CC-BY-NC-ND-4.0"),
                                  testing::ResearchTerms(), testing::FullTerms(), Terms()};
  Facts used;
  used.Set("dataset.roundsUsed", Value::Count(40)).Set("dataset.runsUsed", Value::Count(9));
  used.Set("round.participants", Value::Count(1));
  used.Set("privacy.epsilonAfter", Value::Number(rules::Decimal{9, 0}));
  used.Set("run.purpose", Value::Text("benchmark")).Set("request.country", Value::Text("US"));
  used.Set("dataset.id", Value::Text("ds-7")).Set("model.datasets", Value::TextSet({"ds-7"}));
  if (every_term) used.Set("round.members", Value::Count(1));
  for (Terms terms : all) {
    terms.limits.max_runs = 9;
    const rules::PolicyDocument limits = *LimitsOf({"ds-7", 2}, terms, every_term);
    said.Add(limits);
    said.Add(*RefusalOf({"ds-7", 2}));
    const rules::PolicySet alone = *rules::PolicySet::Make({limits});
    for (const Facts& facts : {Facts(), used}) {
      said.Add(rules::Decide(alone, rules::Action::kTrain, facts));
    }
    const ModelTerms both = Join(TermsOf({"ds-7", 2}, terms), TermsOf({"ds-7", 3}, terms));
    for (const ModelTerms& model : {TermsOf({"ds-7", 2}, terms), both}) {
      for (const Use& use : UsesToSpeakOf(every_term)) {
        const rules::PolicyDocument of_use = *PolicyFor(model, use);
        said.Add(of_use);
        said.Add(rules::Decide(*rules::PolicySet::Make({of_use}), RuleAction(use.action), used));
      }
    }
  }
}

Sayings SayAll(bool every_term) {
  Sayings all;
  SayRules(all);
  SayCodes(all);
  SayClauses(all);
  SayTerms(all, every_term);
  return all;
}
const Sayings& Said() {
  static const Sayings said = SayAll(true);
  return said;
}

TEST(TheWordsOfDecisions, AreThoseOfTheirVersion) {
  EXPECT_EQ(Said().words(), rules::kWordsDigests.back())
      << "A sentence of decisions changed. Add the first of these two digests as a NEW line to "
         "kWordsDigests in policy/rules/versions.h: that raises the words' version, and records "
         "made in the older words go on replaying by their codes and facts. Editing the line that "
         "is there would make members refuse every record made with it.";
}

// What is decided again in words before kEveryTermSince is what was decided then.
TEST(TheCodesOfDecisions, OfOlderWordsAreThoseOfTheirTime) {
  EXPECT_EQ(SayAll(false).codes(),
            "44ca70c2cbe8f8c456b9b8a52344db65b1f3f96f2a06e23c1139b99f25cb1710");
}

// Raising kEngineVersion makes every older record one that cannot be replayed.
TEST(TheCodesOfDecisions, AreThoseOfTheirEngine) {
  ASSERT_EQ(rules::kEngineVersion, 1u);
  EXPECT_EQ(Said().codes(), "faf0ec2a7ca6d3d3da1053146315999f8655f4a1efb8138930bb83df76786afa")
      << "Codes, facts or the form of decisions changed: members that replay an older record with "
         "this build would refuse it. If that is meant, raise kEngineVersion in "
         "policy/rules/versions.h, and put the new digest here.";
}

}  // namespace
}  // namespace dure::terms
