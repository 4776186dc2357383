// For tests of this room and of those that use it: a consortium in a temporary folder, at a fixed
// time.
#pragma once

#include <gtest/gtest.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <iterator>
#include <string>

#include "federation/identity/consortium.h"
#include "federation/identity/enrolment.h"
#include "federation/identity/identity.h"
#include "federation/identity/invitation.h"
#include "federation/identity/issuing.h"

namespace dure::identity {

inline std::string Slurp(const std::filesystem::path& path) {
  std::ifstream in(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(in), {}};
}

class TemporaryFolder {
 public:
  TemporaryFolder() {
    std::string pattern = (std::filesystem::temp_directory_path() / "dure-XXXXXX").string();
    path_ = mkdtemp(pattern.data());
  }
  ~TemporaryFolder() {
    std::error_code ignored;
    std::filesystem::remove_all(path_, ignored);
  }
  TemporaryFolder(const TemporaryFolder&) = delete;
  TemporaryFolder& operator=(const TemporaryFolder&) = delete;
  std::filesystem::path operator/(std::string_view name) const { return path_ / name; }
  std::string str() const { return path_.string(); }

 private:
  std::filesystem::path path_;
};

template <typename T>
T Must(Result<T> result) {
  if (!result) {
    ADD_FAILURE() << result.error().message;
    std::abort();
  }
  return std::move(*result);
}
inline void Must(const Status& status) { ASSERT_TRUE(status) << status.error().message; }

// 2026-11-24T00:00:00Z
inline const WallTime kStart = WallTime(std::chrono::seconds(1795478400));

struct TestConsortium {
  explicit TestConsortium(const std::string& name = "hanguk", WallTime now = kStart) {
    ConsortiumPlan plan;
    plan.name = name;
    plan.address = "localhost:7443";
    plan.enrol_address = "127.0.0.1:7444";
    plan.log_key_pem = Ed25519Signer::Generate()->ToPem();
    plan.log_vkey = "hanguk/log+00000000+AQ";
    plan.log_origin = "hanguk/log";
    founded = Must(FoundConsortium(folder.str(), plan, now));
    Open();
  }
  void Open() {
    authority.reset();
    authority = Must(IssuingAuthority::Open((folder / "aggregator").string(), lifetimes));
  }
  Identity Operator() const { return Must(LoadIdentity((folder / "operator").string())); }
  Subject SubjectOf(std::string_view member, std::string_view site, Role role) const {
    return {authority->trust().consortium, Must(MemberId::Parse(member)), role,
            Must(SiteId::Parse(site))};
  }
  Invitation Invite(std::string_view member, std::string_view site, Role role = Role::kMember,
                    WallTime expires = kStart + std::chrono::hours(24),
                    const Domicile& domicile = {}) const {
    const Identity inviter = Operator();
    InvitationDraft draft;
    draft.subject = SubjectOf(member, site, role);
    draft.domicile = domicile;
    draft.expires = expires;
    draft.root_pin = inviter.root_pin;
    draft.address = inviter.address;
    draft.enrol_address = inviter.enrol_address;
    SystemRandom random;
    return Must(MakeInvitation(draft, *inviter.signer, random));
  }
  Identity Enrol(std::string_view member, std::string_view site, Role role = Role::kMember,
                 WallTime now = kStart) const {
    const Invitation invitation = Invite(member, site, role);
    const std::string dir = SiteDir(site);
    const Bytes request = Must(PrepareEnrolment(invitation, dir, now));
    Must(AcceptEnrolment(invitation, dir, Must(authority->Enrol(request, now)), now));
    return Must(LoadIdentity(dir));
  }
  std::string SiteDir(std::string_view site) const { return (folder / site).string(); }
  Result<PeerIdentity> Verify(std::string_view chain, WallTime now = kStart,
                              Roles required = Roles::Any()) const {
    return VerifyPeer(chain, authority->trust(), *authority->revocations(), now, required);
  }

  TemporaryFolder folder;
  Lifetimes lifetimes;
  ConsortiumFounded founded;
  std::unique_ptr<IssuingAuthority> authority;
};

}  // namespace dure::identity
