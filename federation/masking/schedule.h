// The key schedule: every hash, key and commitment of the protocol, exactly as docs/reference/
// masking.md writes them, and nowhere else. Pure; any thread.
//
// A labelled hash is SHA-256(label, one zero byte, fields), a derived key HKDF-SHA256 with the
// fields behind label and zero byte as its info; labels begin with "dure-masking-1/", numbers are
// 32-bit little-endian, digests raw.
#pragma once

#include <span>
#include <string_view>
#include <vector>

#include "federation/digest.h"
#include "federation/masking/agreement.h"
#include "federation/masking/cohort.h"
#include "federation/masking/keystream.h"

namespace dure::masking {

Digest Labelled(std::string_view label, ByteView fields);

// A site's own secrets, all from one seed of its own and the context: a restarted site sends the
// same bytes again. `segment` is 0 where there is one for all.
Secret OwnSecret(const Secret& seed, const Digest& context, std::string_view label,
                 uint32_t segment);
inline constexpr std::string_view kSealSecret = "own/seal";    // of share encryption
inline constexpr std::string_view kMaskSecret = "own/mask";    // s: of pairwise masks
inline constexpr std::string_view kSelfSecret = "own/self";    // b: of the own mask
inline constexpr std::string_view kNonceSecret = "own/nonce";  // of the aggregate check

enum class SecretKind : uint8_t { kMask = 1, kSelf = 2 };  // s and b
// threshold - 1 coefficients for sharing one of the two.
Bytes OwnCoefficients(const Secret& seed, const Digest& context, SecretKind kind, uint32_t segment,
                      uint32_t threshold);

// Transcripts
// T1: the context and every advertisement, in roster order, as carried.
Digest RosterTranscript(const Digest& context, std::span<const Digest> advertisements);
// T2: T1, who shared, and their share heads; by site, then segment.
Digest ShareTranscript(const Digest& roster, const Sites& shared, std::span<const Digest> heads);
// T3: T2 and of every segment who survived, with their upload statements.
struct SegmentSurvivors {
  Sites sites;
  std::vector<Digest> uploads;  // of the statements as carried, in the order of the sites
};
Digest SurvivorTranscript(const Digest& shares, std::span<const SegmentSurvivors> segments);
// T4: T3, the result as carried, and the openings as carried, ascending by site.
Digest ResultTranscript(const Digest& survivors, const Digest& result,
                        std::span<const Digest> openings);

// Shares in transit
struct ShareRoute {
  uint32_t segment = 0;
  uint32_t from = 0;  // who shared
  uint32_t to = 0;    // who holds
};
Secret SealKey(const Secret& agreed, const Digest& roster, const ShareRoute& route);
Bytes SealAssociated(const Digest& roster, const ShareRoute& route);
Digest ShareCommitment(SecretKind kind, const ShareRoute& route, const Secret& share);
Digest SelfCommitment(const Digest& context, uint32_t segment, uint32_t site, const Secret& self);
Digest NonceCommitment(const Digest& context, uint32_t site, const Secret& nonce);

// Masks
struct Pair {
  uint32_t segment = 0;
  uint32_t low = 0;  // the lower index of the two
  uint32_t high = 0;
};
Pair PairOf(uint32_t segment, uint32_t a, uint32_t b);
StreamKey PairMask(const Secret& agreed, const Digest& shares, const Pair& pair);
StreamKey SelfMask(const Secret& self, const Digest& shares, uint32_t segment, uint32_t site);

// The aggregate check
StreamKey CheckCoefficients(const Digest& result, uint32_t segment);
// Below 2^61 - 1; the lower index adds it, the higher subtracts it.
uint64_t PairCheckMask(const Secret& agreed, const Digest& result, const Pair& pair);

}  // namespace dure::masking
