// Where a dataset went and what stands behind a model: two views of one record.
#include "policy/lineage/lineage.h"

#include <gmock/gmock.h>

#include "policy/standing/behind.h"
#include "policy/standing/testing.h"

namespace dure::lineage {
namespace {

using standing::testing::DigestOf;
using standing::testing::World;
using ::testing::ElementsAre;
using Who = std::vector<std::pair<std::string, std::string>>;

const Who kOthers = {{"etri", "news"}};
const Who kAll = {{"etri", "news"}, {"kt", "reviews"}};

class LineageTest : public ::testing::Test {
 protected:
  LineageTest() {
    w_.Found();
    w_.Lend("reviews", "kt", terms::testing::OpenTerms());
    w_.Lend("news", "etri", terms::testing::OpenTerms());
    Begin("first");
  }
  void Begin(const std::string& run, const std::map<std::string, std::string>& more = {}) {
    w_.Propose(run, "scientific-research", "non-profit", more);
    w_.Approve(run);
  }
  DatasetUses Uses() const { return *UsesOf(w_.Now().state(), reviews_); }
  static std::set<Digest> ModelsOf(const DatasetUses& uses) {
    std::set<Digest> models;
    for (const Made& made : uses.models) models.insert(made.model);
    return models;
  }
  // Of all models, those that have it behind them.
  std::set<Digest> ModelsBefore() const {
    const standing::State state = w_.Now().state();
    std::set<Digest> models;
    for (const auto& [model, makers] : state.models) {
      const auto behind = standing::DatasetsBehind(state, model);
      if (behind.contains(DatasetVersion{reviews_, 1})) models.insert(model);
    }
    return models;
  }

  World w_;
  const DatasetId reviews_ = *DatasetId::Parse("reviews");
};

TEST_F(LineageTest, UsesAreTheModelsThatHaveItBehindThem) {
  w_.PlayRound("first", 0, kOthers);
  w_.PlayRound("first", 1, kAll);
  w_.PlayRound("first", 2, kOthers);
  const DatasetUses uses = Uses();
  EXPECT_THAT(uses.rounds, ElementsAre(World::At("first", 1)));
  EXPECT_THAT(ModelsOf(uses), ModelsBefore());
  EXPECT_EQ(uses.models.size(), 2u);
  EXPECT_EQ(uses.clean.at(*RunId::Parse("first")), DigestOf("first/0"));
}

TEST_F(LineageTest, ARoundThatChangedNothingLeavesWhatItCountedBehindItsModel) {
  const Digest model = DigestOf("first/0");
  w_.PlayRound("first", 0, kOthers);
  Begin("second");
  w_.PlayRoundFrom(model, DigestOf("second/0"), "second", 0, kOthers);
  w_.PlayRoundFrom(model, model, "first", 1, kAll);
  w_.PlayRoundFrom(model, DigestOf("first/2"), "first", 2, kOthers);
  const DatasetUses uses = Uses();
  EXPECT_THAT(uses.rounds, ElementsAre(World::At("first", 1)));
  ASSERT_EQ(ModelsBefore().size(), 3u);
  EXPECT_THAT(ModelsOf(uses), ModelsBefore());
  EXPECT_EQ(uses.models.size(), 3u) << "each once";
  EXPECT_EQ(uses.clean.at(*RunId::Parse("first")), DigestOf("first/start"));
  EXPECT_TRUE(uses.clean.at(*RunId::Parse("second")).IsZero());
}

std::vector<std::string> ModelsOfParts(const DatasetUses& uses) {
  std::vector<std::string> models;
  for (const MadeOfParts& part : uses.parts) models.push_back(part.model.Hex());
  return models;
}

// A part has it by a member of it, or by what the round began from.
TEST_F(LineageTest, ModelsOfPartsThatHaveItAreAmongItsUses) {
  using enum ledger::CoalitionKind;
  const auto value = [&](ledger::CoalitionKind kind, const std::string& of_kt,
                         const std::string& of_etri) {
    const uint64_t closing = w_.Now().state().closings.rbegin()->first;
    const bool house = kind == kGroup;
    w_.Say("host", ledger::CoalitionsMade{closing,
                                          kind,
                                          {{{house ? "private" : "kt"}, DigestOf(of_kt)},
                                           {{house ? "public" : "etri"}, DigestOf(of_etri)}}});
  };
  Begin("valued", {{"valuation", "individual"}});
  Begin("grouped", {{"valuation", "group"}});
  w_.PlayRound("valued", 0, kAll);
  value(kLeaveOneOut, "kt alone", "etri alone");
  w_.PlayRound("grouped", 0, kAll);
  value(kGroup, "private alone", "public alone");
  ASSERT_FALSE(w_.Audit().dissent()) << w_.Audit().dissent()->text;
  EXPECT_THAT(ModelsOfParts(Uses()),
              ElementsAre(DigestOf("kt alone").Hex(), DigestOf("private alone").Hex()));
  EXPECT_THAT(Uses().parts.back().of, ElementsAre("private"));
  EXPECT_EQ(Uses().parts.back().at, World::At("grouped", 0));
  w_.PlayRound("valued", 1, kAll);
  value(kLeaveOneOut, "kt later", "etri later");
  ASSERT_FALSE(w_.Audit().dissent()) << w_.Audit().dissent()->text;
  EXPECT_EQ(Uses().parts.size(), 4u) << "both began from a model with it";
}

// Before a withdrawal: what would have to be done again without it, and by whom it was done.
TEST_F(LineageTest, APlanCountsWhatOthersTrainedAndWhatStillStands) {
  w_.PlayRound("first", 0, kOthers);
  w_.PlayRound("first", 1, kAll);
  w_.PlayRound("first", 2, kOthers);
  const auto grant = [&](const std::string& model) {
    const standing::GrantRequest request = w_.ToServe(model, "scientific-research");
    const standing::Standing now = w_.Now();
    const standing::Ruling ruling = *Decide(now, request);
    EXPECT_TRUE(ruling.allowed());
    return w_.Say("host", EventOf(now, request, ruling));
  };
  grant("first/0");  // without it
  const uint64_t stands = grant("first/2");
  const uint64_t revoked = grant("first/1");
  w_.Say("kt-desk", ledger::GrantRevoked{revoked, "owner"});
  WithdrawalPlan plan = *PlanWithdrawal(w_.Now().state(), reviews_);
  EXPECT_THAT(plan.uses.grants, ElementsAre(stands));
  EXPECT_THAT(plan.running, ElementsAre(*RunId::Parse("first")));
  EXPECT_FALSE(plan.masked);
  // etri's 5,000 tokens in each round.
  std::map<ledger::WithdrawalScope, std::pair<uint64_t, uint64_t>> again;
  for (const WithdrawalOption& option : plan.options) {
    again[option.scope] = {option.rounds_again, option.tokens_again};
    const bool wide = option.scope != ledger::WithdrawalScope::kFutureRounds;
    EXPECT_EQ(option.models_retired, wide ? 2u : 0u);
    EXPECT_EQ(option.grants_ended, wide ? 1u : 0u);
  }
  EXPECT_EQ(again.at(ledger::WithdrawalScope::kFutureRounds), std::pair(uint64_t{0}, uint64_t{0}));
  EXPECT_EQ(again.at(ledger::WithdrawalScope::kRestart), std::pair(uint64_t{2}, uint64_t{10000}));
  EXPECT_EQ(again.at(ledger::WithdrawalScope::kRetrain), std::pair(uint64_t{3}, uint64_t{15000}));
  w_.Say("host", ledger::RunHalted{*RunId::Parse("first"), "stopped"});
  plan = *PlanWithdrawal(w_.Now().state(), reviews_);
  EXPECT_TRUE(plan.running.empty());
}

// Nobody knows what each gave to such a round: all of it is the most that would be done again.
TEST_F(LineageTest, APlanCountsAllOfARoundThatHidesWhatEachGaveAndNoRunThatIsOver) {
  w_.Propose("hidden", "scientific-research", "non-profit",
             {{"masking", "pairwise"}, {"rounds", "2"}});
  w_.Approve("hidden");
  w_.PlayRound("hidden", 0, kAll);
  WithdrawalPlan plan = *PlanWithdrawal(w_.Now().state(), reviews_);
  EXPECT_TRUE(plan.masked);
  for (const WithdrawalOption& option : plan.options) {
    const bool again = option.scope == ledger::WithdrawalScope::kRestart ||
                       option.scope == ledger::WithdrawalScope::kRetrain;
    EXPECT_EQ(option.tokens_again, again ? 5000u : 0u);
  }
  EXPECT_THAT(plan.running, ElementsAre(*RunId::Parse("first"), *RunId::Parse("hidden")));
  w_.PlayRound("hidden", 1, kOthers);
  plan = *PlanWithdrawal(w_.Now().state(), reviews_);
  EXPECT_THAT(plan.running, ElementsAre(*RunId::Parse("first"))) << "it has had its two rounds";
}

}  // namespace
}  // namespace dure::lineage
