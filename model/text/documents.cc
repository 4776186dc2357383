#include "model/text/documents.h"

#include <algorithm>
#include <cctype>
#include <map>

#include "federation/canonical.h"
#include "federation/data_files.h"
#include "model/text/columns.h"
#include "model/text/mapped_file.h"
#include "model/text/pretokenize.h"
#include "model/text/records.h"

namespace dure::text {
namespace {

namespace fs = std::filesystem;

constexpr size_t kHashedAtOnce = size_t{64} << 20;

Result<DataFiles> ListFiles(const Source& source) {
  DURE_ASSIGN(DataFiles found, ListDataFiles(source.path));
  for (size_t i = 0; i < source.more.size(); ++i) {
    DURE_ASSIGN(const DataFiles others, ListDataFiles(source.more[i]));
    const std::string place = std::to_string(i + 2) + "/";
    for (const DataFile& file : others.files) found.files.push_back({file.path, place + file.name});
    for (const std::string& link : others.links) found.links.push_back(place + link);
  }
  if (found.files.size() <= kDataFilesMax) return found;
  return Fail(ErrorCode::kExhausted, "the data holds more than a million files");
}

// Text of another encoding would be learned as noise: most bytes of Korean in EUC-KR or CP949, and
// one in fifty of French in Latin-1, belong to no character of UTF-8. A slip in a long text does no
// harm and costs nobody the text.
bool IsUtf8(std::string_view text) {
  size_t wrong = 0;
  for (size_t at = 0; at < text.size();) {
    const size_t length = Utf8Length(text, at);
    wrong += length == 0 ? 1 : 0;
    at += std::max<size_t>(length, 1);
  }
  return 1000 * wrong <= text.size();
}

constexpr std::string_view kNotUtf8 =
    "is not UTF-8 text (Korean of older programs: iconv -f CP949 -t UTF-8)";
constexpr std::string_view kIsUtf16 =
    "is not UTF-8 text but UTF-16 (\"Unicode text\" of Excel: iconv -f UTF-16 -t UTF-8)";

// A name of somebody's file or column, as it may stand in a line that a terminal shows.
std::string Printable(std::string_view name) {
  std::string printable(name);
  for (char& c : printable) {
    if (static_cast<unsigned char>(c) < 0x20 || c == 0x7f) c = '?';
  }
  return printable;
}

// Those that look like names: where a table has no header, its first row is somebody's text.
std::string NamesAmong(const std::vector<std::string>& columns) {
  constexpr size_t kNamesMax = 8;
  constexpr size_t kNameBytesMax = 32;
  const auto is_of_names = [](char c) {
    return static_cast<unsigned char>(c) >= 0x80 || std::isalnum(static_cast<unsigned char>(c)) ||
           c == '_' || c == '-' || c == '.';
  };
  std::string names;
  size_t shown = 0;
  for (const std::string& column : columns) {
    if (column.empty() || column.size() > kNameBytesMax || shown == kNamesMax) continue;
    if (!std::ranges::all_of(column, is_of_names)) continue;
    names += (shown++ == 0 ? "" : ", ") + column;
  }
  return shown < columns.size() ? names + (shown == 0 ? "" : ", ") + "..." : names;
}

std::string Joined(const std::vector<std::string>& names) {
  std::string joined;
  for (const std::string& name : names) joined += (joined.empty() ? "" : ", ") + Printable(name);
  return joined;
}

// `wanted` empty: none was named, and none reads like text.
std::string Lacking(const std::string& kind, const std::vector<std::string>& wanted,
                    const std::vector<std::string>& there) {
  const std::string what = wanted.empty() ? "has no " + kind + " that reads like text"
                                          : "lacks the text " + kind + " " + Joined(wanted);
  return there.empty() ? what : what + "; it has " + NamesAmong(there);
}

// Of one file, so that the reasons of others find room.
constexpr uint64_t kRowsNotedMax = 4;

// Reads one source from its first file to its last.
class Reading {
 public:
  Reading(const Source& source, const std::function<bool(std::string_view)>& visit)
      : source_(source), visit_(visit) {}

  // False: the visitor has seen enough.
  bool ReadFile(const DataFile& file) {
    ++report.files;
    name_ = Printable(file.name);
    rows_noted_ = 0;
    const auto mapped = MappedFile::Open(file.path);
    if (!mapped) return LeaveOut("cannot be read");
    const std::string_view text = mapped->text();
    constexpr size_t kBinaryLookBytes = 8192;
    if (text.starts_with("\xff\xfe") || text.starts_with("\xfe\xff")) return LeaveOut(kIsUtf16);
    if (text.substr(0, kBinaryLookBytes).find('\0') != std::string_view::npos) {
      return LeaveOut("is not UTF-8 text");
    }
    std::string ending = file.path.extension().string();
    for (char& c : ending) c = static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
    if (ending == ".csv") return ReadTable(text, ',', TableReader::Quoting::kDoubleQuotes);
    if (ending == ".tsv") return ReadTable(text, '\t', TableReader::Quoting::kNone);
    if (ending == ".jsonl" || ending == ".ndjson") return ReadLines(text);
    if (ending == ".json") return ReadJson(text);
    if (IsBlank(text)) return LeaveOut("is empty");
    return IsUtf8(text) ? Give(text) : LeaveOut(kNotUtf8);
  }

  void LeaveOutLink(const std::string& name) {
    ++report.files;
    name_ = Printable(name);
    LeaveOut("is a link, which is not followed");
  }

  ReadReport report;

 private:
  void Note(std::string_view what) {
    if (report.notes.size() < kNotesMax) report.notes.push_back(name_ + " " + std::string(what));
  }
  bool LeaveOut(std::string_view why) {
    ++report.files_left_out;
    Note(why);
    return true;
  }
  bool BadRow(uint64_t row, std::string_view why) {
    ++report.bad_rows;
    // How to convert it is said once a file.
    if (why == kNotUtf8 && rows_noted_ > 0) why = "is not UTF-8 text";
    if (rows_noted_++ < kRowsNotedMax) Note("row " + std::to_string(row) + ": " + std::string(why));
    return true;
  }
  static bool IsBlank(std::string_view text) {
    return text.find_first_not_of(" \t\r\n") == std::string_view::npos;
  }
  bool Give(std::string_view text) {
    ++report.documents;
    report.bytes += text.size();
    return visit_(text);
  }
  bool GiveOfRow(uint64_t number, std::string_view text) {
    return IsBlank(text) ? BadRow(number, "has no text") : Give(text);
  }

  // The chosen fields of a record as one document.
  bool GiveFields(uint64_t number, const std::vector<std::string>& columns,
                  const std::vector<Field>& record) {
    const auto is_wanted = [&](const Field& field) {
      return std::ranges::find(columns, field.name) != columns.end();
    };
    if (!source_.columns.empty() && std::ranges::none_of(record, is_wanted)) {
      std::vector<std::string> there;
      for (const Field& field : record) there.push_back(field.name);
      return BadRow(number, Lacking("field", columns, there));
    }
    std::string text;
    for (const std::string& column : columns) {
      for (const Field& field : record) {
        if (field.name != column || field.text.empty()) continue;
        if (!text.empty()) text += '\n';
        text += field.text;
      }
    }
    return GiveOfRow(number, text);
  }

  bool ReadTable(std::string_view text, char separator, TableReader::Quoting quoting) {
    TableReader reader(text, separator, quoting);
    Row header;
    if (reader.Next(&header) != TableReader::Step::kRow) return LeaveOut("has no header row");
    const ColumnChoice choice =
        ChooseColumns(source_.columns, SampleTable(TableReader(text, separator, quoting), header));
    std::map<std::string_view, size_t> place_of;  // the first of columns with one name
    for (size_t i = 0; i < header.size(); ++i) place_of.emplace(header[i], i);
    std::vector<size_t> places;
    for (const std::string& column : choice.names) {
      if (const auto found = place_of.find(column); found != place_of.end()) {
        places.push_back(found->second);
      }
    }
    if (places.empty() || places.size() < choice.names.size()) {
      return LeaveOut(Lacking("column", choice.names, header));
    }
    // A first row that reads like the others is no header.
    const bool headless =
        choice.by_content && std::any_of(places.begin(), places.end(), [&header](size_t place) {
          return ReadsLikeText(header[place]);
        });
    if (headless && !GiveRow(1, places, header)) return false;
    return ReadRows(&reader, places, header.size());
  }

  bool ReadRows(TableReader* reader, const std::vector<size_t>& places, size_t width) {
    Row row;
    for (;;) {
      const TableReader::Step step = reader->Next(&row);
      if (step == TableReader::Step::kEnd) return true;
      if (step == TableReader::Step::kBadRow) {
        BadRow(reader->row_number(), reader->bad_because());
      } else if (row.size() != width) {
        BadRow(reader->row_number(),
               std::to_string(row.size()) + " columns, not " + std::to_string(width));
      } else if (!GiveRow(reader->row_number(), places, row)) {
        return false;
      }
    }
  }

  bool GiveRow(uint64_t number, const std::vector<size_t>& places, const Row& row) {
    std::string text;
    for (const size_t place : places) {
      if (row[place].empty()) continue;
      if (!text.empty()) text += '\n';
      text += row[place];
    }
    return IsUtf8(text) ? GiveOfRow(number, text) : BadRow(number, kNotUtf8);
  }

  static std::vector<std::vector<Field>> SampleTable(TableReader reader, const Row& header) {
    std::vector<std::vector<Field>> sample;
    Row row;
    if (reader.Next(&row) != TableReader::Step::kRow) return sample;
    while (sample.size() < kSampledRowsMax) {
      const TableReader::Step step = reader.Next(&row);
      if (step == TableReader::Step::kEnd) break;
      if (step == TableReader::Step::kBadRow || row.size() != header.size()) continue;
      std::vector<Field> fields;
      for (size_t i = 0; i < row.size(); ++i) fields.push_back({header[i], row[i]});
      sample.push_back(std::move(fields));
    }
    // A table of a header alone still says what its columns are called.
    if (sample.empty()) {
      for (const std::string& name : header) sample.push_back({{name, ""}});
    }
    return sample;
  }

  // Lines of JSON; `each` gets the number and the line, false ends.
  template <typename Each>
  static bool ForEachLine(std::string_view text, const Each& each) {
    uint64_t number = 0;
    while (!text.empty()) {
      const size_t end = std::min(text.find('\n'), text.size());
      const std::string_view line = text.substr(0, end);
      text.remove_prefix(std::min(end + 1, text.size()));
      ++number;
      if (line.find_first_not_of(" \t\r") == std::string_view::npos) continue;
      if (!each(number, line)) return false;
    }
    return true;
  }

  bool ReadLines(std::string_view text) {
    std::vector<std::vector<Field>> sample;
    ForEachLine(text, [&sample](uint64_t number, std::string_view line) {
      auto record = line.size() > kRecordBytesMax ? std::vector<Field>{}
                                                  : ReadRecord(line).value_or(std::vector<Field>{});
      if (!record.empty()) sample.push_back(std::move(record));
      return sample.size() < kSampledRowsMax && number < 16 * kSampledRowsMax;
    });
    const ColumnChoice choice = ChooseColumns(source_.columns, sample);
    if (choice.names.empty()) return LeaveOut("has no field that reads like text");
    return ForEachLine(text, [this, &choice](uint64_t number, std::string_view line) {
      if (line.size() > kRecordBytesMax) return BadRow(number, "is too long");
      const auto record = ReadRecord(line);
      if (!record) return BadRow(number, record.error().message);
      return GiveFields(number, choice.names, *record);
    });
  }

  bool ReadJson(std::string_view text) {
    if (text.size() > kJsonFileBytesMax) return LeaveOut("is too large: use JSON lines");
    std::vector<std::vector<Field>> records;
    std::vector<uint64_t> numbers;  // theirs in the file
    uint64_t number = 0;
    const Status read = ReadRecords(text, [&](const Result<std::vector<Field>>& record) {
      ++number;
      if (!record) return BadRow(number, record.error().message);
      records.push_back(*record);
      numbers.push_back(number);
      return true;
    });
    if (!read) return LeaveOut("is " + read.error().message);
    const size_t sampled = std::min(records.size(), kSampledRowsMax);
    const ColumnChoice choice = ChooseColumns(
        source_.columns, {records.begin(), records.begin() + static_cast<ptrdiff_t>(sampled)});
    if (choice.names.empty()) return LeaveOut("has no field that reads like text");
    for (size_t i = 0; i < records.size(); ++i) {
      if (!GiveFields(numbers[i], choice.names, records[i])) return false;
    }
    return true;
  }

  const Source& source_;
  const std::function<bool(std::string_view)>& visit_;
  std::string name_;
  uint64_t rows_noted_ = 0;  // of the file that is read
};

Result<Digest> DigestOf(ByteView bytes, const std::function<bool()>& keep_going) {
  Sha256Hasher hasher;
  do {
    if (keep_going && !keep_going()) {
      return Fail(ErrorCode::kCancelled, "asked to stop while reading data");
    }
    const ByteView piece = bytes.first(std::min(bytes.size(), kHashedAtOnce));
    hasher.Update(piece);
    bytes = bytes.subspan(piece.size());
  } while (!bytes.empty());
  return hasher.Finish();
}

}  // namespace

Result<ReadReport> ReadDocuments(const Source& source,
                                 const std::function<bool(std::string_view)>& visit) {
  DURE_ASSIGN(const DataFiles found, ListFiles(source));
  Reading reading(source, visit);
  for (const std::string& link : found.links) reading.LeaveOutLink(link);
  for (const DataFile& file : found.files) {
    if (!reading.ReadFile(file)) break;
  }
  if (reading.report.documents == 0) {
    std::string why = "nothing in " + source.path.string() + " holds text";
    for (const std::string& note : reading.report.notes) why += "; " + note;
    return Fail(ErrorCode::kInvalid, std::move(why));
  }
  return std::move(reading.report);
}

Result<SourceIdentity> IdentifySource(const Source& source,
                                      const std::function<bool()>& keep_going) {
  DURE_ASSIGN(const DataFiles found, ListFiles(source));
  SourceIdentity identity;
  CanonicalWriter writer;
  writer.Text("dure-source-1").U32(static_cast<uint32_t>(source.columns.size()));
  for (const std::string& column : source.columns) writer.Text(column);
  Sha256Hasher hasher;
  hasher.Update(writer.bytes());
  for (const DataFile& file : found.files) {
    const auto mapped = MappedFile::Open(file.path);
    // Left out when read too; its name still tells the source from one without it.
    const ByteView bytes = mapped ? mapped->bytes() : ByteView{};
    DURE_ASSIGN(const Digest digest, DigestOf(bytes, keep_going));
    CanonicalWriter entry;
    entry.Text(file.name).Bool(mapped.has_value()).U64(bytes.size()).Raw32(digest);
    hasher.Update(entry.bytes());
    identity.bytes += bytes.size();
  }
  identity.digest = hasher.Finish();
  return identity;
}

}  // namespace dure::text
