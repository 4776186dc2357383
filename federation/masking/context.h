// The context of one masked round: everything that its members must agree on before a key is used.
//
// Its digest is in every signature and, through the transcripts, in every key: two sites that were
// told different things have masks that do not cancel, on top of the refusal that they notice.
// Plain values; pure.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "federation/limits.h"
#include "federation/masking/cohort.h"
#include "federation/masking/history.h"
#include "federation/masking/words.h"

namespace dure::masking {

// When a site is lost, what one segment holds is lost and not the whole vector. 2^28 parameters
// are two seconds of a fast line.
inline constexpr uint64_t kSegmentParameters = uint64_t{1} << 28;
// All sizes, offsets and stream positions are 64 bits: one segment may be any model.
inline constexpr uint64_t kSegmentParametersMax = limits::kParameterCountMax;
// An outcome, 64 bytes a segment, stays under limits::kControlMessageBytesMax.
inline constexpr uint64_t kSegmentsMax = 512;

// What is summed, and by which rules. Sites know all of it by themselves.
struct Agreed {
  std::string federation;  // the consortium
  RunId run;
  Digest policy;   // the rules in force
  Digest plan;     // of the run: its manifest
  Digest schema;   // the layout of the flat vector
  Digest model;    // the base, as derived by each site
  Digest scales;   // of the quantiser
  Digest privacy;  // clipping and noise of the sites; zero: none
  int32_t lane_max = 127;
  uint64_t parameter_count = 0;
  uint64_t segment_parameters = kSegmentParameters;  // a multiple of 2^20
  CohortRules rules;
  uint32_t corrupt_max = 0;  // f: colluding sites that must be withstood
  PublicKey aggregator{};
  bool operator==(const Agreed&) const = default;
};

struct Context {
  Agreed agreed;
  RoundNumber round;
  uint32_t attempt = 0;
  uint32_t threshold = 0;
  std::optional<Released> previous;  // the last round whose sum was released
  std::vector<Seat> seats;           // the cohort, ascending by site

  // kInvalid: not one context in its one form: order, bounds, a key twice, lanes whose sum has no
  // room.
  static Result<Context> Parse(ByteView bytes);
  Bytes Canonical() const;
  Digest Id() const;  // what is signed

  uint32_t site_count() const { return static_cast<uint32_t>(seats.size()); }
  uint32_t segment_count() const;
  uint64_t SegmentFirst(uint32_t segment) const;  // in the flat vector
  // REQUIRES: segment < segment_count(), the context passed Check.
  WordLayout SegmentLayout(uint32_t segment) const;
  std::optional<uint32_t> IndexOf(const SiteId& site) const;

  Status Check() const;  // what Parse checks beyond the form
};

Quorum QuorumOf(const Context& context);

// Compares a context with what a site knows: kPolicyHash, kModelChain, kContextMismatch, kIdentity
// (a seat that is not among `admitted`, or under another key, member or batch; this site
// missing), kThreshold, kCohort (too few, or others than the record has), kStale (a number beyond
// all that were used).
struct Pinned {
  Agreed agreed;
  SiteId self;
  std::vector<Seat> admitted;  // every site of the consortium that may be in a cohort
  // The sums of this run that the record names, also those that this site had no part in: with two
  // of them a third may show somebody whom none of them shows.
  std::vector<ReleasedSum> recorded = {};
  // Whom the record opened this attempt with; ascending. Of them, everybody with a seat is in.
  std::vector<SiteId> cohort = {};
  uint32_t sites_min = 0;      // the fewest that a cohort of the run has
  uint32_t survivors_min = 0;  // the fewest that a sum of the run is over: its quorum
  uint32_t helpers = 0;        // sites that may help the aggregator in any round (CorruptMaxOf)
  // The highest number that the attempts of this run, as the record has them, may have come to.
  RoundNumber round_max = {limits::kRoundsMax};
};
Objection CheckContext(const Context& context, const Pinned& pinned);

template <typename A>
void Fields(A& a, Released& v) {
  a(v.round, v.transcript);
}
template <typename A>
void Fields(A& a, ReleasedSum& v) {
  a(v.segment, v.sites);
}
template <typename A>
void Fields(A& a, CohortRules& v) {
  a(v.members_min, v.survivors_permille, v.batch_members, v.forbid_differences);
}
template <typename A>
void Fields(A& a, Seat& v) {
  a(v.site, v.member, v.key, v.batch);
}
template <typename A>
void Fields(A& a, Agreed& v) {
  a(v.federation, v.run, v.policy, v.plan, v.schema, v.model, v.scales, v.privacy, v.lane_max,
    v.parameter_count, v.segment_parameters, v.rules, v.corrupt_max, v.aggregator);
}
template <typename A>
void Fields(A& a, Context& v) {
  a(v.agreed, v.round, v.attempt, v.threshold, v.previous, v.seats);
}

}  // namespace dure::masking
