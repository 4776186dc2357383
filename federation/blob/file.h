// Owned file descriptors and what makes files durable: what the file store is made of. Private to
// this room.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "federation/bytes.h"

namespace dure::blob {

// An error of the operating system: kExhausted when there is no room, kNotFound, else kUnavailable.
Error SystemError(const std::string& what, int number);

class File {
 public:
  File() = default;
  explicit File(int descriptor) : descriptor_(descriptor) {}
  ~File();
  File(File&& other) noexcept : descriptor_(other.Release()) {}
  File& operator=(File&& other) noexcept;

  static Result<File> Open(const std::string& path, int flags);
  int descriptor() const { return descriptor_; }
  Result<uint64_t> Size() const;
  Status WriteAt(ByteView bytes, uint64_t offset, const std::string& what) const;
  Result<Bytes> ReadAll(size_t bytes_max, const std::string& what) const;
  // Begins to write back what the page cache holds, so that a Sync waits less.
  void StartSync() const;
  // What can be read from the file survives a power cut.
  Status Sync(const std::string& what) const;

 private:
  int Release();
  int descriptor_ = -1;
};

// A private read-only mapping of a whole file.
class Mapping {
 public:
  static Result<Mapping> Of(const File& file, uint64_t size, const std::string& what);
  Mapping() = default;
  ~Mapping();
  Mapping(Mapping&& other) noexcept;
  Mapping& operator=(Mapping&& other) noexcept;
  ByteView bytes() const { return {start_, size_}; }

 private:
  const uint8_t* start_ = nullptr;
  size_t size_ = 0;
};

// Writes `path` anew and lets it begin its way to the disk; the caller syncs it. No file is left on
// failure.
Result<File> WriteAside(const std::string& path, ByteView bytes);
// Syncs each of them, and waits for the file system's journal once.
Status SyncTogether(const std::vector<const File*>& files, const std::string& what);
Status SyncFolder(const std::string& folder);
}  // namespace dure::blob
