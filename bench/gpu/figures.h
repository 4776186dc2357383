// What a GPU does, measured through the engine's own device: each kernel and product by itself,
// whole training steps, decoding, and encoding an update.
#pragma once

#include <functional>
#include <string>
#include <vector>

#include "model/cuda/device.h"
#include "model/cuda/train.h"

namespace dure::bench {

// One kernel or product at the size that a training has.
struct KernelFigure {
  std::string name;
  double bytes = 0;       // that must pass between chip and memory
  double operations = 0;  // of matrix products: multiplications and additions
  double seconds = 0;     // of one call
};

struct ModelSize {
  std::string name;
  model::LlamaConfig config;
  uint32_t batch = 1;
  model::cuda::Recompute recompute = model::cuda::Recompute::kNorms;
};
ModelSize SmallSize();  // 124 M, T 1024
ModelSize LargeSize();  // 1.3 B, T 2048

// Seconds of one call of `work`, the mean of enough calls to fill `seconds`; errors of the device.
Result<double> SecondsOf(model::cuda::Device& device, double seconds,
                         const std::function<void()>& work);

// Numbers of bf16 in [-1, 1], read as floats as small: zeros would be computed faster than data is.
void FillByChance(model::cuda::Device& device, uint8_t* memory, uint64_t bytes);

// Copies: what of the memory's bandwidth one can have; products: what of the arithmetic.
struct Limits {
  double copy_bytes_s = 0;   // read and written
  double product_ops_s = 0;  // of a large bf16 product
};
Result<Limits> MeasureLimits(model::cuda::Device& device, uint64_t bytes, uint32_t width);

// Each kernel of one layer, head and optimizer, in bf16.
Result<std::vector<KernelFigure>> MeasureKernels(model::cuda::Device& device, const ModelSize& size,
                                                 double seconds);

struct TrainingFigure {
  double tokens_s = 0;
  double step_seconds = 0;
  double operations_per_token = 0;  // of matrix products, without what is made again
  double planned_bytes = 0;
  double loss = 0;
};
Result<TrainingFigure> MeasureTraining(model::cuda::Device& device, const ModelSize& size,
                                       uint32_t steps, bool same_bits = false);

struct DecodingFigure {
  double tokens_s = 0;
  double weight_bytes = 0;  // read for a token
};
Result<DecodingFigure> MeasureDecoding(model::cuda::Device& device, const ModelSize& size,
                                       uint32_t tokens);

// Update to int8 with error feedback, and back, in bytes that must be read and written a second.
struct CodecFigure {
  double encode_bytes_s = 0;
  double decode_bytes_s = 0;
};
Result<CodecFigure> MeasureCodec(model::cuda::Device& device, uint64_t parameters, double seconds);

}  // namespace dure::bench
