// One list of fields a struct, walked by a writer and by a reader, so that the two cannot disagree.
// For the .cc files of this room.
#pragma once

#include <map>
#include <optional>
#include <string>
#include <type_traits>
#include <vector>

#include "federation/canonical.h"
#include "federation/limits.h"
#include "federation/round/messages.h"

namespace dure::round {

// Envelopes, proofs and notes: what the log allows.
inline constexpr size_t kOpaqueBytesMax = limits::kEntryBytesMax;
inline constexpr size_t kTextBytesMax = 16 * 1024;

class Put {
 public:
  static constexpr bool kReads = false;
  template <typename... T>
  void operator()(const T&... values) {
    (One(values), ...);
  }
  bool ok() const { return true; }
  void Refuse() {}
  Bytes Take() { return writer_.Take(); }

  template <typename T>
  void One(const T& v) {
    if constexpr (std::is_same_v<T, bool>) {
      writer_.Bool(v);
    } else if constexpr (std::is_enum_v<T>) {
      writer_.U8(static_cast<uint8_t>(v));
    } else if constexpr (std::is_same_v<T, uint8_t>) {
      writer_.U8(v);
    } else if constexpr (std::is_same_v<T, uint32_t>) {
      writer_.U32(v);
    } else if constexpr (std::is_same_v<T, uint64_t>) {
      writer_.U64(v);
    } else if constexpr (std::is_same_v<T, float>) {
      writer_.F32(v);
    } else if constexpr (std::is_same_v<T, double>) {
      writer_.F64(v);
    } else {
      Compound(v);
    }
  }

 private:
  void Compound(const std::string& v) { writer_.Text(v); }
  void Compound(const Bytes& v) { writer_.Blob(v); }
  void Compound(const Digest& v) { writer_.Raw32(v); }
  void Compound(const RoundNumber& v) { writer_.U64(v.value); }
  void Compound(const Duration& v) { writer_.I64(v.count()); }
  template <typename Tag>
  void Compound(const Name_<Tag>& v) {
    writer_.Text(v.str());
  }
  template <typename T>
  void Compound(const std::optional<T>& v) {
    writer_.Bool(v.has_value());
    if (v) One(*v);
  }
  template <typename T>
  requires(!std::is_same_v<T, uint8_t>) void Compound(const std::vector<T>& v) {
    writer_.U32(static_cast<uint32_t>(v.size()));
    for (const T& one : v) One(one);
  }
  template <typename T>
  void Compound(const std::map<SiteId, T>& v) {
    writer_.U32(static_cast<uint32_t>(v.size()));
    for (const auto& [key, one] : v) {
      One(key);
      One(one);
    }
  }
  template <typename T>
  requires std::is_class_v<T>
  void Compound(const T& v) {
    auto& fields = const_cast<T&>(v);  // A Put only reads them.
    if constexpr (requires { fields.Visit(*this); }) {
      fields.Visit(*this);
    } else {
      Fields(*this, fields);
    }
  }
  CanonicalWriter writer_;
};

class Get {
 public:
  static constexpr bool kReads = true;
  explicit Get(ByteView bytes) : reader_(bytes) {}
  template <typename... T>
  void operator()(T&... values) {
    (One(values), ...);
  }
  bool ok() const { return ok_ && reader_.ok(); }
  void Refuse() { ok_ = false; }
  Status Done(std::string_view what) const {
    if (!ok_)
      return Fail(ErrorCode::kInvalid, std::string(what) + " holds a value out of its form");
    return reader_.Done(what);
  }

  template <typename T>
  void One(T& v) {
    if (!ok()) return;
    if constexpr (std::is_same_v<T, bool>) {
      v = reader_.Bool();
    } else if constexpr (std::is_enum_v<T>) {
      v = static_cast<T>(reader_.U8());
      if (static_cast<uint8_t>(v) > EnumMax(v)) Refuse();
    } else if constexpr (std::is_same_v<T, uint8_t>) {
      v = reader_.U8();
    } else if constexpr (std::is_same_v<T, uint32_t>) {
      v = reader_.U32();
    } else if constexpr (std::is_same_v<T, uint64_t>) {
      v = reader_.U64();
    } else if constexpr (std::is_same_v<T, float>) {
      v = reader_.F32();
    } else if constexpr (std::is_same_v<T, double>) {
      v = reader_.F64();
    } else {
      Compound(v);
    }
  }

 private:
  void Compound(std::string& v) { v = reader_.Text(kTextBytesMax); }
  void Compound(Bytes& v) { v = reader_.Blob(kOpaqueBytesMax); }
  void Compound(Digest& v) { v = reader_.Raw32(); }
  void Compound(RoundNumber& v) { v.value = reader_.U64(); }
  void Compound(Duration& v) { v = Duration(reader_.I64()); }
  template <typename Tag>
  void Compound(Name_<Tag>& v) {
    auto name = Name_<Tag>::Parse(reader_.Text(limits::kNameBytesMax));
    if (!name) return Refuse();
    v = std::move(*name);
  }
  template <typename T>
  void Compound(std::optional<T>& v) {
    v.reset();
    if (reader_.Bool()) One(v.emplace());
  }
  template <typename T>
  requires(!std::is_same_v<T, uint8_t>) void Compound(std::vector<T>& v) {
    v.clear();
    const uint32_t n = Count();
    for (uint32_t i = 0; i < n && ok(); ++i) One(v.emplace_back());
  }
  template <typename T>
  void Compound(std::map<SiteId, T>& v) {
    v.clear();
    const uint32_t n = Count();
    for (uint32_t i = 0; i < n && ok(); ++i) {
      SiteId key;
      One(key);
      // One value has one encoding: ascending keys.
      if (!v.empty() && !(v.rbegin()->first < key)) return Refuse();
      One(v[key]);
    }
  }
  template <typename T>
  requires std::is_class_v<T>
  void Compound(T& v) {
    if constexpr (requires { v.Visit(*this); }) {
      v.Visit(*this);
    } else {
      Fields(*this, v);
    }
  }
  // No list is longer than the bytes that are left, nor than anything this room keeps.
  uint32_t Count() {
    const uint32_t n = reader_.U32();
    if (n > reader_.remaining() || n > 64 * limits::kSitesMax) Refuse();
    return ok() ? n : 0;
  }
  CanonicalReader reader_;
  bool ok_ = true;
};

inline uint8_t EnumMax(Lane) { return static_cast<uint8_t>(Lane::kInt4); }
inline uint8_t EnumMax(Weighting) { return static_cast<uint8_t>(Weighting::kEqual); }
inline uint8_t EnumMax(ScheduleKind) { return static_cast<uint8_t>(ScheduleKind::kWsd); }
inline uint8_t EnumMax(Masking) { return static_cast<uint8_t>(Masking::kPairwise); }
inline uint8_t EnumMax(Noise) { return static_cast<uint8_t>(Noise::kSkellam); }
inline uint8_t EnumMax(Purpose) { return static_cast<uint8_t>(Purpose::kBenchmark); }
inline uint8_t EnumMax(Beneficiary) { return static_cast<uint8_t>(Beneficiary::kForProfit); }
inline uint8_t EnumMax(Valuation) { return static_cast<uint8_t>(Valuation::kIndividual); }
inline uint8_t EnumMax(RiskClass) { return static_cast<uint8_t>(RiskClass::kHighImpact); }
inline uint8_t EnumMax(RefusalReason) { return static_cast<uint8_t>(RefusalReason::kSetApart); }
inline uint8_t EnumMax(Derivation) { return static_cast<uint8_t>(Derivation::kNotHeld); }
inline uint8_t EnumMax(SitePhase) { return static_cast<uint8_t>(SitePhase::kEnded); }

template <typename A>
void Fields(A& a, RoundAttempt& v) {
  a(v.run, v.round, v.attempt);
}
template <typename A>
void Fields(A& a, Base& v) {
  a(v.model, v.momentum, v.scales);
}
template <typename A>
void Fields(A& a, InnerTraining& v) {
  a(v.schedule, v.learning_rate, v.warmup_steps, v.total_steps, v.decay_steps, v.final_fraction,
    v.beta1, v.beta2, v.epsilon, v.weight_decay, v.clip_norm, v.steps, v.seconds, v.batch,
    v.sequence, v.accumulation, v.seed);
}
template <typename A>
void Fields(A& a, Intent& v) {
  a(v.purpose, v.beneficiaries, v.sector, v.valuation, v.risk);
}
template <typename A>
void Fields(A& a, MaskingRules& v) {
  a(v.members_min, v.survivors_permille, v.batch_members, v.forbid_differences);
}
template <typename A>
void Fields(A& a, MergeRule& v) {
  a(v.kind, v.faults, v.keep, v.factor);
}
template <typename A>
void Fields(A& a, Privacy& v) {
  a(v.noise, v.clip, v.coordinate_clip, v.noise_multiplier, v.rotate, v.dimension, v.delta,
    v.record_clip, v.record_noise, v.record_rate);
}
template <typename A>
void Fields(A& a, Sums& v) {
  a(v.weight, v.tokens, v.steps, v.saturated_lanes);
}
template <typename A>
void Fields(A& a, Masked& v) {
  a(v.run, v.message);
}
// A run with a limit on saturation has this mark on its masking, and the limit at its end: what was
// agreed before there were such limits keeps its bytes, and so its name in the record.
inline constexpr uint8_t kLimitsSaturation = 0x80;
// And so has a run that starts from a model that there was.
inline constexpr uint8_t kStartsFromModel = 0x40;

template <typename A>
void Fields(A& a, RunManifest& v) {
  auto masking = static_cast<uint8_t>(v.masking);
  if (v.saturation_limit != 0) masking |= kLimitsSaturation;
  if (v.from_model) masking |= kStartsFromModel;
  a(v.run, v.intent, v.model_config, v.tokenizer, v.initial_model, v.lane, v.block, v.outer_eta,
    v.outer_mu, v.weighting, v.inner, v.rounds, v.quorum, v.cohort_min, v.cohort_max,
    v.attempts_max, v.join_window, v.round_deadline, v.lost_grace, masking, v.masking_rules,
    v.merge, v.reference_tokens, v.initial_scale, v.code, v.norm_max, v.passes_max, v.privacy);
  const bool limits = (masking & kLimitsSaturation) != 0;
  if (limits) a(v.saturation_limit);
  if constexpr (A::kReads) {
    v.masking = static_cast<Masking>(masking & ~(kLimitsSaturation | kStartsFromModel));
    v.from_model = (masking & kStartsFromModel) != 0;
    if (!limits) v.saturation_limit = 0;
    const bool sound = static_cast<uint8_t>(v.masking) <= EnumMax(v.masking) &&
                       limits == (v.saturation_limit != 0);
    if (!sound) a.Refuse();
  }
}
template <typename A>
void Fields(A& a, RoundPlan& v) {
  a(v.at, v.manifest, v.base, v.initial_scale, v.deadline, v.reference_tokens);
}
template <typename A>
void Fields(A& a, Plan& v) {
  a(v.plan, v.manifest, v.has_counted, v.counted_round, v.counted_attempt);
}
template <typename A>
void Fields(A& a, OfferedDataset& v) {
  a(v.dataset, v.version);
}
template <typename A>
void Fields(A& a, AdmittedDataset& v) {
  a(v.dataset, v.version, v.entry);
}
template <typename A>
void Fields(A& a, Roster& v) {
  a(v.at, v.cohort, v.opened_index, v.time_left, v.admitted);
}
template <typename A>
void Fields(A& a, Receipt& v) {
  a(v.at, v.contribution, v.index, v.proof);
}
template <typename A>
void Fields(A& a, Refusal& v) {
  a(v.at, v.contribution, v.reason);
}
template <typename A>
void Fields(A& a, Counted& v) {
  a(v.site, v.weight, v.submission);
}
template <typename A>
void Fields(A& a, Outcome& v) {
  a(v.at, v.base, v.aggregate, v.next, v.weight_sum, v.counted, v.closed_index, v.tree_head,
    v.has_counted, v.counted_round, v.counted_attempt);
}
template <typename A>
void Fields(A& a, RunEnded& v) {
  a(v.run, v.rounds, v.last, v.reason);
}
template <typename A>
void Fields(A& a, Ready& v) {
  a(v.at, v.base, v.datasets);
}
template <typename A>
void Fields(A& a, Declined& v) {
  a(v.at, v.reason);
}
template <typename A>
void Fields(A& a, Submission& v) {
  a(v.at, v.base_model, v.contribution, v.weight, v.tokens, v.steps, v.saturated_lanes, v.datasets,
    v.code, v.norm, v.envelope);
}
template <typename A>
void Fields(A& a, OutcomeAck& v) {
  a(v.at, v.derivation, v.derived);
}
template <typename A>
void Fields(A& a, Withdraw& v) {
  a(v.at, v.reason);
}
template <typename A>
void Fields(A& a, Leave& v) {
  a(v.run, v.sequence, v.ended);
}
template <typename A>
void Fields(A& a, Join& v) {
  a(v.run, v.sequence);
}
template <typename A>
void Fields(A& a, SiteStatus& v) {
  a(v.at, v.phase, v.step, v.steps, v.loss, v.tokens_per_second, v.bytes_up, v.bytes_down);
}

}  // namespace dure::round
