// A file mapped into memory, read-only. The file must not shrink while it is mapped.
#pragma once

#include <filesystem>
#include <string_view>

#include "federation/bytes.h"
#include "federation/result.h"

namespace dure::text {

class MappedFile {
 public:
  // kNotFound, kPermissionDenied, kUnavailable.
  static Result<MappedFile> Open(const std::filesystem::path& path);
  MappedFile() = default;
  MappedFile(MappedFile&& other) noexcept;
  MappedFile& operator=(MappedFile&& other) noexcept;
  ~MappedFile();

  std::string_view text() const { return {static_cast<const char*>(map_), bytes_}; }
  ByteView bytes() const { return AsBytes(text()); }

 private:
  void* map_ = nullptr;
  size_t bytes_ = 0;
};

}  // namespace dure::text
