// Admissions: who decides which of the offered datasets may be trained on in an attempt at a round.
//
// The round's core asks (round::DecideAdmissions) once an attempt, and again after a restart. The
// answer comes on the loop, once for each call, after whatever it rests on is durable.
#pragma once

#include <functional>
#include <memory>

#include "federation/loop/loop.h"
#include "federation/round/round_effects.h"

namespace dure::aggregator {

class Admissions {
 public:
  virtual ~Admissions() = default;
  // `decided` is called on the loop, never inside this call. The same question gets the same answer
  // as long as nothing that it rests on has changed.
  virtual void Decide(const round::DecideAdmissions& question,
                      std::function<void(round::AdmissionsDecided)> decided) = 0;
};

// Admits every offered dataset, under entry 0, and writes nothing into the log: what a site offers
// is its own decision, and there is no other rule yet.
std::unique_ptr<Admissions> AdmitAll(loop::EventLoop& loop);

}  // namespace dure::aggregator
