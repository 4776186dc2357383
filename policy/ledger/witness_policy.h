// When a tree head counts as agreed: who must have co-signed it, as a C2SP tlog-policy, and the
// consortium's own such policy, by houses.
//
//   log <vkey> [<url>]
//   witness <name> <vkey> [<url>]
//   group <name> all|any|<k> <names of witnesses and groups above>
//   quorum <name>|none
//
// Pure values and functions, for any thread. The record says who co-signs and by which share
// (cosigner_roll.h); tools other than Dure read the text. Parse meets bytes from outside: total and
// bounded.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "policy/ledger/cosign.h"
#include "policy/ledger/policy_events.h"

namespace dure::ledger {

inline constexpr size_t kWitnessPolicyBytesMax = 128 * 1024;  // 256 sites' keys, and their groups
inline constexpr size_t kWitnessPolicyLinesMax = 1024;

struct WitnessPolicy {
  struct Log {
    NoteKey key;
    std::string url;  // may be empty
    bool operator==(const Log&) const = default;
  };
  struct Witness {
    std::string name;  // within this policy only
    CosignerKey key;
    std::string url;
    bool operator==(const Witness&) const = default;
  };
  struct Group {
    std::string name;
    size_t least = 1;  // of its members
    std::vector<std::string> members;
    bool operator==(const Group&) const = default;
  };
  std::vector<Log> logs;
  std::vector<Witness> witnesses;
  std::vector<Group> groups;
  std::string quorum = "none";

  std::string Text() const;
  bool operator==(const WitnessPolicy&) const = default;
  // Whether cosignatures by these keys suffice; always for the quorum "none".
  bool IsMetBy(const std::vector<CosignerKey>& cosigned) const;
  // kInvalid, naming the line: an unknown word, a key of another type, a key or name twice, a group
  // member that no line above defines or that another group has, a number out of range, not exactly
  // one quorum.
  static Result<WitnessPolicy> Parse(std::string_view text);
};

struct HouseCosigner {
  House house = House::kPrivate;
  CosignerKey key;
};

// One house's part in a head.
struct HouseAgreement {
  House house = House::kPrivate;
  size_t cosigners = 0;
  size_t needed = 0;
  size_t cosigned = 0;
  bool operator==(const HouseAgreement&) const = default;
};
// Of n, how many are more than `percent` of them; never more than n.
size_t MoreThan(uint64_t percent, size_t n);
// Houses without cosigners are left out.
std::vector<HouseAgreement> CountByHouse(const std::vector<HouseCosigner>& cosigners,
                                         uint64_t percent,
                                         const std::vector<CosignerKey>& cosigned);
// In every house that has cosigners enough of them co-signed, and there is such a house.
bool AllAgree(const std::vector<HouseAgreement>& houses);

// The same rule as a policy: one group a house, all of which make the quorum "agreed".
// kFailedPrecondition: nobody co-signs, which a tlog-policy cannot say.
Result<WitnessPolicy> PolicyOfHouses(const NoteKey& log_key,
                                     const std::vector<HouseCosigner>& cosigners, uint64_t percent);

}  // namespace dure::ledger
