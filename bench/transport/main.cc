// Measures one blob up and down over the real transport (mutual TLS 1.3 on loopback, both ends in
// this process, hashed and written to files), beside the limit: a bare OpenSSL socket that carries
// the same bytes and neither hashes nor keeps them. Prints one JSON object.
#include <arpa/inet.h>
#include <openssl/ssl.h>

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <functional>
#include <string>
#include <thread>
#include <vector>

#include "federation/check.h"
#include "federation/identity/consortium.h"
#include "federation/identity/enrolment.h"
#include "federation/random.h"
#include "federation/transport/client.h"
#include "federation/transport/server.h"

namespace dure::transport {
namespace {

namespace fs = std::filesystem;

constexpr size_t kBlobBytes = size_t{256} << 20;
constexpr int kRepeats = 3;

template <typename T>
T Must(Result<T> result) {
  if (!result) std::fprintf(stderr, "%s\n", result.error().message.c_str());
  DURE_CHECK(result.has_value(), "the benchmark's own set-up works");
  return std::move(*result);
}

// The best of several: the machine is shared, and a limit is what it can do.
double BestGigabytesPerSecond(const std::function<void()>& move) {
  double best = 0;
  for (int i = 0; i < kRepeats; ++i) {
    const MonoTime start = loop::RealMonoNow();
    move();
    const std::chrono::duration<double> seconds = loop::RealMonoNow() - start;
    best = std::max(best, kBlobBytes / seconds.count() / 1e9);
  }
  return best;
}

struct Consortium {
  Consortium() {
    std::string pattern = (fs::temp_directory_path() / "dure-bench-XXXXXX").string();
    folder = ::mkdtemp(pattern.data());
    identity::ConsortiumPlan plan;
    plan.name = "bench";
    plan.address = "127.0.0.1:1";
    plan.enrol_address = "127.0.0.1:2";
    plan.log_key_pem = Ed25519Signer::Generate()->ToPem();
    plan.log_vkey = "bench/log+00000000+AQ";
    plan.log_origin = "bench/log";
    Must(identity::FoundConsortium(folder, plan, loop::RealWallNow()));
  }
  ~Consortium() { fs::remove_all(folder); }
  // The aggregator's own key and chain stand on both ends of the bare socket.
  std::string File(const std::string& name) const {
    return folder + "/aggregator/identity/" + name;
  }
  std::string folder;
};

class BareTls {
 public:
  explicit BareTls(const Consortium& consortium) {
    for (SSL_CTX** context : {&server_, &client_}) {
      *context = SSL_CTX_new(TLS_method());
      SSL_CTX_set_min_proto_version(*context, TLS1_3_VERSION);
      SSL_CTX_use_certificate_chain_file(*context, consortium.File("tls.crt").c_str());
      SSL_CTX_use_PrivateKey_file(*context, consortium.File("tls.key").c_str(), SSL_FILETYPE_PEM);
    }
    listener_ = BIO_new_accept("127.0.0.1:0");
    DURE_CHECK(BIO_do_accept(listener_) == 1, "loopback listens");
    address_ = std::string("127.0.0.1:") + std::to_string(Port());
  }
  ~BareTls() {
    BIO_free_all(listener_);
    SSL_CTX_free(server_);
    SSL_CTX_free(client_);
  }
  void Move(ByteView bytes) {
    std::thread receiver([this, size = bytes.size()] { Receive(size); });
    BIO* socket = BIO_new_connect(address_.c_str());
    DURE_CHECK(BIO_do_connect(socket) == 1, "loopback connects");
    SSL* ssl = SSL_new(client_);
    SSL_set_bio(ssl, socket, socket);
    DURE_CHECK(SSL_connect(ssl) == 1, "the handshake");
    while (!bytes.empty()) {
      size_t wrote = 0;
      const ByteView piece = bytes.first(std::min(bytes.size(), limits::kChunkBytes));
      DURE_CHECK(SSL_write_ex(ssl, piece.data(), piece.size(), &wrote) == 1, "loopback carries");
      bytes = bytes.subspan(wrote);
    }
    receiver.join();
    SSL_free(ssl);
  }

 private:
  int Port() const {
    int descriptor = -1;
    BIO_get_fd(listener_, &descriptor);
    BIO_sock_info_u info{};
    info.addr = BIO_ADDR_new();
    BIO_sock_info(descriptor, BIO_SOCK_INFO_ADDRESS, &info);
    const int port = ntohs(BIO_ADDR_rawport(info.addr));
    BIO_ADDR_free(info.addr);
    return port;
  }
  void Receive(size_t size) {
    DURE_CHECK(BIO_do_accept(listener_) == 1, "a connection comes");
    SSL* ssl = SSL_new(server_);
    BIO* socket = BIO_pop(listener_);
    SSL_set_bio(ssl, socket, socket);
    DURE_CHECK(SSL_accept(ssl) == 1, "the handshake");
    Bytes buffer(limits::kChunkBytes);
    while (size > 0) {
      size_t got = 0;
      DURE_CHECK(SSL_read_ex(ssl, buffer.data(), buffer.size(), &got) == 1, "loopback carries");
      size -= got;
    }
    SSL_free(ssl);
  }

  SSL_CTX* server_ = nullptr;
  SSL_CTX* client_ = nullptr;
  BIO* listener_ = nullptr;
  std::string address_;
};

int Main() {
  const Consortium consortium;
  Bytes bytes(kBlobBytes);
  SeededRandom(1).Fill(bytes);
  BareTls bare(consortium);
  const double limit = BestGigabytesPerSecond([&] { bare.Move(bytes); });

  loop::EventLoop loop;
  const auto theirs = Must(blob::OpenFileBlobStore(consortium.folder + "/theirs"));
  const auto mine = Must(blob::OpenFileBlobStore(consortium.folder + "/mine"));
  ServerCalls calls;
  calls.may_put = [](const PeerIdentity&, const Digest&, uint64_t) { return Status{}; };
  calls.may_get = [](const PeerIdentity&, const Digest&) { return Status{}; };
  const identity::Identity seat = Must(identity::LoadIdentity(consortium.folder + "/operator"));
  ServerOptions options;
  options.address = "127.0.0.1:0";
  options.key_path = consortium.File("tls.key");
  options.chain_path = consortium.File("tls.crt");
  options.trust = seat.trust();
  const auto server = Must(TransportServer::Make(options, loop, *theirs, calls));
  DURE_CHECK(server->Listen().has_value(), "a free port");
  DataLink link({"127.0.0.1:" + std::to_string(server->port()), seat.cert_chain_pem,
                 seat.tls_key_pem, seat.trust()});
  const Digest digest = Must(mine->Put(bytes));
  const auto reader = Must(mine->Open(digest));
  const double up = BestGigabytesPerSecond([&] {
    DURE_CHECK(theirs->Remove(digest).has_value(), "a fresh start");
    DURE_CHECK(link.Upload(*reader, {}).has_value(), "the upload");
  });
  const double down = BestGigabytesPerSecond([&] {
    DURE_CHECK(mine->Remove(digest).has_value(), "a fresh start");
    DURE_CHECK(link.Download(digest, *mine, {}).has_value(), "the download");
  });
  std::printf(
      "{\"blob_bytes\": %zu, \"upload_gb_per_s\": %.2f, \"download_gb_per_s\": %.2f, "
      "\"bare_tls_gb_per_s\": %.2f}\n",
      kBlobBytes, up, down, limit);
  return 0;
}

}  // namespace
}  // namespace dure::transport

int main() { return dure::transport::Main(); }
