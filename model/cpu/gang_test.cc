// Training in a gang against the same training alone: worlds 1, 2, 3, 4, 8 and every stage of ZeRO,
// on threads.
#include <gmock/gmock.h>

#include <cmath>
#include <fstream>
#include <functional>
#include <thread>

#include "federation/random.h"
#include "model/collective/collective.h"
#include "model/cpu/train.h"
#include "model/initialize.h"
#include "model/layout.h"

namespace dure::model::cpu {
namespace {

namespace fs = std::filesystem;
using collective::Collective;

constexpr uint32_t kVocabulary = 31;
constexpr uint32_t kSequence = 8;
constexpr uint32_t kBatch = 5;  // uneven over every world, and too few for the largest
constexpr uint32_t kAccumulation = 2;

LlamaConfig Model(bool tied) {
  LlamaConfig config{.vocab = kVocabulary, .dim = 16, .layers = 3, .heads = 2, .kv_heads = 1};
  config.ffn_dim = 24;
  config.context = kSequence;
  config.tie_embeddings = tied;
  return config;
}

TrainOptions Options(uint32_t stage, uint32_t threads = 1) {
  TrainOptions options;
  options.schedule = {.kind = Schedule::Kind::kConstant, .peak = 1e-2};
  options.clip_norm = 0.5;  // below every norm of this training: it acts in each step
  options.batch = kBatch;
  options.sequence = kSequence;
  options.accumulation = kAccumulation;
  options.threads = threads;
  options.zero = stage;
  return options;
}

struct Tokens {
  std::vector<uint32_t> inputs;
  std::vector<uint32_t> targets;
};

Tokens StepTokens(uint64_t step) {
  SeededRandom random(step);
  Tokens tokens;
  for (uint32_t s = 0; s < kBatch * kAccumulation; ++s) {
    const uint64_t first = random.Below(kVocabulary);
    const uint64_t stride = 1 + random.Below(3);
    for (uint64_t t = 0; t < kSequence; ++t) {
      tokens.inputs.push_back(static_cast<uint32_t>((first + stride * t) % kVocabulary));
      tokens.targets.push_back(static_cast<uint32_t>((first + stride * (t + 1)) % kVocabulary));
    }
  }
  tokens.targets[3] = kIgnoredTarget;
  return tokens;
}

void OnRanks(uint32_t world, const std::function<void(Collective&)>& work) {
  auto ranks = collective::MakeThreads(world);
  std::vector<std::thread> threads;
  for (auto& rank : ranks)
    threads.emplace_back([&work, &rank] {
      work(*rank);
      rank.reset();  // it leaves: whoever waits for it knows
    });
  for (std::thread& thread : threads) thread.join();
}

std::unique_ptr<TrainSession> Session(const LlamaConfig& config, const TrainOptions& options,
                                      Collective& gang) {
  auto session = std::move(*TrainSession::Create(config, options, gang));
  std::vector<float> first(LlamaLayout(config).parameter_count());
  Initialize(config, 3, first);
  EXPECT_TRUE(session->LoadParameters(first));
  return session;
}

std::vector<StepResult> Steps(TrainSession& session, uint64_t begin, uint64_t end) {
  std::vector<StepResult> results;
  for (uint64_t i = begin; i < end; ++i) {
    const Tokens tokens = StepTokens(i);
    const auto result = session.Step(tokens.inputs, tokens.targets);
    EXPECT_TRUE(result) << (result ? "" : result.error().message);
    results.push_back(result ? *result : StepResult{});
  }
  return results;
}

std::vector<float> AllParameters(TrainSession& session, const LlamaConfig& config) {
  std::vector<float> flat(LlamaLayout(config).parameter_count());
  const Status gathered = session.GatherParameters(flat);
  EXPECT_TRUE(gathered) << gathered.error().message;
  return flat;
}

struct Trained {
  std::vector<StepResult> steps;
  std::vector<float> parameters;  // of rank 0; the others' are compared with it
};

Trained Train(const LlamaConfig& config, const TrainOptions& options, uint32_t world) {
  std::vector<Trained> ranks(world);
  OnRanks(world, [&](Collective& gang) {
    const auto session = Session(config, options, gang);
    Trained& mine = ranks[gang.rank()];
    mine.steps = Steps(*session, 0, 8);
    mine.parameters = AllParameters(*session, config);
  });
  for (const Trained& rank : ranks) {
    EXPECT_EQ(rank.parameters, ranks[0].parameters);
    for (size_t i = 0; i < rank.steps.size(); ++i) {
      EXPECT_EQ(rank.steps[i].loss, ranks[0].steps[i].loss);
      EXPECT_EQ(rank.steps[i].gradient_norm, ranks[0].steps[i].gradient_norm);
    }
  }
  return ranks[0];
}

class Gang : public testing::TestWithParam<uint32_t> {};

TEST_P(Gang, LearnsTheSameInEveryWorldWithinRounding) {
  for (const bool tied : {true, false}) {
    const LlamaConfig config = Model(tied);
    const Trained alone = Train(config, Options(0), 1);
    EXPECT_LT(alone.steps.back().loss, 0.98 * alone.steps[0].loss);
    for (const uint32_t world : {2u, 3u, 4u, 8u}) {
      const Trained gang = Train(config, Options(GetParam()), world);
      for (size_t i = 0; i < alone.steps.size(); ++i) {
        EXPECT_NEAR(gang.steps[i].loss, alone.steps[i].loss, 2e-5) << world << " ranks, step " << i;
        EXPECT_NEAR(gang.steps[i].gradient_norm, alone.steps[i].gradient_norm,
                    2e-4 * alone.steps[i].gradient_norm);
        EXPECT_GT(gang.steps[i].gradient_norm, 0.5);  // it was clipped
        EXPECT_EQ(gang.steps[i].tokens, alone.steps[i].tokens);
      }
    }
  }
}

TEST_P(Gang, GivesTheSameBitsAgainAndWithManyThreads) {
  const LlamaConfig config = Model(false);
  const Trained once = Train(config, Options(GetParam(), 2), 3);
  const Trained again = Train(config, Options(GetParam(), 2), 3);
  EXPECT_EQ(once.parameters, again.parameters);
  EXPECT_NEAR(once.steps.back().loss, Train(config, Options(0), 1).steps.back().loss, 2e-5);
}

TEST_P(Gang, RefusesBadTokensOnEveryRankAndGoesOn) {
  OnRanks(2, [&](Collective& gang) {
    const auto session = Session(Model(true), Options(GetParam()), gang);
    Tokens bad = StepTokens(0);
    bad.inputs.back() = kVocabulary;  // in the share of the last rank
    EXPECT_EQ(session->Step(bad.inputs, bad.targets).error().code, ErrorCode::kInvalid);
    Steps(*session, 0, 1);
  });
}

TEST_P(Gang, ARankThatIsGoneEndsTheStepOfAllOthers) {
  OnRanks(3, [&](Collective& gang) {
    auto session = Session(Model(true), Options(GetParam()), gang);
    Steps(*session, 0, 1);
    if (gang.rank() == 1) return;
    const Tokens tokens = StepTokens(1);
    gang.set_patience(std::chrono::seconds(10));
    const auto result = session->Step(tokens.inputs, tokens.targets);
    ASSERT_FALSE(result);
    EXPECT_EQ(result.error().code, ErrorCode::kUnavailable);
    EXPECT_THAT(result.error().message, testing::HasSubstr("rank 1 ("));
  });
}

INSTANTIATE_TEST_SUITE_P(Zero, Gang, testing::Values(0u, 1u, 2u, 3u));

TEST(GangMemory, EachStageHoldsLessOnARankOfALargeGang) {
  LlamaConfig config = Model(true);
  config.layers = 12;
  TrainOptions options = Options(0);
  uint64_t before = TrainSession::PlannedBytes(config, options, 4);
  for (const uint32_t stage : {1u, 2u, 3u}) {
    options.zero = stage;
    const uint64_t now = TrainSession::PlannedBytes(config, options, 4);
    EXPECT_LT(now, before) << stage;
    EXPECT_LT(TrainSession::PlannedBytes(config, options, 8), now);
    before = now;
  }
}

class States : public testing::Test {
 protected:
  States() : folder_(fs::path(testing::TempDir()) / "dure_gang_states") {
    fs::remove_all(folder_);
    fs::create_directories(folder_);
  }
  ~States() override { fs::remove_all(folder_); }

  // Trains three steps in a gang and saves what the next would go on from.
  void Save(const std::string& name, uint32_t world, uint32_t stage) {
    OnRanks(world, [&](Collective& gang) {
      const auto session = Session(Model(false), Options(stage), gang);
      Steps(*session, 0, 3);
      EXPECT_TRUE(session->SaveOptimizer(folder_ / name));
    });
  }
  // Loads what any world saved in another and saves it from there.
  void Resave(const std::string& from, const std::string& to, uint32_t world, uint32_t stage) {
    OnRanks(world, [&](Collective& gang) {
      const auto session = Session(Model(false), Options(stage), gang);
      const auto loaded = session->LoadOptimizer(folder_ / from);
      EXPECT_TRUE(loaded) << loaded.error().message;
      EXPECT_EQ(session->step(), 3u);
      EXPECT_TRUE(session->SaveOptimizer(folder_ / to));
    });
  }
  std::string Read(const std::string& name) const {
    std::ifstream file(folder_ / name, std::ios::binary);
    return {std::istreambuf_iterator<char>(file), {}};
  }

  fs::path folder_;
};

TEST_F(States, OfAnyWorldAreReadByAnyOtherToTheBit) {
  for (const uint32_t writer : {1u, 2u, 3u, 4u}) {
    for (const uint32_t stage : {1u, 3u}) {
      const std::string saved = std::to_string(writer) + "s" + std::to_string(stage);
      Save(saved, writer, stage);
      Resave(saved, saved + "-whole", 1, 0);
      const std::string whole = Read(saved + "-whole");
      ASSERT_GT(whole.size(), 1000u);
      for (const uint32_t reader : {1u, 2u, 3u, 4u}) {
        const std::string there = saved + "-" + std::to_string(reader);
        Resave(saved, there, reader, 4 - stage);
        Resave(there, there + "-back", 1, 0);
        EXPECT_EQ(Read(there + "-back"), whole) << writer << " -> " << reader;
      }
    }
  }
}

TEST_F(States, WithAFileMissingAlteredOrOfAnotherMomentAreRefused) {
  Save("state", 3, 2);
  const auto code = [&] {
    const auto session = std::move(*TrainSession::Create(Model(false), Options(0)));
    const auto loaded = session->LoadOptimizer(folder_ / "state");
    return loaded ? ErrorCode::kInternal : loaded.error().code;
  };
  EXPECT_EQ(code(), ErrorCode::kInternal);
  const std::string kept = Read("state.1");
  const auto put = [&](std::string_view name, const std::string& bytes) {
    std::ofstream(folder_ / name, std::ios::binary) << bytes;
  };
  fs::remove(folder_ / "state.1");
  EXPECT_EQ(code(), ErrorCode::kNotFound);
  put("state.1", Read("state.2"));
  EXPECT_EQ(code(), ErrorCode::kCorrupt);
  for (const size_t at : {size_t{3}, size_t{61}, size_t{66}, size_t{70}, kept.size() - 40}) {
    std::string altered = kept;
    altered[at] = static_cast<char>(altered[at] ^ 1);
    put("state.1", altered);
    EXPECT_EQ(code(), ErrorCode::kCorrupt) << at;
  }
  put("state.1", kept.substr(0, kept.size() - 4));
  EXPECT_EQ(code(), ErrorCode::kCorrupt);
  put("state.1", kept);
  EXPECT_EQ(code(), ErrorCode::kInternal);
}

}  // namespace
}  // namespace dure::model::cpu
