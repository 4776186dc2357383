// TLS keys: ECDSA on P-256, as PKCS#8 PEM. And the fingerprint that names any public key.
#pragma once

#include <string>
#include <string_view>

#include "federation/digest.h"
#include "federation/signer.h"

namespace dure::identity {

std::string GenerateTlsKeyPem();

// SHA-256 of the SubjectPublicKeyInfo. kInvalid: not a P-256 private key in PEM.
Result<Digest> TlsKeyFingerprint(std::string_view key_pem);
// DER of its SubjectPublicKeyInfo. kInvalid likewise.
Result<Bytes> TlsKeySpki(std::string_view key_pem);

// A PKCS#10 request signed by `key_pem`, with CN=`name` and OU=`challenge`: the proof that its
// maker holds the key, now and for this purpose. kInvalid: not a key.
Result<Bytes> MakeCertificateRequest(std::string_view key_pem, std::string_view name,
                                     std::string_view challenge);

// The SubjectPublicKeyInfo of a request whose signature verifies and whose CN and OU are these;
// nothing else in it counts. kInvalid otherwise. Total; the caller bounds the size.
Result<Bytes> CheckCertificateRequest(ByteView request_der, std::string_view name,
                                      std::string_view challenge);

}  // namespace dure::identity
