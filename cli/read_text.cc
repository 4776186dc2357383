#include "cli/read_text.h"

#include <algorithm>

#include "cli/language.h"
#include "model/text/tokenizer.h"

namespace dure::cli {
namespace {

constexpr size_t kReasonsShown = 4;

std::string CountOf(uint64_t count, const std::string& what) {
  return std::to_string(count) + " " + what + (count == 1 ? "" : "s");
}

}  // namespace

std::string ReadText(const text::ReadReport& report, const Context& context) {
  const bool korean = IsKorean(context);
  std::string line =
      Pick(korean, CountOf(report.documents, "document") + " of " + CountOf(report.files, "file"),
           "파일 " + std::to_string(report.files) + "개에서 글 " +
               std::to_string(report.documents) + "편을 읽었습니다");
  if (report.files_left_out == 0 && report.bad_rows == 0) return line;
  line += Pick(korean,
               "; left out: " + CountOf(report.files_left_out, "file") + ", " +
                   CountOf(report.bad_rows, "row"),
               ". 제외: 파일 " + std::to_string(report.files_left_out) + "개, 행 " +
                   std::to_string(report.bad_rows) + "개");
  const size_t shown = std::min(report.notes.size(), kReasonsShown);
  for (size_t i = 0; i < shown; ++i) line += (i == 0 ? " (" : "; ") + report.notes[i];
  if (shown > 0) line += shown < report.notes.size() ? "; ...)" : ")";
  return line;
}

Result<CountedText> CountText(const std::string& path, const std::vector<std::string>& columns,
                              const std::string& tokenizer) {
  std::optional<text::Tokenizer> counter;
  if (!tokenizer.empty()) {
    DURE_ASSIGN(counter, text::Tokenizer::Load(tokenizer));
  }
  CountedText counted;
  if (counter) counted.tokens = 0;
  const auto count = [&](std::string_view document) {
    if (counter) *counted.tokens += counter->Encode(document).size();
    return true;
  };
  DURE_ASSIGN(counted.report, text::ReadDocuments({.path = path, .columns = columns}, count));
  return counted;
}

}  // namespace dure::cli
