#include "federation/blob/file_reader.h"

#include <fcntl.h>

#include "federation/blob/file.h"

namespace dure::blob {
namespace {

constexpr size_t kManifestBytesMax = size_t{3} << 30;  // at kBlobBytesMax: 2^26 digests of 32 bytes

class FileReader final : public Reader {
 public:
  FileReader(Manifest manifest, Mapping mapping)
      : manifest_(std::move(manifest)), mapping_(std::move(mapping)) {}
  const Manifest& manifest() const override { return manifest_; }
  ByteView bytes() const override { return mapping_.bytes(); }

 private:
  const Manifest manifest_;
  const Mapping mapping_;
};

}  // namespace

Result<std::unique_ptr<Reader>> OpenBlobFile(const std::string& path, const Digest& digest) {
  DURE_ASSIGN(const File manifest_file, File::Open(path + ".manifest", O_RDONLY));
  DURE_ASSIGN(const Bytes encoded, manifest_file.ReadAll(kManifestBytesMax, path + ".manifest"));
  Result<Manifest> manifest = Manifest::Parse(encoded);
  if (!manifest || manifest->BlobDigest() != digest) {
    return Fail(ErrorCode::kCorrupt, path + ": its manifest does not match its name");
  }
  DURE_ASSIGN(const File file, File::Open(path, O_RDONLY));
  DURE_ASSIGN(const uint64_t size, file.Size());
  if (size != manifest->size) return Fail(ErrorCode::kCorrupt, path + ": its size is wrong");
  DURE_ASSIGN(Mapping mapping, Mapping::Of(file, size, path));
  return std::make_unique<FileReader>(std::move(*manifest), std::move(mapping));
}

}  // namespace dure::blob
