#include "site/privacy_desk.h"

#include <gmock/gmock.h>

#include <future>

#include "federation/identity/testing.h"
#include "federation/round/testing.h"
#include "policy/safeguard/safeguard.h"

namespace dure::site {
namespace {

using privacy::Unit;
using ::testing::AllOf;
using ::testing::HasSubstr;

const DatasetId kNotes = *DatasetId::Parse("notes");

round::RunManifest Noisy(uint64_t rounds = 4) {
  round::RunManifest manifest = round::TestManifest();
  manifest.masking = round::Masking::kPairwise;
  manifest.weighting = round::Weighting::kEqual;
  manifest.lane = round::Lane::kInt16;
  manifest.quorum = manifest.cohort_min = manifest.cohort_max = 3;
  manifest.rounds = rounds;
  manifest.privacy = {.noise = round::Noise::kDiscreteGaussian,
                      .clip = 1,
                      .coordinate_clip = 0.25,
                      .noise_multiplier = 3,
                      .rotate = true,
                      .dimension = 20'000,
                      .delta = 1e-6};
  manifest.initial_scale = safeguard::FittingScale(manifest);
  return manifest;
}

class PrivacyDeskTest : public testing::Test {
 protected:
  PrivacyDeskTest() { Start(); }
  ~PrivacyDeskTest() override { Stop(); }

  void Start() {
    journal_ = identity::Must(journal::Journal::Open((folder_ / "site.db").string()));
    loop_.Wait([this] {
      desk_ = identity::Must(
          PrivacyDesk::Open({*journal_, loop_, workers_, random_,
                             [this](const std::string& line) { said_.push_back(line); }, 1e-6}));
    });
  }
  void Stop() {
    loop_.Wait([this] { desk_.reset(); });
    journal_.reset();
  }
  std::string Reserve(const round::RunManifest& manifest, uint64_t round,
                      std::vector<PrivacyDesk::Lent> lent) {
    std::promise<std::string> answer;
    loop_.Wait([&] {
      desk_->Reserve(manifest, {round}, std::move(lent),
                     [&answer](const std::string& objection) { answer.set_value(objection); });
    });
    return answer.get_future().get();
  }
  Status Commit(uint64_t round, uint32_t attempt) {
    Status status;
    loop_.Wait([&] { status = desk_->CommitUpdate({Noisy().run, {round}, attempt}); });
    return status;
  }
  const privacy::Account& Account(Unit unit) const { return *desk_->book().Find({kNotes, unit}); }

  identity::TemporaryFolder folder_;
  SeededRandom random_{5};
  loop::WorkerPool workers_{1};
  std::vector<std::string> said_;
  std::unique_ptr<journal::Journal> journal_;
  std::unique_ptr<PrivacyDesk> desk_;
  loop::EventLoop loop_;
};

TEST_F(PrivacyDeskTest, ReservesTheWholeRunAndChargesEachAttemptOnceAcrossRestarts) {
  const round::RunManifest run = Noisy(4);
  EXPECT_EQ(Reserve(run, 0, {{kNotes, 1'000'000'000}}), "");
  EXPECT_EQ(Account(Unit::kMember).ReservedOf(run.run), 4u);
  EXPECT_EQ(Account(Unit::kExample).ReservedOf(run.run), 4u);
  EXPECT_TRUE(Commit(0, 0));
  Stop();
  Start();
  EXPECT_TRUE(Commit(0, 0)) << "the repeat after a crash";
  EXPECT_EQ(Account(Unit::kMember).UsedOf(run.run), 1u);
  // Tried again after the update had left: that is another use, and the reservation grows.
  EXPECT_EQ(Reserve(run, 0, {}), "");
  EXPECT_EQ(Account(Unit::kMember).ReservedOf(run.run), 5u);
  EXPECT_TRUE(Commit(0, 1));
  EXPECT_EQ(Reserve(run, 1, {{kNotes, 1'000'000'000}}), "");
  EXPECT_EQ(Account(Unit::kMember).ReservedOf(run.run), 5u);
  loop_.Wait([&] { desk_->Close(run.run); });
  EXPECT_TRUE(Account(Unit::kMember).OpenRuns().empty());
  EXPECT_EQ(Account(Unit::kMember).UsedOf(run.run), 2u);
  EXPECT_GT(Account(Unit::kExample).UsedMicro(), Account(Unit::kMember).UsedMicro());
}

TEST_F(PrivacyDeskTest, RefusesARunThatWouldOverdrawAndSaysWhoseAccountAndByHowMuch) {
  EXPECT_EQ(Reserve(Noisy(400), 0, {{kNotes, 20'000'000}}), "privacy-budget");
  ASSERT_EQ(said_.size(), 1u);
  EXPECT_THAT(said_[0], AllOf(HasSubstr("would overdraw the privacy account of dataset notes"),
                              HasSubstr("bring epsilon from 0 to"), HasSubstr("the budget is 20"),
                              HasSubstr("steps would fit")));
  EXPECT_EQ(Account(Unit::kMember).ReservedOf(Noisy().run), 0u) << "of either account";
  EXPECT_EQ(Account(Unit::kExample).ReservedOf(Noisy().run), 0u);
  EXPECT_EQ(Commit(0, 0).error().code, ErrorCode::kFailedPrecondition) << "and nothing leaves";
}

TEST_F(PrivacyDeskTest, RefusesSettingsThatThePlanShouldHaveRefused) {
  round::RunManifest coarse = Noisy();
  coarse.initial_scale *= 8;
  EXPECT_EQ(Reserve(coarse, 0, {{kNotes}}), "privacy-settings");
  ASSERT_EQ(said_.size(), 1u);
  EXPECT_THAT(said_[0], HasSubstr("or more works"));
}

TEST_F(PrivacyDeskTest, ChargesTrainingToTheExampleAccountAlone) {
  round::RunManifest run = round::TestManifest();
  run.rounds = 3;
  run.privacy = {.delta = 1e-6, .record_clip = 1, .record_noise = 2, .record_rate = 0.1};
  EXPECT_EQ(Reserve(run, 0, {{kNotes}}), "");
  EXPECT_EQ(Account(Unit::kExample).ReservedOf(run.run), 30u);
  EXPECT_EQ(desk_->book().Find({kNotes, Unit::kMember}), nullptr);
  loop_.Wait([&] {
    EXPECT_TRUE(desk_->CommitTraining(run.run, 1, 10));
    EXPECT_TRUE(desk_->CommitTraining(run.run, 1, 10));
    EXPECT_FALSE(desk_->CommitTraining(run.run, 2, 21));
  });
  EXPECT_EQ(Account(Unit::kExample).UsedOf(run.run), 10u);
}

TEST_F(PrivacyDeskTest, MakesTheSameNoiseForOneAttemptAndOtherForAnother) {
  const Digest context = Sha256(AsBytes("attempt"));
  const round::RoundAttempt at{*RunId::Parse("run"), {3}, 1};
  const auto key = desk_->NoiseKey(context, at);
  EXPECT_NE(desk_->NoiseKey(Sha256(AsBytes("another")), at), key);
  EXPECT_NE(desk_->NoiseKey(context, {at.run, {4}, 1}), key);
  EXPECT_NE(desk_->NoiseKey(context, {at.run, {3}, 2}), key);
  Stop();
  Start();
  EXPECT_EQ(desk_->NoiseKey(context, at), key);
}

}  // namespace
}  // namespace dure::site
