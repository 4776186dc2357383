// The facts of one decision: attribute path -> what is known about it. Three states, and the
// difference between the last two is the point of the language:
//   known    the record says `dataset.terms.use` is research-only
//   absent   the record says there is none: this dataset was never withdrawn
//   unknown  not loaded, or the record is silent. A path that was never set is unknown, and an
//            unknown fact never admits.
//
// Life: a caller folds the ledger up to an index, sets what it found, and hands the facts to Decide
// (decide.h). Plain value; no thread. Digest() names exactly these facts: equal facts, equal
// digest, in whatever order they were set.
#pragma once

#include <compare>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "federation/bytes.h"
#include "federation/digest.h"
#include "policy/rules/value.h"

namespace dure::rules {

enum class Presence : uint8_t { kUnknown, kAbsent, kKnown };

struct Fact {
  Presence presence = Presence::kUnknown;
  Value value;  // the empty text unless known

  bool operator==(const Fact&) const = default;
};

// The path of a fact, ordered by its text. A path of the consortium's schema is kept once for all
// facts: a decision sets some sixty, and most of its time went into copies of their names.
class FactPath {
 public:
  explicit FactPath(std::string_view text);
  std::string_view text() const { return text_; }
  bool operator==(const FactPath& other) const { return (*this <=> other) == 0; }
  std::strong_ordering operator<=>(const FactPath& other) const {
    const bool ranked = rank_ != kNoRank && other.rank_ != kNoRank;
    return ranked ? rank_ <=> other.rank_ : text_ <=> other.text_;
  }

 private:
  static constexpr uint32_t kNoRank = UINT32_MAX;
  std::string_view text_;
  uint32_t rank_ = kNoRank;                 // among the paths of the schema
  std::shared_ptr<const std::string> own_;  // where the schema does not know it
};

class Facts {
 public:
  struct Entry {
    FactPath path;
    Fact fact;
    bool operator==(const Entry&) const = default;
  };

  // Each replaces what was said before about `path`.
  Facts& Set(std::string_view path, Value value);
  Facts& SetAbsent(std::string_view path);
  Facts& Forget(std::string_view path);  // unknown again
  // Known if there is a value, absent otherwise.
  Facts& SetOrAbsent(std::string_view path, std::optional<Value> value);
  Facts& Put(const Entry& entry);
  // Everything that `other` says, over what is here.
  Facts& Overlay(const Facts& other);
  Facts& Overlay(Facts&& other);

  const Fact& At(const FactPath& path) const;  // unknown for a path never set
  const Fact& At(std::string_view path) const { return At(FactPath(path)); }
  const std::vector<Entry>& entries() const { return entries_; }  // ordered by path, none unknown
  bool empty() const { return entries_.empty(); }

  Bytes ToBytes() const;
  // kInvalid: not what ToBytes gives, for any facts.
  static Result<Facts> FromBytes(ByteView bytes);
  Digest ToDigest() const;  // SHA-256 of ToBytes: the `factsDigest` of a decision in the log

  bool operator==(const Facts&) const = default;

 private:
  Fact& Place(std::string_view path);
  template <typename Iterator>
  Facts& Merge(Iterator begin, Iterator end);
  std::vector<Entry> entries_;
};

// Two or more names with points between them, each a lower-case letter and then letters, digits or
// '-': dataset.terms.use. At most 128 bytes.
bool IsPath(std::string_view text);

}  // namespace dure::rules
