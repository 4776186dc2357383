// LocalRequest: what the people of a site ask of it on their own machine: to leave a run, to join
// it again, to resync after a dissent, or where it and its privacy accounts stand.
//
// The same values travel to a running daemon (local_door.h) and wait in the journal for one that is
// not running. Pure; any thread.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "federation/round/participation.h"

namespace dure::site {

enum class LocalVerb : uint8_t { kStatus, kLeave, kJoin, kResync, kAccounts };
std::string_view Name(LocalVerb verb);  // "leave"

struct LocalRequest {
  LocalVerb verb = LocalVerb::kStatus;
  RunId run;  // empty for kStatus and kAccounts, which change nothing
};
constexpr bool OnlyAsks(LocalVerb verb) {
  return verb == LocalVerb::kStatus || verb == LocalVerb::kAccounts;
}

inline constexpr size_t kLocalRequestBytesMax = 1024;  // of a line: a verb and a name

// {"verb": "leave", "run": name}. Total. kInvalid: any other text.
Result<LocalRequest> ParseLocalRequest(std::string_view line);
std::string LineOf(const LocalRequest& request);

// The error of a request about a run that the site does not know. kNotFound.
Error NotKnownHere(const RunId& run);

// What the request means to a site in this phase; nullopt: it is so already. kFailedPrecondition:
// it makes no sense there, and the message says what would. REQUIRES: !OnlyAsks(verb).
Result<std::optional<round::SiteEvent>> EventFor(LocalVerb verb, round::SitePhase phase);

}  // namespace dure::site
