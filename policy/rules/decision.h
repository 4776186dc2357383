// A decision as data: what came out, every reason with the facts behind it, what is owed. It is
// what the log keeps (`admission-decided`) and what every member re-derives (agreement.h); ToJson
// is its one encoding, so that two members of one version agree or differ byte for byte.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "federation/result.h"
#include "policy/rules/policy.h"
#include "policy/rules/versions.h"

namespace dure::rules {

inline constexpr size_t kDecisionBytesMax = 1024 * 1024;

enum class Outcome : uint8_t { kAdmit, kDeny };
std::string_view Name(Outcome outcome);  // admit, deny

enum class ReasonClass : uint8_t {
  kForbidden,          // a forbid's condition is true
  kRequirementNotMet,  // a require's condition is false
  kUnknownFact,        // either is unknown: the record does not say enough to admit
  kNothingPermits,     // a permit that did not fire, where nothing else was wrong
};
std::string_view Name(ReasonClass reason_class);  // forbidden, requirement-not-met, ...

struct PolicyRef {
  Layer layer = Layer::kConsortium;
  std::string name;  // in English
  uint32_t version = 0;
  Digest digest;  // of the policy's text
  bool operator==(const PolicyRef&) const = default;
};

// One comparison. Values are written as rules write them; `absent` where the record says that there
// is none, `<unknown>` where it does not say. Longer than 256 bytes: cut, with … at the end.
struct FactSeen {
  std::string path;
  std::string op;
  std::string expected;       // empty with exists and does not exist
  std::string expected_path;  // where `expected` came from; empty: the rule itself says it
  std::string actual;
  std::optional<bool> holds;  // nullopt: unknown
  bool operator==(const FactSeen&) const = default;
};

struct Reason {
  std::string rule;
  PolicyRef policy;
  ReasonClass reason_class = ReasonClass::kForbidden;
  std::vector<FactSeen> facts;  // at least one
  Sentence because;             // both languages, always
  std::string basis;            // may be empty
  bool operator==(const Reason&) const = default;
};

// A permit that fired.
struct Permission {
  std::string rule;
  PolicyRef policy;
  Sentence because;
  bool operator==(const Permission&) const = default;
};

struct Obligation {
  std::string rule;
  PolicyRef policy;
  std::string kind;  // one of DutyKinds
  Sentence text;
  Duty::Limit limit = Duty::Limit::kNone;
  uint32_t count = 0;
  Unit unit = Unit::kDays;
  std::string basis;
  bool operator==(const Obligation&) const = default;
};

struct Decision {
  Action action = Action::kTrain;
  Outcome outcome = Outcome::kDeny;
  std::vector<Reason> reasons;          // of a deny, at least one; ordered by rule name
  std::vector<Permission> permissions;  // of an admit, at least one; ordered by rule name
  std::vector<Obligation> obligations;  // of an admit; ordered by rule name, then as the rule says
  uint32_t words = kWordsVersion;       // that its sentences are made with; 0: it names none
  bool operator==(const Decision&) const = default;
};

// Keys in order, no spaces, UTF-8 unescaped; `words` only where it is not 0. Bytes that are no
// UTF-8 become U+FFFD.
std::string ToJson(const Decision& decision);
// kInvalid: not exactly what ToJson gives for some decision, or another engine version's.
// kExhausted: longer than kDecisionBytesMax.
Result<Decision> DecisionFromJson(std::string_view json);

}  // namespace dure::rules
