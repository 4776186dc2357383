// "What if": a recorded request decided again as if some facts were others. Owners' terms are asked
// about the use that it would be then, and facts that always say the same are changed together.
// Pure; any thread.
#pragma once

#include <vector>

#include "policy/rules/what_if.h"
#include "policy/standing/admission.h"

namespace dure::cli {

struct Supposed {
  rules::Decision decision;
  std::vector<rules::Change> changes;  // each would admit, alone and beside what is supposed
};

// Errors as standing::Decide.
Result<Supposed> Suppose(const standing::Standing& before,
                         const standing::AdmissionRequest& request,
                         const std::vector<rules::Facts::Entry>& what_if);
Result<Supposed> Suppose(const standing::Standing& before,
                         const standing::MeasuringRequest& request,
                         const std::vector<rules::Facts::Entry>& what_if);
Result<Supposed> Suppose(const standing::Standing& before, const standing::GrantRequest& request,
                         const std::vector<rules::Facts::Entry>& what_if);

}  // namespace dure::cli
