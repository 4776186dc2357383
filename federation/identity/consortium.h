// The beginning of a consortium: its keys and certificates, laid out for three places.
//
//   <dir>/ca-offline/  root.key, root.crt   move it to a safe: needed only to renew the issuing CA
//   <dir>/aggregator/  identity/, ca/ (issuing.pem, root.crt), log.key, log.vkey, identity.db
//   <dir>/operator/    identity/ of the first operator
#pragma once

#include <string>
#include <vector>

#include "federation/clock.h"
#include "federation/digest.h"
#include "federation/identity/issuing.h"

namespace dure::identity {

struct ConsortiumPlan {
  std::string name;           // by the rules of ids.h
  Domicile domicile;          // of the member that runs it: the aggregator's and first operator's
  std::string address;        // host:port, mutual TLS
  std::string enrol_address;  // host:port for enrolment
  // More names or IP addresses that the aggregator's certificate should hold, beside those two.
  std::vector<std::string> also_known_as;
  std::string log_key_pem;  // Ed25519, PKCS#8: kept at <dir>/aggregator/log.key
  std::string log_vkey;     // its C2SP verifier key
  std::string log_origin;
  Lifetimes lifetimes;
};

struct ConsortiumFounded {
  std::string root_key_path;
  Digest root_pin;
  WallTime root_not_after;
  WallTime issuing_not_after;
};

// kAlreadyExists: there is a consortium in `dir` (nothing is touched). kInvalid: a bad name,
// country or address.
Result<ConsortiumFounded> FoundConsortium(const std::string& dir, const ConsortiumPlan& plan,
                                          WallTime now);

// A new issuing CA certificate and key from the root key, which is read from `root_dir` this once;
// certificates issued before stay valid until their end. kNotFound: no root key there.
Status RenewIssuing(const std::string& aggregator_dir, const std::string& root_dir, WallTime now);

}  // namespace dure::identity
