// docs/reference is what people write rules by: it must name everything that a rule can hold.
#include <gmock/gmock.h>

#include <fstream>

#include "policy/rules/policy.h"
#include "policy/rules/schema.h"

namespace dure::rules {
namespace {

using ::testing::HasSubstr;

std::string Page(const std::string& name) {
  std::ifstream in(std::string(DURE_SOURCE_DIR) + "/docs/reference/" + name);
  return {std::istreambuf_iterator<char>(in), {}};
}

TEST(Reference, HasEveryAttributeWithItsKindAndItsNames) {
  const std::string page = Page("attributes.md");
  const auto& attributes = ConsortiumSchema().attributes();
  for (const Attribute& one : attributes) {
    std::string kind = one.KindText() + (one.nullable ? ", or none" : "");
    if (one.nullable && one.none_en != "none") kind += " (" + one.none_en + ")";
    const std::string row =
        "| `" + one.path + "` | " + kind + " | " + one.name_en + " | " + one.name_ko + " |\n";
    EXPECT_NE(page.find("\n" + row), page.npos) << row;
  }
  size_t rows = 0;
  for (size_t at = page.find("\n| `"); at != page.npos; at = page.find("\n| `", at + 1)) rows++;
  EXPECT_EQ(rows, attributes.size()) << "and none that is none";
}

TEST(Reference, NamesEveryActionEffectComparisonAndDuty) {
  const std::string page = Page("policy-language.md");
  for (const Action action : kActions)
    EXPECT_THAT(page, HasSubstr("`" + std::string(Name(action)) + "`"));
  for (const Effect effect : {Effect::kPermit, Effect::kForbid, Effect::kRequire, Effect::kOblige})
    EXPECT_THAT(page, HasSubstr("| `" + std::string(Name(effect)) + " … "));
  for (size_t op = 0; op < kOps; ++op)
    EXPECT_THAT(page, HasSubstr("attribute " + std::string(Name(static_cast<Op>(op)))));
  for (const std::string_view kind : DutyKinds())
    EXPECT_THAT(page, HasSubstr("`" + std::string(kind) + "`"));
}

}  // namespace
}  // namespace dure::rules
