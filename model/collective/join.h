// How the processes of a gang find each other over TCP: each listens, says where in a folder that
// all of them see, and connects to the ranks below its own.
//
// Both ends of each connection prove that they know the gang's secret, without showing it, before a
// byte of training travels; a stranger's connection is closed. What travels afterwards is neither
// encrypted nor signed: like NCCL's, it is for a cluster's own network (docs/how-to).
//
//   connecting -> accepting   hello: magic, world, rank, nonce
//   accepting -> connecting   nonce, HMAC(secret, "accept" ‖ world ‖ both ranks ‖ both nonces)
//   connecting -> accepting   HMAC(secret, "connect" ‖ the same)
#pragma once

#include <array>
#include <chrono>
#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <vector>

#include "federation/digest.h"
#include "federation/random.h"
#include "federation/result.h"

namespace dure::model::collective {

using GangSecret = std::array<uint8_t, 32>;

struct Rendezvous {
  uint32_t rank = 0;
  uint32_t world = 1;
  std::filesystem::path folder;  // of this gang alone; only its user may look into it
  GangSecret secret{};
  std::string host;  // where the others reach this process: a name or an address of it
  std::chrono::milliseconds patience{120'000};
};

// Connected sockets by rank, -1 for the own; MakeSockets takes them. kUnavailable: not all came in
// time, and who did not; kInvalid: the address cannot be listened on.
Result<std::vector<int>> Join(const Rendezvous& rendezvous, Random& random);

// A new secret in `folder`/secret, readable by its user only; the launcher's part. kUnavailable.
Status WriteSecret(const std::filesystem::path& folder, Random& random);
// kNotFound, kCorrupt; kPermissionDenied: others may read it.
Result<GangSecret> ReadSecret(const std::filesystem::path& folder);

// The first message of a connection, exactly kHelloBytes.
inline constexpr size_t kHelloBytes = 48;
struct Hello {
  uint32_t world = 0;
  uint32_t rank = 0;
  std::array<uint8_t, 32> nonce{};
  bool operator==(const Hello&) const = default;
};
Bytes ToBytes(const Hello& hello);
std::optional<Hello> ParseHello(ByteView bytes);

// RFC 2104 with SHA-256.
Digest HmacSha256(ByteView key, ByteView message);

}  // namespace dure::model::collective
