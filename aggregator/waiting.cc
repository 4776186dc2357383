#include "aggregator/waiting.h"

#include <algorithm>
#include <nlohmann/json.hpp>

namespace dure::aggregator {

nlohmann::json WaitingJson(const round::Gathering& waits, MonoTime now) {
  nlohmann::json missing = nlohmann::json::array();
  for (const round::SiteWait& wait : waits.missing) {
    nlohmann::json entry = {{"site", wait.site.str()}, {"cause", std::string(Name(wait.cause))}};
    if (!wait.reason.empty()) entry["reason"] = wait.reason;
    if (wait.cause == round::WaitCause::kNotConnected) {
      entry["seconds"] = std::max<int64_t>(0, (now - wait.since).count() / 1'000'000);
    }
    missing.push_back(std::move(entry));
  }
  return {{"ready", waits.ready}, {"needed", waits.needed}, {"missing", std::move(missing)}};
}

}  // namespace dure::aggregator
