// The checker of masked rounds: what the aggregator ever held, over all attempts and lives, and
// what it could do with that; and whether sites keep the order on which secrecy stands.
//
// The adversary it reckons with is the aggregator together with as many sites as the context says
// must be withstood. It unmasks a site that does not collude if it can put together that site's own
// mask, and one end of each of its pairwise masks with sites that do not collude either. Shares are
// counted by the secret they belong to, so nothing is forgiven because it came in another attempt
// or another life. Where differences are forbidden, no combination of the sums that these shares
// open, of all attempts and rounds, and of what the run's colluding sites put in themselves, may be
// one other site's update.
#pragma once

#include <map>
#include <set>
#include <string>
#include <tuple>

#include "federation/masking/messages.h"
#include "federation/masking/site_half.h"

namespace dure::sim {

class World;

class Secrecy {
 public:
  explicit Secrecy(World& world) : world_(world) {}

  // So many sites may help the aggregator in any round of the run.
  void Withstands(uint32_t sites) { withstood_ = sites; }
  void Opened(const masking::Context& context);
  // The sharers of a context, as the aggregator tells them.
  void Shared(const Digest& context, const masking::Sites& sharers);
  // A site puts these masks on these lanes and scalars.
  void Masked(const masking::MaskSegment& masks, ByteView lanes, const masking::Scalars& scalars);
  // The sum over the survivors of an attempt, as the aggregator works it out.
  void Summed(const masking::Scalars& scalars) { summed_.insert(scalars); }
  // A site takes this for a sum.
  void Accepted(const masking::Scalars& scalars);
  // A message leaves a site; what leaves may reach the aggregator.
  void Said(ByteView message);

 private:
  struct Key {  // of a secret
    Digest context;
    uint32_t owner = 0;
    masking::SecretKind kind = masking::SecretKind::kMask;
    auto operator<=>(const Key&) const = default;
  };
  void OnReveal(const masking::Signed<masking::Reveal>& reveal);
  void OnAgreement(const masking::Signed<masking::Agreement>& agreement);
  bool Recovers(const Key& secret, const std::set<uint32_t>& colluders) const;
  bool Unmasks(const Digest& context, uint32_t site, const std::set<uint32_t>& colluders) const;
  void CheckUnmasking(const Digest& context);
  // The sites whose sum the shares open; none: they open no sum.
  std::set<SiteId> Opens(const Digest& context, const std::set<SiteId>& colluders) const;
  void CheckCombinations();

  World& world_;
  uint32_t withstood_ = 0;
  std::map<Digest, masking::Context> contexts_;
  std::map<Digest, masking::Sites> sharers_;
  std::set<masking::Scalars> summed_;
  std::map<Key, std::set<uint32_t>> held_;  // by whom their shares were given
  std::map<Digest, Digest> masked_;         // by the masks: what they were put on
  // By context and site: the survivors it signed.
  std::map<std::pair<Digest, uint32_t>, Digest> signed_;
  std::set<Digest> given_;  // contexts of which shares were given
  // By site and number: the context in which it gave its shares.
  std::map<std::pair<SiteId, uint64_t>, Digest> released_;
};

}  // namespace dure::sim
