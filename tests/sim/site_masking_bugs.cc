// What the planted bugs make of a site's masking messages.
#include "tests/sim/site_masking.h"
#include "tests/sim/world.h"

namespace dure::sim {

void SiteMasking::Bend(const Bytes& message) {
  const auto decoded = masking::DecodeMessage(message);
  if (!decoded) return;
  const auto* agreed = std::get_if<masking::Signed<masking::Agreement>>(&*decoded);
  if (agreed && world_.bug() == Bug::kSurvivorsUnagreed) ForgeAgreements(*agreed);
  const auto* reveal = std::get_if<masking::Signed<masking::Reveal>>(&*decoded);
  if (reveal && world_.bug() == Bug::kRevealBoth) RevealBoth(*reveal);
}

// As if nobody else's consent to the survivors were needed.
void SiteMasking::ForgeAgreements(const masking::Signed<masking::Agreement>& own) {
  if (own.body.step != 2) return;
  const masking::Context context = half_->context();
  for (uint32_t peer = 0; peer < context.site_count(); ++peer) {
    if (peer == own.header.site) continue;
    masking::Header header = own.header;
    header.site = peer;
    const SimSigner signer(context.seats[peer].site.str());
    const Bytes forged = masking::Sign(signer, header, own.body).carried;
    world_.After(0, node_.index() + 1, [this, forged] { Take(forged); });
  }
}

void SiteMasking::RevealBoth(const masking::Signed<masking::Reveal>& reveal) {
  masking::Reveal other = reveal.body;
  for (masking::RevealedShare& share : other.shares) {
    share.kind = share.kind == masking::SecretKind::kSelf ? masking::SecretKind::kMask
                                                          : masking::SecretKind::kSelf;
  }
  const Bytes message = masking::Sign(signer_, reveal.header, std::move(other)).carried;
  world_.secrecy().Said(message);
  world_.SendToAggregator(node_.index(), round::Masked{node_.core().at().run, message});
}

}  // namespace dure::sim
