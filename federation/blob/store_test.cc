#include "federation/blob/store.h"

#include <gmock/gmock.h>
#include <sys/resource.h>

#include <csignal>
#include <filesystem>
#include <fstream>
#include <thread>

#include "federation/random.h"

namespace dure::blob {
namespace {

namespace fs = std::filesystem;

constexpr size_t kMiB = limits::kChunkBytes;

class Folder {
 public:
  Folder() {
    std::string pattern = (fs::temp_directory_path() / "dure-blob-XXXXXX").string();
    path_ = ::mkdtemp(pattern.data());
  }
  ~Folder() { fs::remove_all(path_); }
  std::string path(const std::string& name = "") const { return (path_ / name).string(); }

 private:
  fs::path path_;
};

Bytes SomeBytes(size_t size, uint64_t seed) {
  Bytes bytes(size);
  SeededRandom(seed).Fill(bytes);
  return bytes;
}

ByteView ChunkOf(const Manifest& manifest, const Bytes& bytes, uint64_t index) {
  return ByteView(bytes).subspan(manifest.ChunkOffset(index), manifest.ChunkSize(index));
}

void WriteFile(const std::string& path, ByteView bytes) {
  std::ofstream(path, std::ios::binary) << AsText(bytes);
}

ErrorCode CodeOf(const auto& result) { return result ? ErrorCode::kInternal : result.error().code; }

bool SameBytes(ByteView a, ByteView b) { return AsText(a) == AsText(b); }

TEST(Manifest, ItsDigestIsTheOneOfTheDecisionRecord) {
  // SHA-256("dure-blob-1\n" || 3 le64 || 2^20 le32 || SHA-256("abc")), spelled out.
  Bytes preimage = ToBytes("dure-blob-1\n");
  const Bytes head = {3, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0x10, 0};
  preimage.insert(preimage.end(), head.begin(), head.end());
  const Digest chunk = Sha256(AsBytes("abc"));
  preimage.insert(preimage.end(), chunk.bytes.begin(), chunk.bytes.end());
  EXPECT_EQ(ManifestOf(AsBytes("abc")).BlobDigest(), Sha256(preimage));
}

TEST(Manifest, PiecesOfAnySizeGiveTheSameManifest) {
  const Bytes bytes = SomeBytes(2 * kMiB + 17, 1);
  const Manifest whole = ManifestOf(bytes);
  EXPECT_EQ(whole.ChunkCount(), 3u);
  EXPECT_EQ(whole.ChunkSize(2), 17u);
  ManifestBuilder builder;
  for (size_t at = 0; at < bytes.size();) {
    const size_t take = std::min<size_t>(77'777, bytes.size() - at);
    builder.Update(ByteView(bytes).subspan(at, take));
    at += take;
  }
  EXPECT_EQ(builder.Finish(), whole);
  EXPECT_EQ(ManifestOf({}).ChunkCount(), 0u);
  EXPECT_EQ(ManifestOf(ByteView(bytes).first(kMiB)).ChunkCount(), 1u);
}

TEST(Manifest, ParseRefusesEveryTruncationAndEveryLie) {
  const Manifest manifest = ManifestOf(SomeBytes(kMiB + 1, 2));
  const Bytes good = manifest.Encode();
  ASSERT_EQ(Manifest::Parse(good).value(), manifest);
  for (size_t size = 0; size < good.size(); ++size) {
    EXPECT_EQ(CodeOf(Manifest::Parse(ByteView(good).first(size))), ErrorCode::kInvalid);
  }
  Bytes longer = good;
  longer.push_back(0);
  EXPECT_FALSE(Manifest::Parse(longer));
  Bytes lie = good;
  lie[0] = 255;  // still two chunks
  EXPECT_TRUE(Manifest::Parse(lie));
  lie[2] = 0xff;  // many more bytes than two chunks hold
  EXPECT_FALSE(Manifest::Parse(lie));
  Bytes odd = good;
  odd[8] = 1;  // chunk size
  EXPECT_FALSE(Manifest::Parse(odd));
}

// What every store promises.
class AnyStore : public testing::TestWithParam<bool> {
 protected:
  AnyStore() { Reopen(); }
  void Reopen() {
    store_.reset();
    store_ = GetParam() ? OpenFileBlobStore(folder_.path("store")).value() : MemoryBlobStore();
  }
  Folder folder_;
  std::unique_ptr<BlobStore> store_;
};

INSTANTIATE_TEST_SUITE_P(Stores, AnyStore, testing::Bool(), [](const auto& store) {
  return store.param ? std::string("Files") : std::string("Memory");
});

TEST_P(AnyStore, KeepsWhatWasPutUnderItsDigest) {
  const Bytes bytes = SomeBytes(kMiB + 5, 3);
  const Digest digest = store_->Put(bytes).value();
  EXPECT_EQ(digest, ManifestOf(bytes).BlobDigest());
  EXPECT_EQ(store_->Put(bytes).value(), digest) << "putting again is success";
  EXPECT_TRUE(store_->Has(digest));
  const auto reader = store_->Open(digest).value();
  EXPECT_TRUE(SameBytes(reader->bytes(), bytes));
  EXPECT_TRUE(SameBytes(reader->ReadChunk(1).value(), ByteView(bytes).subspan(kMiB)));
  EXPECT_EQ(CodeOf(reader->ReadChunk(2)), ErrorCode::kInvalid);
  EXPECT_EQ(store_->TotalBytes(), bytes.size());
  EXPECT_THAT(store_->List(), testing::ElementsAre(digest));
  EXPECT_TRUE(store_->Scrub(digest));
}

TEST_P(AnyStore, KeepsTheEmptyBlob) {
  const Digest digest = store_->Put({}).value();
  EXPECT_EQ(store_->Open(digest).value()->size(), 0u);
}

TEST_P(AnyStore, ARemovedBlobIsGoneButItsReadersStayValid) {
  const Bytes bytes = SomeBytes(100, 4);
  const Digest digest = store_->Put(bytes).value();
  const auto reader = store_->Open(digest).value();
  ASSERT_TRUE(store_->Remove(digest));
  EXPECT_FALSE(store_->Has(digest));
  EXPECT_EQ(CodeOf(store_->Open(digest)), ErrorCode::kNotFound);
  EXPECT_EQ(CodeOf(store_->Scrub(digest)), ErrorCode::kNotFound);
  EXPECT_TRUE(store_->Remove(digest)) << "removing nothing is success";
  EXPECT_TRUE(SameBytes(reader->bytes(), bytes));
}

TEST_P(AnyStore, ImportTakesTheFileOver) {
  const Bytes bytes = SomeBytes(2 * kMiB, 5);
  WriteFile(folder_.path("made"), bytes);
  const Digest digest = store_->Import(folder_.path("made"), ManifestOf(bytes)).value();
  EXPECT_FALSE(fs::exists(folder_.path("made")));
  EXPECT_TRUE(SameBytes(store_->Open(digest).value()->bytes(), bytes));
  WriteFile(folder_.path("made"), bytes);
  EXPECT_EQ(store_->Import(folder_.path("made"), ManifestOf(bytes)).value(), digest);
  EXPECT_FALSE(fs::exists(folder_.path("made"))) << "already there: the file is taken all the same";
}

TEST_P(AnyStore, ImportRefusesAFileOfAnotherSizeAndLeavesIt) {
  WriteFile(folder_.path("made"), SomeBytes(10, 6));
  const Manifest other = ManifestOf(SomeBytes(11, 6));
  EXPECT_EQ(CodeOf(store_->Import(folder_.path("made"), other)), ErrorCode::kCorrupt);
  EXPECT_TRUE(fs::exists(folder_.path("made")));
  EXPECT_FALSE(store_->Has(other.BlobDigest()));
  EXPECT_EQ(CodeOf(store_->Import(folder_.path("none"), other)), ErrorCode::kNotFound);
}

TEST_P(AnyStore, ASpoolFilledInAnyOrderBecomesTheBlob) {
  const Bytes bytes = SomeBytes(9 * kMiB + 3, 7);
  const Manifest manifest = ManifestOf(bytes);
  const auto spool = store_->OpenSpool(manifest).value();
  EXPECT_EQ(spool->MissingCount(), 10u);
  EXPECT_THAT(spool->MissingBitmap(), testing::ElementsAre(0xff, 0x03));
  for (const uint64_t index : {9, 0, 4, 1, 8, 2, 7, 3, 6}) {
    ASSERT_TRUE(spool->WriteChunk(index, ChunkOf(manifest, bytes, index)));
  }
  EXPECT_EQ(CodeOf(spool->Complete()), ErrorCode::kFailedPrecondition);
  EXPECT_FALSE(store_->Has(manifest.BlobDigest()));
  EXPECT_THAT(spool->MissingBitmap(), testing::ElementsAre(1 << 5, 0));
  EXPECT_EQ(store_->OpenSpool(manifest).value(), spool) << "one spool for all streams";
  ASSERT_TRUE(spool->WriteChunk(5, ChunkOf(manifest, bytes, 5)));
  ASSERT_TRUE(spool->Complete());
  ASSERT_TRUE(spool->Complete()) << "idempotent";
  EXPECT_TRUE(SameBytes(store_->Open(manifest.BlobDigest()).value()->bytes(), bytes));
  EXPECT_EQ(CodeOf(store_->OpenSpool(manifest)), ErrorCode::kAlreadyExists);
  EXPECT_THAT(store_->ListSpools(), testing::IsEmpty());
}

TEST_P(AnyStore, ACorruptChunkIsRefusedAndNothingKept) {
  const Bytes bytes = SomeBytes(kMiB + 8, 8);
  const Manifest manifest = ManifestOf(bytes);
  const auto spool = store_->OpenSpool(manifest).value();
  Bytes bad(bytes.begin(), bytes.begin() + kMiB);
  bad[kMiB / 2] ^= 1;
  EXPECT_EQ(CodeOf(spool->WriteChunk(0, bad)), ErrorCode::kCorrupt);
  EXPECT_EQ(CodeOf(spool->WriteChunk(0, ByteView(bytes).first(kMiB - 1))), ErrorCode::kCorrupt);
  EXPECT_EQ(CodeOf(spool->WriteChunk(1, ChunkOf(manifest, bytes, 0))), ErrorCode::kCorrupt);
  EXPECT_EQ(CodeOf(spool->WriteChunk(2, {})), ErrorCode::kInvalid);
  EXPECT_FALSE(spool->HasChunk(0));
  EXPECT_EQ(spool->MissingCount(), 2u);
}

TEST_P(AnyStore, ADiscardedSpoolTakesNothingMore) {
  const Bytes bytes = SomeBytes(2 * kMiB, 9);
  const Manifest manifest = ManifestOf(bytes);
  const auto spool = store_->OpenSpool(manifest).value();
  ASSERT_TRUE(spool->WriteChunk(0, ChunkOf(manifest, bytes, 0)));
  EXPECT_THAT(store_->ListSpools(), testing::ElementsAre(manifest.BlobDigest()));
  ASSERT_TRUE(store_->DiscardSpool(manifest.BlobDigest()));
  EXPECT_EQ(CodeOf(spool->WriteChunk(1, ChunkOf(manifest, bytes, 1))), ErrorCode::kCancelled);
  EXPECT_EQ(CodeOf(spool->Complete()), ErrorCode::kCancelled);
  EXPECT_EQ(store_->OpenSpool(manifest).value()->MissingCount(), 2u) << "a new one starts empty";
}

TEST_P(AnyStore, TwoThreadsFillOneSpool) {
  const Bytes bytes = SomeBytes(8 * kMiB, 10);
  const Manifest manifest = ManifestOf(bytes);
  const auto spool = store_->OpenSpool(manifest).value();
  const auto fill = [&] {
    for (uint64_t index = 0; index < 8; ++index) {
      EXPECT_TRUE(spool->WriteChunk(index, ChunkOf(manifest, bytes, index)));
    }
    EXPECT_TRUE(spool->Complete());
  };
  std::thread other(fill);
  fill();
  other.join();
  EXPECT_TRUE(store_->Scrub(manifest.BlobDigest()));
}

class FileStore : public testing::Test {
 protected:
  std::unique_ptr<BlobStore> Open() { return OpenFileBlobStore(folder_.path()).value(); }
  // Writes chunk 0 of a two-chunk blob and lets the store go.
  Manifest LeaveASpool(const Bytes& bytes) {
    const Manifest manifest = ManifestOf(bytes);
    const auto store = Open();
    const auto spool = store->OpenSpool(manifest).value();
    EXPECT_TRUE(spool->WriteChunk(0, ChunkOf(manifest, bytes, 0)));
    return manifest;
  }
  std::string SpoolFile(const Manifest& manifest, const std::string& suffix) const {
    return folder_.path("spools/" + manifest.BlobDigest().Hex() + suffix);
  }
  Folder folder_;
};

// A model that is fetched while it is derived, and one that is removed while it comes anew.
TEST_F(FileStore, ABlobThatComesTwiceAtOnceOrGoesMeanwhileIsWholeOrNotThere) {
  const auto store = Open();
  const Bytes bytes = SomeBytes(5000, 1);
  const Digest digest = ManifestOf(bytes).BlobDigest();
  for (int time = 0; time < 200; ++time) {
    const auto put = [&] {
      const auto had = store->Put(bytes);
      EXPECT_TRUE(had) << had.error().message;
    };
    std::vector<std::thread> threads;
    threads.emplace_back(put);
    threads.emplace_back(put);
    threads.emplace_back([&] { EXPECT_TRUE(store->Remove(digest)); });
    for (std::thread& thread : threads) thread.join();
    if (store->Has(digest)) {
      const auto reader = store->Open(digest);
      ASSERT_TRUE(reader) << "the " << time << "th time: " << reader.error().message;
      ASSERT_TRUE(fs::exists(*store->PathOf(digest)));
    }
    ASSERT_TRUE(store->Remove(digest));
  }
}

TEST_F(FileStore, BlobsAndSpoolsSurviveAReopening) {
  const Bytes bytes = SomeBytes(2 * kMiB, 11);
  const Manifest manifest = LeaveASpool(bytes);
  const auto store = Open();
  EXPECT_THAT(store->ListSpools(), testing::ElementsAre(manifest.BlobDigest()));
  const auto spool = store->OpenSpool(manifest).value();
  EXPECT_TRUE(spool->HasChunk(0));
  ASSERT_TRUE(spool->WriteChunk(1, ChunkOf(manifest, bytes, 1)));
  ASSERT_TRUE(spool->Complete());
}

TEST_F(FileStore, AfterAPowerCutClaimedChunksAreHashedAgain) {
  const Manifest manifest = LeaveASpool(SomeBytes(2 * kMiB, 12));
  {
    std::fstream bits(SpoolFile(manifest, ".bits"),
                      std::ios::in | std::ios::out | std::ios::binary);
    bits << "another-boot";
    std::fstream part(SpoolFile(manifest, ".part"),
                      std::ios::in | std::ios::out | std::ios::binary);
    part.seekp(4096) << "lost";
  }
  EXPECT_FALSE(Open()->OpenSpool(manifest).value()->HasChunk(0));
}

TEST_F(FileStore, AfterAPowerCutAChunkThatReachedTheDiskIsKept) {
  const Manifest manifest = LeaveASpool(SomeBytes(2 * kMiB, 13));
  {
    std::fstream bits(SpoolFile(manifest, ".bits"),
                      std::ios::in | std::ios::out | std::ios::binary);
    bits << "another-boot";
  }
  EXPECT_TRUE(Open()->OpenSpool(manifest).value()->HasChunk(0));
}

TEST_F(FileStore, ATruncatedBitmapMeansNothingIsHeld) {
  const Manifest manifest = LeaveASpool(SomeBytes(2 * kMiB, 14));
  fs::resize_file(SpoolFile(manifest, ".bits"), 20);
  EXPECT_EQ(Open()->OpenSpool(manifest).value()->MissingCount(), 2u);
}

TEST_F(FileStore, ScrubFindsOneFlippedBit) {
  const auto store = Open();
  const Digest digest = store->Put(SomeBytes(3 * kMiB, 15)).value();
  const std::string path = store->PathOf(digest).value();
  fs::permissions(path, fs::perms::owner_all);
  {
    std::fstream file(path, std::ios::in | std::ios::out | std::ios::binary);
    const char flipped = static_cast<char>(file.seekg(kMiB + 7).get() ^ 1);
    file.seekp(kMiB + 7).put(flipped);
  }
  const Status scrubbed = store->Scrub(digest);
  ASSERT_EQ(CodeOf(scrubbed), ErrorCode::kCorrupt);
  EXPECT_THAT(scrubbed.error().message, testing::HasSubstr("chunk 1"));
}

TEST_F(FileStore, ABlobWithAnotherBlobsManifestIsCorrupt) {
  const auto store = Open();
  const Digest digest = store->Put(SomeBytes(10, 16)).value();
  const Digest other = store->Put(SomeBytes(10, 17)).value();
  fs::copy_file(folder_.path("blobs/" + other.Hex() + ".manifest"),
                folder_.path("blobs/" + digest.Hex() + ".manifest"),
                fs::copy_options::overwrite_existing);
  EXPECT_EQ(CodeOf(store->Open(digest)), ErrorCode::kCorrupt);
}

TEST_F(FileStore, AManifestWithoutBytesIsNoBlob) {
  Digest digest;
  {
    const auto store = Open();
    digest = store->Put(SomeBytes(10, 18)).value();
    fs::remove(store->PathOf(digest).value());
  }
  EXPECT_FALSE(Open()->Has(digest));
}

TEST_F(FileStore, OneProcessOwnsTheFolder) {
  const auto store = Open();
  EXPECT_EQ(CodeOf(OpenFileBlobStore(folder_.path())), ErrorCode::kFailedPrecondition);
}

// A file-size limit stands for the full disk: both end in the reservation.
class FullDisk {
 public:
  explicit FullDisk(rlim_t bytes) {
    std::signal(SIGXFSZ, SIG_IGN);
    ::getrlimit(RLIMIT_FSIZE, &before_);
    const rlimit tiny{bytes, before_.rlim_max};
    ::setrlimit(RLIMIT_FSIZE, &tiny);
  }
  ~FullDisk() { ::setrlimit(RLIMIT_FSIZE, &before_); }

 private:
  rlimit before_{};
};

TEST_F(FileStore, AFullDiskRefusesTheSpoolBeforeAnyChunk) {
  const auto store = Open();
  const Manifest manifest = ManifestOf(SomeBytes(4 * kMiB, 19));
  {
    const FullDisk full(2 * kMiB);
    EXPECT_EQ(CodeOf(store->OpenSpool(manifest)), ErrorCode::kExhausted);
    EXPECT_THAT(store->ListSpools(), testing::IsEmpty());
    EXPECT_EQ(CodeOf(store->Put(SomeBytes(4 * kMiB, 19))), ErrorCode::kExhausted);
  }
  EXPECT_TRUE(store->OpenSpool(manifest)) << "with room again, it works";
}

}  // namespace
}  // namespace dure::blob
