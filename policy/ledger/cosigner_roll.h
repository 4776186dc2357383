// Who co-signs the log's heads, in which house, and how many of each house make a head agreed: from
// the entries alone, as of any size.
//
// A part of the chronicle, which folds it. A head of `size` entries is judged by what its own
// entries say, so the answer for a head never changes: a site that announces its key later was not
// needed for it, and one whose key is revoked later still counts. Copyable, for any thread.
#pragma once

#include <map>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "federation/ids.h"
#include "policy/ledger/events.h"
#include "policy/ledger/witness_policy.h"

namespace dure::ledger {

inline constexpr std::string_view kAuditorSuffix = "/auditor";

struct Cosigner {
  SiteId site;
  MemberId member;
  CosignerKey key;
  std::optional<House> house;  // none: the member was not described by then, and counts nowhere
};

class CosignerRoll {
 public:
  // Why the site of `speaker` may not announce this key; nullopt: it may. A site's auditor key is
  // named <site>/auditor, and it is not, and never was, another site's or the key of a pen.
  std::optional<std::string> WhyNot(const CosignerAnnounced& event, const SiteId& speaker) const;
  // Whether such an entry is one for the roll; Take of another changes nothing.
  static bool Takes(const Event& event);
  // REQUIRES: the chronicle has admitted the entry; entries in order, each once. `speaker` is the
  // site of the key that signed it.
  void Take(uint64_t index, const Record& record, const SiteId& speaker);

  // Those whose word counts under a head of `size` entries, by site.
  std::vector<Cosigner> At(uint64_t size) const;
  // Also the key of a site that was revoked or replaced since is known: its name at the time.
  const SiteId* SiteOf(const PublicKey& cosigner) const;
  bool IsRevoked(const PublicKey& cosigner) const;  // or replaced: no new word of it is taken
  uint64_t PercentAt(uint64_t size) const;
  std::vector<HouseAgreement> Count(uint64_t size, const std::vector<CosignerKey>& cosigned) const;
  // As PolicyOfHouses.
  Result<WitnessPolicy> PolicyAt(uint64_t size, const NoteKey& log_key) const;

 private:
  struct Announced {
    SiteId site;
    MemberId member;
    CosignerKey key;
    uint64_t since = 0;             // the announcing entry: counts under heads beyond it
    std::optional<uint64_t> until;  // the ending entry: counts under heads up to it
  };
  struct Described {
    uint64_t since = 0;
    House house = House::kPrivate;
  };
  std::vector<HouseCosigner> HousesAt(uint64_t size) const;
  void End(uint64_t index, const SiteId& site);

  std::vector<Announced> announced_;
  std::map<PublicKey, size_t> by_key_;  // into announced_
  std::map<SiteId, size_t> current_;    // of each site the one that has not ended
  std::set<PublicKey> ended_;           // of them, those that were revoked
  std::map<PublicKey, SiteId> pens_;    // the keys under which sites write entries
  std::map<MemberId, Described> houses_;
  std::optional<uint64_t> charter_at_;
  uint64_t percent_ = VotingRule().cosign_percent;
};

}  // namespace dure::ledger
