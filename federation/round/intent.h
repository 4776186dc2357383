// Intent: what a run is for, as its proposer says it. It stands in the run's manifest, so every
// site, policy and vote judges the same words; the words themselves are those of the consortium's
// terms and rules. Plain values; any thread. Pure.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "federation/result.h"

namespace dure::round {

// Numbers stand in canonical bytes: never reuse one.
enum class Purpose : uint8_t {
  kStatistics = 1,
  kScientificResearch = 2,
  kPublicArchiving = 3,
  kPublicService = 4,
  kProductDevelopment = 5,
  kCommercialService = 6,
  kSafetyEvaluation = 7,
  kBenchmark = 8,
};
enum class Beneficiary : uint8_t { kPublicBody = 1, kNonProfit = 2, kForProfit = 3 };
// Whether what members gave will be valued, and how finely: each valuation needs its own kind of
// evidence, which has to be kept from the first round on.
enum class Valuation : uint8_t { kNone = 1, kGroup = 2, kIndividual = 3 };
enum class RiskClass : uint8_t { kOrdinary = 1, kHighImpact = 2 };

std::string_view Name(Purpose purpose);          // "scientific-research"
std::string_view Name(Beneficiary beneficiary);  // "public-body"
std::string_view Name(Valuation valuation);      // "group"
std::string_view Name(RiskClass risk);           // "high-impact"
Result<Purpose> ParsePurpose(
    std::string_view text);  // kInvalid lists the choices; so do the others
Result<Beneficiary> ParseBeneficiary(std::string_view text);
Result<Valuation> ParseValuation(std::string_view text);
Result<RiskClass> ParseRiskClass(std::string_view text);

std::vector<Beneficiary> NotForProfit();  // public bodies and non-profits

struct Intent {
  Purpose purpose = Purpose::kScientificResearch;
  std::vector<Beneficiary> beneficiaries = NotForProfit();  // a set: ascending, not empty
  std::string sector;  // a code such as "health"; empty: no particular one
  Valuation valuation = Valuation::kNone;
  RiskClass risk = RiskClass::kOrdinary;
  bool operator==(const Intent&) const = default;

  // kInvalid names the field and what it must be.
  Status Validate() const;
  // What a run-proposed entry and people are told: "purpose", "beneficiaries" (with commas),
  // "sector", "valuation", "riskClass".
  std::map<std::string, std::string> Fields() const;
};

}  // namespace dure::round
