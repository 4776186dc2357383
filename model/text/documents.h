// Documents: the texts in a site's private data, whatever files hold them.
//
// A source is a file or a folder (read recursively in path order; federation/data_files.h says
// which files: no hidden ones, and no links). By ending: .csv and .tsv are tables with a header
// row, .jsonl and .ndjson hold one JSON record a line, .json an array of records or an object with
// one such array; everything else that is text
// (.txt, .md, .rst, source code, no ending) is one document a file. Files with a NUL byte near
// their start are binary and left out; so are files, rows and records of which more than a byte in
// a thousand is no UTF-8: they are of another encoding.
//
// A bad row or file is counted and noted, never fatal. Texts are visited and forgotten: nothing
// here keeps or logs them; notes name files, rows and columns only.
#pragma once

#include <cstdint>
#include <filesystem>
#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "federation/digest.h"
#include "federation/result.h"

namespace dure::text {

struct Source {
  std::filesystem::path path;
  // Columns of tables and fields of records that hold text, joined by a line feed in this order.
  // Empty: a column named text, document, content, ... if there is one, otherwise every column that
  // reads like text.
  std::vector<std::string> columns;
  std::vector<std::filesystem::path> more = {};  // read after `path`, in this order
};

struct ReadReport {
  uint64_t files = 0;
  uint64_t files_left_out = 0;  // a link, empty, binary, unreadable, or without a text column
  uint64_t documents = 0;
  uint64_t bytes = 0;     // of the documents' text
  uint64_t bad_rows = 0;  // wrong number of columns, bad quotes, bad JSON, not UTF-8, no text
  std::vector<std::string>
      notes;  // reasons, kNotesMax at most and few rows a file: "a.tsv row 17: 3 columns, not 2"
};

inline constexpr size_t kNotesMax = 16;
inline constexpr uint64_t kJsonFileBytesMax = uint64_t{1}
                                              << 30;         // a .json file is parsed as a whole
inline constexpr size_t kRecordBytesMax = size_t{16} << 20;  // one row or line

// Calls `visit` for every document in a fixed order; it returns false to end early. A document is
// not empty and is valid only during the call. Errors as of ListDataFiles; kInvalid also: nothing
// in it holds text.
Result<ReadReport> ReadDocuments(const Source& source,
                                 const std::function<bool(std::string_view)>& visit);

struct SourceIdentity {
  Digest digest;       // of paths below the source, contents and columns
  uint64_t bytes = 0;  // of all files
};
// `keep_going` is asked once a file, and about each second of a large one; false ends with
// kCancelled. Other errors as of ListDataFiles.
Result<SourceIdentity> IdentifySource(const Source& source,
                                      const std::function<bool()>& keep_going = {});

}  // namespace dure::text
