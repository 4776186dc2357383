#include "policy/terms/vocabulary.h"

#include <algorithm>

namespace dure::terms {

bool IsCommercial(Purpose purpose) {
  return purpose == Purpose::kProductDevelopment || purpose == Purpose::kCommercialService;
}

bool IsResearch(Purpose purpose) {
  return !IsCommercial(purpose) && purpose != Purpose::kPublicService;
}

bool TouchesData(Action action) {
  return action != Action::kExportWeights && action != Action::kServe &&
         action != Action::kPublishMetrics;
}

bool IsCode(std::string_view text) {
  if (text.empty() || text.size() > 64) return false;
  return std::all_of(text.begin(), text.end(), [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == ':' ||
           c == '.' || c == '_' || c == '-';
  });
}

}  // namespace dure::terms
