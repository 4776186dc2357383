// Rows of tables and JSON records, cut from bytes without copying the file. Total: any bytes give
// rows and bad rows, never a failure. Used by documents.cc only.
#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "federation/result.h"

namespace dure::text {

using Row = std::vector<std::string>;

// Rows of a CSV (RFC 4180: quoted fields hold separators, line ends and doubled quotes; also LF
// alone) or TSV (no quoting: a quote is a quote) file.
class TableReader {
 public:
  enum class Quoting { kNone, kDoubleQuotes };
  TableReader(std::string_view bytes, char separator, Quoting quoting);

  enum class Step { kRow, kBadRow, kEnd };
  // Fills `row`; blank lines are skipped. kBadRow: a quote left open, text behind a closing quote,
  // or longer than kRecordBytesMax; reading goes on at the next line.
  Step Next(Row* row);
  // Counted from 1, the header included: of the row read last.
  uint64_t row_number() const { return row_number_; }
  std::string_view bad_because() const { return bad_because_; }  // of the bad row read last

 private:
  Step ReadRow(Row* row);
  bool ReadQuoted(std::string* field);
  void SkipLine();
  bool AtLineEnd() const {
    return at_ == bytes_.size() || bytes_[at_] == '\n' || bytes_[at_] == '\r';
  }

  std::string_view bytes_;
  size_t at_ = 0;
  char separator_;
  Quoting quoting_;
  uint64_t row_number_ = 0;
  std::string_view bad_because_;
};

// String fields of one JSON record, in the order asked for.
// `columns` empty: all string fields by name in the record's order.
struct Field {
  std::string name;
  std::string text;
};

// The string fields at the top level of a JSON object, in its own order. kInvalid: not an object.
Result<std::vector<Field>> ReadRecord(std::string_view json);

// The records of a JSON file: of an array, or of the first member of an object that is an array of
// objects. Array items that are strings become a record with one field "text". An object with a
// text of a usual name, or without such an array, is one record itself. A bad item is given as an
// error. kInvalid: none of these.
Status ReadRecords(std::string_view json,
                   const std::function<bool(const Result<std::vector<Field>>&)>& visit);

}  // namespace dure::text
