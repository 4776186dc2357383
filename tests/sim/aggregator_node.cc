#include "tests/sim/aggregator_node.h"

#include <algorithm>

#include "federation/check.h"
#include "tests/sim/world.h"

namespace dure::sim {

namespace {
constexpr round::Pace kRoundPace{std::chrono::milliseconds(1500), std::chrono::seconds(60)};
}

AggregatorNode::AggregatorNode(World& world, round::RunManifest manifest,
                               std::vector<SiteId> invited)
    : world_(world),
      manifest_(std::move(manifest)),
      invited_(std::move(invited)),
      masking_(world, *this) {}

MonoTime AggregatorNode::Now() const { return MonoTime(world_.now() + Duration(clock_offset_)); }

void AggregatorNode::Start() {
  // A monotonic clock starts anew with the machine: nothing of the last life may be compared with
  // it.
  clock_offset_ = static_cast<int64_t>(world_.Draw() % 1'000'000'000);
  ++life_;
  if (state_) {
    auto loaded = round::Rounds::Load(*state_, Now(), kRoundPace);
    if (!loaded) return world_.Violate("aggregator state: " + loaded.error().message);
    core_.emplace(std::move(*loaded));
  } else {
    core_.emplace(manifest_, invited_, kRoundPace);
  }
  if (manifest_.masked()) masking_.Start();
  Feed(round::Started{});
  if (core_ && manifest_.masked()) masking_.Resume();
  ExcludeWithdrawn();
}

void AggregatorNode::Stop() {
  core_.reset();
  masking_.Stop();
  outcome_sent_.clear();
  late_.clear();
}

// What the planted bugs of the receiving side do to a submission before the core sees it.
void AggregatorNode::Bend(round::Event& event) {
  auto* received = std::get_if<round::Received>(&event);
  auto* submission = received ? std::get_if<round::Submission>(&received->message) : nullptr;
  if (!submission) return;
  if (world_.bug() == Bug::kMergeLate) late_[received->site] = *submission;
  if (world_.bug() != Bug::kTakeOtherBase) return;
  submission->datasets = rosters_[received->site];
  submission->at = core_->at();
  submission->base_model = core_->base().model;
}

void AggregatorNode::Feed(round::Event event) {
  if (!core_) return;
  const auto* received = std::get_if<round::Received>(&event);
  const auto* masked = received ? std::get_if<round::Masked>(&received->message) : nullptr;
  if (masked) return masking_.Take(received->site, masked->message);
  if (world_.bug() != Bug::kNone) Bend(event);
  std::vector<round::Effect> effects = core_->Handle(Now(), event);
  if (world_.bug() == Bug::kTellBeforePersist) {
    std::stable_partition(effects.begin(), effects.end(), [](const round::Effect& e) {
      return !std::holds_alternative<round::Persist>(e);
    });
  }
  for (const round::Effect& effect : effects) {
    if (world_.Happens(world_.faults().crash)) return world_.Crash(World::kAggregator);
    std::visit([this](const auto& e) { Do(e); }, effect);
  }
  if (!core_ || !manifest_.masked()) return;
  if (const auto* back = std::get_if<round::SiteConnected>(&event)) masking_.Connected(back->site);
  masking_.Look();
}

void AggregatorNode::Tell(const SiteId& site, Bytes masking) {
  Do(round::Send{site, round::Masked{manifest_.run, std::move(masking)}});
}

void AggregatorNode::Do(const round::Persist&) {
  if (world_.bug() == Bug::kForgetState && world_.Draw() % 8 == 0) return;
  state_ = core_->Save(Now());
}

void AggregatorNode::Do(const round::Send& send) {
  const bool outcome = std::holds_alternative<round::Outcome>(send.message);
  if (outcome && world_.bug() == Bug::kOutcomeOnce) {
    const uint64_t round = std::get<round::Outcome>(send.message).at.round.value;
    if (round + 1 == manifest_.rounds && !outcome_sent_.insert(send.site).second) return;
  }
  round::Message message = send.message;
  if (const auto* roster = std::get_if<round::Roster>(&message)) {
    rosters_[send.site] = roster->admitted;
  }
  for (const auto& site : world_.sites()) {
    if (site->id() != send.site) continue;
    if (outcome && world_.bug() == Bug::kShareWrongModel && site->index() == 0) {
      std::get<round::Outcome>(message).next.model = Sha256(AsBytes("another model"));
    }
    world_.SendToSite(site->index(), message);
  }
}

void AggregatorNode::ExcludeWithdrawn() {
  if (!core_ || world_.bug() == Bug::kForgetWithdrawal) return;
  for (const SiteId& site : core_->Cohort()) {
    if (!core_) return;  // a crash while the last one was told
    if (world_.datasets().Withdrawn(core_->at(), site)) Feed(round::Exclude{site, "withdrawn"});
  }
}

void AggregatorNode::Do(const round::DecideAdmissions& decide) {
  world_.After(world_.Between(0.01, 0.5), World::kAggregator, [this, decide] {
    round::AdmissionsDecided decided{decide.at, {}};
    const auto apart =
        manifest_.masked() ? masking_.SetApart(decide.candidates) : std::vector<SiteId>();
    for (const round::Candidate& candidate : decide.candidates) {
      round::SiteAdmission site{candidate.site, {}, "policy"};
      if (std::ranges::binary_search(apart, candidate.site)) {
        decided.sites.push_back({candidate.site, {}, {}, true});
        continue;
      }
      for (const round::OfferedDataset& one : candidate.datasets) {
        const bool deny = world_.Denied(site.site) || world_.Happens(world_.faults().deny);
        const auto admitted = world_.datasets().Decide(decide.at, site.site, one, deny);
        if (admitted) site.admitted.push_back(*admitted);
      }
      decided.sites.push_back(std::move(site));
    }
    Feed(decided);
  });
}

// The log
// ---------------------------------------------------------------------------------------------

void AggregatorNode::Do(const round::Append& append) {
  const bool submission = std::holds_alternative<round::RecordSubmission>(append.record);
  if (submission && world_.Happens(world_.faults().append_refused)) {
    return world_.After(0.01, World::kAggregator, [this, key = append.key] {
      Feed(round::AppendRefused{key, "actor-chain"});
    });
  }
  const double commit = world_.Between(0.001, 0.05);
  if (world_.bug() == Bug::kReceiptBeforeAppend) {
    SimLog hoped = log;
    const uint64_t index = hoped.Append(append.key, append.record);
    const round::Appended early{append.key, index, EncodeReceipt(hoped.ReceiptFor(index)),
                                EncodeHead(hoped.HeadNow())};
    world_.After(0.05, World::kAggregator, [this, append] { Commit(append); });
    return world_.After(0.001, World::kAggregator, [this, early] { Feed(early); });
  }
  world_.After(commit, World::kAggregator, [this, append] {
    Commit(append);
    const uint64_t index = log.Foretell(KeyOf(append));
    // Between the commit and its answer the process may die.
    world_.After(world_.Between(0, 0.01), World::kAggregator,
                 [this, append, index] { Answer(append, index); });
  });
}

void AggregatorNode::Commit(const round::Append& append) {
  const size_t before = log.entries().size();
  log.Append(KeyOf(append), append.record, world_.bug() == Bug::kAppendTwice);
  const bool fresh = log.entries().size() > before;
  if (!fresh) return;
  world_.Trace(World::kAggregator, "logs", append.key);
  if (const auto* closed = std::get_if<round::RecordClosed>(&append.record)) {
    world_.oracle().Closed(*closed);
  }
}

std::string AggregatorNode::KeyOf(const round::Append& append) const {
  const bool submission = std::holds_alternative<round::RecordSubmission>(append.record);
  const bool bends = submission && world_.bug() == Bug::kKeyOfALife;
  return bends ? append.key + "/" + std::to_string(life_) : append.key;
}

void AggregatorNode::Answer(const round::Append& append, uint64_t index) {
  const bool there = index < log.entries().size();
  Feed(round::Appended{append.key, index, there ? EncodeReceipt(log.ReceiptFor(index)) : Bytes{1},
                       EncodeHead(log.HeadNow())});
}

// Contributions
// ---------------------------------------------------------------------------------------

void AggregatorNode::Do(const round::VerifySubmission& verify) {
  world_.After(world_.Between(0.005, 0.1), World::kAggregator, [this, verify] {
    Feed(round::SubmissionVerified{verify.site, verify.submission.at,
                                   verify.submission.contribution, Verify(verify)});
  });
}

round::Verdict AggregatorNode::Verify(const round::VerifySubmission& verify) {
  const round::Submission& s = verify.submission;
  if (world_.Happens(world_.faults().blob_lost) && blobs.erase(s.contribution) > 0) {
    world_.oracle().BlobLost(s.contribution);
  }
  if (!blobs.contains(s.contribution)) return round::Verdict::kMissing;
  if (world_.bug() == Bug::kTakeOtherBase) return round::Verdict::kOk;
  auto stated = OpenStatement(verify.site, s.envelope);
  if (!stated) return round::Verdict::kNotSigned;
  stated->envelope = s.envelope;
  if (world_.bug() == Bug::kSkipAdmissionCheck) stated->datasets = s.datasets;
  return *stated == s ? round::Verdict::kOk : round::Verdict::kNotSigned;
}

void AggregatorNode::Do(const round::StartMerge& merge) {
  world_.After(world_.Between(0.1, 1), World::kAggregator,
               [this, merge] { manifest_.masked() ? masking_.Sum(merge) : MergeNow(merge); });
}

Vector AggregatorNode::VectorOf(const Digest& digest) const {
  return digest.IsZero() ? Vector{} : FromBlob(world_.Blob(digest));
}

void AggregatorNode::MergeNow(const round::StartMerge& merge) {
  bool here = !world_.Happens(world_.faults().merge_fails);
  for (const round::Contribution& one : merge.contributions)
    here = here && blobs.contains(one.blob);
  if (!here) return Feed(round::MergeFailed{merge.at, "merge-failed"});
  std::vector<round::Contribution> list = merge.contributions;
  uint64_t weight_sum = merge.weight_sum;
  if (world_.bug() == Bug::kCountTwice && world_.Draw() % 4 == 0) list.back() = list.front();
  for (const auto& [site, late] : late_) {
    const bool listed = std::any_of(list.begin(), list.end(),
                                    [&site = site](const auto& one) { return one.site == site; });
    if (listed || late.at.round != merge.at.round) continue;
    list.push_back({site, late.contribution, late.weight, 0, 0, 0});
    weight_sum += late.weight;
  }
  std::vector<ByteView> lanes;
  for (const round::Contribution& one : list) lanes.push_back(world_.Blob(one.blob));
  const auto lane = static_cast<codec::Lane>(manifest_.lane);
  const Bytes aggregate = Merge(lane, lanes);
  const Digest digest = world_.Remember(aggregate);
  blobs.insert(digest);
  const round::Base base =
      DeriveFrom(merge.base, digest, static_cast<uint32_t>(list.size()), weight_sum);
  Feed(round::Merged{merge.at, digest, base, {}, {}});
}

round::Base AggregatorNode::DeriveFrom(const round::Base& from, const Digest& aggregate,
                                       uint32_t sites, uint64_t weight_sum) {
  const Vector scales =
      from.scales.IsZero() ? Vector{manifest_.initial_scale} : VectorOf(from.scales);
  const Next next = Derive({static_cast<codec::Lane>(manifest_.lane), VectorOf(from.model),
                            VectorOf(from.momentum), scales, weight_sum, sites, manifest_.outer_mu},
                           world_.Blob(aggregate));
  round::Base base;
  base.model = world_.Remember(ToBlob(next.model));
  if (!next.momentum.empty()) base.momentum = world_.Remember(ToBlob(next.momentum));
  base.scales = world_.Remember(ToBlob(next.scales));
  for (const Digest& d : {base.model, base.momentum, base.scales}) blobs.insert(d);
  return base;
}

// The rest
// --------------------------------------------------------------------------------------------

void AggregatorNode::Do(const round::SetTimer& timer) {
  const uint64_t mine = ++timer_;
  const double jump = world_.Happens(world_.faults().clock_jump) ? world_.Between(1, 100) : 0;
  const double wait = std::max(0.0, static_cast<double>((timer.at - Now()).count()) / 1e6);
  world_.After(wait + jump, World::kAggregator, [this, mine] {
    if (mine == timer_) Feed(round::Timer{});
  });
}

void AggregatorNode::Do(const round::Announce& announce) {
  world_.Trace(World::kAggregator, Name(announce.notice.kind),
               announce.notice.site.str() + " " + announce.notice.text);
}

void AggregatorNode::Do(const round::RemoveBlobs& removal) {
  for (const Digest& d : removal.blobs) blobs.erase(d);
  for (const Digest& d : removal.checkpoints) blobs.erase(d);
}

}  // namespace dure::sim
