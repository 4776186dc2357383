// Whom a set of sums shows. Sums are rows over sites with a 1 for each site that is in; whatever
// can be reckoned from them is a combination of the rows, and isolates the sites where it is not
// zero: it shows what they put in together, and each of them to all others of them. Pure; any
// thread.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <vector>

namespace dure::masking {

// More sums than this, none of which the others come to, are not reckoned with. A determinant of so
// many rows and columns of 0 and 1 is below 2^60.4 (Hadamard's bound, 37^18.5 / 2^36).
inline constexpr size_t kIndependentSumsMax = 36;

// The combinations of some sums. Reckons modulo 2^61 - 1, of which no determinant of up to
// kIndependentSumsMax sums is a multiple: as exact as over the rationals.
class RowSpace {
 public:
  using Row = std::vector<uint64_t>;  // below 2^61 - 1

  explicit RowSpace(size_t columns) : columns_(columns) {}
  // A sum over these columns.
  void Add(const std::vector<size_t>& columns);
  bool Contains(Row row) const;
  size_t rank() const { return basis_.size(); }
  const std::vector<Row>& basis() const { return basis_; }

 private:
  size_t columns_;
  std::vector<Row> basis_;  // echelon form
};

// Of two sets of sums, the first within the second.
struct Spaces {
  RowSpace shown;  // before
  RowSpace all;
};

// Columns that count as one: a site, or all sites of a member. Each column is in one unit.
using Units = std::vector<std::vector<size_t>>;

struct Isolated {
  std::vector<size_t> units;  // that are in such a combination
  bool searched = true;       // false: there may be one, and looking for it takes too long
};

// How much may be searched in all, in steps of one elimination: seconds at the worst.
inline constexpr size_t kIsolationSteps = 1 << 16;

// Whether a combination that was not shown before is on `free` and at most `most` units besides.
// None: there is none. That is a linear code's least weight; it is found by trying, unit by unit,
// whether it is in or out, for those that are in the same sums together. So the cost hangs on how
// many different sums there are, a handful of steps for the few that a run makes. `steps` counts
// down.
std::optional<Isolated> FindIsolated(const Spaces& spaces, const Units& units,
                                     const std::vector<size_t>& free, size_t most, size_t& steps);

}  // namespace dure::masking
