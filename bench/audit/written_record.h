// A record as a consortium's comes to be, for measuring its audit: the shipped constitution in
// force, four members with five datasets under terms, one run, and rounds. Each round has a
// decision on every dataset as the aggregator makes them (four admitted, one refused), its cohort,
// submissions, receipts and closing. Everything is signed, chained and anchored, and every decision
// is what the standing before it gives.
#pragma once

#include <cstdint>
#include <string>

namespace dure::bench {

// Writes at least `entries` entries into `dir`, a fresh folder; says how many there are.
uint64_t WriteRecord(const std::string& dir, uint64_t entries);

}  // namespace dure::bench
