#include "model/cuda/model_memory.h"

#include <algorithm>

#include "federation/check.h"
#include "model/cpu/train.h"

namespace dure::model::cuda {
namespace {

using collective::Collective;
using collective::Piece;

constexpr uint32_t kNoLayer = UINT32_MAX;

}  // namespace

template <typename T>
typename ModelMemory<T>::Buffers ModelMemory<T>::PlanBuffers(const LlamaConfig& config,
                                                             const cpu::Sharding& sharding,
                                                             DevicePlan& plan) {
  const std::vector<Part> parts = cpu::PartsOf(config, sharding);
  const uint64_t all = parts.back().begin + parts.back().size;
  const uint64_t own = parts.back().own_at + parts.back().piece.size();
  std::array<uint64_t, 4> places{};
  for (const Part& part : parts) places[part.place] = std::max(places[part.place], part.size);
  Buffers b;
  b.masters = plan.Take<float>(own);
  b.m = plan.Take<float>(own);
  b.v = plan.Take<float>(own);
  if (sharding.stage < 3) b.weights = plan.Take<T>(all);
  if (sharding.stage >= 3) b.own_weights = plan.Take<T>(own);
  if (sharding.stage < 2) b.gradients = plan.Take<float>(all);
  if (sharding.stage >= 2) b.own_gradients = plan.Take<float>(own);
  for (size_t place = 0; place < places.size(); ++place) {
    if (sharding.stage >= 3) b.part_weights[place] = plan.Take<T>(places[place]);
    if (sharding.stage >= 2) b.part_gradients[place] = plan.Take<float>(places[place]);
  }
  b.sums = plan.Take<double>(parts.size() * Sums::kBlocks);
  return b;
}

template <typename T>
void ModelMemory<T>::Plan(const LlamaConfig& config, const cpu::Sharding& sharding,
                          DevicePlan& plan) {
  (void)PlanBuffers(config, sharding, plan);
}

template <typename T>
ModelMemory<T>::ModelMemory(Device& device, const LlamaConfig& config, const Ranks& gang,
                            uint32_t stage, DevicePlan& plan)
    : device_(device),
      config_(config),
      sharding_{gang.ranks.rank(), gang.ranks.world(), gang.ranks.world() == 1 ? 0 : stage},
      parts_(cpu::PartsOf(config, sharding_)),
      b_(PlanBuffers(config, sharding_, plan)),
      gang_(gang),
      weights_(cpu::WeightsOfParts<const T>(config, [this](uint32_t p) { return WeightsOf(p); })),
      gradients_(
          cpu::WeightsOfParts<float>(config, [this](uint32_t p) { return GradientsOf(p); })) {
  DURE_CHECK(stage <= cpu::kZeroStageMax, "ZeRO has stages 0 to 3");
  DURE_CHECK((gang.devices != nullptr) == (gang.ranks.world() > 1), "a gang's devices meet before");
  if (gang.devices != nullptr) queue_ = std::make_unique<collective::Queue>(gang.ranks);
  held_layer_.fill(kNoLayer);
  Own();
}

template <typename T>
void ModelMemory<T>::Own() {
  for (uint32_t i = 0; i < parts_.size(); ++i) {
    const Part& part = parts_[i];
    const uint64_t at = part.own_at;
    const OwnedOnDevice<T> owned{
        .begin = part.begin + part.piece.begin,
        .size = part.piece.size(),
        .masters = b_.masters + at,
        .gradients = b_.own_gradients ? b_.own_gradients + at : GradientsOf(i) + part.piece.begin,
        .m = b_.m + at,
        .v = b_.v + at,
        .weights = b_.own_weights ? b_.own_weights + at : WeightsOf(i) + part.piece.begin};
    owned_size_ += owned.size;
    // Without sharding the parts are neighbours: one stretch.
    if (sharding_.stage == 0 && i > 0) {
      owned_.back().size += owned.size;
    } else if (owned.size > 0) {
      owned_.push_back(owned);
    }
  }
}

template <typename T>
T* ModelMemory<T>::WeightsOf(uint32_t part) const {
  T* const held = b_.part_weights[parts_[part].place];
  return held ? held : b_.weights + parts_[part].begin;
}

template <typename T>
float* ModelMemory<T>::GradientsOf(uint32_t part) const {
  float* const held = b_.part_gradients[parts_[part].place];
  return held ? held : b_.gradients + parts_[part].begin;
}

template <typename T>
void ModelMemory<T>::Load(std::span<const float> flat, bool clears_moments) {
  for (const OwnedOnDevice<T>& owned : owned_) {
    device_.CopyIn(owned.masters, flat.subspan(owned.begin, owned.size));
    device_.template Launch<Convert<T>>({owned.masters, owned.weights, owned.size});
    if (!clears_moments) continue;
    device_.Clear(owned.m, owned.size);
    device_.Clear(owned.v, owned.size);
  }
  // What other ranks own is converted here too, instead of brought: a rank has the file.
  if (b_.weights != nullptr && sharding_.stage > 0) {
    std::vector<T> converted(flat.size());
    std::ranges::transform(flat, converted.begin(), FromFloat<T>);
    device_.CopyIn(b_.weights, std::span<const T>(converted));
  }
  holds_ends_ = false;
  held_layer_.fill(kNoLayer);
  for (uint32_t i = 0; i < parts_.size(); ++i) {
    if (b_.own_gradients != nullptr) device_.Clear(GradientsOf(i), parts_[i].size);
  }
}

template <typename T>
Status ModelMemory<T>::Gather(std::span<float> flat) {
  for (const Part& part : parts_) {
    std::vector<float> whole(part.size);
    const std::span<float> own = std::span(whole).subspan(part.piece.begin, part.piece.size());
    DURE_TRY(device_.CopyOut(own, b_.masters + part.own_at));
    if (sharding_.stage > 0) DURE_TRY(gang_.ranks.AllGather(whole));
    if (!flat.empty()) std::ranges::copy(whole, flat.begin() + static_cast<int64_t>(part.begin));
  }
  return {};
}

template <typename T>
void ModelMemory<T>::BeginStep() {
  // Part buffers are cleared whenever their sum was taken out.
  if (b_.gradients != nullptr)
    device_.Clear(b_.gradients, parts_.back().begin + parts_.back().size);
  if (b_.own_gradients != nullptr) device_.Clear(b_.own_gradients, owned_size_);
}

template <typename T>
void ModelMemory<T>::BeginPass(bool is_last_of_step) {
  sums_now_ = is_last_of_step || sharding_.stage >= 2;
  if (sharding_.stage < 3 || holds_ends_) return;
  const uint64_t embedding = PushGather(0);
  FetchLayer(0);
  ends_ticket_ = PushGather(config_.layers + 1);
  holds_ends_ = true;
  queue_->Wait(embedding);
}

// Copies the own piece into the part's buffer and brings the others'.
template <typename T>
uint64_t ModelMemory<T>::PushGather(uint32_t part) {
  const Part& p = parts_[part];
  T* const whole = WeightsOf(part);
  if (b_.own_weights != nullptr) {
    device_.Copy(whole + p.piece.begin, b_.own_weights + p.own_at, p.piece.size());
  }
  DeviceGang* const devices = gang_.devices;
  const uint32_t mark = devices->Mark();
  const uint64_t size = p.size;
  return queue_->Push([=](Collective&) { return devices->AllGather(whole, size, mark); });
}

// REQUIRES: what reads the layer that its buffer holds is queued before.
template <typename T>
void ModelMemory<T>::FetchLayer(uint32_t layer) {
  if (held_layer_[layer % 2] == layer) return;
  held_layer_[layer % 2] = layer;
  layer_ticket_[layer % 2] = PushGather(layer + 1);
}

template <typename T>
void ModelMemory<T>::BeforeForward(uint32_t layer) {
  if (sharding_.stage < 3) return;
  FetchLayer(layer);
  const bool is_last = layer + 1 == config_.layers;
  if (!is_last) FetchLayer(layer + 1);  // while this one is computed
  queue_->Wait(layer_ticket_[layer % 2]);
  if (is_last) queue_->Wait(ends_ticket_);
}

template <typename T>
void ModelMemory<T>::BeforeBackward(uint32_t layer) {
  if (sharding_.stage < 2) return;
  Settle(2 + layer % 2);
  if (sharding_.stage < 3) return;
  FetchLayer(layer);
  if (layer > 0) FetchLayer(layer - 1);
  queue_->Wait(layer_ticket_[layer % 2]);
}

template <typename T>
void ModelMemory<T>::GradientDone(uint32_t part) {
  if (!sums_now_) return;
  const Part& p = parts_[part];
  float* const whole = GradientsOf(part);
  const uint64_t size = p.size;
  const bool everywhere = sharding_.stage == 0;
  DeviceGang* const devices = gang_.devices;
  const uint32_t mark = devices->Mark();
  const uint64_t ticket = queue_->Push([=](Collective&) {
    return everywhere ? devices->AllReduce(whole, size, mark)
                      : devices->ReduceScatter(whole, size, mark);
  });
  if (b_.own_gradients != nullptr) pending_[p.place] = {ticket, part};
}

template <typename T>
void ModelMemory<T>::Settle(uint32_t place) {
  Pending& pending = pending_[place];
  if (pending.ticket == 0) return;
  queue_->Wait(pending.ticket);
  const Part& p = parts_[pending.part];
  float* const whole = GradientsOf(pending.part);
  if (p.piece.size() > 0) {
    device_.Launch<AddTo>({whole + p.piece.begin, b_.own_gradients + p.own_at, p.piece.size()});
  }
  device_.Clear(whole, p.size);
  pending = {};
}

template <typename T>
Status ModelMemory<T>::EndPass() {
  if (!queue_ || !sums_now_) return {};
  DURE_TRY(queue_->Finish());
  for (uint32_t place = 0; place < pending_.size(); ++place) Settle(place);
  return {};
}

template <typename T>
Result<double> ModelMemory<T>::SquaredNorm() {
  std::vector<double> parts(owned_.size() * Sums::kBlocks);
  double* to = b_.sums;
  for (const OwnedOnDevice<T>& owned : owned_) {
    device_.Launch<Sums>({owned.gradients, to, owned.size, true});
    to += Sums::kBlocks;
  }
  DURE_TRY(device_.CopyOut(std::span<double>(parts), b_.sums));
  double sum = 0;
  for (const double part : parts) sum += part;
  return sharding_.stage == 0 ? Result<double>(sum) : gang_.ranks.Sum(sum);
}

template <typename T>
Status ModelMemory<T>::EndStep() {
  holds_ends_ = false;
  held_layer_.fill(kNoLayer);
  if (sharding_.stage == 0 || sharding_.stage == 3) return {};
  for (uint32_t i = 0; i < parts_.size(); ++i) PushGather(i);
  return queue_->Finish();
}

template class ModelMemory<float>;
template class ModelMemory<Bf16>;

}  // namespace dure::model::cuda
