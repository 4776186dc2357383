#include "policy/rules/token.h"

#include <algorithm>

#include "policy/rules/letters.h"

namespace dure::rules {
namespace {

bool IsWordByte(char c) {
  return IsLetter(c) || IsDigit(c) || std::string_view("-_.:/+#").find(c) != std::string_view::npos;
}

// The length of the UTF-8 character at the front (RFC 3629), or 0 if there is none.
size_t CharacterBytes(std::string_view text) {
  const auto byte = [&](size_t i) { return static_cast<uint8_t>(text[i]); };
  const uint8_t first = byte(0);
  if (first < 0x80) return 1;
  const size_t length = first >= 0xf0 ? 4 : first >= 0xe0 ? 3 : 2;
  if (first < 0xc2 || first > 0xf4 || text.size() < length) return 0;
  for (size_t i = 1; i < length; ++i) {
    if ((byte(i) & 0xc0) != 0x80) return 0;
  }
  const uint8_t second = byte(1);
  const bool overlong = (first == 0xe0 && second < 0xa0) || (first == 0xf0 && second < 0x90);
  const bool surrogate = first == 0xed && second > 0x9f;
  const bool beyond = first == 0xf4 && second > 0x8f;
  return overlong || surrogate || beyond ? 0 : length;
}

constexpr std::string_view kOtherQuotes[] = {"“", "”", "‘", "’", "「", "」", "'"};

// A comment's text: without one space behind the # and without spaces at the end.
std::string_view CommentText(std::string_view text) {
  if (text.starts_with(' ')) text.remove_prefix(1);
  const size_t last = text.find_last_not_of(" \t\r");
  return last == std::string_view::npos ? std::string_view() : text.substr(0, last + 1);
}

// A word in other letters than the language's is one mistake, not one a letter.
std::string_view StrayWord(std::string_view text) {
  size_t end = 0;
  while (end < text.size()) {
    const std::string_view rest = text.substr(end);
    const bool ends = static_cast<uint8_t>(rest[0]) <= 0x20 ||
                      std::string_view("(){},=#\"'").find(rest[0]) != std::string_view::npos ||
                      std::ranges::any_of(kOtherQuotes, [&](std::string_view quote) {
                        return rest.starts_with(quote);
                      });
    const size_t bytes = CharacterBytes(rest);
    if (bytes == 0 || (ends && end > 0)) break;
    end += bytes;
  }
  return text.substr(0, end);
}

// As much of it as a message has room for, whole characters.
std::string Shortened(std::string_view word) {
  constexpr size_t kShownBytes = 60;
  size_t end = 0;
  while (end < word.size() && end < kShownBytes) end += CharacterBytes(word.substr(end));
  return std::string(word.substr(0, end)) + (end < word.size() ? "…" : "");
}

// A mistake is said once: what was blamed is passed on as the token that it stands for.
class Lexer {
 public:
  Lexer(std::string_view text, std::vector<Problem>& problems) : text_(text), problems_(problems) {}

  std::vector<Token> Run() {
    if (text_.starts_with("\xef\xbb\xbf")) at_ = 3;  // an editor's byte order mark
    while (SkipSpace()) Next();
    Add(Token::Form::kLast, 0);
    return std::move(tokens_);
  }

 private:
  void Blame(std::string message, std::string advice) {
    if (problems_.size() < kProblemsMax)
      problems_.push_back({{line_, column_}, std::move(message), std::move(advice)});
  }

  // Columns count characters, not bytes: a caret under Korean text stands where a reader sees it.
  void Advance(size_t bytes) {
    for (const size_t end = at_ + bytes; at_ < end; ++at_) {
      if (text_[at_] == '\n') {
        line_++;
        column_ = 1;
      } else if ((static_cast<uint8_t>(text_[at_]) & 0xc0) != 0x80) {
        column_++;
      }
    }
  }

  bool SkipSpace() {
    while (at_ < text_.size() && std::string_view(" \t\r\n").find(text_[at_]) != std::string::npos)
      Advance(1);
    return at_ < text_.size();
  }

  Token& Add(Token::Form form, size_t bytes) {
    Token token;
    token.form = form;
    token.written = text_.substr(at_, bytes);
    token.at = {line_, column_};
    tokens_.push_back(std::move(token));
    Advance(bytes);
    return tokens_.back();
  }

  void Next() {
    const char c = text_[at_];
    if (c == '#') return Comment();
    if (c == '"') return String();
    if (IsLetter(c)) return Word();
    if (IsDigit(c) || (c == '-' && at_ + 1 < text_.size() && IsDigit(text_[at_ + 1])))
      return Number();
    if (std::string_view("(){},=").find(c) != std::string_view::npos) {
      Add(Token::Form::kMark, 1);
      return;
    }
    Stray();
  }

  void Comment() {
    const size_t end = std::min(text_.find('\n', at_), text_.size());
    const std::string_view written = text_.substr(at_, end - at_);
    for (size_t i = 0; i < written.size();) {
      const size_t bytes = CharacterBytes(written.substr(i));
      if (bytes == 0 ||
          (static_cast<uint8_t>(written[i]) < 0x20 && written[i] != '\t' && written[i] != '\r')) {
        Blame("this comment holds bytes that are no text", "save the file as UTF-8");
        return Advance(written.size());
      }
      i += bytes;
    }
    std::string text(CommentText(written.substr(1)));
    Add(Token::Form::kComment, written.size()).text = std::move(text);
  }

  void Word() {
    size_t end = at_;
    while (end < text_.size() && IsWordByte(text_[end])) end++;
    Add(Token::Form::kWord, end - at_);
  }

  void Number() {
    size_t end = at_ + 1;
    while (end < text_.size() && IsWordByte(text_[end])) end++;
    const std::string_view written = text_.substr(at_, end - at_);
    if (const auto number = Decimal::Parse(written)) {
      Add(Token::Form::kNumber, written.size()).value = Value::Number(*number);
    } else if (const auto time = Instant::Parse(written)) {
      Add(Token::Form::kTime, written.size()).value = Value::Time(*time);
    } else {
      Blame("'" + std::string(written.substr(0, 40)) + "' is neither a number nor a time",
            "write numbers like 0.8, times like 2026-09-01 or 2026-09-01T12:30:00Z (UTC), and put "
            "other texts that start with a digit in \"quotes\"");
      Add(Token::Form::kWord, written.size());
    }
  }

  // One character of a string: false at its end or where it is broken.
  bool StringCharacter(size_t& end, std::string& text) {
    const char c = text_[end];
    if (c == '\\') {
      const char escaped = end + 1 < text_.size() ? text_[end + 1] : '\0';
      if (escaped != '"' && escaped != '\\' && escaped != 'n') {
        Blame("a backslash in a string stands only before \", \\ or n", "write \\\\ for itself");
        return false;
      }
      text += escaped == 'n' ? '\n' : escaped;
      end += 2;
      return true;
    }
    const size_t bytes = CharacterBytes(text_.substr(end));
    if (bytes == 0 || static_cast<uint8_t>(c) < 0x20 || c == 0x7f) {
      Blame(c == '\n' ? "this string has no closing quotation mark on its line"
                      : "this string holds bytes that are no text",
            c == '\n' ? "close it with \"; \\n stands for a line break" : "save the file as UTF-8");
      return false;
    }
    text.append(text_.substr(end, bytes));
    end += bytes;
    return true;
  }

  // A string that was blamed, up to `end`: there was one, whatever it says.
  void Broken(size_t end) {
    Add(Token::Form::kString, std::min(end, text_.size()) - at_).text = "?";
  }

  void String() {
    std::string text;
    size_t end = at_ + 1;
    while (end < text_.size() && text_[end] != '"') {
      if (!StringCharacter(end, text)) return Broken(text_.find('\n', at_));
    }
    if (end == text_.size()) {
      Blame("this string has no closing quotation mark", "close it with \"");
      return Broken(end);
    }
    if (text.size() > kTextBytesMax) {
      Blame("this string is longer than 4096 bytes", "say it shorter, or refer to a document");
      return Broken(end + 1);
    }
    Add(Token::Form::kString, end + 1 - at_).text = std::move(text);
  }

  void Stray() {
    const std::string_view rest = text_.substr(at_);
    const size_t bytes = std::max<size_t>(1, CharacterBytes(rest));
    for (const std::string_view quote : kOtherQuotes) {
      if (!rest.starts_with(quote)) continue;
      Blame("this quotation mark is not the straight one", "write \"…\"");
      return Advance(bytes);
    }
    const bool text = CharacterBytes(rest) != 0 && static_cast<uint8_t>(rest[0]) >= 0x20;
    if (!text) {
      Blame("here are bytes that are no text", "save the file as UTF-8");
      return Advance(bytes);
    }
    const std::string_view word = StrayWord(rest);
    Blame("'" + Shortened(word) + "' belongs nowhere in a rule", "put texts in \"quotes\"");
    Add(Token::Form::kWord, word.size());
  }

  std::string_view text_;
  std::vector<Problem>& problems_;
  std::vector<Token> tokens_;
  size_t at_ = 0;
  uint32_t line_ = 1;
  uint32_t column_ = 1;
};

}  // namespace

std::vector<Token> Tokens(std::string_view text, std::vector<Problem>& problems) {
  return Lexer(text, problems).Run();
}

}  // namespace dure::rules
