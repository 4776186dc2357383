#include "tests/sim/site_node.h"

#include <algorithm>

#include "federation/codec/encode.h"
#include "tests/sim/world.h"

namespace dure::sim {

namespace {
constexpr round::SitePace kSitePace{std::chrono::milliseconds(1500)};
}  // namespace

SiteNode::SiteNode(World& world, uint32_t index, const RunId& run, round::Lane lane)
    : world_(world),
      index_(index),
      id_(*SiteId::Parse("site-" + std::to_string(index))),
      run_(run),
      lane_(static_cast<codec::Lane>(lane)),
      masking_(world, *this) {}

MonoTime SiteNode::Now() const { return MonoTime(world_.now() + Duration(clock_offset_)); }

void SiteNode::Start() {
  clock_offset_ = static_cast<int64_t>(world_.Draw() % 1'000'000'000);
  if (state_) {
    auto loaded = round::Participation::Load(*state_, kSitePace);
    if (!loaded) return world_.Violate("site state: " + loaded.error().message);
    core_.emplace(std::move(*loaded));
    LoseFiles();
  } else {
    core_.emplace(id_, run_, round::Base{}, kSitePace);
  }
  if (world_.scenario().masked) masking_.Start();
  if (world_.scenario().masked) masking_.Resume();
  Feed(round::SiteStarted{});
  const bool past_upload = core_ && core_->phase() >= round::SitePhase::kSigning &&
                           core_->phase() <= round::SitePhase::kReceipted;
  if (past_upload && world_.bug() == Bug::kUploadAgain) {
    Do(round::UploadBlob{core_->at().round, core_->contribution()});
  }
}

void SiteNode::Stop() {
  core_.reset();
  masking_.Stop();
  uploading_.reset();
}

void SiteNode::Feed(const round::SiteEvent& event) {
  if (!core_) return;
  const auto* from = std::get_if<round::FromAggregator>(&event);
  const auto* masked = from ? std::get_if<round::Masked>(&from->message) : nullptr;
  if (masked) return masking_.Take(masked->message);
  const bool masks = world_.scenario().masked;
  // Before the submission that it belongs to.
  if (masks && std::holds_alternative<round::LinkUp>(event)) masking_.Resume();
  if (!core_) return;
  std::vector<round::SiteEffect> effects = core_->Handle(Now(), event);
  if (world_.bug() == Bug::kTellBeforePersist) {
    std::stable_partition(effects.begin(), effects.end(), [](const round::SiteEffect& e) {
      return !std::holds_alternative<round::PersistSite>(e);
    });
  }
  for (const round::SiteEffect& effect : effects) {
    if (world_.Happens(world_.faults().crash)) return world_.Crash(index_ + 1);
    std::visit([this](const auto& e) { Do(e); }, effect);
    if (!core_) return;
  }
  if (masks) masking_.Look();
}

void SiteNode::Later(double seconds, round::SiteEvent event) {
  world_.After(seconds, index_ + 1, [this, event = std::move(event)] { Feed(event); });
}

void SiteNode::Do(const round::PersistSite&) {
  if (world_.bug() == Bug::kForgetState && world_.Draw() % 8 == 0) return;
  state_ = core_->Save();
  if (core_->residual() == 0 && residual_kept_ != 0) world_.oracle().Disowned(index_);
  residual_kept_ = core_->residual();
  // A fold counts once its residual is in force: one that was dropped meanwhile never is.
  if (const auto fold = folds_.find(core_->residual()); fold != folds_.end()) {
    world_.oracle().Folded(index_, fold->second.first, fold->second.second);
  }
  if (uploading_ && core_->phase() != round::SitePhase::kUploading) {
    world_.oracle().UploadKnownDone(index_, *uploading_);
    uploading_.reset();
  }
}

void SiteNode::Do(const round::Tell& tell) {
  world_.SendToAggregator(index_, tell.message);
  const auto* submission = std::get_if<round::Submission>(&tell.message);
  if (!submission || world_.bug() != Bug::kCommitEarly) return;
  Later(0, round::FromAggregator{round::Receipt{submission->at, submission->contribution, 0, {}}});
  Later(0.001, round::ReceiptChecked{submission->at, true});
}

void SiteNode::Do(const round::DecideLocally& decide) {
  const bool accept = !world_.Happens(world_.faults().decline);
  Later(0.01, round::Decided{decide.plan.at, accept, "policy", world_.datasets().Of(id_)});
}

// Blobs
// -----------------------------------------------------------------------------------------------

bool SiteNode::Fetch(const Digest& digest) {
  if (digest.IsZero() || blobs_.contains(digest)) return true;
  if (!world_.Linked(index_) || !world_.aggregator().up()) return false;
  if (!world_.aggregator().blobs.contains(digest)) return false;
  blobs_.insert(digest);
  return true;
}

void SiteNode::Do(const round::FetchBase& fetch) {
  world_.After(world_.Between(0.1, 1), index_ + 1, [this, fetch] {
    const round::Base& b = fetch.base;
    Feed(round::BaseFetched{fetch, Fetch(b.model) && Fetch(b.momentum) && Fetch(b.scales)});
  });
}

void SiteNode::Do(const round::FetchAggregate& fetch) {
  world_.After(world_.Between(0.05, 0.5), index_ + 1, [this, fetch] {
    Feed(round::AggregateFetched{fetch.at, Fetch(fetch.aggregate)});
  });
}

void SiteNode::Do(const round::UploadBlob& upload) {
  // What the aggregator holds already is asked for and not sent again.
  const bool moves =
      !world_.aggregator().blobs.contains(upload.blob) && world_.aggregator().MayUpload(id_);
  if (moves || world_.bug() == Bug::kUploadAgain) world_.oracle().UploadBegun(index_, upload.blob);
  uploading_ = upload.blob;
  const bool fails = world_.Happens(world_.faults().upload_fails);
  world_.After(world_.Between(0.2, 3), index_ + 1, [this, upload, fails] {
    const bool arrives = !fails && world_.Linked(index_) && world_.aggregator().up() &&
                         world_.aggregator().MayUpload(id_);
    if (!arrives) return Feed(round::UploadFailed{upload.round, upload.blob});
    world_.aggregator().blobs.insert(upload.blob);
    if (world_.scenario().masked) masking_.Uploaded(upload.blob);
    Feed(round::UploadDone{upload.round, upload.blob});
  });
}

// Signing, receipts, deriving
// -------------------------------------------------------------------------

void SiteNode::Do(const round::SignSubmission& sign) {
  round::Submission statement = sign.unsigned_submission;
  // A site that claims what nobody admitted: the check that the bug leaves out would find it.
  if (world_.bug() == Bug::kSkipAdmissionCheck) statement.datasets.front().version += 7;
  Later(world_.Between(0.005, 0.05), round::Signed{statement.at, SealStatement(id_, statement)});
}

void SiteNode::Do(const round::VerifyReceipt& verify) {
  world_.After(0.01, index_ + 1, [this, verify] {
    Feed(round::ReceiptChecked{verify.submission.at, CheckReceipt(verify)});
  });
}

bool SiteNode::CheckReceipt(const round::VerifyReceipt& verify) {
  const auto receipt = DecodeReceipt(verify.receipt.proof);
  if (!receipt || receipt->index != verify.receipt.index) {
    world_.Violate("a receipt that is none");
    return false;
  }
  const bool included =
      ledger::VerifyInclusion(ledger::LeafHash(verify.submission.envelope), receipt->index,
                              receipt->head.size, receipt->inclusion, receipt->head.root);
  if (!included) {
    world_.Violate("a receipt whose proof does not hold");
    return false;
  }
  world_.oracle().ReceiptHeld(index_, verify.submission, *receipt);
  if (receipt->head.size <= mirrored_.size) return true;
  const ledger::MerkleTree& tree = world_.aggregator().log.tree();
  if (tree.size() < receipt->head.size) {
    world_.Violate("a head of more entries than the log has");
    return false;
  }
  const auto proof = tree.ProveConsistency(mirrored_.size, receipt->head.size);
  if (!ledger::VerifyConsistency(mirrored_.size, mirrored_.root, receipt->head.size,
                                 receipt->head.root, proof)) {
    world_.Violate("the log is not append-only");
  }
  mirrored_ = receipt->head;
  return true;
}

void SiteNode::Do(const round::DeriveModel& derive) {
  world_.After(world_.Between(0.05, 0.3), index_ + 1, [this, derive] {
    if (world_.Happens(world_.faults().derive_fails)) {
      return Feed(round::Derived{derive.outcome.at, false, {}});
    }
    round::Base derived = DeriveNow(derive);
    if (world_.Happens(world_.faults().derive_differs)) derived.model.bytes[0] ^= 1;
    if (world_.bug() == Bug::kShareWrongModel) derived = derive.outcome.next;
    AnswerDerived(derive, derived);
  });
}

void SiteNode::AnswerDerived(const round::DeriveModel& derive, const round::Base& derived) {
  if (!core_ || core_->phase() != round::SitePhase::kDeriving) return;
  using Judgement = SiteMasking::Judgement;
  const auto judged = world_.scenario().masked ? masking_.Judge(derive.outcome) : Judgement::kHolds;
  if (judged == Judgement::kDissent && world_.scenario().lie == Lie::kNone) {
    world_.Violate(id_.str() + " closes a round over another sum than it checked");
  }
  if (judged == Judgement::kDissent) return Feed(round::Derived{derive.outcome.at, true, {}});
  if (judged == Judgement::kHolds) world_.oracle().Followed(index_, derive.outcome);
  if (judged != Judgement::kWaits) return Feed(round::Derived{derive.outcome.at, true, derived});
  masking_.Resume();
  world_.After(1, index_ + 1, [this, derive, derived] { AnswerDerived(derive, derived); });
}

round::Base SiteNode::DeriveNow(const round::DeriveModel& derive) {
  const round::Outcome& o = derive.outcome;
  const auto vector = [this](const Digest& d) {
    return d.IsZero() ? Vector{} : FromBlob(world_.Blob(d));
  };
  const Next next =
      Derive({lane_, vector(o.base.model), vector(o.base.momentum), ScalesOf(o.base), o.weight_sum,
              static_cast<uint32_t>(o.counted.size()), derive.manifest.outer_mu},
             world_.Blob(o.aggregate));
  round::Base base;
  base.model = world_.Remember(ToBlob(next.model));
  if (!next.momentum.empty()) base.momentum = world_.Remember(ToBlob(next.momentum));
  base.scales = world_.Remember(ToBlob(next.scales));
  for (const Digest& d : {base.model, base.momentum, base.scales}) blobs_.insert(d);
  return base;
}

void SiteNode::Do(const round::PublishModel& publish) {
  world_.oracle().Published(index_, publish.rounds, publish.base);
}

void SiteNode::Do(const round::SetSiteTimer& timer) {
  const uint64_t mine = ++timer_;
  const double jump = world_.Happens(world_.faults().clock_jump) ? world_.Between(1, 100) : 0;
  const double wait = std::max(0.0, static_cast<double>((timer.at - Now()).count()) / 1e6);
  world_.After(wait + jump, index_ + 1, [this, mine] {
    if (mine == timer_) Feed(round::SiteTimer{});
  });
}

void SiteNode::Do(const round::AnnounceSite& announce) {
  world_.Trace(index_ + 1, Name(announce.phase), announce.text);
}

}  // namespace dure::sim
