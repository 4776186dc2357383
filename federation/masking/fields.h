// One list of fields a struct, walked by a writer and by a reader, so that the two cannot disagree:
// messages, contexts and saved states of this room. The form is that of federation/canonical.h;
// sets and maps stand in ascending order, so one value has one encoding.
#pragma once

#include <array>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <type_traits>
#include <vector>

#include "federation/canonical.h"
#include "federation/ids.h"
#include "federation/limits.h"
#include "federation/masking/secret.h"

namespace dure::masking {

// A message that holds another, and a saved state that holds all of them.
inline constexpr size_t kNestedBytesMax = 1 << 20;
inline constexpr uint32_t kListMax = 1 << 20;

class Put {
 public:
  static constexpr bool kReads = false;
  template <typename... T>
  void operator()(const T&... values) {
    (One(values), ...);
  }
  Bytes Take() { return writer_.Take(); }

  template <typename T>
  void One(const T& v) {
    if constexpr (std::is_same_v<T, bool>) {
      writer_.Bool(v);
    } else if constexpr (std::is_enum_v<T>) {
      writer_.U8(static_cast<uint8_t>(v));
    } else if constexpr (std::is_same_v<T, uint8_t>) {
      writer_.U8(v);
    } else if constexpr (std::is_same_v<T, uint32_t> || std::is_same_v<T, int32_t>) {
      writer_.U32(static_cast<uint32_t>(v));
    } else if constexpr (std::is_same_v<T, uint64_t>) {
      writer_.U64(v);
    } else {
      Compound(v);
    }
  }

 private:
  void Compound(const std::string& v) { writer_.Text(v); }
  void Compound(const Bytes& v) { writer_.Blob(v); }
  void Compound(const Digest& v) { writer_.Raw32(v); }
  void Compound(const Secret& v) { Compound(v.bytes); }
  void Compound(const RoundNumber& v) { writer_.U64(v.value); }
  template <size_t kCount>
  void Compound(const std::array<uint8_t, kCount>& v) {
    for (const uint8_t byte : v) writer_.U8(byte);
  }
  template <size_t kCount>
  void Compound(const std::array<uint64_t, kCount>& v) {
    for (const uint64_t word : v) writer_.U64(word);
  }
  template <typename Tag>
  void Compound(const Name_<Tag>& v) {
    writer_.Text(v.str());
  }
  template <typename T>
  void Compound(const std::optional<T>& v) {
    writer_.Bool(v.has_value());
    if (v) One(*v);
  }
  template <typename T>
  requires(!std::is_same_v<T, uint8_t>) void Compound(const std::vector<T>& v) {
    writer_.U32(static_cast<uint32_t>(v.size()));
    for (const T& one : v) One(one);
  }
  template <typename T>
  void Compound(const std::set<T>& v) {
    writer_.U32(static_cast<uint32_t>(v.size()));
    for (const T& one : v) One(one);
  }
  template <typename K, typename T>
  void Compound(const std::map<K, T>& v) {
    writer_.U32(static_cast<uint32_t>(v.size()));
    for (const auto& [key, one] : v) {
      One(key);
      One(one);
    }
  }
  template <typename A, typename B>
  void Compound(const std::pair<A, B>& v) {
    One(v.first);
    One(v.second);
  }
  template <typename T>
  requires std::is_class_v<T>
  void Compound(const T& v) {
    auto& fields = const_cast<T&>(v);  // A Put only reads them.
    if constexpr (requires { fields.Visit(*this); }) {
      fields.Visit(*this);
    } else {
      Fields(*this, fields);
    }
  }
  CanonicalWriter writer_;
};

class Get {
 public:
  static constexpr bool kReads = true;
  explicit Get(ByteView bytes) : reader_(bytes) {}
  template <typename... T>
  void operator()(T&... values) {
    (One(values), ...);
  }
  bool ok() const { return ok_ && reader_.ok(); }
  void Refuse() { ok_ = false; }
  Status Done(std::string_view what) const {
    if (!ok_) {
      return Fail(ErrorCode::kInvalid, std::string(what) + " holds a value out of its form");
    }
    return reader_.Done(what);
  }

  template <typename T>
  void One(T& v) {
    if (!ok()) return;
    if constexpr (std::is_same_v<T, bool>) {
      v = reader_.Bool();
    } else if constexpr (std::is_enum_v<T>) {
      v = static_cast<T>(reader_.U8());
      if (static_cast<uint8_t>(v) > EnumMax(v)) Refuse();
    } else if constexpr (std::is_same_v<T, uint8_t>) {
      v = reader_.U8();
    } else if constexpr (std::is_same_v<T, uint32_t> || std::is_same_v<T, int32_t>) {
      v = static_cast<T>(reader_.U32());
    } else if constexpr (std::is_same_v<T, uint64_t>) {
      v = reader_.U64();
    } else {
      Compound(v);
    }
  }

 private:
  void Compound(std::string& v) { v = reader_.Text(4096); }
  void Compound(Bytes& v) { v = reader_.Blob(kNestedBytesMax); }
  void Compound(Digest& v) { v = reader_.Raw32(); }
  void Compound(Secret& v) { Compound(v.bytes); }
  void Compound(RoundNumber& v) { v.value = reader_.U64(); }
  template <size_t kCount>
  void Compound(std::array<uint8_t, kCount>& v) {
    for (uint8_t& byte : v) byte = reader_.U8();
  }
  template <size_t kCount>
  void Compound(std::array<uint64_t, kCount>& v) {
    for (uint64_t& word : v) word = reader_.U64();
  }
  template <typename Tag>
  void Compound(Name_<Tag>& v) {
    auto name = Name_<Tag>::Parse(reader_.Text(limits::kNameBytesMax));
    if (!name) return Refuse();
    v = std::move(*name);
  }
  template <typename T>
  void Compound(std::optional<T>& v) {
    v.reset();
    if (reader_.Bool()) One(v.emplace());
  }
  template <typename T>
  requires(!std::is_same_v<T, uint8_t>) void Compound(std::vector<T>& v) {
    v.clear();
    const uint32_t n = Count();
    for (uint32_t i = 0; i < n && ok(); ++i) One(v.emplace_back());
  }
  template <typename T>
  void Compound(std::set<T>& v) {
    v.clear();
    const uint32_t n = Count();
    for (uint32_t i = 0; i < n && ok(); ++i) {
      T one{};
      One(one);
      if (!v.empty() && !(*v.rbegin() < one)) return Refuse();
      v.insert(v.end(), std::move(one));
    }
  }
  template <typename K, typename T>
  void Compound(std::map<K, T>& v) {
    v.clear();
    const uint32_t n = Count();
    for (uint32_t i = 0; i < n && ok(); ++i) {
      K key{};
      One(key);
      if (!v.empty() && !(v.rbegin()->first < key)) return Refuse();
      One(v[key]);
    }
  }
  template <typename A, typename B>
  void Compound(std::pair<A, B>& v) {
    One(v.first);
    One(v.second);
  }
  template <typename T>
  requires std::is_class_v<T>
  void Compound(T& v) {
    if constexpr (requires { v.Visit(*this); }) {
      v.Visit(*this);
    } else {
      Fields(*this, v);
    }
  }
  // Every element takes at least a byte.
  uint32_t Count() {
    const uint32_t n = reader_.U32();
    if (n > reader_.remaining() || n > kListMax) Refuse();
    return ok() ? n : 0;
  }
  CanonicalReader reader_;
  bool ok_ = true;
};

}  // namespace dure::masking
