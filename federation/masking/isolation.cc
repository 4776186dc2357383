#include "federation/masking/isolation.h"

#include <algorithm>
#include <functional>
#include <iterator>
#include <map>
#include <set>

#include "federation/masking/inner_product.h"

namespace dure::masking {
namespace {

using Row = RowSpace::Row;

uint64_t Times(uint64_t a, uint64_t b) {
  return static_cast<uint64_t>(static_cast<unsigned __int128>(a) * b % kFieldPrime);
}

uint64_t Inverse(uint64_t a) {
  uint64_t result = 1;
  uint64_t power = a;
  for (uint64_t rest = kFieldPrime - 2; rest > 0; rest >>= 1) {
    if ((rest & 1) != 0) result = Times(result, power);
    power = Times(power, power);
  }
  return result;
}

void Subtract(Row& row, const Row& other, uint64_t factor) {
  if (factor == 0) return;
  for (size_t c = 0; c < row.size(); ++c) row[c] = FieldDifference(row[c], Times(factor, other[c]));
}

size_t LeadOf(const Row& row) {
  const auto lead = std::ranges::find_if(row, [](uint64_t value) { return value != 0; });
  return static_cast<size_t>(lead - row.begin());
}

// Takes what `row` shares with a basis in echelon form out of it.
void Reduce(const std::vector<Row>& basis, Row& row) {
  for (const Row& with : basis) Subtract(row, with, row[LeadOf(with)]);  // its lead is a 1
}

// Units that stand in the same sums: a combination is zero for all of them or for none.
struct Alike {
  std::vector<size_t> columns;  // of one of them
  std::vector<size_t> units;
};

std::vector<Alike> Group(const RowSpace& all, const Units& units) {
  std::map<std::set<Row>, Alike> groups;
  for (size_t unit = 0; unit < units.size(); ++unit) {
    std::set<Row> stands;
    for (const size_t c : units[unit]) {
      Row column;
      for (const Row& row : all.basis()) column.push_back(row[c]);
      stands.insert(std::move(column));
    }
    Alike& alike = groups[stands];
    alike.columns = units[unit];
    alike.units.push_back(unit);
  }
  std::vector<Alike> found;
  for (auto& [stands, alike] : groups) found.push_back(std::move(alike));
  std::ranges::stable_sort(found, std::greater(),
                           [](const Alike& one) { return one.units.size(); });
  return found;
}

bool IsZero(const std::vector<Row>& rows, const std::vector<size_t>& columns) {
  return std::ranges::all_of(rows, [&columns](const Row& row) {
    return std::ranges::all_of(columns, [&row](size_t c) { return row[c] == 0; });
  });
}

// Of the combinations of these rows those that are zero there.
std::vector<Row> Without(std::vector<Row> rows, const std::vector<size_t>& columns) {
  for (const size_t c : columns) {
    const auto pivot = std::ranges::find_if(rows, [c](const Row& row) { return row[c] != 0; });
    if (pivot == rows.end()) continue;
    const Row taken = std::move(*pivot);
    rows.erase(pivot);
    const uint64_t inverse = Inverse(taken[c]);
    for (Row& row : rows) Subtract(row, taken, Times(row[c], inverse));
  }
  return rows;
}

class Search {
 public:
  Search(const RowSpace& shown, std::vector<Alike> groups, size_t most, size_t& steps)
      : shown_(shown),
        groups_(std::move(groups)),
        in_(groups_.size()),
        room_(most),
        steps_(steps) {}

  // Whether these rows have such a combination, on the groups that are in and others for which
  // there is room. Each step either leaves a dimension behind or takes up room.
  bool Finds(const std::vector<Row>& rows) {
    const auto shown = [this](const Row& row) { return shown_.Contains(row); };
    if (over_ || std::ranges::all_of(rows, shown)) return false;
    over_ = steps_ == 0;
    if (over_) return false;
    --steps_;
    size_t next = 0;
    while (next < groups_.size() && (in_[next] || IsZero(rows, groups_[next].columns))) ++next;
    if (next == groups_.size()) {
      for (const Alike& alike : groups_) {
        if (!IsZero(rows, alike.columns))
          std::ranges::copy(alike.units, std::back_inserter(found_));
      }
      return true;
    }
    const size_t units = groups_[next].units.size();
    if (units <= room_) {
      in_[next] = true;
      room_ -= units;
      if (Finds(rows)) return true;
      room_ += units;
      in_[next] = false;
    }
    return Finds(Without(rows, groups_[next].columns));
  }

  bool over() const { return over_; }
  std::vector<size_t>& found() { return found_; }

 private:
  const RowSpace& shown_;
  const std::vector<Alike> groups_;
  std::vector<bool> in_;
  size_t room_;
  size_t& steps_;
  bool over_ = false;
  std::vector<size_t> found_;
};

}  // namespace

void RowSpace::Add(const std::vector<size_t>& columns) {
  Row row(columns_, 0);
  for (const size_t c : columns) row[c] = 1;
  Reduce(basis_, row);
  const size_t lead = LeadOf(row);
  if (lead == columns_) return;
  const uint64_t inverse = Inverse(row[lead]);
  for (uint64_t& value : row) value = Times(value, inverse);
  basis_.push_back(std::move(row));
}

bool RowSpace::Contains(Row row) const {
  Reduce(basis_, row);
  return LeadOf(row) == columns_;
}

std::optional<Isolated> FindIsolated(const Spaces& spaces, const Units& units,
                                     const std::vector<size_t>& free, size_t most, size_t& steps) {
  Units counted;
  std::vector<size_t> which;
  for (size_t u = 0; u < units.size(); ++u) {
    const auto is_free = [&free](size_t c) { return std::ranges::find(free, c) != free.end(); };
    if (std::ranges::all_of(units[u], is_free)) continue;
    counted.push_back(units[u]);
    which.push_back(u);
  }
  Search search(spaces.shown, Group(spaces.all, counted), most, steps);
  if (!search.Finds(spaces.all.basis())) {
    if (search.over()) return Isolated{{}, false};
    return std::nullopt;
  }
  Isolated isolated;
  for (const size_t c : search.found()) isolated.units.push_back(which[c]);
  std::ranges::sort(isolated.units);
  return isolated;
}

}  // namespace dure::masking
