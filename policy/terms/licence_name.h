// What people write where a licence is asked for, as SPDX expressions. Inside this room only.
#pragma once

#include <string>

namespace dure::terms {

// An expression, a page of the licence or a name such as "CC BY-NC 4.0"; empty: not understood.
std::string LicenceOf(std::string text);

}  // namespace dure::terms
