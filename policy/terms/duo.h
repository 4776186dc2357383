// The Data Use Ontology's codes, as terms carry them.
//
// A data use permission (GRU, HMB, DS, POA, NRES: at most one) says what research the data is for;
// modifiers narrow it. Some carry values: diseases, countries, a date, projects, institutions.
#pragma once

#include <compare>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "policy/terms/vocabulary.h"

namespace dure::terms {

struct DuoCode {
  uint32_t number = 0;                   // 46 of DUO:0000046
  std::vector<std::string> values = {};  // sorted, distinct
  auto operator<=>(const DuoCode&) const = default;
};

enum class DuoValues : uint8_t { kNone, kDiseases, kCountries, kDate, kMonths, kNames };

// What Dure can decide of a code by itself.
enum class DuoEffect : uint8_t {
  kNothing,           // NRES: no restriction
  kResearchPurposes,  // deny purposes that are not research
  kNonCommercial,
  kNotForProfit,
  kNotForProfitNonCommercial,
  kOnlyThere,      // processing only in these countries
  kMoratorium,     // nothing is published before the date
  kDuty,           // it may be done, and something is owed for it
  kAskTheOwner,    // a condition that no fact of a request can show
  kResearchAndAsk  // research purposes, of a kind that the owner has to recognise
};

struct DuoMeaning {
  uint32_t number;
  std::string_view shorthand;  // "NCU"
  std::string_view title;      // what the ontology calls it
  std::string_view title_ko;   // the same in Korean, for people; files have the ontology's own
  bool is_permission;          // else a modifier
  DuoValues values;
  DuoEffect effect;
};

std::span<const DuoMeaning> AllDuo();
const DuoMeaning* FindDuo(uint32_t number);  // nullptr: no code that Dure knows

// "DUO:0000046" or "NCU" or "46"; nullopt: none of the known codes.
std::optional<uint32_t> ParseDuoNumber(std::string_view text);
std::string FormatDuo(uint32_t number);  // DUO:0000046

// Empty if the values fit the code; else what is allowed.
std::string DuoProblem(const DuoCode& code);

}  // namespace dure::terms
