// That what a GPU's figures are made of runs: on the emulated device, with a model of a few
// numbers.
#include "bench/gpu/figures.h"

#include <gmock/gmock.h>

#include "model/cuda/emulated/emulated_device.h"
#include "model/layout.h"

namespace dure::bench {
namespace {

ModelSize TinySize() {
  model::LlamaConfig c{.vocab = 64, .dim = 32, .layers = 2, .heads = 2, .kv_heads = 1};
  c.ffn_dim = 48;
  c.context = 16;
  return {"tiny", c, 2};
}

class GpuFigures : public testing::Test {
 protected:
  std::unique_ptr<model::cuda::Device> device_ =
      std::move(*model::cuda::Device::Open(model::cuda::EmulatedTable(), 0));
};

TEST_F(GpuFigures, EveryKernelOfALayerIsMeasured) {
  const auto kernels = MeasureKernels(*device_, TinySize(), 0);
  ASSERT_TRUE(kernels) << kernels.error().message;
  EXPECT_EQ(kernels->size(), 34U);
  for (const KernelFigure& kernel : *kernels) {
    EXPECT_GT(kernel.bytes, 0) << kernel.name;
    EXPECT_GT(kernel.seconds, 0) << kernel.name;
  }
}

TEST_F(GpuFigures, TrainingDecodingAndEncodingAreMeasured) {
  const auto training = MeasureTraining(*device_, TinySize(), 1);
  ASSERT_TRUE(training) << training.error().message;
  EXPECT_GT(training->tokens_s, 0);
  EXPECT_GT(training->operations_per_token, 0);
  const auto decoding = MeasureDecoding(*device_, TinySize(), 3);
  ASSERT_TRUE(decoding) << decoding.error().message;
  EXPECT_GT(decoding->tokens_s, 0);
  const auto codec = MeasureCodec(*device_, 3000, 0);
  ASSERT_TRUE(codec) << codec.error().message;
  EXPECT_GT(codec->encode_bytes_s, 0);
  const auto limits = MeasureLimits(*device_, 1 << 16, 32);
  ASSERT_TRUE(limits) << limits.error().message;
  EXPECT_GT(limits->copy_bytes_s, 0);
}

TEST(GpuSizes, AreThoseOfTheFigures) {
  EXPECT_NEAR(static_cast<double>(model::LlamaLayout(SmallSize().config).parameter_count()), 124e6,
              1e6);
  EXPECT_NEAR(static_cast<double>(model::LlamaLayout(LargeSize().config).parameter_count()), 1.32e9,
              0.02e9);
}

}  // namespace
}  // namespace dure::bench
