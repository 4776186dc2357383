#include "tests/sim/oracle.h"

#include <algorithm>
#include <cmath>

#include "tests/sim/world.h"

namespace dure::sim {

using round::LogRecord;
using round::RecordClosed;

namespace {

const LogRecord* RecordOf(const SimLog& log, std::string_view key) {
  for (const SimLog::Entry& entry : log.entries()) {
    if (entry.key == key) return &entry.record;
  }
  return nullptr;
}

}  // namespace

void Oracle::Encoded(uint32_t site, const Digest& blob, const Digest& work, const Vector& update,
                     uint64_t weight, const Vector& scales,
                     const std::vector<round::OfferedDataset>& datasets) {
  made_[{site, blob}] = {work, update, weight, scales, datasets};
}

const Bytes& Oracle::LanesOf(const Digest& contribution) const {
  const auto clear = clear_.find(contribution);
  return world_.Blob(clear == clear_.end() ? contribution : clear->second);
}

void Oracle::Folded(uint32_t site, const Digest& work, const Vector& update) {
  kept_[{site, work}] = update;
}

void Oracle::Disowned(uint32_t site) {
  const std::vector<double> held = Held(site);
  std::vector<double>& gone = disowned_[site];
  gone.resize(kParameters, 0);
  for (size_t i = 0; i < gone.size(); ++i) gone[i] += held[i];
}

void Oracle::Committed(uint32_t site, const Digest& blob) {
  const SiteId& id = world_.sites()[site]->id();
  for (const SimLog::Entry& entry : world_.aggregator().log.entries()) {
    const auto* submission = std::get_if<round::RecordSubmission>(&entry.record);
    if (!submission || submission->site != id) continue;
    const auto stated = OpenStatement(id, entry.bytes);
    if (stated && stated->contribution == blob) return;
  }
  world_.Violate("a residual was committed without its submission in the log");
}

void Oracle::ReceiptHeld(uint32_t site, const round::Submission& submission,
                         const SimReceipt& receipt) {
  receipts_.emplace_back(site, submission, receipt);
}

void Oracle::UploadBegun(uint32_t site, const Digest& blob) {
  if (uploaded_.contains({site, blob})) world_.Violate("a completed upload was sent again");
}
void Oracle::UploadKnownDone(uint32_t site, const Digest& blob) {
  if (world_.aggregator().blobs.contains(blob)) uploaded_.insert({site, blob});
}
void Oracle::BlobLost(const Digest& blob) {
  std::erase_if(uploaded_, [&](const auto& entry) { return entry.second == blob; });
}

void Oracle::Published(uint32_t site, RoundNumber rounds, const round::Base& base) {
  if (rounds.value == 0) return;
  for (const SimLog::Entry& entry : world_.aggregator().log.entries()) {
    const auto* closed = std::get_if<RecordClosed>(&entry.record);
    if (closed && closed->at.round.Next() == rounds && closed->next == base) return;
  }
  world_.Violate(world_.sites()[site]->id().str() + " holds a model that the log does not name");
}

uint64_t Oracle::WeightOf(const Digest& contribution) const {
  for (const auto& [key, made] : made_) {
    if (key.second == contribution) return made.weight;
  }
  return 0;
}

void Oracle::Followed(uint32_t site, const round::Outcome& outcome) {
  const SiteId& id = world_.sites()[site]->id();
  if (std::ranges::find(outcome.counted, id, &round::Counted::site) == outcome.counted.end()) {
    return;
  }
  const auto& entries = world_.aggregator().log.entries();
  uint64_t weights = 0;
  for (const round::Counted& one : outcome.counted) {
    if (one.submission >= entries.size()) return;
    const auto stated = OpenStatement(one.site, entries[one.submission].bytes);
    if (stated) weights += WeightOf(stated->contribution);
  }
  if (outcome.weight_sum != weights) world_.Violate(id.str() + " follows what is no sum");
}

// A round closed: exact sum, each contribution once, and of this attempt.
void Oracle::Closed(const RecordClosed& closed) {
  if (!closed_rounds_.insert(closed.at.round.value).second) {
    return world_.Violate("round " + closed.at.Text() + " closed twice");
  }
  std::vector<int64_t> sums(kParameters, 0);
  uint64_t weights = 0;
  const auto lane = static_cast<codec::Lane>(world_.scenario().lane);
  for (const round::Counted& one : closed.counted) {
    CheckCounted(closed, one);
    const auto& entries = world_.aggregator().log.entries();
    if (one.submission >= entries.size()) return;
    const auto stated = OpenStatement(one.site, entries[one.submission].bytes);
    if (!stated) return;
    const auto values = ValuesOf(lane, LanesOf(stated->contribution));
    for (size_t i = 0; i < sums.size(); ++i) sums[i] += values[i];
    weights += WeightOf(stated->contribution);
  }
  CheckExcluded(closed);
  if (closed.counted.size() < world_.scenario().quorum) world_.Violate("closed below the quorum");
  const auto count = static_cast<uint32_t>(closed.counted.size());
  if (SumsOf(lane, count, world_.Blob(closed.aggregate)) != sums) {
    world_.Violate("the aggregate is not the sum of what was counted");
  }
  const bool lies = world_.scenario().lie == Lie::kUnheard;
  if (closed.sums && closed.sums->weight != weights && !lies) {
    world_.Violate("the sum of the weights is not that of the weights");
  }
}

// What is withdrawn is counted in no later closing, and the closing says that it was left out.
void Oracle::CheckExcluded(const RecordClosed& closed) {
  const auto at = closed.at.Text();
  const LogRecord* opened = RecordOf(world_.aggregator().log, at + "/opened");
  if (!opened) return world_.Violate("round " + at + " closed without having been opened");
  for (const SiteId& site : std::get<round::RecordOpened>(*opened).cohort) {
    if (!world_.datasets().Withdrawn(closed.at, site)) continue;
    for (const round::Counted& one : closed.counted) {
      if (one.site == site) world_.Violate("counted, though a dataset of it was withdrawn");
    }
    bool said = false;
    for (const round::Excluded& one : closed.excluded) said = said || one.site == site;
    if (!said) world_.Violate("a site was left out of a round that does not say so");
  }
}

// Made from exactly what was admitted to this attempt.
void Oracle::CheckAdmitted(const SiteId& site, const round::Submission& stated) {
  for (const round::AdmittedDataset& one : stated.datasets) {
    if (!world_.datasets().Admitted(stated.at, site, one)) {
      return world_.Violate("counted, but " + one.dataset.str() + " was not admitted");
    }
  }
}

void Oracle::CheckCounted(const RecordClosed& closed, const round::Counted& one) {
  const SimLog& log = world_.aggregator().log;
  if (one.submission >= log.entries().size()) return world_.Violate("counted, but not in the log");
  const SimLog::Entry& entry = log.entries()[one.submission];
  const auto stated = OpenStatement(one.site, entry.bytes);
  if (!stated) return world_.Violate("counted, but not the site's own statement");
  if (stated->at != closed.at) return world_.Violate("counted in another attempt than it was for");
  if (stated->weight != one.weight) return world_.Violate("counted with another weight");
  if (!counted_submissions_.insert(one.submission).second) {
    return world_.Violate("a submission was counted twice");
  }
  const LogRecord* opened = RecordOf(log, closed.at.Text() + "/opened");
  const auto* round = opened ? std::get_if<round::RecordOpened>(opened) : nullptr;
  if (!round || round->base_model != stated->base_model) {
    return world_.Violate("counted, but made from another base");
  }
  uint32_t site = 0;
  while (world_.sites()[site]->id() != one.site) ++site;
  const auto made = made_.find({site, stated->contribution});
  if (made == made_.end()) return world_.Violate("counted, but never made");
  CheckAdmitted(one.site, *stated);
  if (made->second.datasets != round::VersionsOf(stated->datasets)) {
    return world_.Violate("counted, but trained on other datasets than it states");
  }
  if (!counted_work_.insert({site, made->second.work}).second) {
    return world_.Violate("one training result was counted twice");
  }
  kept_[{site, made->second.work}] = made->second.update;
  auto& given = given_[site];
  given.resize(kParameters, 0);
  const auto lane = static_cast<codec::Lane>(world_.scenario().lane);
  const auto values = ValuesOf(lane, LanesOf(stated->contribution));
  const double weight = static_cast<double>(made->second.weight) / (1 << 20);
  const double step = made->second.scales[0] / (codec::LaneMax(lane) * weight);
  for (size_t i = 0; i < given.size(); ++i) given[i] += static_cast<double>(values[i]) * step;
}

// At the end
// --------------------------------------------------------------------------------------------

void Oracle::CheckEnd() {
  CheckKeys();
  CheckReceipts();
  const round::Base& last = world_.aggregator().core().base();
  for (const auto& site : world_.sites()) {
    if (site->core().base() != last) world_.Violate(site->id().str() + " ends with another model");
    CheckConservation(site->index());
  }
}

// One entry for each thing said. What was said is asked of the record itself: an aggregator that
// mistakes its keys would file the same statement under two of them.
void Oracle::CheckKeys() {
  std::set<std::string> keys;
  std::set<std::pair<round::RoundAttempt, SiteId>> submitted;
  for (const SimLog::Entry& entry : world_.aggregator().log.entries()) {
    if (!keys.insert(entry.key).second) world_.Violate("two entries under " + entry.key);
    const auto* submission = std::get_if<round::RecordSubmission>(&entry.record);
    if (submission && !submitted.insert({submission->at, submission->site}).second) {
      world_.Violate("two entries of one submission to " + submission->at.Text());
    }
  }
}

void Oracle::CheckReceipts() {
  const SimLog& log = world_.aggregator().log;
  for (const auto& [site, submission, receipt] : receipts_) {
    const bool there = receipt.index < log.entries().size() &&
                       log.entries()[receipt.index].bytes == submission.envelope;
    if (!there) return world_.Violate("a receipt for what is not in the log");
    if (receipt.head.root != log.tree().RootAt(receipt.head.size)) {
      return world_.Violate("a receipt under a head that the log has left");
    }
  }
}

// Error feedback telescopes: what was given away and what is still at home are what was made.
std::vector<double> Oracle::Held(uint32_t site) const {
  std::vector<double> sum(kParameters, 0);
  for (const auto& [key, update] : kept_) {
    if (key.first != site) continue;
    for (size_t i = 0; i < sum.size(); ++i) sum[i] += update[i];
  }
  for (const auto* less : {&given_, &disowned_}) {
    const auto found = less->find(site);
    if (found == less->end()) continue;
    for (size_t i = 0; i < sum.size(); ++i) sum[i] -= found->second[i];
  }
  return sum;
}

void Oracle::CheckConservation(uint32_t site) {
  const std::vector<double> held = Held(site);
  const round::Participation& core = world_.sites()[site]->core();
  if (world_.sites()[site]->IsLost(core.residual())) return;  // nothing has read it since
  const Vector residual = world_.sites()[site]->Residual(core.residual());
  for (size_t i = 0; i < held.size(); ++i) {
    if (!(std::abs(held[i] - residual[i]) < 1e-4)) {
      return world_.Violate(world_.sites()[site]->id().str() +
                            ": what was counted and the residual are not what was made");
    }
  }
}

}  // namespace dure::sim
