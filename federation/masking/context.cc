#include "federation/masking/context.h"

#include <algorithm>
#include <set>

#include "federation/check.h"
#include "federation/codec/lane.h"
#include "federation/masking/fields.h"
#include "federation/masking/schedule.h"

namespace dure::masking {
namespace {

uint64_t SegmentsOf(const Agreed& agreed) {
  return (agreed.parameter_count + agreed.segment_parameters - 1) / agreed.segment_parameters;
}

Objection CheckSeats(const Context& context, const Pinned& pinned) {
  for (uint32_t i = 0; i < context.site_count(); ++i) {
    const Seat& seat = context.seats[i];
    if (std::find(pinned.admitted.begin(), pinned.admitted.end(), seat) == pinned.admitted.end()) {
      return Refused{Refusal::kIdentity,
                     seat.site.str() +
                         " is not admitted, or not with this member, key and batch; the cohort may "
                         "hold admitted sites only",
                     i};
    }
  }
  if (!context.IndexOf(pinned.self)) {
    return Refused{Refusal::kIdentity, "the cohort leaves this site out", kAggregator};
  }
  return {};
}

// Who may collude is reckoned of the cohort, so it is not for one side to make it smaller.
Objection CheckRecorded(const Context& context, const Pinned& pinned) {
  const auto opened = [&pinned](const Seat& seat) {
    return std::ranges::binary_search(pinned.cohort, seat.site);
  };
  const auto seated = std::ranges::count_if(pinned.admitted, opened);
  if (seated != context.site_count() || !std::ranges::all_of(context.seats, opened)) {
    return Refused{Refusal::kCohort,
                   "the cohort of " + std::to_string(context.site_count()) +
                       " sites is not the one that the record opened the round with",
                   kAggregator};
  }
  if (context.site_count() < pinned.sites_min) {
    return Refused{Refusal::kCohort,
                   "the cohort holds " + std::to_string(context.site_count()) +
                       " sites; the run asks for " + std::to_string(pinned.sites_min),
                   kAggregator};
  }
  return {};
}

}  // namespace

Result<Context> Context::Parse(ByteView bytes) {
  Context context;
  Get get(bytes);
  get(context);
  DURE_TRY(get.Done("a round context"));
  DURE_TRY(context.Check());
  return context;
}

Bytes Context::Canonical() const {
  Put put;
  put(*this);
  return put.Take();
}

Digest Context::Id() const { return Labelled("context", Canonical()); }

uint32_t Context::segment_count() const { return static_cast<uint32_t>(SegmentsOf(agreed)); }

uint64_t Context::SegmentFirst(uint32_t segment) const {
  return segment * agreed.segment_parameters;
}

WordLayout Context::SegmentLayout(uint32_t segment) const {
  DURE_CHECK(segment < segment_count(), "a segment lies in the vector");
  const uint64_t count =
      std::min(agreed.segment_parameters, agreed.parameter_count - SegmentFirst(segment));
  return WordLayout::Make(agreed.lane_max, site_count(), count).value();
}

Quorum QuorumOf(const Context& context) {
  Quorum quorum{{}, context.threshold, context.agreed.corrupt_max};
  for (const Seat& seat : context.seats) quorum.cohort.push_back(seat.site);
  return quorum;
}

std::optional<uint32_t> Context::IndexOf(const SiteId& site) const {
  for (uint32_t i = 0; i < site_count(); ++i) {
    if (seats[i].site == site) return i;
  }
  return std::nullopt;
}

Status Context::Check() const {
  const auto refuse = [](const std::string& why) {
    return Fail(ErrorCode::kInvalid, "a round context " + why);
  };
  const uint64_t per_segment = agreed.segment_parameters;
  if (per_segment == 0 || per_segment % codec::kSegmentParameters != 0 ||
      per_segment > kSegmentParametersMax) {
    return refuse("has segments of no whole number of 2^20 parameters");
  }
  if (agreed.parameter_count == 0 || agreed.parameter_count > limits::kParameterCountMax ||
      SegmentsOf(agreed) > kSegmentsMax) {
    return refuse("has no parameters or too many");
  }
  if (agreed.federation.empty() || agreed.federation.size() > limits::kNameBytesMax) {
    return refuse("names no federation");
  }
  if (round.value > limits::kRoundsMax || attempt > limits::kRoundsMax) {
    return refuse("counts beyond all rounds");
  }
  if (seats.size() < 2 || seats.size() > kSitesMax) return refuse("has too few or too many seats");
  std::set<PublicKey> keys;
  for (size_t i = 0; i < seats.size(); ++i) {
    if (i > 0 && !(seats[i - 1].site < seats[i].site)) return refuse("is not in order of sites");
    if (!keys.insert(seats[i].key).second) return refuse("has two seats with one key");
  }
  // What asks for a segment's layout need not ask whether there is one.
  if (auto layout = WordLayout::Make(agreed.lane_max, site_count(), 1); !layout) {
    return refuse("has no layout: " + layout.error().message);
  }
  return {};
}

Objection CheckContext(const Context& context, const Pinned& pinned) {
  const auto refuse = [](Refusal rule, std::string why) {
    return Refused{rule, std::move(why), kAggregator};
  };
  const Agreed& told = context.agreed;
  const Agreed& known = pinned.agreed;
  if (told.policy != known.policy || told.plan != known.plan || told.rules != known.rules ||
      told.corrupt_max != known.corrupt_max || told.privacy != known.privacy) {
    return refuse(Refusal::kPolicyHash,
                  "the round has other rules than this run; it must name the agreed ones");
  }
  if (auto objection = CheckRules(told.rules)) return objection;
  if (told.model != known.model) {
    return refuse(Refusal::kModelChain,
                  "the base is not the model that this site derived from the last aggregate");
  }
  if (told != known) {
    return refuse(Refusal::kContextMismatch,
                  "federation, run, layout, scales, lanes or aggregator differ from what this site "
                  "knows");
  }
  if (context.round > pinned.round_max) {
    return refuse(Refusal::kStale, "its number is " + std::to_string(context.round.value) +
                                       "; the attempts on record came to " +
                                       std::to_string(pinned.round_max.value) + " at most");
  }
  if (auto objection = CheckSeats(context, pinned)) return objection;
  if (auto objection = CheckRecorded(context, pinned)) return objection;
  if (auto objection = CheckThreshold(context.site_count(), context.threshold, told.corrupt_max)) {
    return objection;
  }
  return CheckCohort(told.rules, context.seats);
}

}  // namespace dure::masking
