// The text formats of other people's specifications: notes, tree heads, tiles, DSSE, receipts.
#include <gmock/gmock.h>

#include "federation/limits.h"
#include "federation/random.h"
#include "policy/ledger/dsse.h"
#include "policy/ledger/receipt.h"
#include "policy/ledger/testing.h"
#include "policy/ledger/tiles.h"

namespace dure::ledger {
namespace {

constexpr char kSpecVkey[] =
    "example.com/foo+530d903a+AekyeRrm56hApGFkyQR4ZCbV54Id2LKaANYcrnKv3U2k";
constexpr char kSpecNote[] =
    "This is an example message.\n\n\xE2\x80\x94 example.com/foo "
    "Uw2QOkn8srV1yJGh2VYRlL1Tnagv1YEq6TfXppzi2ONncAlTgK7Ztg1ERYNZXsYjOBH3mFXmRKuwHjG1Yu72IneyaQM="
    "\n";

using testing::ReferenceSigner;

const Ed25519Verifier kVerifier;

TEST(Note, OpensTheSpecificationsExample) {
  const auto opened = OpenNote(kSpecNote, {*NoteKey::Parse(kSpecVkey)}, kVerifier);
  ASSERT_TRUE(opened.has_value()) << opened.error().message;
  EXPECT_EQ(opened->text, "This is an example message.\n");
  EXPECT_THAT(opened->signed_by, ::testing::ElementsAre("example.com/foo"));
}

TEST(Note, ReproducesTheReferenceSignatureOfAnEmptyTree) {
  const auto signer = ReferenceSigner();
  const NoteKey key = *NoteKey::Make("example.org/fed-ledger", signer->Key());
  EXPECT_EQ(key.Id(), 0x1e624eecu);
  const SignedHead head = SignHead({"example.org/fed-ledger", 0, EmptyRoot()}, key, *signer);
  EXPECT_EQ(
      head.note,
      "example.org/fed-ledger\n0\n47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=\n\n\xE2\x80\x94 "
      "example.org/fed-ledger "
      "HmJO7LPtzQej4oY2+i+yDwfXwgyB5v0C2tHerlu+o5ygVHuwa+0ygyHL8u3WJOUNZClWQkTaheA7"
      "jyAmlEqEdvWLKwc=\n");
}

TEST(Note, ReadsTheTesseraVerifierKeyThatHoldsNoPlusAndOneThatDoes) {
  const char tessera[] =
      "example.com/log/testdata+33d7b496+AeHTu4Q3hEIMHNqc6fASMsq3rKNx280NI+oO5xCFkkSx";
  EXPECT_EQ(NoteKey::Parse(tessera)->Vkey(), tessera);
  EXPECT_EQ(NoteKey::Parse(tessera)->name, "example.com/log/testdata");
}

TEST(Note, RefusesVerifierKeysThatAreNotExactlyOne) {
  const std::string good = kSpecVkey;
  for (const std::string& bad :
       {std::string(), std::string("x"), good + "=", good.substr(1), "a b" + good,
        "+" + good.substr(15), good.substr(0, 16) + "0000000a" + good.substr(24),
        good.substr(0, good.size() - 4)}) {
    EXPECT_FALSE(NoteKey::Parse(bad).has_value()) << bad;
  }
}

TEST(Note, IgnoresUnknownKeysButNotAKnownKeysBadSignature) {
  const auto signer = ReferenceSigner();
  const auto other = Ed25519Signer::Generate();
  const NoteKey key = *NoteKey::Make("log", signer->Key());
  const NoteKey stranger = *NoteKey::Make("log", other->Key());
  const std::string one = *SignNote("text\n", key, *signer);
  const std::string two = *SignNote("text\n", stranger, *other);
  const std::string both = one + two.substr(two.find("\n\n") + 2);
  EXPECT_TRUE(OpenNote(both, {key}, kVerifier).has_value());
  EXPECT_EQ(OpenNote(two, {key}, kVerifier).error().code, ErrorCode::kUnauthenticated);
  // The stranger's line is sound and the known key's is not: the whole note falls.
  std::string spoilt = *SignNote("other text\n", key, *signer);
  spoilt = "text\n" + spoilt.substr(spoilt.find("\n\n") + 1) + two.substr(two.find("\n\n") + 2);
  EXPECT_EQ(OpenNote(spoilt, {stranger, key}, kVerifier).error().code, ErrorCode::kUnauthenticated);
}

TEST(Note, RefusesEverySingleBitMutation) {
  const NoteKey key = *NoteKey::Parse(kSpecVkey);
  const std::string good = kSpecNote;
  for (size_t i = 0; i < good.size() * 8; ++i) {
    std::string bad = good;
    bad[i / 8] = static_cast<char>(bad[i / 8] ^ (1 << (i % 8)));
    EXPECT_FALSE(OpenNote(bad, {key}, kVerifier).has_value()) << i;
  }
}

TEST(Note, TakesSixteenSignaturesAndBoundsTheirNumber) {
  const auto signer = ReferenceSigner();
  const NoteKey key = *NoteKey::Make("log", signer->Key());
  const std::string one = *SignNote("text\n", key, *signer);
  const std::string line = one.substr(one.find("\n\n") + 2);
  std::string note = one;
  for (int i = 1; i < 16; ++i) note += line;
  EXPECT_TRUE(OpenNote(note, {key}, kVerifier).has_value());
  for (size_t i = 16; i <= limits::kNoteSignaturesMax; ++i) note += line;
  EXPECT_EQ(OpenNote(note, {key}, kVerifier).error().code, ErrorCode::kInvalid);
}

TEST(TreeHead, RefusesEveryOtherSpelling) {
  const std::string root = "47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=";
  EXPECT_TRUE(TreeHead::Parse("log\n0\n" + root + "\n").has_value());
  EXPECT_TRUE(TreeHead::Parse("log\n12\n" + root + "\n").has_value());
  for (const std::string& bad :
       {std::string(), "log\n0\n" + root, "\n0\n" + root + "\n", "l g\n0\n" + root + "\n",
        "l+g\n0\n" + root + "\n", "log\n00\n" + root + "\n", "log\n-1\n" + root + "\n",
        "log\n\n" + root + "\n", "log\n+1\n" + root + "\n", "log\n0\n" + root + "\nextra\n",
        "log\n9223372036854775809\n" + root + "\n", std::string("log\n0\nAAAA\n"),
        "log\n1\n" + root.substr(0, 43) + "\n", "log\n0\n" + std::string(43, 'A') + "=\n"}) {
    EXPECT_FALSE(TreeHead::Parse(bad).has_value()) << bad;
  }
}

TEST(Tiles, WritesTheSpecificationsPaths) {
  EXPECT_EQ((TilePath{false, 0, 1234067, 256}.Text()), "tile/0/x001/x234/067");
  EXPECT_EQ((TilePath{true, 0, 0, 12}.Text()), "tile/entries/000.p/12");
  EXPECT_EQ((TilePath{false, 63, 999, 255}.Text()), "tile/63/999.p/255");
}

TEST(Tiles, ListsTheTilesOfSeventyThousandLeaves) {
  size_t full = 0;
  std::vector<std::string> partial;
  for (const TilePath& path : TilesOf(70000)) {
    if (path.entries) continue;
    if (path.width == kTileWidth) full++;
    if (path.width != kTileWidth) partial.push_back(path.Text());
  }
  EXPECT_EQ(full, 273u + 1u);
  EXPECT_THAT(partial,
              ::testing::ElementsAre("tile/0/273.p/112", "tile/1/001.p/17", "tile/2/000.p/1"));
}

TEST(Tiles, ParsesWhatItWritesAndNothingElse) {
  SeededRandom random(1);
  for (int i = 0; i < 2000; ++i) {
    TilePath path;
    path.entries = random.Below(2) == 0;
    path.level = path.entries ? 0 : static_cast<unsigned>(random.Below(64));
    path.n = random.Next64() >> random.Below(64);
    path.width = static_cast<unsigned>(1 + random.Below(256));
    const auto parsed = TilePath::Parse(path.Text());
    ASSERT_TRUE(parsed.has_value()) << path.Text();
    EXPECT_EQ(*parsed, path);
  }
  for (const char* bad :
       {"", "tile", "tile/", "tile/0", "tile/0/", "tile/0/0", "tile/00/000", "tile/64/000",
        "tile/0/000.p/0", "tile/0/000.p/256", "tile/0/000.p/01", "tile/0/x000/001",
        "tile/0/001/001", "tile/0/x001", "tile/-1/000", "tile/entries/000.p/",
        "tile/0/x999/x999/x999/x999/x999/x999/x999/999", "tile/0/../000", "tile/0/0a0"}) {
    EXPECT_FALSE(TilePath::Parse(bad).has_value()) << bad;
  }
}

TEST(Tiles, BundlesRoundTripAndRefuseOtherLengths) {
  const std::vector<Bytes> entries = {ToBytes("one"), {}, Bytes(65535, 7)};
  const Bytes bundle = EncodeBundle(entries);
  EXPECT_EQ(bundle.size(), 3 * 2 + 3 + 65535u);
  EXPECT_EQ(*DecodeBundle(bundle, 3), entries);
  EXPECT_FALSE(DecodeBundle(bundle, 2).has_value());
  EXPECT_FALSE(DecodeBundle(bundle, 4).has_value());
  for (size_t cut : {size_t{0}, size_t{1}, size_t{4}, bundle.size() - 1}) {
    EXPECT_FALSE(DecodeBundle(ByteView(bundle).first(cut), 3).has_value()) << cut;
  }
}

TEST(Dsse, EncodesTheSpecificationsExample) {
  const Bytes pae =
      PreAuthenticationEncoding("http://example.com/HelloWorld", AsBytes("hello world"));
  EXPECT_EQ(AsText(pae), "DSSEv1 29 http://example.com/HelloWorld 11 hello world");
  EXPECT_EQ(Sha256(pae).Hex(), "217751fac2c4f14edb2c9297fbc34abcb016ba88e74757e875ec4ac16fb6b6a1");
}

TEST(Dsse, HandsBackTheBytesThatWereSigned) {
  const auto signer = ReferenceSigner();
  const Bytes sealed = SealEnvelope("text/plain", AsBytes("{ \"a\": 1 }"), "hint", *signer);
  const auto envelope = ParseEnvelope(sealed);
  ASSERT_TRUE(envelope.has_value());
  EXPECT_EQ(AsText(envelope->payload), "{ \"a\": 1 }");
  EXPECT_EQ(envelope->signatures[0].key_id, "hint");
  EXPECT_TRUE(SignedBy(*envelope, signer->Key(), kVerifier));
  EXPECT_FALSE(SignedBy(*envelope, Ed25519Signer::Generate()->Key(), kVerifier));
  Envelope other = *envelope;
  other.payload_type = "text/plaim";
  EXPECT_FALSE(SignedBy(other, signer->Key(), kVerifier));
}

TEST(Dsse, RefusesEnvelopesThatTwoReadersCouldReadDifferently) {
  const std::string signature = R"("signatures":[{"sig":"AA=="}])";
  EXPECT_TRUE(ParseEnvelope(AsBytes(R"({"payload":"AA==","payloadType":"t",)" + signature + "}"))
                  .has_value());
  for (const std::string& bad :
       {std::string("[]"), std::string("{}"), std::string("{\"payload\":"),
        R"({"payload":"AA==","payload":"AQ==","payloadType":"t",)" + signature + "}",
        R"({"payload":"A","payloadType":"t",)" + signature + "}",
        R"({"payload":"AA==","payloadType":1,)" + signature + "}",
        std::string(R"({"payload":"AA==","payloadType":"t","signatures":[]})"),
        std::string(R"({"payload":"AA==","payloadType":"t","signatures":["x"]})"),
        std::string(20000, '['), "{\"payload\":\"" + std::string(70000, 'A') + "\"}"}) {
    EXPECT_FALSE(ParseEnvelope(AsBytes(bad)).has_value()) << bad.substr(0, 80);
  }
}

class ReceiptTest : public ::testing::Test {
 protected:
  ReceiptTest() {
    for (size_t i = 0; i < 11; ++i) tree_.Append(LeafHash(AsBytes("entry " + std::to_string(i))));
    receipt_.index = 6;
    receipt_.inclusion = tree_.ProveInclusion(6, 11);
    receipt_.head = SignHead({"log", 11, tree_.Root()}, key_, *signer_);
  }
  const std::unique_ptr<Ed25519Signer> signer_ = ReferenceSigner();
  const NoteKey key_ = *NoteKey::Make("log", signer_->Key());
  MerkleTree tree_;
  Receipt receipt_;
};

TEST_F(ReceiptTest, TravelsAsATlogProofFile) {
  const std::string file = receipt_.ToTlogProof();
  EXPECT_TRUE(file.starts_with("c2sp.org/tlog-proof@v1\nindex 6\n"));
  const auto read = ParseTlogProof(file, key_, kVerifier);
  ASSERT_TRUE(read.has_value()) << read.error().message;
  EXPECT_EQ(read->ToTlogProof(), file);
  EXPECT_TRUE(VerifyReceipt(AsBytes("entry 6"), *read, key_, kVerifier).has_value());
  EXPECT_EQ(VerifyReceipt(AsBytes("entry 7"), *read, key_, kVerifier).error().code,
            ErrorCode::kCorrupt);
}

TEST_F(ReceiptTest, AnySingleBitMutationOfTheFileIsRefusedOrProvesNothing) {
  const std::string file = receipt_.ToTlogProof();
  for (size_t i = 0; i < file.size() * 8; ++i) {
    std::string bad = file;
    bad[i / 8] = static_cast<char>(bad[i / 8] ^ (1 << (i % 8)));
    const auto read = ParseTlogProof(bad, key_, kVerifier);
    if (!read) continue;
    EXPECT_FALSE(VerifyReceipt(AsBytes("entry 6"), *read, key_, kVerifier).has_value()) << i;
  }
}

TEST_F(ReceiptTest, SkipsTheExtraLineAndRefusesOtherShapes) {
  std::string extra = receipt_.ToTlogProof();
  extra.insert(extra.find("index"), "extra AAAA\n");
  EXPECT_TRUE(ParseTlogProof(extra, key_, kVerifier).has_value());
  for (const char* bad :
       {"", "\n\n", "c2sp.org/tlog-proof@v1\n\n", "c2sp.org/tlog-proof@v1\nindex 06\n\nx",
        "c2sp.org/tlog-proof@v2\nindex 6\n\nx"}) {
    EXPECT_FALSE(ParseTlogProof(bad, key_, kVerifier).has_value()) << bad;
  }
}

}  // namespace
}  // namespace dure::ledger
