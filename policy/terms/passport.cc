#include "policy/terms/passport.h"

#include <nlohmann/json.hpp>

#include "federation/check.h"
#include "policy/terms/passport_tree.h"
#include "policy/terms/tree_reader.h"
#include "policy/terms/tree_writer.h"

namespace dure::terms {
namespace {

using nlohmann::ordered_json;

template <typename Walk>
void WalkPassport(Walk& walk, Passport& passport) {
  walk.Constant("format", kPassportFormat);
  walk.Code("dataset", passport.dataset);
  walk.Count("version", passport.version, 0);
  walk.Code("custodian", passport.custodian);
  walk.Code("rightsHolder", passport.rights_holder);
  walk.Choice("modality", passport.modality, static_cast<Modality>(kWordCount<Modality>));
  walk.Choice("origin", passport.origin, Origin::kUnknown);
  walk.Choice("classification", passport.classification,
              static_cast<Classification>(kWordCount<Classification>));
  walk.Codes("languages", passport.languages);
  walk.Time("collectedFrom", passport.collected_from, DayPart::kFirstSecond);
  walk.Time("collectedUntil", passport.collected_until, DayPart::kLastSecond);
  walk.Commitment("titleCommit", passport.title);
  walk.Commitment("descriptionCommit", passport.description);
  walk.Count("records", passport.records);
  walk.Count("tokens", passport.tokens);
  walk.Count("files", passport.files, 0);
  walk.Count("bytes", passport.bytes, 0);
  walk.Count("lines", passport.lines, 0);
  walk.Hash("data", passport.data);
}

}  // namespace

ordered_json ToTree(const Passport& passport) {
  Passport copy = passport;
  TreeWriter writer;
  WalkPassport(writer, copy);
  return writer.Take();
}

Passport PassportFromTree(const ordered_json& tree, std::vector<Problem>& problems) {
  Passport passport;
  TreeReader reader(tree, problems);
  WalkPassport(reader, passport);
  reader.Finish();
  return passport;
}

std::vector<Problem> Check(const Passport& passport) {
  std::vector<Problem> problems;
  const auto blame = [&](const char* field, const std::string& value, const std::string& allowed) {
    problems.push_back({std::string("dataset.") + field, value, allowed});
  };
  const std::string name = "a name of a-z, 0-9 and -, at most 64 characters";
  if (!DatasetId::Parse(passport.dataset)) blame("dataset", passport.dataset, name);
  if (!MemberId::Parse(passport.custodian)) blame("custodian", passport.custodian, name);
  if (!IsCode(passport.rights_holder))
    blame("rightsHolder", passport.rights_holder,
          "a code such as the member's name, public-domain or various; never a private person");
  if (passport.version < 1 || passport.version > 1'000'000)
    blame("version", std::to_string(passport.version), "a number from 1");
  if (passport.languages.size() > kTermsItemsMax)
    blame("languages", std::to_string(passport.languages.size()), "at most 64");
  if (passport.collected_from && passport.collected_until &&
      *passport.collected_until < *passport.collected_from)
    blame("collectedUntil", FormatInstant(*passport.collected_until), "not before collectedFrom");
  return problems;
}

std::string ToCanonical(const Passport& passport) {
  std::string text = ToTree(passport).dump();
  DURE_CHECK(text.size() <= kPassportBytesMax, "Check bounds every field of a sound passport");
  return text;
}

Result<Passport> ParseCanonicalPassport(std::string_view text) {
  if (text.size() > kPassportBytesMax)
    return Fail(ErrorCode::kInvalid, "passport: longer than " + std::to_string(kPassportBytesMax));
  const auto tree = ordered_json::parse(text.begin(), text.end(), nullptr, false);
  if (!tree.is_object()) return Fail(ErrorCode::kInvalid, "passport: not a JSON object");
  std::vector<Problem> problems;
  Passport passport = PassportFromTree(tree, problems);
  if (problems.empty()) problems = Check(passport);
  if (!problems.empty())
    return Fail(ErrorCode::kInvalid, "passport: " + Sentence(problems.front()));
  if (ToCanonical(passport) != text)
    return Fail(ErrorCode::kInvalid, "passport: not in the canonical form");
  return passport;
}

}  // namespace dure::terms
