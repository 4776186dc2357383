#include "site/data_text.h"

#include <algorithm>

namespace dure::site {
namespace {

constexpr size_t kNotesShown = 4;

std::string Counted(uint64_t count, const std::string& what) {
  return std::to_string(count) + " " + what + (count == 1 ? "" : "s");
}

}  // namespace

std::string LeftOutText(uint64_t files, uint64_t rows, const std::vector<std::string>& notes) {
  if (files == 0 && rows == 0) return {};
  std::string text = "left out: " + Counted(files, "file") + ", " + Counted(rows, "row");
  const size_t shown = std::min(notes.size(), kNotesShown);
  for (size_t i = 0; i < shown; ++i) text += (i == 0 ? " (" : "; ") + notes[i];
  if (shown > 0) text += shown < notes.size() ? "; ...)" : ")";
  std::ranges::replace_if(
      text, [](char c) { return static_cast<unsigned char>(c) < 0x20 || c == 0x7f; }, ' ');
  return text;
}

std::string DataText(const seat::PreparedEvent& prepared) {
  std::string text = "its text: " + Counted(prepared.documents, "document") + " of " +
                     Counted(prepared.files, "file") + ", " +
                     Counted(prepared.train_tokens, "token") + " to train on, " +
                     std::to_string(prepared.held_out_tokens) + " held out";
  const std::string left_out =
      LeftOutText(prepared.files_left_out, prepared.bad_rows, prepared.notes);
  if (!left_out.empty()) text += "; " + left_out;
  return text;
}

}  // namespace dure::site
