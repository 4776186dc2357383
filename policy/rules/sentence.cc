#include "policy/rules/sentence.h"

#include <algorithm>
#include <array>

namespace dure::rules {
namespace {

constexpr size_t kShownBytesMax = 256;

struct Piece {
  enum class Form : uint8_t { kText, kPath, kStray } form;
  std::string_view text;
};

// The next piece of a template; `text` goes behind it. REQUIRES: text is not empty.
Piece NextPiece(std::string_view& text) {
  const auto take = [&](Piece::Form form, size_t skip, size_t length, size_t all) {
    const Piece piece{form, text.substr(skip, length)};
    text.remove_prefix(all);
    return piece;
  };
  if (text.starts_with("{{") || text.starts_with("}}")) return take(Piece::Form::kText, 0, 1, 2);
  if (text[0] == '}') return take(Piece::Form::kStray, 0, 1, 1);
  if (text[0] != '{') {
    size_t end = 1;  // find_first_of asks the library for each byte: most of a deny's time
    while (end < text.size() && text[end] != '{' && text[end] != '}') ++end;
    return take(Piece::Form::kText, 0, end, end);
  }
  const size_t close = text.find('}');
  if (close == std::string_view::npos || !IsPath(text.substr(1, close - 1)))
    return take(Piece::Form::kStray, 0, 1, 1);
  return take(Piece::Form::kPath, 1, close - 1, close + 1);
}

// The last sound of a text as far as its writing shows it: none, ㄹ, or another consonant.
enum class LastSound { kVowel, kRieul, kConsonant };

// Unicode's Hangul syllables: (code - AC00) mod 28 is the final consonant, 8 of it ㄹ.
LastSound SoundOfSyllable(uint32_t code) {
  const uint32_t final_consonant = (code - 0xac00) % 28;
  if (final_consonant == 0) return LastSound::kVowel;
  return final_consonant == 8 ? LastSound::kRieul : LastSound::kConsonant;
}

bool IsOneOf(std::string_view letters, char one) {
  return letters.find(one) != std::string_view::npos;
}

// The letters at the end of a text, in lower case; its last 64 tell all.
class LastLetters {
 public:
  explicit LastLetters(std::string_view text) {
    for (size_t back = 1; back <= text.size() && begin_ > 0; ++back) {
      const char c = text[text.size() - back];
      const bool capital = c >= 'A' && c <= 'Z';
      if (!capital && (c < 'a' || c > 'z')) break;
      letters_[--begin_] = capital ? static_cast<char>(c - 'A' + 'a') : c;
    }
  }
  std::string_view word() const { return {letters_.data() + begin_, letters_.size() - begin_}; }

 private:
  std::array<char, 64> letters_;
  size_t begin_ = letters_.size();
};

// A word without a vowel is read letter by letter, and only 엘, 엠, 엔 and 알 end in a consonant.
// Any other is read as Korean takes it in: 네이버, 리뷰스, 퍼스트, but 서울, 샘플, 트레인, 북, 랩.
LastSound SoundOfWord(std::string_view word) {
  constexpr std::string_view kVowels = "aeiouy";
  const char last = word.back();
  const char before = word.size() > 1 ? word[word.size() - 2] : '\0';
  if (word.find_first_of(kVowels) == std::string_view::npos) {
    if (IsOneOf("lr", last)) return LastSound::kRieul;
    return IsOneOf("mn", last) ? LastSound::kConsonant : LastSound::kVowel;
  }
  const std::string_view front = word.substr(0, word.size() - std::min<size_t>(2, word.size()));
  const bool silent = last == 'e' && front.find_first_of(kVowels) != std::string_view::npos;
  if (last == 'l' || (silent && before == 'l')) return LastSound::kRieul;
  if (IsOneOf("mn", last) || (silent && IsOneOf("mn", before))) return LastSound::kConsonant;
  if (last == 'g') return before == 'n' ? LastSound::kConsonant : LastSound::kVowel;
  const bool stops =
      IsOneOf("bckpt", last) && (IsOneOf(kVowels, before) || (last == 'k' && before == 'c'));
  return stops ? LastSound::kConsonant : LastSound::kVowel;
}

// Digits are read in Korean: 일 이 삼 사 오 육 칠 팔 구 영.
LastSound SoundOf(std::string_view text) {
  while (!text.empty() && std::string_view(">)]\"' ").find(text.back()) != std::string_view::npos)
    text.remove_suffix(1);
  if (text.empty()) return LastSound::kVowel;
  const auto at = [&](size_t back) { return static_cast<uint8_t>(text[text.size() - back]); };
  if (text.size() >= 3 && (at(3) & 0xf0) == 0xe0) {
    const uint32_t code = (at(3) & 0x0fu) << 12 | (at(2) & 0x3fu) << 6 | (at(1) & 0x3fu);
    if (code >= 0xac00 && code <= 0xd7a3) return SoundOfSyllable(code);
  }
  if (const LastLetters last(text); !last.word().empty()) return SoundOfWord(last.word());
  if (IsOneOf("178", text.back())) return LastSound::kRieul;
  return IsOneOf("036", text.back()) ? LastSound::kConsonant : LastSound::kVowel;
}

}  // namespace

struct ParticlePair {
  std::string_view written;
  std::string_view after_consonant;
  std::string_view after_vowel;
};

namespace {

constexpr auto kParticlePairs = std::to_array<ParticlePair>({{"은(는)", "은", "는"},
                                                             {"이(가)", "이", "가"},
                                                             {"을(를)", "을", "를"},
                                                             {"과(와)", "과", "와"},
                                                             {"(으)로", "으로", "로"}});

// The pair at the front of `text`; nullptr: none.
const ParticlePair* PairAt(std::string_view text) {
  if (text.empty() || text[0] == ' ') return nullptr;
  for (const ParticlePair& pair : kParticlePairs) {
    if (text.starts_with(pair.written)) return &pair;
  }
  return nullptr;
}

// Which of the two fits behind `before`.
std::string_view Fitting(const ParticlePair& pair, std::string_view before) {
  const LastSound sound = SoundOf(before);
  // 로, not 으로, stands behind ㄹ too.
  const bool as_vowel =
      sound == LastSound::kVowel || (sound == LastSound::kRieul && pair.after_vowel == "로");
  return as_vowel ? pair.after_vowel : pair.after_consonant;
}

// The particle that fits behind `before`, if a pair stands at the front of `rest`, which goes
// behind the pair.
std::string_view TakeParticle(std::string_view before, std::string_view& rest) {
  const ParticlePair* pair = PairAt(rest);
  if (pair == nullptr) return {};
  rest.remove_prefix(pair->written.size());
  return Fitting(*pair, before);
}

// Cuts what stands in `text` from `begin` on.
void CutFrom(size_t begin, size_t bytes_max, std::string& text) {
  constexpr std::string_view kMore = "…";
  if (text.size() - begin <= bytes_max) return;
  size_t end = begin + bytes_max - kMore.size();
  while (end > begin && (static_cast<uint8_t>(text[end]) & 0xc0) == 0x80) end--;
  text.resize(end);
  text.append(kMore);
}

}  // namespace

std::string Cut(std::string text, size_t bytes_max) {
  CutFrom(0, bytes_max, text);
  return text;
}

namespace {

std::string_view WordOf(const std::string& code, Language language, const Attribute& attribute) {
  const PlainWord* word = attribute.WordOf(code);
  if (word == nullptr) return code;
  return language == Language::kKorean ? word->ko : word->en;
}

const Attribute* AttributeAt(std::string_view path) { return ConsortiumSchema().Find(path); }

}  // namespace

std::string_view NotRecorded(Language language) {
  return language == Language::kKorean ? "(기록에 없음)" : "(not recorded)";
}

std::string_view NoneOf(const Attribute* attribute, Language language) {
  static const Attribute kAny;
  const Attribute& of = attribute == nullptr ? kAny : *attribute;
  return language == Language::kKorean ? of.none_ko : of.none_en;
}

namespace {

void AddFlag(bool flag, bool korean, std::string& text) {
  if (korean) {
    text += flag ? "예" : "아니요";
  } else {
    text += flag ? "yes" : "no";
  }
}

void AddValue(const Value& value, Language language, const Attribute* attribute,
              std::string& text) {
  const size_t begin = text.size();
  const bool has_words = attribute != nullptr && !attribute->words.empty();
  if (const std::string* plain = value.text()) {
    text += has_words ? WordOf(*plain, language, *attribute) : std::string_view(*plain);
    if (has_words) return;  // a word of the schema is never cut
  } else if (const Value::Items* items = value.items(); items != nullptr && has_words) {
    for (const Value& item : *items) {
      if (text.size() > begin) text += ", ";
      const std::string* code = item.text();
      text += code == nullptr ? item.ToPlain() : std::string(WordOf(*code, language, *attribute));
    }
  } else {
    text += value.ToPlain();
  }
  CutFrom(begin, kShownBytesMax, text);
}

// Appends what Shown says: a sentence is written in one piece.
void AddShown(const Fact& fact, Language language, const Attribute* attribute, std::string& text) {
  const bool korean = language == Language::kKorean;
  const Value::Items* items = fact.value.items();
  if (fact.presence == Presence::kUnknown) {
    text += NotRecorded(language);
  } else if (fact.presence == Presence::kAbsent) {
    text += NoneOf(attribute, language);
  } else if (const bool* flag = fact.value.boolean()) {
    AddFlag(*flag, korean, text);
  } else if (items != nullptr && items->empty()) {
    text += korean ? "없음" : "none";
  } else {
    AddValue(fact.value, language, attribute, text);
  }
}

}  // namespace

std::string Shown(const Fact& fact, Language language, const Attribute* attribute) {
  std::string text;
  AddShown(fact, language, attribute, text);
  return text;
}

namespace {

std::string_view NameIn(Action action, Language language) {
  return language == Language::kKorean ? KoreanName(action) : Name(action);
}

}  // namespace

std::string Fill(std::string_view text, const Facts& facts, Action action, Language language) {
  const auto written = [&](std::string_view path) {
    return path == "request.action" ? std::string(NameIn(action, language))
                                    : Shown(facts.At(path), language, AttributeAt(path));
  };
  return FillWith(text, written, language);
}

std::string FillWith(std::string_view text,
                     const std::function<std::string(std::string_view path)>& written,
                     Language language) {
  std::string filled;
  filled.reserve(text.size() + 64);
  while (!text.empty()) {
    const Piece piece = NextPiece(text);
    if (piece.form != Piece::Form::kPath) {
      filled += piece.text;
      continue;
    }
    const std::string shown = written(piece.text);
    filled += shown;
    if (language == Language::kKorean) filled += TakeParticle(shown, text);
  }
  return filled;
}

SentencePieces ReadTemplate(std::string_view text) {
  SentencePieces pieces;
  pieces.reserve(8);
  while (!text.empty()) {
    const Piece piece = NextPiece(text);
    const uint32_t fact =
        piece.text == "request.action" ? SentencePiece::kAction : SentencePiece::kNoSlot;
    const bool is_path = piece.form == Piece::Form::kPath;
    const bool is_behind_fact = !pieces.empty() && pieces.back().slot != SentencePiece::kText;
    pieces.push_back({piece.text, is_path ? fact : SentencePiece::kText,
                      is_path ? AttributeAt(piece.text) : nullptr,
                      is_behind_fact && !is_path ? PairAt(piece.text) : nullptr});
  }
  return pieces;
}

void Fill(const SentencePieces& pieces, std::span<const Fact* const> facts, Action action,
          Language language, std::string& filled) {
  filled.clear();
  size_t shown = 0;  // where the fact before begins
  for (const SentencePiece& piece : pieces) {
    if (piece.slot == SentencePiece::kText) {
      const bool asks = piece.pair != nullptr && language == Language::kKorean;
      if (asks) filled += Fitting(*piece.pair, std::string_view(filled).substr(shown));
      filled += piece.text.substr(asks ? piece.pair->written.size() : 0);
      continue;
    }
    shown = filled.size();
    if (piece.slot == SentencePiece::kAction) {
      filled += NameIn(action, language);
    } else {
      AddShown(*facts[piece.slot], language, piece.attribute, filled);
    }
  }
}

std::string WithParticle(std::string_view word, std::string_view pair) {
  std::string_view rest = pair;
  const std::string_view particle = TakeParticle(word, rest);
  return std::string(word) + std::string(particle.empty() ? pair : particle);
}

std::vector<std::string> PathsIn(std::string_view text) {
  std::vector<std::string> paths;
  while (!text.empty()) {
    const Piece piece = NextPiece(text);
    if (piece.form == Piece::Form::kPath) paths.emplace_back(piece.text);
  }
  return paths;
}

bool HasWellFormedBraces(std::string_view text) {
  while (!text.empty()) {
    if (NextPiece(text).form == Piece::Form::kStray) return false;
  }
  return true;
}

}  // namespace dure::rules
