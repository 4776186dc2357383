// The Gaussian mechanism exactly: T uses with noise multipliers s_t are one use with
// mu = sqrt(sum 1/s_t^2) (Balle and Wang 2018; Dong, Roth, Su 2019). Pure.
#pragma once

namespace dure::privacy {

// ln P(Z > x) of a standard normal Z, also where the probability itself underflows.
double LogNormalTail(double x);

// The smallest delta for which the mechanism is (epsilon, delta)-private.
// REQUIRES: mu > 0, epsilon >= 0, both finite.
double GaussianDelta(double mu, double epsilon);

// The smallest epsilon, rounded up in the last digits. REQUIRES: mu > 0, 0 < delta < 1.
double GaussianEpsilon(double mu, double delta);

}  // namespace dure::privacy
