// Certificates as this consortium makes them: read, put into PEM and back, and checked up to the
// root.
#pragma once

#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "federation/clock.h"
#include "federation/digest.h"
#include "federation/identity/subject.h"
#include "federation/signer.h"

namespace dure::identity {

inline constexpr size_t kChainBytesMax =
    16 * 1024;  // leaf, issuing CA and root take about 3 KiB in PEM
inline constexpr size_t kChainLengthMax = 4;

enum class Purpose : uint8_t { kTlsClient, kTlsServer, kSigning };

// What a leaf certificate says. Nothing of it is true before VerifyChain.
struct Leaf {
  Subject subject;
  Purpose purpose = Purpose::kTlsClient;
  std::string serial;  // lower-case hex
  WallTime not_before;
  WallTime not_after;
  Digest key_fingerprint;                // SHA-256 of the SubjectPublicKeyInfo
  std::optional<PublicKey> signing_key;  // of a signing certificate
  std::vector<std::string> hosts;        // DNS names and IP addresses of a server certificate
};

// kInvalid: not DER of a leaf as issue.h makes them. Total.
Result<Leaf> ReadLeaf(ByteView der);

std::string PemOf(ByteView certificate_der);
std::string PemOf(std::span<const Bytes> certificate_ders);
// Every certificate in the text, in order. kInvalid: none, too many, too long, or one is malformed.
Result<std::vector<Bytes>> DersOf(std::string_view pem);

// That `leaf` leads to `root` through `between`, at `now`. kUnauthenticated: "malformed
// certificate", "foreign CA", "expired" or "not yet valid", with the time.
Status VerifyChain(ByteView leaf, std::span<const Bytes> between, ByteView root, WallTime now);

}  // namespace dure::identity
