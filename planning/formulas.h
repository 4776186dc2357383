// The sums behind a plan, each one line of arithmetic. Pure; bytes, bits, seconds and parameters in
// double, since a plan has three digits and not more.
#pragma once

#include <cstdint>

namespace dure::planning {

struct Training {
  double parameters = 0;
  double tokens_per_step = 0;  // of one site's batch
  double gpus = 0;             // of one site
  double peak_flops = 0;       // of one GPU, bf16
  double mfu = 0;              // the share of it that a step reaches
};

// A step costs six operations a parameter and token, forward and backward.
double StepSeconds(const Training& training);
// The share of peak that `tokens_per_second` on all GPUs means.
double UtilisationOfPeak(const Training& training, double tokens_per_second);

// Weights, gradients (bf16) and optimizer state (fp32 master, two moments), split over `gpus` by
// ZeRO stage 0 to 3. REQUIRES: 0 <= stage <= 3.
double StaticBytesPerGpu(int stage, double parameters, double gpus);

struct ModelShape {
  uint32_t layers = 0;
  uint32_t width = 0;
};
enum class Recompute { kNothing, kEverything };
// Activations of one GPU for `tokens` in flight (flash attention: nothing quadratic).
double ActivationBytes(const ModelShape& shape, double tokens, Recompute recompute);

// What a full gather of the weights (forward, backward) and a scatter of gradients move a GPU.
double ZeroThreeBytes(double parameters, double tensor_parallel);

// Bytes of an update of so many bits a parameter.
double UpdateBytes(double parameters, double bits);
// Bits a parameter of the masked lane, or of the sum of lanes, of `sites` lanes in [-most, most]:
// the lane's bits and 0, 1, 2, 4 or 8 more, as federation/masking lays them out.
double SumBits(int lane_bits, double sites);
// Bits a parameter of the k largest of each `chunk`, with their places.
double SparseBits(double kept, double chunk, double value_bits, double place_bits);
// What each site sends, and receives, when `bytes` are reduced in a ring of `sites`.
double RingBytes(double bytes, double sites);

struct Exchange {
  double up_bits = 0;  // a parameter
  double down_bits = 0;
  double bits_per_second = 0;  // of the link
  double efficiency = 1;       // the share of it that data gets
};
// Up, then down, nothing beside it.
double ExchangeSeconds(double parameters, const Exchange& exchange);
double Utilisation(double compute_seconds, double exchange_seconds);
// The fewest steps a round for `utilisation` when exchanges block; when they overlap whole rounds.
double StepsForBlocking(double utilisation, double exchange_seconds, double step_seconds);
double StepsForStreaming(double parameters, double bits, double rate, double step_seconds);

// The rate at which a blocking exchange of `bits` leaves `utilisation` of a round of
// `compute_seconds`, if `hidden_seconds` of it run behind the computation.
double RateFor(double bits, double compute_seconds, double utilisation, double hidden_seconds);

struct MaskedCohort {
  double sites = 0;
  double neighbours = 0;  // each site shares a mask with so many
  double dropped = 0;     // after they had shared keys
  double word_bytes = 0;  // of a masked lane in computation: 1, 2 or 4
};
// Keystream bytes: of a site masking its update, of the aggregator unmasking the sum.
double ClientMaskBytes(double parameters, const MaskedCohort& cohort);
double ServerMaskBytes(double parameters, const MaskedCohort& cohort);
// Of a lane: the word in which sums of `sites` of them are masked.
double MaskWordBytes(int lane_bits, double sites);
// Shares needed to unmask: two thirds of the sites, rounded down, plus one.
double ShareThreshold(double sites);

}  // namespace dure::planning
