// Every way to be refused, and that the error says which.
#include <gmock/gmock.h>

#include <fstream>

#include "federation/identity/certificate.h"
#include "federation/identity/messages.h"
#include "federation/identity/testing.h"

namespace dure::identity {
namespace {

namespace fs = std::filesystem;
using std::chrono::hours;
using testing::HasSubstr;
using testing::StartsWith;

template <typename T>
testing::AssertionResult Refuses(const Result<T>& result, ErrorCode code, std::string_view words) {
  if (result) return testing::AssertionFailure() << "it was accepted";
  if (result.error().code != code || result.error().message.find(words) == std::string::npos) {
    return testing::AssertionFailure()
           << Name(result.error().code) << ": " << result.error().message;
  }
  return testing::AssertionSuccess();
}

struct Refusals : testing::Test {
  TestConsortium c;
  Bytes Request(const Invitation& invitation, std::string_view folder = "asking") {
    return Must(PrepareEnrolment(invitation, c.SiteDir(folder), kStart));
  }
};

TEST_F(Refusals, OfAPeerWithoutCertificate) {
  EXPECT_TRUE(Refuses(c.Verify(""), ErrorCode::kUnauthenticated, "no certificate"));
}

TEST_F(Refusals, OfAPeerWithSomethingElse) {
  EXPECT_TRUE(Refuses(c.Verify("hello"), ErrorCode::kUnauthenticated, "malformed certificate"));
  const std::string many(kChainBytesMax + 1, 'A');
  EXPECT_TRUE(Refuses(c.Verify(many), ErrorCode::kUnauthenticated, "malformed certificate"));
  const std::string one = c.Operator().root_pem;
  std::string too_many;
  for (size_t i = 0; i <= kChainLengthMax; ++i) too_many += one;
  EXPECT_TRUE(Refuses(c.Verify(too_many), ErrorCode::kUnauthenticated, "malformed certificate"));
}

TEST_F(Refusals, OfAForeignCaEvenWithTheSameNames) {
  const TestConsortium other("hanguk");
  const Identity impostor = other.Enrol("kt", "kt-seoul");
  EXPECT_TRUE(
      Refuses(c.Verify(impostor.cert_chain_pem), ErrorCode::kUnauthenticated, "foreign CA"));
  // Also when it brings our root along, as an attacker would.
  const std::string mixed = impostor.cert_chain_pem + c.Operator().root_pem;
  EXPECT_TRUE(Refuses(c.Verify(mixed), ErrorCode::kUnauthenticated, "foreign CA"));
}

TEST_F(Refusals, OfALeafWithoutItsIssuingCa) {
  const auto chain = Must(DersOf(c.Operator().cert_chain_pem));
  EXPECT_TRUE(Refuses(c.Verify(PemOf(chain.front())), ErrorCode::kUnauthenticated, "foreign CA"));
}

TEST_F(Refusals, OfACaThatPosesAsAPeer) {
  const auto chain = Must(DersOf(c.Operator().cert_chain_pem));
  EXPECT_TRUE(Refuses(c.Verify(PemOf(chain[1])), ErrorCode::kUnauthenticated, "malformed"));
  EXPECT_TRUE(Refuses(c.Verify(PemOf(chain[2])), ErrorCode::kUnauthenticated, "malformed"));
}

TEST_F(Refusals, OfAnExpiredAndOfANotYetValidCertificateWithItsTime) {
  const Identity kt = c.Enrol("kt", "kt-seoul");
  EXPECT_TRUE(Refuses(c.Verify(kt.cert_chain_pem, kt.not_after), ErrorCode::kUnauthenticated,
                      "expired: the certificate ended 2026-12-01T00:00:00Z"));
  EXPECT_TRUE(Refuses(c.Verify(kt.cert_chain_pem, kStart - hours(1)), ErrorCode::kUnauthenticated,
                      "not yet valid: the certificate begins 2026-11-23T23:55:00Z"));
}

TEST_F(Refusals, OfTheWrongRoleNamingBoth) {
  const Identity kt = c.Enrol("kt", "kt-seoul");
  const Roles people = {Role::kOfficer, Role::kOperator};
  EXPECT_TRUE(Refuses(c.Verify(kt.cert_chain_pem, kStart, people), ErrorCode::kPermissionDenied,
                      "wrong role: kt-seoul of kt is member, this needs officer or operator"));
}

TEST_F(Refusals, OfASigningCertificateInTls) {
  const Identity kt = c.Enrol("kt", "kt-seoul");
  EXPECT_TRUE(Refuses(c.Verify(kt.signing_cert_pem), ErrorCode::kUnauthenticated, "wrong purpose"));
}

TEST_F(Refusals, OfAnInvitationThatIsOver) {
  const Invitation invitation = c.Invite("kt", "kt-seoul", Role::kMember, kStart + hours(1));
  const Bytes request = Request(invitation);
  EXPECT_TRUE(Refuses(c.authority->Enrol(request, kStart + hours(1)),
                      ErrorCode::kFailedPrecondition, "expired 2026-11-24T01:00:00Z"));
  EXPECT_TRUE(Refuses(PrepareEnrolment(invitation, c.SiteDir("late"), kStart + hours(1)),
                      ErrorCode::kFailedPrecondition, "expired"));
  EXPECT_TRUE(c.authority->Enrol(request, kStart)) << "a refusal spends nothing";
}

TEST_F(Refusals, OfAnInvitationSpentByAnotherKey) {
  const Invitation invitation = c.Invite("kt", "kt-seoul");
  Must(c.authority->Enrol(Request(invitation, "one"), kStart));
  EXPECT_TRUE(Refuses(c.authority->Enrol(Request(invitation, "two"), kStart),
                      ErrorCode::kAlreadyExists, "used already"));
}

TEST_F(Refusals, OfAWithdrawnInvitation) {
  const Invitation invitation = c.Invite("kt", "kt-seoul");
  const PeerIdentity op = Must(c.Verify(c.Operator().cert_chain_pem));
  const RevocationOrder order = {RevocationKind::kInvitation, invitation.NonceHex(), "", false};
  Must(c.authority->Obey(op, order.Encode(), kStart));
  EXPECT_TRUE(Refuses(c.authority->Enrol(Request(invitation), kStart),
                      ErrorCode::kFailedPrecondition, "withdrawn 2026-11-24T00:00:00Z"));
}

TEST_F(Refusals, OfAnotherConsortiumsInvitation) {
  const TestConsortium other("other");
  const TestConsortium namesake("hanguk");
  for (const TestConsortium* elsewhere : {&other, &namesake}) {
    EXPECT_TRUE(Refuses(c.authority->Enrol(Request(elsewhere->Invite("kt", "kt-seoul"),
                                                   elsewhere->folder.str().substr(5)),
                                           kStart),
                        ErrorCode::kPermissionDenied, "wrong consortium"));
  }
}

TEST_F(Refusals, OfAnInvitationByWhoeverIsNoOperator) {
  const Identity kt = c.Enrol("kt", "kt-seoul");
  const Invitation genuine = c.Invite("lg", "lg-seoul");
  SystemRandom random;
  const InvitationDraft draft = {genuine.subject,  genuine.domicile, genuine.expires,
                                 genuine.root_pin, genuine.address,  genuine.enrol_address};
  const Invitation forged = Must(MakeInvitation(draft, *kt.signer, random));
  EXPECT_TRUE(Refuses(c.authority->Enrol(Request(forged), kStart), ErrorCode::kUnauthenticated,
                      "signed by nobody who is an operator"));
}

TEST_F(Refusals, OfAnInvitationByARevokedOperator) {
  const Invitation invitation = c.Invite("kt", "kt-seoul");
  const PeerIdentity op = Must(c.Verify(c.Operator().cert_chain_pem));
  const RevocationOrder order = {RevocationKind::kSite, "operator", "left", false};
  Must(c.authority->Obey(op, order.Encode(), kStart));
  EXPECT_TRUE(Refuses(c.authority->Enrol(Request(invitation), kStart), ErrorCode::kPermissionDenied,
                      "the operator who signed"));
}

TEST_F(Refusals, OfARevokedMemberThatEnrolsAgain) {
  const PeerIdentity op = Must(c.Verify(c.Operator().cert_chain_pem));
  const RevocationOrder order = {RevocationKind::kMember, "kt", "left", false};
  Must(c.authority->Obey(op, order.Encode(), kStart));
  EXPECT_TRUE(Refuses(c.authority->Enrol(Request(c.Invite("kt", "kt-busan")), kStart),
                      ErrorCode::kPermissionDenied, "revoked: member kt"));
}

TEST_F(Refusals, OfASecondHouseOrCountryForOneMember) {
  const Domicile academic = {House::kAcademic, "KR"};
  const WallTime end = kStart + hours(24);
  const Invitation first = c.Invite("kaist", "kaist-a", Role::kMember, end, academic);
  Must(c.authority->Enrol(Request(first, "a"), kStart));
  EXPECT_EQ(c.authority->FindSeat(Role::kMember, Must(SiteId::Parse("kaist-a")))->domicile,
            academic);
  const Invitation house = c.Invite("kaist", "kaist-b", Role::kOfficer, end);
  EXPECT_TRUE(Refuses(c.authority->Enrol(Request(house, "b"), kStart),
                      ErrorCode::kFailedPrecondition,
                      "kaist is private, KR, but its seat kaist-a was enrolled as academic, KR"));
  c.Open();  // the book, not the memory, knows it
  const Invitation country =
      c.Invite("kaist", "kaist-c", Role::kMember, end, {House::kAcademic, "JP"});
  EXPECT_TRUE(Refuses(c.authority->Enrol(Request(country, "c"), kStart),
                      ErrorCode::kFailedPrecondition, "one house and one country"));
  const Invitation same = c.Invite("kaist", "kaist-d", Role::kMember, end, academic);
  EXPECT_TRUE(c.authority->Enrol(Request(same, "d"), kStart));
}

TEST_F(Refusals, OfANameThatBelongsToAnotherMember) {
  c.Enrol("kt", "seoul-1");
  EXPECT_TRUE(Refuses(c.authority->Enrol(Request(c.Invite("lg", "seoul-1")), kStart),
                      ErrorCode::kPermissionDenied, "belongs to kt, not to lg"));
  EXPECT_TRUE(Refuses(c.authority->Enrol(Request(c.Invite("lg", "aggregator"), "x"), kStart),
                      ErrorCode::kPermissionDenied, "the aggregator's name"));
}

TEST_F(Refusals, OfAFolderThatBelongsToAnotherSeat) {
  c.Enrol("kt", "kt-seoul");
  EXPECT_TRUE(Refuses(PrepareEnrolment(c.Invite("kt", "kt-busan"), c.SiteDir("kt-seoul"), kStart),
                      ErrorCode::kAlreadyExists, "use another folder"));
}

TEST_F(Refusals, OfAnAnswerForOtherKeysOrByAnotherAggregator) {
  const Invitation invitation = c.Invite("kt", "kt-seoul");
  const Bytes answer = Must(c.authority->Enrol(Request(invitation, "one"), kStart));
  Request(invitation, "two");
  EXPECT_TRUE(Refuses(AcceptEnrolment(invitation, c.SiteDir("two"), answer, kStart),
                      ErrorCode::kUnauthenticated, "other keys than ours"));
  const TestConsortium impostor("hanguk");
  const Invitation theirs = impostor.Invite("kt", "kt-seoul");
  const Bytes request = Must(PrepareEnrolment(theirs, c.SiteDir("one"), kStart));
  EXPECT_TRUE(Refuses(AcceptEnrolment(invitation, c.SiteDir("one"),
                                      Must(impostor.authority->Enrol(request, kStart)), kStart),
                      ErrorCode::kUnauthenticated, "root CA is not the one"));
}

TEST_F(Refusals, OfARequestForSomebodyElsesSigningKey) {
  const Invitation invitation = c.Invite("kt", "kt-seoul");
  EnrolmentRequest request = Must(EnrolmentRequest::Parse(Request(invitation)));
  request.signing_key = c.Operator().signer->Key();
  EXPECT_TRUE(Refuses(c.authority->Enrol(request.Encode(), kStart), ErrorCode::kInvalid,
                      "not signed by its own signing key"));
}

TEST_F(Refusals, OfACertificateRequestMadeForAnotherInvitation) {
  EnrolmentRequest request = Must(EnrolmentRequest::Parse(Request(c.Invite("kt", "kt-seoul"))));
  const EnrolmentRequest other = Must(EnrolmentRequest::Parse(Request(c.Invite("kt", "kt-seoul"))));
  request.csr = other.csr;
  const Identity nobody = c.Operator();
  EXPECT_TRUE(Refuses(c.authority->Enrol(request.Encode(), kStart), ErrorCode::kInvalid,
                      "made for something else"));
}

// Whatever is refused for what it is: worth nothing, and any number of it.
std::vector<Bytes> Garbage(Refusals& refusals) {
  const TestConsortium other("other");
  const Identity nobody = other.Operator();
  const Invitation genuine = refusals.c.Invite("kt", "kt-seoul");
  SystemRandom random;
  const InvitationDraft draft = {genuine.subject,  genuine.domicile, genuine.expires,
                                 genuine.root_pin, genuine.address,  genuine.enrol_address};
  const Invitation forged = Must(MakeInvitation(draft, *nobody.signer, random));
  const Invitation late = refusals.c.Invite("kt", "kt-late", Role::kMember, kStart + hours(1));
  const Bytes late_request = refusals.Request(late, "late");
  EnrolmentRequest unsigned_one = Must(EnrolmentRequest::Parse(refusals.Request(genuine)));
  unsigned_one.signing_key = nobody.signer->Key();
  return {ToBytes("nonsense"), refusals.Request(forged), refusals.Request(other.Invite("a", "b")),
          late_request, unsigned_one.Encode()};
}

TEST_F(Refusals, OfWhoWasNotInvitedKeepNobodyOut) {
  const WallTime now = kStart + hours(2);
  for (const Bytes& request : Garbage(*this)) {
    for (int i = 0; i < 200; ++i) ASSERT_FALSE(c.authority->Enrol(request, now));
  }
  EXPECT_TRUE(c.authority->Enrol(Request(c.Invite("kt", "kt-seoul"), "good"), now));
}

TEST_F(Refusals, OfMoreEnrolmentsThanAMinuteTakesButNotOfAnotherMinutes) {
  const Bytes first = Request(c.Invite("kt", "kt-seoul"));
  Must(c.authority->Enrol(first, kStart));
  for (int i = 1; i < 120; ++i) {
    Must(c.authority->Enrol(Request(c.Invite("kt", "kt-seoul")), kStart));
  }
  const Bytes more = Request(c.Invite("kt", "kt-seoul"));
  EXPECT_TRUE(Refuses(c.authority->Enrol(more, kStart), ErrorCode::kUnavailable, "in a minute"));
  for (int i = 0; i < 120; ++i) {
    EXPECT_TRUE(c.authority->Enrol(first, kStart)) << "whose first answer was lost";
  }
  EXPECT_TRUE(Refuses(c.authority->Enrol(first, kStart), ErrorCode::kUnavailable, "in a minute"));
  EXPECT_TRUE(c.authority->Enrol(more, kStart + std::chrono::minutes(1)));
}

TEST_F(Refusals, OfASecondFounding) {
  ConsortiumPlan plan;
  plan.name = "hanguk";
  plan.address = plan.enrol_address = "localhost:1";
  plan.log_key_pem = Ed25519Signer::Generate()->ToPem();
  EXPECT_TRUE(Refuses(FoundConsortium(c.folder.str(), plan, kStart), ErrorCode::kAlreadyExists,
                      "nothing was changed"));
}

TEST_F(Refusals, OfASecondAuthorityOnTheSameFolder) {
  const auto second = IssuingAuthority::Open((c.folder / "aggregator").string(), {});
  EXPECT_TRUE(Refuses(second, ErrorCode::kFailedPrecondition, "identity.db"));
}

TEST_F(Refusals, OfAnIssuingCaThatIsOver) {
  const WallTime late = kStart + hours(24 * 366);
  EXPECT_TRUE(
      Refuses(c.authority->RenewOwn(late), ErrorCode::kFailedPrecondition, "issuing CA ended"));
}

TEST_F(Refusals, OfDamagedFiles) {
  c.Enrol("kt", "kt-seoul");
  const fs::path folder = fs::path(c.SiteDir("kt-seoul")) / "identity";
  for (const char* name :
       {"tls.key", "tls.crt", "root.crt", "signing.key", "signing.crt", "consortium.json"}) {
    const fs::path path = folder / name;
    fs::copy_file(path, folder / "kept");
    std::ofstream(path, std::ios::trunc) << "damaged";
    EXPECT_TRUE(Refuses(LoadIdentity(c.SiteDir("kt-seoul")), ErrorCode::kCorrupt, "")) << name;
    fs::rename(folder / "kept", path);
    ASSERT_TRUE(LoadIdentity(c.SiteDir("kt-seoul"))) << name;
  }
  // Keys and certificates of two seats, mixed.
  c.Enrol("lg", "lg-seoul");
  const fs::path other = fs::path(c.SiteDir("lg-seoul")) / "identity";
  for (const char* name : {"tls.key", "signing.key", "consortium.json"}) {
    const fs::path path = folder / name;
    fs::copy_file(path, folder / "kept");
    fs::copy_file(other / name, path, fs::copy_options::overwrite_existing);
    EXPECT_TRUE(Refuses(LoadIdentity(c.SiteDir("kt-seoul")), ErrorCode::kCorrupt, "")) << name;
    fs::rename(folder / "kept", path);
  }
  EXPECT_TRUE(Refuses(LoadIdentity(c.SiteDir("nobody")), ErrorCode::kNotFound, "enrol first"));
}

}  // namespace
}  // namespace dure::identity
