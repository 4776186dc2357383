// Terms: what the owner of a dataset version allows, as data.
//
// Life: made by hand (TOML, toml.h), by questions (form.h) or from another format (croissant.h,
// odrl.h); checked by Check; written as canonical JSON (ToCanonical), whose digest names the terms
// in the record; read back by ParseCanonical at every site; combined down the lineage (combine.h)
// and turned into facts and rules (compile.h). Plain values, pure functions, any thread.
//
// Terms hold codes, numbers, times and digests; no name of a person and no free text. Texts (an
// attribution line, a copyright notice) stay outside as attachments; terms carry only their salted
// commitments (attachment.h), so that erasing a text leaves every signature valid.
#pragma once

#include <array>
#include <compare>
#include <cstdint>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "federation/digest.h"
#include "policy/terms/duo.h"
#include "policy/terms/instant.h"
#include "policy/terms/place.h"
#include "policy/terms/vocabulary.h"

namespace dure::terms {

inline constexpr size_t kTermsBytesMax = 24 * 1024;  // of canonical bytes: must fit in one entry
inline constexpr size_t kTermsItemsMax = 64;         // of any list but one of countries
inline constexpr size_t kDuoValuesMax = 64;          // over all codes
inline constexpr size_t kDutiesMax = 16;

struct Licence {
  std::string data;   // SPDX expression (canonical) that the data is under; empty: unknown
  std::string model;  // SPDX expression that a model must be under; empty: nothing asked
  std::optional<Digest> copyright;  // commitments to notices
  std::optional<Digest> patent;
  std::optional<Digest> trademark;
  auto operator<=>(const Licence&) const = default;
};

struct Territories {
  Places processing;                          // where the data may be computed with
  std::set<std::string> processing_excluded;  // and where not, whatever else is said
  Places storage;
  std::set<std::string> storage_forbidden;
  Places exports;  // where a model with this data behind it may go or answer
  auto operator<=>(const Territories&) const = default;
};

// Each inclusive.
struct Times {
  std::optional<Instant> valid_from;
  std::optional<Instant> valid_until;
  std::optional<Instant> embargo_until;  // nothing made with the data gets out before
  std::optional<Instant> delete_after;
  auto operator<=>(const Times&) const = default;
};

struct Limits {
  std::optional<uint64_t> max_rounds;
  std::optional<uint64_t> max_runs;
  std::optional<uint64_t> epsilon_max_micro;  // privacy loss in millionths
  std::optional<uint64_t> min_participants;   // members whose updates a round counts
  std::optional<uint64_t> min_cohort;         // sites fixed into a round
  auto operator<=>(const Limits&) const = default;
};

struct Personal {
  PersonalClass data_class = PersonalClass::kUnknown;
  Tristate special = Tristate::kUnknown;  // health, beliefs, … (GDPR art. 9, PIPA art. 23)
  Basis basis = Basis::kUnknown;
  std::optional<Digest> assessment;  // commitment to the assessment of the pseudonymisation
  bool no_reidentification = true;   // PIPA art. 28-5
  std::optional<Instant> processing_record_until;
  auto operator<=>(const Personal&) const = default;
};

// Which of its fields a duty has depends on its kind.
struct Duty {
  DutyKind kind = DutyKind::kAttribute;
  std::optional<Digest> text = {};            // attribute: commitment to the line to show
  std::optional<Instant> by = {};             // share-results, delete-evidence
  std::optional<uint64_t> every_days = {};    // report
  std::optional<uint64_t> within_hours = {};  // notify-incident
  std::string formula = {};                   // pay-share: code of a formula that was voted
  auto operator<=>(const Duty&) const = default;
};

struct Tdm {
  Tristate reserved = Tristate::kUnknown;  // DSM directive art. 4(3)
  TdmEvidence evidence = TdmEvidence::kNone;
  auto operator<=>(const Tdm&) const = default;
};

struct Withdrawal {
  bool allowed = true;
  uint64_t notice_days = 0;
  std::set<WithdrawalScope> scopes;  // what the owner may ask for
  auto operator<=>(const Withdrawal&) const = default;
};

struct Terms {
  Terms() { actions.fill(Permission::kUnknown); }

  uint64_t version = 1;  // of the terms; a change is the next number
  UseClass use = UseClass::kUnknown;
  std::set<DuoCode> duo;
  std::set<Purpose> purposes;  // empty: unknown
  std::array<Permission, kWordCount<Action>> actions;
  Licence licence;
  Territories territories;
  Times time;
  Limits limits;
  Personal personal;
  std::set<ConsentDuty> consent;
  std::set<Duty> duties;
  Tdm tdm;
  Withdrawal withdrawal;

  Permission Of(Action action) const { return actions[static_cast<size_t>(action)]; }
  Permission& Of(Action action) { return actions[static_cast<size_t>(action)]; }
  auto operator<=>(const Terms&) const = default;
};

// One thing that is wrong with terms, for the person who wrote them.
struct Problem {
  std::string field;    // "licence.data", "duties[2].everyDays"
  std::string value;    // what stands there; empty: nothing
  std::string allowed;  // what may stand there, and why if that is not obvious
  bool operator==(const Problem&) const = default;
};
std::string Sentence(const Problem& problem);

// Everything that is wrong, in the order of the fields; empty: the terms are sound. Fields that
// contradict each other are problems too: a non-commercial licence under an open use class, …
std::vector<Problem> Check(const Terms& terms);

// JSON without spaces, fields in one order, lists sorted, what is not said left out: equal terms
// give equal bytes on every machine. REQUIRES: Check(terms) is empty.
std::string ToCanonical(const Terms& terms);
// SHA-256 of ToCanonical.
Digest DigestOf(const Terms& terms);
// kInvalid: not what ToCanonical writes for sound terms, byte for byte. Total and bounded.
Result<Terms> ParseCanonical(std::string_view text);

}  // namespace dure::terms
