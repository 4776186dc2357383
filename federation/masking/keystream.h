// A mask stream: AES-256 in counter mode over zeros, added to or subtracted from whole words.
//
// Byte o of a stream stands in block o/16; the counter block is nonce (8 bytes), then the block's
// number as a big-endian u64. So any part of a stream is computed alone, in any order, by any
// thread, and a word's mask depends on its position only. Three engines give the same bits: (a)
// OpenSSL's EVP into a scratch buffer, then an addition; (b) AES-NI, eight blocks in flight, added
// in registers; (c) VAES with AVX-512, thirty-two blocks in flight. (b) and (c) are compiled by
// function and chosen by what this processor has, after a comparison with (a).
#pragma once

#include <array>
#include <cstdint>
#include <span>

#include "federation/masking/secret.h"

namespace dure::masking {

// Where in a segment's stream the words of its scalars begin, beyond any parameter's: 2^40 of them,
// of 4 bytes, end at 2^42.
inline constexpr uint64_t kScalarOffset = uint64_t{1} << 60;

enum class Engine : uint8_t { kEvp = 0, kAesNi = 1, kVaes = 2 };
std::string_view Name(Engine engine);  // "evp", "aes-ni", "vaes"

bool Has(Engine engine);  // on this machine
// The fastest that this machine has and that agreed with EVP when first asked.
Engine BestEngine();

// Words are little-endian integers of so many bytes, added modulo 2^(8*bytes).
enum class WordBytes : uint8_t { k1 = 1, k2 = 2, k4 = 4, k8 = 8 };
enum class Direction : uint8_t { kAdd = 0, kSubtract = 1 };

struct StreamKey {
  Secret key;
  std::array<uint8_t, 8> nonce{};
};

// A stream ready for use: 15 round keys. Immutable; any thread.
class Keystream {
 public:
  explicit Keystream(const StreamKey& key, Engine engine = BestEngine());  // REQUIRES: Has(engine)
  ~Keystream();
  Keystream(const Keystream&) = default;
  Keystream& operator=(const Keystream&) = default;

  // words[i] +=/-= the stream's bytes [offset + i*width, ...). REQUIRES: offset and words.size()
  // are whole words, offset + words.size() < 2^63.
  void Apply(Direction direction, WordBytes width, uint64_t offset, std::span<uint8_t> words) const;

  // The stream's own bytes from `offset` on.
  void Read(uint64_t offset, std::span<uint8_t> out) const;

 private:
  struct alignas(16) RoundKeys {
    uint8_t key[15][16];
  };
  StreamKey key_;
  Engine engine_;
  RoundKeys rounds_{};  // unused by kEvp
};

// For keystream.cc and its engines.
namespace engines {

struct Stretch {
  const uint8_t* round_keys;  // 15 x 16 bytes
  const uint8_t* nonce;       // 8 bytes
  uint64_t block;             // of the first word
  uint8_t* words;
  size_t blocks;  // whole ones
};

// The stream's bytes from the beginning of a block, which may be any: for published vectors.
void ReadEvp(const StreamKey& key, uint64_t block, std::span<uint8_t> out);

bool HasAesNi();
bool HasVaes();
void ExpandKey(const uint8_t* key32, uint8_t* round_keys);  // REQUIRES: HasAesNi()
void ApplyAesNi(Direction direction, WordBytes width, const Stretch& stretch);
// As many whole groups of 32 blocks as there are; returns the blocks done.
size_t ApplyVaes(Direction direction, WordBytes width, const Stretch& stretch);

}  // namespace engines

}  // namespace dure::masking
