// What is said when a gang meets, and the secret that proves it.
#include <fcntl.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>

#include "federation/canonical.h"
#include "federation/check.h"
#include "model/collective/join.h"

namespace dure::model::collective {
namespace {

constexpr uint64_t kHelloMagic = 0x31676e6167727564;  // "durgang1"

Error SystemError(const std::filesystem::path& path, const char* what) {
  return {errno == ENOENT ? ErrorCode::kNotFound : ErrorCode::kUnavailable,
          std::string(what) + " " + path.string() + ": " + std::strerror(errno)};
}

}  // namespace

Bytes ToBytes(const Hello& hello) {
  CanonicalWriter writer;
  writer.U64(kHelloMagic).U32(hello.world).U32(hello.rank);
  for (const uint8_t byte : hello.nonce) writer.U8(byte);
  return writer.Take();
}

std::optional<Hello> ParseHello(ByteView bytes) {
  CanonicalReader reader(bytes);
  const uint64_t magic = reader.U64();
  Hello hello;
  hello.world = reader.U32();
  hello.rank = reader.U32();
  for (uint8_t& byte : hello.nonce) byte = reader.U8();
  if (!reader.ok() || reader.remaining() != 0 || magic != kHelloMagic) return std::nullopt;
  if (hello.rank >= hello.world) return std::nullopt;
  return hello;
}

Digest HmacSha256(ByteView key, ByteView message) {
  Digest digest;
  unsigned int size = 0;
  const bool made = HMAC(EVP_sha256(), key.data(), static_cast<int>(key.size()), message.data(),
                         message.size(), digest.bytes.data(), &size) != nullptr;
  DURE_CHECK(made && size == digest.bytes.size(), "OpenSSL has HMAC with SHA-256");
  return digest;
}

Status WriteSecret(const std::filesystem::path& folder, Random& random) {
  GangSecret secret;
  random.Fill(secret);
  const std::filesystem::path path = folder / "secret";
  const int fd = open(path.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
  if (fd < 0) return Fail(SystemError(path, "cannot create"));
  const ssize_t n = write(fd, secret.data(), secret.size());
  const bool whole = n == static_cast<ssize_t>(secret.size()) && fsync(fd) == 0;
  Status status = whole ? Status{} : Fail(SystemError(path, "cannot write"));
  close(fd);
  return status;
}

Result<GangSecret> ReadSecret(const std::filesystem::path& folder) {
  const std::filesystem::path path = folder / "secret";
  const int fd = open(path.c_str(), O_RDONLY | O_CLOEXEC);
  if (fd < 0) return Fail(SystemError(path, "cannot open"));
  struct stat status {};
  GangSecret secret;
  uint8_t beyond = 0;
  const bool inspected = fstat(fd, &status) == 0;
  const bool whole = read(fd, secret.data(), secret.size()) == 32 && read(fd, &beyond, 1) == 0;
  close(fd);
  if (!inspected || !whole) return Fail(ErrorCode::kCorrupt, path.string() + " is no secret");
  if ((status.st_mode & 077) != 0) {
    return Fail(ErrorCode::kPermissionDenied, path.string() + " may be read by others");
  }
  return secret;
}

}  // namespace dure::model::collective
