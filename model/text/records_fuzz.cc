// Tables and JSON records from outside: any bytes give rows, bad rows or an error, and reading
// ends.
#include "federation/bytes.h"
#include "federation/check.h"
#include "model/text/records.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using dure::text::TableReader;
  const std::string_view text = dure::AsText({data, size});
  for (const auto quoting : {TableReader::Quoting::kNone, TableReader::Quoting::kDoubleQuotes}) {
    TableReader reader(text, ',', quoting);
    dure::text::Row row;
    size_t steps = 0;
    while (reader.Next(&row) != TableReader::Step::kEnd) {
      DURE_CHECK(++steps <= size, "every step takes at least a byte");
    }
  }
  (void)dure::text::ReadRecord(text);
  (void)dure::text::ReadRecords(text, [](const auto&) { return true; });
  return 0;
}
