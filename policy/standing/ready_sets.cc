#include "policy/standing/ready_sets.h"

namespace dure::standing {
namespace {

// As many as datasets and runs are decided on in turn; a set takes some hundred kilobytes.
constexpr size_t kSetsMax = 256;

}  // namespace

Result<rules::PolicySet> ReadySets::Of(const std::vector<const rules::PolicyDocument*>& documents) {
  Name name;
  name.reserve(documents.size());
  for (const rules::PolicyDocument* document : documents) name.push_back(document->digest);
  {
    const std::lock_guard lock(mutex_);
    const auto found = sets_.find(name);
    if (found != sets_.end()) return found->second;
  }
  std::vector<rules::PolicyDocument> copies;
  copies.reserve(documents.size());
  for (const rules::PolicyDocument* document : documents) copies.push_back(*document);
  DURE_ASSIGN(rules::PolicySet set, rules::PolicySet::Make(std::move(copies)));
  const std::lock_guard lock(mutex_);
  if (sets_.size() >= kSetsMax) sets_.clear();
  sets_.emplace(std::move(name), set);
  return set;
}

}  // namespace dure::standing
