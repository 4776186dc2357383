// The published vectors of each primitive, and what must be refused.
#include <gtest/gtest.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>

#include <algorithm>
#include <numeric>

#include "federation/masking/agreement.h"
#include "federation/masking/expand.h"
#include "federation/masking/keystream.h"
#include "federation/masking/seal.h"

namespace dure::masking {
namespace {

Bytes Hex(std::string_view text) { return FromHex(text).value(); }

Secret SecretOf(std::string_view hex) {
  const Bytes bytes = Hex(hex);
  Secret secret;
  std::copy_n(bytes.begin(), 32, secret.bytes.begin());
  return secret;
}

AgreementKey KeyOf(std::string_view hex) { return SecretOf(hex).bytes; }

TEST(Agreement, AgreesWithRfc7748Section6) {
  const Secret alice = SecretOf("77076d0a7318a57d3c16c17251b26645df4c2f87ebc0992ab177fba51db92c2a");
  const Secret bob = SecretOf("5dab087e624a8a4b79e17f8b83800ee66f3bb1292618b6fd1c2f8b27ff88e0eb");
  EXPECT_EQ(ToHex(PublicOf(alice)),
            "8520f0098930a754748b7ddcb43ef75a0dbf3a0d26381af4eba4a98eaa9b4e6a");
  EXPECT_EQ(ToHex(PublicOf(bob)),
            "de9edb7d7b7dc1b4d35b61c2ece435373f8343c85b78674dadfc7e146f882b4f");
  const char* const shared = "4a5d9d5ba4ce2de1728e3bf480350f25e07e21c947d19e3376f09b3c1e161742";
  EXPECT_EQ(ToHex(Agree(alice, PublicOf(bob)).value().bytes), shared);
  EXPECT_EQ(ToHex(Agree(bob, PublicOf(alice)).value().bytes), shared);
}

TEST(Agreement, AgreesWithRfc7748Section5) {
  const Secret scalar =
      SecretOf("a546e36bf0527c9d3b16154b82465edd62144c0ac1fc5a18506a2244ba449ac4");
  const AgreementKey u = KeyOf("e6db6867583030db3594c1a424b15f7c726624ec26b3353b10a903a6d0ab1c4c");
  EXPECT_EQ(ToHex(Agree(scalar, u).value().bytes),
            "c3da55379de9c6908e94ea4df28d084f32eccf03491c71f754b4075577a28552");
}

TEST(Agreement, AgreesWithRfc7748AfterAThousandIterations) {
  Secret k = SecretOf("0900000000000000000000000000000000000000000000000000000000000000");
  AgreementKey u = k.bytes;
  for (int i = 0; i < 1000; ++i) {
    u[31] &= 0x7f;  // The RFC's function ignores this bit; ours wants it clear.
    const Secret next = Agree(k, u).value();
    u = k.bytes;
    k = next;
  }
  EXPECT_EQ(ToHex(k.bytes), "684cf59ba83309552800ef566f2f4d3c1c3887c49360e3875f2eb94d99532c51");
}

TEST(Agreement, RefusesEveryPointOfLowOrder) {
  const Secret secret =
      SecretOf("a546e36bf0527c9d3b16154b82465edd62144c0ac1fc5a18506a2244ba449ac4");
  for (const char* point : {"0000000000000000000000000000000000000000000000000000000000000000",
                            "0100000000000000000000000000000000000000000000000000000000000000",
                            "e0eb7a7c3b41b8ae1656e3faf19fc46ada098deb9c32b1fd866205165f49b800",
                            "5f9c95bca3508c24b1d0b1559c83ef5b04445cc4581c8e86d8224eddd09f1157",
                            "ecffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
                            "edffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
                            "eeffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f"}) {
    EXPECT_FALSE(Agree(secret, KeyOf(point)).has_value()) << point;
    EXPECT_FALSE(CheckAgreementKey(KeyOf(point)).has_value()) << point;
  }
}

TEST(Agreement, RefusesASecondEncodingOfAKey) {
  AgreementKey key = KeyOf("e6db6867583030db3594c1a424b15f7c726624ec26b3353b10a903a6d0ab1c4c");
  EXPECT_TRUE(CheckAgreementKey(key).has_value());
  key[31] |= 0x80;
  EXPECT_FALSE(CheckAgreementKey(key).has_value());
}

TEST(Expand, AgreesWithRfc5869) {
  Bytes out(42);
  Expand(Bytes(22, 0x0b), Hex("000102030405060708090a0b0c"), Hex("f0f1f2f3f4f5f6f7f8f9"), out);
  EXPECT_EQ(ToHex(out),
            "3cb25f25faacd57a90434f64d0362f2a2d2d0a90cf1a5a4c5db02d56ecc4c5bf34007208d5b887185865");
  Expand(Bytes(22, 0x0b), {}, {}, out);
  EXPECT_EQ(ToHex(out),
            "8da4e775a563c18f715f802a063c5a31b8a11f5c5ee1879ec3454e5f3c738d2d9d201395faa4b61a96c8");
  Bytes secret(80), salt(80), info(80), longer(82);
  std::iota(secret.begin(), secret.end(), uint8_t{0x00});
  std::iota(salt.begin(), salt.end(), uint8_t{0x60});
  std::iota(info.begin(), info.end(), uint8_t{0xb0});
  Expand(secret, salt, info, longer);
  EXPECT_EQ(
      ToHex(longer),
      "b11e398dc80327a1c8e7f78c596a49344f012eda2d4efad8a050cc4c19afa97c59045a99cac7827271cb41c6"
      "5e590e09da3275600c2f09b8367793a9aca3db71cc30c58179ec3e87c14c01d5c1f3434f1d87");
}

// RFC 5869 over OpenSSL's HMAC.
Bytes HmacOf(ByteView key, const Bytes& message) {
  Bytes mac(32);
  unsigned size = 0;
  const void* taken = ::HMAC(EVP_sha256(), key.data(), static_cast<int>(key.size()), message.data(),
                             message.size(), mac.data(), &size);
  EXPECT_TRUE(taken != nullptr && size == mac.size());
  return mac;
}
Bytes ExpandWithOpenSsl(const Bytes& secret, const Bytes& salt, const Bytes& info, size_t size) {
  const Bytes key = HmacOf(salt.empty() ? Bytes(32, 0) : salt, secret);
  Bytes out, block;
  for (uint8_t number = 1; out.size() < size; ++number) {
    block.insert(block.end(), info.begin(), info.end());
    block.push_back(number);
    block = HmacOf(key, block);
    out.insert(out.end(), block.begin(), block.end());
  }
  out.resize(size);
  return out;
}

// A salt of the hash's block, of one byte less and one more; an output of whole and of broken
// blocks, up to the last that the one-byte counter reaches.
TEST(Expand, AgreesWithHmacAtEveryEdge) {
  const auto counted = [](size_t size, uint8_t from) {
    Bytes bytes(size);
    std::iota(bytes.begin(), bytes.end(), from);
    return bytes;
  };
  static constexpr std::pair<size_t, size_t> kOthers[] = {
      {1, 0}, {32, 0}, {64, 0}, {65, 0}, {1, 255}, {32, 255}, {64, 255}, {65, 255}};
  for (const size_t salt_size : {0U, 1U, 32U, 63U, 64U, 65U, 127U, 128U, 129U}) {
    for (const size_t size : {1U, 31U, 32U, 33U, 63U, 64U, 65U, 8128U, 8129U, 8159U, 8160U}) {
      for (const auto& [secret_size, info_size] : kOthers) {
        const Bytes secret = counted(secret_size, 3);
        const Bytes salt = counted(salt_size, 101);
        const Bytes info = counted(info_size, 7);
        Bytes out(size, 0xee);
        Expand(secret, salt, info, out);
        ASSERT_EQ(out, ExpandWithOpenSsl(secret, salt, info, size))
            << "salt of " << salt_size << ", output of " << size << ", info of " << info_size
            << ", secret of " << secret_size;
      }
    }
  }
}

TEST(Expand, EndsAtTheBoundsOfHkdf) {
  const Bytes secret(32, 1);
  Bytes most(8160), more(8161), none;
  Expand(secret, {}, Bytes(255), most);
  EXPECT_DEATH(Expand(secret, {}, {}, more), "HKDF's own bounds");
  EXPECT_DEATH(Expand(secret, {}, {}, none), "HKDF's own bounds");
  EXPECT_DEATH(Expand(secret, {}, Bytes(256), most), "HKDF's own bounds");
}

TEST(Seal, AgreesWithTheGcmSpecificationsCases13To16) {
  const Bytes zero_key(32, 0), zero_iv(12, 0);
  EXPECT_EQ(ToHex(SealWith(zero_key, zero_iv, {}, {})), "530f8afbc74536b9a963b4f1c4cb738b");
  EXPECT_EQ(ToHex(SealWith(zero_key, zero_iv, {}, Bytes(16, 0))),
            "cea7403d4d606b6e074ec5d3baf39d18d0d1c8a799996bf0265b98b5d48ab919");
  const Bytes key = Hex("feffe9928665731c6d6a8f9467308308feffe9928665731c6d6a8f9467308308");
  const Bytes iv = Hex("cafebabefacedbaddecaf888");
  const Bytes plain =
      Hex("d9313225f88406e5a55909c5aff5269a86a7a9531534f7da2e4c303d8a318a721c3c0c95956809532fcf0e24"
          "49a6b525b16aedf5aa0de657ba637b391aafd255");
  const std::string sealed =
      "522dc1f099567d07f47f37a32a84427d643a8cdcbfe5c0c97598a2bd2555d1aa8cb08e48590dbb3da7b08b105682"
      "8838c5f61e6393ba7a0abcc9f662898015ad";
  EXPECT_EQ(ToHex(SealWith(key, iv, {}, plain)), sealed + "b094dac5d93471bdec1a502270e3cc6c");
  EXPECT_EQ(ToHex(SealWith(key, iv, Hex("feedfacedeadbeeffeedfacedeadbeefabaddad2"),
                           ByteView(plain).first(60))),
            sealed.substr(0, 120) + "76fc6ece0f4e1768cddf8853bb2d551b");
}

TEST(Seal, OpensOnlyWhatWasSealedWithTheSameAssociatedBytes) {
  const Secret key = SecretOf("feffe9928665731c6d6a8f9467308308feffe9928665731c6d6a8f9467308308");
  const Bytes plain(64, 0x17), associated(40, 3);
  const Bytes sealed = Seal(key, associated, plain);
  EXPECT_EQ(Unseal(key, associated, sealed).value(), plain);
  EXPECT_FALSE(Unseal(key, Bytes(40, 4), sealed).has_value());
  EXPECT_FALSE(Unseal(key, {}, sealed).has_value());
  EXPECT_FALSE(Unseal(key, associated, ByteView(sealed).first(15)).has_value());
  for (size_t bit = 0; bit < 8 * sealed.size(); ++bit) {
    Bytes changed = sealed;
    changed[bit / 8] ^= static_cast<uint8_t>(1U << (bit % 8));
    EXPECT_FALSE(Unseal(key, associated, changed).has_value());
  }
}

// SP 800-38A, F.5.5: the stream is the ciphertext without the plaintext.
TEST(Keystream, EveryEngineAgreesWithSp800_38a) {
  StreamKey key;
  key.key = SecretOf("603deb1015ca71be2b73aef0857d77811f352c073b6108d72d9810a30914dff4");
  key.nonce = {0xf0, 0xf1, 0xf2, 0xf3, 0xf4, 0xf5, 0xf6, 0xf7};
  constexpr uint64_t kBlock = 0xf8f9fafbfcfdfeffU;
  const Bytes plain =
      Hex("6bc1bee22e409f96e93d7e117393172aae2d8a571e03ac9c9eb76fac45af8e5130c81c46a35ce411e5fbc119"
          "1a0a52eff69f2445df4f9b17ad2b417be66c3710");
  Bytes wanted =
      Hex("601ec313775789a5b7a7f504bbf3d228f443e3ca4d62b59aca84e990cacaf5c52b0930daa23de94ce87017ba"
          "2d84988ddfc9c58db67aada613c2dd08457941a6");
  for (size_t i = 0; i < wanted.size(); ++i) wanted[i] ^= plain[i];
  Bytes stream(64);
  engines::ReadEvp(key, kBlock, stream);
  EXPECT_EQ(stream, wanted);
  if (!Has(Engine::kAesNi)) GTEST_SKIP() << "this processor has no AES-NI: EVP only";
  alignas(16) uint8_t rounds[15 * 16];
  engines::ExpandKey(key.key.bytes.data(), rounds);
  stream.assign(64, 0);
  engines::ApplyAesNi(Direction::kAdd, WordBytes::k1,
                      {rounds, key.nonce.data(), kBlock, stream.data(), 4});
  EXPECT_EQ(stream, wanted);
  if (!Has(Engine::kVaes)) GTEST_SKIP() << "this processor has no VAES: EVP and AES-NI only";
  stream.assign(512, 0);
  EXPECT_EQ(engines::ApplyVaes(Direction::kAdd, WordBytes::k1,
                               {rounds, key.nonce.data(), kBlock, stream.data(), 32}),
            32U);
  stream.resize(64);
  EXPECT_EQ(stream, wanted);
}

}  // namespace
}  // namespace dure::masking
