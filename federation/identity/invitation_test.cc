#include "federation/identity/invitation.h"

#include <gmock/gmock.h>

#include "federation/canonical.h"
#include "federation/identity/testing.h"
#include "federation/limits.h"

namespace dure::identity {
namespace {

using testing::HasSubstr;

struct Invitations : testing::Test {
  Invitations() : signer(Must(Ed25519Signer::FromSeed(Bytes(32, 7)))) {
    draft.subject = {"hanguk", Must(MemberId::Parse("kt")), Role::kMember,
                     Must(SiteId::Parse("kt-seoul"))};
    draft.domicile = {House::kAcademic, "DE"};
    draft.expires = kStart;
    draft.root_pin = Sha256(AsBytes("root"));
    draft.address = "fed.example.org:7443";
    draft.enrol_address = "[2001:db8::1]:7444";
  }
  Result<Invitation> Make() { return MakeInvitation(draft, *signer, random); }

  std::unique_ptr<Ed25519Signer> signer;
  SeededRandom random{1};
  InvitationDraft draft;
};

TEST_F(Invitations, ComeBackFromTheirOneLine) {
  const Invitation made = Must(Make());
  EXPECT_EQ(made.text.find_first_of(" \n\t"), std::string::npos);
  EXPECT_LT(made.text.size(), 400u) << "a person pastes it";
  const Invitation read = Must(ParseInvitation("  " + made.text + "\r\n"));
  EXPECT_EQ(read.subject, draft.subject);
  EXPECT_EQ(read.domicile, draft.domicile);
  EXPECT_EQ(read.expires, draft.expires);
  EXPECT_EQ(read.nonce, made.nonce);
  EXPECT_EQ(read.root_pin, draft.root_pin);
  EXPECT_EQ(read.address, draft.address);
  EXPECT_EQ(read.enrol_address, draft.enrol_address);
  EXPECT_EQ(read.operator_key, signer->Key());
  EXPECT_EQ(read.text, made.text);
}

TEST_F(Invitations, AreNeverTheSameTwice) { EXPECT_NE(Must(Make()).nonce, Must(Make()).nonce); }

TEST_F(Invitations, RefuseEveryChangedCharacter) {
  const std::string text = Must(Make()).text;
  for (size_t at = 0; at < text.size(); ++at) {
    for (const char other : {'A', 'b', '3', '_', '=', ' ', '/'}) {
      std::string changed = text;
      if (changed[at] == other) continue;
      changed[at] = other;
      EXPECT_FALSE(ParseInvitation(changed)) << "character " << at << " became " << other;
    }
  }
}

TEST_F(Invitations, RefuseToBeCutOrLengthened) {
  const std::string text = Must(Make()).text;
  for (size_t n = 0; n < text.size(); ++n) EXPECT_FALSE(ParseInvitation(text.substr(0, n))) << n;
  EXPECT_FALSE(ParseInvitation(text + "A"));
  EXPECT_FALSE(ParseInvitation(text + text));
  EXPECT_FALSE(ParseInvitation(std::string(limits::kInvitationBytesMax + 1, 'A')));
  EXPECT_FALSE(ParseInvitation("dure2-"));
  EXPECT_FALSE(ParseInvitation("dure3-" + text.substr(6)));
}

TEST_F(Invitations, RefuseEveryFlippedBitOfTheirBytes) {
  const Bytes bytes = Must(FromBase64(Must(Make()).text.substr(6)));
  for (size_t bit = 0; bit < bytes.size() * 8; ++bit) {
    Bytes changed = bytes;
    changed[bit / 8] ^= static_cast<uint8_t>(1u << (bit % 8));
    EXPECT_FALSE(ParseInvitation("dure2-" + ToBase64Url(changed))) << "bit " << bit;
  }
}

TEST_F(Invitations, RefuseAnotherSignersSignature) {
  const Invitation made = Must(Make());
  const auto other = Must(Ed25519Signer::FromSeed(Bytes(32, 8)));
  const Bytes bytes = Must(FromBase64(made.text.substr(6)));
  CanonicalReader reader(bytes);
  const Bytes part = reader.Blob();
  // The right domain and key, but not the key that the invitation names.
  const Signature forged = other->Sign("dure-invitation-2", part);
  const Bytes whole = CanonicalWriter().Blob(part).Blob(forged).Take();
  const auto refused = ParseInvitation("dure2-" + ToBase64Url(whole));
  ASSERT_FALSE(refused);
  EXPECT_THAT(refused.error().message, HasSubstr("altered"));
  // A signature made for another purpose is none.
  const Signature elsewhere = signer->Sign("dure-enrolment-1", part);
  EXPECT_FALSE(
      ParseInvitation("dure2-" + ToBase64Url(CanonicalWriter().Blob(part).Blob(elsewhere).Take())));
}

TEST_F(Invitations, AreForPeopleAndSitesWithReachableAddresses) {
  draft.subject.role = Role::kAggregator;
  EXPECT_FALSE(Make());
  draft.subject.role = Role::kOfficer;
  EXPECT_TRUE(Make());
  draft.address = "no port";
  EXPECT_FALSE(Make());
}

TEST_F(Invitations, NameACountryByItsCode) {
  for (const char* wrong : {"", "K", "kr", "KOR", "K1", "대한"}) {
    draft.domicile.country = wrong;
    const auto refused = Make();
    ASSERT_FALSE(refused) << wrong;
    EXPECT_THAT(refused.error().message, HasSubstr("no country code"));
  }
}

TEST_F(Invitations, OfAnEarlierVersionAreToldSo) {
  const auto refused = ParseInvitation("dure1-" + Must(Make()).text.substr(6));
  ASSERT_FALSE(refused);
  EXPECT_THAT(refused.error().message, HasSubstr("earlier version"));
}

TEST(Houses, HaveOneNameAndOneNumber) {
  for (uint8_t number = 1; number <= 4; ++number) {
    const House house = Must(HouseOf(number));
    EXPECT_EQ(static_cast<uint8_t>(house), number);
    EXPECT_EQ(Must(ParseHouse(Name(house))), house);
  }
  EXPECT_FALSE(HouseOf(0));
  EXPECT_FALSE(HouseOf(5));
  EXPECT_FALSE(ParseHouse(""));
  const auto unknown = ParseHouse("lords");
  ASSERT_FALSE(unknown);
  EXPECT_THAT(unknown.error().message, HasSubstr("public, private, academic, small-firm"));
}

TEST_F(Invitations, EndAtTheirInstant) {
  const Invitation made = Must(Make());
  EXPECT_TRUE(CheckNotExpired(made, kStart - Duration(1)));
  const Status over = CheckNotExpired(made, kStart);
  ASSERT_FALSE(over);
  EXPECT_THAT(over.error().message, HasSubstr("expired 2026-11-24T00:00:00Z"));
}

TEST(Addresses, AreHostAndPort) {
  EXPECT_EQ(Must(ParseAddress("localhost:1")).host, "localhost");
  EXPECT_EQ(Must(ParseAddress("10.0.0.1:65535")).port, 65535);
  EXPECT_TRUE(Must(ParseAddress("10.0.0.1:80")).is_ip);
  EXPECT_FALSE(Must(ParseAddress("a.example.org:80")).is_ip);
  EXPECT_EQ(Must(ParseAddress("[::1]:7443")).host, "::1");
  for (const char* wrong : {"", ":", "host", "host:", ":80", "host:0", "host:65536",
                            "host:99999999999", "host:+1", "host:08", "ho st:1", "host:1 ",
                            "[::1:1", "[zz]:1", "::1:80", "h,IP:1", "a/b:1", "http://h:1"}) {
    EXPECT_FALSE(ParseAddress(wrong)) << wrong;
  }
}

TEST(Subjects, HaveOneUri) {
  const Subject subject = Must(Subject::FromUri("dure://hanguk/kt/member/kt-seoul"));
  EXPECT_EQ(subject.member.str(), "kt");
  EXPECT_EQ(subject.role, Role::kMember);
  EXPECT_EQ(subject.ToUri(), "dure://hanguk/kt/member/kt-seoul");
  for (const char* wrong :
       {"", "dure://", "dure://a/b/member", "dure://a/b/member/c/d", "dure://a/b/member/",
        "dure://a//member/c", "dure://a/b/king/c", "dure://A/b/member/c", "http://a/b/member/c",
        "dure://a/b/member/c ", "dure://a/b/Member/c"}) {
    EXPECT_FALSE(Subject::FromUri(wrong)) << wrong;
  }
  EXPECT_FALSE(Subject::FromUri("dure://" + std::string(10000, 'a')));
  EXPECT_FALSE(RoleOf(0));
  EXPECT_FALSE(RoleOf(6));
}

TEST(RevocationOrders, ComeBackFromTheirBytesAndNothingElseDoes) {
  const RevocationOrder order = {RevocationKind::kInvitation, std::string(32, 'a'), "잃음", true};
  const Bytes bytes = order.Encode();
  EXPECT_EQ(Must(RevocationOrder::Parse(bytes)), order);
  for (size_t n = 0; n < bytes.size(); ++n) {
    EXPECT_FALSE(RevocationOrder::Parse(ByteView(bytes).first(n))) << n;
  }
  const auto refuses = [](RevocationKind kind, std::string target, std::string reason) {
    return !RevocationOrder::Parse(RevocationOrder{kind, target, reason, false}.Encode());
  };
  EXPECT_TRUE(refuses(RevocationKind::kSite, "No Site", ""));
  EXPECT_TRUE(refuses(RevocationKind::kSerial, "", ""));
  EXPECT_TRUE(refuses(RevocationKind::kSerial, "ABC", ""));
  EXPECT_TRUE(refuses(RevocationKind::kInvitation, "abc", ""));
  EXPECT_TRUE(refuses(static_cast<RevocationKind>(9), "abc", ""));
  EXPECT_TRUE(refuses(RevocationKind::kMember, "kt", "two\nlines"));
  EXPECT_TRUE(refuses(RevocationKind::kMember, "kt", std::string(201, 'x')));
}

}  // namespace
}  // namespace dure::identity
