// A dissent: a site's signed statement that an entry of the log does not hold, with what is due.
//
// It needs nobody's leave: a file that any member can check against the log it names. DSSE envelope
// over JSON of this room's own form. Pure; any thread.
#pragma once

#include <string>

#include "federation/signer.h"
#include "policy/standing/standing.h"

namespace dure::standing {

struct Dissent {
  std::string origin;  // of the log
  SiteId site;         // who dissents
  PublicKey key{};     // its signing key, as admitted in the log
  Finding finding;
  Digest leaf;            // of the entry
  std::string head_note;  // a tree head that contains it, with the log's signature
};

// The file's bytes. REQUIRES: signer.Key() == dissent.key.
std::string SealDissent(const Dissent& dissent, const Signer& signer);
// kInvalid: not such a file. kUnauthenticated: not signed by the key it names.
Result<Dissent> OpenDissent(std::string_view file, const Verifier& verifier);

}  // namespace dure::standing
