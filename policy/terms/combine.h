// The terms of whatever was made from data: an update, a round, a model.
//
// TermsOf(dataset, terms) for each dataset version that flowed in, and Join over all of them, or
// over the terms of what was made before: a model's terms are the Join of its base model's and of
// its round's contributions'. Join only ever adds restrictions; it is associative, commutative and
// idempotent, so neither the order of a lineage nor a dataset that came in twice matters.
//
// Nothing is forgotten: each value that somebody said stays, with everybody who said it, so that
// any refusal names the dataset and the field that caused it. What the values amount to is
// Summarise (one strictest value a field), Allows (answer.h) and ProposeLicence (proposal.h).
// Plain values, pure functions, any thread.
#pragma once

#include <array>
#include <map>
#include <set>
#include <string>
#include <utility>

#include "policy/terms/terms.h"

namespace dure::terms {

// A dataset version, or a base model that came with terms.
struct Source {
  std::string dataset;
  uint64_t version = 1;
  auto operator<=>(const Source&) const = default;
};

struct Cause {
  std::string dataset;
  uint64_t version = 1;
  std::string field;  // "licence.data"
  auto operator<=>(const Cause&) const = default;
};
std::string RuleName(const Cause& cause);   // "terms:ds-7#licence.data"
std::string ShortText(const Cause& cause);  // "ds-7 v2 (licence.data)"

// Each value, and who said it.
template <typename T>
using Said = std::map<T, std::set<Cause>>;

struct ModelTerms {
  std::set<Source> sources;
  // Datasets that were withdrawn with every model made of them, and the entry that says so: terms
  // that were made to deny for that reason are told apart from what an owner wrote.
  std::map<std::string, uint64_t> withdrawn_at;
  Said<UseClass> use;
  Said<DuoCode> duo;
  Said<Purpose> purposes_refused;  // not among a dataset's purposes
  std::set<Cause> purposes_unknown;
  std::array<Said<Permission>, kWordCount<Action>> actions;  // without kAllow
  Said<std::string> licences;        // SPDX expressions; empty: a dataset whose licence is unknown
  Said<std::string> model_licences;  // what owners ask of the model
  Said<Places> processing;
  Said<std::string> processing_excluded;
  Said<Places> storage;
  Said<std::string> storage_forbidden;
  Said<Places> exports;
  Said<Instant> valid_from;
  Said<Instant> valid_until;
  Said<Instant> embargo_until;
  Said<Instant> delete_after;
  Said<uint64_t> max_rounds;
  Said<uint64_t> max_runs;
  Said<uint64_t> epsilon_max_micro;
  Said<uint64_t> min_participants;
  Said<uint64_t> min_cohort;
  Said<PersonalClass> personal;
  Said<Tristate> special;
  Said<Basis> basis;
  Said<bool> no_reidentification;
  Said<Instant> processing_record_until;
  Said<ConsentDuty> consent;
  Said<Duty> duties;
  Said<Tristate> tdm_reserved;
  Said<Withdrawal> withdrawal;
  bool operator==(const ModelTerms&) const = default;
};

ModelTerms TermsOf(const Source& source, const Terms& terms);
ModelTerms Join(const ModelTerms& a, const ModelTerms& b);

// Where all owners let it be. Unlike Places, nothing listed means nowhere.
struct CommonPlaces {
  bool anywhere = true;
  std::set<std::string> countries = {};
  bool unknown = false;  // somebody said nothing; then nowhere
  bool Contains(const std::string& country) const {
    return anywhere || countries.contains(country);
  }
  bool operator==(const CommonPlaces&) const = default;
};

// One value a field: what holds when every owner's word holds. Of no source at all: no restriction.
struct Summary {
  std::set<UseClass> use;  // all narrowing ones that were said; open alone if none
  std::set<Purpose> purposes;
  std::array<Permission, kWordCount<Action>> actions{};
  CommonPlaces processing;
  CommonPlaces storage;
  CommonPlaces exports;
  Times time;
  Limits limits;
  PersonalClass personal = PersonalClass::kNone;
  Tristate special = Tristate::kNo;
  std::set<ConsentDuty> consent;
  std::set<Duty> duties;
  Tristate tdm_reserved = Tristate::kNo;
  uint64_t notice_days = 0;  // of withdrawal: the shortest that an owner keeps
  bool operator==(const Summary&) const = default;
};
Summary Summarise(const ModelTerms& terms);

}  // namespace dure::terms
