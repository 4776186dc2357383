#include "trainer/state.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace dure::trainer {
namespace {

namespace fs = std::filesystem;
using model::collective::Collective;

// Rank 0 of two, whose other rank agrees to everything; notes how long each call may take.
class OfTwo final : public Collective {
 public:
  OfTwo() : Collective(0, 2) {}
  std::vector<std::chrono::milliseconds> patiences;

 private:
  Status Exchange(const Step& step) override {
    for (const auto& in : step.in) std::ranges::fill(in, uint8_t{0});
    patiences.push_back(patience());
    return {};
  }
};

class NoOptimizer final : public Session {
 public:
  Status LoadParameters(std::span<const float>) override { return {}; }
  Result<model::cpu::StepResult> Step(std::span<const uint32_t>,
                                      std::span<const uint32_t>) override {
    return model::cpu::StepResult{};
  }
  Status GatherParameters(std::span<float>) override { return {}; }
  Status SaveOptimizer(const fs::path&) override { return {}; }
  Result<model::cpu::OptimizerState> LoadOptimizer(const fs::path&) override {
    return model::cpu::OptimizerState{};
  }
  model::cpu::TrainSession* OnCpu() override { return nullptr; }
};

// Hashing and syncing the moments of a large model takes minutes more on one rank than on others.
TEST(SaveState, RanksWaitForAFileLongerThanForAStep) {
  const fs::path folder = fs::path(testing::TempDir()) / "dure_save_state";
  OfTwo gang;
  gang.set_patience(std::chrono::minutes(5));
  NoOptimizer session;
  const DataPlace place{.dataset = {}, .seed = 7, .sequence = 16, .cursor = {1, 2}};
  ASSERT_TRUE(SaveState(folder, session, place, gang));
  EXPECT_THAT(gang.patiences, testing::Each(testing::Ge(std::chrono::minutes(60))));
  EXPECT_GE(gang.patiences.size(), 3u);
  EXPECT_EQ(gang.patience(), std::chrono::minutes(5));
  EXPECT_EQ(LoadState(folder, &session)->place, place);
  fs::remove_all(folder);
}

}  // namespace
}  // namespace dure::trainer
