#include "federation/masking/aggregator_half.h"

#include <algorithm>

#include "federation/check.h"
#include "federation/masking/merkle.h"
#include "federation/masking/message_fields.h"

namespace dure::masking {
namespace {

// Of one site in one attempt: the first say what there is to say, and each is a line of a log.
constexpr uint32_t kBlamesMax = 8;

}  // namespace

std::string_view Name(AggregatorPhase phase) {
  static constexpr std::string_view kNames[] = {
      "new",       "advertising", "sharing", "agreeing", "uploading", "surviving",
      "revealing", "unmasking",   "opening", "checking", "finished",  "abandoned"};
  return kNames[static_cast<size_t>(phase)];
}

bool IsOpen(AggregatorPhase phase) {
  return phase != AggregatorPhase::kFinished && phase != AggregatorPhase::kAbandoned;
}

AggregatorHalf::AggregatorHalf(Context context, const Signer& signer, const Verifier& verifier,
                               const KeyAgreement& agreement)
    : signer_(&signer),
      verifier_(&verifier),
      agreement_(&agreement),
      context_(std::move(context)),
      context_id_(context_.Id()) {
  s_.context = context_.Canonical();
}

Bytes AggregatorHalf::Save() const {
  Put put;
  put(s_);
  return put.Take();
}

Result<AggregatorHalf> AggregatorHalf::Load(ByteView state, const Signer& signer,
                                            const Verifier& verifier,
                                            const KeyAgreement& agreement) {
  State loaded;
  Get get(state);
  get(loaded);
  const auto corrupt = [](Error error) {
    error.code = ErrorCode::kCorrupt;
    return Within(std::move(error), "while loading an aggregator's masking state");
  };
  if (auto done = get.Done("the state"); !done) return corrupt(done.error());
  auto context = Context::Parse(loaded.context);
  if (!context) return corrupt(context.error());
  AggregatorHalf half(*std::move(context), signer, verifier, agreement);
  half.s_ = std::move(loaded);
  if (auto rebuilt = half.Rebuild(); !rebuilt) return corrupt(rebuilt.error());
  half.agreed_unheard_ = half.Is(AggregatorPhase::kSurviving);
  return half;
}

// They have served, and of a large cohort they are most of what is kept.
void AggregatorHalf::ForgetShares() {
  s_.shares.clear();
  trees_.clear();
  s_.revealed.clear();
  heads_.clear();
}

Status AggregatorHalf::Rebuild() {
  if (s_.phase >= AggregatorPhase::kOpening) ForgetShares();
  const auto refuse = [] { return Fail(ErrorCode::kCorrupt, "a phase lacks what it stands on"); };
  const uint32_t count = context_.site_count();
  for (const auto& [site, bytes] : s_.advertised) {
    DURE_ASSIGN(auto message, DecodeSigned<Advertise>(bytes));
    if (site >= count || message.body.mask_keys.size() != segments()) return refuse();
    advertised_[site] = std::move(message.body);
  }
  for (const auto& [at, kept] : s_.shares) {
    DURE_ASSIGN(auto head, DecodeSigned<ShareHead>(kept.head));
    if (at.first >= segments() || at.second >= count || kept.entries.size() != count) {
      return refuse();
    }
    heads_[at] = std::move(head);
  }
  bool whole = s_.phase <= AggregatorPhase::kAdvertising ||
               s_.phase >= AggregatorPhase::kFinished || advertised_.size() == count;
  for (const uint32_t site : s_.sharers) {
    for (uint32_t g = 0; g < segments() && s_.phase < AggregatorPhase::kOpening; ++g) {
      whole = whole && heads_.contains({g, site});
    }
  }
  const bool surviving =
      s_.phase >= AggregatorPhase::kSurviving && s_.phase <= AggregatorPhase::kFinished;
  whole = whole && (!surviving || s_.survived.size() == segments());
  for (const auto& [segment, sites] : s_.survived) {
    whole = whole && segment < segments();
    for (const uint32_t site : sites) {
      whole = whole && IsSharer(site) && s_.uploaded.contains({segment, site}) &&
              s_.stored.contains({segment, site});
    }
  }
  for (const auto& [at, shares] : s_.revealed) whole = whole && IsSharer(at.second);
  for (const auto& [segment, result] : s_.results) whole = whole && segment < segments();
  whole = whole && (s_.outcome.empty() || DecodeSigned<Outcome>(s_.outcome).has_value());
  if (s_.phase == AggregatorPhase::kUnmasking) whole = whole && EnoughRevealed();
  if (!whole) return refuse();
  return {};
}

std::vector<AggregatorEffect> AggregatorHalf::Handle(const AggregatorEvent& event) {
  out_.clear();
  if (!Is(AggregatorPhase::kAbandoned) || std::holds_alternative<Begin>(event)) {
    std::visit([this](const auto& one) { On(one); }, event);
  } else if (const auto* late = std::get_if<FromSite>(&event)) {
    OnLate(*late);
  }
  return std::move(out_);
}

void AggregatorHalf::On(const Begin&) {
  if (Is(AggregatorPhase::kNew)) {
    s_.phase = AggregatorPhase::kAdvertising;
    Keep();
  }
  Reemit();
}

void AggregatorHalf::Reemit() {
  if (Is(AggregatorPhase::kAbandoned)) {
    out_.push_back(Abandon{s_.why, s_.missing});
    return;
  }
  for (const uint32_t site : Listeners()) SendPhase(site);
  for (uint32_t g = 0; g < segments() && Is(AggregatorPhase::kUnmasking); ++g) {
    if (!s_.results.contains(g) && !EmitUnmask(g)) return;
  }
  if (!s_.outcome.empty()) {
    out_.push_back(Published{DecodeSigned<Outcome>(s_.outcome).value().body});
  }
  if (Is(AggregatorPhase::kChecking)) EmitMeasures();
  if (Is(AggregatorPhase::kFinished)) {
    Sites missing;
    for (const uint32_t site : AnySurvivors()) {
      if (!s_.checked.contains(site)) missing.push_back(site);
    }
    out_.push_back(Finish{std::move(missing)});
  }
}

void AggregatorHalf::On(const FromSite& event) {
  if (event.site >= context_.site_count()) return;
  const auto message = DecodeMessage(event.message);
  if (!message) return Blame(event.site, Refusal::kSchema, message.error().message);
  std::visit([&](const auto& one) { OnMessage(event.site, one); }, *message);
}

// Who else complains, and of whom, is heard when the attempt is over.
void AggregatorHalf::OnLate(const FromSite& event) {
  const auto message = DecodeMessage(event.message);
  if (event.site >= context_.site_count() || !message) return;
  if (const auto* complaint = std::get_if<Signed<Complaint>>(&*message)) {
    OnMessage(event.site, *complaint);
  }
}

void AggregatorHalf::On(const SiteConnected& event) {
  if (event.site < context_.site_count()) SendPhase(event.site);
}

void AggregatorHalf::On(const Stored& event) {
  if (s_.phase > AggregatorPhase::kUploading || !IsSharer(event.site)) return;
  if (event.segment >= segments()) return;
  s_.stored[{event.segment, event.site}] = {event.payload, event.bytes};
  AdvanceUploading(false);
}

void AggregatorHalf::On(const PhaseOverdue&) {
  switch (s_.phase) {
    case AggregatorPhase::kAdvertising:
      return GiveUp("not all sites advertised keys", Awaited());
    case AggregatorPhase::kSharing:
      return AdvanceSharing(true);
    case AggregatorPhase::kAgreeing:
      return GiveUp("not all sites agreed on the shares", Awaited());
    case AggregatorPhase::kUploading:
      return AdvanceUploading(true);
    case AggregatorPhase::kSurviving:
      return GiveUp("too few sites agreed on the survivors", {});
    case AggregatorPhase::kRevealing:
      return GiveUp("too few sites gave their shares", {});
    case AggregatorPhase::kOpening:
      return AdvanceOpening(true);
    case AggregatorPhase::kChecking:
      return AdvanceChecking(true);
    default:
      return;
  }
}

void AggregatorHalf::On(const OpenAgain&) {
  if (!Is(AggregatorPhase::kAdvertising)) return;
  for (uint32_t site = 0; site < context_.site_count(); ++site) {
    if (s_.advertised.contains(site)) continue;
    out_.push_back(Send{site, EncodeMessage(Open{s_.context})});
  }
}

void AggregatorHalf::On(const SegmentUnmasked& event) {
  if (!Is(AggregatorPhase::kUnmasking) || event.segment >= segments()) return;
  if (!event.exact) {
    return GiveUp("a sum is beyond what its sites can reach: a contribution was not made as agreed",
                  {});
  }
  s_.results[event.segment] = {event.planes, event.scalars};
  AdvanceUnmasking();
}

void AggregatorHalf::On(const SegmentMeasured& event) {
  if (!Is(AggregatorPhase::kChecking) || event.segment >= segments()) return;
  measured_[event.segment] = event.product;
  AdvanceChecking(false);
}

Sites AggregatorHalf::survivors(uint32_t segment) const {
  const auto found = s_.survived.find(segment);
  return found == s_.survived.end() ? Sites{} : found->second;
}

bool AggregatorHalf::may_be_released() const {
  if (s_.phase == AggregatorPhase::kSurviving) {
    return agreed_unheard_ || s_.agreed2.size() + 1 >= context_.threshold;
  }
  return s_.phase >= AggregatorPhase::kRevealing && s_.phase <= AggregatorPhase::kFinished;
}

AggregatorHalf::Release AggregatorHalf::release() const {
  Release release{may_be_released(), s_.survivors, {}};
  for (const uint32_t i : survivors(0)) release.sites.push_back(context_.seats[i].site);
  return release;
}

bool AggregatorHalf::IsSharer(uint32_t site) const {
  return std::binary_search(s_.sharers.begin(), s_.sharers.end(), site);
}

Sites AggregatorHalf::Listeners() const {
  return s_.phase <= AggregatorPhase::kSharing ? AllOf(context_.seats) : s_.sharers;
}

Sites AggregatorHalf::AnySurvivors() const {
  std::set<uint32_t> any;
  for (const auto& [segment, sites] : s_.survived) any.insert(sites.begin(), sites.end());
  return {any.begin(), any.end()};
}

void AggregatorHalf::SendEach(uint32_t to, const std::map<uint32_t, Bytes>& messages) {
  for (const auto& [from, bytes] : messages) out_.push_back(Send{to, bytes});
}

void AggregatorHalf::SendAll(const Bytes& message) {
  for (const uint32_t site : Listeners()) out_.push_back(Send{site, message});
}

const MerkleTree& AggregatorHalf::TreeOf(const SegmentSite& dealer) {
  const auto found = trees_.find(dealer);
  if (found != trees_.end()) return found->second;
  return trees_.emplace(dealer, MerkleTree(LeavesOf(s_.shares.at(dealer).entries))).first->second;
}

void AggregatorHalf::SendDeliveries(uint32_t to) {
  for (const uint32_t from : s_.sharers) {
    for (uint32_t g = 0; g < segments() && from != to && IsSharer(to); ++g) {
      const KeptShares& kept = s_.shares.at({g, from});
      out_.push_back(Send{
          to, EncodeMessage(Delivery{kept.head, kept.entries[to], TreeOf({g, from}).PathOf(to)})});
    }
  }
  out_.push_back(Send{to, EncodeMessage(Sharers{context_id_, s_.sharers})});
}

void AggregatorHalf::SendSurvivors(uint32_t to) {
  for (const auto& [segment, sites] : s_.survived) {
    Survivors message{segment, {}};
    for (const uint32_t site : sites) message.uploads.push_back(s_.uploaded.at({segment, site}));
    out_.push_back(Send{to, EncodeMessage(message)});
  }
}

// Also what earlier phases ended with, as far as the site may lack it: it may have been lost, and
// the others, who are enough for most phases, have gone on.
void AggregatorHalf::SendPhase(uint32_t site) {
  using Phase = AggregatorPhase;
  if (IsWithin(Phase::kAdvertising, Phase::kSharing)) {
    out_.push_back(Send{site, EncodeMessage(Open{s_.context})});
  }
  if (IsWithin(Phase::kSharing, Phase::kAgreeing)) SendEach(site, s_.advertised);
  if (IsWithin(Phase::kAgreeing, Phase::kUploading)) SendDeliveries(site);
  if (IsWithin(Phase::kUploading, Phase::kSurviving)) SendEach(site, s_.agreed1);
  const bool opened = s_.opened.contains(site);
  if (IsWithin(Phase::kSurviving, Phase::kChecking) && !opened) {
    SendSurvivors(site);
    SendEach(site, s_.agreed2);
  }
  if (IsWithin(Phase::kOpening, Phase::kFinished)) out_.push_back(Send{site, s_.outcome});
  if (IsWithin(Phase::kChecking, Phase::kFinished)) Answer(site, Phase::kOpening);
}

void AggregatorHalf::Answer(uint32_t site, AggregatorPhase said) {
  using Phase = AggregatorPhase;
  switch (said) {
    case Phase::kAdvertising:
      if (IsWithin(Phase::kSharing, Phase::kAgreeing)) SendEach(site, s_.advertised);
      return;
    case Phase::kSharing:
      if (!IsWithin(Phase::kAgreeing, Phase::kChecking)) return;
      if (!IsSharer(site) || !s_.agreed1.contains(site)) SendDeliveries(site);
      return;
    case Phase::kAgreeing:
      if (IsWithin(Phase::kUploading, Phase::kSurviving)) SendEach(site, s_.agreed1);
      return;
    case Phase::kUploading:
      if (!IsWithin(Phase::kSurviving, Phase::kChecking) || s_.opened.contains(site)) return;
      SendSurvivors(site);
      return SendEach(site, s_.agreed2);
    case Phase::kSurviving:
      if (!IsWithin(Phase::kSurviving, Phase::kChecking) || s_.opened.contains(site)) return;
      return SendEach(site, s_.agreed2);
    case Phase::kRevealing:
      if (!s_.outcome.empty()) out_.push_back(Send{site, s_.outcome});
      return;
    case Phase::kOpening:
      if (!s_.openings.empty()) out_.push_back(Send{site, s_.openings});
      return SendEach(site, s_.checked);
    case Phase::kChecking:
      return SendEach(site, s_.checked);
    default:
      return;
  }
}

void AggregatorHalf::Blame(uint32_t site, Refusal rule, std::string why) {
  if (++blames_[site] > kBlamesMax) return;
  out_.push_back(Culprit{site, {rule, std::move(why), site}});
}

void AggregatorHalf::GiveUp(std::string why, Sites missing) {
  // What sites uploaded stays masked: nobody but they could undo it, and they will not.
  State ended;
  ended.phase = AggregatorPhase::kAbandoned;
  ended.context = std::move(s_.context);
  ended.why = why;
  ended.missing = missing;
  s_ = std::move(ended);
  heads_.clear();
  trees_.clear();
  measured_.clear();
  Keep();
  out_.push_back(Abandon{std::move(why), std::move(missing)});
}

Header AggregatorHalf::OwnHeader() const {
  return {context_id_, context_.round, context_.attempt, kAggregator};
}

}  // namespace dure::masking
