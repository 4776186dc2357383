// A world's network: links that are cut, messages that are lost, late or told twice.
#include <algorithm>

#include "tests/sim/world.h"

namespace dure::sim {

using round::Message;

void World::Connect(uint32_t site) {
  Link& link = links_[site];
  if (link.up || !aggregator_->up() || !sites_[site]->up() || revoked_.contains(site)) return;
  if (now_ < link.cut_until) {
    const double left = static_cast<double>((link.cut_until - now_).count()) / 1e6;
    return After(left + 0.1, site + 1, [this, site] { Connect(site); });
  }
  link.up = true;
  After(0, kAggregator,
        [this, site] { aggregator_->Feed(round::SiteConnected{sites_[site]->id()}); });
  After(0, site + 1, [this, site] { sites_[site]->Feed(round::LinkUp{}); });
}

void World::Cut(uint32_t site, double seconds) {
  Link& link = links_[site];
  link.cut_until = std::max(link.cut_until, now_ + Seconds(seconds));
  if (!link.up) return;
  Trace(site + 1, "cut");
  link.up = false;
  After(0, kAggregator,
        [this, site] { aggregator_->Feed(round::SiteDisconnected{sites_[site]->id()}); });
  After(0, site + 1, [this, site] {
    sites_[site]->Feed(round::LinkDown{});
    Connect(site);
  });
}

void World::SendToSite(uint32_t site, const Message& message) {
  if (Happens(faults_.withdraw)) After(0, Nobody(), [this, site] { Withdraw(site); });
  Carry(site, site + 1, message);
}
void World::SendToAggregator(uint32_t site, const Message& message) {
  Carry(site, kAggregator, message);
}

void World::Carry(uint32_t site, Node to, const round::Message& message) {
  if (!links_[site].up) return;
  if (Happens(faults_.loss)) return;
  if (Happens(faults_.cut)) return Cut(site, Between(0.1, 30));
  const int copies = Happens(faults_.duplicate) ? 2 : 1;
  for (int i = 0; i < copies; ++i) {
    const double delay = Happens(faults_.delay) ? Between(0.1, 12) : Between(0.001, 0.02);
    After(delay, to, [this, site, to, message] {
      if (links_[site].up) Deliver(site, to, message);
    });
  }
}

void World::Deliver(uint32_t site, Node to, const round::Message& message) {
  const auto* masked = std::get_if<round::Masked>(&message);
  const auto inner = masked ? masking::DecodeMessage(masked->message)
                            : Result<masking::Message>(Fail(ErrorCode::kInvalid, ""));
  Trace(to, inner ? "is told" : "receives", inner ? KindName(*inner) : KindName(message));
  if (to == kAggregator) return aggregator_->Feed(round::Received{sites_[site]->id(), message});
  sites_[site]->Feed(round::FromAggregator{message});
}

void World::Revoke(uint32_t site) {
  revoked_.insert(site);
  Cut(site, 0);
  if (aggregator_->up()) aggregator_->Feed(round::SiteRemoved{sites_[site]->id()});
}

void World::Readmit(uint32_t site) {
  revoked_.erase(site);
  // An aggregator that is down learns of it from the state of the seat, like a revocation.
  After(0.1, Nobody(), [this, site] {
    if (revoked_.contains(site)) return;
    if (!aggregator_->up()) return Readmit(site);
    aggregator_->Feed(round::SiteReadmitted{sites_[site]->id()});
    Connect(site);
  });
}

}  // namespace dure::sim
