#include <gmock/gmock.h>

#include <algorithm>
#include <bit>
#include <cmath>
#include <limits>

#include "federation/bytes.h"
#include "federation/canonical.h"
#include "federation/check.h"
#include "federation/clock.h"
#include "federation/digest.h"
#include "federation/error_code.h"
#include "federation/ids.h"
#include "federation/random.h"
#include "federation/signer.h"
#include "federation/steady_wall.h"

namespace dure {
namespace {

TEST(ErrorCode, IsOneWordInMessagesAndEntries) {
  EXPECT_EQ(CodeWord(ErrorCode::kFailedPrecondition), "failed-precondition");
  EXPECT_EQ(CodeWord(ErrorCode::kCorrupt), "corrupt");
}

TEST(Bytes, RoundTripThroughEveryTextForm) {
  SeededRandom random(1);
  for (size_t n = 0; n < 70; ++n) {
    Bytes bytes(n);
    random.Fill(bytes);
    EXPECT_EQ(FromHex(ToHex(bytes)).value(), bytes);
    EXPECT_EQ(FromBase64(ToBase64(bytes)).value(), bytes);
    EXPECT_EQ(FromBase64(ToBase64Url(bytes)).value(), bytes);
  }
  EXPECT_FALSE(FromHex("abc"));
  EXPECT_FALSE(FromHex("zz"));
  EXPECT_FALSE(FromBase64("AAAAA"));
  EXPECT_FALSE(FromBase64("A A="));
  EXPECT_FALSE(FromBase64("AB=="));  // stray bits: a second encoding of the same bytes
}

TEST(Digest, KnowsTheVectorsOfFips180) {
  EXPECT_EQ(Sha256({}).Hex(), "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
  EXPECT_EQ(Sha256(AsBytes("abc")).Hex(),
            "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
  Sha256Hasher hasher;
  EXPECT_EQ(hasher.Update("a").Update("bc").Finish(), Sha256(AsBytes("abc")));
  EXPECT_EQ(hasher.Finish(), Sha256({}));
}

TEST(Ids, RefuseWhatCouldEscapeAPath) {
  EXPECT_TRUE(MemberId::Parse("kt-1"));
  for (const char* bad : {"", "-a", "a-", "A", "a/b", "..", "a b", "가"}) {
    EXPECT_FALSE(MemberId::Parse(bad)) << bad;
  }
  EXPECT_FALSE(RunId::Parse(std::string(65, 'a')));
}

TEST(Signer, BindsTheDomain) {
  const auto signer = Ed25519Signer::Generate();
  const Ed25519Verifier verifier;
  const Bytes message = ToBytes("두레");
  const Signature signature = signer->Sign("plan", message);
  EXPECT_TRUE(verifier.Verify("plan", signer->Key(), message, signature));
  EXPECT_FALSE(verifier.Verify("receipt", signer->Key(), message, signature));
  EXPECT_FALSE(verifier.Verify("plan", Ed25519Signer::Generate()->Key(), message, signature));
  const auto reloaded = Ed25519Signer::FromPem(signer->ToPem());
  EXPECT_EQ((*reloaded)->Key(), signer->Key());
}

TEST(Signer, GivesTheVectorOfRfc8032) {
  const Bytes seed =
      FromHex("9d61b19deffd5a60ba844af492ec2cc44449c5697b326919703bac031cae7f60").value();
  const auto signer = Ed25519Signer::FromSeed(seed).value();
  EXPECT_EQ(ToHex(signer->Key()),
            "d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a");
  EXPECT_EQ(ToHex(signer->SignRaw({})),
            "e5564300c360ac729086e2cc806e828a84877f1eb8e5d974d873e065224901555fb8821590a33bacc61e39"
            "701cf9b46b"
            "d25bf5f0595bbe24655141438e7a100b");
}

// The points whose order divides eight, and second encodings of them; each also with the other
// sign.
constexpr const char* kSmallOrder[] = {
    "0000000000000000000000000000000000000000000000000000000000000000",
    "0100000000000000000000000000000000000000000000000000000000000000",
    "26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc05",
    "c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac037a",
    "ecffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
    "edffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
    "eeffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f"};

// Of as many messages, those that a signature of R = a point of small order, S = 0 holds for.
int ForgedUnder(const PublicKey& key) {
  const Ed25519Verifier verifier;
  int forged = 0;
  for (const char* point : kSmallOrder) {
    Bytes signature = FromHex(point).value();
    signature.resize(sizeof(Signature));
    for (uint8_t i = 0; i < 20; ++i) {
      forged += verifier.Verify("test", key, Bytes(1, i), signature) ? 1 : 0;
    }
  }
  return forged;
}

TEST(Signer, TakesNothingOfAKeyUnderWhichAnybodyCanSign) {
  for (const char* text : kSmallOrder) {
    PublicKey key;
    std::ranges::copy(FromHex(text).value(), key.begin());
    EXPECT_EQ(ForgedUnder(key), 0) << text;
    key.back() |= 0x80;
    EXPECT_EQ(ForgedUnder(key), 0) << text << ", the other sign";
  }
}

TEST(Signer, TakesOneSignatureOfAMessageAndNotThatPlusTheGroupsOrder) {
  const auto signer = Ed25519Signer::FromSeed(Bytes(32, 7)).value();
  const Bytes message{1, 2, 3};
  const Signature signature = signer->Sign("test", message);
  const Ed25519Verifier verifier;
  ASSERT_TRUE(verifier.Verify("test", signer->Key(), message, signature));
  const Bytes order =
      FromHex("edd3f55c1a631258d69cf7a2def9de1400000000000000000000000000000010").value();
  Signature other = signature;
  unsigned carry = 0;
  for (size_t i = 0; i < order.size(); ++i) {
    carry += other[32 + i] + order[i];
    other[32 + i] = static_cast<uint8_t>(carry);
    carry >>= 8;
  }
  EXPECT_NE(other, signature);
  EXPECT_FALSE(verifier.Verify("test", signer->Key(), message, other));
}

TEST(Canonical, ReadsBackWhatItWroteAndNothingElse) {
  const Bytes bytes = CanonicalWriter()
                          .U8(1)
                          .U32(2)
                          .U64(3)
                          .F32(-0.0f)
                          .F64(1e300)
                          .Bool(true)
                          .Text("두레")
                          .Raw32(Sha256({}))
                          .Take();
  CanonicalReader reader(bytes);
  EXPECT_EQ(reader.U8(), 1);
  EXPECT_EQ(reader.U32(), 2u);
  EXPECT_EQ(reader.U64(), 3u);
  EXPECT_TRUE(std::signbit(reader.F32()));
  EXPECT_EQ(reader.F64(), 1e300);
  EXPECT_TRUE(reader.Bool());
  EXPECT_EQ(reader.Text(), "두레");
  EXPECT_EQ(reader.Raw32(), Sha256({}));
  EXPECT_TRUE(reader.Done("value"));
  CanonicalReader longer(bytes);
  longer.U8();
  EXPECT_FALSE(longer.Done("value"));
  const Bytes length_without_text = CanonicalWriter().U32(0xffffffff).Take();
  CanonicalReader huge(length_without_text);
  EXPECT_EQ(huge.Text(), "");
  EXPECT_FALSE(huge.ok());
}

TEST(SeededRandom, RepeatsFromItsSeedAndBelowIsInRange) {
  SeededRandom a(7);
  SeededRandom b(7);
  for (int i = 0; i < 1000; ++i) {
    const uint64_t value = a.Below(10);
    EXPECT_EQ(value, b.Below(10));
    EXPECT_LT(value, 10u);
  }
}

TEST(Clock, FormatsUtc) {
  EXPECT_EQ(FormatRfc3339(WallTime(std::chrono::seconds(1'700'000'000))), "2023-11-14T22:13:20Z");
}

TEST(CheckDeathTest, NamesThePromise) {
  EXPECT_DEATH(DURE_CHECK(1 == 2, "arithmetic holds"), "arithmetic holds");
}

class SetClock : public Clock {
 public:
  MonoTime Now() const override { return MonoTime(passed_); }
  WallTime WallNow() const override {
    return WallTime(std::chrono::days(20000) + passed_ + slept_ + set_);
  }
  Duration SinceBoot() const override { return passed_ + slept_; }
  void At(MonoTime, std::function<void()>) override {}
  void Pass(Duration time) { passed_ += time; }
  void Sleep(Duration time) { slept_ += time; }
  void SetBy(Duration by) { set_ = by; }

 private:
  Duration passed_{};
  Duration slept_{};
  Duration set_{};
};

TEST(SteadyWall, FollowsAClockThatIsCorrectedAndNotOneThatIsSetFarOff) {
  using std::chrono::minutes;
  SetClock clock;
  SteadyWall wall(clock);
  const WallTime start = clock.WallNow();
  clock.Pass(minutes(60));
  EXPECT_EQ(wall.Now(), start + minutes(60));
  clock.SetBy(minutes(5));
  EXPECT_EQ(wall.Now(), start + minutes(65)) << "a correction";
  for (const auto off : {std::chrono::days(30), std::chrono::days(-30)}) {
    clock.SetBy(off);
    const WallTime before = wall.Now();
    clock.Pass(minutes(7));
    EXPECT_EQ(wall.Now(), before + minutes(7)) << "time goes on as before";
    EXPECT_EQ(wall.Read().set_by, off - minutes(5));
    clock.SetBy(minutes(5));
    EXPECT_EQ(wall.Now(), clock.WallNow()) << "set right again";
    EXPECT_EQ(wall.Read().set_by, Duration::zero());
  }
  clock.SetBy(std::chrono::days(1));
  EXPECT_EQ(SteadyWall(clock).Now(), clock.WallNow()) << "a new process follows the clock it finds";
  wall.Follow();
  EXPECT_EQ(wall.Now(), clock.WallNow()) << "the time as it was set is the right one";
  EXPECT_EQ(wall.Read().set_by, Duration::zero());
}

TEST(SteadyWall, AMachineThatSleptHasTheTimeThatItWakesTo) {
  SetClock clock;
  SteadyWall wall(clock);
  for (const auto night : {std::chrono::minutes(11), std::chrono::minutes(600)}) {
    clock.Sleep(night);
    EXPECT_EQ(wall.Now(), clock.WallNow());
    EXPECT_EQ(wall.Read().set_by, Duration::zero());
  }
}

}  // namespace
}  // namespace dure
