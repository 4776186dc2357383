#include "policy/ledger/json_tree.h"

#include <algorithm>
#include <bit>
#include <charconv>
#include <cstring>
#include <nlohmann/json.hpp>
#include <utility>

#include "federation/check.h"
#include "policy/ledger/note_lines.h"

namespace dure::ledger {
namespace {

using nlohmann::json;

constexpr size_t kDepthMax = 8;
constexpr size_t kCountDigitsMax = 19;  // fits 64 bits whatever the digits

constexpr uint64_t EightOf(uint8_t byte) { return uint64_t{0x0101010101010101} * byte; }
// The top bit of the first byte of `eight` that is less than `limit` (at most 0x80), and perhaps of
// bytes after it.
constexpr uint64_t Below(uint64_t eight, uint8_t limit) {
  return (eight - EightOf(limit)) & ~eight & EightOf(0x80);
}

// The first of them that JSON does not write as it is, or that is not ASCII.
const char* PlainEnd(const char* at, const char* end) {
  static_assert(std::endian::native == std::endian::little, "the first byte is the lowest");
  for (; end - at >= 8; at += 8) {
    uint64_t eight = 0;
    std::memcpy(&eight, at, 8);
    const uint64_t other = Below(eight, 0x20) | Below(eight ^ EightOf('"'), 1) |
                           Below(eight ^ EightOf('\\'), 1) | (eight & EightOf(0x80));
    if (other != 0) return at + std::countr_zero(other) / 8;
  }
  const auto plain = [](char c) {
    return static_cast<signed char>(c) >= 0x20 && c != '"' && c != '\\';
  };
  while (at != end && plain(*at)) ++at;
  return at;
}

// Reads the spelling that this room writes: no spaces, the keys of an object ascending, no text
// with \u. Whatever is spelt otherwise is left to the JSON library, so that false is no judgement.
class UsualSpelling {
 public:
  UsualSpelling(std::string_view text, JsonTree& tree)
      : begin_(text.data()), at_(begin_), end_(begin_ + text.size()), tree_(tree) {}

  bool Read() { return At('{') && Value({}, 0) && at_ == end_; }

 private:
  bool At(char c) const { return at_ != end_ && *at_ == c; }
  bool Skip(char c) {
    if (!At(c)) return false;
    ++at_;
    return true;
  }

  bool Value(std::string_view name, size_t depth) {
    if (at_ == end_) return false;
    switch (*at_) {
      case '{':
        return depth < kDepthMax && Object(name, depth + 1);
      case '[':
        return depth < kDepthMax && Array(name, depth + 1);
      case '"':
        return Text(tree_.At(tree_.Begin(JsonKind::kText, name)).text);
      case 't':
        return Word("true", JsonKind::kTrue, name);
      case 'f':
        return Word("false", JsonKind::kFalse, name);
      case 'n':
        return Word("null", JsonKind::kNull, name);
      default:
        return Number(name);
    }
  }

  bool Object(std::string_view name, size_t depth) {
    ++at_;
    const uint32_t object = tree_.Begin(JsonKind::kObject, name);
    uint32_t items = 0;
    std::string_view last;
    while (!At('}')) {
      if (items > 0 && !Skip(',')) return false;
      std::string_view key;
      if (!At('"') || !Text(key) || !Skip(':')) return false;
      if (items > 0 && !(last < key)) return false;
      if (!Value(key, depth)) return false;
      last = key;
      ++items;
    }
    ++at_;
    tree_.End(object, items);
    return true;
  }

  bool Array(std::string_view name, size_t depth) {
    ++at_;
    const uint32_t array = tree_.Begin(JsonKind::kArray, name);
    uint32_t items = 0;
    while (!At(']')) {
      if (items > 0 && !Skip(',')) return false;
      if (!Value({}, depth)) return false;
      ++items;
    }
    ++at_;
    tree_.End(array, items);
    return true;
  }

  bool Word(std::string_view word, JsonKind kind, std::string_view name) {
    if (!std::string_view(at_, end_).starts_with(word)) return false;
    at_ += word.size();
    tree_.Begin(kind, name);
    return true;
  }

  // Up to the closing quote. Most texts have no escape, and are a part of what is read.
  bool Text(std::string_view& text) {
    const char* const begin = ++at_;
    const bool ascii = SkipPlain();
    if (At('\\')) return EscapedText(begin, text);
    if (!At('"')) return false;
    text = {begin, at_++};
    return ascii || IsNoteText(text);
  }

  // Up to what JSON does not write as it is; whether all of it is ASCII.
  bool SkipPlain() {
    bool ascii = true;
    for (at_ = PlainEnd(at_, end_); at_ != end_ && static_cast<uint8_t>(*at_) >= 0x80;
         at_ = PlainEnd(at_, end_)) {
      ascii = false;
      while (at_ != end_ && static_cast<uint8_t>(*at_) >= 0x80) ++at_;
    }
    return ascii;
  }

  bool EscapedText(const char* begin, std::string_view& text) {
    tree_.ReserveTexts(static_cast<size_t>(end_ - begin_));
    const size_t start = tree_.texts_size();
    at_ = begin;
    while (true) {
      const char* const plain = at_;
      const bool ascii = SkipPlain();
      if (!ascii && !IsNoteText({plain, at_})) return false;
      tree_.Append({plain, at_});
      if (Skip('"')) break;
      if (!Skip('\\') || at_ == end_) return false;
      constexpr std::string_view kSpelt = "\"\\/bfnrt", kMeant = "\"\\/\b\f\n\r\t";
      const size_t which = kSpelt.find(*at_++);
      if (which == std::string_view::npos) return false;
      tree_.Append(kMeant.substr(which, 1));
    }
    text = tree_.TextsFrom(start);
    return true;
  }

  size_t Digits() {
    const char* const begin = at_;
    while (at_ != end_ && *at_ >= '0' && *at_ <= '9') ++at_;
    return static_cast<size_t>(at_ - begin);
  }

  bool Number(std::string_view name) {
    const char* const begin = at_;
    const bool negative = Skip('-');
    const bool zero = At('0');
    const size_t whole = Digits();
    if (whole == 0 || (zero && whole > 1)) return false;
    bool real = false;
    if (Skip('.')) {
      real = true;
      if (Digits() == 0) return false;
    }
    if (Skip('e') || Skip('E')) {
      real = true;
      if (!Skip('+')) Skip('-');
      if (Digits() == 0) return false;
    }
    if (!real && (negative || whole > kCountDigitsMax)) return false;
    JsonNode& node = tree_.At(tree_.Begin(real ? JsonKind::kReal : JsonKind::kCount, name));
    if (real) return std::from_chars(begin, at_, node.number).ec == std::errc();
    std::from_chars(begin, at_, node.count);
    node.number = static_cast<double>(node.count);
    return true;
  }

  const char* const begin_;
  const char* at_;
  const char* const end_;
  JsonTree& tree_;
};

// Builds the tree as the JSON library reads, and stops at the first thing that is too deep or
// stands twice, so a hostile text costs no more than its bytes.
class AnySpelling {
 public:
  AnySpelling(size_t bytes, JsonTree& tree) : tree_(tree) { tree_.ReserveTexts(bytes); }

  bool null() { return Leaf(JsonKind::kNull); }
  bool boolean(bool value) { return Leaf(value ? JsonKind::kTrue : JsonKind::kFalse); }
  bool number_integer(json::number_integer_t value) {
    return Leaf(JsonKind::kNegative, static_cast<double>(value));
  }
  bool number_unsigned(json::number_unsigned_t value) {
    return Leaf(JsonKind::kCount, static_cast<double>(value), value);
  }
  bool number_float(json::number_float_t value, const std::string&) {
    return Leaf(JsonKind::kReal, value);
  }
  bool string(std::string& value) {
    tree_.At(Put(JsonKind::kText)).text = Keep(value);
    return true;
  }
  bool binary(json::binary_t&) { return false; }
  bool start_object(size_t) { return Open(JsonKind::kObject); }
  bool start_array(size_t) { return Open(JsonKind::kArray); }
  bool end_object() {
    std::vector<std::string_view> names = std::move(open_.back().names);
    std::sort(names.begin(), names.end());
    return std::adjacent_find(names.begin(), names.end()) == names.end() && Close();
  }
  bool end_array() { return Close(); }
  bool key(std::string& name) {
    name_ = Keep(name);
    open_.back().names.push_back(name_);
    return true;
  }
  bool parse_error(size_t, const std::string&, const json::exception&) { return false; }

 private:
  struct Container {
    uint32_t at = 0;
    uint32_t items = 0;
    std::vector<std::string_view> names;
  };

  std::string_view Keep(std::string_view text) {
    const size_t begin = tree_.texts_size();
    tree_.Append(text);
    return tree_.TextsFrom(begin);
  }
  uint32_t Put(JsonKind kind) {
    if (!open_.empty()) open_.back().items++;
    return tree_.Begin(kind, std::exchange(name_, {}));
  }
  bool Leaf(JsonKind kind, double number = 0, uint64_t count = 0) {
    JsonNode& node = tree_.At(Put(kind));
    node.number = number;
    node.count = count;
    return true;
  }
  bool Open(JsonKind kind) {
    if (open_.size() == kDepthMax) return false;
    const uint32_t at = Put(kind);
    open_.push_back({at, 0, {}});
    return true;
  }
  bool Close() {
    tree_.End(open_.back().at, open_.back().items);
    open_.pop_back();
    return true;
  }

  JsonTree& tree_;
  std::vector<Container> open_;  // from the root down
  std::string_view name_;        // of the value that comes next
};

}  // namespace

const JsonNode* FindMember(const JsonNode& object, std::string_view name) {
  for (const JsonNode& member : JsonItems(object)) {
    if (member.name == name) return &member;
  }
  return nullptr;
}

uint32_t JsonTree::Begin(JsonKind kind, std::string_view name) {
  if (nodes_.empty()) nodes_.reserve(48);  // what an event has
  JsonNode& node = nodes_.emplace_back();
  node.kind = kind;
  node.name = name;
  return static_cast<uint32_t>(nodes_.size() - 1);
}

void JsonTree::End(uint32_t at, uint32_t items) {
  nodes_[at].span = static_cast<uint32_t>(nodes_.size()) - at;
  nodes_[at].items = items;
}

void JsonTree::ReserveTexts(size_t source_bytes) {
  if (texts_.capacity() == 0) texts_.reserve(source_bytes);
}

void JsonTree::Append(std::string_view part) {
  DURE_CHECK(part.size() <= texts_.capacity() - texts_.size(), "a text is no longer than its JSON");
  texts_.insert(texts_.end(), part.begin(), part.end());
}

std::string_view JsonTree::TextsFrom(size_t begin) const {
  return {texts_.data() + begin, texts_.size() - begin};
}

std::optional<JsonTree> ParseStrictJson(std::string_view text) {
  JsonTree tree;
  if (UsualSpelling(text, tree).Read()) return tree;
  return ParseAnyJson(text);
}

std::optional<JsonTree> ParseAnyJson(std::string_view text) {
  JsonTree tree;
  AnySpelling builder(text.size(), tree);
  if (!json::sax_parse(text.begin(), text.end(), &builder)) return std::nullopt;
  if (tree.root().kind != JsonKind::kObject) return std::nullopt;
  return tree;
}

}  // namespace dure::ledger
