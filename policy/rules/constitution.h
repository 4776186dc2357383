// The six policies that a new consortium starts with, inside the program: their texts are
// policy/rules/constitution/*.policy. A consortium adopts them by vote and changes them by vote.
#pragma once

#include <span>
#include <string_view>
#include <vector>

#include "policy/rules/policy_set.h"

namespace dure::rules {

struct ConstitutionText {
  std::string_view name;  // p1-base-eligibility
  std::string_view text;
};

std::span<const ConstitutionText> ConstitutionTexts();

// The same, read. They always read: a test says so.
const std::vector<PolicyDocument>& Constitution();

}  // namespace dure::rules
