#include "cli/terminal_text.h"

#include "model/text/pretokenize.h"

namespace dure::cli {
namespace {

constexpr std::string_view kReplacement = "\xef\xbf\xbd";
constexpr std::string_view kSetIn = "\n    ";

bool Obeyed(std::string_view character) {
  if (character.size() == 1) {
    const auto byte = static_cast<unsigned char>(character.front());
    return (byte < 0x20 && byte != '\n' && byte != '\t') || byte == 0x7f;
  }
  if (character.size() == 2) return character >= "\xc2\x80" && character <= "\xc2\x9f";
  return (character >= "\xe2\x80\xaa" && character <= "\xe2\x80\xae") ||
         (character >= "\xe2\x81\xa6" && character <= "\xe2\x81\xa9");
}

}  // namespace

std::string TerminalText(std::string_view text) {
  std::string shown;
  shown.reserve(text.size());
  for (size_t at = 0; at < text.size();) {
    const size_t length = text::Utf8Length(text, at);
    const std::string_view character = text.substr(at, length == 0 ? 1 : length);
    const bool line_end = character == "\r" && text.substr(at + 1, 1) == "\n";
    shown += length == 0 || (Obeyed(character) && !line_end) ? kReplacement : character;
    at += character.size();
  }
  return shown;
}

std::string LogLine(std::string_view text) {
  std::string line;
  for (const char c : TerminalText(text)) {
    if (c == '\n') {
      line += kSetIn;
    } else {
      line += c;
    }
  }
  return line;
}

}  // namespace dure::cli
