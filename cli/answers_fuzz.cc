// What an aggregator sends to whoever watches a run or compares models: any text is shown or
// refused, and nothing of it reaches the terminal as a control character.
#include <algorithm>
#include <sstream>

#include "cli/evaluation_table.h"
#include "cli/progress_view.h"
#include "federation/bytes.h"
#include "federation/check.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace dure::cli;
  const std::string text(dure::AsText({data, size}));
  if (const auto progress = ParseProgress(text)) {
    std::ostringstream plain;
    ProgressView(plain, false).Show(*progress);
    const std::string shown = plain.str();
    DURE_CHECK(std::ranges::none_of(
                   shown, [](char c) { return c != '\n' && static_cast<unsigned char>(c) < 0x20; }),
               "no control character is shown");
    std::ostringstream redrawn;
    ProgressView view(redrawn, true, [size] {
      return dure::cli::Screen{static_cast<int>(size % 120), static_cast<int>(size % 11)};
    });
    view.Show(*progress);
    view.Show(*progress);
  }
  if (ParseEvaluation(text)) (void)EvaluationTable({{"model", text}});
  return 0;
}
