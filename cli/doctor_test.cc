#include <gmock/gmock.h>

#include <nlohmann/json.hpp>

#include "cli/testing.h"

namespace dure::cli {
namespace {

std::string Doctor(std::vector<std::string> options) {
  options.insert(options.begin(), {"site", "doctor"});
  const Outcome outcome = RunLine(options);
  EXPECT_EQ(outcome.code, 0) << outcome.err;
  return outcome.out;
}

TEST(Doctor, SaysWhatThereIsAndWhatWillBeUsedOnAnyMachine) {
  const std::string text = Doctor({});
  for (const char* line : {"CPU ", "memory ", "engine ", "NCCL ", "Slurm ", "used "}) {
    EXPECT_THAT(text, testing::HasSubstr(line));
  }
  const auto object = nlohmann::json::parse(Doctor({"--json"}));
  EXPECT_GE(object.at("cpu").at("cores").get<int>(), 1);
  EXPECT_GT(object.at("cpu").at("memory_bytes").get<uint64_t>(), 0u);
  EXPECT_EQ(object.at("gpu").at("devices").empty(),
            !object.at("gpu").at("trouble").get<std::string>().empty());
  const bool has_engine = object.at("gpu").at("engine").get<bool>();
  EXPECT_EQ(has_engine, object.at("gpu").at("engine_trouble").get<std::string>().empty());
  EXPECT_THAT(object.at("use").get<std::string>(),
              testing::HasSubstr(has_engine ? "dure-trainer on GPU 0" : "dure-trainer on the CPU"));
}

}  // namespace
}  // namespace dure::cli
