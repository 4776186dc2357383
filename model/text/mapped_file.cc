#include "model/text/mapped_file.h"

#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <utility>

#include "model/text/whole_file.h"

namespace dure::text {

Result<MappedFile> MappedFile::Open(const std::filesystem::path& path) {
  // Without O_NONBLOCK a pipe in a data folder would hold the trainer for ever.
  const int fd = open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK);
  if (fd < 0) return Fail(FileError("open", path));
  struct stat status {};
  MappedFile file;
  if (fstat(fd, &status) != 0 || !S_ISREG(status.st_mode)) {
    close(fd);
    return Fail(ErrorCode::kUnavailable, path.string() + " is not a regular file");
  }
  if (status.st_size > 0) {
    const size_t bytes = static_cast<size_t>(status.st_size);
    void* map = mmap(nullptr, bytes, PROT_READ, MAP_PRIVATE, fd, 0);
    if (map == MAP_FAILED) {
      const Error error = FileError("map", path);
      close(fd);
      return Fail(error);
    }
    file.map_ = map;
    file.bytes_ = bytes;
  }
  close(fd);
  return file;
}

MappedFile::MappedFile(MappedFile&& other) noexcept
    : map_(std::exchange(other.map_, nullptr)), bytes_(std::exchange(other.bytes_, 0)) {}

MappedFile& MappedFile::operator=(MappedFile&& other) noexcept {
  std::swap(map_, other.map_);
  std::swap(bytes_, other.bytes_);
  return *this;
}

MappedFile::~MappedFile() {
  if (map_ != nullptr) munmap(map_, bytes_);
}

}  // namespace dure::text
