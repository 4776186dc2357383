// The fields of each message, in order. For the .cc files of this room.
#pragma once

#include "federation/masking/fields.h"
#include "federation/masking/messages.h"

namespace dure::masking {

inline uint8_t EnumMax(SecretKind) { return static_cast<uint8_t>(SecretKind::kSelf); }
inline uint8_t EnumMax(Refusal) { return static_cast<uint8_t>(Refusal::kSaturation); }

template <typename A>
void Fields(A& a, Header& v) {
  a(v.context, v.round, v.attempt, v.site);
}
template <typename A>
void Fields(A& a, Advertise& v) {
  a(v.seal_key, v.mask_keys, v.nonce, v.released);
}
template <typename A>
void Fields(A& a, ShareHead& v) {
  a(v.roster, v.segment, v.self, v.root);
}
template <typename A>
void Fields(A& a, Agreement& v) {
  a(v.step, v.transcript);
}
template <typename A>
void Fields(A& a, Uploaded& v) {
  a(v.segment, v.payload, v.bytes);
}
template <typename A>
void Fields(A& a, RevealedShare& v) {
  a(v.owner, v.kind, v.share);
}
template <typename A>
void Fields(A& a, Reveal& v) {
  a(v.segment, v.shares);
}
template <typename A>
void Fields(A& a, SegmentResult& v) {
  a(v.planes, v.scalars);
}
template <typename A>
void Fields(A& a, Outcome& v) {
  a(v.survivors, v.segments);
}
template <typename A>
void Fields(A& a, Opening& v) {
  a(v.outcome, v.nonce);
}
template <typename A>
void Fields(A& a, CheckValues& v) {
  a(v.result, v.values);
}
template <typename A>
void Fields(A& a, Complaint& v) {
  a(v.rule, v.accused, v.why);
}
template <typename A>
void Fields(A& a, Open& v) {
  a(v.context);
}
template <typename A>
void Fields(A& a, ShareEntry& v) {
  a(v.sealed, v.mask, v.self);
}
template <typename A>
void Fields(A& a, Shares& v) {
  a(v.head, v.entries);
}
template <typename A>
void Fields(A& a, Delivery& v) {
  a(v.head, v.entry, v.path);
}
template <typename A>
void Fields(A& a, Sharers& v) {
  a(v.context, v.sites);
}
template <typename A>
void Fields(A& a, Survivors& v) {
  a(v.segment, v.uploads);
}
template <typename A>
void Fields(A& a, Openings& v) {
  a(v.openings);
}

}  // namespace dure::masking
