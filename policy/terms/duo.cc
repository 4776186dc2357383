#include "policy/terms/duo.h"

#include <algorithm>
#include <charconv>
#include <cstdio>

#include "policy/terms/instant.h"
#include "policy/terms/place.h"

namespace dure::terms {
namespace {

using enum DuoEffect;
using enum DuoValues;

constexpr DuoMeaning kMeanings[] = {
    {4, "NRES", "no restriction", "제한 없음", true, kNone, kNothing},
    {6, "HMB", "health or medical or biomedical research", "보건·의료·생의학 연구", true, kNone,
     kResearchAndAsk},
    {7, "DS", "disease specific research", "특정 질병 연구", true, kDiseases, kResearchAndAsk},
    {11, "POA", "population origins or ancestry research only", "인구 기원·조상 연구만", true,
     kNone, kResearchAndAsk},
    {12, "RS", "research specific restrictions", "특정 연구로 제한", false, kNone, kAskTheOwner},
    {15, "NMDS", "no general methods research", "연구 방법 개발은 제외", false, kNone,
     kAskTheOwner},
    {16, "GSO", "genetic studies only", "유전 연구만", false, kNone, kAskTheOwner},
    {18, "NPUNCU", "not for profit, non commercial use only", "비영리 기관의 비상업적 이용만",
     false, kNone, kNotForProfitNonCommercial},
    {19, "PUB", "publication required", "결과 발표 의무", false, kNone, kDuty},
    {20, "COL", "collaboration required", "공동 연구 필요", false, kNone, kAskTheOwner},
    {21, "IRB", "ethics approval required", "윤리 심의 승인 필요", false, kNone, kAskTheOwner},
    {22, "GS", "geographical restriction", "지역 제한", false, kCountries, kOnlyThere},
    {24, "MOR", "publication moratorium", "발표 유예", false, kDate, kMoratorium},
    {25, "TS", "time limit on use", "이용 기간 제한", false, kMonths, kAskTheOwner},
    {26, "US", "user specific restriction", "이용자 제한", false, kNames, kAskTheOwner},
    {27, "PS", "project specific restriction", "과제 제한", false, kNames, kAskTheOwner},
    {28, "IS", "institution specific restriction", "기관 제한", false, kNames, kAskTheOwner},
    {29, "RTN", "return to database or resource", "데이터베이스나 자원으로 반환", false, kNone,
     kDuty},
    {42, "GRU", "general research use", "일반 연구 목적", true, kNone, kResearchPurposes},
    {43, "CC", "clinical care use", "임상 진료 목적", false, kNone, kAskTheOwner},
    {44, "NPOA", "population origins or ancestry research prohibited", "인구 기원·조상 연구 금지",
     false, kNone, kAskTheOwner},
    {45, "NPU", "not for profit organisation use only", "비영리 기관의 이용만", false, kNone,
     kNotForProfit},
    {46, "NCU", "non-commercial use only", "비상업적 이용만", false, kNone, kNonCommercial},
};

bool IsMonths(std::string_view text) {
  unsigned months = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), months);
  return error == std::errc() && end == text.data() + text.size() && months >= 1 &&
         months <= 1200 && text.front() != '0';
}

bool IsDisease(std::string_view text) { return text.starts_with("MONDO:") && IsCode(text); }

// The canonical form only, so that one date has one spelling.
bool IsDate(std::string_view text) {
  const auto instant = ParseInstant(text, DayPart::kLastSecond);
  return instant && FormatInstant(*instant) == text;
}

}  // namespace

std::span<const DuoMeaning> AllDuo() { return kMeanings; }

const DuoMeaning* FindDuo(uint32_t number) {
  for (const DuoMeaning& meaning : kMeanings) {
    if (meaning.number == number) return &meaning;
  }
  return nullptr;
}

std::optional<uint32_t> ParseDuoNumber(std::string_view text) {
  for (const DuoMeaning& meaning : kMeanings) {
    if (text == meaning.shorthand || text == FormatDuo(meaning.number) ||
        text == std::to_string(meaning.number)) {
      return meaning.number;
    }
  }
  return std::nullopt;
}

std::string FormatDuo(uint32_t number) {
  char text[32];
  std::snprintf(text, sizeof text, "DUO:%07u", number);
  return text;
}

std::string DuoProblem(const DuoCode& code) {
  const DuoMeaning* meaning = FindDuo(code.number);
  if (meaning == nullptr) return "one of the codes of docs/reference/terms.md, such as DUO:0000046";
  const auto all = [&](bool (*fits)(std::string_view)) {
    return !code.values.empty() && std::all_of(code.values.begin(), code.values.end(), fits);
  };
  const std::string name = FormatDuo(code.number) + " (" + std::string(meaning->shorthand) + ") ";
  switch (meaning->values) {
    case kNone:
      return code.values.empty() ? "" : name + "without values";
    case kDiseases:
      return all(IsDisease) ? "" : name + "with diseases, such as MONDO:0004992";
    case kCountries:
      return all(IsCountry) ? "" : name + "with countries, such as KR";
    case kDate:
      return code.values.size() == 1 && all(IsDate) ? "" : name + "with one date";
    case kMonths:
      return code.values.size() == 1 && all(IsMonths) ? "" : name + "with a number of months";
    case kNames:
      return all(IsCode) ? "" : name + "with codes of a-z, 0-9 and -, never a person's name";
  }
  return "";
}

}  // namespace dure::terms
