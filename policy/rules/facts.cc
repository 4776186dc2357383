#include "policy/rules/facts.h"

#include <algorithm>
#include <iterator>
#include <unordered_map>

#include "policy/rules/schema.h"

namespace dure::rules {
namespace {

constexpr std::string_view kDomain = "dure.rules.facts.v1";
constexpr size_t kPathBytesMax = 128;
constexpr size_t kUsualEntries = 32;  // of a group that is put together

// The place of each path in the schema's order, which is that of their texts. The schema holds them
// as long as the process lives.
const std::unordered_map<std::string_view, uint32_t>& SchemaPaths() {
  static const auto paths = [] {
    std::unordered_map<std::string_view, uint32_t> all;
    uint32_t rank = 0;
    for (const Attribute& attribute : ConsortiumSchema().attributes()) {
      all.emplace(attribute.path, rank++);
    }
    return all;
  }();
  return paths;
}

}  // namespace

FactPath::FactPath(std::string_view text) {
  const auto known = SchemaPaths().find(text);
  if (known != SchemaPaths().end()) {
    text_ = known->first;
    rank_ = known->second;
  } else {
    own_ = std::make_shared<const std::string>(text);
    text_ = *own_;
  }
}

Fact& Facts::Place(std::string_view text) {
  if (entries_.capacity() == 0) entries_.reserve(kUsualEntries);
  FactPath path(text);
  auto at = std::ranges::lower_bound(entries_, path, {}, &Entry::path);
  if (at == entries_.end() || at->path != path) {
    at = entries_.insert(at, Entry{std::move(path), {}});
  }
  return at->fact;
}

Facts& Facts::Set(std::string_view path, Value value) {
  Place(path) = {Presence::kKnown, std::move(value)};
  return *this;
}

Facts& Facts::SetAbsent(std::string_view path) {
  Place(path) = {Presence::kAbsent, {}};
  return *this;
}

Facts& Facts::SetOrAbsent(std::string_view path, std::optional<Value> value) {
  return value ? Set(path, std::move(*value)) : SetAbsent(path);
}

Facts& Facts::Forget(std::string_view text) {
  const FactPath path(text);
  const auto at = std::ranges::lower_bound(entries_, path, {}, &Entry::path);
  if (at != entries_.end() && at->path == path) entries_.erase(at);
  return *this;
}

Facts& Facts::Put(const Entry& entry) {
  if (entry.fact.presence == Presence::kUnknown) return Forget(entry.path.text());
  Place(entry.path.text()) = entry.fact;
  return *this;
}

Facts& Facts::Overlay(Facts&& other) {
  if (entries_.empty()) {
    entries_ = std::move(other.entries_);
    return *this;
  }
  return Merge(std::make_move_iterator(other.entries_.begin()),
               std::make_move_iterator(other.entries_.end()));
}

Facts& Facts::Overlay(const Facts& other) {
  return Merge(other.entries_.begin(), other.entries_.end());
}

// Both are ordered: one walk, and nothing is moved twice.
template <typename Iterator>
Facts& Facts::Merge(Iterator begin, Iterator end) {
  std::vector<Entry> merged;
  merged.reserve(entries_.size() + static_cast<size_t>(end - begin));
  auto own = entries_.begin();
  for (; begin != end; ++begin) {
    auto&& entry = *begin;
    while (own != entries_.end() && own->path < entry.path) merged.push_back(std::move(*own++));
    if (own != entries_.end() && own->path == entry.path) ++own;
    merged.push_back(std::forward<decltype(entry)>(entry));
  }
  merged.insert(merged.end(), std::make_move_iterator(own),
                std::make_move_iterator(entries_.end()));
  entries_ = std::move(merged);
  return *this;
}

const Fact& Facts::At(const FactPath& path) const {
  static const Fact kUnknownFact;
  const auto at = std::ranges::lower_bound(entries_, path, {}, &Entry::path);
  return at != entries_.end() && at->path == path ? at->fact : kUnknownFact;
}

Bytes Facts::ToBytes() const {
  CanonicalWriter writer;
  writer.Text(kDomain).U32(static_cast<uint32_t>(entries_.size()));
  for (const Entry& entry : entries_) {
    writer.Text(entry.path.text()).U8(static_cast<uint8_t>(entry.fact.presence));
    if (entry.fact.presence == Presence::kKnown) entry.fact.value.Write(writer);
  }
  return writer.Take();
}

Result<Facts> Facts::FromBytes(ByteView bytes) {
  CanonicalReader reader(bytes);
  if (reader.Text() != kDomain) return Fail(ErrorCode::kInvalid, "these bytes are no facts");
  const uint32_t count = reader.U32();
  Facts facts;
  for (uint32_t i = 0; i < count && reader.ok(); ++i) {
    Entry entry{FactPath(reader.Text(kPathBytesMax)), {}};
    entry.fact.presence = static_cast<Presence>(reader.U8());
    if (!reader.ok()) break;
    const bool ordered = facts.empty() || facts.entries_.back().path < entry.path;
    if (!ordered || !IsPath(entry.path.text()))
      return Fail(ErrorCode::kInvalid, "fact paths are malformed or not in order");
    if (entry.fact.presence == Presence::kKnown) {
      DURE_ASSIGN(entry.fact.value, Value::Read(reader));
    } else if (entry.fact.presence != Presence::kAbsent) {
      return Fail(ErrorCode::kInvalid, "a fact is neither known nor absent");
    }
    facts.entries_.push_back(std::move(entry));
  }
  DURE_TRY(reader.Done("facts"));
  return facts;
}

Digest Facts::ToDigest() const { return Sha256(ToBytes()); }

bool IsPath(std::string_view text) {
  if (text.size() > kPathBytesMax || text.find('.') == std::string_view::npos) return false;
  bool at_start = true;
  for (const char c : text) {
    const bool lower = c >= 'a' && c <= 'z';
    const bool other = (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-';
    if (at_start ? !lower : !lower && !other && c != '.') return false;
    at_start = c == '.';
  }
  return !at_start;
}

}  // namespace dure::rules
