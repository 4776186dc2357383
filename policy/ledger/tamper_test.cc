// Every byte of an exported record is changed, one at a time, and each change is found.
#include <gmock/gmock.h>
#include <malloc.h>

#include <atomic>
#include <fstream>
#include <map>
#include <mutex>
#include <set>
#include <thread>

#include "policy/ledger/export.h"
#include "policy/ledger/testing.h"

namespace dure::ledger {
namespace {

namespace fs = std::filesystem;
using testing::Consortium;
using testing::SignerOf;
using testing::TemporaryFolder;

constexpr uint64_t kEntries = 200;

// The checkpoint is the same for every byte that is changed elsewhere: what was asked before is
// looked up. Thread-safe.
class RememberingVerifier final : public Verifier {
 public:
  bool VerifyRaw(const PublicKey& key, ByteView message, ByteView signature) const override {
    if (signature.size() != sizeof(Signature)) return false;
    Bytes asked(key.begin(), key.end());
    asked.insert(asked.end(), signature.begin(), signature.end());
    asked.insert(asked.end(), message.begin(), message.end());
    {
      const std::lock_guard lock(mutex_);
      if (known_.contains(asked)) return true;
    }
    if (!verifier_.VerifyRaw(key, message, signature)) return false;
    const std::lock_guard lock(mutex_);
    known_.insert(std::move(asked));
    return true;
  }

 private:
  const Ed25519Verifier verifier_;
  mutable std::mutex mutex_;
  mutable std::set<Bytes> known_;  // what is rightly signed: key, signature, message
};

class TamperTest : public ::testing::Test {
 protected:
  TamperTest() {
    // The bundle is copied a few hundred thousand times: from the heap, not from fresh pages.
    mallopt(M_MMAP_THRESHOLD, 64 * 1024 * 1024);
    mallopt(M_TRIM_THRESHOLD, 64 * 1024 * 1024);
    c_.Found(*ledger_);
    Add(c_.ByAggregator(*ledger_, MemberDescribed{c_.site.member, House::kPublic, "KR"}));
    Add(c_.BySite(*ledger_, CosignerAnnounced{c_.site_id, key_.Vkey()}));
    while (ledger_->Head().head.size < kEntries) {
      const uint64_t n = ledger_->Head().head.size;
      Add(c_.BySite(*ledger_, EvaluationReported{c_.base, c_.site_id, 1, n, n}));
    }
    const TreeHead head = ledger_->Head().head;
    const std::string line = Cosign(head, key_, *signer_, WallTime()).Line();
    EXPECT_TRUE(ledger_->AddCosignature(head.size, line).has_value());
    const TemporaryFolder folder;
    EXPECT_TRUE(ExportTiles(*ledger_, folder.path()).has_value());
    for (const auto& found : fs::recursive_directory_iterator(folder.path())) {
      if (!found.is_regular_file()) continue;
      std::ifstream in(found.path(), std::ios::binary);
      files_[fs::relative(found.path(), folder.path()).string()] =
          Bytes{std::istreambuf_iterator<char>(in), {}};
    }
  }
  void Add(Bytes entry) { EXPECT_TRUE(ledger_->Append(std::move(entry), "").has_value()); }

  // What fsck says when the file of that name has these bytes instead.
  Status Fsck(const std::string& name, const Bytes& bytes) const {
    const FileSource source = [&](const std::string& path, size_t) -> Result<Bytes> {
      if (path == name) return bytes;
      const auto found = files_.find(path);
      if (found == files_.end()) return Fail(ErrorCode::kNotFound, path + " is missing");
      return found->second;
    };
    return FsckTiles(source, c_.log_key, verifier_, 1).map([](const AuditReport&) {});
  }

  const Consortium c_;
  const RememberingVerifier verifier_;
  const std::unique_ptr<Ed25519Signer> signer_ = SignerOf(41);
  const CosignerKey key_ = *CosignerKey::Make("hospital-a-1/auditor", signer_->Key());
  const std::unique_ptr<Ledger> ledger_ = c_.NewMemoryLedger();
  std::map<std::string, Bytes> files_;  // the export, by path
};

TEST_F(TamperTest, EveryFlippedByteOfAnExportedLogOfTwoHundredEntriesIsFound) {
  ASSERT_THAT(files_, ::testing::SizeIs(3)) << "checkpoint, hashes and entries";
  ASSERT_TRUE(Fsck("", {}).has_value()) << "untouched, it is intact";
  std::atomic<size_t> flipped = 0;
  size_t bytes = 0;
  for (const auto& [name, good] : files_) {
    bytes += good.size();
    std::atomic<size_t> next = 0;
    const auto flip = [&, &name = name, &good = good] {
      Bytes changed = good;
      for (size_t at = next++; at < good.size(); at = next++) {
        changed[at] ^= static_cast<uint8_t>(1u << (at % 8));
        const Status found = Fsck(name, changed);
        changed[at] = good[at];
        if (found) ADD_FAILURE() << name << " byte " << at << " can be changed unseen";
        flipped++;
      }
    };
    std::vector<std::jthread> threads;
    for (unsigned t = 0; t < std::max(1u, std::thread::hardware_concurrency()); ++t) {
      threads.emplace_back(flip);
    }
  }
  EXPECT_EQ(flipped, bytes);
  EXPECT_GT(bytes, 100'000u);
}

TEST_F(TamperTest, AMissingShorterOrLongerFileIsFound) {
  for (const auto& [name, good] : files_) {
    Bytes changed = good;
    changed.pop_back();
    EXPECT_FALSE(Fsck(name, changed).has_value()) << name;
    changed = good;
    changed.push_back(0);
    EXPECT_FALSE(Fsck(name, changed).has_value()) << name;
    EXPECT_FALSE(Fsck(name, {}).has_value()) << name;
  }
}

TEST_F(TamperTest, ALineThatNobodyOfTheRecordMadeIsFound) {
  Bytes changed = files_.at("checkpoint");
  const auto stranger = SignerOf(50);
  const CosignerKey other = *CosignerKey::Make("somebody", stranger->Key());
  const std::string line = Cosign(ledger_->Head().head, other, *stranger, WallTime()).Line();
  changed.insert(changed.end(), line.begin(), line.end());
  EXPECT_FALSE(Fsck("checkpoint", changed).has_value());
}

// Each entry is what its speaker signed, and follows the one before; the head is over others.
TEST_F(TamperTest, EntriesUnderAHeadOfAnotherRootAreNotItsLog) {
  const auto read = [this](uint64_t begin, uint64_t end, size_t bytes_max) {
    return ledger_->Read(begin, end, bytes_max);
  };
  const auto verify = [&](const std::string& note) {
    return VerifyPages(note, read, c_.log_key, verifier_, 2);
  };
  ASSERT_TRUE(verify(ledger_->Head().note).has_value());
  for (const Digest& root : {testing::DigestOf("other"), ledger_->RootAt(kEntries - 1)}) {
    const auto found =
        verify(SignHead({c_.log_key.name, kEntries, root}, c_.log_key, *c_.log_signer).note);
    ASSERT_FALSE(found.has_value());
    EXPECT_EQ(found.error().code, ErrorCode::kCorrupt);
    EXPECT_THAT(found.error().message, ::testing::HasSubstr("do not hash to the signed root"));
  }
}

}  // namespace
}  // namespace dure::ledger
