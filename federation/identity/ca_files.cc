#include "federation/identity/ca_files.h"

#include <openssl/err.h>

#include "federation/identity/key.h"
#include "federation/identity/openssl.h"
#include "federation/identity/private_files.h"

namespace dure::identity {
namespace {

// Whether `certificate_der` is signed by `root_der` and is for the key.
bool BelongTogether(const Authority& issuing, const Bytes& root_der) {
  const uint8_t* at = issuing.certificate_der.data();
  const X509Ptr certificate(
      d2i_X509(nullptr, &at, static_cast<long>(issuing.certificate_der.size())));
  at = root_der.data();
  const X509Ptr root(d2i_X509(nullptr, &at, static_cast<long>(root_der.size())));
  const KeyPtr key = ReadTlsKey(issuing.key_pem);
  const bool together = certificate != nullptr && root != nullptr && key != nullptr &&
                        X509_check_private_key(certificate.get(), key.get()) == 1 &&
                        X509_verify(certificate.get(), X509_get0_pubkey(root.get())) == 1;
  ERR_clear_error();
  return together;
}

}  // namespace

Result<IssuingFiles> ReadIssuing(const std::filesystem::path& aggregator_dir) {
  const auto dir = aggregator_dir / "ca";
  DURE_ASSIGN(const std::string issuing_pem, ReadPrivateFile(dir / "issuing.pem"));
  DURE_ASSIGN(const std::string root_pem, ReadPrivateFile(dir / "root.crt"));
  const auto issuing_ders = DersOf(issuing_pem);
  const auto root_ders = DersOf(root_pem);
  if (!issuing_ders || !root_ders) {
    return Fail(ErrorCode::kCorrupt, dir.string() + ": a certificate of the CA is malformed");
  }
  IssuingFiles files;
  files.issuing.certificate_der = issuing_ders->front();
  files.issuing.key_pem = issuing_pem.substr(0, issuing_pem.find("-----BEGIN CERTIFICATE-----"));
  files.root_der = root_ders->front();
  if (!BelongTogether(files.issuing, files.root_der)) {
    return Fail(ErrorCode::kCorrupt,
                dir.string() + ": the CA's key, certificate and root do not belong together");
  }
  return files;
}

Status WriteIssuing(const std::filesystem::path& aggregator_dir, const IssuingFiles& files) {
  const auto dir = aggregator_dir / "ca";
  DURE_TRY(MakePrivateFolder(dir));
  DURE_TRY(WritePrivateFile(dir / "root.crt", PemOf(files.root_der)));
  return WritePrivateFile(dir / "issuing.pem",
                          files.issuing.key_pem + PemOf(files.issuing.certificate_der));
}

}  // namespace dure::identity
