// Fields of a JSON object from outside, read strictly: bounded, and none of another type. Used only
// inside this room's .cc files.
#pragma once

#include <array>
#include <cstdint>
#include <string>
#include <string_view>

#include "federation/digest.h"
#include "federation/signer.h"
#include "policy/ledger/json_tree.h"

namespace dure::ledger {

// JSON numbers are doubles to many readers; beyond 2^53 they would no longer agree on the value.
inline constexpr uint64_t kJsonCountMax = uint64_t{1} << 53;

// Reads fields of an object; after the first failure every read returns an empty value and error()
// says which.
class FieldReader {
 public:
  // `object` and `what` must outlive the reader. A value that is no object fails at once.
  FieldReader(const JsonNode& object, std::string_view what);

  bool Has(const char* name) const;
  const JsonNode& Object(const char* name);
  JsonItems Array(const char* name, size_t items_max);
  std::string Text(const char* name, size_t bytes_max) {
    return std::string(View(name, bytes_max));
  }
  // The same, for a reader that keeps no copy: lives as long as the tree.
  std::string_view View(const char* name, size_t bytes_max);
  std::string Code(const char* name, bool may_be_empty = false);  // [a-z0-9-], at most 64
  uint64_t Count(const char* name);                               // 0 .. kJsonCountMax
  double Finite(const char* name);
  bool Flag(const char* name);
  Digest Hash(const char* name);    // 64 lower-case hex digits
  PublicKey Key(const char* name);  // the same
  template <typename Id>
  Id Named(const char* name) {
    Result<Id> id = Id::Parse(View(name, 64));
    if (!id) Blame(name, id.error().message);
    return id ? std::move(*id) : Id();
  }

  void Blame(const char* name, std::string_view why);
  // Takes over another reader's failure.
  void Join(const Status& other);
  const Status& error() const { return error_; }

 private:
  const JsonNode& Field(const char* name);
  void Hex32(const char* name, std::array<uint8_t, 32>& bytes);

  const JsonNode& object_;
  std::string_view what_;
  Status error_;
};

bool IsCode(std::string_view text);     // 1..64 of [a-z0-9-]
bool IsRfc3339(std::string_view text);  // 2026-11-24T01:02:03Z, exactly of this form

}  // namespace dure::ledger
