// A policy as data: what the parser makes of a text and what code may build itself (policy/terms
// builds one for each dataset). Nothing here decides; see policy_set.h and decide.h.
//
// Plain values. Two policies are equal when they say the same with the same remarks; where it stood
// in a file does not count.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "federation/digest.h"
#include "federation/result.h"
#include "policy/rules/action.h"
#include "policy/rules/facts.h"
#include "policy/rules/value.h"

namespace dure::rules {

inline constexpr size_t kPolicyBytesMax = 256 * 1024;  // a text people vote on is read by people
inline constexpr size_t kRulesMax = 512;               // of one policy
inline constexpr size_t kAtomsMax = 64;                // of one rule
inline constexpr size_t kDepthMax = 16;                // of parentheses and `not`
inline constexpr size_t kDutiesMax = 16;               // of one rule
inline constexpr size_t kCasesMax = 512;               // and as many situations
inline constexpr size_t kRuleIdBytesMax = 128;

// From 1; equal to every other, so that comparing policies ignores where they stood.
struct Position {
  uint32_t line = 0;
  uint32_t column = 0;
  bool operator==(const Position&) const { return true; }
};

struct Sentence {
  std::string en;
  std::string ko;  // empty: none was given
  bool operator==(const Sentence&) const = default;
};

enum class Op : uint8_t {
  kIs,
  kIsNot,
  kIsOneOf,
  kIsNotOneOf,
  kIncludes,        // a set has this item
  kIncludesAnyOf,   // a set shares an item with that one
  kIncludesAllOf,   // a set has every item of that one
  kIncludesOnly,    // a set has no item beyond that one's
  kIncludesNoneOf,  // a set shares no item with that one
  kAtLeast,
  kAtMost,
  kMoreThan,
  kLessThan,
  kBefore,
  kAfter,
  kExists,
  kDoesNotExist,
};
inline constexpr size_t kOps = 17;
std::string_view Name(Op op);  // "is one of", as written in a rule
bool HasRightSide(Op op);      // false for exists and does not exist

// What stands on the right: another attribute's path, or a value.
struct Operand {
  std::string path;  // empty: `value`
  Value value;
  bool operator==(const Operand&) const = default;
};

struct Atom {
  std::string path;
  Op op = Op::kIs;
  Operand right;
  Position at;
  bool operator==(const Atom&) const = default;
};

struct Condition {
  enum class Form : uint8_t { kAtom, kNot, kAnd, kOr };
  Form form = Form::kAtom;
  Atom atom;                     // of kAtom
  std::vector<Condition> parts;  // one of kNot, two or more of kAnd and kOr
  bool operator==(const Condition&) const = default;
};

// Builders. REQUIRES: IsPath of every path; All and Any at least one part (one part is that part;
// parts of the same form are taken in, as the parser does).
Condition Compare(std::string_view path, Op op, Value right);
Condition ComparePaths(std::string_view path, Op op, std::string_view right_path);
Condition Exists(std::string_view path);
Condition DoesNotExist(std::string_view path);
Condition Not(Condition part);
Condition All(std::vector<Condition> parts);
Condition Any(std::vector<Condition> parts);

enum class Effect : uint8_t { kPermit, kForbid, kRequire, kOblige };
std::string_view Name(Effect effect);

enum class Unit : uint8_t { kHours, kDays, kMonths, kYears };
std::string_view Name(Unit unit);

// attribute, notify, label, keep, report, publish, delete; and as the terms of data have them:
// share-results, return-derived, delete-evidence, notify-incident, pay-share.
const std::vector<std::string_view>& DutyKinds();

struct Duty {
  std::string kind;  // one of DutyKinds
  Sentence text;     // may hold {paths}
  enum class Limit : uint8_t { kNone, kWithin, kFor } limit = Limit::kNone;
  uint32_t count = 0;  // of `unit`, with a limit
  Unit unit = Unit::kDays;
  Position at;
  bool operator==(const Duty&) const = default;
};

// Comments: whole lines above a part, and at most one at its end.
struct Remarks {
  std::vector<std::string> above;
  std::string behind;
  bool empty() const { return above.empty() && behind.empty(); }
  bool operator==(const Remarks&) const = default;
};
// The parts of a rule, a case or a situation that remarks may belong to.
enum class Part : uint8_t {
  kHead,
  kTitle,
  kCondition,  // of a case: given
  kWithout,
  kExpect,
  kBecause,
  kBasis,
  kEnd,
  kFirstDuty,  // and one number further for each duty
};
using PartRemarks = std::map<Part, Remarks>;  // none that is empty

struct Rule {
  std::string id;  // P2.1, or terms:ds-7#use
  Effect effect = Effect::kForbid;
  std::vector<Action> actions;  // in the order of Action, none twice, at least one
  Sentence title;
  Condition condition;       // when; of a require: that
  std::vector<Duty> duties;  // of an oblige, at least one; of others none
  Sentence because;          // may hold {paths}
  std::string basis;         // the article or code behind the rule
  Position at;
  PartRemarks remarks;
  bool operator==(const Rule&) const = default;
};

// Facts with a name, for several cases to start from.
struct Situation {
  std::string name;
  Facts facts;
  Position at;
  PartRemarks remarks;
  bool operator==(const Situation&) const = default;
};

struct Expectation {
  // kNoRefusal: no forbid or require of the policy is hit, whoever may permit.
  // kNothingPermits: denied for that reason, whichever permits were near.
  enum class What : uint8_t { kAdmit, kNoRefusal, kNothingPermits, kDenyBy };
  What what = What::kAdmit;
  std::vector<std::string> rules;                 // of kDenyBy: exactly these, ordered
  std::optional<std::vector<std::string>> owing;  // exactly these obligations, ordered; or any
  bool operator==(const Expectation&) const = default;
};

struct Case {
  std::string name;
  Action action = Action::kTrain;
  std::string situation;  // empty: starts from nothing
  Facts given;
  std::vector<std::string> without;  // unknown again, ordered
  Expectation expected;
  Position at;
  PartRemarks remarks;
  bool operator==(const Case&) const = default;
};

// Consortium policies permit and narrow; terms and site policies only narrow.
enum class Layer : uint8_t { kConsortium, kTerms, kSite };
std::string_view Name(Layer layer);  // consortium, terms, site

struct Policy {
  Layer layer = Layer::kConsortium;
  Sentence name;
  uint32_t version = 1;
  Instant effective;
  std::vector<Rule> rules;
  std::vector<Situation> situations;
  std::vector<Case> cases;
  Remarks remarks;                        // of the header
  std::vector<std::string> last_remarks;  // below everything
  bool operator==(const Policy&) const = default;
};

// A policy with the name of its text: what votes, decisions and runs cite.
struct PolicyDocument {
  Policy policy;
  Digest digest;  // SHA-256 of the text's bytes
};

// Of a policy that code built: its text is Format's (format.h).
// kInvalid: something CheckPolicy refuses.
Result<PolicyDocument> MakeDocument(Policy policy);

// What the grammar and the bounds ask of a policy, for one that no parser made. kInvalid names the
// rule: an id twice or malformed, no action, a permit in terms or site, an oblige without duty ...
Status CheckPolicy(const Policy& policy);

// A letter, then letters, digits and - _ . : #; at most kRuleIdBytesMax.
bool IsRuleId(std::string_view text);
// How many comparisons a condition has, and how deep its parentheses go.
size_t AtomCount(const Condition& condition);
size_t Depth(const Condition& condition);
// Every atom, in reading order.
std::vector<const Atom*> Atoms(const Condition& condition);

}  // namespace dure::rules
