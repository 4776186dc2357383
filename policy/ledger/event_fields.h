// Fields that several events share, in JSON. Inside this room's .cc files only.
#pragma once

#include <nlohmann/json_fwd.hpp>
#include <string>
#include <vector>

#include "policy/ledger/json_text.h"
#include "policy/ledger/policy_events.h"

namespace dure::ledger {

inline constexpr size_t kIndexesMax = 1024;

template <typename Enum>
Enum ReadName(FieldReader& in, const char* name, Result<Enum> (*parse)(std::string_view)) {
  const Result<Enum> value = parse(in.View(name, 32));
  if (!value) in.Blame(name, value.error().message);
  return value.value_or(Enum{});
}

std::vector<uint64_t> ReadIndexes(FieldReader& in, const char* name, size_t items_max);
std::vector<SiteId> ReadSites(FieldReader& in, const char* name);
void WriteWhat(const DatasetVersion& what, nlohmann::json& out);
DatasetVersion ReadWhat(FieldReader& in);

// kInvalid, with `what` in the message.
Status Rising(const std::vector<uint64_t>& indexes, const std::string& what);
Status Country(const std::string& code, const char* what);
Status Time(const std::string& text, const char* what);
Status Object(const std::string& text, const char* what);
std::string Entry(std::string_view what, uint64_t index);  // "entry/7"

}  // namespace dure::ledger
