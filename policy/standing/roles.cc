#include "policy/standing/roles.h"

namespace dure::standing {

ledger::Role RoleInLog(identity::Role role) {
  switch (role) {
    case identity::Role::kMember:
      return ledger::Role::kSite;
    case identity::Role::kOfficer:
      return ledger::Role::kOfficer;
    case identity::Role::kResearcher:
      return ledger::Role::kResearcher;
    case identity::Role::kOperator:
      return ledger::Role::kOperator;
    case identity::Role::kAggregator:
      return ledger::Role::kAggregator;
  }
  return ledger::Role::kSite;
}

}  // namespace dure::standing
