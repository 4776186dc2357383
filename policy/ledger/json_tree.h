// A JSON text read once into a flat list of nodes, each before what it holds: what an audit needs
// of a hundred thousand entries, without a map or a string for every field. Inside this room only;
// the JSON library stays out of the public headers.
//
// Read strictly: one object at the top, no key twice (two readers could take two different values
// from the same signed bytes), and a bound on the depth. Texts are parts of the text that was read,
// or of the tree where JSON spells them otherwise; so they live as long as both.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace dure::ledger {

enum class JsonKind : uint8_t {
  kNull,
  kFalse,
  kTrue,
  kCount,     // a whole number of 0 or more
  kNegative,  // a whole number with a minus, -0 too
  kReal,      // with a fraction or an exponent
  kText,
  kArray,
  kObject,
};

struct JsonNode {
  JsonKind kind = JsonKind::kNull;
  uint32_t span = 1;      // nodes of this value, itself among them
  uint32_t items = 0;     // of an array or an object
  std::string_view name;  // of a member of an object
  std::string_view text;
  uint64_t count = 0;
  double number = 0;  // of any number

  bool operator==(const JsonNode&) const = default;
};

// What an array or an object holds, in order.
class JsonItems {
 public:
  class Iterator {
   public:
    explicit Iterator(const JsonNode* at) : at_(at) {}
    const JsonNode& operator*() const { return *at_; }
    Iterator& operator++() {
      at_ += at_->span;
      return *this;
    }
    bool operator==(const Iterator&) const = default;

   private:
    const JsonNode* at_;
  };

  explicit JsonItems(const JsonNode& of) : of_(&of) {}
  Iterator begin() const { return Iterator(of_ + 1); }
  Iterator end() const { return Iterator(of_ + of_->span); }
  size_t size() const { return of_->items; }
  bool empty() const { return size() == 0; }
  const JsonNode& front() const { return of_[1]; }  // REQUIRES: not empty

 private:
  const JsonNode* of_;
};

// nullptr: no such member. REQUIRES: `object` is one.
const JsonNode* FindMember(const JsonNode& object, std::string_view name);

class JsonTree {
 public:
  const JsonNode& root() const { return nodes_.front(); }  // an object

  // Builds in the order of the text; for this file's readers.
  // Where a value stands until it is whole.
  uint32_t Begin(JsonKind kind, std::string_view name);
  void End(uint32_t at, uint32_t items);
  JsonNode& At(uint32_t at) { return nodes_[at]; }
  // A text as JSON means it, where that is not how it is spelt; at most `source_bytes` in all.
  void ReserveTexts(size_t source_bytes);
  void Append(std::string_view part);
  size_t texts_size() const { return texts_.size(); }
  std::string_view TextsFrom(size_t begin) const;

  bool operator==(const JsonTree& other) const { return nodes_ == other.nodes_; }

 private:
  std::vector<JsonNode> nodes_;
  std::vector<char> texts_;  // never grows beyond what was reserved, so its bytes stay in place
};

// `text` must outlive the tree. nullopt: not JSON, no object, deeper than 8, or an object with the
// same key twice.
std::optional<JsonTree> ParseStrictJson(std::string_view text);
// The same for any spelling, as ParseStrictJson does for all but the usual one. For the fuzzer: the
// two must never differ.
std::optional<JsonTree> ParseAnyJson(std::string_view text);

}  // namespace dure::ledger
