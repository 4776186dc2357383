#include <gmock/gmock.h>

#include "cli/testing.h"
#include "model/cpu/products.h"

namespace dure::cli {
namespace {

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

}  // namespace
}  // namespace dure::cli
