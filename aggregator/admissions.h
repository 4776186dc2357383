// Admissions: who decides which of the offered datasets may be trained on in an attempt at a round.
//
// The round's core asks (round::DecideAdmissions) once an attempt, and again after a restart. The
// answer comes on the loop, once for each call that stays wanted, after whatever it rests on is
// durable.
#pragma once

#include <functional>
#include <memory>

#include "aggregator/deliberation.h"
#include "federation/loop/loop.h"
#include "federation/round/round_effects.h"

namespace dure::aggregator {

class Admissions {
 public:
  virtual ~Admissions() = default;
  // Why the question of a run has no answer although one was tried; empty: there is no such reason.
  virtual std::string WaitsFor(const RunId& run) const = 0;
  // `decided` is called on the loop, never inside this call. The same question gets the same answer
  // as long as nothing that it rests on has changed. Once it is not `wanted` any more, which is
  // asked on the loop before each dataset, nothing further is decided and nobody is called.
  virtual void Decide(const round::DecideAdmissions& question, std::function<bool()> wanted,
                      std::function<void(round::AdmissionsDecided)> decided) = 0;
};

// Decided from the record and written into it (deliberation.h), one entry a dataset; a site of
// which nothing was admitted is told the rule that its first refusal names. What the disk does not
// take, or the rules in force cannot decide, is tried again until it is, and said once for each
// reason. `deliberation` outlives it.
std::unique_ptr<Admissions> AdmitByTheRecord(Deliberation& deliberation, loop::EventLoop& loop,
                                             std::function<void(const std::string&)> say);

}  // namespace dure::aggregator
