#include "federation/transport/tls.h"

#include <grpcpp/security/tls_certificate_provider.h>
#include <grpcpp/security/tls_certificate_verifier.h>
#include <grpcpp/security/tls_credentials_options.h>
#include <openssl/crypto.h>
#include <openssl/pem.h>
#include <openssl/x509v3.h>

#include <cstdlib>

namespace dure::transport {
namespace {

namespace tls = grpc::experimental;

constexpr unsigned kReloadSeconds = 1;

// gRPC 1.51 offers no setter for the lowest TLS version; it reads this variable once, for the
// suites of TLS 1.2 and below (those of 1.3 are configured apart). The one named here needs a
// pre-shared key that nobody has, so no handshake below 1.3 can finish. Set before main, while the
// process has one thread: setenv is not safe later. A test proves that both our server and our
// client refuse 1.2.
[[maybe_unused]] const int kOnlyTls13 =
    ::setenv("GRPC_SSL_CIPHER_SUITES", "PSK-AES256-GCM-SHA384", 1);

// gRPC writes its own lines about refused handshakes to standard error; ours say the same to whom
// it concerns. Somebody who hunts a fault in gRPC sets the variable and sees them.
[[maybe_unused]] const int kQuietGrpc = ::setenv("GRPC_VERBOSITY", "NONE", 0);

// gRPC's threads outlive main and still end connections while the process exits; OpenSSL, which
// would take its tables down then, must stand as long as they do (grpc/grpc#38539). It obeys only
// whoever asks before its first use.
[[maybe_unused]] const int kOpenSslStays = ::OPENSSL_init_crypto(OPENSSL_INIT_NO_ATEXIT, nullptr);

// Whether the first certificate of `chain_pem` names `host`.
bool Names(std::string_view chain_pem, const std::string& host) {
  BIO* text = BIO_new_mem_buf(chain_pem.data(), static_cast<int>(chain_pem.size()));
  X509* leaf = PEM_read_bio_X509(text, nullptr, nullptr, nullptr);
  BIO_free(text);
  const bool named =
      leaf != nullptr && (X509_check_ip_asc(leaf, host.c_str(), 0) == 1 ||
                          X509_check_host(leaf, host.data(), host.size(), 0, nullptr) == 1);
  X509_free(leaf);
  return named;
}

class Judge final : public tls::ExternalCertificateVerifier {
 public:
  Judge(ClientTls tls, std::shared_ptr<Refusal> refusal)
      : tls_(std::move(tls)), refusal_(std::move(refusal)) {}

  bool Verify(tls::TlsCustomVerificationCheckRequest* request, std::function<void(grpc::Status)>,
              grpc::Status* verdict) override {
    const grpc::string_ref chain = request->peer_cert_full_chain();
    if (Status judged = Decide({chain.data(), chain.size()}); !judged) {
      refusal_->Set(judged.error());
      *verdict = {grpc::StatusCode::UNAUTHENTICATED, judged.error().message};
    } else {
      *verdict = grpc::Status::OK;
    }
    return true;  // decided now
  }
  void Cancel(tls::TlsCustomVerificationCheckRequest*) override {}

 private:
  Status Decide(std::string_view chain_pem) const {
    if (Status judged = tls_.judge(chain_pem); !judged) {
      return Within(judged.error(), "the server at " + tls_.host);
    }
    if (Names(chain_pem, tls_.host)) return {};
    return Fail(ErrorCode::kUnauthenticated,
                "wrong name: the server's certificate does not name " + tls_.host);
  }

  const ClientTls tls_;
  const std::shared_ptr<Refusal> refusal_;
};

}  // namespace

void Refusal::Set(Error error) {
  std::lock_guard lock(mutex_);
  error_ = std::move(error);
}

std::optional<Error> Refusal::Take() {
  std::lock_guard lock(mutex_);
  return std::exchange(error_, std::nullopt);
}

std::shared_ptr<grpc::ServerCredentials> ServerTls(const std::string& key_path,
                                                   const std::string& chain_path,
                                                   ClientCertificate client) {
  tls::TlsServerCredentialsOptions options(
      std::make_shared<tls::FileWatcherCertificateProvider>(key_path, chain_path, kReloadSeconds));
  options.watch_identity_key_cert_pairs();
  options.set_cert_request_type(client == ClientCertificate::kAsked
                                    ? GRPC_SSL_REQUEST_CLIENT_CERTIFICATE_BUT_DONT_VERIFY
                                    : GRPC_SSL_DONT_REQUEST_CLIENT_CERTIFICATE);
  return tls::TlsServerCredentials(options);
}

std::shared_ptr<grpc::ChannelCredentials> ChannelTls(const ClientTls& client,
                                                     std::shared_ptr<Refusal> refusal) {
  tls::TlsChannelCredentialsOptions options;
  if (!client.cert_chain_pem.empty()) {
    const std::vector<tls::IdentityKeyCertPair> pairs{{client.key_pem, client.cert_chain_pem}};
    options.set_certificate_provider(std::make_shared<tls::StaticDataCertificateProvider>(pairs));
    options.watch_identity_key_cert_pairs();
  }
  // The whole judgement is ours: gRPC's own would end in "handshake failed" without a cause.
  options.set_verify_server_certs(false);
  options.set_check_call_host(false);
  options.set_certificate_verifier(
      tls::ExternalCertificateVerifier::Create<Judge>(client, std::move(refusal)));
  return tls::TlsCredentials(options);
}

}  // namespace dure::transport
