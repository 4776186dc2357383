#include "aggregator/constitution.h"

#include <toml++/toml.h>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <iterator>

#include "policy/rules/constitution.h"
#include "policy/rules/parse.h"
#include "policy/rules/policy_set.h"

namespace dure::aggregator {
namespace {

namespace fs = std::filesystem;

constexpr std::string_view kCharterFile = "charter.toml";

struct Field {
  std::string_view name;
  uint64_t ledger::VotingRule::*value;
  uint64_t most;
  std::string_view remark;
};
constexpr uint64_t kYear = 366 * 86400;
constexpr Field kFields[] = {
    {"quorum_percent", &ledger::VotingRule::quorum_percent, 100,
     "of the members that lend data or have an officer; abstentions count; 66 is two of three"},
    {"house_percent", &ledger::VotingRule::house_percent, 99,
     "in each house somebody votes, and more than this share of yes and no says yes"},
    {"window_seconds", &ledger::VotingRule::window_seconds, kYear, "how long a vote is open"},
    {"emergency_members", &ledger::VotingRule::emergency_members, 4,
     "yes votes, each of another house, for an emergency rule; 0: there are none"},
    {"emergency_seconds", &ledger::VotingRule::emergency_seconds, kYear,
     "how long an emergency rule holds"},
    {"cosign_percent", &ledger::VotingRule::cosign_percent, 99,
     "a tree head is agreed when more than this share of each house's sites co-signed"},
};

std::string FieldNames() {
  std::string names;
  for (const Field& field : kFields) names += std::string(field.name) + " ";
  return names + "runs_by_vote unmasked_by_vote";
}

Result<std::string> ReadFile(const fs::path& path) {
  std::ifstream in(path, std::ios::binary);
  if (!in) return Fail(ErrorCode::kUnavailable, "cannot read " + path.string());
  return std::string{std::istreambuf_iterator<char>(in), {}};
}

Result<ledger::VotingRule> ReadCharter(const fs::path& path) {
  DURE_ASSIGN(const std::string text, ReadFile(path));
  const auto parsed = toml::parse(text, path.string());
  ledger::VotingRule voting;
  for (const auto& [key, node] : parsed) {
    const std::string name(key.str());
    const std::string where = path.string() + ":" + std::to_string(node.source().begin.line) + ": ";
    if (name == "runs_by_vote" && node.is_boolean()) {
      voting.runs_by_vote = node.as_boolean()->get();
      continue;
    }
    if (name == "unmasked_by_vote" && node.is_boolean()) {
      voting.unmasked_by_vote = node.as_boolean()->get();
      continue;
    }
    const auto field = std::ranges::find(kFields, name, &Field::name);
    if (name == "runs_by_vote" || name == "unmasked_by_vote") {
      return Fail(ErrorCode::kInvalid, where + name + " is true or false, without quotes");
    }
    if (field == std::end(kFields)) {
      return Fail(ErrorCode::kInvalid,
                  where + name + " is no field of a charter; there are: " + FieldNames());
    }
    if (!node.is_integer()) {
      return Fail(ErrorCode::kInvalid, where + name + " is a whole number, without quotes");
    }
    const int64_t value = node.as_integer()->get();
    if (value < 0 || static_cast<uint64_t>(value) > field->most) {
      return Fail(ErrorCode::kInvalid,
                  where + name + " is from 0 to " + std::to_string(field->most));
    }
    voting.*(field->value) = static_cast<uint64_t>(value);
  }
  return voting;
}

}  // namespace

Constitution ShippedConstitution() {
  Constitution constitution;
  for (const rules::ConstitutionText& text : rules::ConstitutionTexts()) {
    constitution.policies.emplace_back(text.text);
  }
  return constitution;
}

Result<Constitution> ReadConstitution(const std::string& folder) {
  if (!fs::exists(folder)) return ShippedConstitution();
  Constitution constitution;
  if (fs::exists(fs::path(folder) / kCharterFile)) {
    try {
      DURE_ASSIGN(constitution.voting, ReadCharter(fs::path(folder) / kCharterFile));
    } catch (const toml::parse_error& error) {
      return Fail(ErrorCode::kInvalid, folder + "/" + std::string(kCharterFile) + ":" +
                                           std::to_string(error.source().begin.line) + ": " +
                                           std::string(error.description()));
    }
  }
  std::vector<fs::path> files;
  std::error_code ignored;
  for (const auto& entry : fs::directory_iterator(folder, ignored)) {
    if (entry.path().extension() == ".policy") files.push_back(entry.path());
  }
  std::ranges::sort(files);
  std::vector<rules::PolicyDocument> documents;
  for (const fs::path& file : files) {
    DURE_ASSIGN(std::string text, ReadFile(file));
    DURE_ASSIGN(documents.emplace_back(), rules::ReadPolicy(text, file.string()));
    if (text.size() > ledger::kPolicyTextBytesMax) {
      return Fail(ErrorCode::kInvalid, file.string() + " is longer than an entry may be, " +
                                           std::to_string(ledger::kPolicyTextBytesMax) + " bytes");
    }
    constitution.policies.push_back(std::move(text));
  }
  const auto together = rules::PolicySet::Make(std::move(documents));
  if (!together) return Within(together.error(), folder);
  if (!constitution.policies.empty()) return constitution;
  return Fail(ErrorCode::kInvalid,
              folder + " holds no *.policy: without one nothing is ever permitted");
}

Status WriteConstitution(const std::string& folder, const Constitution& constitution) {
  std::error_code error;
  fs::create_directories(folder, error);
  const fs::path charter = fs::path(folder) / kCharterFile;
  if (!fs::exists(charter)) {
    std::ofstream out(charter);
    out << "# How this consortium decides. Read once, when the aggregator first starts; "
           "afterwards\n"
           "# it stands in the record.\n";
    for (const Field& field : kFields) {
      out << "\n# " << field.remark << "\n"
          << field.name << " = " << constitution.voting.*(field.value) << "\n";
    }
    out << "\n# whether a run needs a vote, or an operator's proposal suffices\nruns_by_vote = "
        << (constitution.voting.runs_by_vote ? "true" : "false")
        << "\n\n# whether a run without secure aggregation needs one, if three members or more "
           "take "
           "part\nunmasked_by_vote = "
        << (constitution.voting.unmasked_by_vote ? "true" : "false") << "\n";
    if (!out.flush()) return Fail(ErrorCode::kUnavailable, "cannot write " + charter.string());
  }
  const auto texts = rules::ConstitutionTexts();
  for (size_t i = 0; i < constitution.policies.size(); ++i) {
    const std::string name =
        i < texts.size() ? std::string(texts[i].name) : "p" + std::to_string(i + 1);
    const fs::path path = fs::path(folder) / (name + ".policy");
    if (fs::exists(path)) continue;
    std::ofstream out(path, std::ios::binary);
    out << constitution.policies[i];
    if (!out.flush()) return Fail(ErrorCode::kUnavailable, "cannot write " + path.string());
  }
  return {};
}

}  // namespace dure::aggregator
