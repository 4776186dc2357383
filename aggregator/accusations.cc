#include "aggregator/accusations.h"

namespace dure::aggregator {
namespace {

constexpr size_t kMembersToBar = 2;

}  // namespace

bool Accusations::Hear(const masking::Context& context, const masking::Culprit& culprit) {
  const uint32_t accused = culprit.refused.accused;
  std::set<uint32_t>& accusers = accusers_[accused];
  accusers.insert(culprit.site);
  if (accusers.contains(accused)) return true;
  std::set<MemberId> members;
  for (const uint32_t site : accusers) members.insert(context.seats[site].member);
  members.erase(context.seats[accused].member);
  return members.size() >= kMembersToBar;
}

}  // namespace dure::aggregator
