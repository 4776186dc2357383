#include "policy/ledger/words.h"

#include <gmock/gmock.h>

#include "policy/ledger/policy_report.h"
#include "policy/ledger/report.h"
#include "policy/ledger/testing.h"

namespace dure::ledger {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;

TEST(Words, StandBesideTheirCodeAndNeverReplaceIt) {
  EXPECT_EQ(Words("late", Language::kEnglish), "it came too late");
  EXPECT_EQ(WordsAndCode("late", Language::kEnglish), "it came too late (late)");
  EXPECT_EQ(WordsAndCode("late", Language::kKorean), "늦게 도착함(late)");
  EXPECT_EQ(WordsAndCode("somebodys-own-code", Language::kKorean), "somebodys-own-code");
  EXPECT_EQ(WordsAndCode("", Language::kKorean), "");
  EXPECT_EQ(WordsAndCode("policy-p2-1", Language::kKorean), "정책의 규칙이 거부함(policy-p2-1)");
}

TEST(Words, EveryKindOfEntryHasSome) {
  for (size_t i = 0; i < kEventTypes; ++i) {
    const std::string_view code = Name(static_cast<EventType>(i));
    EXPECT_NE(Words(code, Language::kEnglish), code);
    EXPECT_NE(Words(code, Language::kKorean), code);
  }
  for (const House house : {House::kPublic, House::kPrivate, House::kAcademic, House::kSmallFirm}) {
    EXPECT_NE(Words(Name(house), Language::kKorean), Name(house));
  }
}

// What an officer's own entries may be refused for.
TEST(Words, EveryRefusalOfAnOfficersActHasSome) {
  for (const char* code : {"voted-twice",       "vote-over",          "window",
                           "no-such-proposal",  "no-change",          "no-such-member",
                           "policy-layer",      "policy-malformed",   "version",
                           "emergency-permits", "superseded",         "foreign-dataset",
                           "withdrawn",         "withdrawn-twice",    "no-such-case",
                           "no-evidence",       "no-such-grant",      "foreign-grant",
                           "no-such-incident",  "foreign-incident",   "no-such-duty",
                           "foreign-duty",      "done-twice",         "as-of",
                           "other-formula",     "shares-differ",      "rule-taken",
                           "formula-malformed", "too-many-proposals", "own-suspension"}) {
    EXPECT_NE(Words(code, Language::kEnglish), code);
    EXPECT_NE(Words(code, Language::kKorean), code);
  }
}

TEST(Words, AnEntryIsASentenceInBothLanguages) {
  const testing::Consortium c;
  const auto sentence = [&c](Event event, Language language) {
    OpenedEntry entry;
    entry.record = {c.log_key.name,         c.aggregator,    0, {}, {},
                    "2026-11-24T01:02:03Z", std::move(event)};
    return EntrySentence(7, entry, language);
  };
  const RoundAbandoned abandoned{{c.run, {4}, 1}, c.base, "no-quorum"};
  EXPECT_THAT(sentence(abandoned, Language::kEnglish),
              HasSubstr("round 4 (attempt 2): too few contributions came (no-quorum)"));
  EXPECT_THAT(sentence(abandoned, Language::kKorean),
              HasSubstr("라운드 4 (2번째 시도) 중단: 기여가 정족수에 못 미침(no-quorum)"));
  const PolicyRejected rejected{19, "house", {{{House::kPublic, 3, 1, 2, 0}}, {20}}};
  EXPECT_THAT(
      sentence(rejected, Language::kKorean),
      HasSubstr("항목 19 부결, 찬성하지 않은 구분이 있음(house): 공공 3곳 중 찬성 1, 반대 2, "
                "기권 0"));
  const DatasetWithdrawn withdrawn{*DatasetId::Parse("reviews"), "consent",
                                   WithdrawalScope::kRestart, "2027-01-01T00:00:00Z"};
  EXPECT_THAT(sentence(withdrawn, Language::kEnglish),
              HasSubstr("withdrew reviews, because a consent was taken back (consent)"));
  EXPECT_THAT(sentence(withdrawn, Language::kKorean), Not(HasSubstr("withdrew")));
  DisclosureExported exported{"kr-overview", "kr-1", c.base, c.base, 49};
  EXPECT_THAT(sentence(exported, Language::kEnglish),
              HasSubstr("exported overview for Korea (kr-overview) about "));
  EXPECT_THAT(sentence(exported, Language::kEnglish), HasSubstr(", from the first 49 entries, "));
  EXPECT_THAT(sentence(exported, Language::kKorean),
              HasSubstr("에 관한 한국 개요(kr-overview) 내보냄, 처음 항목 49개로 만든 파일 "));
  exported.recipient = "authority";
  EXPECT_THAT(sentence(exported, Language::kEnglish), HasSubstr(", for an authority (authority)"));
  EXPECT_THAT(sentence(exported, Language::kKorean), HasSubstr(", 받는 곳 감독 기관(authority)"));
}

// A name may end in any sound, so no particle stands behind one.
TEST(Words, ConsentsAndMeasurementsFitAnyName) {
  ConsentGiven consent;
  consent.dataset = *DatasetId::Parse("reviews");
  EXPECT_EQ(Say(consent, Language::kKorean), "reviews 데이터가 담긴 모델의 반출에 동의, 목적 ");
  consent.run = *RunId::Parse("first");
  EXPECT_EQ(Say(consent, Language::kKorean), "학습 first의 reviews 이용에 동의");
}

// A reason and a kind of entries may have the same code.
TEST(Words, AKindOfEntriesIsCalledByItsOwnName) {
  EXPECT_EQ(KindAndCode("dataset-withdrawn", Language::kEnglish),
            "withdrawals of a dataset (dataset-withdrawn)");
  EXPECT_EQ(KindAndCode("dataset-withdrawn", Language::kKorean),
            "데이터셋 철회(dataset-withdrawn)");
  EXPECT_EQ(KindAndCode("run-halted", Language::kKorean), "학습 종료(run-halted)");
  EXPECT_EQ(KindAndCode("of-tomorrow", Language::kKorean), "of-tomorrow");
}

}  // namespace
}  // namespace dure::ledger
