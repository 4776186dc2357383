#include "policy/terms/form.h"

#include <gmock/gmock.h>

#include <sstream>

#include "policy/terms/form_questions.h"
#include "policy/terms/sentences.h"
#include "policy/terms/toml.h"

namespace dure::terms {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;

struct Session {
  Result<std::string> file;
  std::string screen;
};

// What somebody types at the question with that field; all others get an empty line.
Session Fill(const std::map<std::string, std::string>& typed, const std::string& end = "ok\n",
             Language language = Language::kEnglish) {
  std::string lines;
  for (const Question& question : Questions()) {
    const auto found = typed.find(question.field);
    const bool asked = question.only_if.empty() || typed.contains(question.field);
    if (asked) lines += (found == typed.end() ? "" : found->second) + "\n";
  }
  std::istringstream in(lines + end);
  std::ostringstream out;
  Session session{RunForm(in, out, language), ""};
  session.screen = out.str();
  return session;
}

const std::map<std::string, std::string> kReviews = {
    {"dataset.dataset", "reviews"},
    {"dataset.custodian", "portal-a"},
    {"dataset.rightsHolder", "public-domain"},
    {"dataset.title", "Film \"reviews\""},
    {"use", "1"},
    {"purposes", "2, 6 8"},
    {"licence.data", "cc0-1.0"},
    {"territories.exports", "*"},
    {"personal.class", "none"},
};

Draft Parse(const Session& session) {
  SystemRandom random;
  EXPECT_TRUE(session.file.has_value()) << session.screen;
  const auto draft = ParseToml(*session.file, "form.toml", random);
  EXPECT_TRUE(draft.has_value()) << draft.error().message << *session.file;
  return draft ? *draft : Draft();
}

TEST(Form, AsksEverythingAndMakesATermsFile) {
  const Draft draft = Parse(Fill(kReviews));
  EXPECT_EQ(draft.terms.use, UseClass::kOpen);
  EXPECT_EQ(draft.terms.purposes,
            (std::set<Purpose>{Purpose::kScientificResearch, Purpose::kCommercialService,
                               Purpose::kBenchmark}));
  EXPECT_EQ(draft.terms.licence.data, "CC0-1.0");
  EXPECT_EQ(draft.terms.Of(Action::kTrain), Permission::kAllow);
  EXPECT_EQ(draft.terms.Of(Action::kSynthesise), Permission::kDeny);
  EXPECT_TRUE(draft.terms.territories.exports.anywhere);
  EXPECT_EQ(draft.terms.limits.min_participants, 3u);
  EXPECT_EQ(draft.passport.dataset, "reviews");
  ASSERT_EQ(draft.attachments.size(), 1u);
  EXPECT_EQ(draft.attachments[0].text, "Film \"reviews\"");
}

TEST(Form, AsksAboutPeopleOnlyWhereThereAreAny) {
  EXPECT_THAT(Fill(kReviews).screen, Not(HasSubstr("legal ground")));
  auto typed = kReviews;
  typed["personal.class"] = "pseudonymised";
  typed["personal.special"] = "2";
  typed["personal.basis"] = "pseudonymised-research";
  typed["limits.epsilonMax"] = "6.5";
  const Draft draft = Parse(Fill(typed));
  EXPECT_EQ(draft.terms.personal.basis, Basis::kPseudonymisedResearch);
  EXPECT_EQ(draft.terms.limits.epsilon_max_micro, 6'500'000u);
}

TEST(Form, ChecksEachAnswerAtOnceAndAsksAgain) {
  auto typed = kReviews;
  typed["dataset.custodian"] = "Portal A\nportal-a";
  typed["use"] = "9\nnonsense\n1";
  typed["licence.data"] = "CC-0\nCC0-1.0";
  typed["territories.processing"] = "Korea\nKR JP";
  typed["time.validUntil"] = "soon\n2027-12-31";
  typed["limits.maxRounds"] = "many\n40";
  const Session session = Fill(typed);
  EXPECT_EQ(Parse(session).terms.limits.max_rounds, 40u);
  EXPECT_THAT(session.screen, HasSubstr("dataset.custodian: 'Portal A' does not fit"));
  EXPECT_THAT(session.screen, HasSubstr("Please give a number of the list."));
  EXPECT_THAT(session.screen, HasSubstr("'CC-0' is not an SPDX licence"));
  EXPECT_THAT(session.screen, HasSubstr("territories.processing: 'Korea' does not fit"));
  EXPECT_THAT(session.screen, HasSubstr("time.validUntil: 'soon' does not fit"));
  EXPECT_THAT(session.screen, HasSubstr("limits.maxRounds: 'many' does not fit"));
}

TEST(Form, GoesBackExplainsAndTakesNothingForAnAnswer) {
  auto typed = kReviews;
  typed["dataset.custodian"] = "?\n<\nfilm-reviews\nportal-b";
  typed["limits.minParticipants"] = "-";
  const Session session = Fill(typed);
  const Draft draft = Parse(session);
  EXPECT_EQ(draft.passport.dataset, "film-reviews");
  EXPECT_EQ(draft.passport.custodian, "portal-b");
  EXPECT_FALSE(draft.terms.limits.min_participants.has_value());
  EXPECT_THAT(session.screen, HasSubstr("The member's name in the consortium."));
  EXPECT_THAT(session.screen, HasSubstr("A short name for the dataset [reviews]"));
}

TEST(Form, ShowsContradictionsAtTheEndAndLetsThemBeMended) {
  auto typed = kReviews;
  typed["licence.data"] = "CC-BY-NC-4.0";
  const auto number = [](const std::string& field) {
    for (size_t i = 0; i < Questions().size(); ++i) {
      if (Questions()[i].field == field) return std::to_string(i + 1);
    }
    return std::string();
  };
  const Session session =
      Fill(typed, "ok\n" + number("use") + "\n3\n" + number("purposes") + "\n2\nok\n");
  EXPECT_THAT(session.screen, HasSubstr("! use: 'open' does not fit; allowed: non-commercial"));
  EXPECT_EQ(Parse(session).terms.use, UseClass::kNonCommercial);
}

TEST(Form, WarnsOfPersonalDataThatNobodyClassified) {
  auto typed = kReviews;
  EXPECT_THAT(Fill(typed).screen, Not(HasSubstr("P3.1 keeps the data out")));
  typed["personal.class"] = "-";
  for (const Question& question : Questions()) {
    if (question.only_if == "personal.class") typed[question.field] = "";
  }
  EXPECT_THAT(Fill(typed).screen,
              HasSubstr("     ! Left out, it is unknown, and P3.1 keeps the data out of every "
                        "training.\n"));
  EXPECT_THAT(Fill(typed, "ok\n", Language::kKorean).screen,
              HasSubstr("     ! 비워 두면 알 수 없음이 되어 P3.1에 따라 어느 학습에도 쓰이지 "
                        "않습니다.\n"));
}

TEST(Form, SaysInKoreanWhichAnswerIsMissing) {
  auto typed = kReviews;
  typed["dataset.custodian"] = "Portal A\n-";
  const Session session = Fill(typed, "ok\nquit\n", Language::kKorean);
  EXPECT_THAT(session.screen,
              HasSubstr("맞지 않습니다: 2  어느 회원 기관이 보관합니까?  'Portal A': 컨소시엄에"));
  EXPECT_THAT(session.screen, HasSubstr("! 2  어느 회원 기관이 보관합니까?  답이 필요합니다."));
  EXPECT_THAT(session.screen, Not(HasSubstr("nothing is said")));
}

TEST(Form, LeavesWithoutAFileWhenTheInputEnds) {
  EXPECT_EQ(Fill(kReviews, "").file.error().code, ErrorCode::kCancelled);
  EXPECT_EQ(Fill({{"dataset.dataset", "quit"}}).file.error().code, ErrorCode::kCancelled);
}

TEST(Form, SpeaksKorean) {
  const Session session = Fill(kReviews, "ok\n", Language::kKorean);
  EXPECT_THAT(session.screen, HasSubstr("어떤 목적에 허용합니까? [과학적 연구]"));
  EXPECT_THAT(session.screen, HasSubstr("  6  상업 서비스"));
  EXPECT_THAT(session.screen, HasSubstr("어떤 자료입니까? [글]\n  1  글\n  2  프로그램 코드"));
  EXPECT_THAT(session.screen, HasSubstr("  3  기관 안에서만(amber)"));
  EXPECT_EQ(Parse(session).terms, Parse(Fill(kReviews)).terms);
}

TEST(PlainLines, SayWhatTheTermsSayInBothLanguages) {
  const Draft draft = Parse(Fill(kReviews));
  const std::string en = ToText(PlainLines(draft.terms, draft.attachments, Language::kEnglish));
  EXPECT_THAT(en,
              HasSubstr("Purposes                      scientific research, commercial service"));
  EXPECT_THAT(en, HasSubstr("Licence                       CC0-1.0"));
  EXPECT_THAT(en, HasSubstr("Withdrawal                    at any time, after 0 days"));
  const std::string ko = ToText(PlainLines(draft.terms, draft.attachments, Language::kKorean));
  EXPECT_THAT(ko, HasSubstr("라이선스"));
  EXPECT_THAT(ToText(PlainLines(draft.passport, draft.attachments, Language::kKorean)),
              HasSubstr("\"Film \"reviews\"\""));
  EXPECT_THAT(ToText(PlainLines(draft.passport, {}, Language::kEnglish)),
              HasSubstr("(a text that is kept outside the record, "));
}

}  // namespace
}  // namespace dure::terms
