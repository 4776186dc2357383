// Cosignatures against the reference's vectors, on notes of several cosigners, and the record's own
// roll of who may co-sign.
#include "policy/ledger/cosign.h"

#include <gmock/gmock.h>

#include "federation/limits.h"
#include "policy/ledger/cosigner_roll.h"
#include "policy/ledger/testing.h"

namespace dure::ledger {
namespace {

using testing::Consortium;
using testing::DigestOf;
using testing::ReferenceSigner;
using testing::SignerOf;

constexpr char kTesseraVkey[] =
    "example.com/log/testdata+33d7b496+AeHTu4Q3hEIMHNqc6fASMsq3rKNx280NI+oO5xCFkkSx";
constexpr char kTesseraBody[] =
    "example.com/log/testdata\n15\nrKbDipCvhuX1GZ7g5BBe8sA6BbJ7ja/1nk427v383cs=\n";
constexpr char kVectorLine[] =
    "\xE2\x80\x94 witness.example/w1 "
    "519lMgAAAABkGFDLo0vvaVMnQBetpNUCKKILroiWxoSAyyV9iB/cgczFo9ONQdSuKdatX9+k2ggtjAKaVSHrTWaVvipK5"
    "HiRqnepAA==\n";

WallTime InSeconds(uint64_t seconds) { return WallTime(std::chrono::seconds(seconds)); }

TEST(Cosign, ReproducesTheReferenceCosignature) {
  const auto signer = ReferenceSigner();
  const CosignerKey key = *CosignerKey::Make("witness.example/w1", signer->Key());
  EXPECT_EQ(key.Id(), 0xe75f6532u);
  const TreeHead head = *TreeHead::Parse(kTesseraBody);
  const Cosignature cosignature = Cosign(head, key, *signer, InSeconds(1679315147));
  EXPECT_EQ(cosignature.Line(), kVectorLine);
  EXPECT_TRUE(VerifyCosignature(head, cosignature, key, Ed25519Verifier()));
  EXPECT_EQ(*Cosignature::Parse(kVectorLine), cosignature);
}

TEST(Cosign, AKeyIsOneTextAndNeverALogs) {
  const auto signer = ReferenceSigner();
  const CosignerKey key = *CosignerKey::Make("witness.example/w1", signer->Key());
  EXPECT_EQ(*CosignerKey::Parse(key.Vkey()), key);
  EXPECT_FALSE(CosignerKey::Parse(kTesseraVkey).has_value());
  EXPECT_FALSE(NoteKey::Parse(key.Vkey()).has_value());
  EXPECT_FALSE(CosignerKey::Make("a b", signer->Key()).has_value());
}

TEST(Cosign, CoversTimeSizeRootAndOrigin) {
  const auto signer = ReferenceSigner();
  const CosignerKey key = *CosignerKey::Make("w", signer->Key());
  const TreeHead head{"log", 7, DigestOf("root")};
  const Cosignature good = Cosign(head, key, *signer, InSeconds(5));
  Cosignature later = good;
  later.seconds++;
  EXPECT_FALSE(VerifyCosignature(head, later, key, Ed25519Verifier()));
  for (const TreeHead& other : {TreeHead{"log", 8, head.root}, TreeHead{"log", 7, DigestOf("x")},
                                TreeHead{"gol", 7, head.root}}) {
    EXPECT_FALSE(VerifyCosignature(other, good, key, Ed25519Verifier()));
  }
  // The same key under another name has another id, so its line is another's.
  EXPECT_FALSE(
      VerifyCosignature(head, good, *CosignerKey::Make("v", signer->Key()), Ed25519Verifier()));
}

class CosignedNoteTest : public ::testing::Test {
 protected:
  Cosignature By(size_t i, uint64_t seconds = 100) const {
    return Cosign(head_.head, keys_[i], *signers_[i], InSeconds(seconds));
  }
  const std::unique_ptr<Ed25519Signer> log_signer_ = SignerOf(1);
  const NoteKey log_key_ = *NoteKey::Make("log", log_signer_->Key());
  const SignedHead head_ = SignHead({"log", 9, DigestOf("root")}, log_key_, *log_signer_);
  const std::vector<std::unique_ptr<Ed25519Signer>> signers_ = [] {
    std::vector<std::unique_ptr<Ed25519Signer>> made;
    for (uint8_t i = 0; i < 3; ++i) made.push_back(SignerOf(static_cast<uint8_t>(10 + i)));
    return made;
  }();
  const std::vector<CosignerKey> keys_ = {*CosignerKey::Make("a/auditor", signers_[0]->Key()),
                                          *CosignerKey::Make("b/auditor", signers_[1]->Key()),
                                          *CosignerKey::Make("c/auditor", signers_[2]->Key())};
};

TEST_F(CosignedNoteTest, OpensWithTheLogsKeyAloneAndWithItsCosigners) {
  const std::string note = WithCosignatures(head_.note, {By(0), By(1), By(2)});
  const auto plain = OpenHead(note, log_key_, Ed25519Verifier());
  ASSERT_TRUE(plain.has_value()) << plain.error().message;
  EXPECT_EQ(plain->head, head_.head);
  const auto opened = OpenCosigned(note, log_key_, {keys_[0], keys_[2]}, Ed25519Verifier());
  ASSERT_TRUE(opened.has_value()) << opened.error().message;
  EXPECT_EQ(opened->head.note, head_.note);
  EXPECT_THAT(opened->cosignatures, ::testing::ElementsAre(By(0), By(2)));
  EXPECT_EQ(opened->Note(), WithCosignatures(head_.note, {By(0), By(2)}));
}

TEST_F(CosignedNoteTest, CountsACosignerOnce) {
  const std::string note = WithCosignatures(head_.note, {By(0), By(0, 200), By(0)});
  EXPECT_THAT(OpenCosigned(note, log_key_, keys_, Ed25519Verifier())->cosignatures,
              ::testing::ElementsAre(By(0)));
}

TEST_F(CosignedNoteTest, AKnownCosignersWrongLineSpoilsTheNote) {
  Cosignature wrong = By(1);
  wrong.seconds++;
  const std::string note = WithCosignatures(head_.note, {By(0), wrong});
  EXPECT_EQ(OpenCosigned(note, log_key_, keys_, Ed25519Verifier()).error().code,
            ErrorCode::kUnauthenticated);
  EXPECT_TRUE(OpenCosigned(note, log_key_, {keys_[0]}, Ed25519Verifier()).has_value());
  // A plain signature under the cosigner's name and id is no cosignature either.
  std::string cut = By(1).Line();
  Bytes bytes = *FromBase64(cut.substr(cut.rfind(' ') + 1, cut.size() - cut.rfind(' ') - 2));
  bytes.resize(bytes.size() - 8);
  cut = cut.substr(0, cut.rfind(' ') + 1) + ToBase64(bytes) + "\n";
  EXPECT_EQ(OpenCosigned(head_.note + cut, log_key_, keys_, Ed25519Verifier()).error().code,
            ErrorCode::kUnauthenticated);
  EXPECT_EQ(Cosignature::Parse(cut).error().code, ErrorCode::kInvalid);
}

TEST_F(CosignedNoteTest, RefusesEverySingleBitMutation) {
  const std::string good = WithCosignatures(head_.note, {By(0), By(1)});
  for (size_t i = 0; i < good.size() * 8; ++i) {
    std::string bad = good;
    bad[i / 8] = static_cast<char>(bad[i / 8] ^ (1 << (i % 8)));
    const auto opened = OpenCosigned(bad, log_key_, keys_, Ed25519Verifier());
    // A changed name or key id is somebody unknown; that cosigner then does not count.
    EXPECT_TRUE(!opened || opened->cosignatures.size() < 2) << i;
  }
}

TEST_F(CosignedNoteTest, HoldsACosignatureOfEverySite) {
  std::string note = head_.note;
  for (size_t i = 0; i < limits::kSitesMax; ++i) note += By(i % 3, i).Line();
  EXPECT_LE(note.size(), kNoteBytesMax);
  EXPECT_TRUE(OpenCosigned(note, log_key_, keys_, Ed25519Verifier()).has_value());
}

class CosignerRollTest : public ::testing::Test {
 protected:
  CosignerRollTest() { c_.Found(*ledger_); }
  Event Announced(const SiteId& site, const CosignerKey& key) const {
    return CosignerAnnounced{site, key.Vkey()};
  }
  CosignerKey KeyOf(const SiteId& site, uint8_t seed) const {
    return *CosignerKey::Make(site.str() + "/auditor", SignerOf(seed)->Key());
  }
  uint64_t Add(Bytes entry) {
    const auto appended = ledger_->Append(std::move(entry), "");
    EXPECT_TRUE(appended.has_value()) << appended.error().message;
    return appended ? appended->receipt.index : 0;
  }
  ErrorCode Refused(Bytes entry) {
    const auto appended = ledger_->Append(std::move(entry), "");
    return appended ? ErrorCode::kInternal : appended.error().code;
  }
  std::vector<std::string> NamesAt(uint64_t size) const {
    std::vector<std::string> names;
    for (const Cosigner& one : ledger_->Cosigners()->At(size)) names.push_back(one.key.name);
    return names;
  }

  const Consortium c_;
  const std::unique_ptr<Ledger> ledger_ = c_.NewMemoryLedger();
};

TEST_F(CosignerRollTest, AnAnnouncedKeyCountsUnderLaterHeadsOnly) {
  const uint64_t at = Add(c_.BySite(*ledger_, Announced(c_.site_id, KeyOf(c_.site_id, 31))));
  EXPECT_THAT(NamesAt(at), ::testing::IsEmpty());
  EXPECT_THAT(NamesAt(at + 1), ::testing::ElementsAre("hospital-a-1/auditor"));
  const uint64_t revoked =
      Add(c_.ByAggregator(*ledger_, KeyRevoked{c_.site.member, c_.site.key, "left"}));
  EXPECT_THAT(NamesAt(revoked), ::testing::SizeIs(1));
  EXPECT_THAT(NamesAt(revoked + 1), ::testing::IsEmpty());
  EXPECT_TRUE(ledger_->Cosigners()->IsRevoked(KeyOf(c_.site_id, 31).key));
}

TEST_F(CosignerRollTest, AnotherKeyTakesThePlaceOfTheOneBefore) {
  Add(c_.BySite(*ledger_, Announced(c_.site_id, KeyOf(c_.site_id, 31))));
  const uint64_t at = Add(c_.BySite(*ledger_, Announced(c_.site_id, KeyOf(c_.site_id, 32))));
  EXPECT_EQ(ledger_->Cosigners()->At(at)[0].key, KeyOf(c_.site_id, 31));
  EXPECT_EQ(ledger_->Cosigners()->At(at + 1)[0].key, KeyOf(c_.site_id, 32));
  EXPECT_THAT(NamesAt(at + 1), ::testing::SizeIs(1));
}

// It only ever grows, and is asked for with every cosignature: nobody makes a copy of it for that.
TEST_F(CosignerRollTest, IsOneAndTheSameUntilAnEntryChangesIt) {
  const CosignerKey first = KeyOf(c_.site_id, 31);
  const uint64_t at = Add(c_.BySite(*ledger_, Announced(c_.site_id, first)));
  const auto roll = ledger_->Cosigners();
  Add(c_.BySite(*ledger_, EvaluationReported{testing::DigestOf("m"), c_.site_id, 1, 1, 1}));
  EXPECT_EQ(ledger_->Cosigners(), roll);
  Add(c_.BySite(*ledger_, Announced(c_.site_id, KeyOf(c_.site_id, 32))));
  EXPECT_NE(ledger_->Cosigners(), roll);
  EXPECT_TRUE(ledger_->Cosigners()->IsRevoked(first.key));
  EXPECT_FALSE(roll->IsRevoked(first.key)) << "whoever asked before holds what was then";
  EXPECT_EQ(roll->At(at + 1)[0].key, first);
}

// A mirror as well, of which the entries come in many extensions.
TEST_F(CosignerRollTest, IsOneAndTheSameInAMirrorToo) {
  Add(c_.BySite(*ledger_, Announced(c_.site_id, KeyOf(c_.site_id, 31))));
  MirrorOptions options;
  options.log_key = c_.log_key;
  options.verifier = &c_.verifier;
  const auto mirror = std::move(*Mirror::Open(std::move(options)));
  const auto follow = [&] {
    return mirror->Extend(*MakeExtension(*ledger_, mirror->Head().head.size));
  };
  ASSERT_FALSE(follow()->has_value());
  const auto roll = mirror->Cosigners();
  Add(c_.BySite(*ledger_, EvaluationReported{testing::DigestOf("m"), c_.site_id, 1, 1, 1}));
  ASSERT_FALSE(follow()->has_value());
  EXPECT_EQ(mirror->Cosigners(), roll);
  Add(c_.BySite(*ledger_, Announced(c_.site_id, KeyOf(c_.site_id, 32))));
  ASSERT_FALSE(follow()->has_value());
  EXPECT_NE(mirror->Cosigners(), roll);
}

TEST_F(CosignerRollTest, RefusesKeysOfOthersOfPensAndUnderOtherNames) {
  Add(c_.BySite(*ledger_, Announced(c_.site_id, KeyOf(c_.site_id, 31))));
  const auto other = [&](const Event& event) { return Refused(c_.ByOther(*ledger_, event)); };
  const ErrorCode broken = ErrorCode::kFailedPrecondition;
  EXPECT_EQ(other(Announced(c_.site_id, KeyOf(c_.site_id, 33))), broken) << "another site's";
  EXPECT_EQ(other(Announced(c_.other_id, KeyOf(c_.other_id, 31))), broken) << "another's key";
  EXPECT_EQ(other(Announced(c_.other_id, KeyOf(c_.other_id, 4))), broken) << "its own pen";
  EXPECT_EQ(other(Announced(c_.other_id, KeyOf(c_.site_id, 34))), broken) << "another's name";
  EXPECT_EQ(other(CosignerAnnounced{c_.other_id, "telecom-b-1/auditor+00000000+AA=="}), broken);
}

TEST_F(CosignerRollTest, CountsByTheHousesAndTheShareThatTheRecordSays) {
  Add(c_.BySite(*ledger_, Announced(c_.site_id, KeyOf(c_.site_id, 31))));
  Add(c_.ByOther(*ledger_, Announced(c_.other_id, KeyOf(c_.other_id, 32))));
  uint64_t size = ledger_->Head().head.size;
  EXPECT_THAT(ledger_->Cosigners()->Count(size, {}), ::testing::IsEmpty()) << "nobody described";
  EXPECT_FALSE(ledger_->Cosigners()->PolicyAt(size, c_.log_key).has_value());
  Add(c_.ByAggregator(*ledger_, MemberDescribed{c_.site.member, House::kPublic, "KR"}));
  Add(c_.ByAggregator(*ledger_, MemberDescribed{c_.other.member, House::kPrivate, "KR"}));
  EXPECT_THAT(ledger_->Cosigners()->Count(size, {}), ::testing::IsEmpty())
      << "a head's own entries";
  size = ledger_->Head().head.size;
  const auto houses = ledger_->Cosigners()->Count(size, {KeyOf(c_.site_id, 31)});
  EXPECT_THAT(houses, ::testing::ElementsAre(HouseAgreement{House::kPublic, 1, 1, 1},
                                             HouseAgreement{House::kPrivate, 1, 1, 0}));
  EXPECT_FALSE(AllAgree(houses));
  const auto policy = ledger_->Cosigners()->PolicyAt(size, c_.log_key);
  ASSERT_TRUE(policy.has_value());
  EXPECT_FALSE(policy->IsMetBy({KeyOf(c_.site_id, 31)}));
  EXPECT_TRUE(policy->IsMetBy({KeyOf(c_.site_id, 31), KeyOf(c_.other_id, 32)}));
  EXPECT_EQ(ledger_->Cosigners()->PercentAt(size), 50u);
  VotingRule rule;
  rule.cosign_percent = 66;
  Add(c_.ByAggregator(*ledger_, CharterDeclared{rule}));
  EXPECT_EQ(ledger_->Cosigners()->PercentAt(size), 50u);
  EXPECT_EQ(ledger_->Cosigners()->PercentAt(size + 1), 66u);
}

// A log takes both, and every copy then dissents: heads are judged as if they were not there.
TEST_F(CosignerRollTest, ASecondCharterOrDescriptionMovesNobodyAndLowersNothing) {
  Add(c_.BySite(*ledger_, Announced(c_.site_id, KeyOf(c_.site_id, 31))));
  Add(c_.ByOther(*ledger_, Announced(c_.other_id, KeyOf(c_.other_id, 32))));
  Add(c_.ByAggregator(*ledger_, MemberDescribed{c_.site.member, House::kPublic, "KR"}));
  Add(c_.ByAggregator(*ledger_, MemberDescribed{c_.other.member, House::kPrivate, "KR"}));
  VotingRule rule;
  rule.cosign_percent = 66;
  Add(c_.ByAggregator(*ledger_, CharterDeclared{rule}));
  const uint64_t before = ledger_->Head().head.size;
  // One house, of which one of two members would do.
  Add(c_.ByAggregator(*ledger_, MemberDescribed{c_.other.member, House::kPublic, "KR"}));
  rule.cosign_percent = 0;
  Add(c_.ByAggregator(*ledger_, CharterDeclared{rule}));
  const std::vector<CosignerKey> one = {KeyOf(c_.site_id, 31)};
  for (const uint64_t size : {before, ledger_->Head().head.size}) {
    EXPECT_EQ(ledger_->Cosigners()->PercentAt(size), 66u);
    EXPECT_THAT(ledger_->Cosigners()->Count(size, one),
                ::testing::ElementsAre(HouseAgreement{House::kPublic, 1, 1, 1},
                                       HouseAgreement{House::kPrivate, 1, 1, 0}));
  }
}

}  // namespace
}  // namespace dure::ledger
