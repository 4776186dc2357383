#include "federation/masking/site_half.h"

#include <algorithm>

#include "federation/check.h"
#include "federation/masking/inner_product.h"
#include "federation/masking/message_fields.h"

namespace dure::masking {

std::string_view Name(SitePhase phase) {
  static constexpr std::string_view kNames[] = {
      "idle",     "examining", "advertised", "shared",  "agreeing", "masking", "surviving",
      "revealed", "opened",    "checking",   "checked", "accepted", "refused", "left-out"};
  return kNames[static_cast<size_t>(phase)];
}

SiteHalf::SiteHalf(SiteId self, const Signer& signer, const Verifier& verifier,
                   const KeyAgreement& agreement)
    : signer_(&signer), verifier_(&verifier), agreement_(&agreement) {
  s_.self = std::move(self);
}

Bytes SiteHalf::Save() const {
  Put put;
  put(s_);
  return put.Take();
}

Result<SiteHalf> SiteHalf::Load(ByteView state, const Signer& signer, const Verifier& verifier,
                                const KeyAgreement& agreement) {
  SiteHalf half({}, signer, verifier, agreement);
  Get get(state);
  get(half.s_);
  const auto corrupt = [](Error error) {
    error.code = ErrorCode::kCorrupt;
    return Within(std::move(error), "while loading a site's masking state");
  };
  if (auto done = get.Done("the state"); !done) return corrupt(done.error());
  if (auto rebuilt = half.Rebuild(); !rebuilt) return corrupt(rebuilt.error());
  return half;
}

Result<SiteHalf> SiteHalf::TakeOver(ByteView state, Form form, const Signer& signer,
                                    const Verifier& verifier) {
  SiteHalf half({}, signer, verifier);
  Get get(state);
  SitePhase phase = SitePhase::kIdle;
  get(half.s_.self, phase);
  History::Before before{half.s_.history};
  if (form == Form::kHistoryBefore) get(before);
  if (form == Form::kPresentHistory) get(half.s_.history);
  get(half.s_.last);
  if (!get.ok()) return Fail(ErrorCode::kCorrupt, "an older version's state ends too early");
  return half;
}

Status SiteHalf::Rebuild() {
  if (s_.attempt.context.empty()) {
    if (HasBegun() || Is(SitePhase::kExamining)) {
      return Fail(ErrorCode::kCorrupt, "an attempt without its context");
    }
    return {};
  }
  DURE_ASSIGN(context_, Context::Parse(s_.attempt.context));
  context_id_ = context_.Id();
  const auto index = context_.IndexOf(s_.self);
  if (!index) return Fail(ErrorCode::kCorrupt, "an attempt of other sites");
  me_ = *index;
  for (const auto& [site, bytes] : s_.attempt.advertised) {
    DURE_ASSIGN(auto message, DecodeSigned<Advertise>(bytes));
    if (message.body.mask_keys.size() != segments() || site >= context_.site_count()) {
      return Fail(ErrorCode::kCorrupt, "an advertisement of other segments");
    }
    advertised_[site] = std::move(message.body);
  }
  const bool all_advertised = advertised_.size() == context_.site_count();
  if (s_.phase >= SitePhase::kShared && s_.phase <= SitePhase::kChecked && !all_advertised) {
    return Fail(ErrorCode::kCorrupt, "shares without all advertisements");
  }
  for (const uint32_t site : s_.attempt.sharers) {
    if (site >= context_.site_count()) return Fail(ErrorCode::kCorrupt, "no such site");
  }
  if (!s_.attempt.outcome.empty()) {
    DURE_ASSIGN(auto message, DecodeSigned<Outcome>(s_.attempt.outcome));
    outcome_id_ = message.Id();
    outcome_ = std::move(message.body);
  }
  return CheckLoaded();
}

Status SiteHalf::CheckLoaded() const {
  const Attempt& attempt = s_.attempt;
  const bool agreeing = s_.phase >= SitePhase::kAgreeing && HasBegun();
  const bool surviving = s_.phase >= SitePhase::kSurviving && HasBegun();
  const bool checked = Is(SitePhase::kChecked);
  bool whole = (!surviving || attempt.survived.size() == segments()) &&
               (s_.phase < SitePhase::kOpened || !HasBegun() ||
                (outcome_ && outcome_->segments.size() == segments())) &&
               (!checked || attempt.result_products.size() == segments());
  for (uint32_t g = 0; g < segments(); ++g) {
    for (const uint32_t site : attempt.sharers) {
      whole = whole && (!agreeing || attempt.held.contains({g, site}));
    }
    whole = whole && (!surviving || attempt.survived.contains(g)) &&
            (!checked || attempt.result_products.contains(g)) &&
            (attempt.own_products.contains(g) == attempt.result_products.contains(g));
  }
  for (const auto& [segment, payload] : attempt.payloads) whole = whole && segment < segments();
  for (const auto& [segment, bytes] : attempt.payload_bytes) {
    whole = whole && attempt.payloads.contains(segment);
  }
  for (const auto& [segment, survived] : attempt.survived) {
    whole = whole && segment < segments() && survived.sites.size() == survived.uploads.size() &&
            std::includes(attempt.sharers.begin(), attempt.sharers.end(), survived.sites.begin(),
                          survived.sites.end());
  }
  for (const auto& [site, values] : attempt.check_values) {
    whole = whole && values.size() == segments();
  }
  whole = whole && (!checked || attempt.check_values.contains(me_));
  if (whole) return {};
  return Fail(ErrorCode::kCorrupt, "a phase lacks what it stands on");
}

std::vector<SiteEffect> SiteHalf::Handle(const SiteEvent& event) {
  out_.clear();
  std::visit([this](const auto& one) { On(one); }, event);
  return std::move(out_);
}

bool SiteHalf::survives(uint32_t segment) const {
  const auto found = s_.attempt.survived.find(segment);
  return found != s_.attempt.survived.end() &&
         std::binary_search(found->second.sites.begin(), found->second.sites.end(), me_);
}

bool SiteHalf::HasBegun() const {
  return s_.phase >= SitePhase::kAdvertised && s_.phase <= SitePhase::kChecked;
}

void SiteHalf::On(const FromAggregator& event) {
  auto message = DecodeMessage(event.message);
  if (!message) return LeaveAside(Refusal::kSchema, message.error().message, kAggregator);
  const bool opens = std::holds_alternative<Open>(*message);
  if (!opens && !HasBegun()) return;
  std::visit([this](const auto& one) { OnMessage(one); }, *message);
}

void SiteHalf::OnMessage(const Open& message) {
  auto context = Context::Parse(message.context);
  if (!context) return LeaveAside(Refusal::kSchema, context.error().message, kAggregator);
  if (message.context == s_.attempt.context) return On(Resumed{});
  // Late or repeated: that attempt has come to its end here.
  if (Sha256(message.context) == s_.ended) return TellLast();
  Objection objection = s_.history.CheckOpening(context->round, context->attempt);
  if (!objection && s_.last && std::pair(context->round.value, context->attempt) <= *s_.last) {
    objection = Refused{Refusal::kStale, "this attempt or a later one was begun", kAggregator};
  }
  if (objection) {
    // What is under way goes on.
    out_.push_back(RefuseRound{*objection, *std::move(context)});
    return;
  }
  BeginAttempt(*std::move(context), message.context);
}

void SiteHalf::BeginAttempt(Context context, Bytes carried) {
  s_.attempt = {};
  advertised_.clear();
  outcome_.reset();
  context_ = std::move(context);
  context_id_ = context_.Id();
  s_.attempt.context = std::move(carried);
  s_.last_said.clear();
  const auto index = context_.IndexOf(s_.self);
  if (!index) {
    out_.push_back(RefuseRound{{Refusal::kIdentity, "the cohort leaves this site out", kAggregator},
                               context_});
    return EndAttempt(SitePhase::kRefused);
  }
  me_ = *index;
  s_.phase = SitePhase::kExamining;
  Keep();
  out_.push_back(Examine{context_});
}

void SiteHalf::On(const Examined& event) {
  if (!Is(SitePhase::kExamining)) return;
  if (auto objection = CheckContext(context_, event.pinned)) return Refuse(*objection);
  if (auto objection = s_.history.CheckPrevious(context_.previous)) return Refuse(*objection);
  for (const ReleasedSum& sum : event.pinned.recorded) s_.history.Learn(sum);
  for (const Seat& seat : event.pinned.admitted) s_.attempt.members[seat.site] = seat.member;
  s_.attempt.survivors_min = event.pinned.survivors_min;
  s_.attempt.helpers = event.pinned.helpers;
  for (const ReleasedSum& candidate : CohortSums()) {
    if (auto objection = s_.history.CheckReleased(Rule(), candidate, s_.attempt.members, beside_)) {
      return Refuse(*objection);
    }
  }
  s_.attempt.seed = event.seed;
  s_.last = {context_.round.value, context_.attempt};
  s_.phase = SitePhase::kAdvertised;
  Keep();
  TellAdvertise();
}

void SiteHalf::On(const SegmentEncoded& event) {
  if (!Is(SitePhase::kMasking) || event.context != context_id_ || event.segment >= segments()) {
    return;
  }
  const auto [known, fresh] = s_.attempt.payloads.emplace(event.segment, event.payload);
  if (known->second != event.payload) {
    return Refuse(Refusal::kKey,
                  "these masks were put on another update already, and are put on no second one",
                  kNobody);
  }
  if (fresh) Keep();
  out_.push_back(UploadSegment{event.context, event.segment, event.payload});
}

void SiteHalf::On(const SegmentMasked& event) {
  if (!Is(SitePhase::kMasking) || event.context != context_id_) return;
  const auto known = s_.attempt.payloads.find(event.segment);
  if (known == s_.attempt.payloads.end() || known->second != event.payload) return;
  s_.attempt.payload_bytes[event.segment] = event.bytes;
  Keep();
  SaySigned(Uploaded{event.segment, event.payload, event.bytes});
}

void SiteHalf::On(const SumRefused& event) {
  if (Is(SitePhase::kChecking) && event.context == context_id_) Refuse(event.refused);
}

void SiteHalf::On(const SegmentChecked& event) {
  if (!Is(SitePhase::kChecking) || event.context != context_id_ || event.segment >= segments()) {
    return;
  }
  s_.attempt.own_products[event.segment] = FieldOf(event.own);
  s_.attempt.result_products[event.segment] = FieldOf(event.result);
  AdvanceChecking();
}

void SiteHalf::On(const CheckOverdue&) {
  if (Is(SitePhase::kChecked)) AdvanceChecked(true);
}

void SiteHalf::On(const GiveUp&) {
  if (HasBegun() || Is(SitePhase::kExamining)) EndAttempt(SitePhase::kRefused);
}

void SiteHalf::On(const Resumed&) {
  switch (s_.phase) {
    case SitePhase::kExamining:
      out_.push_back(Examine{context_});
      return;
    case SitePhase::kAdvertised:
      return TellAdvertise();
    case SitePhase::kShared:
      TellAdvertise();
      return TellShares();
    case SitePhase::kAgreeing:
      TellShares();
      return SaySigned(Agreement{1, s_.attempt.shares});
    case SitePhase::kMasking:
      SaySigned(Agreement{1, s_.attempt.shares});
      TellUploaded();
      return EmitMasks();
    case SitePhase::kSurviving:
      TellUploaded();
      return SaySigned(Agreement{2, s_.attempt.survivors});
    case SitePhase::kRevealed:
      SaySigned(Agreement{2, s_.attempt.survivors});
      return TellReveals();
    case SitePhase::kOpened:
      TellReveals();
      return TellOpening();
    case SitePhase::kChecking:
      TellOpening();
      return EmitChecks();
    case SitePhase::kChecked:
      TellOpening();
      return TellLast();
    case SitePhase::kAccepted:
    case SitePhase::kRefused:
      // Peers, or an aggregator that died, may lack what this site need not wait for.
      return TellLast();
    default:
      return;
  }
}

bool SiteHalf::waits() const {
  switch (s_.phase) {
    case SitePhase::kMasking:
      return s_.attempt.payload_bytes.size() == segments();
    case SitePhase::kAdvertised:
    case SitePhase::kShared:
    case SitePhase::kAgreeing:
    case SitePhase::kSurviving:
    case SitePhase::kRevealed:
    case SitePhase::kOpened:
    case SitePhase::kChecked:
    case SitePhase::kAccepted:  // peers may wait for what this site said last
      return true;
    default:
      return false;
  }
}

// Of what was said, only what the aggregator need not have: it has answered all before that.
void SiteHalf::On(const SayAgain&) {
  if (!waits()) return;
  switch (s_.phase) {
    case SitePhase::kAdvertised:
      return TellAdvertise();
    case SitePhase::kShared:
      return TellShares();
    case SitePhase::kAgreeing:
      return SaySigned(Agreement{1, s_.attempt.shares});
    case SitePhase::kMasking:
      return TellUploaded();
    case SitePhase::kSurviving:
      return SaySigned(Agreement{2, s_.attempt.survivors});
    case SitePhase::kRevealed:
      // The threshold may have been made up by others' consent.
      SaySigned(Agreement{2, s_.attempt.survivors});
      return TellReveals();
    case SitePhase::kOpened:
      return TellOpening();
    default:
      return TellLast();
  }
}

void SiteHalf::EndAttempt(SitePhase phase) {
  s_.ended = Sha256(s_.attempt.context);
  s_.attempt = {};
  advertised_.clear();
  outcome_.reset();
  s_.phase = phase;
  Keep();
}

void SiteHalf::Refuse(Refusal rule, std::string why, uint32_t accused) {
  if (why.size() > 1024) why.resize(1024);
  out_.push_back(RefuseRound{{rule, why, accused}, context_});
  s_.last_said = Sign(*signer_, OwnHeader(), Complaint{rule, accused, why}).carried;
  EndAttempt(SitePhase::kRefused);
  TellLast();
}

void SiteHalf::LeaveAside(Refusal rule, std::string why, uint32_t accused) {
  out_.push_back(SetAside{{rule, std::move(why), accused}});
}

Header SiteHalf::OwnHeader() const { return {context_id_, context_.round, context_.attempt, me_}; }

template <typename T>
void SiteHalf::SaySigned(T body) {
  Say(Sign(*signer_, OwnHeader(), std::move(body)).carried);
}
template void SiteHalf::SaySigned(Advertise);
template void SiteHalf::SaySigned(Agreement);
template void SiteHalf::SaySigned(Uploaded);
template void SiteHalf::SaySigned(Reveal);
template void SiteHalf::SaySigned(Opening);

}  // namespace dure::masking
