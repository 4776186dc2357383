#include "policy/ledger/cosigner_roll.h"

#include <algorithm>

namespace dure::ledger {

std::optional<std::string> CosignerRoll::WhyNot(const CosignerAnnounced& event,
                                                const SiteId& speaker) const {
  if (event.site != speaker) {
    return "the key of " + speaker.str() + " cannot announce a cosigner of " + event.site.str();
  }
  const Result<CosignerKey> key = CosignerKey::Parse(event.vkey);
  if (!key) return key.error().message;
  if (key->name != event.site.str() + std::string(kAuditorSuffix)) {
    return "the cosigner of " + event.site.str() + " is named " + event.site.str() +
           std::string(kAuditorSuffix) + ", not " + key->name;
  }
  // One key, one kind of statement: an Ed25519 cosignature does not say whose it is.
  if (by_key_.contains(key->key)) return "this cosigner's key was announced before";
  if (pens_.contains(key->key)) return "a key that signs entries does not co-sign heads";
  return std::nullopt;
}

bool CosignerRoll::Takes(const Event& event) {
  return std::holds_alternative<MemberAdmitted>(event) ||
         std::holds_alternative<KeyRevoked>(event) ||
         std::holds_alternative<MemberDescribed>(event) ||
         std::holds_alternative<CharterDeclared>(event) ||
         std::holds_alternative<CosignerAnnounced>(event);
}

void CosignerRoll::Take(uint64_t index, const Record& record, const SiteId& speaker) {
  if (const auto* admitted = std::get_if<MemberAdmitted>(&record.event)) {
    pens_[admitted->key] = admitted->site;
  } else if (const auto* revoked = std::get_if<KeyRevoked>(&record.event)) {
    const auto pen = pens_.find(revoked->key);
    // Disowned after it was ended, it ends nothing of whoever came in its place.
    if (pen != pens_.end() && ended_.insert(revoked->key).second) End(index, pen->second);
  } else if (const auto* described = std::get_if<MemberDescribed>(&record.event)) {
    houses_.emplace(described->member, Described{index, described->house});
  } else if (const auto* charter = std::get_if<CharterDeclared>(&record.event)) {
    if (charter_at_) return;
    charter_at_ = index;
    percent_ = charter->voting.cosign_percent;
  } else if (const auto* event = std::get_if<CosignerAnnounced>(&record.event)) {
    const Result<CosignerKey> key = CosignerKey::Parse(event->vkey);
    if (!key) return;
    End(index, speaker);
    current_[speaker] = by_key_[key->key] = announced_.size();
    announced_.push_back({speaker, record.actor.member, *key, index, std::nullopt});
  }
}

void CosignerRoll::End(uint64_t index, const SiteId& site) {
  const auto current = current_.find(site);
  if (current == current_.end()) return;
  announced_[current->second].until = index;
  current_.erase(current);
}

std::vector<Cosigner> CosignerRoll::At(uint64_t size) const {
  std::vector<Cosigner> cosigners;
  for (const Announced& one : announced_) {
    if (one.since >= size || (one.until && *one.until < size)) continue;
    const auto described = houses_.find(one.member);
    const bool known = described != houses_.end() && described->second.since < size;
    cosigners.push_back({one.site, one.member, one.key,
                         known ? std::optional(described->second.house) : std::nullopt});
  }
  std::sort(cosigners.begin(), cosigners.end(),
            [](const Cosigner& a, const Cosigner& b) { return a.site < b.site; });
  return cosigners;
}

const SiteId* CosignerRoll::SiteOf(const PublicKey& cosigner) const {
  const auto found = by_key_.find(cosigner);
  return found == by_key_.end() ? nullptr : &announced_[found->second].site;
}

bool CosignerRoll::IsRevoked(const PublicKey& cosigner) const {
  const auto found = by_key_.find(cosigner);
  return found != by_key_.end() && announced_[found->second].until.has_value();
}

uint64_t CosignerRoll::PercentAt(uint64_t size) const {
  return charter_at_ && *charter_at_ < size ? percent_ : VotingRule().cosign_percent;
}

std::vector<HouseCosigner> CosignerRoll::HousesAt(uint64_t size) const {
  std::vector<HouseCosigner> cosigners;
  for (const Cosigner& one : At(size)) {
    if (one.house) cosigners.push_back({*one.house, one.key});
  }
  return cosigners;
}

std::vector<HouseAgreement> CosignerRoll::Count(uint64_t size,
                                                const std::vector<CosignerKey>& cosigned) const {
  return CountByHouse(HousesAt(size), PercentAt(size), cosigned);
}

Result<WitnessPolicy> CosignerRoll::PolicyAt(uint64_t size, const NoteKey& log_key) const {
  return PolicyOfHouses(log_key, HousesAt(size), PercentAt(size));
}

}  // namespace dure::ledger
