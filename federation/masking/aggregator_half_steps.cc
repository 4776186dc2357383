// What the aggregator does with each message, and how it moves on.
#include <algorithm>

#include "federation/check.h"
#include "federation/masking/aggregator_half.h"
#include "federation/masking/shamir.h"

namespace dure::masking {
namespace {

// Of one site in one attempt. An honest one goes no further after its first.
constexpr size_t kComplaintsMax = 4;

}  // namespace

template <typename T>
bool AggregatorHalf::IsAuthentic(uint32_t site, const Signed<T>& message) {
  const Header& header = message.header;
  if (header.round != context_.round || header.attempt != context_.attempt) return false;
  if (header.context != context_id_) {
    Blame(site, Refusal::kContextMismatch, "it speaks of another context");
    return false;
  }
  if (header.site != site || !IsSignedBy(*verifier_, context_.seats[site].key, message.carried)) {
    Blame(site, Refusal::kBadSignature, "its message is not its own");
    return false;
  }
  return true;
}

void AggregatorHalf::OnMessage(uint32_t site, const Signed<Advertise>& message) {
  if (!IsAuthentic(site, message)) return;
  if (!Is(AggregatorPhase::kAdvertising) || s_.advertised.contains(site)) {
    return Answer(site, AggregatorPhase::kAdvertising);
  }
  if (message.body.mask_keys.size() != segments()) {
    return Blame(site, Refusal::kSchema, "its advertisement is of other segments");
  }
  s_.advertised[site] = message.carried;
  advertised_[site] = message.body;
  AdvanceAdvertising();
}

void AggregatorHalf::AdvanceAdvertising() {
  if (s_.advertised.size() != context_.site_count()) return;
  std::vector<Digest> ids;
  for (const auto& [site, bytes] : s_.advertised) ids.push_back(Sha256(bytes));
  s_.roster = RosterTranscript(context_id_, ids);
  s_.phase = AggregatorPhase::kSharing;
  Keep();
  for (const auto& [site, bytes] : s_.advertised) SendAll(bytes);
}

void AggregatorHalf::OnMessage(uint32_t site, const Shares& message) {
  const auto head = DecodeSigned<ShareHead>(message.head);
  if (!head) return Blame(site, Refusal::kSchema, head.error().message);
  if (!IsAuthentic(site, *head)) return;
  if (s_.phase > AggregatorPhase::kSharing) return Answer(site, AggregatorPhase::kSharing);
  if (!Is(AggregatorPhase::kSharing)) return;
  const SegmentSite at{head->body.segment, site};
  if (at.first >= segments() || s_.shares.contains(at)) return;
  if (!SharesFit(site, message, *head)) return;
  s_.shares[at] = {message.head, message.entries};
  heads_[at] = *head;
  AdvanceSharing(false);
}

bool AggregatorHalf::SharesFit(uint32_t site, const Shares& message,
                               const Signed<ShareHead>& head) {
  bool whole = message.entries.size() == context_.site_count();
  for (uint32_t i = 0; i < message.entries.size(); ++i) {
    whole = whole && message.entries[i].sealed.empty() == (i == site);
  }
  if (whole && head.body.roster == s_.roster) {
    MerkleTree tree(LeavesOf(message.entries));
    if (tree.root() == head.body.root) {
      trees_.emplace(SegmentSite{head.body.segment, site}, std::move(tree));
      return true;
    }
  }
  Blame(site, Refusal::kShares, "its shares do not fit its head or the roster");
  return false;
}

void AggregatorHalf::AdvanceSharing(bool overdue) {
  Sites sharers;
  Sites missing;
  for (uint32_t site = 0; site < context_.site_count(); ++site) {
    bool whole = true;
    for (uint32_t g = 0; g < segments(); ++g) whole = whole && s_.shares.contains({g, site});
    (whole ? sharers : missing).push_back(site);
  }
  if (!missing.empty() && !overdue) return;
  const SurvivorCheck check{context_.agreed.rules, context_.seats, context_.threshold, sharers};
  const auto objection = CheckSurvivors(check, sharers);
  if (objection && objection->rule != Refusal::kMembership) {
    return GiveUp("too few sites shared their secrets: " + objection->why, std::move(missing));
  }
  FixSharers(std::move(sharers));
}

void AggregatorHalf::FixSharers(Sites sharers) {
  s_.sharers = std::move(sharers);
  std::vector<Digest> ids;
  for (const uint32_t site : s_.sharers) {
    for (uint32_t g = 0; g < segments(); ++g) ids.push_back(heads_.at({g, site}).Id());
  }
  s_.agreed = ShareTranscript(s_.roster, s_.sharers, ids);
  s_.phase = AggregatorPhase::kAgreeing;
  Keep();
  // Also to those left out: they need not wait.
  for (uint32_t site = 0; site < context_.site_count(); ++site) SendDeliveries(site);
}

void AggregatorHalf::OnMessage(uint32_t site, const Signed<Agreement>& message) {
  const bool first = message.body.step == 1;
  const auto of = first ? AggregatorPhase::kAgreeing : AggregatorPhase::kSurviving;
  if (s_.phase < of || !IsSharer(site) || !IsAuthentic(site, message)) return;
  if (message.body.transcript != (first ? s_.agreed : s_.survivors)) {
    Blame(site, Refusal::kTranscript, "it agrees to another transcript");
    if (first) GiveUp("a site holds other shares than were sent to it", {site});
    return;
  }
  auto& agreed = first ? s_.agreed1 : s_.agreed2;
  const bool in_phase = s_.phase <= (first ? of : AggregatorPhase::kUnmasking);
  if (!in_phase || !agreed.emplace(site, message.carried).second) return Answer(site, of);
  if (first) return AdvanceAgreeing();
  // A site may have enough with it to give its shares. It need not be kept for that: whoever loads
  // this phase takes it for granted.
  SendAll(message.carried);
  AdvanceSurviving();
}

void AggregatorHalf::AdvanceAgreeing() {
  if (s_.agreed1.size() != s_.sharers.size()) return;
  s_.phase = AggregatorPhase::kUploading;
  Keep();
  for (const auto& [site, bytes] : s_.agreed1) SendAll(bytes);
}

void AggregatorHalf::OnMessage(uint32_t site, const Signed<Uploaded>& message) {
  const uint32_t segment = message.body.segment;
  if (s_.phase < AggregatorPhase::kUploading || !IsSharer(site) || segment >= segments()) return;
  if (!IsAuthentic(site, message)) return;
  if (!Is(AggregatorPhase::kUploading)) return Answer(site, AggregatorPhase::kUploading);
  if (message.body.bytes != context_.SegmentLayout(segment).PayloadBytes()) {
    return Blame(site, Refusal::kSchema, "its upload is of another size");
  }
  if (!s_.uploaded.emplace(SegmentSite{segment, site}, message.carried).second) return;
  AdvanceUploading(false);
}

void AggregatorHalf::AdvanceUploading(bool overdue) {
  if (!Is(AggregatorPhase::kUploading)) return;
  std::map<uint32_t, Sites> survived;
  std::set<uint32_t> missing;
  for (uint32_t g = 0; g < segments(); ++g) {
    Sites& sites = survived[g];
    for (const uint32_t site : s_.sharers) {
      const auto said = s_.uploaded.find({g, site});
      const auto stored = s_.stored.find({g, site});
      bool whole = said != s_.uploaded.end() && stored != s_.stored.end();
      if (whole) {
        const Uploaded body = DecodeSigned<Uploaded>(said->second).value().body;
        whole = stored->second == std::pair(body.payload, body.bytes);
      }
      if (whole) {
        sites.push_back(site);
      } else {
        missing.insert(site);
      }
    }
    if (context_.agreed.rules.batch_members > 1) sites = WholeBatches(context_.seats, sites);
  }
  if (!missing.empty() && !overdue) return;
  const SurvivorCheck check{context_.agreed.rules, context_.seats, context_.threshold, s_.sharers};
  for (const auto& [segment, sites] : survived) {
    if (const auto objection = CheckSurvivors(check, sites)) {
      return GiveUp("too few sites uploaded: " + objection->why,
                    Sites(missing.begin(), missing.end()));
    }
  }
  s_.survived = std::move(survived);
  FixSurvivors();
}

void AggregatorHalf::FixSurvivors() {
  std::vector<SegmentSurvivors> all;
  for (const auto& [segment, sites] : s_.survived) {
    SegmentSurvivors one{sites, {}};
    for (const uint32_t site : sites) {
      one.uploads.push_back(Sha256(s_.uploaded.at({segment, site})));
    }
    all.push_back(std::move(one));
  }
  s_.survivors = SurvivorTranscript(s_.agreed, all);
  s_.phase = AggregatorPhase::kSurviving;
  Keep();
  for (const uint32_t site : s_.sharers) SendSurvivors(site);
}

void AggregatorHalf::AdvanceSurviving() {
  if (!Is(AggregatorPhase::kSurviving) || s_.agreed2.size() < context_.threshold) return;
  s_.phase = AggregatorPhase::kRevealing;
  Keep();
}

void AggregatorHalf::OnMessage(uint32_t site, const Signed<Reveal>& message) {
  const uint32_t segment = message.body.segment;
  if (s_.phase < AggregatorPhase::kRevealing || !IsSharer(site) || segment >= segments()) return;
  if (!IsAuthentic(site, message)) return;
  if (!Is(AggregatorPhase::kRevealing)) return Answer(site, AggregatorPhase::kRevealing);
  if (!s_.revealers.insert({segment, site}).second) return;
  const Sites& alive = s_.survived.at(segment);
  for (const RevealedShare& one : message.body.shares) {
    if (!IsSharer(one.owner)) continue;
    const bool survives = std::binary_search(alive.begin(), alive.end(), one.owner);
    const auto kind = survives ? SecretKind::kSelf : SecretKind::kMask;
    const ShareEntry& entry = s_.shares.at({segment, one.owner}).entries[site];
    const Digest commitment = ShareCommitment(one.kind, {segment, one.owner, site}, one.share);
    if (one.kind != kind || commitment != (survives ? entry.self : entry.mask)) {
      Blame(site, Refusal::kShares, "it gave a share that the owner's commitment contradicts");
      continue;
    }
    s_.revealed[{segment, one.owner}].emplace_back(static_cast<uint8_t>(site + 1), one.share);
  }
  if (EnoughRevealed()) AdvanceRevealing();
}

bool AggregatorHalf::EnoughRevealed() const {
  for (uint32_t g = 0; g < segments(); ++g) {
    for (const uint32_t owner : s_.sharers) {
      const auto shares = s_.revealed.find({g, owner});
      if (shares == s_.revealed.end() || shares->second.size() < context_.threshold) return false;
    }
  }
  return true;
}

void AggregatorHalf::AdvanceRevealing() {
  s_.phase = AggregatorPhase::kUnmasking;
  Keep();
  for (uint32_t g = 0; g < segments(); ++g) {
    if (!EmitUnmask(g)) return;
  }
}

std::optional<Secret> AggregatorHalf::Recover(uint32_t segment, uint32_t owner, bool alive) {
  std::vector<Share> shares;
  const auto& revealed = s_.revealed.at({segment, owner});
  for (size_t i = 0; i < context_.threshold && i < revealed.size(); ++i) {
    shares.push_back({revealed[i].first, revealed[i].second});
  }
  const auto secret = Combine(shares);
  // Shares fit their owner's commitments, so a secret that does not is the owner's own doing.
  const auto fits = [&] {
    if (!secret) return false;
    if (!alive) return agreement_->PublicOf(*secret) == AdvertisedBy(owner).mask_keys[segment];
    return SelfCommitment(context_id_, segment, owner, *secret) ==
           heads_.at({segment, owner}).body.self;
  };
  if (fits()) return *secret;
  Blame(owner, Refusal::kShares, "the shares it dealt do not give what it advertised");
  return std::nullopt;
}

std::vector<Mask> AggregatorHalf::UndoOf(uint32_t segment,
                                         const std::map<uint32_t, Secret>& secrets) const {
  const Sites& alive = s_.survived.at(segment);
  std::vector<Mask> undo;
  for (const auto& [owner, secret] : secrets) {
    if (std::binary_search(alive.begin(), alive.end(), owner)) {
      undo.push_back({SelfMask(secret, s_.agreed, segment, owner), Direction::kSubtract});
      continue;
    }
    for (const uint32_t site : alive) {
      const auto agreed = agreement_->Agree(secret, AdvertisedBy(site).mask_keys[segment]);
      if (!agreed) continue;  // Sites would have refused such a key.
      // The survivor added if its index is the lower.
      undo.push_back({PairMask(*agreed, s_.agreed, PairOf(segment, site, owner)),
                      site < owner ? Direction::kSubtract : Direction::kAdd});
    }
  }
  return undo;
}

bool AggregatorHalf::EmitUnmask(uint32_t segment) {
  const Sites& alive = s_.survived.at(segment);
  std::map<uint32_t, Secret> secrets;
  for (const uint32_t owner : s_.sharers) {
    const auto secret =
        Recover(segment, owner, std::binary_search(alive.begin(), alive.end(), owner));
    if (!secret) {
      GiveUp("a site dealt shares that do not give what it advertised", {owner});
      return false;
    }
    secrets[owner] = *secret;
  }
  UnmaskSegment unmask{segment, {}, UndoOf(segment, secrets)};
  for (const uint32_t site : alive) {
    unmask.survivors.push_back({site, s_.stored.at({segment, site}).first});
  }
  out_.push_back(std::move(unmask));
  return true;
}

void AggregatorHalf::AdvanceUnmasking() {
  if (s_.results.size() != segments()) return;
  Outcome outcome{s_.survivors, {}};
  for (const auto& [segment, result] : s_.results) outcome.segments.push_back(result);
  auto message = Sign(*signer_, OwnHeader(), std::move(outcome));
  s_.outcome = message.carried;
  s_.phase = AggregatorPhase::kOpening;
  ForgetShares();
  Keep();
  SendAll(s_.outcome);
  out_.push_back(Published{std::move(message.body)});
}

void AggregatorHalf::OnMessage(uint32_t site, const Signed<Opening>& message) {
  const bool due = s_.phase >= AggregatorPhase::kOpening;
  if (!due || !IsSharer(site) || !IsAuthentic(site, message)) return;
  if (message.body.outcome != Sha256(s_.outcome) ||
      NonceCommitment(context_id_, site, message.body.nonce) != AdvertisedBy(site).nonce) {
    return Blame(site, Refusal::kTranscript, "it opens another nonce, or for another outcome");
  }
  if (!Is(AggregatorPhase::kOpening)) return Answer(site, AggregatorPhase::kOpening);
  if (s_.opened.emplace(site, message.carried).second) AdvanceOpening(false);
}

void AggregatorHalf::OnMessage(uint32_t site, const Signed<CheckValues>& message) {
  const bool in_phase = Is(AggregatorPhase::kChecking) || Is(AggregatorPhase::kFinished);
  if (!in_phase || !IsSharer(site) || !IsAuthentic(site, message)) return;
  if (message.body.result != s_.result || message.body.values.size() != segments()) {
    return Blame(site, Refusal::kTranscript, "its check values are of another result");
  }
  if (!s_.checked.emplace(site, message.carried).second) {
    return Answer(site, AggregatorPhase::kChecking);
  }
  SendAll(message.carried);
  AdvanceChecking(false);
}

void AggregatorHalf::OnMessage(uint32_t site, const Signed<Complaint>& message) {
  std::set<Digest>& complaints = complaints_[site];
  if (complaints.size() >= kComplaintsMax || !IsAuthentic(site, message)) return;
  if (!complaints.insert(message.Id()).second) return;
  const Complaint& body = message.body;
  out_.push_back(Culprit{site, {body.rule, body.why, body.accused}});
  // Before anything is uploaded the attempt needs every site. Later it can do without some.
  if (s_.phase >= AggregatorPhase::kUploading) return;
  const bool accuses_site = body.accused < context_.site_count();
  GiveUp("a site refused: " + std::string(Name(body.rule)) + ": " + body.why,
         {accuses_site ? body.accused : site});
}

}  // namespace dure::masking
