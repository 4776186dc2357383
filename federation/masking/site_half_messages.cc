// What a site does with each message, and what it holds it against.
#include <algorithm>

#include "federation/masking/merkle.h"
#include "federation/masking/seal.h"
#include "federation/masking/site_half.h"

namespace dure::masking {
namespace {

bool Contains(const Sites& sites, uint32_t site) {
  return std::binary_search(sites.begin(), sites.end(), site);
}

}  // namespace

template <typename T>
bool SiteHalf::IsAuthentic(const Signed<T>& message) {
  const Header& header = message.header;
  if (header.round != context_.round || header.attempt != context_.attempt) {
    LeaveAside(Refusal::kStale, "a message of another round or attempt", kAggregator);
    return false;
  }
  const bool of_aggregator = header.site == kAggregator && std::is_same_v<T, Outcome>;
  if (!of_aggregator && header.site >= context_.site_count()) {
    Refuse(Refusal::kIdentity, "a message of no site of the cohort", kAggregator);
    return false;
  }
  const PublicKey& key =
      of_aggregator ? context_.agreed.aggregator : context_.seats[header.site].key;
  if (!IsSignedBy(*verifier_, key, message.carried)) {
    Refuse(Refusal::kBadSignature, "a message is not signed by whom it names", kAggregator);
    return false;
  }
  if (header.context != context_id_) {
    Refuse(Refusal::kContextMismatch, "a peer was given another context of this round",
           kAggregator);
    return false;
  }
  return true;
}

void SiteHalf::OnMessage(const Signed<Advertise>& message) {
  if (!IsAuthentic(message)) return;
  const uint32_t site = message.header.site;
  const auto known = s_.attempt.advertised.find(site);
  if (known != s_.attempt.advertised.end()) {
    if (known->second == message.carried) return;
    const uint32_t accused = site == me_ ? kAggregator : site;
    return Refuse(Refusal::kTranscript, "two advertisements of one site", accused);
  }
  if (!Is(SitePhase::kAdvertised) || !CheckAdvertised(message)) return;
  s_.attempt.advertised[site] = message.carried;
  advertised_[site] = message.body;
  AdvanceAdvertised();
}

bool SiteHalf::CheckAdvertised(const Signed<Advertise>& message) {
  const Advertise& body = message.body;
  const uint32_t site = message.header.site;
  const auto refuse = [&](Refusal rule, std::string why) {
    Refuse(rule, std::move(why), site);
    return false;
  };
  if (body.mask_keys.size() != segments()) {
    return refuse(Refusal::kSchema, "an advertisement has a key for each segment");
  }
  std::vector<AgreementKey> keys = body.mask_keys;
  keys.push_back(body.seal_key);
  for (const auto& [other, known] : advertised_) {
    keys.push_back(known.seal_key);
    keys.insert(keys.end(), known.mask_keys.begin(), known.mask_keys.end());
  }
  std::sort(keys.begin(), keys.end());
  if (std::adjacent_find(keys.begin(), keys.end()) != keys.end()) {
    return refuse(Refusal::kKey, "a key agreement key stands twice in the roster");
  }
  bool good = CheckAgreementKey(body.seal_key).has_value();
  for (const AgreementKey& key : body.mask_keys) good = good && CheckAgreementKey(key).has_value();
  if (!good) return refuse(Refusal::kKey, "a key agreement key is of low order or out of form");
  if (auto objection = s_.history.CheckPeer(context_.seats[site].site, body.released);
      objection && site != me_) {
    return refuse(objection->rule, objection->why);
  }
  return true;
}

void SiteHalf::OnMessage(const Delivery& message) {
  if (!Is(SitePhase::kShared)) return;
  const auto head = DecodeSigned<ShareHead>(message.head);
  if (!head) return Refuse(Refusal::kSchema, head.error().message, kAggregator);
  if (!IsAuthentic(*head)) return;
  const uint32_t from = head->header.site;
  if (from == me_) return;
  if (head->body.segment >= segments()) {
    return Refuse(Refusal::kSchema, "shares of no segment", from);
  }
  if (head->body.roster != s_.attempt.roster) {
    return Refuse(Refusal::kTranscript, "a peer was given another roster", kAggregator);
  }
  const auto known = s_.attempt.held.find({head->body.segment, from});
  if (known != s_.attempt.held.end()) {
    if (known->second.head == head->Id()) return;
    return Refuse(Refusal::kTranscript, "two share heads of one site", from);
  }
  if (OpenShares(message, *head)) AdvanceShared();
}

bool SiteHalf::OpenShares(const Delivery& delivery, const Signed<ShareHead>& head) {
  const uint32_t from = head.header.site;
  const ShareRoute route{head.body.segment, from, me_};
  const auto root = RootFrom(delivery.entry.Leaf(me_), me_, context_.site_count(), delivery.path);
  if (!root || *root != head.body.root) {
    Refuse(Refusal::kTranscript, "shares that do not hang on their sender's root", kAggregator);
    return false;
  }
  const Secret key = SealKey(AgreedWith(from, std::nullopt), s_.attempt.roster, route);
  auto plain = Unseal(key, SealAssociated(s_.attempt.roster, route), delivery.entry.sealed);
  if (!plain || plain->size() != 64) {
    Refuse(Refusal::kShares, "shares that do not open", from);
    return false;
  }
  Held held;
  held.head = head.Id();
  std::copy_n(plain->begin(), 32, held.mask.bytes.begin());
  std::copy_n(plain->begin() + 32, 32, held.self.bytes.begin());
  ::explicit_bzero(plain->data(), plain->size());
  if (ShareCommitment(SecretKind::kMask, route, held.mask) != delivery.entry.mask ||
      ShareCommitment(SecretKind::kSelf, route, held.self) != delivery.entry.self) {
    Refuse(Refusal::kShares, "shares that their sender's commitments contradict", from);
    return false;
  }
  s_.attempt.held[{route.segment, from}] = held;
  return true;
}

void SiteHalf::OnMessage(const Sharers& message) {
  if (message.context != context_id_) {
    return LeaveAside(Refusal::kStale, "the sites that shared in another attempt", kAggregator);
  }
  if (!s_.attempt.sharers.empty()) {
    if (message.sites == s_.attempt.sharers) return;
    return Refuse(Refusal::kTranscript, "two sets of sites that shared", kAggregator);
  }
  if (!Is(SitePhase::kShared)) return;
  if (!message.sites.empty() && message.sites.back() >= context_.site_count()) {
    return Refuse(Refusal::kSchema, "a site beyond the roster", kAggregator);
  }
  if (!Contains(message.sites, me_)) return EndAttempt(SitePhase::kLeftOut);
  const SurvivorCheck check{context_.agreed.rules, context_.seats, context_.threshold,
                            message.sites, s_.attempt.survivors_min};
  // What cannot be enough survivors, should all survive, is not begun.
  auto objection = CheckSurvivors(check, message.sites);
  if (objection && objection->rule != Refusal::kMembership) return Refuse(*objection);
  s_.attempt.sharers = message.sites;
  AdvanceShared();
}

void SiteHalf::OnMessage(const Signed<Agreement>& message) {
  if (!IsAuthentic(message)) return;
  auto& agreed = message.body.step == 1 ? s_.attempt.agreed_shares : s_.attempt.agreed_survivors;
  const auto [known, fresh] = agreed.emplace(message.header.site, message.body.transcript);
  if (!fresh && known->second != message.body.transcript) {
    return Refuse(Refusal::kTranscript, "a site agreed to two transcripts", message.header.site);
  }
  if (message.body.step == 1) return AdvanceAgreeing();
  AdvanceSurviving();
}

void SiteHalf::OnMessage(const Survivors& message) {
  const bool known = s_.attempt.survived.contains(message.segment);
  if (!Is(SitePhase::kMasking) && !known) return;
  const auto survived = CheckUploads(message);
  if (!survived) return;
  const auto [at, fresh] = s_.attempt.survived.emplace(message.segment, *survived);
  if (!fresh && (at->second.sites != survived->sites || at->second.uploads != survived->uploads)) {
    return Refuse(Refusal::kSurvivorSet, "two sets of survivors for one segment", kAggregator);
  }
  if (fresh) AdvanceMasking();
}

std::optional<SiteHalf::Survived> SiteHalf::CheckUploads(const Survivors& message) {
  const auto refuse = [this](std::string why) {
    Refuse(Refusal::kSurvivorSet, std::move(why), kAggregator);
    return std::nullopt;
  };
  if (message.segment >= segments()) return refuse("survivors of no segment");
  Survived survived;
  for (const Bytes& bytes : message.uploads) {
    const auto upload = DecodeSigned<Uploaded>(bytes);
    if (!upload) return refuse("a survivor without its statement");
    if (!IsAuthentic(*upload)) return std::nullopt;
    const uint32_t site = upload->header.site;
    if (!survived.sites.empty() && site <= survived.sites.back()) {
      return refuse("survivors out of order");
    }
    if (upload->body.segment != message.segment ||
        upload->body.bytes != context_.SegmentLayout(message.segment).PayloadBytes()) {
      return refuse("a survivor's statement is of another segment or size");
    }
    if (site == me_) {
      const auto own = s_.attempt.payloads.find(message.segment);
      if (own == s_.attempt.payloads.end() || own->second != upload->body.payload) {
        return refuse("this site did not upload what its statement names");
      }
    }
    survived.sites.push_back(site);
    survived.uploads.push_back(upload->Id());
  }
  return survived;
}

void SiteHalf::OnMessage(const Signed<Outcome>& message) {
  if (!IsAuthentic(message)) return;
  if (outcome_) {
    if (message.carried == s_.attempt.outcome) return;
    return Refuse(Refusal::kAggregate, "two outcomes of one round", kAggregator);
  }
  if (!Is(SitePhase::kRevealed) && !Is(SitePhase::kSurviving)) return;
  if (message.header.site != kAggregator || message.body.segments.size() != segments()) {
    return Refuse(Refusal::kSchema, "an outcome of other segments or of a site", kAggregator);
  }
  if (message.body.survivors != s_.attempt.survivors) {
    return Refuse(Refusal::kSurvivorSet, "an outcome over other survivors", kAggregator);
  }
  // Others may have made up the threshold without this site's shares.
  s_.history.Release(context_.round, context_.attempt, s_.attempt.survivors);
  s_.attempt.outcome = message.carried;
  outcome_ = message.body;
  outcome_id_ = message.Id();
  s_.phase = SitePhase::kOpened;
  Keep();
  TellOpening();
}

void SiteHalf::OnMessage(const Openings& message) {
  if (!Is(SitePhase::kOpened)) return;
  std::vector<Digest> ids;
  if (!CheckOpenings(message, ids)) return;
  s_.attempt.result = ResultTranscript(s_.attempt.survivors, outcome_id_, ids);
  NoteReleases(message);
  s_.phase = SitePhase::kChecking;
  Keep();
  EmitChecks();
}

// Whoever opens its nonce for this outcome had the release on its disk before.
void SiteHalf::NoteReleases(const Openings& openings) {
  for (const Bytes& bytes : openings.openings) {
    const uint32_t site = DecodeSigned<Opening>(bytes)->header.site;
    s_.history.NotePeer(context_.seats[site].site, Released{context_.round, s_.attempt.survivors});
  }
}

bool SiteHalf::CheckOpenings(const Openings& openings, std::vector<Digest>& ids) {
  const auto refuse = [this](std::string why, uint32_t accused) {
    Refuse(Refusal::kTranscript, std::move(why), accused);
    return false;
  };
  Sites sites;
  for (const Bytes& bytes : openings.openings) {
    const auto opening = DecodeSigned<Opening>(bytes);
    if (!opening) return refuse("an opening out of form", kAggregator);
    if (!IsAuthentic(*opening)) return false;
    const uint32_t site = opening->header.site;
    if (!sites.empty() && site <= sites.back()) {
      return refuse("openings out of order", kAggregator);
    }
    if (opening->body.outcome != outcome_id_) {
      return refuse("a peer was shown another outcome", kAggregator);
    }
    if (NonceCommitment(context_id_, site, opening->body.nonce) != AdvertisedBy(site).nonce) {
      return refuse("a nonce that its commitment contradicts", site);
    }
    sites.push_back(site);
    ids.push_back(opening->Id());
  }
  // Its own nonce is what this site knows the aggregator could not foresee. Whoever is in no sum,
  // and whom nobody waits for, looks for more nonces than can collude.
  bool survived = false;
  for (uint32_t g = 0; g < segments(); ++g) survived = survived || survives(g);
  const bool unforeseen =
      Contains(sites, me_) || (!survived && sites.size() > context_.agreed.corrupt_max);
  if (!unforeseen) return refuse("the openings leave this site's out", kAggregator);
  return true;
}

void SiteHalf::OnMessage(const Signed<CheckValues>& message) {
  if (!Is(SitePhase::kChecking) && !Is(SitePhase::kChecked)) return;
  if (!IsAuthentic(message)) return;
  if (message.body.result != s_.attempt.result) {
    return Refuse(Refusal::kTranscript, "a peer was given other openings", kAggregator);
  }
  if (message.body.values.size() != segments()) {
    return Refuse(Refusal::kSchema, "check values of other segments", message.header.site);
  }
  const auto [known, fresh] =
      s_.attempt.check_values.emplace(message.header.site, message.body.values);
  if (!fresh && known->second != message.body.values) {
    return Refuse(Refusal::kTranscript, "two check values of one site", message.header.site);
  }
  AdvanceChecked(false);
}

}  // namespace dure::masking
