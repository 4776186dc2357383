#include "policy/terms/compile.h"

#include <algorithm>
#include <iterator>
#include <map>

#include "federation/check.h"
#include "policy/rules/sentence.h"
#include "policy/terms/owed.h"
#include "policy/terms/proposal.h"
#include "policy/terms/sentences.h"

namespace dure::terms {
namespace {

using rules::Decimal;
using rules::Facts;
using rules::Value;

constexpr int32_t kNanosPerMicro = 1000;

Value TimeOf(Instant at) { return Value::Time(rules::Instant{at.seconds}); }

template <typename T>
std::optional<Value> Maybe(const std::optional<T>& value, Value (*as)(T)) {
  return value ? std::optional(as(*value)) : std::nullopt;
}

Value EpsilonOf(uint64_t micro) {
  const auto whole = static_cast<int64_t>(micro / 1'000'000);
  return Value::Number(Decimal{whole, static_cast<int32_t>(micro % 1'000'000) * kNanosPerMicro});
}

Value TextsOf(const std::set<std::string>& texts) {
  return Value::TextSet({texts.begin(), texts.end()});
}

// Anywhere is "no list"; nothing said is unknown.
void SetPlaces(Facts& facts, std::string_view path, const Places& places) {
  if (places.anywhere) {
    facts.SetAbsent(path);
  } else if (!places.unknown()) {
    facts.Set(path, TextsOf(places.countries));
  }
}

template <typename E>
Value WordsOf(const std::set<E>& words) {
  std::vector<std::string> texts;
  for (const E word : words) texts.emplace_back(Word(word));
  return Value::TextSet(texts);
}

void SetLimits(Facts& facts, const Limits& limits) {
  const auto count = [](uint64_t n) { return Value::Count(n); };
  facts.SetOrAbsent("dataset.terms.maxRounds", Maybe<uint64_t>(limits.max_rounds, count));
  facts.SetOrAbsent("dataset.terms.maxRuns", Maybe<uint64_t>(limits.max_runs, count));
  facts.SetOrAbsent("dataset.terms.minParticipants",
                    Maybe<uint64_t>(limits.min_participants, count));
  facts.SetOrAbsent("dataset.terms.epsilonMax",
                    Maybe<uint64_t>(limits.epsilon_max_micro, EpsilonOf));
}

// Braces would be taken for a path.
std::string Plain(std::string text) {
  std::ranges::replace(text, '{', '(');
  std::ranges::replace(text, '}', ')');
  return text;
}

// True of the very use that the rule was made for, and shown as its fact: where the use goes, where
// the field is about places, and what it is for otherwise.
rules::Condition ThisUse(const Use& use, const std::string& field) {
  if (TouchesData(use.action)) {
    return rules::Compare("run.purpose", rules::Op::kIs, Value::Text(Word(use.purpose)));
  }
  if (field.starts_with("territories.") && !use.country.empty()) {
    return rules::Compare("request.country", rules::Op::kIs, Value::Text(use.country));
  }
  return rules::Compare("request.purpose", rules::Op::kIs, Value::Text(Word(use.purpose)));
}

rules::Rule RuleOf(const std::string& id, const std::vector<Clause>& clauses, const Use& use) {
  rules::Rule rule;
  rule.id = id;
  rule.actions = {RuleAction(use.action)};
  const bool asks = std::ranges::all_of(
      clauses, [](const Clause& clause) { return clause.outcome == Permission::kAsk; });
  const Cause& cause = clauses.front().cause;
  rule.effect = asks ? rules::Effect::kRequire : rules::Effect::kForbid;
  rule.title = {
      "What the owner of " + cause.dataset + " says of " +
          PlainField(cause.field, Language::kEnglish),
      cause.dataset + " 권리자의 이용조건: " + PlainField(cause.field, Language::kKorean)};
  // What its owner wrote before it was withdrawn is no reason any more.
  const bool gone = std::ranges::any_of(
      clauses, [](const Clause& clause) { return clause.withdrawn_at.has_value(); });
  const Value dataset = Value::Text(cause.dataset);
  if (asks) {
    rule.condition = rules::Compare("run.ownersAgreed", rules::Op::kIncludes, dataset);
  } else if (gone && use.withdrawn_named) {
    rule.condition = rules::Compare("model.datasets", rules::Op::kIncludes, dataset);
  } else {
    rule.condition = ThisUse(use, cause.field);
  }
  for (const Clause& clause : clauses) {
    if (gone && (!clause.withdrawn_at || !rule.because.en.empty())) continue;
    const char* space = rule.because.en.empty() ? "" : " ";
    rule.because.en += space + Plain(Sentence(clause, use, Language::kEnglish));
    rule.because.ko += space + Plain(Sentence(clause, use, Language::kKorean));
  }
  rule.basis = "terms of " + cause.dataset + " v" + std::to_string(cause.version);
  return rule;
}

rules::Rule Limit(const Source& source, const std::string& field, rules::Condition condition,
                  const std::string& en, const std::string& ko) {
  rules::Rule rule;
  rule.id = RuleId({source.dataset, source.version, field}, false);
  rule.effect = rules::Effect::kRequire;
  rule.actions = {rules::Action::kTrain, rules::Action::kFinetune};
  rule.condition = std::move(condition);
  rule.title = {"A limit of " + source.dataset + ": " + field,
                source.dataset + "의 한도: " + field};
  rule.because = {en, ko};
  rule.basis = "terms of " + source.dataset + " v" + std::to_string(source.version);
  return rule;
}

// So many sites, of so many members: what a round promises before it is opened.
void AddParticipants(const Source& source, const Limits& limits, bool every_term,
                     std::vector<rules::Rule>& rules) {
  const std::string who = "Dataset " + source.dataset;
  const std::string of_it_ko = rules::WithParticle("데이터셋 " + source.dataset, "은(는)");
  const auto at_least = [&](const char* field, const char* path, uint64_t least,
                            const std::string& en, const std::string& ko) {
    const std::string number = std::to_string(least);
    rules.push_back(Limit(source, field,
                          rules::Compare(path, rules::Op::kAtLeast, Value::Count(least)),
                          who + " asks for " + number + " " + en, of_it_ko + " " + ko));
  };
  if (!every_term) {
    if (!limits.min_participants && !limits.min_cohort) return;
    const uint64_t least =
        std::max(limits.min_participants.value_or(0), limits.min_cohort.value_or(0));
    at_least("limits.minParticipants", "round.participants", least,
             "participants; the round promises {round.participants}.",
             "참여 기관 " + std::to_string(least) +
                 "곳 이상을 요구하고, 이 라운드가 보장하는 참여 기관 수는 "
                 "{round.participants}입니다.");
    return;
  }
  if (limits.min_participants) {
    at_least("limits.minParticipants", "round.members", *limits.min_participants,
             "members in a round; the round promises {round.members}.",
             "한 라운드에 회원 " + std::to_string(*limits.min_participants) +
                 "곳 이상을 요구하고, 이 라운드가 보장하는 회원 수는 {round.members}입니다.");
  }
  if (limits.min_cohort) {
    at_least("limits.minCohort", "round.participants", *limits.min_cohort,
             "sites in a round; the round promises {round.participants}.",
             "한 라운드에 사이트 " + std::to_string(*limits.min_cohort) +
                 "곳 이상을 요구하고, 이 라운드가 보장하는 사이트 수는 "
                 "{round.participants}입니다.");
  }
}

rules::Policy TermsPolicy(std::string name, std::string name_ko) {
  rules::Policy policy;
  policy.layer = rules::Layer::kTerms;
  policy.name = {std::move(name), std::move(name_ko)};
  return policy;
}

}  // namespace

std::string RuleId(const Cause& cause, bool with_version) {
  std::string id = "terms:" + cause.dataset;
  if (with_version) id += ":v" + std::to_string(cause.version);
  for (const char c : "#" + cause.field) {
    const bool plain = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
    id += plain || c == '#' || c == '.' || c == '-' ? c : '-';
  }
  return id;
}

rules::Action RuleAction(Action action) {
  const auto named = rules::ActionNamed(Word(action));
  DURE_CHECK(named, "terms and rules name the same actions");
  return *named;
}

Facts FactsOf(const Terms& terms) {
  Facts facts;
  if (terms.use != UseClass::kUnknown) {
    facts.Set("dataset.terms.use", Value::Text(Word(terms.use)));
  }
  std::vector<std::string> codes;
  for (const DuoCode& code : terms.duo) codes.push_back(FormatDuo(code.number));
  facts.Set("dataset.terms.duo", Value::TextSet(codes));
  if (!terms.purposes.empty()) facts.Set("dataset.terms.purposes", WordsOf(terms.purposes));
  if (!terms.licence.data.empty()) {
    facts.Set("dataset.terms.licence", Value::Text(terms.licence.data));
  }
  const auto attribution = std::ranges::find(terms.duties, DutyKind::kAttribute, &Duty::kind);
  const bool names = attribution != terms.duties.end() && attribution->text;
  facts.SetOrAbsent("dataset.terms.attribution",
                    names ? std::optional(Value::Text(attribution->text->Hex())) : std::nullopt);
  SetPlaces(facts, "dataset.terms.processingCountries", terms.territories.processing);
  SetPlaces(facts, "dataset.terms.exportCountries", terms.territories.exports);
  const std::set<std::string>& excluded = terms.territories.processing_excluded;
  facts.SetOrAbsent("dataset.terms.processingExcluded",
                    excluded.empty() ? std::nullopt : std::optional(TextsOf(excluded)));
  const auto time = [](Instant at) { return TimeOf(at); };
  facts.SetOrAbsent("dataset.terms.validFrom", Maybe<Instant>(terms.time.valid_from, time));
  facts.SetOrAbsent("dataset.terms.validUntil", Maybe<Instant>(terms.time.valid_until, time));
  facts.SetOrAbsent("dataset.terms.embargoUntil", Maybe<Instant>(terms.time.embargo_until, time));
  facts.SetOrAbsent("dataset.terms.deleteAfter", Maybe<Instant>(terms.time.delete_after, time));
  SetLimits(facts, terms.limits);
  facts.Set("dataset.terms.consentFor", WordsOf(terms.consent));
  facts.Set("dataset.terms.tdm", Value::Text(Word(terms.tdm.reserved)));
  facts.Set("dataset.personalData", Value::Text(Word(terms.personal.data_class)));
  return facts;
}

Facts FactsOf(const ModelTerms& terms) {
  const Summary summary = Summarise(terms);
  Facts facts;
  facts.Set("model.allowedPurposes", WordsOf(summary.purposes));
  if (summary.exports.anywhere) {
    facts.SetAbsent("model.allowedCountries");
  } else if (!summary.exports.unknown) {
    facts.Set("model.allowedCountries", TextsOf(summary.exports.countries));
  }
  facts.SetOrAbsent("model.embargoUntil", summary.time.embargo_until
                                              ? std::optional(TimeOf(*summary.time.embargo_until))
                                              : std::nullopt);
  const LicenceProposal proposal = ProposeLicence(terms);
  facts.SetOrAbsent("model.licence", proposal.licence.empty()
                                         ? std::nullopt
                                         : std::optional(Value::Text(proposal.licence)));
  return facts;
}

Result<rules::PolicyDocument> PolicyFor(const ModelTerms& terms, const Use& use) {
  // Only where one dataset came in several versions does a rule's name need the version.
  std::map<std::string, std::set<uint64_t>> versions;
  for (const Source& source : terms.sources) versions[source.dataset].insert(source.version);
  std::map<std::string, std::vector<Clause>> by_rule;
  for (const Clause& clause : Allows(terms, use).clauses) {
    const bool with_version = versions[clause.cause.dataset].size() > 1;
    by_rule[RuleId(clause.cause, with_version)].push_back(clause);
  }
  rules::Policy policy = TermsPolicy("Terms of the owners", "권리자의 이용조건");
  const bool gets_out = use.action == Action::kExportWeights || use.action == Action::kServe;
  if (gets_out && use.every_term) policy.rules = OwedForModels(terms, use.action);
  if (by_rule.empty() && policy.rules.empty()) {  // what most requests of a round are told
    static const auto nothing = rules::MakeDocument(policy);
    return nothing;
  }
  for (const auto& [id, clauses] : by_rule) policy.rules.push_back(RuleOf(id, clauses, use));
  return rules::MakeDocument(std::move(policy));
}

Result<rules::PolicyDocument> LimitsOf(const Source& source, const Terms& terms, bool every_term) {
  rules::Policy policy = TermsPolicy("Limits of the owner", "권리자가 정한 한도");
  const Limits& limits = terms.limits;
  const std::string who = "Dataset " + source.dataset;
  const std::string who_ko = "데이터셋 " + source.dataset;
  const std::string of_it_ko = rules::WithParticle(who_ko, "은(는)");
  if (limits.max_rounds) {
    policy.rules.push_back(
        Limit(source, "limits.maxRounds",
              rules::Compare("dataset.roundsUsed", rules::Op::kLessThan,
                             Value::Count(*limits.max_rounds)),
              who + " was used in {dataset.roundsUsed} rounds and may be used in " +
                  std::to_string(*limits.max_rounds) + ".",
              of_it_ko + " {dataset.roundsUsed}개 라운드에 쓰였고 한도는 " +
                  std::to_string(*limits.max_rounds) + "개입니다."));
  }
  if (limits.max_runs) {
    policy.rules.push_back(Limit(
        source, "limits.maxRuns",
        rules::Compare("dataset.runsUsed", rules::Op::kLessThan, Value::Count(*limits.max_runs)),
        who + " was used in {dataset.runsUsed} other runs and may be used in " +
            std::to_string(*limits.max_runs) + ".",
        of_it_ko + " 다른 학습 {dataset.runsUsed}개에 쓰였고 한도는 " +
            std::to_string(*limits.max_runs) + "개입니다."));
  }
  AddParticipants(source, limits, every_term, policy.rules);
  if (limits.epsilon_max_micro) {
    const Value most = EpsilonOf(*limits.epsilon_max_micro);
    policy.rules.push_back(Limit(source, "limits.epsilonMax",
                                 rules::Compare("privacy.epsilonAfter", rules::Op::kAtMost, most),
                                 who + " allows a privacy loss of " + most.ToPlain() +
                                     "; it would be {privacy.epsilonAfter}.",
                                 who_ko + "의 허용 개인정보 손실은 " + most.ToPlain() +
                                     "이고, 이번 이용 뒤의 손실은 {privacy.epsilonAfter}입니다."));
  }
  if (every_term) {
    std::ranges::move(OwedForTraining(TermsOf(source, terms)), std::back_inserter(policy.rules));
  }
  return rules::MakeDocument(std::move(policy));
}

Result<rules::PolicyDocument> MeasuringPolicyFor(const ModelTerms& terms, const Use& use) {
  rules::Policy policy = TermsPolicy("Terms of the owners", "권리자의 이용조건");
  std::map<std::string, rules::Rule> by_name;
  for (const Action action : {Action::kEvaluate, Action::kPublishMetrics}) {
    Use asked = use;
    asked.action = action;
    std::map<std::string, std::vector<Clause>> clauses;
    for (const Clause& clause : Allows(terms, asked).clauses) {
      clauses[RuleId(clause.cause, false)].push_back(clause);
    }
    for (const auto& [id, said] : clauses) {
      rules::Rule rule = RuleOf(id, said, asked);
      rule.actions = {rules::Action::kEvaluate};
      const auto [known, is_new] = by_name.try_emplace(id, rule);
      // What forbids is stricter than what asks.
      if (!is_new && rule.effect == rules::Effect::kForbid) known->second = std::move(rule);
    }
  }
  for (auto& [id, rule] : by_name) policy.rules.push_back(std::move(rule));
  return rules::MakeDocument(std::move(policy));
}

Result<rules::PolicyDocument> RefusalOf(const Source& source) {
  rules::Policy policy = TermsPolicy("Vote of the owner", "권리자의 투표");
  rules::Rule rule;
  rule.id = RuleId({source.dataset, source.version, "vote"}, false);
  rule.effect = rules::Effect::kForbid;
  rule.actions = {rules::Action::kTrain, rules::Action::kFinetune};
  rule.condition =
      rules::Compare("run.ownersRefused", rules::Op::kIncludes, Value::Text(source.dataset));
  rule.title = {"The owner of " + source.dataset + " voted no to the run",
                source.dataset + " 권리자가 학습에 반대했다"};
  rule.because = {"The owner of dataset " + source.dataset +
                      " voted no to run {run.id}, so this data stays out of it.",
                  "데이터셋 " + source.dataset +
                      "의 권리자가 학습 {run.id}에 반대표를 던졌으므로 이 데이터는 쓰지 않습니다."};
  rule.basis = "vote of the owner of " + source.dataset;
  policy.rules.push_back(std::move(rule));
  return rules::MakeDocument(std::move(policy));
}

}  // namespace dure::terms
