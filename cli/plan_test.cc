#include <gmock/gmock.h>

#include <nlohmann/json.hpp>

#include "cli/testing.h"

namespace dure::cli {
namespace {

using testing::HasSubstr;
using testing::IsEmpty;
using testing::Not;

Outcome RunPlan(std::vector<std::string> arguments) {
  arguments.insert(arguments.begin(), "plan");
  return RunLine(arguments);
}

TEST(PlanCommand, PrintsFiguresWithTheirSentences) {
  const Outcome outcome =
      RunPlan({"--params", "204B", "--sites", "5", "--gpus", "512", "--link", "10Gbps"});
  ASSERT_EQ(outcome.code, 0) << outcome.err;
  EXPECT_THAT(outcome.out, HasSubstr("12.1 s          one optimizer step: 6 x 204 B parameters"));
  EXPECT_THAT(outcome.out, HasSubstr("306 GB          int8 masked, 12 bits a parameter"));
  EXPECT_THAT(outcome.out, HasSubstr("3.28 TB         a GPU with ZeRO-0"));
  EXPECT_THAT(outcome.out, HasSubstr("may vanish at any instant"));
}

TEST(PlanCommand, PrintsOneObjectWithJson) {
  const Outcome outcome = RunPlan({"--params", "13B", "--json"});
  ASSERT_EQ(outcome.code, 0) << outcome.err;
  const auto object = nlohmann::json::parse(outcome.out);
  EXPECT_NEAR(object.at("step_seconds").at("value").get<double>(), 3.08, 0.01);
  EXPECT_EQ(object.at("step_seconds").at("unit"), "s");
  EXPECT_TRUE(object.contains("mask_client_seconds"));
  const auto memory = nlohmann::json::parse(RunPlan({"--params", "13B", "--memory", "--json"}).out);
  EXPECT_TRUE(memory.contains("zero3_bytes"));
  EXPECT_FALSE(memory.contains("step_seconds"));
}

TEST(PlanCommand, TellsWhatTheCpuEngineItselfWillMap) {
  const auto bytes = [](const char* ranks, const char* zero) {
    const Outcome outcome = RunPlan({"--model", "small", "--memory", "--ranks", ranks, "--zero",
                                     zero, "--batch", "4", "--json"});
    EXPECT_EQ(outcome.code, 0) << outcome.err;
    return nlohmann::json::parse(outcome.out).at("cpu_rank_bytes").at("value").get<double>();
  };
  const double alone = bytes("1", "1");
  EXPECT_GT(alone, 16.0 * 10e6);  // weights, gradients and moments of ten million parameters
  EXPECT_LT(bytes("4", "1"), alone);
  EXPECT_LT(bytes("4", "3"), bytes("4", "1"));
  EXPECT_EQ(RunPlan({"--model", "small"}).code, 1);
  EXPECT_EQ(RunPlan({"--memory"}).code, 1);
}

// 13 B on 64 GPUs: the textbook's ZeRO-1 fits in 80 GB, Dure's does not.
TEST(PlanCommand, TellsBesideTheTextbookWhatItsOwnEngineWouldTake) {
  const auto plan = nlohmann::json::parse(RunPlan({"--params", "13b", "--memory", "--json"}).out);
  const auto bytes = [&plan](const char* name) { return plan.at(name).at("value").get<double>(); };
  EXPECT_NEAR(bytes("zero1_bytes"), 57.8e9, 0.1e9);
  EXPECT_GT(bytes("engine_zero1_bytes"), 80e9);
  EXPECT_GT(bytes("engine_zero3_bytes"), 2 * bytes("zero3_bytes"));
  EXPECT_LT(bytes("engine_zero3_bytes"), 20e9);
  EXPECT_THAT(plan.at("engine_zero1_bytes").at("sentence").get<std::string>(),
              HasSubstr("does not fit"));
  const auto large = nlohmann::json::parse(RunPlan({"--params", "204B", "--memory", "--json"}).out);
  EXPECT_EQ(large.at("engine_ranks").at("value"), 64);
}

TEST(PlanCommand, RefusesWhatItWouldNotCount) {
  EXPECT_EQ(RunPlan({"--params", "13B", "--steps", "4"}).code, 0);
  EXPECT_EQ(RunPlan({"--params", "13B", "--steps", "1"}).code, 0);
  EXPECT_THAT(RunPlan({"--params", "13B", "--steps", "4", "--overlap", "5"}).err,
              HasSubstr("must be from 1 to 4"));
  EXPECT_THAT(RunPlan({"--params", "13b"}).out, HasSubstr("on 64 GPUs"));
  for (const char* option : {"--sites", "--gpus", "--tensor-parallel", "--dropouts"}) {
    EXPECT_THAT(RunPlan({"--params", "13B", option, "3.5"}).err, HasSubstr("no parts of"))
        << option;
  }
  EXPECT_THAT(RunPlan({"--params", "13B", "--mfu", "40"}).err, HasSubstr("0.4 for 40 %"));
  EXPECT_THAT(RunPlan({"--params", "13B", "--mfu", "0"}).err, HasSubstr("above 0 and at most 1"));
  EXPECT_EQ(RunPlan({"--params", "13B", "--ranks", "4"}).code, 2);
  EXPECT_EQ(RunPlan({"--params", "13B", "--model", "small", "--memory"}).code, 2);
}

TEST(PlanCommand, SaysWhatNoiseForAMembersPrivacyWouldDo) {
  const Outcome whole = RunPlan({"--params", "1.3B", "--sites", "10", "--noise", "1", "--json"});
  ASSERT_EQ(whole.code, 0) << whole.err;
  const auto object = nlohmann::json::parse(whole.out);
  EXPECT_NEAR(object.at("noise_to_signal").at("value").get<double>(), 3605, 1);
  EXPECT_THAT(object.at("noise_to_signal").at("sentence").get<std::string>(),
              HasSubstr("noise and no model"));
  EXPECT_GT(object.at("member_epsilon").at("value").get<double>(), 1);
  EXPECT_THAT(RunPlan({"--params", "1.3B", "--noise", "-1"}).err, HasSubstr("above zero"));
  EXPECT_THAT(RunPlan({"--params", "1.3B"}).out, Not(HasSubstr("by noise")));
}

TEST(PlanCommand, TakesAnySizeAndSaysWhatItCannotTake) {
  EXPECT_EQ(RunPlan({"--params", "7B", "--gpus", "16", "--tokens", "1M"}).code, 0);
  EXPECT_THAT(RunPlan({"--params", "13B", "--sites", "2"}).out, Not(HasSubstr("Masking")));
  const Outcome two = RunPlan({"--params", "13B", "--sites", "2", "--masking", "pairwise"});
  EXPECT_EQ(two.code, 1);
  EXPECT_THAT(two.err, HasSubstr("masking needs three sites or more"));
  EXPECT_THAT(RunPlan({"--params", "many"}).err, HasSubstr("'many' is not such as 204B"));
  EXPECT_THAT(RunPlan({"--params", "13B", "--link", "fast"}).err, HasSubstr("10Gbps"));
  EXPECT_EQ(RunPlan({"--params", "13B", "--lane", "int9"}).code, 2);
  EXPECT_THAT(RunPlan({"--params", "13B", "--lane", "int9"}).out, IsEmpty());
}

}  // namespace
}  // namespace dure::cli
