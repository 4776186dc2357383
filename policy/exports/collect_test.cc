// From a real log to files: what the record says is in them, what it lacks is stated.
#include "policy/exports/collect.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <nlohmann/json.hpp>

#include "policy/exports/parts.h"
#include "policy/standing/testing.h"

namespace dure::exports {
namespace {

using standing::testing::DigestOf;
using standing::testing::World;
using terms::Language;
using ::testing::HasSubstr;
using ::testing::SizeIs;

// Two owners, two rounds; then one withdraws, and somebody asks to serve the model.
struct Story {
  World world;
  uint64_t before_withdrawal = 0;
  Digest model = DigestOf("first/1");

  Story() {
    world.Found();
    terms::Terms shared = terms::testing::OpenTerms();
    shared.Of(terms::Action::kServe) = terms::Permission::kDeny;
    world.Lend("reviews", "kt", terms::testing::OpenTerms());
    world.Lend("nli", "etri", shared);
    world.Propose("first", "scientific-research");
    world.Approve("first");
    world.accelerator_seconds = 45;
    world.PlayRound("first", 0, {{"kt", "reviews"}, {"etri", "nli"}});
    world.accelerator_seconds = 0;
    world.SetTime("2026-10-02T09:00:00Z");
    world.PlayRound("first", 1, {{"kt", "reviews"}});
    before_withdrawal = world.log().Head().head.size;
    world.SetTime("2026-10-03T09:00:00Z");
    world.Say("etri-desk", ledger::DatasetWithdrawn{*DatasetId::Parse("nli"), "consent",
                                                    ledger::WithdrawalScope::kFutureRounds,
                                                    "2026-11-03T09:00:00Z"});
    const standing::GrantRequest request{
        ledger::UseKind::kServe,         model, *MemberId::Parse("kt"),
        "scientific-research",           "KR",  "",
        rules::Instant::At(world.time())};
    const auto ruling = standing::Decide(world.Now(), request);
    world.Say("host", standing::EventOf(world.Now(), request, *ruling));
  }
  Dossier At(uint64_t as_of, Language language = Language::kEnglish) {
    return *Collect(world.log(), as_of, model, language);
  }
  Dossier Now() { return At(world.log().Head().head.size); }
};

TEST(Collecting, TakesEverythingFromTheRecord) {
  Story story;
  const Dossier dossier = story.Now();
  EXPECT_EQ(dossier.federation, "test/log");
  EXPECT_EQ(dossier.root, story.world.log().Head().head.root);
  EXPECT_EQ(dossier.model.name, "first");
  EXPECT_EQ(dossier.model.purpose, "scientific-research");
  EXPECT_EQ(terms::FormatInstant(dossier.made_at), "2026-10-03T09:00:00Z");
  ASSERT_THAT(dossier.rounds, SizeIs(2));
  ASSERT_THAT(dossier.rounds[0].contributions, SizeIs(2));
  EXPECT_EQ(dossier.rounds[0].contributions[0].accelerator_seconds, 45u);
  EXPECT_EQ(dossier.rounds[1].contributions[0].accelerator_seconds, std::nullopt);
  EXPECT_EQ(dossier.rounds[1].model, story.model);
  ASSERT_THAT(dossier.datasets, SizeIs(2));
  for (const Dataset& one : dossier.datasets) {
    EXPECT_EQ(one.withdrawal.has_value(), one.passport.dataset == "nli");
    EXPECT_EQ(one.place.leaf, story.world.log().Leaf(one.place.index));
  }
  ASSERT_THAT(dossier.members, SizeIs(2));
  EXPECT_EQ(dossier.members[0].house, "public");
}

TEST(Collecting, AFigureNamesItsDataAndWhatOfItWasWithdrawnSince) {
  World world;
  world.Found();
  world.Lend("reviews", "kt", terms::testing::OpenTerms());
  world.Lend("nli", "etri", terms::testing::OpenTerms());
  world.Propose("first", "scientific-research");
  world.Approve("first");
  world.PlayRound("first", 0, {{"kt", "reviews"}});
  world.Measure("first", "first/0", "etri", "nli");
  world.Say("etri-desk", ledger::DatasetWithdrawn{*DatasetId::Parse("nli"), "consent",
                                                  ledger::WithdrawalScope::kFutureRounds,
                                                  "2026-11-03T09:00:00Z"});
  const Dossier dossier =
      *Collect(world.log(), world.log().Head().head.size, DigestOf("first/0"), Language::kEnglish);
  ASSERT_THAT(dossier.evaluations, SizeIs(1));
  const Evaluation& figure = dossier.evaluations[0];
  EXPECT_EQ(figure.datasets, (std::vector<terms::Source>{{"nli", 1}}));
  EXPECT_THAT(figure.withdrawn, ::testing::ElementsAre("nli"));
  EXPECT_EQ(figure.sequences, 4u);
  EXPECT_EQ(figure.seed, 7u);
  EXPECT_EQ(figure.code, DigestOf("trainer"));
  EXPECT_EQ(DataText(figure), "nli v1 (withdrawn)");
  const auto measuring = std::ranges::find(dossier.decisions, "measuring", &Decision::kind);
  ASSERT_NE(measuring, dossier.decisions.end());
  EXPECT_EQ(measuring->subject, "nli v1 of etri-site for first");
  EXPECT_TRUE(measuring->granted);
}

TEST(Collecting, ARefusedUseNamesTheDatasetAndItsClauseInTheLanguageAskedFor) {
  Story story;
  const auto refusal = [](const Dossier& dossier) {
    std::string text;
    for (const Decision& one : dossier.decisions) {
      if (one.kind != "serve") continue;
      EXPECT_FALSE(one.granted);
      for (const std::string& reason : one.reasons) text += reason + "\n";
    }
    return text;
  };
  const uint64_t size = story.world.log().Head().head.size;
  const std::string english = refusal(story.At(size));
  EXPECT_THAT(english, HasSubstr("nli"));
  EXPECT_NE(refusal(story.At(size, Language::kKorean)), english);
}

// What a file says is allowed is what would be granted on that day.
TEST(Collecting, NewerTermsAndWithdrawalsNarrowWhatTheFilesAllow) {
  Story story;
  const auto card = [&](uint64_t as_of) {
    return Make(Format::kModelCard, story.At(as_of)).files.at(0).text;
  };
  const uint64_t before = story.before_withdrawal;
  EXPECT_THAT(card(before), HasSubstr("take the model's weights away: allowed"));
  EXPECT_THAT(card(before), HasSubstr("adapt an existing model: allowed"));
  terms::Terms closed = terms::testing::OpenTerms();
  closed.Of(terms::Action::kExportWeights) = terms::Permission::kDeny;
  story.world.Lend("reviews", "kt", closed, 2);
  const std::string now = card(story.world.log().Head().head.size);
  EXPECT_THAT(now, HasSubstr("take the model's weights away: not allowed"));
  EXPECT_THAT(now, HasSubstr("adapt an existing model: not allowed"));
  EXPECT_THAT(now, HasSubstr("nli-v1 was withdrawn at 2026-10-03T09:00:00Z"));
  EXPECT_THAT(card(before), HasSubstr("take the model's weights away: allowed")) << "as of then";
}

TEST(Collecting, AWithdrawnDatasetIsOfferedForNothing) {
  Story story;
  for (const File& file : Make(Format::kOdrl, story.Now()).files) {
    const auto offer = nlohmann::json::parse(file.text);
    const bool withdrawn = file.name.starts_with("nli");
    EXPECT_EQ(offer.contains("permission"), !withdrawn) << file.text;
  }
  const std::string spdx = Make(Format::kSpdx, story.Now()).files.at(0).text;
  EXPECT_THAT(spdx, HasSubstr("nli-v1 was withdrawn at 2026-10-03T09:00:00Z"));
}

TEST(Collecting, EveryDecisionHasItsPolicies) {
  Story story;
  const Dossier dossier = story.Now();
  EXPECT_THAT(dossier.decisions, SizeIs(4)) << "three admissions and a refusal";
  EXPECT_THAT(dossier.policies, SizeIs(rules::ConstitutionTexts().size()));
  for (const Policy& one : dossier.policies) {
    EXPECT_TRUE(one.name.has_value());
    EXPECT_GT(one.place.index, 0u);
  }
}

TEST(Collecting, AsOfAnEarlierSizeKnowsNothingLater) {
  Story story;
  const Dossier before = story.At(story.before_withdrawal);
  for (const Dataset& one : before.datasets) EXPECT_FALSE(one.withdrawal.has_value());
  EXPECT_EQ(before.as_of, story.before_withdrawal);
  EXPECT_NE(before.root, story.Now().root);
}

TEST(Collecting, TwoCopiesOfOneRecordGiveTheSameBytes) {
  Story one;
  Story two;
  for (size_t i = 0; i < terms::kWordCount<Format>; ++i) {
    const auto format = static_cast<Format>(i);
    const Export made = Make(format, one.Now());
    ASSERT_FALSE(made.files.empty());
    EXPECT_EQ(DigestOf(made), DigestOf(Make(format, two.Now()))) << made.kind;
    EXPECT_NE(DigestOf(made), DigestOf(Make(format, one.At(one.before_withdrawal)))) << made.kind;
  }
}

TEST(Collecting, AModelOfNoRoundIsNotFound) {
  Story story;
  EXPECT_EQ(Collect(story.world.log(), 5, story.model, Language::kEnglish).error().code,
            ErrorCode::kNotFound);
  EXPECT_EQ(Collect(story.world.log(), 100000, story.model, Language::kEnglish).error().code,
            ErrorCode::kInvalid);
}

}  // namespace
}  // namespace dure::exports
