// Who is accused in one attempt of a masked round, and when that is enough to go on without it.
//
// Whom the aggregator itself saw break the protocol is left out at once. A site that accuses
// another may lie, and so may all sites of one member: their word counts once. Pure; the desk's
// thread.
#pragma once

#include <map>
#include <set>

#include "federation/masking/aggregator_half.h"

namespace dure::aggregator {

class Accusations {
 public:
  // Whether the next attempt does without whom it accuses; from then on, always.
  // REQUIRES: it accuses a site of the context, which is the same one in every call.
  bool Hear(const masking::Context& context, const masking::Culprit& culprit);

 private:
  std::map<uint32_t, std::set<uint32_t>> accusers_;  // sites, by whom they accuse
};

}  // namespace dure::aggregator
