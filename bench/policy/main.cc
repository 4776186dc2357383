// Measures a policy decision: the shipped constitution and one dataset's terms, 25 rules for
// training, on a full set of facts. Beside it, in the same run, what nobody can avoid who records a
// decision: the digest of the same facts. Prints one JSON object; times are the best of several
// passes, since other work on the machine can only add to them.
#include <algorithm>
#include <chrono>
#include <cstdio>
#include <functional>

#include "federation/check.h"
#include "policy/rules/cases.h"
#include "policy/rules/constitution.h"
#include "policy/rules/decide.h"
#include "policy/rules/parse.h"

namespace dure::rules {
namespace {

using SteadyClock = std::chrono::steady_clock;

constexpr int kPasses = 15;
constexpr int kRepeats = 20'000;
constexpr size_t kRulesWanted = 25;

// Rules as policy/terms makes them: literals of one dataset, one rule a field.
PolicyDocument Terms(size_t rule_count) {
  Policy policy;
  policy.layer = Layer::kTerms;
  policy.name = {"terms:ds-7", ""};
  policy.effective = *Instant::Parse("2026-09-01");
  for (size_t i = 0; i < rule_count; ++i) {
    Rule rule;
    rule.id = "terms:ds-7#field-" + std::to_string(i);
    rule.effect = Effect::kRequire;
    rule.actions = {Action::kTrain};
    rule.condition = All({Compare("run.purpose", Op::kIsOneOf,
                                  Value::TextSet({"scientific-research", "statistics"})),
                          Compare("site.country", Op::kIsOneOf, Value::TextSet({"JP", "KR"}))});
    rule.because = {"Dataset ds-7 allows research in Korea and Japan; this is {run.purpose}.",
                    "데이터셋 ds-7은 한국과 일본에서 연구용으로만 쓸 수 있고, 이 요청의 목적은 "
                    "{run.purpose}입니다."};
    policy.rules.push_back(std::move(rule));
  }
  Result<PolicyDocument> document = MakeDocument(std::move(policy));
  DURE_CHECK(document.has_value(), "the terms of the bench are well-formed");
  return std::move(*document);
}

// Every fact that the constitution's situations know: a full set, of which a decision reads a part.
Facts FullFacts() {
  Facts facts;
  for (const PolicyDocument& document : Constitution()) {
    for (const Situation& situation : document.policy.situations) facts.Overlay(situation.facts);
  }
  facts.Set("dataset.status", Value::Text("registered"));
  facts.Set("run.purpose", Value::Text("scientific-research"));
  return facts;
}

// Microseconds for one call.
double Best(const std::function<size_t()>& work) {
  double best = 1e9;
  size_t kept = 0;
  for (int pass = 0; pass < kPasses; ++pass) {
    const auto begin = SteadyClock::now();
    for (int i = 0; i < kRepeats; ++i) kept += work();
    const std::chrono::duration<double, std::micro> took = SteadyClock::now() - begin;
    best = std::min(best, took.count() / kRepeats);
  }
  DURE_CHECK(kept != 1, "the result is used, so that the work is done");
  return best;
}

int Run() {
  std::vector<PolicyDocument> documents = Constitution();
  const size_t shipped = PolicySet::Make(documents)->For(Action::kTrain).rules.size();
  DURE_CHECK(shipped < kRulesWanted, "the constitution leaves room for terms");
  documents.push_back(Terms(kRulesWanted - shipped));
  const PolicySet policies = *PolicySet::Make(documents);
  const Facts facts = FullFacts();
  Facts commercial = facts;
  commercial.Set("run.purpose", Value::Text("commercial-service"));

  Facts withdrawn = facts;
  withdrawn.Set("dataset.withdrawnAt", Value::Time(*Instant::Parse("2026-09-20")));

  const Decision admitted = Decide(policies, Action::kTrain, facts);
  const Decision denied = Decide(policies, Action::kTrain, commercial);
  DURE_CHECK(admitted.outcome == Outcome::kAdmit, "the bench's request is admitted");
  DURE_CHECK(denied.outcome == Outcome::kDeny, "the commercial one is denied");
  const double admit =
      Best([&] { return Decide(policies, Action::kTrain, facts).permissions.size(); });
  const double one_reason =
      Best([&] { return Decide(policies, Action::kTrain, withdrawn).reasons.size(); });
  const double deny =
      Best([&] { return Decide(policies, Action::kTrain, commercial).reasons.size(); });
  const double make =
      Best([&] { return PolicySet::Make(documents)->For(Action::kTrain).rules.size(); });
  const double digest = Best([&] { return size_t{facts.ToDigest().bytes[0]}; });
  const Bytes bytes = facts.ToBytes();
  const double hash = Best([&] { return size_t{Sha256(bytes).bytes[0]}; });
  std::printf(
      "{\"rules\": %zu, \"facts\": %zu, \"facts_bytes\": %zu, \"admit_us\": %.2f, "
      "\"deny_one_reason_us\": %.2f, \"deny_us\": %.2f, \"deny_reasons\": %zu, "
      "\"make_set_us\": %.1f, \"facts_digest_us\": %.2f, \"sha256_of_facts_us\": %.2f}\n",
      policies.For(Action::kTrain).rules.size(), facts.entries().size(), bytes.size(), admit,
      one_reason, deny, denied.reasons.size(), make, digest, hash);
  return 0;
}

}  // namespace
}  // namespace dure::rules

int main() { return dure::rules::Run(); }
