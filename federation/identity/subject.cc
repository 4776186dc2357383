#include "federation/identity/subject.h"

#include <array>
#include <vector>

#include "federation/limits.h"

namespace dure::identity {
namespace {

struct Named {
  Role role;
  std::string_view name;
};
constexpr std::array<Named, 5> kRoles = {{{Role::kMember, "member"},
                                          {Role::kOfficer, "officer"},
                                          {Role::kResearcher, "researcher"},
                                          {Role::kOperator, "operator"},
                                          {Role::kAggregator, "aggregator"}}};
constexpr std::string_view kScheme = "dure://";

}  // namespace

std::string_view Name(Role role) {
  for (const Named& known : kRoles) {
    if (known.role == role) return known.name;
  }
  return "unknown";
}

Result<Role> ParseRole(std::string_view text) {
  for (const Named& known : kRoles) {
    if (known.name == text) return known.role;
  }
  return Fail(ErrorCode::kInvalid,
              "there is no such role (roles: member, officer, researcher, operator)");
}

Result<Role> RoleOf(uint8_t number) {
  for (const Named& known : kRoles) {
    if (static_cast<uint8_t>(known.role) == number) return known.role;
  }
  return Fail(ErrorCode::kInvalid, "there is no role of number " + std::to_string(number));
}

std::string Roles::Names() const {
  std::string names;
  for (const Named& known : kRoles) {
    if (!Has(known.role)) continue;
    if (!names.empty()) names += " or ";
    names += known.name;
  }
  return names;
}

std::string Subject::ToUri() const {
  return std::string(kScheme) + consortium + "/" + member.str() + "/" + std::string(Name(role)) +
         "/" + site.str();
}

Result<Subject> Subject::FromUri(std::string_view uri) {
  const auto malformed = [] {
    return Fail(ErrorCode::kInvalid,
                "it does not name a seat (dure://consortium/member/role/site)");
  };
  if (uri.size() > kScheme.size() + 4 * (limits::kNameBytesMax + 1)) return malformed();
  if (!uri.starts_with(kScheme)) return malformed();
  uri.remove_prefix(kScheme.size());
  std::vector<std::string_view> parts;
  for (size_t end = uri.find('/'); end != std::string_view::npos; end = uri.find('/')) {
    parts.push_back(uri.substr(0, end));
    uri.remove_prefix(end + 1);
  }
  parts.push_back(uri);
  if (parts.size() != 4 || !ValidateName("consortium", parts[0])) return malformed();
  Subject subject;
  subject.consortium = parts[0];
  DURE_ASSIGN(subject.member, MemberId::Parse(parts[1]));
  DURE_ASSIGN(subject.role, ParseRole(parts[2]));
  DURE_ASSIGN(subject.site, SiteId::Parse(parts[3]));
  return subject;
}

}  // namespace dure::identity
