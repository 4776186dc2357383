#include "cli/trying.h"

#include <gmock/gmock.h>

#include "policy/standing/testing.h"

namespace dure::cli {
namespace {

using standing::testing::DigestOf;
using standing::testing::TimeAt;
using standing::testing::World;
using ::testing::AllOf;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

// A model of one round over kt's dataset `reviews`, lent under `terms`.
class TryingTest : public ::testing::Test {
 protected:
  void Train(const terms::Terms& terms) {
    world_.Found();
    world_.Lend("reviews", "kt", terms);
    world_.Propose("first", "scientific-research");
    world_.Approve("first");
    world_.PlayRound("first", 0, {{"kt", "reviews"}});
  }
  std::vector<std::string> Forbidden(terms::Language language = terms::Language::kEnglish) {
    const standing::Standing now = world_.Now();
    return WhatForbidsTrying(now.state(), *RunId::Parse("first"), DigestOf("first/0"),
                             rules::Instant::At(TimeAt("2026-10-01T00:00:00Z")), language);
  }
  World world_;
};

TEST_F(TryingTest, TakesWhatMeasuringTakes) {
  terms::Terms terms = terms::testing::OpenTerms();
  terms.Of(terms::Action::kServe) = terms::Permission::kDeny;
  terms.Of(terms::Action::kExportWeights) = terms::Permission::kDeny;
  terms.territories.processing = {.countries = {"JP"}};  // nothing of the data is read
  terms.duo = {{.number = 22, .values = {"JP"}}};
  terms.time.valid_until = terms::ParseInstant("2026-09-30", terms::DayPart::kLastSecond);
  Train(terms);
  EXPECT_THAT(Forbidden(), IsEmpty());
}

TEST_F(TryingTest, NamesTheDatasetAndTheClauseThatForbidIt) {
  terms::Terms terms = terms::testing::OpenTerms();
  terms.Of(terms::Action::kEvaluate) = terms::Permission::kDeny;
  Train(terms);
  EXPECT_THAT(Forbidden(),
              ElementsAre(AllOf(HasSubstr("terms:reviews#actions.evaluate"),
                                HasSubstr("Dataset reviews v1"), HasSubstr("not allowed"))));
  EXPECT_THAT(Forbidden(terms::Language::kKorean), ElementsAre(HasSubstr("허용되지 않습니다")));
}

TEST_F(TryingTest, WaitsForTheYesOfAnOwnerThatAsks) {
  terms::Terms terms = terms::testing::OpenTerms();
  terms.Of(terms::Action::kEvaluate) = terms::Permission::kAsk;
  Train(terms);
  EXPECT_THAT(Forbidden(), ElementsAre(HasSubstr("the owner has to be asked")));
  ledger::ConsentGiven yes;
  yes.dataset = *DatasetId::Parse("reviews");
  yes.run = *RunId::Parse("first");
  world_.Say("kt-desk", yes);
  EXPECT_THAT(Forbidden(), IsEmpty());
}

TEST_F(TryingTest, IsOverWithAModelWhoseDataIsWithdrawn) {
  Train(terms::testing::OpenTerms());
  world_.Say("kt-desk", ledger::DatasetWithdrawn{*DatasetId::Parse("reviews"), "owner",
                                                 ledger::WithdrawalScope::kRetireModels,
                                                 "2026-12-01T00:00:00Z"});
  EXPECT_THAT(Forbidden(), ElementsAre(HasSubstr("reviews was withdrawn")));
}

TEST_F(TryingTest, OfARunWithoutAPurposeIsRefused) {
  Train(terms::testing::OpenTerms());
  const standing::Standing now = world_.Now();
  EXPECT_THAT(WhatForbidsTrying(now.state(), *RunId::Parse("other"), DigestOf("first/0"), {},
                                terms::Language::kEnglish),
              ElementsAre(HasSubstr("no purpose")));
}

}  // namespace
}  // namespace dure::cli
