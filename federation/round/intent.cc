#include "federation/round/intent.h"

#include "federation/ids.h"
#include "federation/round/choice.h"
#include "federation/round/fields.h"

namespace dure::round {
namespace {

constexpr std::array<std::string_view, 9> kPurposes = {"",
                                                       "statistics",
                                                       "scientific-research",
                                                       "public-archiving",
                                                       "public-service",
                                                       "product-development",
                                                       "commercial-service",
                                                       "safety-evaluation",
                                                       "benchmark"};
constexpr std::array<std::string_view, 4> kBeneficiaries = {"", "public-body", "non-profit",
                                                            "for-profit"};
constexpr std::array<std::string_view, 4> kValuations = {"", "none", "group", "individual"};
constexpr std::array<std::string_view, 3> kRisks = {"", "ordinary", "high-impact"};

tl::unexpected<Error> Unfit(std::string_view field, std::string_view rule) {
  return Fail(ErrorCode::kInvalid,
              "manifest: intent's " + std::string(field) + " must be " + std::string(rule));
}

}  // namespace

std::string_view Name(Purpose purpose) { return kPurposes[static_cast<size_t>(purpose)]; }
std::string_view Name(Beneficiary beneficiary) {
  return kBeneficiaries[static_cast<size_t>(beneficiary)];
}
std::string_view Name(Valuation valuation) { return kValuations[static_cast<size_t>(valuation)]; }
std::string_view Name(RiskClass risk) { return kRisks[static_cast<size_t>(risk)]; }

Result<Purpose> ParsePurpose(std::string_view text) {
  return ParseChoice<Purpose>(kPurposes, "purpose", text);
}
Result<Beneficiary> ParseBeneficiary(std::string_view text) {
  return ParseChoice<Beneficiary>(kBeneficiaries, "beneficiary", text);
}
Result<Valuation> ParseValuation(std::string_view text) {
  return ParseChoice<Valuation>(kValuations, "valuation", text);
}
Result<RiskClass> ParseRiskClass(std::string_view text) {
  return ParseChoice<RiskClass>(kRisks, "risk", text);
}

std::vector<Beneficiary> NotForProfit() {
  return {Beneficiary::kPublicBody, Beneficiary::kNonProfit};
}

Status Intent::Validate() const {
  if (!IsChoice(purpose)) return Unfit("purpose", "statistics .. benchmark");
  if (beneficiaries.empty()) return Unfit("beneficiaries", "at least one");
  for (size_t i = 0; i < beneficiaries.size(); ++i) {
    if (!IsChoice(beneficiaries[i])) {
      return Unfit("beneficiaries", "of public-body, non-profit, for-profit");
    }
    if (i > 0 && !(beneficiaries[i - 1] < beneficiaries[i])) {
      return Unfit("beneficiaries", "ascending, each once");
    }
  }
  if (!sector.empty()) DURE_TRY(ValidateName("manifest: intent's sector", sector));
  if (!IsChoice(valuation)) return Unfit("valuation", "none, group or individual");
  if (!IsChoice(risk)) return Unfit("risk", "ordinary or high-impact");
  return {};
}

std::map<std::string, std::string> Intent::Fields() const {
  std::string served;
  for (const Beneficiary one : beneficiaries) {
    served += (served.empty() ? "" : ",") + std::string(Name(one));
  }
  return {{"purpose", std::string(Name(purpose))},
          {"beneficiaries", served},
          {"sector", sector},
          {"valuation", std::string(Name(valuation))},
          {"riskClass", std::string(Name(risk))}};
}

}  // namespace dure::round
