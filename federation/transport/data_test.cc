#include <filesystem>
#include <fstream>

#include "federation/transport/testing_relay.h"
#include "federation/transport/testing_world.h"

namespace dure::transport {
namespace {

constexpr size_t kMiB = limits::kChunkBytes;

Bytes SomeBytes(size_t size, uint64_t seed) {
  Bytes bytes(size);
  SeededRandom(seed).Fill(bytes);
  return bytes;
}

bool SameBytes(ByteView a, ByteView b) { return AsText(a) == AsText(b); }

ErrorCode CodeOf(const Status& status) {
  if (status) return ErrorCode::kInternal;
  std::printf("[   note   ] %s\n", status.error().message.c_str());
  return status.error().code;
}

// How long these tests believe in a broken link.
constexpr std::chrono::seconds kPatience{20};

std::unique_ptr<blob::Reader> ReaderOf(blob::BlobStore& store, const Bytes& bytes) {
  return Must(store.Open(Must(store.Put(bytes))));
}

struct Transfer : testing::Test {
  void SetUp() override {
    world.Start();
    dial = world.DialAs("seoul");
  }
  World world;
  Dial dial;
  std::unique_ptr<blob::BlobStore> mine = blob::MemoryBlobStore();
};

TEST_F(Transfer, SixteenMebibytesGoUpAndComeBackOverTwoStreams) {
  const Bytes bytes = SomeBytes(16 * kMiB + 12345, 1);
  const auto reader = ReaderOf(*mine, bytes);
  const Digest digest = reader->manifest().BlobDigest();
  DataLink link(dial, kQuick, kPatience);
  std::atomic<uint64_t> highest = 0;
  const auto progress = [&](const Progress& now) {
    EXPECT_EQ(now.bytes_total, bytes.size());
    highest = std::max(highest.load(), now.bytes_done);
  };
  Must(link.Upload(*reader, {}, progress));
  EXPECT_EQ(highest, bytes.size());
  EXPECT_TRUE(world.events.Await("blob from seoul"));
  EXPECT_TRUE(SameBytes(Must(world.store->Open(digest))->bytes(), bytes));
  EXPECT_EQ(link.bytes_sent(), bytes.size());
  EXPECT_EQ(world.server->TrafficOf(SiteNamed("seoul")).bytes_received, bytes.size());
  Must(link.Upload(*reader, {}));
  EXPECT_EQ(link.bytes_sent(), bytes.size()) << "what is there is not sent again";

  const auto elsewhere = blob::MemoryBlobStore();
  Must(link.Download(digest, *elsewhere, {}));
  EXPECT_TRUE(SameBytes(Must(elsewhere->Open(digest))->bytes(), bytes));
  EXPECT_EQ(link.bytes_received(), bytes.size());
  EXPECT_EQ(world.server->TotalTraffic().bytes_sent, bytes.size());
  Must(link.Download(digest, *elsewhere, {}));
  EXPECT_EQ(link.bytes_received(), bytes.size());
}

TEST_F(Transfer, SmallAndEmptyBlobs) {
  DataLink link(dial, kQuick, kPatience);
  for (const size_t size : {size_t{0}, size_t{1}, kMiB, kMiB + 1}) {
    const Bytes bytes = SomeBytes(size, size);
    const auto reader = ReaderOf(*mine, bytes);
    const uint64_t sent = link.bytes_sent();
    Must(size % 2 == 0 ? link.UploadNew(*reader, {}) : link.Upload(*reader, {}));
    EXPECT_EQ(link.bytes_sent(), sent + size);
    Must(link.Upload(*reader, {}));
    EXPECT_EQ(link.bytes_sent(), sent + size) << "what is there is not sent again";
    const auto elsewhere = blob::MemoryBlobStore();
    Must(link.Download(reader->manifest().BlobDigest(), *elsewhere, {}));
    EXPECT_TRUE(elsewhere->Has(reader->manifest().BlobDigest())) << size;
  }
}

TEST_F(Transfer, AnUploadThatMaySendSeldomGoesOnWithOneStreamAfterTheOther) {
  DataLink link(dial, kQuick, kPatience);
  link.LimitUploads(64 * kMiB, std::chrono::milliseconds(0));
  for (const size_t chunks : {2, 12}) {
    const auto reader = ReaderOf(*mine, SomeBytes(chunks * kMiB, chunks));
    const uint64_t sent = link.bytes_sent();
    Must(link.UploadNew(*reader, {}));
    EXPECT_EQ(link.bytes_sent(), sent + reader->size()) << "no chunk went twice";
    EXPECT_TRUE(world.store->Scrub(reader->manifest().BlobDigest()));
  }
}

TEST_F(Transfer, ACutUploadResumesWithoutSendingCompletedChunksAgain) {
  Relay relay(world.port);
  dial.address = relay.address();
  const auto reader = ReaderOf(*mine, SomeBytes(64 * kMiB, 2));
  DataLink link(dial, kQuick, kPatience);
  std::atomic<int> cuts = 0;
  const auto progress = [&](const Progress& now) {
    const int wanted = now.bytes_done > 40 * kMiB ? 2 : now.bytes_done > 20 * kMiB ? 1 : 0;
    if (int before = wanted - 1; wanted > 0 && cuts.compare_exchange_strong(before, wanted)) {
      relay.CutAll();
    }
  };
  Must(link.Upload(*reader, {}, progress));
  EXPECT_EQ(cuts, 2);
  EXPECT_TRUE(world.store->Scrub(reader->manifest().BlobDigest()));
  // What was on the wire when it was cut may go twice, what the aggregator had accepted never does.
  EXPECT_EQ(world.server->TrafficOf(SiteNamed("seoul")).bytes_received, reader->size());
  EXPECT_LT(link.bytes_sent(), reader->size() + 32 * kMiB);
}

TEST_F(Transfer, ACutDownloadResumesAtTheChunk) {
  const Bytes bytes = SomeBytes(48 * kMiB, 3);
  const Digest digest = Must(world.store->Put(bytes));
  Relay relay(world.port);
  dial.address = relay.address();
  DataLink link(dial, kQuick, kPatience);
  std::atomic<bool> cut = false;
  Must(link.Download(digest, *mine, {}, [&](const Progress& now) {
    if (now.bytes_done > 20 * kMiB && !cut.exchange(true)) relay.CutAll();
  }));
  EXPECT_TRUE(cut);
  EXPECT_TRUE(SameBytes(Must(mine->Open(digest))->bytes(), bytes));
  EXPECT_EQ(link.bytes_received(), bytes.size()) << "no chunk was fetched twice";
}

TEST_F(Transfer, AnUploadSurvivesARestartOfTheAggregator) {
  identity::TemporaryFolder folder;
  World files(Must(blob::OpenFileBlobStore(folder.str())));
  files.Start();
  const auto reader = ReaderOf(*mine, SomeBytes(32 * kMiB, 4));
  DataLink link(files.DialAs("seoul"), kQuick, kPatience);
  std::stop_source stop;
  const Status stopped = link.Upload(*reader, stop.get_token(), [&](const Progress& now) {
    if (now.bytes_done > 16 * kMiB) stop.request_stop();
  });
  EXPECT_EQ(CodeOf(stopped), ErrorCode::kCancelled);
  files.server.reset();
  files.store.reset();
  files.store = Must(blob::OpenFileBlobStore(folder.str()));
  const auto spool = Must(files.store->OpenSpool(reader->manifest()));
  const uint64_t missing = spool->MissingCount();
  EXPECT_GT(missing, 0u);
  EXPECT_LT(missing, 32u);
  files.Start();
  DataLink again(files.DialAs("seoul"), kQuick, kPatience);
  Must(again.Upload(*reader, {}));
  EXPECT_EQ(again.bytes_sent(), missing * kMiB) << "only what was missing is sent";
  EXPECT_TRUE(files.store->Scrub(reader->manifest().BlobDigest()));
  files.server.reset();
}

// Files below a folder that are open and have no name any more: room that nobody can see.
int OpenWithoutAName(const std::string& folder) {
  int count = 0;
  for (const auto& entry : std::filesystem::directory_iterator("/proc/self/fd")) {
    std::error_code gone;  // the iterator's own
    const std::string path = std::filesystem::read_symlink(entry.path(), gone).string();
    count += path.starts_with(folder) && path.ends_with("(deleted)");
  }
  return count;
}

TEST_F(Transfer, AnUploadThatIsDroppedHalfWayFreesItsRoomAndMayComeAgain) {
  identity::TemporaryFolder folder;
  World files(Must(blob::OpenFileBlobStore(folder.str())));
  files.Start();
  const auto reader = ReaderOf(*mine, SomeBytes(32 * kMiB, 14));
  const Digest digest = reader->manifest().BlobDigest();
  DataLink link(files.DialAs("seoul"), kQuick, kPatience);
  std::stop_source stop;
  const Status stopped = link.Upload(*reader, stop.get_token(), [&](const Progress& now) {
    if (now.bytes_done > 8 * kMiB) stop.request_stop();
  });
  EXPECT_EQ(CodeOf(stopped), ErrorCode::kCancelled);
  Must(files.store->DiscardSpool(digest));
  EXPECT_EQ(OpenWithoutAName(folder.str()), 0);
  DataLink again(files.DialAs("seoul"), kQuick, kPatience);
  Must(again.Upload(*reader, {}));
  EXPECT_TRUE(files.store->Scrub(digest));
  EXPECT_EQ(OpenWithoutAName(folder.str()), 0);
  files.server.reset();
}

// Says `freed` once the spool is nobody's, and is removed as a daemon's sweep would.
void SweepUntilFreed(World& world, const Digest& digest) {
  world.loop.At(world.loop.Now() + std::chrono::milliseconds(20), [&world, digest] {
    const uint64_t age = world.store->NewAge();
    const blob::Idle idle = world.store->IdleSince(age);
    if (idle.spools != std::vector{digest}) return SweepUntilFreed(world, digest);
    if (world.store->RemoveIdle(idle, age) >= 32 * kMiB) world.events.Add("freed");
  });
}

TEST_F(Transfer, AnUploadThatWasGivenUpIsHeldAsLongAsItMayResumeAndThenFreed) {
  identity::TemporaryFolder folder;
  World files(Must(blob::OpenFileBlobStore(folder.str())));
  files.patience.upload = std::chrono::seconds(3);
  files.Start();
  const auto reader = ReaderOf(*mine, SomeBytes(32 * kMiB, 15));
  const Digest digest = reader->manifest().BlobDigest();
  DataLink link(files.DialAs("seoul"), kQuick, kPatience);
  std::stop_source stop;
  const MonoTime begun = files.loop.Now();
  EXPECT_EQ(CodeOf(link.Upload(*reader, stop.get_token(),
                               [&](const Progress& now) {
                                 if (now.bytes_done > 8 * kMiB) stop.request_stop();
                               })),
            ErrorCode::kCancelled);
  SweepUntilFreed(files, digest);
  ASSERT_TRUE(files.events.Await("freed")) << "it is held until the next start";
  EXPECT_GE(files.loop.Now() - begun, files.patience.upload) << "it might have been resumed";
  EXPECT_TRUE(files.store->ListSpools().empty());
  DataLink again(files.DialAs("seoul"), kQuick, kPatience);
  Must(again.Upload(*reader, {}));
  EXPECT_TRUE(files.store->Scrub(digest));
  files.server.reset();
}

// A reader whose bytes are not what its manifest says.
class RottenReader final : public blob::Reader {
 public:
  explicit RottenReader(Bytes bytes)
      : manifest_(blob::ManifestOf(bytes)), bytes_(std::move(bytes)) {
    bytes_[kMiB + 5] ^= 1;
  }
  const blob::Manifest& manifest() const override { return manifest_; }
  ByteView bytes() const override { return bytes_; }

 private:
  blob::Manifest manifest_;
  Bytes bytes_;
};

TEST_F(Transfer, ACorruptChunkIsRefusedReportedAndSurvived) {
  const Bytes bytes = SomeBytes(3 * kMiB, 5);
  DataLink link(dial, kQuick, kPatience);
  EXPECT_EQ(CodeOf(link.Upload(RottenReader(bytes), {})), ErrorCode::kCorrupt);
  EXPECT_FALSE(world.store->Has(blob::ManifestOf(bytes).BlobDigest()));
  Must(link.Upload(*ReaderOf(*mine, bytes), {}));
  EXPECT_TRUE(world.store->Scrub(blob::ManifestOf(bytes).BlobDigest()));
}

TEST_F(Transfer, AChunkThatRottedAtTheAggregatorIsNotAccepted) {
  identity::TemporaryFolder folder;
  World files(Must(blob::OpenFileBlobStore(folder.str())));
  files.Start();
  const Digest digest = Must(files.store->Put(SomeBytes(3 * kMiB, 6)));
  const std::string path = Must(files.store->PathOf(digest));
  std::filesystem::permissions(path, std::filesystem::perms::owner_all);
  std::fstream(path, std::ios::in | std::ios::out | std::ios::binary).seekp(kMiB + 9) << "rot";
  DataLink link(files.DialAs("seoul"), kQuick, kPatience);
  EXPECT_EQ(CodeOf(link.Download(digest, *mine, {})), ErrorCode::kCorrupt);
  EXPECT_FALSE(mine->Has(digest));
}

// A store on a disk without room.
class FullStore final : public blob::BlobStore {
 public:
  std::atomic<bool> full = true;
  Result<Digest> Put(ByteView bytes) override { return store_->Put(bytes); }
  Result<std::vector<Digest>> ImportAll(std::span<const blob::Incoming> files) override {
    return store_->ImportAll(files);
  }
  Result<std::unique_ptr<blob::Reader>> Open(const Digest& digest) const override {
    return store_->Open(digest);
  }
  bool Has(const Digest& digest) const override { return store_->Has(digest); }
  Result<std::string> PathOf(const Digest& digest) const override { return store_->PathOf(digest); }
  Status Remove(const Digest& digest) override { return store_->Remove(digest); }
  bool Recycle(uint64_t bytes, const std::string& path) override {
    return store_->Recycle(bytes, path);
  }
  void Scrap(const std::string& path) override { store_->Scrap(path); }
  std::vector<Digest> List() const override { return store_->List(); }
  uint64_t TotalBytes() const override { return store_->TotalBytes(); }
  Result<std::shared_ptr<blob::Spool>> OpenSpool(const blob::Manifest& manifest,
                                                 blob::Lasting lasting) override {
    if (full) return Fail(ErrorCode::kExhausted, "no room on the disk");
    return store_->OpenSpool(manifest, lasting);
  }
  Status DiscardSpool(const Digest& digest) override { return store_->DiscardSpool(digest); }
  std::vector<Digest> ListSpools() const override { return store_->ListSpools(); }
  uint64_t NewAge() override { return store_->NewAge(); }
  blob::Idle IdleSince(uint64_t age) const override { return store_->IdleSince(age); }
  uint64_t RemoveIdle(const blob::Idle& idle, uint64_t age) override {
    return store_->RemoveIdle(idle, age);
  }

 private:
  std::unique_ptr<blob::BlobStore> store_ = blob::MemoryBlobStore();
};

TEST_F(Transfer, AFullDiskIsReportedOnEitherSideAndSurvived) {
  auto full_store = std::make_unique<FullStore>();
  FullStore& full = *full_store;
  World cramped(std::move(full_store));
  cramped.Start();
  DataLink link(cramped.DialAs("seoul"), kQuick, kPatience);
  const auto reader = ReaderOf(*mine, SomeBytes(2 * kMiB, 7));
  const Status refused = link.Upload(*reader, {});
  ASSERT_EQ(CodeOf(refused), ErrorCode::kExhausted);
  EXPECT_THAT(refused.error().message, testing::HasSubstr("no room"));
  full.full = false;
  Must(link.Upload(*reader, {}));

  FullStore own;
  const Digest digest = reader->manifest().BlobDigest();
  EXPECT_EQ(CodeOf(link.Download(digest, own, {})), ErrorCode::kExhausted);
  own.full = false;
  Must(link.Download(digest, own, {}));
}

TEST_F(Transfer, WhatIsNotThereIsNotFound) {
  DataLink link(dial, kQuick, kPatience);
  EXPECT_EQ(CodeOf(link.Download(Sha256(AsBytes("nothing")), *mine, {})), ErrorCode::kNotFound);
}

TEST_F(Transfer, TheOwnerDecidesWhoMayPutAndGet) {
  world.server.reset();
  world.calls.may_put = [&](const PeerIdentity& peer, const Digest&, uint64_t size) -> Status {
    EXPECT_TRUE(world.loop.InLoop());
    if (peer.site.str() == "seoul" && size < kMiB) return {};
    return Fail(ErrorCode::kPermissionDenied, "not in this cohort");
  };
  world.calls.may_get = [](const PeerIdentity&, const Digest&) {
    return Status(Fail(ErrorCode::kPermissionDenied, "not for you"));
  };
  world.Start();
  dial.address = world.DialAs("busan").address;
  DataLink seoul(dial, kQuick, kPatience);
  DataLink busan(world.DialAs("busan"), kQuick, kPatience);
  const auto reader = ReaderOf(*mine, SomeBytes(100, 8));
  EXPECT_EQ(CodeOf(busan.Upload(*reader, {})), ErrorCode::kPermissionDenied);
  EXPECT_EQ(CodeOf(seoul.Upload(*ReaderOf(*mine, SomeBytes(kMiB, 9)), {})),
            ErrorCode::kPermissionDenied);
  Must(seoul.Upload(*reader, {}));
  const auto elsewhere = blob::MemoryBlobStore();
  const Status got = seoul.Download(reader->manifest().BlobDigest(), *elsewhere, {});
  EXPECT_EQ(CodeOf(got), ErrorCode::kPermissionDenied);
}

TEST_F(Transfer, ALinkThatStaysBrokenFailsAfterItsPatience) {
  world.server.reset();
  DataLink link(dial, kQuick, std::chrono::milliseconds(50));
  EXPECT_EQ(CodeOf(link.Upload(*ReaderOf(*mine, SomeBytes(10, 10)), {})), ErrorCode::kUnavailable);
}

TEST_F(Transfer, ARevokedSiteUploadsNothingMore) {
  auto revocations = std::make_shared<identity::Revocations>();
  revocations->Add({identity::RevocationKind::kSite, "seoul", "left", RealNow()});
  world.server->Revoke(revocations);
  DataLink link(dial, kQuick, kPatience);
  const Status refused = link.Upload(*ReaderOf(*mine, SomeBytes(10, 11)), {});
  ASSERT_EQ(CodeOf(refused), ErrorCode::kPermissionDenied);
  EXPECT_THAT(refused.error().message, testing::HasSubstr("revoked"));
}

}  // namespace
}  // namespace dure::transport
