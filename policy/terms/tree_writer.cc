#include "policy/terms/tree_writer.h"

#include <nlohmann/json.hpp>

#include "policy/terms/decimal.h"

namespace dure::terms {

using nlohmann::ordered_json;

TreeWriter::TreeWriter() { Open(); }
TreeWriter::~TreeWriter() = default;

void TreeWriter::Open() { levels_.push_back(ordered_json::object()); }

void TreeWriter::CloseAs(const char* name) {
  ordered_json group = std::move(levels_.back());
  levels_.pop_back();
  if (!group.empty()) levels_.back()[name] = std::move(group);
}

void TreeWriter::CloseInto(const char* name) {
  ordered_json item = std::move(levels_.back());
  levels_.pop_back();
  levels_.back()[name].push_back(std::move(item));
}

void TreeWriter::Put(const char* name, std::string_view text) { levels_.back()[name] = text; }

void TreeWriter::Append(const char* name, std::string_view text) {
  levels_.back()[name].push_back(text);
}

void TreeWriter::Code(const char* name, std::string& value) {
  if (!value.empty()) Put(name, value);
}

void TreeWriter::Flag(const char* name, bool& value, bool unsaid) {
  if (value != unsaid) levels_.back()[name] = value;
}

void TreeWriter::Count(const char* name, uint64_t& value, uint64_t unsaid) {
  if (value != unsaid) levels_.back()[name] = value;
}

void TreeWriter::Count(const char* name, std::optional<uint64_t>& value) {
  if (value) levels_.back()[name] = *value;
}

void TreeWriter::Millionths(const char* name, std::optional<uint64_t>& value) {
  if (value) Put(name, FormatMillionths(*value));
}

void TreeWriter::Time(const char* name, std::optional<Instant>& value, DayPart) {
  if (value) Put(name, FormatInstant(*value));
}

void TreeWriter::Commitment(const char* name, std::optional<Digest>& value) {
  if (value) Put(name, value->Hex());
}

void TreeWriter::Where(const char* name, Places& value) {
  if (value.anywhere) {
    Append(name, kAnywhere);
  } else {
    Countries(name, value.countries);
  }
}

void TreeWriter::Countries(const char* name, std::set<std::string>& value) {
  for (const std::string& country : value) Append(name, country);
}

void TreeWriter::Duo(DuoCode& value) {
  Put("code", FormatDuo(value.number));
  for (const std::string& item : value.values) Append("values", item);
}

ordered_json TreeWriter::Take() { return std::move(levels_.front()); }

}  // namespace dure::terms
