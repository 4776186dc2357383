// The role in which the record knows whoever holds an identity. Pure; any thread.
#pragma once

#include "federation/identity/subject.h"
#include "policy/ledger/events.h"

namespace dure::standing {

ledger::Role RoleInLog(identity::Role role);

}  // namespace dure::standing
