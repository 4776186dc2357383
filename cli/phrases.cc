#include "cli/phrases.h"

#include <algorithm>
#include <array>
#include <optional>
#include <vector>

#include "policy/ledger/words.h"
#include "policy/rules/sentence.h"

namespace dure::cli {
namespace {

constexpr int kInsideMax = 4;  // a phrase in a phrase in a phrase

using Stars = std::vector<std::string_view>;

// What the stars of `pattern` stand for in `text`, each as short as can be but the last; nullopt:
// it does not fit.
std::optional<Stars> Match(std::string_view text, std::string_view pattern) {
  Stars stars;
  const bool starts_with_star = pattern.starts_with('*');
  size_t star = pattern.find('*');
  if (star == std::string_view::npos) {
    return text == pattern ? std::optional(stars) : std::nullopt;
  }
  if (!text.starts_with(pattern.substr(0, star))) return std::nullopt;
  text.remove_prefix(star);
  while (star != std::string_view::npos) {
    pattern.remove_prefix(star + 1);
    star = pattern.find('*');
    const std::string_view next = pattern.substr(0, star);
    const bool last = star == std::string_view::npos;
    if (last && !text.ends_with(next)) return std::nullopt;
    const size_t end = last ? text.size() - next.size() : text.find(next);
    if (end == std::string_view::npos) return std::nullopt;
    const bool first = stars.empty() && starts_with_star;
    if (first && text.substr(0, end).find(' ') != std::string_view::npos) return std::nullopt;
    stars.push_back(text.substr(0, end));
    text.remove_prefix(end + next.size());
  }
  return stars;
}

constexpr std::array<std::string_view, 5> kPairs = {"은(는)", "이(가)", "을(를)", "과(와)",
                                                    "(으)로"};

std::string Rendered(std::string_view text, int inside);

std::string Filled(std::string_view korean, const Stars& stars, int inside) {
  std::string said;
  size_t next = 0;
  while (!korean.empty()) {
    const bool star = korean.front() == '*' && next < stars.size();
    if (!star) said += korean.front();
    korean.remove_prefix(1);
    if (!star) continue;
    std::string word = Rendered(stars[next++], inside + 1);
    // A quotation mark may stand between a word and its particle: '*'은(는).
    const bool quoted = !korean.empty() && (korean.front() == '\'' || korean.front() == '"');
    if (quoted) word += korean.front();
    if (quoted) korean.remove_prefix(1);
    const auto pair =
        std::ranges::find_if(kPairs, [&](std::string_view one) { return korean.starts_with(one); });
    said += pair == kPairs.end() ? word : rules::WithParticle(word, *pair);
    if (pair != kPairs.end()) korean.remove_prefix(pair->size());
  }
  return said;
}

// "rollback: held 9 entries, offered 7": the code of the record that stands first, in words.
std::optional<std::string> AfterCode(std::string_view text, int inside) {
  const size_t colon = text.find(": ");
  if (colon == std::string_view::npos) return std::nullopt;
  const std::string_view code = text.substr(0, text.find_first_of(" :"));
  const std::string words = ledger::WordsAndCode(code, ledger::Language::kKorean);
  if (words == code) return std::nullopt;
  const std::string_view where = text.substr(code.size(), colon - code.size());
  const auto at = Match(where, " at entry *");
  if (!where.empty() && !at) return std::nullopt;
  return words + (at ? ", 항목 " + std::string(at->front()) : "") + ": " +
         Rendered(text.substr(colon + 2), inside + 1);
}

std::string Rendered(std::string_view text, int inside) {
  if (inside > kInsideMax) return std::string(text);
  for (const auto& phrases : {PolicyPhrases(), TermsPhrases(), RecordPhrases(), CommandPhrases()}) {
    for (const Phrase& phrase : phrases) {
      if (const auto stars = Match(text, phrase.en)) return Filled(phrase.ko, *stars, inside);
    }
  }
  return AfterCode(text, inside).value_or(std::string(text));
}

// How long the place at the line's front is: "house.policy:4:11: ", "terms.toml:7: "; 0: none.
size_t PlaceBytes(std::string_view line) {
  const size_t end = line.find(": ");
  if (end == std::string_view::npos || end == 0) return 0;
  const std::string_view place = line.substr(0, end);
  const size_t number = place.find_last_not_of("0123456789");
  const bool numbered = number != std::string_view::npos && number + 1 < place.size() &&
                        number > 0 && place[number] == ':';
  return numbered ? end + 2 : 0;
}

// "form.txt: what is wrong with it": a place without a line, if no phrase fits the whole.
std::string BehindAFile(std::string_view line) {
  std::string said = Rendered(line, 0);
  const size_t end = line.find(": ");
  if (said != line || end == std::string_view::npos) return said;
  if (line.substr(0, end).find(' ') != std::string_view::npos) return said;
  return std::string(line.substr(0, end + 2)) + Rendered(line.substr(end + 2), 0);
}

}  // namespace

std::string InKorean(std::string_view message) {
  std::string said;
  while (true) {
    const size_t end = message.find('\n');
    const std::string_view line = message.substr(0, end);
    const size_t indent = std::min(line.find_first_not_of(' '), line.size());
    const size_t kept = indent > 0 ? indent : PlaceBytes(line);
    said += std::string(line.substr(0, kept)) + BehindAFile(line.substr(kept));
    if (end == std::string_view::npos) return said;
    said += '\n';
    message.remove_prefix(end + 1);
  }
}

}  // namespace dure::cli
