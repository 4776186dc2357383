#include <gmock/gmock.h>

#include <filesystem>
#include <fstream>
#include <nlohmann/json.hpp>

#include "cli/exit_code.h"
#include "cli/scrub_text.h"
#include "cli/testing.h"
#include "model/cpu/products.h"

namespace dure::cli {
namespace {

namespace fs = std::filesystem;
using testing::HasSubstr;

Outcome Serve(std::vector<std::string> options) {
  options.insert(options.begin(), {"site", "serve", "--dir", "/nonexistent"});
  return RunLine(options);
}

TEST(SiteServe, SaysAtOnceWhatCouldNeverTrain) {
  EXPECT_THAT(Serve({"--optimizer", "muon", "--device", "cpu"}).err, HasSubstr("on GPUs only"));
  EXPECT_THAT(Serve({"--optimizer", "muon", "--ranks", "4"}).err, HasSubstr("--zero 0"));
  if (!model::cpu::HasBf16Instructions()) {
    EXPECT_THAT(Serve({"--precision", "bf16", "--device", "cpu"}).err,
                HasSubstr("--precision fp32"));
  }
  const std::string other = Serve({"--optimizer", "muon", "--ranks", "4", "--zero", "0"}).err;
  EXPECT_THAT(other, HasSubstr("/nonexistent"));
}

fs::path Written(const std::string& name, const std::string& text) {
  const fs::path path = fs::path(testing::TempDir()) / name;
  std::ofstream(path) << text;
  return path;
}

TEST(SiteServe, AWrongSetUpHasAnExitCodeOfItsOwnAndNamesTheFile) {
  const std::string text =
      Written("serve-text.jsonl", "{\"text\":\"one\"}\n{\"text\":\"another\"}\n");
  const std::string terms = Written("serve-terms.toml", "[dataset]\ndataste = \"x\"\n");
  const Outcome wrong_terms = Serve({"--data", text, "--terms", terms});
  EXPECT_EQ(wrong_terms.code, static_cast<int>(ExitCode::kSetUp)) << wrong_terms.err;
  EXPECT_THAT(wrong_terms.err, HasSubstr(terms + ":"));
  const std::string policy = Written("serve-policy.txt", "site policy\nno such sentence\n");
  const Outcome wrong_policy = Serve({"--policy", policy});
  EXPECT_EQ(wrong_policy.code, static_cast<int>(ExitCode::kSetUp)) << wrong_policy.err;
  EXPECT_THAT(wrong_policy.err, HasSubstr(policy + ":"));
  const Outcome uneven = Serve({"--data", text});
  EXPECT_EQ(uneven.code, static_cast<int>(ExitCode::kSetUp)) << uneven.err;
  EXPECT_THAT(uneven.err, HasSubstr("--terms"));
}

TEST(SiteServe, SaysWhichOfItsOwnRulesCannotMeanWhatTheySay) {
  const std::string policy = Written(
      "serve-own.policy",
      "site policy \"Ours\" version 1 effective 2026-12-01\nrule S1 forbid train\n  title \"T\" ko "
      "\"제목\"\n  when run.purpos is benchmark\n  because \"B\" ko \"이유\"\nend\n");
  EXPECT_THAT(Serve({"--policy", policy}).err,
              HasSubstr(policy + ":4:8: error: rule S1: no attribute is called run.purpos"));
  EXPECT_THAT(Serve({"--policy", policy, "--lang", "ko"}).err,
              HasSubstr(policy + ":4:8: 오류: 규칙 S1: run.purpos(이)라는 속성은 없어서"));
  const std::string consortiums =
      Written("serve-not-own.policy", "policy \"Theirs\" version 1 effective 2026-12-01\n");
  EXPECT_THAT(Serve({"--policy", consortiums, "--lang", "ko"}).err,
              HasSubstr("사이트 정책이 아닙니다"));
}

TEST(SiteServe, WhatIsMissingMayComeAndIsNoMistake) {
  const std::string text =
      Written("serve-text.jsonl", "{\"text\":\"one\"}\n{\"text\":\"another\"}\n");
  const Outcome no_folder = Serve({"--data", text, "--terms", "open"});
  EXPECT_EQ(no_folder.code, static_cast<int>(ExitCode::kFailed)) << no_folder.err;
  const Outcome no_terms = Serve({"--data", text, "--terms", "/nonexistent/terms.toml"});
  EXPECT_EQ(no_terms.code, static_cast<int>(ExitCode::kFailed)) << no_terms.err;
}

TEST(SiteServe, WhatItsStoreHoldsIsSaidInALineWhateverIsSaidOfIt) {
  using nlohmann::json;
  EXPECT_EQ(StoreText(json{{"blobs", 1u}, {"bytes", 1023u}}), "its store holds 1023 B in 1 blob");
  EXPECT_EQ(StoreText(json{{"blobs", 3u}, {"bytes", 1u << 20}}),
            "its store holds 1.0 MiB in 3 blobs");
  EXPECT_THAT(StoreText(json{{"blobs", "x"}}), HasSubstr("0 blobs"));
  EXPECT_THAT(StoreText(json::array()), HasSubstr("0 blobs"));
}

}  // namespace
}  // namespace dure::cli
