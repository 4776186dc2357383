#include "policy/terms/tree_reader.h"

#include <algorithm>
#include <cmath>
#include <nlohmann/json.hpp>

#include "policy/terms/decimal.h"
#include "policy/terms/spdx.h"
#include "policy/terms/tree.h"

namespace dure::terms {
namespace {

using nlohmann::ordered_json;

constexpr uint64_t kCountMax = uint64_t{1} << 53;  // beyond it JSON readers disagree

// As it was written: JSON has no word for a number that is none.
std::string Shown(const ordered_json& value) {
  if (value.is_number_float() && !std::isfinite(value.get<double>())) {
    const double number = value.get<double>();
    return std::isnan(number) ? "nan" : number > 0 ? "inf" : "-inf";
  }
  std::string text = value.is_string()
                         ? value.get<std::string>()
                         : value.dump(-1, ' ', true, ordered_json::error_handler_t::replace);
  if (text.size() > 60) text = text.substr(0, 57) + "...";
  return text;
}

}  // namespace

TreeReader::TreeReader(const ordered_json& tree, std::vector<Problem>& problems)
    : problems_(problems) {
  static const ordered_json empty = ordered_json::object();
  if (!tree.is_object()) problems_.push_back({"terms", Shown(tree), "a table of fields"});
  levels_.push_back({tree.is_object() ? &tree : &empty, "", {}});
}

std::string TreeReader::PathOf(const char* name) const {
  const std::string& path = levels_.back().path;
  return path.empty() ? name : path + "." + name;
}

void TreeReader::Blame(const char* name, const std::string& value, const std::string& allowed) {
  problems_.push_back({PathOf(name), value, allowed});
}

const ordered_json* TreeReader::Field(const char* name) {
  Level& level = levels_.back();
  level.known.insert(name);
  const auto found = level.value->find(name);
  return found == level.value->end() ? nullptr : &*found;
}

void TreeReader::BlameUnknownNames(const Level& level) {
  if (!level.value->is_object()) return;
  for (const auto& [name, value] : level.value->items()) {
    if (level.known.contains(name)) continue;
    const std::vector<std::string> names(level.known.begin(), level.known.end());
    const std::string nearest = Nearest(names, name);
    std::string allowed = "no such field; ";
    if (!nearest.empty()) {
      allowed += "did you mean " + nearest + "?";
    } else {
      allowed += "there are:";
      for (const std::string& known : names) allowed += " " + known;
    }
    problems_.push_back(
        {level.path.empty() ? name : level.path + "." + name, Shown(value), allowed});
  }
}

bool TreeReader::Enter(const char* name) {
  const ordered_json* value = Field(name);
  if (value == nullptr) return false;
  if (!value->is_object()) {
    Blame(name, Shown(*value), "a table of fields");
    return false;
  }
  levels_.push_back({value, PathOf(name), {}});
  return true;
}

size_t TreeReader::EnterList(const char* name) {
  const ordered_json* value = Field(name);
  if (value == nullptr) return 0;
  if (!value->is_array() || value->size() > kTermsItemsMax) {
    Blame(name, Shown(*value), "a list of at most " + std::to_string(kTermsItemsMax));
    return 0;
  }
  if (!value->empty()) levels_.push_back({value, PathOf(name), {}});
  return value->size();
}

bool TreeReader::EnterItem(size_t index) {
  const Level& list = levels_.back();
  const ordered_json& item = (*list.value)[index];
  const std::string path = list.path + "[" + std::to_string(index + 1) + "]";
  if (!item.is_object()) {
    problems_.push_back({path, Shown(item), "a table of fields"});
    return false;
  }
  levels_.push_back({&item, path, {}});
  return true;
}

void TreeReader::Leave() {
  BlameUnknownNames(levels_.back());
  levels_.pop_back();
}

void TreeReader::Finish() { BlameUnknownNames(levels_.front()); }

bool TreeReader::Word(const char* name, std::string& word) {
  const ordered_json* value = Field(name);
  if (value == nullptr) return false;
  if (!value->is_string() || value->get_ref<const std::string&>().size() > kSpdxBytesMax) {
    Blame(name, Shown(*value), "a text in quotes");
    return false;
  }
  word = value->get<std::string>();
  return true;
}

std::vector<std::string> TreeReader::Words(const char* name) {
  const ordered_json* value = Field(name);
  if (value == nullptr) return {};
  if (value->is_string()) return {value->get<std::string>()};
  std::vector<std::string> words;
  const bool list = value->is_array() && value->size() <= 300;  // a list of all countries fits
  const bool texts = list && std::all_of(value->begin(), value->end(),
                                         [](const auto& item) { return item.is_string(); });
  if (!texts) {
    Blame(name, Shown(*value), "a list of texts in quotes");
    return {};
  }
  for (const auto& item : *value) words.push_back(item.get<std::string>());
  return words;
}

void TreeReader::Constant(const char* name, std::string_view expected) {
  std::string word;
  if (Word(name, word) && word != expected) Blame(name, word, std::string(expected));
}

void TreeReader::Code(const char* name, std::string& value) {
  std::string word;
  if (!Word(name, word)) return;
  if (IsCode(word)) {
    value = word;
  } else {
    Blame(name, word, "a code of letters, digits and -");
  }
}

void TreeReader::Codes(const char* name, std::set<std::string>& values) {
  for (const std::string& word : Words(name)) {
    if (IsCode(word)) {
      values.insert(word);
    } else {
      Blame(name, word, "codes of letters, digits and -");
    }
  }
}

void TreeReader::Spdx(const char* name, std::string& value) {
  std::string word;
  if (!Word(name, word) || word.empty() || word == "unknown") return;
  const auto expression = ParseSpdx(word);
  if (expression) {
    value = expression->text;
  } else {
    Blame(name, word, "an SPDX licence expression: " + expression.error().message);
  }
}

void TreeReader::Flag(const char* name, bool& value, bool) {
  const ordered_json* field = Field(name);
  if (field == nullptr) return;
  if (field->is_boolean()) {
    value = field->get<bool>();
  } else {
    Blame(name, Shown(*field), "true or false");
  }
}

void TreeReader::Count(const char* name, uint64_t& value, uint64_t) {
  std::optional<uint64_t> count;
  Count(name, count);
  if (count) value = *count;
}

void TreeReader::Count(const char* name, std::optional<uint64_t>& value) {
  const ordered_json* field = Field(name);
  if (field == nullptr) return;
  // TOML's integers are signed, canonical JSON's counts are not.
  const bool count =
      field->is_number_unsigned() || (field->is_number_integer() && field->get<int64_t>() >= 0);
  if (count && field->get<uint64_t>() <= kCountMax) {
    value = field->get<uint64_t>();
  } else {
    Blame(name, Shown(*field), "a whole number from 0 to 2^53");
  }
}

// A decimal text in canonical JSON, a number in TOML.
void TreeReader::Millionths(const char* name, std::optional<uint64_t>& value) {
  const ordered_json* field = Field(name);
  if (field == nullptr) return;
  std::optional<uint64_t> read;
  if (field->is_string()) read = ParseMillionths(field->get_ref<const std::string&>());
  if (field->is_number()) read = MillionthsOf(field->get<double>());
  if (read) {
    value = read;
  } else {
    Blame(name, Shown(*field), "a number of at least 0 with at most six decimals, such as 8.5");
  }
}

void TreeReader::Time(const char* name, std::optional<Instant>& value, DayPart day_part) {
  std::string word;
  if (!Word(name, word)) return;
  value = ParseInstant(word, day_part);
  if (!value) Blame(name, word, "a date such as 2027-12-31, or 2027-12-31T18:00:00+09:00");
}

void TreeReader::Commitment(const char* name, std::optional<Digest>& value) {
  std::string word;
  if (!Word(name, word)) return;
  const auto digest = Digest::FromHex(word);
  if (digest) {
    value = *digest;
  } else {
    Blame(name, word, "64 hex digits");
  }
}

void TreeReader::Hash(const char* name, Digest& value) {
  std::optional<Digest> digest;
  Commitment(name, digest);
  if (digest) value = *digest;
}

void TreeReader::Countries(const char* name, std::set<std::string>& value) {
  for (const std::string& word : Words(name)) {
    if (IsCountry(word)) {
      value.insert(word);
    } else {
      Blame(name, word, "countries by their ISO 3166 code in capitals, such as KR");
    }
  }
}

void TreeReader::Where(const char* name, Places& value) {
  const std::vector<std::string> words = Words(name);
  if (words.size() == 1 && words.front() == kAnywhere) {
    value.anywhere = true;
    return;
  }
  for (const std::string& word : words) {
    if (IsCountry(word)) {
      value.countries.insert(word);
    } else {
      Blame(name, word,
            "countries by their ISO 3166 code in capitals, such as KR, or * alone for anywhere");
    }
  }
}

void TreeReader::Duo(DuoCode& value) {
  std::string word;
  if (!Word("code", word)) {
    Blame("code", "", "a DUO code, such as DUO:0000046");
    return;
  }
  const auto number = ParseDuoNumber(word);
  if (!number) Blame("code", word, "a DUO code, such as DUO:0000046 or NCU");
  value.number = number.value_or(0);
  const DuoMeaning* meaning = FindDuo(value.number);
  for (std::string item : Words("values")) {
    // A date has one spelling, so that equal terms are equal bytes.
    const bool date = meaning != nullptr && meaning->values == DuoValues::kDate;
    if (const auto instant = date ? ParseInstant(item, DayPart::kLastSecond) : std::nullopt)
      item = FormatInstant(*instant);
    value.values.push_back(std::move(item));
  }
  std::sort(value.values.begin(), value.values.end());
  value.values.erase(std::unique(value.values.begin(), value.values.end()), value.values.end());
}

}  // namespace dure::terms
