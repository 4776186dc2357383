// Random terms and uses for property tests.
#pragma once

#include <rapidcheck.h>

#include "policy/terms/answer.h"
#include "policy/terms/terms.h"

namespace dure::terms::testing {

inline bool Flip() { return *rc::gen::arbitrary<bool>(); }
inline size_t Below(size_t bound) { return *rc::gen::inRange<size_t>(0, bound); }

template <typename E>
E Any() {
  return static_cast<E>(Below(kWordCount<E>));
}

template <typename E>
std::set<E> Some() {
  std::set<E> some;
  for (size_t i = 0; i < kWordCount<E>; ++i) {
    if (Flip()) some.insert(static_cast<E>(i));
  }
  return some;
}

inline std::string AnyCountry() {
  static const std::vector<std::string> kFew = {"KR", "JP", "DE", "US"};
  return kFew[Below(kFew.size())];
}

inline Places AnyPlaces() {
  Places places;
  if (Below(3) == 0) {
    places.anywhere = true;
    return places;
  }
  for (size_t i = Below(4); i > 0; --i) places.countries.insert(AnyCountry());
  return places;
}

inline std::optional<Instant> AnyTime() {
  if (Flip()) return std::nullopt;
  return Instant{static_cast<int64_t>(1000 * Below(8))};
}

inline std::string AnyLicence() {
  static const std::vector<std::string> kFew = {"",
                                                "CC0-1.0",
                                                "MIT",
                                                "CC-BY-4.0",
                                                "CC-BY-SA-3.0",
                                                "CC-BY-SA-4.0",
                                                "CC-BY-NC-4.0",
                                                "CC-BY-NC-SA-4.0",
                                                "CC-BY-ND-4.0",
                                                "GPL-2.0-only",
                                                "GPL-2.0-or-later",
                                                "GPL-3.0-only",
                                                "ODbL-1.0",
                                                "LicenseRef-KOGL-1",
                                                "LicenseRef-KOGL-2",
                                                "LicenseRef-KOGL-3",
                                                "LicenseRef-own",
                                                "MIT OR GPL-2.0-only",
                                                "CC-BY-NC-4.0 OR LicenseRef-own",
                                                "CC-BY-SA-4.0 AND MIT"};
  return kFew[Below(kFew.size())];
}

inline std::set<DuoCode> AnyDuo() {
  std::set<DuoCode> codes;
  for (size_t i = Below(3); i > 0; --i) {
    const DuoMeaning& meaning = AllDuo()[Below(AllDuo().size())];
    DuoCode code{.number = meaning.number};
    if (meaning.values == DuoValues::kCountries) code.values = {AnyCountry()};
    if (meaning.values == DuoValues::kDate) code.values = {FormatInstant(Instant{3000})};
    codes.insert(code);
  }
  return codes;
}

// Any values of the right kinds; not always sound, for the properties hold all the same.
inline Terms AnyTerms() {
  Terms terms;
  terms.use = Any<UseClass>();
  terms.duo = AnyDuo();
  terms.purposes = Some<Purpose>();
  for (Permission& permission : terms.actions) {
    if (Flip()) permission = Permission::kAllow;
    if (Below(3) == 0) permission = Any<Permission>();
  }
  terms.licence.data = AnyLicence();
  if (Below(4) == 0) terms.licence.model = AnyLicence();
  terms.territories.processing = AnyPlaces();
  terms.territories.exports = AnyPlaces();
  terms.territories.storage = AnyPlaces();
  if (Flip()) terms.territories.processing_excluded.insert(AnyCountry());
  terms.time = {AnyTime(), AnyTime(), AnyTime(), AnyTime()};
  if (Flip()) terms.limits.max_rounds = 1 + Below(10);
  if (Flip()) terms.limits.min_participants = 1 + Below(10);
  if (Flip()) terms.limits.epsilon_max_micro = Below(1000);
  terms.personal.data_class = Any<PersonalClass>();
  terms.personal.special = Any<Tristate>();
  terms.tdm.reserved = Any<Tristate>();
  if (Flip()) terms.consent = Some<ConsentDuty>();
  if (Flip()) terms.duties.insert({.kind = DutyKind::kReport, .every_days = 1 + Below(90)});
  if (Flip()) terms.duties.insert({.kind = DutyKind::kReturnDerived});
  return terms;
}

// With what no use of data or of a model is decided by, but that a model keeps all the same.
inline Terms AnyTermsInFull() {
  Terms terms = AnyTerms();
  if (Below(8) == 0) terms.purposes.clear();  // not said
  if (Flip()) terms.limits.max_runs = 1 + Below(10);
  if (Flip()) terms.limits.min_cohort = 1 + Below(10);
  if (Flip()) terms.territories.storage_forbidden.insert(AnyCountry());
  terms.personal.basis = Any<Basis>();
  terms.personal.no_reidentification = Flip();
  terms.personal.processing_record_until = AnyTime();
  terms.withdrawal = {Flip(), Below(60), Some<WithdrawalScope>()};
  return terms;
}

inline Use AnyUse() {
  return {.action = Any<Action>(),
          .purpose = Any<Purpose>(),
          .beneficiary = Any<Beneficiary>(),
          .country = AnyCountry(),
          .at = Instant{static_cast<int64_t>(Below(8000))}};
}

}  // namespace dure::terms::testing
