#include <algorithm>
#include <nlohmann/json.hpp>

#include "policy/terms/odrl_reader.h"

namespace dure::terms {
namespace {

using nlohmann::ordered_json;

std::string OnlyText(const ordered_json& object, const char* name) {
  const Found values = ValuesOf(object, kOdrlNames, name);
  return values.size() == 1 ? TextIn(*values.front()) : "";
}

// "KR", "iso3166:KR", "…/iso3166/KR"; empty: not a country, or a part of one (ISO 3166-2).
std::string CountryOf(const std::string& text) {
  if (IsCountry(text)) return text;
  const size_t cut = text.find_last_of("#/:");
  const bool listed = text.find("3166") != text.npos && text.find("3166-2") == text.npos;
  const std::string last = cut == text.npos || !listed ? "" : text.substr(cut + 1);
  return IsCountry(last) ? last : "";
}

std::optional<std::set<std::string>> CountriesOf(const std::vector<std::string>& words) {
  std::set<std::string> countries;
  for (const std::string& word : words) {
    const std::string country = CountryOf(word);
    if (country.empty()) return std::nullopt;
    countries.insert(country);
  }
  if (countries.empty()) return std::nullopt;
  return countries;
}

void Keep(std::optional<Instant>& kept, Instant time, bool latest) {
  if (!kept || (latest ? *kept < time : time < *kept)) kept = time;
}

// nullopt: outside the times that terms can name.
std::optional<Instant> Moved(std::optional<Instant> time, int64_t seconds) {
  if (!time) return std::nullopt;
  time->seconds += seconds;
  if (time->seconds < 0) return std::nullopt;
  return ParseInstant(FormatInstant(*time), DayPart::kFirstSecond);
}

}  // namespace

// False: not understood. What was taken by then narrows, and stays.
bool OdrlReader::TakeConstraint(const Json& constraint, const std::set<Action>& actions,
                                Purposes& purposes) {
  if (!constraint.is_object()) return false;
  const Found all = ValuesOf(constraint, kOdrlNames, "and");
  if (!all.empty()) {
    if (!OtherThan(constraint, kOdrlNames, {"@type", "@id", "uid", "and"}).empty()) return false;
    bool understood = true;
    for (const Json* one : all) understood &= TakeConstraint(*one, actions, purposes);
    return understood;
  }
  const bool more = !OtherThan(constraint, kOdrlNames,
                               {"@type", "@id", "uid", "leftOperand", "operator", "rightOperand"})
                         .empty();
  if (more) return false;
  const std::string left = WordIn(kOdrlNames, OnlyText(constraint, "leftOperand"));
  const std::string op = WordIn(kOdrlNames, OnlyText(constraint, "operator"));
  std::vector<std::string> right;
  for (const Json* value : ValuesOf(constraint, kOdrlNames, "rightOperand"))
    right.push_back(TextIn(*value));
  const bool one = right.size() == 1;
  const bool among = op == "isAnyOf" || (op == "eq" && one);
  const bool outside = op == "isNoneOf" || (op == "neq" && one);
  if (left == "purpose" && among) return TakePurposes(right, purposes);
  if (left == "spatial" && among) return TakePlaces(right, actions);
  if (left == "spatial" && outside) return TakeExcluded(right, actions);
  if (left == "dateTime" && one) return TakeTime(op, right[0], actions);
  return false;
}

// All constraints of a permission hold together.
bool OdrlReader::TakePurposes(const std::vector<std::string>& words, Purposes& purposes) {
  std::set<Purpose> read;
  for (const std::string& word : words) {
    const auto purpose = FromWord<Purpose>(WordIn(kDureNames, word));
    if (!purpose) return false;
    read.insert(*purpose);
  }
  if (read.empty()) return false;
  if (!purposes) purposes = read;
  std::erase_if(*purposes, [&](Purpose purpose) { return !read.contains(purpose); });
  return true;
}

bool OdrlReader::TakePlaces(const std::vector<std::string>& words,
                            const std::set<Action>& actions) {
  const auto countries = CountriesOf(words);
  if (!countries) return false;
  for (const Action action : actions) {
    auto& places = TouchesData(action) ? processing_ : exports_;
    if (!places) places = countries;
    std::erase_if(*places, [&](const auto& country) { return !countries->contains(country); });
  }
  return true;
}

bool OdrlReader::TakeExcluded(const std::vector<std::string>& words,
                              const std::set<Action>& actions) {
  const auto countries = CountriesOf(words);
  if (!countries) return false;
  excluded_.insert(countries->begin(), countries->end());
  return std::all_of(actions.begin(), actions.end(), TouchesData);
}

// A day without a time of day begins with its first second and ends with its last; lt and gt leave
// out the whole of it.
bool OdrlReader::TakeTime(const std::string& op, const std::string& text,
                          const std::set<Action>& actions) {
  const bool ends = op == "lteq" || op == "lt";
  if (!ends && op != "gteq" && op != "gt") return false;
  const bool last = op == "lteq" || op == "gt";
  const auto read = ParseInstant(text, last ? DayPart::kLastSecond : DayPart::kFirstSecond);
  const auto time = op == "lt" ? Moved(read, -1) : op == "gt" ? Moved(read, 1) : read;
  if (!time) return false;
  bool understood = true;
  for (const Action action : actions) {
    const bool data = TouchesData(action);
    if (ends) {
      Keep(time_.valid_until, *time, false);
      understood &= data;  // terms have no end for the use of a model
    } else if (op == "gt" && !data) {
      Keep(time_.embargo_until, *read, true);
    } else {
      Keep(time_.valid_from, *time, true);
    }
  }
  return understood;
}

}  // namespace dure::terms
