// Renyi accounting: every mechanism has a Renyi divergence R(a) at each order a, uses add up, and a
// sum at any one order is an (epsilon, delta) guarantee.
//
// Sampled Gaussian: Mironov, Talwar, Zhang 2019, in closed form at integer orders and by quadrature
// between them. Discrete Gaussian in shares: Kairouz, Liu, Steinke 2021, proposition 14. Skellam:
// Agarwal, Kairouz, Liu 2021, theorem 3.5 (integer orders; between them the next integer's, since
// R grows with a). Conversion: Canonne, Kamath, Steinke 2020, proposition 12. Pure.
#pragma once

#include <span>
#include <vector>

#include "policy/privacy/mechanism.h"

namespace dure::privacy {

// 1.1, 1.2 ... 10.9, 11 ... 64, 96, 128, 192 ... 1024.
std::span<const double> DefaultOrders();

// R(order) of one use; infinite where the bound says nothing. REQUIRES: order > 1, Check passed.
double RenyiDivergence(const Mechanism& mechanism, double order);

struct RenyiEpsilon {
  double epsilon = 0;  // infinite if no order says anything
  double order = 0;    // the one that gave it
};

// What `divergences`, one an order, come to at delta.
RenyiEpsilon EpsilonOfRenyi(std::span<const double> orders, std::span<const double> divergences,
                            double delta);

// All charges together, over `orders`.
RenyiEpsilon RenyiEpsilonOf(std::span<const Charge> charges, double delta,
                            std::span<const double> orders = DefaultOrders());

}  // namespace dure::privacy
