// Cosignatures on tree heads (C2SP tlog-cosignature, Ed25519, key type 0x04): a site's word that at
// a certain time the largest log it had verified, and of which every decision came out the same
// when it decided again, was this one.
//
//   — <cosigner's name> <base64(4-byte key id || 8-byte seconds || 64-byte signature)>
//
// Life: a site's auditor key calls Cosign on a head of its own mirror; the line travels to the
// aggregator, which stores it (Ledger::AddCosignature) and publishes the head with the quorum's
// lines (WithCosignatures); whoever receives such a note calls OpenCosigned. A note with such lines
// still opens with OpenHead, which knows the log's key only. Pure functions, for any thread.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "federation/clock.h"
#include "policy/ledger/tree_head.h"

namespace dure::ledger {

// A named Ed25519 key that co-signs tree heads and nothing else.
struct CosignerKey {
  std::string name;  // of a site: "hospital-a-1/auditor"
  PublicKey key{};

  uint32_t Id() const;  // as NoteKey's, with 0x04
  std::string Vkey() const;
  auto operator<=>(const CosignerKey&) const = default;
  // kInvalid: as NoteKey::Parse, also for a key of another type.
  static Result<CosignerKey> Parse(std::string_view vkey);
  static Result<CosignerKey> Make(std::string name, const PublicKey& key);
};

struct Cosignature {
  std::string cosigner;  // the key's name
  uint32_t key_id = 0;
  uint64_t seconds = 0;  // POSIX, by the cosigner's own clock
  Signature signature{};

  std::string Line() const;  // as a note carries it, with its newline
  bool operator==(const Cosignature&) const = default;
  // `line` with or without its newline. kInvalid: malformed, or no cosignature (another length).
  static Result<Cosignature> Parse(std::string_view line);
};

inline constexpr size_t kCosignatureLineBytesMax = 512;

// REQUIRES: signer.Key() == key.key, and the caller has verified and replayed the log up to `head`
// and made that durable: a cosignature cannot be taken back.
Cosignature Cosign(const TreeHead& head, const CosignerKey& key, const Signer& signer,
                   WallTime now);
// False unless the cosignature is by `key` over exactly this head.
bool VerifyCosignature(const TreeHead& head, const Cosignature& cosignature, const CosignerKey& key,
                       const Verifier& verifier);

// The note with these lines behind its own, in the order given.
std::string WithCosignatures(std::string_view note, const std::vector<Cosignature>& cosignatures);

struct CosignedHead {
  SignedHead head;                        // its note holds the log's own signature alone
  std::vector<Cosignature> cosignatures;  // by known cosigners, each once, in line order

  std::string Note() const { return WithCosignatures(head.note, cosignatures); }
};
// A head's note with cosignatures of `known` cosigners; lines of others are ignored. kInvalid,
// kUnauthenticated as OpenHead; kUnauthenticated also when a known cosigner's line does not verify:
// then the whole note falls.
Result<CosignedHead> OpenCosigned(std::string_view note, const NoteKey& log_key,
                                  const std::vector<CosignerKey>& known, const Verifier& verifier);

}  // namespace dure::ledger
