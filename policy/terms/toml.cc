#include "policy/terms/toml.h"

#include <toml++/toml.h>

#include <algorithm>
#include <map>
#include <nlohmann/json.hpp>
#include <sstream>

#include "federation/check.h"
#include "policy/terms/passport_tree.h"
#include "policy/terms/tree.h"

namespace dure::terms {
namespace {

using nlohmann::ordered_json;

constexpr size_t kProblemsShown = 20;
constexpr int kTablesDeepMax = 4;  // duties[1].by is 3 deep

// The fields that a person writes as text and that the record holds as a commitment.
constexpr std::string_view kTexts[] = {
    "licence.copyright", "licence.patent",      "licence.trademark", "personal.assessment",
    "dataset.title",     "dataset.description", "duties[].text"};

std::string WithoutNumbers(const std::string& path) {
  std::string without;
  bool inside = false;
  for (const char c : path) {
    inside = inside && c != ']';
    if (!inside) without += c;
    inside = inside || c == '[';
  }
  return without;
}

bool IsTextField(const std::string& path) {
  const std::string field = WithoutNumbers(path);
  return std::find(std::begin(kTexts), std::end(kTexts), field) != std::end(kTexts);
}

// TOML to the tree that FromTree reads, with the line of each path and the texts taken out.
class Converter {
 public:
  Converter(Random& random, std::vector<Problem>& problems)
      : random_(random), problems_(problems) {}

  ordered_json Table(const toml::table& table, const std::string& path, int depth) {
    ordered_json object = ordered_json::object();
    if (depth > kTablesDeepMax) {
      problems_.push_back({path, "", "no tables so deep inside each other"});
      return object;
    }
    for (const auto& [key, node] : table) {
      const std::string name(key.str());
      const std::string field = path.empty() ? name : path + "." + name;
      lines[field] = node.source().begin.line;
      if (IsTextField(field) && node.is_string()) {
        object[name + "Commit"] = TakeText(field, **node.as_string());
      } else {
        object[name] = Value(node, field, depth);
      }
    }
    return object;
  }

  std::map<std::string, uint32_t> lines;
  std::vector<Attachment> attachments;

 private:
  std::string TakeText(const std::string& field, const std::string& text) {
    if (text.empty() || text.size() > kAttachmentBytesMax || attachments.size() == kAttachmentsMax)
      problems_.push_back({field, "", "a text of 1 to 16384 bytes, and at most 32 texts"});
    attachments.push_back({.field = field, .salt = MakeSalt(random_), .text = text});
    return attachments.back().commitment().Hex();
  }

  ordered_json Value(const toml::node& node, const std::string& field, int depth) {
    if (const auto* text = node.as_string()) return **text;
    if (const auto* number = node.as_integer()) return **number;
    if (const auto* number = node.as_floating_point()) return **number;
    if (const auto* flag = node.as_boolean()) return **flag;
    if (const auto* table = node.as_table()) return Table(*table, field, depth + 1);
    if (const auto* array = node.as_array()) return List(*array, field, depth);
    return Time(node);
  }

  // As TOML prints it, which is how ParseInstant reads it.
  static std::string Time(const toml::node& node) {
    std::ostringstream text;
    if (const auto* date = node.as_date()) text << **date;
    if (const auto* date_time = node.as_date_time()) text << **date_time;
    if (const auto* time = node.as_time()) text << **time;
    return text.str();
  }

  ordered_json List(const toml::array& array, const std::string& field, int depth) {
    ordered_json list = ordered_json::array();
    for (size_t i = 0; i < array.size(); ++i) {
      const std::string item = field + "[" + std::to_string(i + 1) + "]";
      lines[item] = array[i].source().begin.line;
      ordered_json value = Value(array[i], item, depth);
      // A code without values may stand as a plain text.
      if (field == "duo" && value.is_string()) value = ordered_json{{"code", value}};
      list.push_back(std::move(value));
    }
    return list;
  }

  Random& random_;
  std::vector<Problem>& problems_;
};

// Of the path or, if the field is missing, of what it should stand in; 0: nowhere.
uint32_t LineOf(const std::map<std::string, uint32_t>& lines, std::string path) {
  const std::string commit = "Commit";
  if (path.ends_with(commit)) path.resize(path.size() - commit.size());
  while (!path.empty()) {
    const auto found = lines.find(path);
    if (found != lines.end()) return found->second;
    const size_t cut = path.find_last_of(".[");
    path.resize(cut == path.npos ? 0 : cut);
  }
  return 0;
}

// Problems of the passport name their fields from the file's root.
void AppendAsDataset(const std::vector<Problem>& from, std::vector<Problem>& to) {
  for (Problem problem : from) {
    if (!problem.field.starts_with("dataset.")) problem.field = "dataset." + problem.field;
    to.push_back(std::move(problem));
  }
}

void ReadAll(ordered_json& tree, Draft& draft, std::vector<Problem>& problems) {
  const auto dataset = tree.find("dataset");
  if (dataset != tree.end()) {
    std::vector<Problem> found;
    draft.has_passport = true;
    draft.says_version = dataset->is_object() && dataset->contains("version");
    draft.passport = PassportFromTree(*dataset, found);
    if (found.empty()) found = Check(draft.passport);
    AppendAsDataset(found, problems);
    tree.erase(dataset);
  }
  std::vector<Problem> found;
  draft.terms = FromTree(tree, found);
  if (found.empty()) found = Check(draft.terms);
  problems.insert(problems.end(), found.begin(), found.end());
}

// The library as it is packaged throws; it ends here.
Result<toml::table> ParseTable(std::string_view text, std::vector<Problem>& problems,
                               uint32_t& line) {
  try {
    return toml::parse(text);
  } catch (const toml::parse_error& error) {
    line = error.source().begin.line;
    problems.push_back({"", "", "TOML: " + std::string(error.description())});
    return Fail(ErrorCode::kInvalid, "not TOML");
  }
}

std::string ToLine(std::string_view file_name, uint32_t line, const Problem& problem) {
  const std::string place =
      std::string(file_name) + ":" + (line == 0 ? "" : std::to_string(line) + ":") + " ";
  return place + (problem.field.empty() ? "not " + problem.allowed : Sentence(problem));
}

}  // namespace

TermsFile ReadToml(std::string_view text, Random& random) {
  TermsFile file;
  if (text.size() > kTermsFileBytesMax) {
    file.problems.push_back({0, {"", "", "read: it is longer than 64 KiB"}});
    return file;
  }
  std::vector<Problem> problems;
  Converter converter(random, problems);
  uint32_t line = 0;
  if (const auto table = ParseTable(text, problems, line)) {
    ordered_json tree = converter.Table(*table, "", 0);
    ReadAll(tree, file.draft, problems);
  }
  for (const Problem& problem : problems)
    file.problems.push_back({std::max(line, LineOf(converter.lines, problem.field)), problem});
  std::stable_sort(file.problems.begin(), file.problems.end(),
                   [](const auto& a, const auto& b) { return a.first < b.first; });
  file.draft.attachments = std::move(converter.attachments);
  return file;
}

Result<Draft> ParseToml(std::string_view text, std::string_view file_name, Random& random) {
  TermsFile file = ReadToml(text, random);
  if (file.problems.empty()) return std::move(file.draft);
  std::string message;
  for (size_t i = 0; i < file.problems.size() && i < kProblemsShown; ++i) {
    const auto& [line, problem] = file.problems[i];
    message += (i == 0 ? "" : "\n") + ToLine(file_name, line, problem);
  }
  if (file.problems.size() > kProblemsShown)
    message += "\n… and " + std::to_string(file.problems.size() - kProblemsShown) + " more";
  return Fail(ErrorCode::kInvalid, message);
}

Description Resalted(Description description, const std::vector<Attachment>& kept) {
  const Description fresh = description;
  std::string terms = ToCanonical(description.terms);
  std::string passport = ToCanonical(description.passport);
  for (Attachment& attachment : description.attachments) {
    const auto same = std::find_if(kept.begin(), kept.end(), [&](const Attachment& one) {
      return one.field == attachment.field && one.text == attachment.text;
    });
    if (same == kept.end()) continue;
    // A commitment is 64 digits that stand nowhere else.
    const std::string before = attachment.commitment().Hex();
    attachment.salt = same->salt;
    for (std::string* text : {&terms, &passport}) {
      const size_t at = text->find(before);
      if (at != text->npos) text->replace(at, before.size(), attachment.commitment().Hex());
    }
  }
  const auto read = ParseCanonical(terms);
  const auto read_passport = ParseCanonicalPassport(passport);
  if (!read || !read_passport) return fresh;
  description.terms = *read;
  description.passport = *read_passport;
  return description;
}

Result<Description> Describe(std::string_view terms_file, std::string_view file_name,
                             const std::filesystem::path& data, Random& random) {
  DURE_ASSIGN(Draft draft, ParseToml(terms_file, file_name, random));
  if (!draft.has_passport)
    return Fail(ErrorCode::kInvalid, std::string(file_name) +
                                         ": the table [dataset] is missing; it says which dataset "
                                         "these terms are of");
  Description description{.passport = std::move(draft.passport),
                          .terms = std::move(draft.terms),
                          .data_salt = MakeSalt(random),
                          .attachments = std::move(draft.attachments),
                          .says_version = draft.says_version};
  DURE_ASSIGN(const Measurement measured, MeasureData(data, description.data_salt));
  description.passport.files = measured.files;
  description.passport.bytes = measured.bytes;
  description.passport.lines = measured.lines;
  description.passport.data = measured.digest;
  return description;
}

}  // namespace dure::terms
