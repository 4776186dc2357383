#include "policy/terms/licence.h"

#include <gmock/gmock.h>

#include "policy/terms/spdx.h"

namespace dure::terms {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

TEST(Spdx, IsWrittenInOneForm) {
  const std::pair<const char*, const char*> cases[] = {
      {"mit", "MIT"},
      {"cc-by-sa-4.0", "CC-BY-SA-4.0"},
      {"GPL-2.0", "GPL-2.0-only"},
      {"GPL-2.0+", "GPL-2.0-or-later"},
      {"Apache-2.0+", "Apache-2.0+"},
      {"  MIT   AND  ISC ", "MIT AND ISC"},
      {"(MIT)", "MIT"},
      {"MIT OR (ISC AND Zlib)", "MIT OR ISC AND Zlib"},
      {"(MIT OR ISC) AND Zlib", "(MIT OR ISC) AND Zlib"},
      {"GPL-2.0-only WITH classpath-exception-2.0", "GPL-2.0-only WITH Classpath-exception-2.0"},
      {"LicenseRef-KOGL-2", "LicenseRef-KOGL-2"}};
  for (const auto& [given, written] : cases) {
    const auto parsed = ParseSpdx(given);
    ASSERT_TRUE(parsed.has_value()) << given << ": " << parsed.error().message;
    EXPECT_EQ(parsed->text, written);
    EXPECT_EQ(ParseSpdx(parsed->text)->text, written);
    EXPECT_EQ(ParseSpdx(parsed->text)->choices, parsed->choices);
  }
}

TEST(Spdx, IsAListOfChoicesOfLicencesThatAllHold) {
  EXPECT_THAT(ParseSpdx("(MIT OR ISC) AND Zlib")->choices,
              ElementsAre(ElementsAre("ISC", "Zlib"), ElementsAre("MIT", "Zlib")));
  EXPECT_THAT(ParseSpdx("MIT OR MIT")->choices, ElementsAre(ElementsAre("MIT")));
}

TEST(Spdx, RefusesWhatIsNoExpressionAndSaysWhy) {
  const std::pair<const char*, const char*> cases[] = {
      {"", "a licence is missing"},
      {"CC-BY-SA-5.0", "'CC-BY-SA-5.0' is not an SPDX licence; a licence that SPDX does not list"},
      {"MIT AND", "a licence is missing"},
      {"MIT ISC", "'ISC' is not expected there"},
      {"MIT and ISC", "'and' is not expected there"},
      {"(MIT", "a parenthesis is not closed"},
      {"MIT)", "')' is not expected there"},
      {"MIT WITH nothing", "'nothing' is not an SPDX exception"},
      {"LicenseRef-", "'LicenseRef-' is not an SPDX licence"},
      {"LicenseRef-a_b", "is not an SPDX licence"},
      {"+", "is not an SPDX licence"}};
  for (const auto& [given, why] : cases) {
    const auto parsed = ParseSpdx(given);
    ASSERT_FALSE(parsed.has_value()) << given;
    EXPECT_THAT(parsed.error().message, HasSubstr(why)) << given;
  }
  std::string wide = "(MIT OR ISC)";
  for (int i = 0; i < 12; ++i) wide += " AND (LicenseRef-a" + std::to_string(i) + " OR Zlib)";
  EXPECT_THAT(ParseSpdx(wide).error().message, HasSubstr("too many choices"));
  const std::string deep = std::string(17, '(') + "MIT" + std::string(17, ')');
  EXPECT_THAT(ParseSpdx(deep).error().message, HasSubstr("too many parentheses"));
  EXPECT_THAT(ParseSpdx(std::string(600, '(')).error().message, HasSubstr("too long"));
}

struct Fate {
  const char* material;
  const char* model;
  bool may;
};

TEST(Licence, PassesItsConditionsToTheModel) {
  const Fate cases[] = {
      // Free material binds nothing.
      {"CC0-1.0", "CC0-1.0", true},
      {"CC0-1.0", "CC-BY-NC-4.0", true},
      {"CC0-1.0", "LicenseRef-consortium", true},
      {"LicenseRef-PublicDomain", "MIT", true},
      // Attribution must go on.
      {"MIT", "CC0-1.0", false},
      {"MIT", "Apache-2.0", true},
      {"CC-BY-4.0", "CC0-1.0", false},
      {"CC-BY-4.0", "CC-BY-SA-4.0", true},
      {"LicenseRef-KOGL-1", "CC-BY-4.0", true},
      // Non-commercial stays so.
      {"CC-BY-NC-4.0", "CC-BY-4.0", false},
      {"CC-BY-NC-4.0", "CC-BY-NC-4.0", true},
      {"CC-BY-NC-4.0", "CC-BY-NC-SA-4.0", true},
      {"CC-BY-NC-4.0", "CC-BY-SA-4.0", false},
      {"CC-BY-NC-4.0", "LicenseRef-consortium", false},
      {"LicenseRef-KOGL-2", "CC-BY-NC-4.0", true},
      // Share-alike: itself, and what its own text names.
      {"CC-BY-SA-4.0", "CC-BY-SA-4.0", true},
      {"CC-BY-SA-4.0", "CC-BY-4.0", false},
      {"CC-BY-SA-4.0", "GPL-3.0-only", true},
      {"CC-BY-SA-4.0", "CC-BY-SA-3.0", false},
      {"CC-BY-SA-3.0", "CC-BY-SA-4.0", true},
      {"CC-BY-SA-3.0", "GPL-3.0-only", false},
      {"CC-BY-SA-2.1-JP", "CC-BY-SA-3.0", true},
      {"CC-BY-SA-1.0", "CC-BY-SA-2.0", false},
      {"CC-BY-NC-SA-4.0", "CC-BY-SA-4.0", false},
      {"CC-BY-NC-SA-3.0", "CC-BY-NC-SA-4.0", true},
      {"GPL-2.0-only", "GPL-3.0-only", false},
      {"GPL-2.0-or-later", "GPL-3.0-only", true},
      {"GPL-3.0-only", "CC-BY-SA-4.0", false},
      {"LGPL-2.1-only", "GPL-2.0-only", true},
      {"ODbL-1.0", "CC-BY-SA-4.0", false},
      {"GPL-2.0-only WITH Classpath-exception-2.0", "GPL-2.0-only", true},
      // No derivatives: no model at all.
      {"CC-BY-ND-4.0", "CC-BY-ND-4.0", false},
      {"LicenseRef-KOGL-3", "CC-BY-4.0", false},
      {"LicenseRef-KOGL-4", "CC-BY-NC-4.0", false},
      // A text that nobody has read for us: only itself.
      {"LicenseRef-x", "CC-BY-NC-4.0", false},
      {"LicenseRef-x", "LicenseRef-x", true},
  };
  for (const Fate& fate : cases)
    EXPECT_EQ(MayBecome(fate.material, fate.model), fate.may)
        << fate.material << " -> " << fate.model;
}

TEST(Licence, EveryShareAlikeTargetIsALicence) {
  for (const char* licence : {"CC-BY-SA-3.0", "CC-BY-NC-SA-2.5", "GPL-2.0-or-later", "MPL-2.0",
                              "EUPL-1.2", "LGPL-2.1-or-later", "GFDL-1.2-or-later", "EPL-2.0"}) {
    const auto targets = ShareAlikeTargets(licence);
    EXPECT_EQ(targets.front(), licence);
    for (const std::string& target : targets) EXPECT_EQ(ParseSpdx(target)->text, target);
  }
  EXPECT_TRUE(ShareAlikeTargets("MIT").empty());
}

}  // namespace
}  // namespace dure::terms
