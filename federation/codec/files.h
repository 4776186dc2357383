// The files the codec reads and writes: inputs are memory maps, outputs are written at offsets.
//
// Writing goes through pwrite from a cache-sized buffer, not through a shared map: a full disk is
// then an error to report and not a SIGBUS, and page cache is filled without a fault a page. A file
// that nobody will read soon can be written around the page cache, straight to the disk: it costs
// the processor a fifth, takes no memory, and leaves nothing for Sync to wait for.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <utility>

#include "federation/bytes.h"
#include "federation/result.h"

namespace dure::codec {

// A file mapped for reading. Move-only; unmaps at its end. The file must not shrink meanwhile.
class MappedFile {
 public:
  // kNotFound: no such file; kUnavailable: the system refused. An empty file gives an empty view.
  static Result<MappedFile> Open(const std::string& path);
  MappedFile(MappedFile&& other) noexcept;
  MappedFile& operator=(MappedFile&& other) noexcept;
  ~MappedFile();

  ByteView bytes() const { return {data_, size_}; }
  // The fp32 values from `offset` to the end; a partial last one is left out. REQUIRES: offset is a
  // multiple of 4.
  std::span<const float> Floats(uint64_t offset = 0) const;

 private:
  MappedFile() = default;
  const uint8_t* data_ = nullptr;
  size_t size_ = 0;
};

// A file read once, piece by piece, from several threads: pages that are in memory are taken from
// there, others are read around the page cache, so that reading a file that nobody needs again
// takes no memory for it. Move-only.
class InputFile {
 public:
  // kNotFound; kUnavailable: the system refused.
  static Result<InputFile> Open(const std::string& path);
  InputFile(InputFile&& other) noexcept;
  InputFile& operator=(InputFile&& other) noexcept;
  ~InputFile();

  // Fills `room` from `offset`. REQUIRES: offset and the room's address are multiples of
  // kDirectBytes, and so is the size of the memory behind `room`, which may be written to its end.
  // kCorrupt: the file ends before; kUnavailable.
  Status ReadAt(uint64_t offset, std::span<uint8_t> room) const;
  // As many bytes as `room` has: where they lie if they are in memory, else read into `room` as by
  // ReadAt. The view holds while this does and `room` is not written to.
  Result<ByteView> View(uint64_t offset, std::span<uint8_t> room) const;

 private:
  explicit InputFile(MappedFile map) : map_(std::move(map)) {}
  bool InMemory(uint64_t offset, size_t bytes) const;

  MappedFile map_;  // tells what is in memory
  int descriptor_ = -1;
  int direct_ = -1;  // -1: not to be had
};

// What a power cut must not undo: a file's contents, whoever wrote them; that a file was made in
// its folder, renamed into it or removed from it. kNotFound: no such file, or folder; else as
// OutputFile::WriteAt.
Status SyncFile(const std::string& path);
Status SyncFolderOf(const std::string& path);

// Gives back the memory of a file that nobody reads soon; what is not on disk yet stays.
void DropFromMemory(const std::string& path);

inline constexpr size_t kDirectBytes = 4096;  // what a direct write's address and range are made of

// Whether a new file's bytes stay in memory for the next reader.
enum class Caching : uint8_t { kKept, kAround };

// A file being written at any offset, by several threads if their ranges are apart. Move-only.
class OutputFile {
 public:
  // Creates the file (mode 0600) with that size, all zeros, its space reserved where the file
  // system can. kAlreadyExists; kExhausted: no room for it; kUnavailable: the system refused. No
  // file is left behind on failure.
  static Result<OutputFile> Create(const std::string& path, uint64_t bytes,
                                   Caching caching = Caching::kKept);
  // A file that is there and is written over in place. kNotFound, kUnavailable; kInvalid: it has
  // another size.
  static Result<OutputFile> Reuse(const std::string& path, uint64_t bytes,
                                  Caching caching = Caching::kKept);
  // Uses a descriptor that the caller keeps open and closes.
  static OutputFile Borrow(int descriptor, uint64_t bytes);
  OutputFile(OutputFile&& other) noexcept;
  OutputFile& operator=(OutputFile&& other) noexcept;
  ~OutputFile();

  uint64_t size() const { return size_; }
  // REQUIRES: the range lies in [0, size). kExhausted: disk or quota is full; kUnavailable: any
  // other refusal. Only ranges and addresses of whole kDirectBytes go around the page cache; the
  // rest goes through it, in whichever file. What went through it begins its way to the disk with
  // the write that ends a MiB or the file, so that Sync waits for little.
  Status WriteAt(uint64_t offset, ByteView bytes) const;
  // Durable contents (fdatasync). The directory entry is the caller's to make durable. Errors as
  // WriteAt.
  Status Sync() const;

 private:
  OutputFile() = default;
  Status WriteThrough(int descriptor, uint64_t offset, ByteView bytes) const;
  void StartSync(uint64_t begin, uint64_t end) const;

  int descriptor_ = -1;
  int direct_ = -1;  // the same file without the page cache; -1: not asked for, or not to be had
  bool owned_ = false;
  uint64_t size_ = 0;
};

}  // namespace dure::codec
