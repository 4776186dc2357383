#include "policy/rules/facts.h"

#include <algorithm>
#include <iterator>
#include <unordered_set>

#include "policy/rules/schema.h"

namespace dure::rules {
namespace {

constexpr std::string_view kDomain = "dure.rules.facts.v1";
constexpr size_t kPathBytesMax = 128;
constexpr size_t kUsualEntries = 32;  // of a group that is put together

struct ByPath {
  bool operator()(const Facts::Entry& entry, std::string_view path) const {
    return entry.path.text() < path;
  }
};

// Views of the texts that the schema holds as long as the process lives.
const std::unordered_set<std::string_view>& SchemaPaths() {
  static const auto paths = [] {
    std::unordered_set<std::string_view> all;
    for (const Attribute& attribute : ConsortiumSchema().attributes()) all.insert(attribute.path);
    return all;
  }();
  return paths;
}

}  // namespace

FactPath::FactPath(std::string_view text) {
  const auto known = SchemaPaths().find(text);
  if (known != SchemaPaths().end()) {
    text_ = *known;
  } else {
    own_ = std::make_shared<const std::string>(text);
    text_ = *own_;
  }
}

Fact& Facts::Place(std::string_view path) {
  if (entries_.capacity() == 0) entries_.reserve(kUsualEntries);
  auto at = std::lower_bound(entries_.begin(), entries_.end(), path, ByPath());
  if (at == entries_.end() || at->path.text() != path)
    at = entries_.insert(at, Entry{FactPath(path), {}});
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

Facts& Facts::Forget(std::string_view path) {
  const auto at = std::lower_bound(entries_.begin(), entries_.end(), path, ByPath());
  if (at != entries_.end() && at->path.text() == path) entries_.erase(at);
  return *this;
}

Facts& Facts::Put(const Entry& entry) {
  if (entry.fact.presence == Presence::kUnknown) return Forget(entry.path.text());
  Place(entry.path.text()) = entry.fact;
  return *this;
}

Facts& Facts::Overlay(Facts other) {
  if (entries_.empty()) {
    entries_ = std::move(other.entries_);
    return *this;
  }
  // Both are ordered: one walk, and nothing is moved twice.
  std::vector<Entry> merged;
  merged.reserve(entries_.size() + other.entries_.size());
  auto own = entries_.begin();
  for (Entry& entry : other.entries_) {
    while (own != entries_.end() && own->path < entry.path) merged.push_back(std::move(*own++));
    if (own != entries_.end() && own->path == entry.path) ++own;
    merged.push_back(std::move(entry));
  }
  merged.insert(merged.end(), std::make_move_iterator(own),
                std::make_move_iterator(entries_.end()));
  entries_ = std::move(merged);
  return *this;
}

const Fact& Facts::At(std::string_view path) const {
  static const Fact kUnknownFact;
  const auto at = std::lower_bound(entries_.begin(), entries_.end(), path, ByPath());
  return at != entries_.end() && at->path.text() == path ? at->fact : kUnknownFact;
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
