#include "tests/sim/scenario.h"

#include <filesystem>
#include <fstream>
#include <functional>
#include <sstream>

namespace dure::sim {
namespace {

using Words = std::vector<std::string>;

Status Each(std::string_view text, const std::function<Status(const Words&)>& line_of) {
  std::istringstream lines{std::string(text)};
  std::string line;
  for (int number = 1; std::getline(lines, line); ++number) {
    std::istringstream words(line.substr(0, line.find('#')));
    Words list;
    for (std::string word; words >> word;) list.push_back(word);
    if (list.empty()) continue;
    if (auto status = line_of(list); !status) {
      return Within(status.error(), "line " + std::to_string(number));
    }
  }
  return {};
}

Result<double> Number(const std::string& word) {
  char* end = nullptr;
  const double value = std::strtod(word.c_str(), &end);
  if (end == word.c_str() || *end != 0 || !(value >= 0)) {
    return Fail(ErrorCode::kInvalid, "'" + word + "' is no number of 0 or more");
  }
  return value;
}

Result<Lie> LieNamed(const std::string& name) {
  const std::map<std::string, Lie> lies = {{"split-survivors", Lie::kSplitSurvivors},
                                           {"few-survivors", Lie::kFewSurvivors},
                                           {"false-sum", Lie::kFalseSum},
                                           {"old-messages", Lie::kOldMessages},
                                           {"mangled", Lie::kMangled},
                                           {"light-sum", Lie::kLightSum},
                                           {"unheard", Lie::kUnheard}};
  const auto found = lies.find(name);
  if (found != lies.end()) return found->second;
  return Fail(ErrorCode::kInvalid, "no lie is called " + name);
}

Status ParseEvent(const Words& words, Scenario& scenario) {
  if (words.size() < 3) return Fail(ErrorCode::kInvalid, "at <seconds> <verb> [who] [seconds]");
  ScriptedEvent event;
  DURE_ASSIGN(event.at_seconds, Number(words[1]));
  event.verb = words[2];
  if (words.size() > 3) event.who = words[3];
  if (words.size() > 4) {
    DURE_ASSIGN(event.seconds, Number(words[4]));
  }
  scenario.events.push_back(std::move(event));
  return {};
}

template <typename Of, typename Parse>
Result<std::map<std::string, Of>> LoadFolder(const std::string& folder, Parse parse) {
  std::map<std::string, Of> all;
  for (const auto& file : std::filesystem::directory_iterator(folder)) {
    DURE_ASSIGN(const std::string text, ReadText(file.path().string()));
    auto parsed = parse(text);
    if (!parsed) return Within(parsed.error(), file.path().filename().string());
    all.emplace(file.path().stem().string(), std::move(*parsed));
  }
  return all;
}

}  // namespace

Result<Scenario> ParseScenario(std::string_view text) {
  Scenario s;
  const std::map<std::string, std::function<void(double)>> setters = {
      {"sites", [&](double v) { s.sites = static_cast<uint32_t>(v); }},
      {"late_sites", [&](double v) { s.late_sites = static_cast<uint32_t>(v); }},
      {"rounds", [&](double v) { s.rounds = static_cast<uint64_t>(v); }},
      {"quorum", [&](double v) { s.quorum = static_cast<uint32_t>(v); }},
      {"cohort_min", [&](double v) { s.cohort_min = static_cast<uint32_t>(v); }},
      {"cohort_max", [&](double v) { s.cohort_max = static_cast<uint32_t>(v); }},
      {"join_window", [&](double v) { s.join_window = v; }},
      {"round_deadline", [&](double v) { s.round_deadline = v; }},
      {"lost_grace", [&](double v) { s.lost_grace = v; }},
      {"training", [&](double v) { s.training = v; }},
      {"momentum", [&](double v) { s.momentum = v; }},
      {"masked", [&](double v) { s.masked = v != 0; }},
      {"real_keys", [&](double v) { s.real_keys = v != 0; }},
      {"wild", [&](double v) { s.wild = v; }},
      {"saturation_limit", [&](double v) { s.saturation_limit = v; }},
      {"differences", [&](double v) { s.differences = v != 0; }},
      {"steady", [&](double v) { s.steady = v != 0; }},
      {"faulty_seconds", [&](double v) { s.faulty_seconds = v; }},
  };
  DURE_TRY(Each(text, [&](const Words& words) -> Status {
    if (words[0] == "at") return ParseEvent(words, s);
    if (words[0] == "lane" && words.size() == 2) {
      DURE_ASSIGN(s.lane, round::ParseLane(words[1]));
      return {};
    }
    if (words[0] == "lie" && words.size() == 2) {
      DURE_ASSIGN(s.lie, LieNamed(words[1]));
      return {};
    }
    if (words[0] == "faults" && words.size() == 2) {
      s.faults = words[1];
      return {};
    }
    const auto setter = setters.find(words[0]);
    if (setter == setters.end() || words.size() != 2) {
      return Fail(ErrorCode::kInvalid, "no directive '" + words[0] + "' of one value");
    }
    DURE_ASSIGN(const double value, Number(words[1]));
    setter->second(value);
    return {};
  }));
  return s;
}

Result<Faults> ParseFaults(std::string_view text) {
  Faults f;
  const std::map<std::string, double*> fields = {
      {"loss", &f.loss},
      {"duplicate", &f.duplicate},
      {"delay", &f.delay},
      {"crash", &f.crash},
      {"cut", &f.cut},
      {"upload_fails", &f.upload_fails},
      {"blob_lost", &f.blob_lost},
      {"merge_fails", &f.merge_fails},
      {"training_fails", &f.training_fails},
      {"derive_fails", &f.derive_fails},
      {"derive_differs", &f.derive_differs},
      {"decline", &f.decline},
      {"deny", &f.deny},
      {"withdraw", &f.withdraw},
      {"append_refused", &f.append_refused},
      {"clock_jump", &f.clock_jump},
      {"removal_lost", &f.removal_lost},
      {"file_lost", &f.file_lost},
  };
  DURE_TRY(Each(text, [&](const Words& words) -> Status {
    const auto field = fields.find(words[0]);
    if (field == fields.end() || words.size() != 2) {
      return Fail(ErrorCode::kInvalid, "no fault '" + words[0] + "' of one probability");
    }
    DURE_ASSIGN(*field->second, Number(words[1]));
    if (*field->second > 1) return Fail(ErrorCode::kInvalid, "a probability above 1");
    return {};
  }));
  return f;
}

Result<std::string> ReadText(const std::string& path) {
  std::ifstream file(path);
  if (!file) return Fail(ErrorCode::kNotFound, "cannot read " + path);
  std::ostringstream text;
  text << file.rdbuf();
  return text.str();
}

Result<std::map<std::string, Scenario>> LoadScenarios(const std::string& folder) {
  DURE_ASSIGN(auto all, LoadFolder<Scenario>(folder, ParseScenario));
  for (auto& [name, scenario] : all) scenario.name = name;
  return all;
}

Result<std::map<std::string, Faults>> LoadRecipes(const std::string& folder) {
  return LoadFolder<Faults>(folder, ParseFaults);
}

}  // namespace dure::sim
