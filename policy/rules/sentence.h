// Sentences with facts in them: one template, two languages.
#pragma once

#include <functional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "policy/rules/facts.h"
#include "policy/rules/policy.h"
#include "policy/rules/schema.h"

namespace dure::rules {

enum class Language : uint8_t { kEnglish, kKorean };

// What stands in a sentence for a fact: its value without quotes and braces, yes or no, none, or
// (not recorded); cut to 256 bytes. With its attribute (nullptr: none), an enumeration's codes are
// said in words, and so is what none means.
std::string Shown(const Fact& fact, Language language, const Attribute* attribute = nullptr);

// The parts of it that are no value.
std::string_view NotRecorded(Language language);
std::string_view NoneOf(const Attribute* attribute, Language language);  // nullptr: of any

// At most `bytes_max` bytes of whole characters; … at the end if something was cut.
std::string Cut(std::string text, size_t bytes_max);

// A template: {path} stands for the fact there, in the words of the consortium's schema where it
// has some; {{ and }} for braces. A brace that is neither stays as it is. In Korean the particle
// pairs 은(는), 이(가), 을(를), 과(와) and (으)로 directly behind a fact become the one that its
// last sound asks for. `action` stands for {request.action}.
std::string Fill(std::string_view text, const Facts& facts, Action action, Language language);

// The same with what `written` says for each path.
std::string FillWith(std::string_view text,
                     const std::function<std::string(std::string_view path)>& written,
                     Language language);

struct ParticlePair;  // 은(는) and its like

// A template read once: what stands as it is, and facts by their place in a program's paths.
struct SentencePiece {
  std::string_view text;  // of the template, which outlives it; of a fact, its path
  uint32_t slot = kText;
  const Attribute* attribute = nullptr;  // of a fact that the schema knows
  const ParticlePair* pair = nullptr;    // of a text: what it begins with, if a fact is before it
  static constexpr uint32_t kText = UINT32_MAX;
  static constexpr uint32_t kAction = UINT32_MAX - 1;  // {request.action}
  static constexpr uint32_t kNoSlot = UINT32_MAX - 2;  // a fact whose place is not known yet
};
using SentencePieces = std::vector<SentencePiece>;
SentencePieces ReadTemplate(std::string_view text);
// As Fill of the template, with `facts` by slot, in place of what `filled` held: many sentences can
// be written in one buffer. REQUIRES: every fact has its slot.
void Fill(const SentencePieces& pieces, std::span<const Fact* const> facts, Action action,
          Language language, std::string& filled);

// `word` with the particle of the pair that fits its last sound: ("학습", "을(를)") -> 학습을.
std::string WithParticle(std::string_view word, std::string_view pair);

// The paths of a template, in order.
std::vector<std::string> PathsIn(std::string_view text);
// Whether every brace belongs to a {path}, {{ or }}.
bool HasWellFormedBraces(std::string_view text);

}  // namespace dure::rules
