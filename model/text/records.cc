#include "model/text/records.h"

#include <algorithm>
#include <nlohmann/json.hpp>

#include "model/text/columns.h"
#include "model/text/documents.h"

namespace dure::text {
namespace {

using Json = nlohmann::ordered_json;

constexpr std::string_view kQuotes = "quotes do not match";
static_assert(kRecordBytesMax == size_t{16} << 20, "the texts below name it");

std::vector<Field> FieldsOf(const Json& object) {
  std::vector<Field> fields;
  for (const auto& [name, value] : object.items()) {
    if (value.is_string()) fields.push_back({name, value.get<std::string>()});
  }
  return fields;
}

// A file for each document: its text lies in a field of a usual name, beside whatever else.
bool IsOneDocument(const Json& object) {
  const std::vector<Field> fields = FieldsOf(object);
  const ColumnChoice choice = ChooseColumns({}, {fields});
  return !choice.by_content && std::ranges::any_of(fields, [&choice](const Field& field) {
    return std::ranges::find(choice.names, field.name) != choice.names.end() &&
           ReadsLikeText(field.text);
  });
}

// The array of records; null: the root is none and holds none.
const Json* FindRecords(const Json& root) {
  if (root.is_array()) return &root;
  if (!root.is_object() || IsOneDocument(root)) return nullptr;
  for (const auto& item : root.items()) {
    const Json& value = item.value();
    if (value.is_array() && !value.empty() && value[0].is_object()) return &value;
  }
  return nullptr;
}

Result<std::vector<Field>> ItemFields(const Json& item) {
  if (item.is_object()) return FieldsOf(item);
  if (item.is_string()) return std::vector<Field>{{"text", item.get<std::string>()}};
  return Fail(ErrorCode::kInvalid, "not an object");
}

}  // namespace

TableReader::TableReader(std::string_view bytes, char separator, Quoting quoting)
    : bytes_(bytes), separator_(separator), quoting_(quoting) {
  if (bytes_.starts_with("\xef\xbb\xbf"))
    at_ = 3;  // a byte order mark is no part of a column's name
}

TableReader::Step TableReader::Next(Row* row) {
  while (at_ < bytes_.size() && AtLineEnd()) ++at_;
  if (at_ == bytes_.size()) return Step::kEnd;
  ++row_number_;
  row->clear();
  const size_t begin = at_;
  const Step step = ReadRow(row);
  if (step == Step::kBadRow) {
    // An open quote may have eaten the file: go on behind the line where the row began.
    at_ = begin;
    SkipLine();
  }
  return step;
}

TableReader::Step TableReader::ReadRow(Row* row) {
  const size_t end_max = std::min(bytes_.size(), at_ + kRecordBytesMax);
  for (;;) {
    std::string field;
    if (quoting_ == Quoting::kDoubleQuotes && at_ < bytes_.size() && bytes_[at_] == '"') {
      if (!ReadQuoted(&field)) return Step::kBadRow;
    } else {
      const size_t begin = at_;
      while (!AtLineEnd() && bytes_[at_] != separator_) ++at_;
      field = bytes_.substr(begin, at_ - begin);
    }
    if (at_ > end_max) {
      bad_because_ = "is longer than 16 MiB";
      return Step::kBadRow;
    }
    row->push_back(std::move(field));
    if (AtLineEnd()) return Step::kRow;
    if (bytes_[at_] != separator_) {
      bad_because_ = kQuotes;
      return Step::kBadRow;
    }
    ++at_;
  }
}

bool TableReader::ReadQuoted(std::string* field) {
  const size_t end_max = std::min(bytes_.size(), at_ + kRecordBytesMax);
  for (++at_; at_ < end_max; ++at_) {
    if (bytes_[at_] != '"') {
      field->push_back(bytes_[at_]);
    } else if (at_ + 1 < bytes_.size() && bytes_[at_ + 1] == '"') {
      field->push_back('"');
      ++at_;
    } else {
      ++at_;
      return true;
    }
  }
  bad_because_ =
      end_max < bytes_.size() ? "has a quote left open, or a field of more than 16 MiB" : kQuotes;
  return false;
}

void TableReader::SkipLine() { at_ = std::min(bytes_.size(), bytes_.find('\n', at_)); }

Result<std::vector<Field>> ReadRecord(std::string_view json) {
  const Json record = Json::parse(json, nullptr, false);
  if (!record.is_object()) return Fail(ErrorCode::kInvalid, "not a JSON object");
  return FieldsOf(record);
}

Status ReadRecords(std::string_view json,
                   const std::function<bool(const Result<std::vector<Field>>&)>& visit) {
  const Json root = Json::parse(json, nullptr, false);
  if (root.is_discarded()) return Fail(ErrorCode::kInvalid, "not valid JSON");
  const Json* records = FindRecords(root);
  if (records == nullptr) {
    std::vector<Field> fields = root.is_object() ? FieldsOf(root) : std::vector<Field>{};
    if (fields.empty()) {
      return Fail(ErrorCode::kInvalid, "neither a record nor an array of records");
    }
    visit(std::move(fields));
    return {};
  }
  for (const Json& item : *records) {
    if (!visit(ItemFields(item))) break;
  }
  return {};
}

}  // namespace dure::text
