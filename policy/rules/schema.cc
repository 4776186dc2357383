#include "policy/rules/schema.h"

#include <algorithm>
#include <numeric>

namespace dure::rules {
namespace {

constexpr size_t kComparedBytesMax = 128;

// Edits between two words: a letter put in, left out or replaced, or two neighbours swapped
// (optimal string alignment), row by row.
size_t Edits(std::string_view a, std::string_view b) {
  std::vector<size_t> before(b.size() + 1);
  std::vector<size_t> above(b.size() + 1);
  std::vector<size_t> row(b.size() + 1);
  std::iota(above.begin(), above.end(), size_t{0});
  for (size_t i = 1; i <= a.size(); ++i) {
    row[0] = i;
    for (size_t j = 1; j <= b.size(); ++j) {
      const size_t replaced = above[j - 1] + (a[i - 1] == b[j - 1] ? 0 : 1);
      row[j] = std::min({above[j] + 1, row[j - 1] + 1, replaced});
      const bool swapped = i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1];
      if (swapped) row[j] = std::min(row[j], before[j - 2] + 1);
    }
    std::swap(before, above);
    std::swap(above, row);
  }
  return above[b.size()];
}

std::string_view LastName(std::string_view path) { return path.substr(path.rfind('.') + 1); }

}  // namespace

std::string NearestOf(std::string_view word, const std::vector<std::string_view>& candidates) {
  if (word.size() > kComparedBytesMax) return "";
  std::string_view best;
  size_t best_edits = 3;
  for (const std::string_view candidate : candidates) {
    if (candidate.size() > kComparedBytesMax) continue;
    const size_t edits = Edits(word, candidate);
    if (edits < best_edits && edits * 3 <= candidate.size()) {
      best = candidate;
      best_edits = edits;
    }
  }
  return std::string(best);
}

bool Attribute::Admits(const Value& value) const {
  if (value.kind() != kind) return false;
  const auto listed = [&](const Value& item) {
    if (item.kind() != item_kind) return false;
    return enumeration.empty() ||
           (item.text() != nullptr &&
            std::find(enumeration.begin(), enumeration.end(), *item.text()) != enumeration.end());
  };
  if (const Value::Items* items = value.items())
    return std::all_of(items->begin(), items->end(), listed);
  return listed(value);
}

const PlainWord* Attribute::WordOf(std::string_view code) const {
  for (const PlainWord& word : words) {
    if (word.code == code) return &word;
  }
  return nullptr;
}

std::string Attribute::KindText() const {
  std::string text = kind == Kind::kSet ? "set of " : "";
  if (enumeration.empty()) return text + std::string(Name(item_kind));
  for (size_t i = 0; i < enumeration.size(); ++i)
    text += (i == 0 ? "{" : ", ") + Value::Text(enumeration[i]).ToText();
  return (kind == Kind::kSet ? "" : "one of ") + text + "}";
}

std::string Attribute::KoreanKindText() const {
  const bool is_set = kind == Kind::kSet;
  if (enumeration.empty()) {
    static constexpr std::string_view kKinds[] = {"글", "예·아니요", "수", "시각", "모음"};
    return std::string(kKinds[static_cast<size_t>(item_kind)]) + (is_set ? "의 모음" : "");
  }
  std::string text;
  for (size_t i = 0; i < enumeration.size(); ++i)
    text += (i == 0 ? "{" : ", ") + Value::Text(enumeration[i]).ToText();
  return text + (is_set ? "} 가운데 몇 개" : "} 가운데 하나");
}

Schema::Schema(std::vector<Attribute> attributes) : attributes_(std::move(attributes)) {
  const auto less = [](const Attribute& a, const Attribute& b) { return a.path < b.path; };
  const auto same = [](const Attribute& a, const Attribute& b) { return a.path == b.path; };
  std::stable_sort(attributes_.begin(), attributes_.end(), less);
  attributes_.erase(std::unique(attributes_.begin(), attributes_.end(), same), attributes_.end());
}

const Attribute* Schema::Find(std::string_view path) const {
  const auto at =
      std::lower_bound(attributes_.begin(), attributes_.end(), path,
                       [](const Attribute& a, std::string_view wanted) { return a.path < wanted; });
  return at != attributes_.end() && at->path == path ? &*at : nullptr;
}

std::string Schema::Nearest(std::string_view path) const {
  std::vector<std::string_view> paths;
  for (const Attribute& attribute : attributes_) paths.push_back(attribute.path);
  if (std::string near = NearestOf(path, paths); !near.empty()) return near;
  // The right name under a wrong owner: run.personalData for dataset.personalData.
  for (const std::string_view known : paths) {
    if (LastName(known) == LastName(path)) return std::string(known);
  }
  return "";
}

}  // namespace dure::rules
