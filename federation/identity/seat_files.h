// The files of identity.h, one place for their names and their order of writing.
#pragma once

#include <filesystem>
#include <string>

#include "federation/identity/certificate.h"
#include "federation/identity/identity.h"
#include "federation/identity/messages.h"

namespace dure::identity {

struct SeatFiles {
  explicit SeatFiles(const std::filesystem::path& dir) : folder(dir / "identity") {}
  std::filesystem::path folder;
  std::filesystem::path tls_key() const { return folder / "tls.key"; }
  // A renewal's new key waits here until its certificate is in tls.crt.
  std::filesystem::path next_tls_key() const { return folder / "tls.key.next"; }
  std::filesystem::path tls_crt() const { return folder / "tls.crt"; }
  std::filesystem::path root_crt() const { return folder / "root.crt"; }
  std::filesystem::path signing_key() const { return folder / "signing.key"; }
  // Likewise, of an enrolment with new keys; next_nonce names the invitation that they are for.
  std::filesystem::path next_signing_key() const { return folder / "signing.key.next"; }
  std::filesystem::path next_nonce() const { return folder / "next.nonce"; }
  std::filesystem::path signing_crt() const { return folder / "signing.crt"; }
  std::filesystem::path consortium_json() const { return folder / "consortium.json"; }
  std::filesystem::path domicile_json() const { return folder / "domicile.json"; }
};

// The key at `path`, made first if there is none.
Result<std::string> TlsKeyAt(const std::filesystem::path& path);
Result<std::unique_ptr<Ed25519Signer>> SigningKeyAt(const std::filesystem::path& path);

// Writes everything but the keys, tls.crt last, then puts a waiting TLS key in place when the new
// certificate is for it. REQUIRES: the credentials were verified for `subject`.
Status WriteSeat(const SeatFiles& files, const Subject& subject, const Credentials& credentials);

// What the invitation says of the member, for whoever compares it with what others are told.
Status WriteDomicile(const SeatFiles& files, const Domicile& domicile);

// The subject that the folder belongs to; kNotFound when it belongs to nobody yet.
Result<Subject> SubjectAt(const SeatFiles& files);

}  // namespace dure::identity
