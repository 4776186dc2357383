// Who a certificate speaks for: the consortium, the member, the role and the name of the seat.
//
// In a certificate it stands as one URI, dure://<consortium>/<member>/<role>/<site>. Values only;
// anybody may use them.
#pragma once

#include <compare>
#include <cstdint>
#include <initializer_list>
#include <string>
#include <string_view>

#include "federation/ids.h"

namespace dure::identity {

// Numbers stand in canonical bytes: never reuse one.
enum class Role : uint8_t {
  kMember = 1,      // a member's site daemon
  kOfficer = 2,     // reviews the ledger, votes, withdraws
  kResearcher = 3,  // evaluates the shared model
  kOperator = 4,    // invites, revokes, runs the consortium
  kAggregator = 5,  // the aggregator itself; never invited
};

std::string_view Name(Role role);
Result<Role> ParseRole(std::string_view text);  // kInvalid names the roles there are
Result<Role> RoleOf(uint8_t number);            // kInvalid: no such number

class Roles {
 public:
  constexpr Roles(std::initializer_list<Role> roles) {
    for (const Role role : roles) bits_ |= Bit(role);
  }
  static constexpr Roles Any() {
    return {Role::kMember, Role::kOfficer, Role::kResearcher, Role::kOperator, Role::kAggregator};
  }
  // Everybody an invitation may be for.
  static constexpr Roles Invited() {
    return {Role::kMember, Role::kOfficer, Role::kResearcher, Role::kOperator};
  }
  constexpr bool Has(Role role) const { return (bits_ & Bit(role)) != 0; }
  std::string Names() const;  // "member or operator"

 private:
  static constexpr uint32_t Bit(Role role) { return 1u << static_cast<uint8_t>(role); }
  uint32_t bits_ = 0;
};

struct Subject {
  std::string consortium;  // a name by the rules of ids.h
  MemberId member;
  Role role = Role::kMember;
  SiteId
      site;  // the seat: a site for a member, a desk for a person, "aggregator" for the aggregator

  std::string ToUri() const;
  static Result<Subject> FromUri(std::string_view uri);  // kInvalid; total
  auto operator<=>(const Subject&) const = default;
};

}  // namespace dure::identity
