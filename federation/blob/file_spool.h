// FileSpool: a blob that is arriving, as three files. Private to this room.
//
//   <hex>.manifest  durable before the spool exists for anyone
//   <hex>.part      the bytes, at their final size from the start
//   <hex>.bits      the boot that wrote it, then one bit a chunk, 1 = held
//
// A bit is set after its chunk's write returned, both without fsync. After kill -9 the page cache
// holds them in that order, so the bits are true. After a power cut they may not be: the boot id
// differs, and every claimed chunk is hashed again when the spool is opened.
#pragma once

#include <condition_variable>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <string>

#include "federation/blob/file.h"
#include "federation/blob/spares.h"
#include "federation/blob/store.h"

namespace dure::blob {

// Names this boot of the machine; never twice the same where the kernel does not say.
std::string BootId();
inline constexpr char kUnknownBoot = '?';  // begins the id then

class FileSpool final : public Spool {
 public:
  // Moves the whole part file into the store. Called once, on success of Complete.
  using Settle = std::function<Status(const std::string& part_path, const Manifest& manifest)>;

  // `stem` is the path without suffix; a new spool may take over a file of `spares`. Of a blob that
  // lasts for this boot alone, nothing is sent to the disk. kExhausted: no room; nothing is left
  // behind.
  static Result<std::shared_ptr<FileSpool>> Open(const std::string& stem, const Manifest& manifest,
                                                 Lasting lasting, Spares& spares, Settle settle);
  // Deletes a spool's files. Success if there are none.
  static void Delete(const std::string& stem);

  const Manifest& manifest() const override { return manifest_; }
  Status WriteChunk(uint64_t index, ByteView bytes) override;
  bool HasChunk(uint64_t index) const override;
  Bytes MissingBitmap() const override;
  uint64_t MissingCount() const override;
  Status Complete() override;
  bool Discarded() const override;
  // No write succeeds any more, and the files are closed, whoever still holds this spool: once
  // deleted, they take no room. Waits for a Complete that is under way, whose blob stays, and for
  // writes, each of which is a chunk.
  void Discard();

 private:
  FileSpool(std::string stem, const Manifest& manifest, Lasting lasting, Settle settle)
      : stem_(std::move(stem)),
        manifest_(manifest),
        lasting_(lasting),
        settle_(std::move(settle)) {}
  struct Files {
    File part;
    File bits;
  };
  // The open files, for one write; the last one wakes Close.
  class Writing;
  // Lets go of the files, with mutex_ held, once no write uses them.
  void Close(std::unique_lock<std::mutex>& lock);
  Status Create(Spares& spares);
  Status LoadBits(const Files& files);
  Status VerifyHeld(const File& part);
  bool Held(uint64_t index) const { return (held_[index / 8] >> (index % 8) & 1) != 0; }

  const std::string stem_;
  const Manifest manifest_;
  const Lasting lasting_;
  const Settle settle_;
  mutable std::mutex mutex_;
  std::optional<Files> files_;    // guarded by mutex_; none once closed; stays while writing_ > 0
  int writing_ = 0;               // guarded by mutex_
  std::condition_variable calm_;  // writing_ is 0
  Bytes held_;                    // guarded by mutex_
  uint64_t held_count_ = 0;       // guarded by mutex_
  bool complete_ = false;         // guarded by mutex_
  bool discarded_ = false;        // guarded by mutex_
  std::mutex
      complete_mutex_;  // taken before mutex_: one Complete at a time, the others wait for it
};

}  // namespace dure::blob
