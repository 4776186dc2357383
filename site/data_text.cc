#include "site/data_text.h"

#include <algorithm>

namespace dure::site {
namespace {

constexpr size_t kNotesShown = 4;

std::string Counted(uint64_t count, const std::string& what) {
  return std::to_string(count) + " " + what + (count == 1 ? "" : "s");
}

}  // namespace

std::string DataText(const seat::PreparedEvent& prepared) {
  std::string text = "its text: " + Counted(prepared.documents, "document") + " of " +
                     Counted(prepared.files, "file") + ", " +
                     Counted(prepared.train_tokens, "token") + " to train on, " +
                     std::to_string(prepared.held_out_tokens) + " held out";
  if (prepared.files_left_out == 0 && prepared.bad_rows == 0) return text;
  text += "; left out: " + Counted(prepared.files_left_out, "file") + ", " +
          Counted(prepared.bad_rows, "row");
  const size_t shown = std::min(prepared.notes.size(), kNotesShown);
  for (size_t i = 0; i < shown; ++i) text += (i == 0 ? " (" : "; ") + prepared.notes[i];
  if (shown > 0) text += shown < prepared.notes.size() ? "; ...)" : ")";
  std::ranges::replace_if(
      text, [](char c) { return static_cast<unsigned char>(c) < 0x20 || c == 0x7f; }, ' ');
  return text;
}

}  // namespace dure::site
