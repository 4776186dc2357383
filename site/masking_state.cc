// What the masking of a run has on disk.
#include "federation/canonical.h"
#include "site/masking_desk.h"

namespace dure::site {
namespace {

constexpr uint32_t kVersion = 2;

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
  out.Bool(concluded_.has_value());
  if (!concluded_) return out.Take();
  out.Raw32(concluded_->base).U32(concluded_->attempt).Bool(concluded_->forged);
  out.Raw32(concluded_->planes);
  Put(out, concluded_->sums);
  out.U32(static_cast<uint32_t>(concluded_->survivors.size()));
  for (const SiteId& site : concluded_->survivors) out.Text(site.str());
  return out.Take();
}

Status MaskingDesk::Restore() {
  DURE_ASSIGN(const auto kept, shop_.journal.Get(folder_.JournalKey("masking")));
  if (!kept) return {};
  CanonicalReader in(*kept);
  const bool known = in.U32() == kVersion;
  const Bytes half = in.Blob(journal::kValueBytesMax);
  own_round_.value = in.U64();
  own_ = ScalarsIn(in);
  if (in.Bool()) {
    Conclusion concluded;
    concluded.base = in.Raw32();
    concluded.attempt = in.U32();
    concluded.forged = in.Bool();
    concluded.planes = in.Raw32();
    concluded.sums = ScalarsIn(in);
    for (uint32_t n = in.U32(); n > 0 && in.ok(); --n) {
      auto site = SiteId::Parse(in.Text(limits::kNameBytesMax));
      if (site) concluded.survivors.push_back(std::move(*site));
    }
    concluded_ = std::move(concluded);
  }
  if (!known || !in.Done("a site's masking state")) {
    return Fail(ErrorCode::kCorrupt, "the masking state was not written by this version");
  }
  DURE_ASSIGN(half_, masking::SiteHalf::Load(half, *shop_.self.signer, verifier_));
  return {};
}

}  // namespace dure::site
