// JSON from outside, read strictly: bounded, no repeated key, no field of another type. Used only
// inside this room's .cc files; the JSON library stays out of the public headers.
#pragma once

#include <cstdint>
#include <nlohmann/json_fwd.hpp>
#include <optional>
#include <string>
#include <string_view>

#include "federation/digest.h"
#include "federation/signer.h"

namespace dure::ledger {

// JSON numbers are doubles to many readers; beyond 2^53 they would no longer agree on the value.
inline constexpr uint64_t kJsonCountMax = uint64_t{1} << 53;

// One object at the top. nullopt: not JSON, deeper than 8, or an object with the same key twice
// (two readers could take two different values from the same signed bytes).
std::optional<nlohmann::json> ParseStrictJson(std::string_view text);

// Reads fields of an object; after the first failure every read returns an empty value and error()
// says which.
class FieldReader {
 public:
  // `object` must outlive the reader. A value that is no object fails at once.
  FieldReader(const nlohmann::json& object, std::string_view what);

  bool Has(const char* name) const;
  const nlohmann::json& Object(const char* name);
  const nlohmann::json& Array(const char* name, size_t items_max);
  std::string Text(const char* name, size_t bytes_max);
  std::string Code(const char* name, bool may_be_empty = false);  // [a-z0-9-], at most 64
  uint64_t Count(const char* name);                               // 0 .. kJsonCountMax
  double Finite(const char* name);
  bool Flag(const char* name);
  Digest Hash(const char* name);    // 64 lower-case hex digits
  PublicKey Key(const char* name);  // the same
  template <typename Id>
  Id Named(const char* name) {
    Result<Id> id = Id::Parse(Text(name, 64));
    if (!id) Blame(name, id.error().message);
    return id ? std::move(*id) : Id();
  }

  void Blame(const char* name, std::string_view why);
  // Takes over another reader's failure.
  void Join(const Status& other);
  const Status& error() const { return error_; }

 private:
  const nlohmann::json& Field(const char* name);
  Bytes Hex32(const char* name);

  const nlohmann::json& object_;
  std::string what_;
  Status error_;
};

bool IsCode(std::string_view text);     // 1..64 of [a-z0-9-]
bool IsRfc3339(std::string_view text);  // 2026-11-24T01:02:03Z, exactly of this form

}  // namespace dure::ledger
