#include "model/text/columns.h"

#include <algorithm>
#include <array>
#include <cctype>
#include <map>

namespace dure::text {
namespace {

constexpr std::array<std::string_view, 14> kUsualNames = {
    "text",    "document", "content", "contents",  "body",    "sentence", "review",
    "comment", "message",  "article", "utterance", "passage", "본문",     "내용"};

std::string Lower(std::string_view name) {
  std::string lower(name);
  for (char& c : lower) c = static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
  return lower;
}

struct Tally {
  std::string name;
  size_t values = 0;
  size_t readable = 0;
};

std::vector<Tally> TallyColumns(const std::vector<std::vector<Field>>& sample) {
  std::vector<Tally> tallies;
  std::map<std::string_view, size_t> place_of;  // of the sample's names: a table may have thousands
  for (const auto& record : sample) {
    for (const Field& field : record) {
      const auto [place, is_new] = place_of.emplace(field.name, tallies.size());
      if (is_new) tallies.push_back({field.name});
      if (field.text.empty()) continue;
      Tally& tally = tallies[place->second];
      ++tally.values;
      if (ReadsLikeText(field.text)) ++tally.readable;
    }
  }
  return tallies;
}

}  // namespace

bool ReadsLikeText(std::string_view value) {
  const auto is_letter = [](char c) {
    return static_cast<unsigned char>(c) >= 0x80 || std::isalpha(static_cast<unsigned char>(c));
  };
  const auto letters = static_cast<size_t>(std::count_if(value.begin(), value.end(), is_letter));
  const bool has_words = value.find(' ') != std::string_view::npos;
  return has_words && value.size() >= 8 && 2 * letters >= value.size();
}

ColumnChoice ChooseColumns(const std::vector<std::string>& wanted,
                           const std::vector<std::vector<Field>>& sample) {
  if (!wanted.empty()) return {wanted, false};
  const std::vector<Tally> tallies = TallyColumns(sample);
  for (const std::string_view usual : kUsualNames) {
    for (const Tally& tally : tallies) {
      if (Lower(tally.name) == usual) return {{tally.name}, false};
    }
  }
  ColumnChoice choice{{}, true};
  for (const Tally& tally : tallies) {
    if (tally.values > 0 && 2 * tally.readable >= tally.values) choice.names.push_back(tally.name);
  }
  return choice;
}

}  // namespace dure::text
