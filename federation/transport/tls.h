// TLS as Dure wants it: version 1.3 only, both sides with certificates, chains judged by
// federation/identity. Private to this room.
#pragma once

#include <grpcpp/security/credentials.h>
#include <grpcpp/security/server_credentials.h>

#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <string>

#include "federation/result.h"

namespace dure::transport {

enum class ClientCertificate { kNotAsked, kAsked };

// Serves the pair in these files, and whatever replaces it there. A client's certificate is asked
// for and its key proven in the handshake; whether it is good is for the Gate to say, which can
// tell the client why.
std::shared_ptr<grpc::ServerCredentials> ServerTls(const std::string& key_path,
                                                   const std::string& chain_path,
                                                   ClientCertificate client);

// The reason for which we refused the server, for the caller of a call that failed. Thread-safe.
// Shared between a channel's verifier, which gRPC keeps for as long as it likes, and the channel's
// user.
class Refusal {
 public:
  void Set(Error error);
  std::optional<Error> Take();

 private:
  std::mutex mutex_;
  std::optional<Error> error_;  // guarded by mutex_
};

struct ClientTls {
  std::string cert_chain_pem;  // empty: no certificate of our own
  std::string key_pem;
  std::string host;  // what the server's certificate must name: a DNS name or an IP address
  std::function<Status(std::string_view chain_pem)> judge;  // leaf first
};
std::shared_ptr<grpc::ChannelCredentials> ChannelTls(const ClientTls& tls,
                                                     std::shared_ptr<Refusal> refusal);

}  // namespace dure::transport
