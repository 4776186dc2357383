// Sets of policies made ready once and decided with again: rounds ask for the same few. Any thread.
#pragma once

#include <map>
#include <mutex>
#include <vector>

#include "policy/rules/policy_set.h"

namespace dure::standing {

class ReadySets {
 public:
  // The set of these documents, whose digests are its name. Errors as rules::PolicySet::Make.
  Result<rules::PolicySet> Of(const std::vector<const rules::PolicyDocument*>& documents);

 private:
  using Name = std::vector<Digest>;
  std::mutex mutex_;                       // guards sets_
  std::map<Name, rules::PolicySet> sets_;  // bounded; all are forgotten when there are too many
};

}  // namespace dure::standing
