// A model on disk: one safetensors file, tensors F32 in layout order without gaps, the header
// padded with spaces so that the data section starts at a multiple of 4096 bytes. The flat vector
// is the data section, memory-mapped. The header is a function of the layout alone, so equal
// weights give equal files and digests at every site. Hugging Face tools load it as it is.
//
// Life: Create or Open, then flat() / mutable_flat(), then Sync if written, then destruction
// unmaps. Movable, not copyable; not thread-safe for writing the same elements.
#pragma once

#include <cstdint>
#include <filesystem>
#include <span>

#include "federation/bytes.h"
#include "federation/result.h"
#include "model/layout.h"

namespace dure::model {

inline constexpr size_t kSafetensorsHeaderBytesMax = size_t{16} << 20;  // 65,536 x 250 bytes
inline constexpr size_t kSafetensorsDataAlignment = 4096;  // one page: mapped floats are aligned

// The length prefix, JSON and padding that precede the data; its size is a multiple of 4096.
Bytes SafetensorsHeader(const Layout& layout);

struct SafetensorsLayout {
  Layout layout;
  uint64_t data_offset = 0;  // in bytes, from the start of the file; a multiple of 4
};

// Reads the header at the front of a file of file_bytes bytes. `front` holds at least the header
// (more does no harm). Total: kInvalid on a short or oversized header, bad JSON, duplicate or bad
// names, a dtype other than F32, shapes that do not match their byte range, overlaps, gaps, or data
// that does not end with the file.
Result<SafetensorsLayout> ParseSafetensors(ByteView front, uint64_t file_bytes);

class SafetensorsFile {
 public:
  enum class Access { kRead, kReadWrite };

  // A new file of zeros, mapped writable; replaces what was there. The blocks are reserved first,
  // so a full disk is kExhausted here and not a SIGBUS later. kInternal: any other failure of the
  // file system.
  static Result<SafetensorsFile> Create(const std::filesystem::path& path, const Layout& layout);

  // kNotFound, kInvalid (see ParseSafetensors). The file must not be truncated while it is open.
  static Result<SafetensorsFile> Open(const std::filesystem::path& path,
                                      Access access = Access::kRead);

  SafetensorsFile(SafetensorsFile&& other) noexcept;
  SafetensorsFile& operator=(SafetensorsFile&& other) noexcept;
  ~SafetensorsFile();

  const Layout& layout() const { return layout_; }
  uint64_t data_offset() const { return data_offset_; }
  // The flat vector: layout().parameter_count() floats, valid while this object lives.
  std::span<const float> flat() const;
  // REQUIRES: opened kReadWrite or created.
  std::span<float> mutable_flat();
  // The data section as bytes.
  ByteView data() const;
  // Writes the mapping and the file's size to the disk.
  Status Sync();

 private:
  SafetensorsFile() = default;

  Layout layout_;
  uint64_t data_offset_ = 0;
  uint8_t* map_ = nullptr;
  size_t map_bytes_ = 0;
  bool writable_ = false;
};

// Writes `parameters` as a whole file: a temporary beside it, synced, then renamed over `path`.
// kInvalid: the number of parameters is not the layout's.
Status WriteSafetensors(const std::filesystem::path& path, const Layout& layout,
                        std::span<const float> parameters);

}  // namespace dure::model
