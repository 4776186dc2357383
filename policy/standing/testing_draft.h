// A text that officers of the tests propose.
#pragma once

#include <cstdint>
#include <string>

namespace dure::standing::testing {

// One rule, of that effect, on training with the dataset "notes".
inline std::string DraftText(const std::string& name, const std::string& effect,
                             uint64_t version = 1) {
  return "policy \"" + name + "\" version " + std::to_string(version) +
         " effective 2026-10-01\n\nrule " + name.substr(0, 2) + ".1 " + effect +
         " train\n  when dataset.id is notes\n  because \"Dataset {dataset.id} rests.\"\nend\n";
}

}  // namespace dure::standing::testing
