// Who holds a place and does nothing with it.
#include <openssl/ssl.h>
#include <sys/socket.h>
#include <sys/time.h>

#include "federation/transport/testing_world.h"

namespace dure::transport {
namespace {

// A TLS client without a certificate, which finishes the handshake, says `hello` and then waits.
// Whether it is let go before the handshake's own limit is over.
bool IsLetGo(uint16_t port, std::string_view hello) {
  SSL_CTX* context = SSL_CTX_new(TLS_client_method());
  BIO* bio = BIO_new_ssl_connect(context);
  BIO_set_conn_hostname(bio, ("127.0.0.1:" + std::to_string(port)).c_str());
  SSL* ssl = nullptr;
  BIO_get_ssl(bio, &ssl);
  const unsigned char h2[] = {2, 'h', '2'};
  SSL_set_alpn_protos(ssl, h2, sizeof h2);
  bool let_go = false;
  if (BIO_do_handshake(bio) == 1) {
    const timeval limit{8, 0};
    ::setsockopt(SSL_get_fd(ssl), SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof limit);
    if (!hello.empty()) BIO_write(bio, hello.data(), static_cast<int>(hello.size()));
    char heard[256];
    while (BIO_read(bio, heard, sizeof heard) > 0) {
    }
    let_go = !BIO_should_retry(bio);
  }
  BIO_free_all(bio);
  SSL_CTX_free(context);
  return let_go;
}

TEST(Outsiders, WhoFinishTheHandshakeAndSayNothingAreLetGo) {
  World world;
  world.patience.idle = std::chrono::milliseconds(200);
  world.Start();
  constexpr std::string_view kHttp2("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0\0\4\0\0\0\0\0", 33);
  for (const uint16_t port : {world.server->port(), world.server->enrol_port()}) {
    EXPECT_TRUE(IsLetGo(port, ""));
    EXPECT_TRUE(IsLetGo(port, kHttp2)) << "whose connection is whole and carries no call";
  }
}

}  // namespace
}  // namespace dure::transport
