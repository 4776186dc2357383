// docs/reference/terms.md and the how-to are what people sign by: they must say every field and
// every word that there is, and their example must be sound.
#include <gmock/gmock.h>

#include <fstream>

#include "policy/terms/toml.h"
#include "policy/terms/tree.h"

namespace dure::terms {
namespace {

using ::testing::HasSubstr;

std::string Read(const std::string& path) {
  std::ifstream in(std::string(DURE_SOURCE_DIR) + "/" + path);
  return {std::istreambuf_iterator<char>(in), {}};
}

template <typename E>
void ExpectWords(const std::string& page) {
  for (const std::string_view word : Vocabulary<E>::words) {
    if (word != "unknown" && word != "none") {
      EXPECT_THAT(page, HasSubstr("`" + std::string(word) + "`"));
    }
  }
}

TEST(Reference, NamesEveryFieldAndEveryWord) {
  const std::string page = Read("docs/reference/terms.md");
  for (const std::string& path : FieldPaths()) {
    std::string name = path.substr(path.rfind('.') + 1);
    if (name.ends_with("Commit")) name.resize(name.size() - 6);
    EXPECT_THAT(page, HasSubstr(name)) << path;
  }
  ExpectWords<UseClass>(page);
  ExpectWords<Purpose>(page);
  ExpectWords<Action>(page);
  ExpectWords<PersonalClass>(page);
  ExpectWords<Basis>(page);
  ExpectWords<ConsentDuty>(page);
  ExpectWords<DutyKind>(page);
  ExpectWords<TdmEvidence>(page);
  ExpectWords<WithdrawalScope>(page);
  ExpectWords<Classification>(page);
  ExpectWords<Modality>(page);
  ExpectWords<Origin>(page);
  for (const DuoMeaning& meaning : AllDuo())
    EXPECT_THAT(page, HasSubstr(std::string(meaning.shorthand)));
}

TEST(HowTo, ItsExampleIsSound) {
  const std::string page = Read("docs/how-to/describe-your-data.md");
  std::string example;
  const size_t begin = page.find("    version = 1");
  ASSERT_NE(begin, page.npos);
  for (size_t at = begin; page[at] == ' ' || page[at] == '\n';) {
    const size_t end = page.find('\n', at) + 1;
    example += page.substr(at, end - at);
    at = end;
  }
  SystemRandom random;
  const auto draft = ParseToml(example, "example", random);
  ASSERT_TRUE(draft.has_value()) << draft.error().message;
  EXPECT_EQ(draft->passport.dataset, "reviews");
  EXPECT_EQ(draft->terms.duties.size(), 1u);
}

}  // namespace
}  // namespace dure::terms
