#include "federation/masking/schedule.h"

#include <algorithm>
#include <string>

#include "federation/canonical.h"
#include "federation/check.h"
#include "federation/masking/expand.h"
#include "federation/masking/inner_product.h"

namespace dure::masking {
namespace {

Bytes Prefixed(std::string_view label, ByteView fields) {
  Bytes bytes = ToBytes("dure-masking-1/" + std::string(label));
  bytes.push_back(0);
  bytes.insert(bytes.end(), fields.begin(), fields.end());
  return bytes;
}

Bytes Numbers(std::initializer_list<uint32_t> numbers) {
  CanonicalWriter writer;
  for (const uint32_t number : numbers) writer.U32(number);
  return writer.Take();
}

Secret ExpandSecret(const Secret& from, const Digest& salt, std::string_view label,
                    ByteView fields) {
  Secret secret;
  Expand(from.View(), salt.View(), Prefixed(label, fields), secret.bytes);
  return secret;
}

StreamKey ExpandStream(ByteView from, ByteView salt, std::string_view label, ByteView fields) {
  std::array<uint8_t, 40> bytes;
  Expand(from, salt, Prefixed(label, fields), bytes);
  StreamKey key;
  std::copy_n(bytes.begin(), 32, key.key.bytes.begin());
  std::copy_n(bytes.begin() + 32, 8, key.nonce.begin());
  ::explicit_bzero(bytes.data(), bytes.size());
  return key;
}

void PutSites(CanonicalWriter& writer, const Sites& sites) {
  writer.U32(static_cast<uint32_t>(sites.size()));
  for (const uint32_t site : sites) writer.U32(site);
}

}  // namespace

Digest Labelled(std::string_view label, ByteView fields) { return Sha256(Prefixed(label, fields)); }

Secret OwnSecret(const Secret& seed, const Digest& context, std::string_view label,
                 uint32_t segment) {
  return ExpandSecret(seed, context, label, Numbers({segment}));
}

Bytes OwnCoefficients(const Secret& seed, const Digest& context, SecretKind kind, uint32_t segment,
                      uint32_t threshold) {
  Bytes coefficients(size_t{32} * (threshold - 1));
  if (coefficients.empty()) return coefficients;
  Expand(seed.View(), context.View(),
         Prefixed("own/coefficients", Numbers({static_cast<uint32_t>(kind), segment})),
         coefficients);
  return coefficients;
}

Digest RosterTranscript(const Digest& context, std::span<const Digest> advertisements) {
  CanonicalWriter writer;
  writer.Raw32(context).U32(static_cast<uint32_t>(advertisements.size()));
  for (const Digest& one : advertisements) writer.Raw32(one);
  return Labelled("roster", writer.bytes());
}

Digest ShareTranscript(const Digest& roster, const Sites& shared, std::span<const Digest> heads) {
  CanonicalWriter writer;
  writer.Raw32(roster);
  PutSites(writer, shared);
  for (const Digest& one : heads) writer.Raw32(one);
  return Labelled("shares", writer.bytes());
}

Digest SurvivorTranscript(const Digest& shares, std::span<const SegmentSurvivors> segments) {
  CanonicalWriter writer;
  writer.Raw32(shares).U32(static_cast<uint32_t>(segments.size()));
  for (const SegmentSurvivors& segment : segments) {
    DURE_CHECK(segment.sites.size() == segment.uploads.size(), "one statement a survivor");
    PutSites(writer, segment.sites);
    for (const Digest& one : segment.uploads) writer.Raw32(one);
  }
  return Labelled("survivors", writer.bytes());
}

Digest ResultTranscript(const Digest& survivors, const Digest& result,
                        std::span<const Digest> openings) {
  CanonicalWriter writer;
  writer.Raw32(survivors).Raw32(result).U32(static_cast<uint32_t>(openings.size()));
  for (const Digest& one : openings) writer.Raw32(one);
  return Labelled("result", writer.bytes());
}

Secret SealKey(const Secret& agreed, const Digest& roster, const ShareRoute& route) {
  return ExpandSecret(agreed, roster, "seal", Numbers({route.segment, route.from, route.to}));
}

Bytes SealAssociated(const Digest& roster, const ShareRoute& route) {
  CanonicalWriter writer;
  writer.Raw32(roster).U32(route.segment).U32(route.from).U32(route.to);
  return writer.Take();
}

Digest ShareCommitment(SecretKind kind, const ShareRoute& route, const Secret& share) {
  Bytes fields = Numbers({static_cast<uint32_t>(kind), route.segment, route.from, route.to});
  fields.insert(fields.end(), share.bytes.begin(), share.bytes.end());
  const Digest commitment = Labelled("share", fields);
  ::explicit_bzero(fields.data(), fields.size());
  return commitment;
}

Digest SelfCommitment(const Digest& context, uint32_t segment, uint32_t site, const Secret& self) {
  CanonicalWriter writer;
  writer.Raw32(context).U32(segment).U32(site).Raw32({self.bytes});
  return Labelled("self-commitment", writer.bytes());
}

Digest NonceCommitment(const Digest& context, uint32_t site, const Secret& nonce) {
  CanonicalWriter writer;
  writer.Raw32(context).U32(site).Raw32({nonce.bytes});
  return Labelled("nonce-commitment", writer.bytes());
}

Pair PairOf(uint32_t segment, uint32_t a, uint32_t b) {
  return {segment, std::min(a, b), std::max(a, b)};
}

StreamKey PairMask(const Secret& agreed, const Digest& shares, const Pair& pair) {
  return ExpandStream(agreed.View(), shares.View(), "mask",
                      Numbers({pair.segment, pair.low, pair.high}));
}

StreamKey SelfMask(const Secret& self, const Digest& shares, uint32_t segment, uint32_t site) {
  return ExpandStream(self.View(), shares.View(), "self", Numbers({segment, site}));
}

StreamKey CheckCoefficients(const Digest& result, uint32_t segment) {
  return ExpandStream(result.View(), {}, "coefficients", Numbers({segment}));
}

uint64_t PairCheckMask(const Secret& agreed, const Digest& result, const Pair& pair) {
  uint64_t words[2];
  Expand(agreed.View(), result.View(),
         Prefixed("check", Numbers({pair.segment, pair.low, pair.high})),
         {reinterpret_cast<uint8_t*>(words), sizeof words});
  // 128 bits modulo p: far closer to uniform than the check's own 2^-61. 2^64 is 8 modulo p.
  const auto wide = static_cast<unsigned __int128>(FieldOf(words[1])) * 8 + FieldOf(words[0]);
  return static_cast<uint64_t>(wide % kFieldPrime);
}

}  // namespace dure::masking
