#include "policy/ledger/cosign.h"

#include <algorithm>
#include <optional>

#include "federation/check.h"
#include "policy/ledger/note_lines.h"

namespace dure::ledger {
namespace {

constexpr size_t kTimeBytes = 8;
constexpr size_t kSignatureBytes = sizeof(Signature);

// C2SP tlog-cosignature: the text that an Ed25519 cosignature covers.
std::string SignedText(const TreeHead& head, uint64_t seconds) {
  return "cosignature/v1\ntime " + std::to_string(seconds) + "\n" + head.Text();
}

SignatureLine LineOf(const Cosignature& cosignature) {
  SignatureLine line{cosignature.cosigner, cosignature.key_id, {}};
  for (size_t i = 0; i < kTimeBytes; ++i) {
    line.signature.push_back(static_cast<uint8_t>(cosignature.seconds >> (8 * (7 - i))));
  }
  line.signature.insert(line.signature.end(), cosignature.signature.begin(),
                        cosignature.signature.end());
  return line;
}

// nullopt: the line is some other signature.
std::optional<Cosignature> CosignatureIn(const SignatureLine& line) {
  if (line.signature.size() != kTimeBytes + kSignatureBytes) return std::nullopt;
  Cosignature cosignature{line.name, line.id, 0, {}};
  for (size_t i = 0; i < kTimeBytes; ++i) {
    cosignature.seconds = cosignature.seconds << 8 | line.signature[i];
  }
  std::copy(line.signature.begin() + kTimeBytes, line.signature.end(),
            cosignature.signature.begin());
  return cosignature;
}

bool Names(const Cosignature& cosignature, const CosignerKey& key) {
  return cosignature.cosigner == key.name && cosignature.key_id == key.Id();
}

}  // namespace

uint32_t CosignerKey::Id() const { return KeyIdOf(name, KeyType::kCosigner, key); }

std::string CosignerKey::Vkey() const { return VkeyOf(name, KeyType::kCosigner, key); }

Result<CosignerKey> CosignerKey::Make(std::string name, const PublicKey& key) {
  DURE_ASSIGN(NamedKey named, NameKey(std::move(name), key));
  return CosignerKey{std::move(named.name), named.key};
}

Result<CosignerKey> CosignerKey::Parse(std::string_view vkey) {
  DURE_ASSIGN(NamedKey named, ParseVkey(vkey, KeyType::kCosigner));
  return CosignerKey{std::move(named.name), named.key};
}

std::string Cosignature::Line() const { return LineOf(*this).Text(); }

Result<Cosignature> Cosignature::Parse(std::string_view line) {
  if (line.size() > kCosignatureLineBytesMax) {
    return Fail(ErrorCode::kInvalid, "the cosignature's line is too long");
  }
  if (line.ends_with('\n')) line.remove_suffix(1);
  DURE_ASSIGN(const SignatureLine parsed, SignatureLine::Parse(line));
  std::optional<Cosignature> cosignature = CosignatureIn(parsed);
  if (!cosignature) {
    return Fail(ErrorCode::kInvalid, "the line by " + parsed.name + " is no cosignature");
  }
  return std::move(*cosignature);
}

Cosignature Cosign(const TreeHead& head, const CosignerKey& key, const Signer& signer,
                   WallTime now) {
  DURE_CHECK(signer.Key() == key.key, "the signer holds the named key");
  const auto since = std::chrono::duration_cast<std::chrono::seconds>(now.time_since_epoch());
  Cosignature cosignature{key.name, key.Id(), 0, {}};
  cosignature.seconds = since.count() > 0 ? static_cast<uint64_t>(since.count()) : 0;
  cosignature.signature = signer.SignRaw(AsBytes(SignedText(head, cosignature.seconds)));
  return cosignature;
}

bool VerifyCosignature(const TreeHead& head, const Cosignature& cosignature, const CosignerKey& key,
                       const Verifier& verifier) {
  return Names(cosignature, key) &&
         verifier.VerifyRaw(key.key, AsBytes(SignedText(head, cosignature.seconds)),
                            cosignature.signature);
}

std::string WithCosignatures(std::string_view note, const std::vector<Cosignature>& cosignatures) {
  std::string whole(note);
  for (const Cosignature& cosignature : cosignatures) whole += cosignature.Line();
  return whole;
}

Result<CosignedHead> OpenCosigned(std::string_view note, const NoteKey& log_key,
                                  const std::vector<CosignerKey>& known, const Verifier& verifier) {
  CosignedHead opened;
  DURE_ASSIGN(opened.head, OpenHead(note, log_key, verifier));
  DURE_ASSIGN(const NoteParts parts, SplitNote(note));
  opened.head.note = std::string(parts.text) + "\n";
  for (const SignatureLine& line : parts.lines) {
    // OpenHead has checked every line of this name and id.
    if (line.name == log_key.name && line.id == log_key.Id()) {
      opened.head.note += line.Text();
      continue;
    }
    const auto key = std::find_if(known.begin(), known.end(), [&](const CosignerKey& one) {
      return line.name == one.name && line.id == one.Id();
    });
    if (key == known.end()) continue;
    const auto cosignature = CosignatureIn(line);
    if (!cosignature || !VerifyCosignature(opened.head.head, *cosignature, *key, verifier)) {
      return Fail(ErrorCode::kUnauthenticated, "the cosignature by " + key->name + " is wrong");
    }
    const bool again = std::any_of(opened.cosignatures.begin(), opened.cosignatures.end(),
                                   [&](const Cosignature& one) { return Names(one, *key); });
    if (!again) opened.cosignatures.push_back(*cosignature);
  }
  return opened;
}

}  // namespace dure::ledger
