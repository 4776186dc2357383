// DSSE envelopes (DSSE v1): how an entry carries a statement and its signature. Pure, for any
// thread.
//
// The application is handed the very bytes that were verified; the key id is an unauthenticated
// hint.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "federation/signer.h"

namespace dure::ledger {

inline constexpr std::string_view kInTotoPayloadType = "application/vnd.in-toto+json";

struct EnvelopeSignature {
  std::string key_id;
  Bytes signature;
  bool operator==(const EnvelopeSignature&) const = default;
};

struct Envelope {
  std::string payload_type;
  Bytes payload;
  std::vector<EnvelopeSignature> signatures;
  bool operator==(const Envelope&) const = default;
};

// "DSSEv1" SP len(type) SP type SP len(payload) SP payload
Bytes PreAuthenticationEncoding(std::string_view payload_type, ByteView payload);

// The envelope's JSON, signed by one key.
Bytes SealEnvelope(std::string_view payload_type, ByteView payload, std::string_view key_id,
                   const Signer& signer);
// kInvalid: over kEntryBytesMax, not JSON, a repeated key, a missing or mistyped field, no or over
// 16 signatures.
Result<Envelope> ParseEnvelope(ByteView json);
// The same for any spelling, as ParseEnvelope does for all but the usual one. Of this room and its
// fuzzer: the two must never differ.
Result<Envelope> ParseEnvelopeJson(ByteView json);
// True if some signature of the envelope is by `key`.
bool SignedBy(const Envelope& envelope, const PublicKey& key, const Verifier& verifier);

}  // namespace dure::ledger
