// Spares: files of removed blobs, kept to be written over. Private to this room.
//
// A file that is written over in place needs no new memory for its pages and no new blocks on disk;
// a round's files have the sizes of the round before, so after two rounds nothing new is needed.
// (Measured in a virtual machine, whose host takes freed memory back: new pages are filled at 0.5
// GB/s, those of a spare at 10.)
//
// A spare is handed out only if nobody has it open or mapped, in this process or another: whoever
// opened the blob before it was removed keeps what it opened. Thread-safe.
#pragma once

#include <cstdint>
#include <deque>
#include <mutex>
#include <string>

namespace dure::blob {

class Spares {
 public:
  // `folder` is there, on the blobs' file system, and belongs to the spares alone.
  explicit Spares(std::string folder) : folder_(std::move(folder)) {}

  // Takes a file over from its present name, which is then durably gone: a power cut must not bring
  // it back over other bytes. False: not worth keeping, or the disk is too full; it keeps its name.
  bool Keep(const std::string& path, uint64_t bytes);
  // Moves a spare of exactly that size to `path`, which must not exist. False if there is none;
  // then all are deleted if the disk may lack the room for a new file of that size.
  bool Take(uint64_t bytes, const std::string& path);
  // Deletes all: when room is needed, and at start.
  void Clear();

 private:
  struct Spare {
    std::string path;
    uint64_t bytes = 0;
  };
  uint64_t Room() const;  // free on the disk

  const std::string folder_;
  std::mutex mutex_;
  std::deque<Spare> spares_;  // guarded by mutex_; the latest last
  uint64_t count_ = 0;        // guarded by mutex_; names
};

}  // namespace dure::blob
