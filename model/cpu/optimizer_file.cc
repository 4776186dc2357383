#include "model/cpu/optimizer_file.h"

#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <string>

#include "federation/canonical.h"

namespace dure::model::cpu {
namespace {

constexpr std::string_view kMagic = "DUREOPT1";
constexpr size_t kHeaderBytes = 8 + 32 + 8 + 8;
constexpr size_t kDigestBytes = 32;

Error SystemError(const std::filesystem::path& path, const char* what) {
  const int number = errno;
  ErrorCode code = ErrorCode::kInternal;
  if (number == ENOENT) code = ErrorCode::kNotFound;
  if (number == ENOSPC || number == EDQUOT || number == EFBIG) code = ErrorCode::kExhausted;
  return {code, std::string(what) + " " + path.string() + ": " + std::strerror(number)};
}

class Descriptor {
 public:
  Descriptor(const std::filesystem::path& path, int flags)
      : value_(open(path.c_str(), flags | O_CLOEXEC, 0600)) {}
  Descriptor(const Descriptor&) = delete;
  Descriptor& operator=(const Descriptor&) = delete;
  ~Descriptor() {
    if (value_ >= 0) close(value_);
  }
  int value() const { return value_; }

 private:
  int value_;
};

class ReadMapping {
 public:
  ReadMapping(const Descriptor& file, size_t bytes)
      : base_(mmap(nullptr, bytes, PROT_READ, MAP_PRIVATE, file.value(), 0)), bytes_(bytes) {}
  ReadMapping(const ReadMapping&) = delete;
  ReadMapping& operator=(const ReadMapping&) = delete;
  ~ReadMapping() {
    if (is_mapped()) munmap(base_, bytes_);
  }
  bool is_mapped() const { return base_ != MAP_FAILED; }
  ByteView bytes() const { return {static_cast<const uint8_t*>(base_), bytes_}; }

 private:
  void* base_;
  size_t bytes_;
};

ByteView ViewOf(std::span<const float> floats) {
  return {reinterpret_cast<const uint8_t*>(floats.data()), floats.size_bytes()};
}

bool WriteAll(const Descriptor& file, ByteView bytes) {
  while (!bytes.empty()) {
    const ssize_t written = write(file.value(), bytes.data(), bytes.size());
    if (written < 0 && errno == EINTR) continue;
    if (written < 0) return false;
    bytes = bytes.subspan(static_cast<size_t>(written));
  }
  return true;
}

Bytes Header(const OptimizerFile& file) {
  CanonicalWriter w;
  for (const char c : kMagic) w.U8(static_cast<uint8_t>(c));
  return w.Raw32(file.config).U64(file.step).U64(file.m.size()).Take();
}

Status SyncDirectoryOf(const std::filesystem::path& path) {
  const auto parent = path.parent_path();
  const std::filesystem::path directory = parent.empty() ? std::filesystem::path(".") : parent;
  const Descriptor handle(directory, O_RDONLY | O_DIRECTORY);
  if (handle.value() < 0 || fsync(handle.value()) != 0) {
    return Fail(SystemError(directory, "cannot sync"));
  }
  return {};
}

}  // namespace

Status WriteOptimizerFile(const std::filesystem::path& path, const OptimizerFile& optimizer) {
  const Bytes header = Header(optimizer);
  const Digest digest = Sha256Hasher()
                            .Update(header)
                            .Update(ViewOf(optimizer.m))
                            .Update(ViewOf(optimizer.v))
                            .Finish();
  const std::filesystem::path temporary = path.string() + ".writing";
  {
    const Descriptor file(temporary, O_WRONLY | O_CREAT | O_TRUNC);
    if (file.value() < 0) return Fail(SystemError(temporary, "cannot create"));
    for (const ByteView part :
         {ByteView(header), ViewOf(optimizer.m), ViewOf(optimizer.v), digest.View()}) {
      if (WriteAll(file, part)) continue;
      Error error = SystemError(temporary, "cannot write");
      unlink(temporary.c_str());
      return Fail(std::move(error));
    }
    if (fsync(file.value()) != 0) return Fail(SystemError(temporary, "cannot sync"));
  }
  if (rename(temporary.c_str(), path.c_str()) != 0)
    return Fail(SystemError(path, "cannot replace"));
  return SyncDirectoryOf(path);
}

Result<uint64_t> ReadOptimizerFile(const std::filesystem::path& path, const Digest& config,
                                   std::span<float> m, std::span<float> v) {
  const auto corrupt = [&](const char* why) {
    return Fail(ErrorCode::kCorrupt, "optimizer state " + path.string() + ": " + why);
  };
  const Descriptor file(path, O_RDONLY);
  if (file.value() < 0) return Fail(SystemError(path, "cannot open"));
  struct stat status {};
  if (fstat(file.value(), &status) != 0) return Fail(SystemError(path, "cannot inspect"));
  const auto bytes = static_cast<uint64_t>(status.st_size);
  if (bytes < kHeaderBytes + kDigestBytes) return corrupt("cut short");
  const ReadMapping mapping(file, bytes);
  if (!mapping.is_mapped()) return Fail(SystemError(path, "cannot map"));
  const ByteView all = mapping.bytes();
  if (AsText(all.first(kMagic.size())) != kMagic) return corrupt("not an optimizer state");
  CanonicalReader reader(all.subspan(kMagic.size(), kHeaderBytes - kMagic.size()));
  const Digest stored_config = reader.Raw32();
  const uint64_t step = reader.U64();
  const uint64_t count = reader.U64();
  if (stored_config != config || count != m.size()) {
    return Fail(ErrorCode::kFailedPrecondition,
                "optimizer state " + path.string() + " belongs to another model");
  }
  if (bytes != kHeaderBytes + m.size_bytes() + v.size_bytes() + kDigestBytes) {
    return corrupt("wrong length");
  }
  const Digest digest = Sha256(all.first(bytes - kDigestBytes));
  if (std::memcmp(digest.bytes.data(), all.data() + bytes - kDigestBytes, kDigestBytes) != 0) {
    return corrupt("its checksum does not match");
  }
  std::memcpy(m.data(), all.data() + kHeaderBytes, m.size_bytes());
  std::memcpy(v.data(), all.data() + kHeaderBytes + m.size_bytes(), v.size_bytes());
  return step;
}

}  // namespace dure::model::cpu
