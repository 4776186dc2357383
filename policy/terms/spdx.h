// SPDX licence expressions: "CC-BY-SA-4.0", "MIT AND LicenseRef-x", "GPL-2.0-or-later OR MIT".
//
// Parse reads (SPDX 3.0 annex "licence expressions": + binds closest, then WITH, AND, OR), writes
// identifiers as the list spells them and the deprecated GNU ones as their successors. Pure.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "federation/result.h"

namespace dure::terms {

// Identifiers with a space after each.
extern const std::string_view kSpdxLicenceIds;
extern const std::string_view kSpdxExceptionIds;

struct SpdxExpression {
  std::string text;  // canonical
  // The same as choices: whoever uses the thing may pick one, and then owes all of its licences.
  // Each sorted and distinct, in sorted order. A licence with its exception is one item, "X WITH
  // Y".
  std::vector<std::vector<std::string>> choices;
};

inline constexpr size_t kSpdxBytesMax = 512;
inline constexpr size_t kSpdxChoicesMax = 64;

// kInvalid: not an expression, an identifier that is neither on the list nor LicenseRef-…, longer
// than kSpdxBytesMax, nested deeper than 16, more than kSpdxChoicesMax choices. Total.
Result<SpdxExpression> ParseSpdx(std::string_view text);

}  // namespace dure::terms
