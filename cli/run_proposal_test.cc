#include "cli/run_proposal.h"

#include <gmock/gmock.h>

#include "cli/scratch_folder.h"
#include "federation/blob/store.h"

namespace dure::cli {
namespace {

using testing::HasSubstr;

class RunProposals : public testing::Test {
 protected:
  RunProposals() : scratch_(std::filesystem::temp_directory_path()) {
    options_.name = "first";
    options_.sites = {"kt", "snu"};
    options_.rounds = 2;
    options_.steps = 5;
  }
  Result<round::RunManifest> Propose() {
    const auto store = blob::OpenFileBlobStore((scratch_.path() / "blobs").string());
    if (!store) return Fail(store.error());
    DURE_ASSIGN(const Proposal proposal, MakeProposal(options_, **store, scratch_.path()));
    return proposal.manifest;
  }
  std::string Refusal() {
    const auto manifest = Propose();
    return manifest ? "" : manifest.error().message;
  }

  ScratchFolder scratch_;
  RunOptions options_;
};

TEST_F(RunProposals, AScheduleThatNoTrainerTakesIsRefusedWithOneThatFits) {
  options_.warmup = 10;
  EXPECT_THAT(Refusal(), HasSubstr("10 steps (2 rounds of 5); give --warmup 9 or less"));
  options_.warmup = 9;
  EXPECT_EQ(Refusal(), "");
  options_.schedule = "wsd";
  EXPECT_THAT(Refusal(), HasSubstr("over the last 2; give --warmup 8 or less"));
  options_.warmup = 8;
  EXPECT_EQ(Refusal(), "");
}

TEST_F(RunProposals, EachRunHasWeightsAndAnOrderOfItsOwnUnlessASeedIsTyped) {
  const auto first = Propose();
  const auto again = Propose();
  options_.name = "second";
  const auto second = Propose();
  options_.seed = first->inner.seed;
  const auto typed = Propose();
  ASSERT_TRUE(first && again && second && typed);
  EXPECT_EQ(again->digest(), first->digest()) << "said again, it is the same proposal";
  EXPECT_NE(second->inner.seed, first->inner.seed);
  EXPECT_NE(second->initial_model, first->initial_model);
  EXPECT_EQ(typed->initial_model, first->initial_model);
}

TEST_F(RunProposals, NoStepsAtAllAreSaidToBeNone) {
  options_.steps = 0;
  EXPECT_EQ(Refusal(), "--steps must be 1 or more, or 0 with --seconds");
}

TEST_F(RunProposals, ATimeBudgetAloneHasAConstantRate) {
  options_.steps = 0;
  options_.seconds = 3;
  options_.weighting = "equal";
  const auto timed = Propose();
  ASSERT_TRUE(timed) << timed.error().message;
  EXPECT_EQ(timed->inner.schedule, round::ScheduleKind::kConstant);
  EXPECT_GT(timed->initial_scale, 10 * timed->inner.learning_rate) << "many steps may come";
  options_.schedule = "cosine";
  EXPECT_THAT(Refusal(), HasSubstr("--schedule constant"));
}

TEST_F(RunProposals, WhatTheManifestForbidsIsRefusedBeforeAnythingIsSent) {
  options_.batch = 0;
  EXPECT_THAT(Refusal(), HasSubstr("batch is 0"));
  options_.batch = 8;
  options_.outer_eta = 0;
  EXPECT_THAT(Refusal(), HasSubstr("outer_eta is 0"));
}

TEST_F(RunProposals, ThreeSitesOrMoreAreMaskedWhateverElseIsAskedOfTheirSums) {
  EXPECT_FALSE(Propose()->masked()) << "two learn each other's update from a sum";
  options_.sites = {"kaist", "kt", "naver", "snu"};
  EXPECT_TRUE(Propose()->masked());
  options_.members_min = 4;
  EXPECT_TRUE(Propose()->masked());
  options_.members_min = 5;
  EXPECT_EQ(Refusal(), "--members-min 5 can never be reached: 4 sites are invited");
  options_.masking = "pairwise";
  EXPECT_EQ(Refusal(), "--members-min 5 can never be reached: 4 sites are invited");
}

TEST_F(RunProposals, RulesOfMaskedSumsAreNotDroppedInSilence) {
  options_.members_min = 5;
  EXPECT_THAT(Refusal(), HasSubstr("--members-min is a rule of masked sums"));
  options_.sites = {"kaist", "kt", "naver", "snu"};
  options_.members_min = 3;
  options_.masking = "none";
  EXPECT_EQ(Refusal(), "");
  options_.survivors_min = 0.9;
  EXPECT_THAT(Refusal(), HasSubstr("--survivors-min is a rule of masked sums"));
  options_.survivors_min = 0.667;
  options_.batch_members = 2;
  EXPECT_THAT(Refusal(), HasSubstr("--batch-members is a rule of masked sums"));
}

TEST_F(RunProposals, ADeltaWithoutNoiseIsRefused) {
  options_.delta = 1e-7;
  EXPECT_THAT(Refusal(), HasSubstr("without --privacy or --dp-sgd there is none"));
  options_.dp_sgd = "clip=1,noise=1.1,rate=0.01";
  EXPECT_EQ(Refusal(), "");
}

}  // namespace
}  // namespace dure::cli
