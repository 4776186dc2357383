// What dure grant list says of one grant. Pure; any thread.
#pragma once

#include <cstdint>
#include <string>

#include "policy/ledger/events.h"
#include "policy/standing/behind.h"

namespace dure::cli {

// `status` is granted, refused, revoked, ended, expired or stopped.
std::string GrantText(uint64_t index, const ledger::GrantDecided& e, const std::string& status,
                      bool korean);

// Of a withdrawal that ended the grant, or will once its notice is over: whoever relies on the
// model has until then.
std::string EndText(const standing::GrantsEnd& end, bool over, bool korean);

}  // namespace dure::cli
