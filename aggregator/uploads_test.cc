// What sites upload and nobody uses: bounded, and removed; and nothing else is.
#include "aggregator/uploads.h"

#include <gmock/gmock.h>

#include <filesystem>
#include <fstream>
#include <set>

namespace dure::aggregator {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;

constexpr uint64_t kBytes = 100;

Digest D(std::string_view name) { return Sha256(AsBytes(name)); }
SiteId Site(std::string_view name) { return *SiteId::Parse(name); }

class UploadsTest : public ::testing::Test {
 protected:
  UploadsTest() { Open(); }
  ~UploadsTest() override { std::filesystem::remove_all(folder_); }

  void Open() {
    uploads_.reset();
    journal_.reset();
    std::filesystem::create_directories(folder_);
    journal_ = std::move(*journal::Journal::Open(folder_ + "/journal.db"));
    uploads_.emplace(*Uploads::Open(*journal_, *store_, [this](const Digest& digest) {
      removed_.push_back(digest);
      if (removes_) uploads_->Removed(digest);
    }));
  }
  void Allow(std::string_view site, std::string_view blob, uint64_t bytes = kBytes) {
    const Status allowed = Offer(site, blob, bytes);
    ASSERT_TRUE(allowed) << allowed.error().message;
  }
  Status Offer(std::string_view site, std::string_view blob, uint64_t bytes = kBytes) {
    return uploads_->Allow(Site(site), D(blob), bytes, runs_, attempt_);
  }
  // As if its bytes had come.
  void Arrive(std::string_view blob) { ASSERT_EQ(*store_->Put(AsBytes(blob)), Named(blob)); }
  static Digest Named(std::string_view blob) {
    return *blob::MemoryBlobStore()->Put(AsBytes(blob));
  }

  const std::string folder_ = ::testing::TempDir() + "dure_uploads_" +
                              ::testing::UnitTest::GetInstance()->current_test_info()->name();
  std::unique_ptr<blob::BlobStore> store_ = blob::MemoryBlobStore();
  std::unique_ptr<journal::Journal> journal_;
  std::optional<Uploads> uploads_;
  std::vector<Digest> removed_;
  std::set<Digest> used_;
  size_t takers_ = 1;
  bool removes_ = true;  // at once; else it takes its time
  std::string attempt_ = "run/0/0";
  Uploads::Runs runs_{[this](const Digest& digest) { return used_.contains(digest); },
                      [this](const SiteId&, uint64_t) { return takers_; }};
};

TEST_F(UploadsTest, AnotherTakesThePlaceOfWhatWasNeverSubmitted) {
  for (int i = 0; i < 1000; ++i) {
    attempt_ = "run/0/" + std::to_string(i / 10);
    Allow("kt", "offer " + std::to_string(i));
  }
  EXPECT_EQ(removed_.size(), 999u);
  EXPECT_EQ(removed_.front(), D("offer 0"));
  Allow("kt", "offer 999");  // again, after a broken link
  Allow("lg", "offer of another");
  EXPECT_EQ(removed_.size(), 999u);
  for (int i = 0; i < 1000; ++i) EXPECT_TRUE(uploads_->Contains(D("offer " + std::to_string(i))));
}

TEST_F(UploadsTest, AnAttemptTakesFewOffersOfOneSiteAndTheNextTakesMore) {
  for (int i = 0; i < 32; ++i) Allow("kt", "offer " + std::to_string(i));
  const Status more = Offer("kt", "one more");
  ASSERT_FALSE(more);
  EXPECT_EQ(more.error().code, ErrorCode::kUnavailable);
  EXPECT_FALSE(uploads_->Contains(D("one more"))) << "it left a mark";
  Allow("kt", "offer 31");  // again, after a broken link
  Allow("lg", "of another");
  attempt_ = "run/0/1";
  Allow("kt", "one more");
}

TEST_F(UploadsTest, NothingTakesThePlaceOfWhatTheDiskStillHolds) {
  removes_ = false;
  Allow("kt", "first");
  Allow("kt", "second");
  ASSERT_THAT(removed_, ElementsAre(D("first")));
  const Status third = Offer("kt", "third");
  ASSERT_FALSE(third);
  EXPECT_EQ(third.error().code, ErrorCode::kUnavailable);
  Allow("kt", "second");  // goes on
  Allow("lg", "of another");
  uploads_->Removed(D("first"));
  Allow("kt", "third");
}

TEST_F(UploadsTest, IsOfWhoOfferedIt) {
  Allow("kt", "its own");
  EXPECT_TRUE(uploads_->IsBy(Site("kt"), D("its own")));
  EXPECT_FALSE(uploads_->IsBy(Site("lg"), D("its own"))) << "who read its digest in the record";
  Allow("lg", "its own");
  EXPECT_TRUE(uploads_->IsBy(Site("lg"), D("its own"))) << "who made the same bytes";
  uploads_->Forget(D("its own"));
  EXPECT_FALSE(uploads_->IsBy(Site("kt"), D("its own")));
}

TEST_F(UploadsTest, WhatARoundUsesStaysAndEachRunHasItsOwn) {
  Allow("kt", "submitted");
  used_.insert(D("submitted"));
  Allow("kt", "next attempt");
  EXPECT_THAT(removed_, IsEmpty());
  takers_ = 2;
  Allow("kt", "of another run");
  EXPECT_THAT(removed_, IsEmpty());
  Allow("kt", "one too many");
  EXPECT_THAT(removed_, ElementsAre(D("next attempt")));
}

TEST_F(UploadsTest, WhatItsRoundRemovedTakesNobodysPlace) {
  takers_ = 2;
  Allow("kt", "under way");
  Allow("kt", "of a round that closed");
  uploads_->Forget(D("of a round that closed"));
  Allow("kt", "of its next round");
  EXPECT_THAT(removed_, IsEmpty());
}

TEST_F(UploadsTest, WhatNoRunWouldTakeIsSweptUnlessAnotherSiteHasTheSame) {
  Allow("kt", "left");
  Allow("kt", "used", 2 * kBytes);
  used_.insert(D("used"));
  uploads_->Sweep(runs_);
  EXPECT_THAT(removed_, IsEmpty());
  takers_ = 0;
  uploads_->Sweep(runs_);
  EXPECT_THAT(removed_, ElementsAre(D("left")));
  takers_ = 1;
  Allow("kt", "the same");
  Allow("lg", "the same");
  Allow("kt", "then another");
  EXPECT_THAT(removed_, ElementsAre(D("left")));
}

TEST_F(UploadsTest, MarksAndWhatIsHereOutliveARestart) {
  ASSERT_TRUE(uploads_->Allow(Site("kt"), Named("came"), kBytes, runs_, attempt_));
  Arrive("came");
  Allow("kt", "under way", 2 * kBytes);
  // As a version wrote it that told no size; and a model, which nobody uploaded.
  ASSERT_TRUE(
      journal_->Apply(journal::Change().Put("contribution/" + Named("old").Hex(), ToBytes("lg"))));
  Arrive("old");
  Arrive("a model");
  Open();
  for (const Digest& mark : {Named("came"), Named("old")}) EXPECT_TRUE(uploads_->Contains(mark));
  EXPECT_FALSE(uploads_->Contains(Named("a model")));
  takers_ = 0;
  uploads_->Sweep(runs_);
  EXPECT_THAT(removed_, ::testing::UnorderedElementsAre(Named("came"), Named("old")));
}

TEST_F(UploadsTest, AtAStartAMarkOfNothingIsForgottenAndNoOther) {
  for (int i = 0; i < 30; ++i) Allow("kt", "offer " + std::to_string(i));
  ASSERT_TRUE(uploads_->Allow(Site("lg"), Named("came"), kBytes, runs_, attempt_));
  Arrive("came");
  EXPECT_EQ(journal_->Scan("contribution/")->size(), 31u) << "its bytes may still come";
  Open();
  EXPECT_FALSE(uploads_->Contains(D("offer 29")));
  EXPECT_TRUE(uploads_->IsBy(Site("lg"), Named("came")));
  EXPECT_EQ(journal_->Scan("contribution/")->size(), 1u);
  Allow("kt", "offer 29");  // its site offers it again
  EXPECT_TRUE(uploads_->Contains(D("offer 29")));
}

// Its files may be put back later, after the journal: then they are private still.
TEST_F(UploadsTest, AStoreWithoutAnythingInItTellsNothingOfMarks) {
  ASSERT_TRUE(uploads_->Allow(Site("kt"), Named("came"), kBytes, runs_, attempt_));
  Open();
  EXPECT_TRUE(uploads_->Contains(Named("came")));
  Arrive("came");
  Open();
  EXPECT_TRUE(uploads_->IsBy(Site("kt"), Named("came")));
}

TEST_F(UploadsTest, WhatADeathLeftInASpoolAndWholeIsOneUpload) {
  store_ = std::move(*blob::OpenFileBlobStore(folder_ + "/blobs"));
  ASSERT_TRUE(uploads_->Allow(Site("kt"), Named("came"), kBytes, runs_, attempt_));
  Arrive("came");
  // Killed between the rename of the blob and the removal of its spool.
  std::ofstream(folder_ + "/blobs/spools/" + Named("came").Hex() + ".manifest") << "left";
  ASSERT_THAT(store_->ListSpools(), ElementsAre(Named("came")));
  Open();
  takers_ = 2;
  Allow("kt", "another");
  EXPECT_THAT(removed_, IsEmpty());
  takers_ = 1;
  Allow("kt", "a third");
  EXPECT_THAT(removed_, ElementsAre(Named("came"), D("another")));
}

}  // namespace
}  // namespace dure::aggregator
