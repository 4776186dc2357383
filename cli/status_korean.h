// Where a site, the aggregator and a run stand, in Korean: of the JSON that they answer, which may
// be any JSON at all. The English stands beside each command.
#pragma once

#include <nlohmann/json_fwd.hpp>
#include <string>

namespace dure::cli {

std::string SiteStatusKorean(const nlohmann::json& status);
// After a wish to leave, join or resync ("leave").
std::string SiteDoneKorean(const nlohmann::json& answer, const std::string& verb);
std::string AggregatorStatusKorean(const nlohmann::json& status);

std::string PhaseKorean(const nlohmann::json& run);    // "멈춤(사이트가 모자람)"
std::string RoundKorean(const nlohmann::json& run);    // "라운드 3/20"
std::string PurposeKorean(const nlohmann::json& run);  // in the words of the rules' schema
std::string RunKorean(const nlohmann::json& run);      // all that dure run show says

}  // namespace dure::cli
