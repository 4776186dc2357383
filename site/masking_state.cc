// What the masking of a run has on disk.
#include <utility>

#include "federation/canonical.h"
#include "site/masking_desk.h"

namespace dure::site {
namespace {

constexpr uint32_t kVersion = 5;
// 4: an attempt does not say how many may help the aggregator. 3: it lacks for which attempt of a
// round its context is, and the run's quorum. 2: its history does not say of what quorum an attempt
// was. 1: its half lacks what was said last.
constexpr uint32_t kOldest = 1;
constexpr uint32_t kPresentHistory = 3;
constexpr uint32_t kBound = 4;
// Behind what the end of an attempt still has to do: derive a model, publish it, tidy up.
constexpr std::chrono::seconds kForgottenAfter{2};

void Put(CanonicalWriter& out, const masking::Scalars& scalars) {
  for (const uint64_t one : scalars) out.U64(one);
}
masking::Scalars ScalarsIn(CanonicalReader& in) {
  masking::Scalars scalars{};
  for (uint64_t& one : scalars) one = in.U64();
  return scalars;
}

}  // namespace

Bytes MaskingDesk::Save() const {
  CanonicalWriter out;
  out.U32(kVersion).Blob(half_.Save());
  out.U64(own_round_.value);
  Put(out, own_);
  out.Bool(bound_.has_value());
  if (bound_) {
    out.Raw32(bound_->context).Text(bound_->at.run.str());
    out.U64(bound_->at.round.value).U32(bound_->at.attempt).U64(bound_->work);
  }
  out.Bool(concluded_.has_value());
  if (!concluded_) return out.Take();
  out.Raw32(concluded_->base).U32(concluded_->attempt);
  out.U8(static_cast<uint8_t>(concluded_->verdict));
  out.Raw32(concluded_->planes);
  Put(out, concluded_->sums);
  out.U32(static_cast<uint32_t>(concluded_->survivors.size()));
  for (const SiteId& site : concluded_->survivors) out.Text(site.str());
  return out.Take();
}

bool MaskingDesk::Keep() {
  if (!shop_.journal.Apply(journal::Change().Put(folder_.JournalKey("masking"), Save())))
    return false;
  if (IsUnderWay()) {
    secrets_kept_ = true;
  } else if (std::exchange(secrets_kept_, false)) {
    ForgetSoon();
  }
  return true;
}

// The secrets of an attempt that is over stand in no entry any more, but still in the journal's
// files. Where a kill comes first, the next start forgets.
void MaskingDesk::ForgetSoon() {
  shop_.loop.At(shop_.loop.Now() + kForgottenAfter, [this, alive = alive_] {
    if (!*alive) return;
    if (const Status forgotten = shop_.journal.Forget(); !forgotten) {
      Say("secrets of an attempt that is over may still be on the disk, until the next attempt "
          "is over or this daemon starts again: " +
          forgotten.error().message);
    }
  });
}

Status MaskingDesk::Restore() {
  DURE_ASSIGN(const auto kept, shop_.journal.Get(folder_.JournalKey("masking")));
  if (!kept) return {};
  if (Load(*kept)) {
    secrets_kept_ = IsUnderWay();
    return {};
  }
  half_ = masking::SiteHalf(shop_.site, *shop_.self.signer, verifier_);
  concluded_.reset();
  bound_.reset();
  own_round_ = {};
  own_ = {};
  if (participation_.phase() == round::SitePhase::kEnded) {
    Say("what the run, which has ended, left of it cannot be read, and is dropped");
    return shop_.journal.Apply(journal::Change().Erase(folder_.JournalKey("masking")));
  }
  lost_ = true;
  Say("what was signed and released in this run cannot be read: it is damaged, or another version "
      "wrote it. This site follows the run, and takes part in no further masked round of it, so "
      "that nothing is released twice");
  return {};
}

bool MaskingDesk::Load(ByteView kept) {
  CanonicalReader in(kept);
  const uint32_t version = in.U32();
  const Bytes half = in.Blob(journal::kValueBytesMax);
  own_round_.value = in.U64();
  own_ = ScalarsIn(in);
  if (version >= kBound && in.Bool()) {
    Bound bound;
    bound.context = in.Raw32();
    auto run = RunId::Parse(in.Text(limits::kNameBytesMax));
    if (!run) return false;
    bound.at.run = *std::move(run);
    bound.at.round.value = in.U64();
    bound.at.attempt = in.U32();
    bound.work = in.U64();
    bound_ = bound;
  }
  if (in.Bool()) {
    Conclusion concluded;
    concluded.base = in.Raw32();
    concluded.attempt = in.U32();
    const uint8_t verdict = in.U8();
    if (verdict > static_cast<uint8_t>(Verdict::kGivenUp)) return false;
    concluded.verdict = static_cast<Verdict>(verdict);
    concluded.planes = in.Raw32();
    concluded.sums = ScalarsIn(in);
    for (uint32_t n = in.U32(); n > 0 && in.ok(); --n) {
      auto site = SiteId::Parse(in.Text(limits::kNameBytesMax));
      if (site) concluded.survivors.push_back(std::move(*site));
    }
    concluded_ = std::move(concluded);
  }
  if (!in.Done("a site's masking state")) return false;
  if (version < kOldest || version > kVersion) return false;
  using Form = masking::SiteHalf::Form;
  const Form form = version >= kPresentHistory ? Form::kPresentHistory : Form::kHistoryBefore;
  const Signer& signer = *shop_.self.signer;
  auto loaded = version == kVersion ? masking::SiteHalf::Load(half, signer, verifier_)
                                    : masking::SiteHalf::TakeOver(half, form, signer, verifier_);
  if (!loaded) return false;
  half_ = *std::move(loaded);
  if (version == kVersion) return true;
  const Digest& base = participation_.base().model;
  const uint32_t attempt = participation_.at().attempt;
  const bool over = concluded_ && concluded_->base == base && concluded_->attempt == attempt;
  if (!over) concluded_ = Conclusion{base, attempt, Verdict::kGivenUp, {}, {}, {}};
  Say("an older version's state was taken over; an attempt that was under way is given up here");
  return true;
}

}  // namespace dure::site
