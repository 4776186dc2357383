// The whole life of a seat: founded, invited, enrolled, renewed, revoked.
#include <gmock/gmock.h>

#include <fstream>
#include <future>

#include "federation/crash_point.h"
#include "federation/identity/certificate.h"
#include "federation/identity/messages.h"
#include "federation/identity/testing.h"

namespace dure::identity {
namespace {

namespace fs = std::filesystem;
using std::chrono::hours;
using std::chrono::seconds;
using testing::HasSubstr;
using testing::StartsWith;

TEST(Life, ASiteEnrolsAndIsKnownByItsCertificate) {
  const TestConsortium c;
  const Identity kt = c.Enrol("kt", "kt-seoul");
  EXPECT_EQ(kt.subject, c.SubjectOf("kt", "kt-seoul", Role::kMember));
  EXPECT_EQ(kt.address, "localhost:7443");
  EXPECT_EQ(kt.enrol_address, "127.0.0.1:7444");
  EXPECT_EQ(kt.log_origin, "hanguk/log");
  EXPECT_EQ(kt.log_vkey, "hanguk/log+00000000+AQ");
  EXPECT_EQ(kt.root_pin, c.founded.root_pin);
  EXPECT_EQ(kt.not_after, kStart + hours(24 * 7));

  const PeerIdentity peer = Must(c.Verify(kt.cert_chain_pem, kStart, {Role::kMember}));
  EXPECT_EQ(peer.subject(), kt.subject);
  EXPECT_EQ(peer.serial, kt.serial);
  EXPECT_EQ(peer.not_after, kt.not_after);

  const auto seat = c.authority->FindSeat(Role::kMember, kt.site());
  ASSERT_TRUE(seat);
  EXPECT_EQ(seat->signing_key, kt.signer->Key());
  EXPECT_EQ(seat->serial, kt.serial);
}

TEST(Life, TheSiteKnowsTheAggregatorByThePinAndLaterByTheRoot) {
  const TestConsortium c;
  const Identity aggregator = Must(LoadIdentity((c.folder / "aggregator").string()));
  const Identity kt = c.Enrol("kt", "kt-seoul");
  EXPECT_EQ(kt.aggregator_key, aggregator.signer->Key());
  EXPECT_TRUE(VerifyAggregatorByPin(aggregator.cert_chain_pem, "hanguk", kt.root_pin, kStart));
  EXPECT_TRUE(VerifyPeer(aggregator.cert_chain_pem, kt.trust(), {}, kStart, {Role::kAggregator}));

  const auto by_site = VerifyAggregatorByPin(kt.cert_chain_pem, "hanguk", kt.root_pin, kStart);
  ASSERT_FALSE(by_site) << "a member's certificate must not pass for the aggregator";
  EXPECT_THAT(by_site.error().message, StartsWith("wrong role"));
  const TestConsortium other("other");
  const Identity foreign = Must(LoadIdentity((other.folder / "aggregator").string()));
  const auto refused = VerifyAggregatorByPin(foreign.cert_chain_pem, "hanguk", kt.root_pin, kStart);
  ASSERT_FALSE(refused);
  EXPECT_THAT(refused.error().message, StartsWith("foreign CA"));
}

TEST(Life, TheSameRequestGetsTheSameAnswerAfterALostOneAndACrash) {
  TestConsortium c;
  const Invitation invitation = c.Invite("kt", "kt-seoul");
  const std::string dir = c.SiteDir("kt-seoul");
  const Bytes request = Must(PrepareEnrolment(invitation, dir, kStart));
  const Bytes first = Must(c.authority->Enrol(request, kStart));
  c.Open();  // the aggregator was killed before the answer arrived
  // The site starts anew too; its keys are kept, its request is another one (signatures differ).
  const Bytes again = Must(PrepareEnrolment(invitation, dir, kStart + hours(1)));
  EXPECT_EQ(Must(c.authority->Enrol(again, kStart + hours(1))), first);
  // Even after the invitation expired: it was spent in time.
  EXPECT_EQ(Must(c.authority->Enrol(request, kStart + hours(48))), first);
  EXPECT_TRUE(AcceptEnrolment(invitation, dir, first, kStart + hours(1)));
  EXPECT_TRUE(AcceptEnrolment(invitation, dir, first, kStart + hours(1)));
}

TEST(Life, ASeatKeepsWhatItsInvitationSaysOfTheMember) {
  const TestConsortium c;
  const Invitation invitation =
      c.Invite("kaist", "kaist-a", Role::kMember, kStart + hours(24), {House::kAcademic, "DE"});
  const std::string dir = c.SiteDir("kaist-a");
  const Bytes request = Must(PrepareEnrolment(invitation, dir, kStart));
  Must(AcceptEnrolment(invitation, dir, Must(c.authority->Enrol(request, kStart)), kStart));
  EXPECT_EQ(Must(LoadIdentity(dir)).domicile, (Domicile{House::kAcademic, "DE"}));
  std::filesystem::remove(dir + "/identity/domicile.json");
  EXPECT_EQ(Must(LoadIdentity(dir)).domicile, std::nullopt) << "a folder of an older build";
  std::ofstream(dir + "/identity/domicile.json") << R"({"house": "lords", "country": "DE"})";
  EXPECT_FALSE(LoadIdentity(dir));
}

TEST(Life, RenewsBeforeAThirdIsLeftAndKeepsTheSigningKey) {
  const TestConsortium c;
  const Identity before = c.Enrol("kt", "kt-seoul");
  const WallTime due = RenewalTime(before.not_before, before.not_after);
  EXPECT_FALSE(RenewalDue(before, due - seconds(1)));
  ASSERT_TRUE(RenewalDue(before, due));
  const PeerIdentity peer = Must(c.Verify(before.cert_chain_pem, due));
  const std::string dir = c.SiteDir("kt-seoul");
  const Bytes request = Must(PrepareRenewal(before, dir, false));
  const Bytes response = Must(c.authority->Renew(peer, request, due));
  Must(AcceptRenewal(before, dir, response, due));
  const Identity after = Must(LoadIdentity(dir));
  EXPECT_EQ(after.not_after, due + hours(24 * 7));
  EXPECT_EQ(after.signer->Key(), before.signer->Key());
  EXPECT_EQ(after.tls_key_pem, before.tls_key_pem);
  EXPECT_NE(after.serial, before.serial);
  EXPECT_TRUE(c.Verify(before.cert_chain_pem, due)) << "the old one stays good until its end";
  EXPECT_EQ(c.authority->FindSeat(Role::kMember, after.site())->serial, after.serial);
}

TEST(Life, ARenewalMayReplaceTheTlsKeyAndSurvivesACrashBeforeTheKeyIsInPlace) {
  const TestConsortium c;
  const Identity before = c.Enrol("kt", "kt-seoul");
  const std::string dir = c.SiteDir("kt-seoul");
  const PeerIdentity peer = Must(c.Verify(before.cert_chain_pem));
  const Bytes request = Must(PrepareRenewal(before, dir, true));
  const std::string old_key = Slurp(fs::path(dir) / "identity/tls.key");
  const std::string new_key = Slurp(fs::path(dir) / "identity/tls.key.next");
  Must(PrepareRenewal(before, dir, true));
  EXPECT_EQ(Slurp(fs::path(dir) / "identity/tls.key.next"), new_key) << "asked again, same key";
  EXPECT_EQ(Must(LoadIdentity(dir)).tls_key_pem, old_key) << "unaccepted, nothing changed";
  Must(AcceptRenewal(before, dir, Must(c.authority->Renew(peer, request, kStart)), kStart));
  EXPECT_EQ(Must(LoadIdentity(dir)).tls_key_pem, new_key);

  // The crash between the new certificate and the new key: put the old key back, the new one
  // waiting.
  fs::rename(fs::path(dir) / "identity/tls.key", fs::path(dir) / "identity/tls.key.next");
  std::ofstream(fs::path(dir) / "identity/tls.key") << old_key;
  fs::permissions(fs::path(dir) / "identity/tls.key", fs::perms(0600));
  EXPECT_EQ(Must(LoadIdentity(dir)).tls_key_pem, new_key);
  EXPECT_EQ(Slurp(fs::path(dir) / "identity/tls.key"), new_key);
}

// Each stays in the book until its certificate ends, and is revoked by itself with the seat.
TEST(Life, ASeatThatRenewsInALoopHasToWaitAndNobodyElse) {
  const TestConsortium c;
  const Identity kt = c.Enrol("kt", "kt-seoul");
  const Identity lg = c.Enrol("lg", "lg-seoul");
  const PeerIdentity peer = Must(c.Verify(kt.cert_chain_pem));
  const Bytes request = Must(PrepareRenewal(kt, c.SiteDir("kt-seoul"), false));
  Bytes damaged = request;
  damaged.back() ^= 1;
  for (int i = 0; i < 10; ++i) EXPECT_FALSE(c.authority->Renew(peer, damaged, kStart));
  for (int i = 0; i < 6; ++i) Must(c.authority->Renew(peer, request, kStart + seconds(i)));
  const auto refused = c.authority->Renew(peer, request, kStart + seconds(6));
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code, ErrorCode::kUnavailable);
  EXPECT_THAT(refused.error().message, HasSubstr("renewed just now"));
  EXPECT_TRUE(c.authority->Renew(Must(c.Verify(lg.cert_chain_pem)),
                                 Must(PrepareRenewal(lg, c.SiteDir("lg-seoul"), false)), kStart));
  EXPECT_TRUE(c.authority->Renew(peer, request, kStart + seconds(601)));
  EXPECT_FALSE(c.authority->Renew(peer, request, kStart + seconds(602)));
  EXPECT_TRUE(c.authority->Renew(peer, request, kStart + hours(1)));
}

// Where a commit stops while it is being written, until it is let go on.
struct HeldCommit {
  std::promise<void> reached;
  std::promise<void> go_on;
};
HeldCommit* held_commit = nullptr;

void HoldCommit(std::string_view point, std::string_view) {
  if (point != "identity.before-commit") return;
  held_commit->reached.set_value();
  held_commit->go_on.get_future().wait();
}

TEST(Life, WhoAsksForASeatDoesNotWaitForARenewalThatIsBeingWritten) {
  const TestConsortium c;
  const Identity kt = c.Enrol("kt", "kt-seoul");
  const PeerIdentity peer = Must(c.Verify(kt.cert_chain_pem));
  const Bytes request = Must(PrepareRenewal(kt, c.SiteDir("kt-seoul"), false));
  const auto serial = [&] { return c.authority->FindSeat(Role::kMember, kt.site())->serial; };
  HeldCommit held;
  held_commit = &held;
  SetCrashHook(HoldCommit);
  auto renewal =
      std::async(std::launch::async, [&] { return c.authority->Renew(peer, request, kStart); });
  held.reached.get_future().wait();
  SetCrashHook(nullptr);
  auto answer = std::async(std::launch::async, [&] {
    return std::pair(serial(), c.authority->Seats().size() + c.authority->revocations()->size());
  });
  const bool answered = answer.wait_for(seconds(20)) == std::future_status::ready;
  held.go_on.set_value();
  EXPECT_TRUE(answered) << "it waited for the disk";
  if (answered) {
    EXPECT_EQ(answer.get(), std::pair(kt.serial, size_t{3})) << "nothing is told before it is kept";
  }
  EXPECT_TRUE(renewal.get());
  EXPECT_NE(serial(), kt.serial);
}

TEST(Life, RevocationActsAtOnceTellsTheObserverAndSurvivesARestart) {
  TestConsortium c;
  const Identity kt = c.Enrol("kt", "kt-seoul");
  const Identity lg = c.Enrol("lg", "lg-seoul");
  const PeerIdentity op = Must(c.Verify(c.Operator().cert_chain_pem));
  std::vector<uint64_t> told;
  c.authority->OnRevocation([&](auto snapshot) { told.push_back(snapshot->version()); });
  const auto before = c.authority->revocations();
  const RevocationOrder order = {RevocationKind::kSite, "kt-seoul", "laptop lost", false};
  EXPECT_THAT(Must(c.authority->Obey(op, order.Encode(), kStart + seconds(5))),
              HasSubstr("site kt-seoul revoked 2026-11-24T00:00:05Z: laptop lost"));
  EXPECT_EQ(told, std::vector<uint64_t>{before->version() + 1});
  c.Open();
  const auto refused = c.Verify(kt.cert_chain_pem);
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code, ErrorCode::kPermissionDenied);
  EXPECT_THAT(refused.error().message,
              StartsWith("revoked: site kt-seoul revoked 2026-11-24T00:00:05Z: laptop lost"));
  EXPECT_TRUE(c.Verify(lg.cert_chain_pem)) << "nobody else";

  const RevocationOrder lift = {RevocationKind::kSite, "kt-seoul", "found again", true};
  Must(c.authority->Obey(op, lift.Encode(), kStart));
  EXPECT_EQ(c.authority->Obey(op, lift.Encode(), kStart).error().code, ErrorCode::kNotFound);
  // Its keys are ended on the record: what it had lets it in no more, and new keys do.
  const auto with_old_keys = c.Verify(kt.cert_chain_pem);
  ASSERT_FALSE(with_old_keys);
  EXPECT_THAT(with_old_keys.error().message, HasSubstr("--new-keys"));
  fs::remove_all(c.SiteDir("kt-seoul"));
  EXPECT_TRUE(c.Verify(c.Enrol("kt", "kt-seoul").cert_chain_pem));
  EXPECT_TRUE(c.Verify(lg.cert_chain_pem)) << "nobody else";
}

TEST(Life, RevokesByMemberAndBySerialToo) {
  const TestConsortium c;
  const Identity seoul = c.Enrol("kt", "kt-seoul");
  const Identity busan = c.Enrol("kt", "kt-busan");
  const PeerIdentity op = Must(c.Verify(c.Operator().cert_chain_pem));
  const RevocationOrder serial = {RevocationKind::kSerial, seoul.serial, "", false};
  Must(c.authority->Obey(op, serial.Encode(), kStart));
  EXPECT_FALSE(c.Verify(seoul.cert_chain_pem));
  EXPECT_TRUE(c.Verify(busan.cert_chain_pem));
  const RevocationOrder member = {RevocationKind::kMember, "kt", "left", false};
  Must(c.authority->Obey(op, member.Encode(), kStart));
  EXPECT_FALSE(c.Verify(busan.cert_chain_pem));
  // The whole consortium's own member and the aggregator are not revoked by a slip.
  const RevocationOrder own = {RevocationKind::kMember, "hanguk", "", false};
  EXPECT_EQ(c.authority->Obey(op, own.Encode(), kStart).error().code, ErrorCode::kInvalid);
}

TEST(Life, ANameThatNobodyHoldsIsBarredAndTheSlipIsTold) {
  const TestConsortium c;
  (void)c.Enrol("kt", "kt-seoul");
  const PeerIdentity op = Must(c.Verify(c.Operator().cert_chain_pem));
  for (const RevocationKind kind : {RevocationKind::kSite, RevocationKind::kMember}) {
    const RevocationOrder slip = {kind, "kt-soul", "", false};
    EXPECT_THAT(Must(c.authority->Obey(op, slip.Encode(), kStart)),
                HasSubstr("WARNING: nobody of that name is enrolled"));
  }
  const RevocationOrder meant = {RevocationKind::kSite, "kt-seoul", "", false};
  EXPECT_THAT(Must(c.authority->Obey(op, meant.Encode(), kStart)),
              testing::Not(HasSubstr("WARNING")));
}

TEST(Life, OnlyAnOperatorRevokes) {
  const TestConsortium c;
  const PeerIdentity kt = Must(c.Verify(c.Enrol("kt", "kt-seoul").cert_chain_pem));
  const RevocationOrder order = {RevocationKind::kSite, "lg-seoul", "", false};
  const auto refused = c.authority->Obey(kt, order.Encode(), kStart);
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code, ErrorCode::kPermissionDenied);
  EXPECT_THAT(refused.error().message, StartsWith("wrong role"));
}

TEST(Life, ANewEnrolmentOfASeatRevokesTheCertificatesOfTheOldKeys) {
  const TestConsortium c;
  const Identity old = c.Enrol("kt", "kt-seoul");
  const PeerIdentity old_peer = Must(c.Verify(old.cert_chain_pem));
  fs::rename(c.SiteDir("kt-seoul"), c.SiteDir("stolen"));
  const Identity fresh = c.Enrol("kt", "kt-seoul");
  EXPECT_NE(fresh.signer->Key(), old.signer->Key());
  EXPECT_TRUE(c.Verify(fresh.cert_chain_pem));
  const auto refused = c.Verify(old.cert_chain_pem);
  ASSERT_FALSE(refused);
  EXPECT_THAT(refused.error().message, HasSubstr("superseded"));
  EXPECT_FALSE(
      c.authority->Renew(old_peer, Must(PrepareRenewal(old, c.SiteDir("stolen"), false)), kStart));
}

TEST(Life, TheIssuingCaIsRenewedWithTheRootKeyAndOldCertificatesStayGood) {
  TestConsortium c;
  const Identity old = c.Enrol("kt", "kt-seoul");
  const std::string aggregator = (c.folder / "aggregator").string();
  Must(RenewIssuing(aggregator, (c.folder / "ca-offline").string(), kStart));
  c.Open();
  EXPECT_TRUE(Must(c.authority->RenewOwn(kStart)));
  EXPECT_FALSE(Must(c.authority->RenewOwn(kStart)));
  const Identity lg = c.Enrol("lg", "lg-seoul");
  EXPECT_TRUE(c.Verify(old.cert_chain_pem));
  EXPECT_TRUE(c.Verify(lg.cert_chain_pem));
  const PeerIdentity peer = Must(c.Verify(old.cert_chain_pem));
  const std::string dir = c.SiteDir("kt-seoul");
  const Bytes request = Must(PrepareRenewal(old, dir, false));
  Must(AcceptRenewal(old, dir, Must(c.authority->Renew(peer, request, kStart)), kStart));
  EXPECT_TRUE(c.Verify(Must(LoadIdentity(dir)).cert_chain_pem));
  EXPECT_EQ(RenewIssuing(aggregator, (c.folder / "nowhere").string(), kStart).error().code,
            ErrorCode::kNotFound);
  const TestConsortium other("other");
  EXPECT_EQ(RenewIssuing(aggregator, (other.folder / "ca-offline").string(), kStart).error().code,
            ErrorCode::kCorrupt);
}

TEST(Life, TheAggregatorRenewsItselfAndKeepsItsNames) {
  const TestConsortium c;
  const std::string dir = (c.folder / "aggregator").string();
  const auto hosts = [&] {
    const Identity own = Must(LoadIdentity(dir));
    return Must(ReadLeaf(Must(DersOf(own.cert_chain_pem)).front())).hosts;
  };
  const auto before = hosts();
  EXPECT_THAT(before, testing::UnorderedElementsAre("localhost", "127.0.0.1"));
  EXPECT_FALSE(Must(c.authority->RenewOwn(kStart)));
  const WallTime late = kStart + hours(24 * 30);  // it was switched off for a month
  EXPECT_TRUE(Must(c.authority->RenewOwn(late)));
  EXPECT_EQ(hosts(), before);
  EXPECT_EQ(Must(LoadIdentity(dir)).not_after, late + hours(24 * 7));
}

TEST(Life, APersonIsRemindedOfTheIssuingCaInTime) {
  const TestConsortium c;
  const WallTime ends = c.authority->IssuingEnds();
  EXPECT_EQ(ends, c.founded.issuing_not_after);
  EXPECT_EQ(IssuingNotice(ends, ends - hours(24 * 60) - seconds(1)), "");
  EXPECT_THAT(IssuingNotice(ends, ends - hours(24 * 45)), HasSubstr("in 45 days"));
  EXPECT_THAT(IssuingNotice(ends, ends - hours(30)), HasSubstr("in 1 day,"));
  EXPECT_THAT(IssuingNotice(ends, ends), HasSubstr("ended 20"));
}

// Else it would be refused as not yet valid until two thirds of a life that has not begun are over.
TEST(Life, TheAggregatorRenewsWhatItMadeWhileItsClockWasAhead) {
  const TestConsortium c;
  const std::string dir = (c.folder / "aggregator").string();
  ASSERT_TRUE(Must(c.authority->RenewOwn(kStart + hours(24 * 30))));
  EXPECT_FALSE(c.Verify(Must(LoadIdentity(dir)).cert_chain_pem));
  EXPECT_TRUE(Must(c.authority->RenewOwn(kStart)));
  EXPECT_TRUE(c.Verify(Must(LoadIdentity(dir)).cert_chain_pem));
  EXPECT_FALSE(Must(c.authority->RenewOwn(kStart)));
}

// Else the certificate of keys that were stolen would be good again when the clock is right.
TEST(Life, AClockThatRanAheadMakesNoCertificateForgottenThatIsToBeRevoked) {
  const TestConsortium c;
  const Identity old = c.Enrol("kt", "kt-seoul");
  ASSERT_TRUE(Must(c.authority->RenewOwn(kStart + hours(24 * 30))));
  ASSERT_TRUE(Must(c.authority->RenewOwn(kStart)));
  fs::rename(c.SiteDir("kt-seoul"), c.SiteDir("stolen"));
  (void)c.Enrol("kt", "kt-seoul");
  const auto refused = c.Verify(old.cert_chain_pem);
  ASSERT_FALSE(refused);
  EXPECT_THAT(refused.error().message, HasSubstr("superseded"));
}

TEST(Life, LifetimesMayBeSecondsAndTheClockMayBeBehind) {
  TestConsortium c;
  c.lifetimes.site = seconds(3);
  c.Open();
  const Identity kt = c.Enrol("kt", "kt-seoul");
  EXPECT_TRUE(c.Verify(kt.cert_chain_pem, kStart + seconds(2)));
  const auto over = c.Verify(kt.cert_chain_pem, kStart + seconds(3));
  ASSERT_FALSE(over);
  EXPECT_THAT(over.error().message,
              StartsWith("expired: the certificate ended 2026-11-24T00:00:03Z"));
  EXPECT_TRUE(c.Verify(kt.cert_chain_pem, kStart - seconds(299)));
  EXPECT_FALSE(c.Verify(kt.cert_chain_pem, kStart - seconds(301)));
}

}  // namespace
}  // namespace dure::identity
