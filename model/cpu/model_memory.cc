#include "model/cpu/model_memory.h"

#include <algorithm>

#include "federation/check.h"
#include "model/cpu/adamw.h"
#include "model/cpu/train.h"

namespace dure::model::cpu {
namespace {

using collective::Collective;
using collective::Piece;

// Workers' shares begin at multiples of this, so that no cache line is shared.
constexpr size_t kShareUnit = 1024;
constexpr uint32_t kNoLayer = UINT32_MAX;

// The layers' two buffers stand behind those of embedding and top.
uint32_t PlaceOf(const LlamaConfig& config, uint32_t part) {
  if (part == 0) return 0;
  if (part > config.layers) return 1;
  return 2 + (part - 1) % 2;
}

}  // namespace

std::vector<Part> PartsOf(const LlamaConfig& config, const Sharding& sharding) {
  std::vector<Part> parts;
  size_t begin = 0;
  size_t own_at = 0;
  for (uint32_t i = 0; i < PartCount(config); ++i) {
    const size_t size = PartSize(config, i);
    const Piece piece = sharding.stage == 0
                            ? Piece{0, size}
                            : collective::PieceOf(size, sharding.rank, sharding.world);
    parts.push_back({begin, size, piece, own_at, PlaceOf(config, i)});
    begin += size;
    own_at += piece.size();
  }
  return parts;
}

ModelMemory::Buffers ModelMemory::PlanBuffers(const LlamaConfig& config, const Sharding& sharding,
                                              MemoryPlan& plan) {
  const std::vector<Part> parts = PartsOf(config, sharding);
  const size_t all = parts.back().begin + parts.back().size;
  const size_t own = parts.back().own_at + parts.back().piece.size();
  std::array<size_t, 4> places{};
  for (const Part& part : parts) places[part.place] = std::max(places[part.place], part.size);
  Buffers b;
  if (sharding.stage < 3) b.parameters = plan.Floats(all);
  if (sharding.stage < 2) b.gradients = plan.Floats(all);
  if (sharding.stage >= 3) b.own_parameters = plan.Floats(own);
  if (sharding.stage >= 2) b.own_gradients = plan.Floats(own);
  b.m = plan.Floats(own);
  b.v = plan.Floats(own);
  for (size_t place = 0; place < places.size(); ++place) {
    if (sharding.stage >= 3) b.part_parameters[place] = plan.Floats(places[place]);
    if (sharding.stage >= 2) b.part_gradients[place] = plan.Floats(places[place]);
  }
  return b;
}

void ModelMemory::Plan(const LlamaConfig& config, const Sharding& sharding, MemoryPlan& plan) {
  (void)PlanBuffers(config, sharding, plan);
}

ModelMemory::ModelMemory(const LlamaConfig& config, Collective& gang, uint32_t stage,
                         MemoryPlan& plan)
    : config_(config),
      sharding_{gang.rank(), gang.world(), gang.world() == 1 ? 0 : stage},
      parts_(PartsOf(config, sharding_)),
      buffers_(PlanBuffers(config, sharding_, plan)),
      gang_(gang),
      weights_(WeightsOfParts<const float>(config, [this](uint32_t p) { return ParametersOf(p); })),
      gradients_(WeightsOfParts<float>(config, [this](uint32_t p) { return GradientsOf(p); })) {
  DURE_CHECK(stage <= kZeroStageMax, "ZeRO has stages 0 to 3");
  if (gang.world() > 1) queue_ = std::make_unique<collective::Queue>(gang);
  held_layer_.fill(kNoLayer);
  const Buffers& b = buffers_;
  for (uint32_t i = 0; i < parts_.size(); ++i) {
    const Part& part = parts_[i];
    const size_t at = part.own_at;
    const Owned owned{
        .begin = part.begin + part.piece.begin,
        .size = part.piece.size(),
        .parameters = b.own_parameters ? b.own_parameters + at : ParametersOf(i) + part.piece.begin,
        .gradients = b.own_gradients ? b.own_gradients + at : GradientsOf(i) + part.piece.begin,
        .m = b.m + at,
        .v = b.v + at};
    owned_size_ += owned.size;
    // Without sharding the parts are neighbours: one stretch.
    if (sharding_.stage == 0 && i > 0) {
      owned_.back().size += owned.size;
    } else if (owned.size > 0) {
      owned_.push_back(owned);
    }
  }
}

float* ModelMemory::ParametersOf(uint32_t part) const {
  float* held = buffers_.part_parameters[parts_[part].place];
  return held ? held : buffers_.parameters + parts_[part].begin;
}

float* ModelMemory::GradientsOf(uint32_t part) const {
  float* held = buffers_.part_gradients[parts_[part].place];
  return held ? held : buffers_.gradients + parts_[part].begin;
}

void ModelMemory::Load(std::span<const float> flat) {
  for (const Owned& owned : owned_) {
    if (!has_all_parameters()) std::copy_n(flat.data() + owned.begin, owned.size, owned.parameters);
  }
  if (has_all_parameters()) std::ranges::copy(flat, buffers_.parameters);
  holds_ends_ = false;
  held_layer_.fill(kNoLayer);
}

std::span<const float> ModelMemory::parameters() const {
  DURE_CHECK(has_all_parameters(), "stage 3 holds pieces; Gather brings them together");
  return {buffers_.parameters, parts_.back().begin + parts_.back().size};
}

Status ModelMemory::Gather(std::span<float> flat) {
  if (has_all_parameters()) {
    if (!flat.empty()) std::ranges::copy(parameters(), flat.data());
    return {};
  }
  holds_ends_ = false;
  held_layer_.fill(kNoLayer);
  for (uint32_t i = 0; i < parts_.size(); ++i) {
    PushGather(i);
    DURE_TRY(queue_->Finish());
    if (!flat.empty()) std::copy_n(ParametersOf(i), parts_[i].size, flat.data() + parts_[i].begin);
  }
  return {};
}

void ModelMemory::BeginStep(Workers& workers) {
  const auto clear = [&](float* floats, size_t count) {
    if (floats == nullptr) return;
    workers.Run([&](uint32_t worker) {
      const Share share = ShareOf(count, worker, workers.size(), kShareUnit);
      std::fill_n(floats + share.begin, share.size(), 0.0f);
    });
  };
  // Part buffers are cleared whenever their sum was taken out.
  clear(buffers_.gradients, parts_.back().begin + parts_.back().size);
  clear(buffers_.own_gradients, owned_size_);
}

void ModelMemory::BeginPass(bool is_last_of_step) {
  sums_now_ = is_last_of_step || sharding_.stage >= 2;
  if (sharding_.stage < 3) return;
  if (!holds_ends_) {
    const uint64_t embedding = PushGather(0);
    FetchLayer(0);
    ends_ticket_ = PushGather(config_.layers + 1);
    holds_ends_ = true;
    queue_->Wait(embedding);
  }
}

// Copies the own piece into the part's buffer and brings the others'.
uint64_t ModelMemory::PushGather(uint32_t part) {
  const Part& p = parts_[part];
  float* whole = ParametersOf(part);
  const float* own = buffers_.own_parameters ? buffers_.own_parameters + p.own_at : nullptr;
  return queue_->Push([=](Collective& gang) {
    if (own != nullptr) std::copy_n(own, p.piece.size(), whole + p.piece.begin);
    return gang.AllGather({whole, p.size});
  });
}

// REQUIRES: nobody reads the layer that its buffer holds.
void ModelMemory::FetchLayer(uint32_t layer) {
  if (held_layer_[layer % 2] == layer) return;
  held_layer_[layer % 2] = layer;
  layer_ticket_[layer % 2] = PushGather(layer + 1);
}

void ModelMemory::BeforeForward(uint32_t layer) {
  if (sharding_.stage < 3) return;
  FetchLayer(layer);
  const bool is_last = layer + 1 == config_.layers;
  if (!is_last) FetchLayer(layer + 1);  // while this one is computed
  queue_->Wait(layer_ticket_[layer % 2]);
  if (is_last) queue_->Wait(ends_ticket_);
}

void ModelMemory::BeforeBackward(uint32_t layer) {
  if (sharding_.stage < 2) return;
  queue_->Wait(gradient_ticket_[layer % 2]);
  if (sharding_.stage < 3) return;
  FetchLayer(layer);
  if (layer > 0) FetchLayer(layer - 1);
  queue_->Wait(layer_ticket_[layer % 2]);
}

void ModelMemory::GradientDone(uint32_t part) {
  if (!sums_now_) return;
  const Part& p = parts_[part];
  float* whole = GradientsOf(part);
  float* own = buffers_.own_gradients ? buffers_.own_gradients + p.own_at : nullptr;
  const uint32_t stage = sharding_.stage;
  const uint64_t ticket = queue_->Push([=](Collective& gang) -> Status {
    const std::span<float> values(whole, p.size);
    if (stage == 0) return gang.AllReduce(values);
    DURE_TRY(gang.ReduceScatter(values));
    if (own == nullptr) return {};
    const float* sum = whole + p.piece.begin;
    for (size_t i = 0; i < p.piece.size(); ++i) own[i] += sum[i];
    std::ranges::fill(values, 0.0f);
    return {};
  });
  if (p.place >= 2) gradient_ticket_[p.place % 2] = ticket;
}

Status ModelMemory::EndPass() { return queue_ && sums_now_ ? queue_->Finish() : Status{}; }

Result<double> ModelMemory::SquaredNorm(Workers& workers) {
  std::vector<double> sums(workers.size());
  workers.Run([&](uint32_t worker) {
    for (const Owned& owned : owned_) {
      const Share share = ShareOf(owned.size, worker, workers.size(), kShareUnit);
      sums[worker] += SumOfSquares(share.size(), owned.gradients + share.begin);
    }
  });
  double sum = 0;
  for (const double part : sums) sum += part;
  return sharding_.stage == 0 ? Result<double>(sum) : gang_.Sum(sum);
}

Status ModelMemory::EndStep() {
  holds_ends_ = false;
  held_layer_.fill(kNoLayer);
  if (sharding_.stage == 0 || sharding_.stage == 3) return {};
  for (uint32_t i = 0; i < parts_.size(); ++i) PushGather(i);
  return queue_->Finish();
}

}  // namespace dure::model::cpu
