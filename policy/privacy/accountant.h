// The accountant: what a list of charges costs at a delta.
//
// Every way of counting it knows is an upper bound on the same truth, so it answers the least:
// exactly, if all charges are Gaussian noise on the whole dataset; by the composed privacy loss
// distribution and by Renyi divergences, if all are sampled Gaussians; by Renyi divergences where
// integer noise is among them. Two libraries of mathematics may differ in the last digit, so
// an epsilon that others must replay is the integer of EpsilonMicro, as recorded, and is checked by
// counting again within a millionth. Pure.
#pragma once

#include <span>
#include <string_view>

#include "policy/privacy/composition.h"
#include "policy/privacy/mechanism.h"

namespace dure::privacy {

enum class Method : uint8_t { kNothing, kExactGaussian, kLossDistribution, kRenyi };

// "exact Gaussian", "privacy loss distribution", "Renyi divergence", "nothing spent".
std::string_view Name(Method method);

struct Spending {
  double epsilon = 0;  // infinite if no bound says anything
  Method method = Method::kNothing;
};

// REQUIRES: every charge passed Check, 0 < delta < 1.
Spending EpsilonOf(std::span<const Charge> charges, double delta,
                   const Resolution& resolution = {});

// Millionths, rounded up; the largest value if it is not finite or does not fit.
uint64_t EpsilonMicro(double epsilon);

}  // namespace dure::privacy
