// A manifest and drivers that only remember, for this room's tests.
#pragma once

#include <string>
#include <utility>
#include <vector>

#include "federation/round/participation.h"
#include "federation/round/round.h"

namespace dure::round {

inline RunManifest TestManifest() {
  RunManifest m;
  m.run = *RunId::Parse("run");
  m.model_config = "{\"hidden_size\":8}";
  m.initial_model = Sha256(AsBytes("initial"));
  m.inner.schedule = ScheduleKind::kConstant;
  m.inner.steps = 10;
  m.rounds = 2;
  m.quorum = 2;
  m.cohort_min = 2;
  m.cohort_max = 8;
  m.join_window = std::chrono::seconds(10);
  m.round_deadline = std::chrono::seconds(100);
  m.reference_tokens = 1000;
  m.initial_scale = 0.01F;
  return m;
}

inline SiteId TestSite(const std::string& name) { return *SiteId::Parse(name); }
inline const SiteId kA = TestSite("a");
inline const SiteId kB = TestSite("b");
inline MonoTime At(int seconds) { return MonoTime(std::chrono::seconds(seconds)); }
inline DatasetId TestDataset(const std::string& name) { return *DatasetId::Parse(name); }

// A site of one dataset, of its own name; admitted under entry 9.
inline std::vector<OfferedDataset> Offered(const SiteId& site) {
  return {{TestDataset(site.str()), 1}};
}
inline std::vector<AdmittedDataset> Granted(const SiteId& site) {
  return {{TestDataset(site.str()), 1, 9}};
}

// The effects of one kind, in order.
template <typename Kind, typename Variant>
std::vector<Kind> Only(const std::vector<Variant>& effects) {
  std::vector<Kind> found;
  for (const Variant& effect : effects) {
    if (const auto* one = std::get_if<Kind>(&effect)) found.push_back(*one);
  }
  return found;
}

// The messages of one kind that leave for `site`.
template <typename Kind>
std::vector<Kind> SentTo(const std::vector<Effect>& effects, const SiteId& site) {
  std::vector<Kind> found;
  for (const Send& send : Only<Send>(effects)) {
    const auto* message = std::get_if<Kind>(&send.message);
    if (message && send.site == site) found.push_back(*message);
  }
  return found;
}

template <typename Kind>
std::vector<Kind> Told(const std::vector<SiteEffect>& effects) {
  std::vector<Kind> found;
  for (const Tell& tell : Only<Tell>(effects)) {
    if (const auto* message = std::get_if<Kind>(&tell.message)) found.push_back(*message);
  }
  return found;
}

// Of round 0, upon the manifest's own model.
inline Plan FirstPlan(uint32_t attempt = 0) {
  Plan plan;
  plan.manifest = TestManifest();
  plan.plan = MakePlan(plan.manifest, {0}, attempt, {plan.manifest.initial_model, {}, {}});
  return plan;
}

}  // namespace dure::round
