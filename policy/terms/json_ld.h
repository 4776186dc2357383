// JSON-LD as people write it: one value or a list, short names, prefixed names and whole IRIs.
// Inside this room only. What is not one of the expected spellings is no word, so that a name of
// somebody else's vocabulary is never taken for ours.
#pragma once

#include <initializer_list>
#include <nlohmann/json_fwd.hpp>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "federation/result.h"

namespace dure::terms {

// kInvalid: no JSON object, deeper than 64, or a name twice in one object, of which a reader would
// see only one. Total.
Result<nlohmann::ordered_json> ParseJsonLd(std::string_view text);

// How the names of a vocabulary may begin: "", "odrl:", "http://www.w3.org/ns/odrl/2/".
using Spellings = std::span<const std::string_view>;
extern const Spellings kOdrlNames;
extern const Spellings kSchemaNames;
extern const Spellings kDureNames;

// `text` without what its vocabulary's names begin with; empty: a name of another vocabulary.
std::string WordIn(Spellings spellings, std::string_view text);

using Found = std::vector<const nlohmann::ordered_json*>;
// Everything that stands under `name` in any spelling; lists are opened, nothing (null, "", [])
// is left out. Empty if `object` is no object.
Found ValuesOf(const nlohmann::ordered_json& object, Spellings spellings, std::string_view name);

// A text, an @id or an @value; empty: none of these.
std::string TextIn(const nlohmann::ordered_json& value);

// The names in `object` that are none of `known`, as they stand there.
std::vector<std::string> OtherThan(const nlohmann::ordered_json& object, Spellings spellings,
                                   std::span<const std::string_view> known);
inline std::vector<std::string> OtherThan(const nlohmann::ordered_json& object, Spellings spellings,
                                          std::initializer_list<std::string_view> known) {
  return OtherThan(object, spellings, std::span(known.begin(), known.size()));
}

// At most `bytes_max`, cut between two characters of UTF-8.
std::string CutText(std::string text, size_t bytes_max);
// As a remark shows it.
std::string Short(std::string_view text);

}  // namespace dure::terms
