#include "policy/terms/form.h"

#include <gmock/gmock.h>

#include <algorithm>
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
  std::map<std::string, std::string> last;  // what stands as the answer in the end
  for (const Question& question : Questions()) {
    const auto found = typed.find(question.field);
    const std::string& only = last[question.only_if];
    const bool open = question.only_if == "withdrawal.allowed" && only == "yes";
    if (!question.only_if.empty() && !open && found == typed.end()) continue;
    lines += (found == typed.end() ? "" : found->second) + "\n";
    last[question.field] = found == typed.end() ? question.fallback : found->second;
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
  for (const Question& question : Questions()) {
    if (question.only_if == "personal.class") typed[question.field] = "";
  }
  typed["personal.special"] = "2";
  typed["personal.basis"] = "pseudonymised-research";
  typed["limits.epsilonMax"] = "6.5";
  const Draft draft = Parse(Fill(typed));
  EXPECT_EQ(draft.terms.personal.basis, Basis::kPseudonymisedResearch);
  EXPECT_EQ(draft.terms.limits.epsilon_max_micro, 6'500'000u);
  EXPECT_TRUE(draft.terms.personal.no_reidentification);
  EXPECT_FALSE(draft.terms.personal.assessment.has_value());
  typed["personal.assessment"] = "k-anonymity of 5, report 12";
  typed["personal.noReidentification"] = "1";
  typed["personal.processingRecordUntil"] = "2030-12-31";
  const Draft more = Parse(Fill(typed));
  EXPECT_TRUE(more.terms.personal.assessment.has_value());
  EXPECT_TRUE(more.terms.personal.processing_record_until.has_value());
}

// Every group, and every question in it.
std::map<std::string, std::string> Everything() {
  auto typed = kReviews;
  for (const Question& question : Questions()) {
    if (question.field.starts_with(kMorePrefix)) typed[question.field] = "1";
    if (question.only_if.starts_with(kMorePrefix)) typed[question.field] = "";
  }
  typed["dataset.description"] = "Reviews of films";
  typed["dataset.collectedFrom"] = "2010-01-01";
  typed["dataset.collectedUntil"] = "2025-12-31";
  typed["dataset.records"] = "1200";
  typed["use"] = "3";
  typed["purposes"] = "2";
  typed["duo"] = "GRU\nDUO:0000042 DUO:0000022, DUO:0000024";
  typed["duo[DUO:0000022]"] = "Korea\nKR JP";
  typed["duo[DUO:0000024]"] = "2027-06-30";
  typed["licence.patent"] = "No patent is licensed";
  typed["licence.trademark"] = "No trademark is licensed";
  typed["territories.processingExcluded"] = "US";
  typed["territories.storageForbidden"] = "US JP";
  typed["time.deleteAfter"] = "2030-12-31";
  typed["limits.maxRuns"] = "2";
  typed["limits.minCohort"] = "4";
  typed["duties[share-results]"] = "yes";
  typed["duties[share-results].by"] = "soon\n2028-12-31";
  typed["duties[return-derived]"] = "yes";
  typed["duties[delete-evidence]"] = "1";
  typed["duties[delete-evidence].by"] = "";
  typed["duties[pay-share].formula"] = "a b\nvoted-2026";
  return typed;
}

TEST(Form, AsksForAllThatTermsCanSay) {
  const Session session = Fill(Everything());
  const Draft draft = Parse(session);
  const Terms& terms = draft.terms;
  EXPECT_EQ(terms.duo, (std::set<DuoCode>{{.number = 22, .values = {"JP", "KR"}},
                                          {.number = 24, .values = {"2027-06-30T23:59:59Z"}},
                                          {.number = 42}}));
  EXPECT_TRUE(terms.licence.patent && terms.licence.trademark);
  EXPECT_EQ(terms.territories.processing_excluded, std::set<std::string>{"US"});
  EXPECT_EQ(terms.territories.storage_forbidden, (std::set<std::string>{"JP", "US"}));
  EXPECT_EQ(FormatInstant(*terms.time.delete_after), "2030-12-31T23:59:59Z");
  EXPECT_EQ(terms.limits.max_runs, 2u);
  EXPECT_EQ(terms.limits.min_cohort, 4u);
  std::map<DutyKind, Duty> duties;
  for (const Duty& duty : terms.duties) duties[duty.kind] = duty;
  EXPECT_TRUE(duties.at(DutyKind::kShareResults).by.has_value());
  EXPECT_TRUE(duties.contains(DutyKind::kReturnDerived));
  EXPECT_FALSE(duties.at(DutyKind::kDeleteEvidence).by.has_value());
  EXPECT_EQ(duties.at(DutyKind::kPayShare).formula, "voted-2026");
  EXPECT_TRUE(draft.passport.description.has_value());
  EXPECT_EQ(draft.passport.records, 1200u);
  EXPECT_TRUE(draft.passport.collected_from && draft.passport.collected_until);
  EXPECT_THAT(session.screen, HasSubstr("duties[share-results].by: 'soon' does not fit"));
}

// Enter at every group: nothing is asked in it, nothing is said, and a withdrawal stays possible.
TEST(Form, LeavesAGroupOutAtEnter) {
  const Session session = Fill(kReviews);
  EXPECT_THAT(session.screen,
              HasSubstr("Does it carry codes of the Data Use Ontology (DUO)? [no]"));
  EXPECT_THAT(session.screen, Not(HasSubstr("Which codes?")));
  const Terms& terms = Parse(session).terms;
  EXPECT_TRUE(terms.duo.empty() && terms.territories.processing_excluded.empty());
  EXPECT_TRUE(terms.withdrawal.allowed);
  EXPECT_FALSE(terms.limits.max_runs.has_value());
  EXPECT_EQ(terms.duties.size(), 1u);  // to tell of an incident, as before
  auto typed = kReviews;
  typed["withdrawal.allowed"] = "2";
  EXPECT_FALSE(Parse(Fill(typed)).terms.withdrawal.allowed);
}

// A code without its countries would say less than its owner meant.
TEST(Form, DoesNotEndWithACodeThatLacksItsValues) {
  auto typed = Everything();
  typed["duo[DUO:0000022]"] = "-";
  const Session session = Fill(typed, "ok\nquit\n");
  EXPECT_THAT(session.screen, HasSubstr("! duo: 'DUO:0000022' does not fit"));
  EXPECT_EQ(session.file.error().code, ErrorCode::kCancelled);
}

TEST(Form, AsksInTheReviewWhatAChangedAnswerOpens) {
  const auto number = [](const std::string& field) {
    for (size_t i = 0; i < Questions().size(); ++i) {
      if (Questions()[i].field == field) return std::to_string(i + 1);
    }
    return std::string();
  };
  const Session session = Fill(kReviews, number("more.licence") + "\n1\nNo patent\n\nok\n");
  const Draft draft = Parse(session);
  EXPECT_TRUE(draft.terms.licence.patent.has_value());
  EXPECT_FALSE(draft.terms.licence.trademark.has_value());
}

TEST(Form, AsksEveryQuestionInBothLanguages) {
  for (const Question& question : Questions()) {
    const std::string ko = question.ask.In(Language::kKorean) + question.help.In(Language::kKorean);
    const bool hangul = std::any_of(ko.begin(), ko.end(), [](char c) {
      return (static_cast<unsigned char>(c) & 0xF0) == 0xE0 && c != '\xE2';
    });
    EXPECT_TRUE(hangul) << question.field;
    EXPECT_NE(question.ask.In(Language::kEnglish), question.ask.In(Language::kKorean));
  }
  EXPECT_EQ(Parse(Fill(Everything(), "ok\n", Language::kKorean)).terms.duo,
            Parse(Fill(Everything())).terms.duo);
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

TEST(Form, TakesTheMemberThatIsAskedForWhoKeepsItAndWhoHoldsTheRights) {
  for (const auto& [typed, holder] : {std::pair{"", "portal-a"}, std::pair{"various", "various"}}) {
    std::istringstream in("reviews\n\n" + std::string(typed) + "\n<\n" + typed + "\nquit\n");
    std::ostringstream out;
    (void)RunForm(in, out, Language::kEnglish, "portal-a");
    EXPECT_THAT(out.str(), HasSubstr("Which member keeps it? [portal-a]"));
    EXPECT_THAT(out.str(), HasSubstr("Who holds the rights? [portal-a]"));
    EXPECT_THAT(out.str(), HasSubstr("Who holds the rights? [" + std::string(holder) + "]"));
  }
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

TEST(Form, SaysInKoreanWhyAnAnswerDoesNotFit) {
  std::istringstream in([] {
    std::string lines;
    for (const Question& question : Questions()) {
      if (!question.only_if.empty()) continue;
      if (question.field == "dataset.dataset") lines += "reviews";
      if (question.field == "dataset.custodian") lines += "portal-a";
      if (question.field == "dataset.rightsHolder") lines += "various";
      if (question.field == "time.validFrom") lines += "2026-01-01";
      lines += "\n";
      if (question.field == "time.validFrom") lines += "2025-12-31\n";  // the next one's
    }
    return lines;
  }());
  std::ostringstream out;
  const auto say = [](const std::string& allowed) { return "<" + allowed + ">"; };
  (void)RunForm(in, out, Language::kKorean, "", say);
  EXPECT_THAT(out.str(), HasSubstr("언제까지 이용할 수 있습니까?  '2025-12-31T23:59:59Z': <not "
                                   "before validFrom, 2026-01-01T00:00:00Z>. 그 날을 포함합니다."));
}

TEST(Form, NamesTheDuoCodesInTheReadersLanguage) {
  const auto screen = [](Language language) { return Fill(Everything(), "ok\n", language).screen; };
  EXPECT_THAT(screen(Language::kKorean), HasSubstr("NCU, 비상업적 이용만\n"));
  EXPECT_THAT(screen(Language::kKorean), Not(HasSubstr("non-commercial use only")));
  EXPECT_THAT(screen(Language::kEnglish), HasSubstr("NCU, non-commercial use only\n"));
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
  std::vector<Attachment> others = draft.attachments;
  for (Attachment& one : others) one.text += "!";
  EXPECT_THAT(ToText(PlainLines(draft.passport, others, Language::kEnglish)),
              HasSubstr("(a text that is kept outside the record, "))
      << "another text is not the one on record";
}

}  // namespace
}  // namespace dure::terms
