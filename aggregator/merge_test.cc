#include "aggregator/merge.h"

#include <gmock/gmock.h>
#include <stdlib.h>

#include <cmath>
#include <cstring>
#include <filesystem>

#include "federation/codec/encode.h"
#include "federation/codec/lane.h"
#include "federation/codec/norm.h"
#include "federation/derivation/derivation.h"
#include "federation/round/testing.h"

namespace dure::aggregator {
namespace {

namespace fs = std::filesystem;

constexpr uint64_t kCount = 2 * codec::kBlockParameters + 5;

Bytes ModelFile() {
  Bytes file(4096 + kCount * sizeof(float));
  const uint64_t header = 4096 - 8;
  for (size_t i = 0; i < 8; ++i) file[i] = static_cast<uint8_t>(header >> (8 * i));
  return file;
}

class MergeTest : public testing::Test {
 protected:
  MergeTest() {
    std::string pattern = (fs::temp_directory_path() / "dure-merge-XXXXXX").string();
    folder_ = ::mkdtemp(pattern.data());
    store_ = blob::OpenFileBlobStore((folder_ / "store").string()).value();
    base_.model = store_->Put(ModelFile()).value();
    manifest_.outer_mu = 0;
    manifest_.outer_eta = 1;
  }
  ~MergeTest() override { fs::remove_all(folder_); }

  Digest PutLanes(uint8_t value, uint64_t count = kCount) {
    return store_->Put(Bytes(count, value)).value();
  }
  round::StartMerge Work(const std::vector<Digest>& blobs) const {
    round::StartMerge work;
    work.at.run = manifest_.run;
    work.base = base_;
    for (const Digest& blob : blobs) {
      round::Contribution contribution;
      contribution.blob = blob;
      contribution.weight = codec::kWeightOne;
      work.contributions.push_back(contribution);
    }
    work.weight_sum = blobs.size() * codec::kWeightOne;
    return work;
  }
  Result<MergeResult> Merged(const std::vector<Digest>& blobs) {
    return Merge(Work(blobs), manifest_, *store_, folder_.string(), 1);
  }

  fs::path folder_;
  std::unique_ptr<blob::BlobStore> store_;
  round::Base base_;
  round::RunManifest manifest_ = round::TestManifest();
};

TEST_F(MergeTest, TheMeanOfTheContributionsIsTakenFromTheModel) {
  const auto merged = Merged({PutLanes(5), PutLanes(3)});
  ASSERT_TRUE(merged) << merged.error().message;
  const auto model = store_->Open(merged->next.model).value();
  float value = 0;
  std::memcpy(&value, model->bytes().data() + 4096, sizeof value);
  EXPECT_FLOAT_EQ(value, -4 * manifest_.initial_scale / 127);
}

TEST_F(MergeTest, ASiteDerivesFromTheAggregateWhatTheMergeAnnounced) {
  const auto merged = Merged({PutLanes(5), PutLanes(3)});
  ASSERT_TRUE(merged);
  const derivation::Step step{base_, merged->aggregate, 2, 2 * codec::kWeightOne};
  const auto derived = derivation::DeriveNext(step, manifest_, *store_, folder_.string(), {});
  ASSERT_TRUE(derived) << derived.error().message;
  EXPECT_EQ(*derived, merged->next);
}

TEST_F(MergeTest, TheAggregateIsInTheStoreAndOutlivesIt) {
  const auto merged = Merged({PutLanes(5), PutLanes(3)});
  ASSERT_TRUE(merged);
  store_.reset();
  store_ = blob::OpenFileBlobStore((folder_ / "store").string()).value();
  for (const Digest& digest : {merged->aggregate, merged->next.model, merged->next.scales}) {
    EXPECT_TRUE(store_->Has(digest) && store_->Scrub(digest));
  }
  EXPECT_FALSE(fs::exists(folder_ / "run.aggregate"));
}

// The sum of one contribution is that contribution: here already, and still here.
TEST_F(MergeTest, TheSumOfOneIsWhatItSent) {
  const Digest only = PutLanes(5);
  const auto merged = Merged({only});
  ASSERT_TRUE(merged) << merged.error().message;
  EXPECT_TRUE(store_->Has(merged->aggregate) && store_->Scrub(merged->aggregate));
  EXPECT_FALSE(fs::exists(folder_ / "run.aggregate"));
  EXPECT_TRUE(Merged({only})) << "again, as after a death";
}

TEST_F(MergeTest, AMergeThatFailsLeavesNoSumBehind) {
  manifest_.outer_mu = 0.5F;
  base_.momentum = store_->Put(Bytes(8192)).value();
  EXPECT_FALSE(Merged({PutLanes(5), PutLanes(3)}));
  EXPECT_FALSE(fs::exists(folder_ / "run.aggregate"));
}

TEST_F(MergeTest, ARepeatedMergeGivesTheSameBlobsInAnyOrderOfSites) {
  const Digest a = PutLanes(5);
  const Digest b = PutLanes(0xfd);
  const auto first = Merged({a, b});
  const auto again = Merged({b, a});
  ASSERT_TRUE(first);
  ASSERT_TRUE(again);
  EXPECT_EQ(first->aggregate, again->aggregate);
  EXPECT_EQ(first->next, again->next);
}

TEST_F(MergeTest, ContributionsAreMergedByTheRunsRuleAndASiteDerivesTheSame) {
  manifest_.merge = *round::MergeRule::Parse("median");
  const auto merged = Merged({PutLanes(5), PutLanes(3), PutLanes(0x81)});
  ASSERT_TRUE(merged) << merged.error().message;
  EXPECT_TRUE(merged->shares.empty());
  const auto model = store_->Open(merged->next.model).value();
  float value = 0;
  std::memcpy(&value, model->bytes().data() + 4096, sizeof value);
  EXPECT_FLOAT_EQ(value, -3 * manifest_.initial_scale / 127);
  const derivation::Step step{base_, merged->aggregate, 3, 3 * codec::kWeightOne};
  const auto derived = derivation::DeriveNext(step, manifest_, *store_, folder_.string(), {});
  ASSERT_TRUE(derived) << derived.error().message;
  EXPECT_EQ(*derived, merged->next);
}

TEST_F(MergeTest, ARuleThatChoosesSaysWhatEachContributionGot) {
  manifest_.merge = *round::MergeRule::Parse("krum=1");
  const Digest same = PutLanes(5);
  const auto merged = Merged({PutLanes(0x81), same, same, PutLanes(4), PutLanes(9)});
  ASSERT_TRUE(merged) << merged.error().message;
  EXPECT_THAT(merged->shares, testing::ElementsAre(0u, 5 * codec::kWeightOne, 0u, 0u, 0u));
  const auto few = Merged({same, same, same});
  ASSERT_FALSE(few);
  EXPECT_EQ(few.error().code, ErrorCode::kInvalid);
}

TEST_F(MergeTest, WhatACrashLeftInTheScratchFolderIsReplaced) {
  std::FILE* left = std::fopen((folder_ / "run.aggregate").c_str(), "w");
  ASSERT_NE(left, nullptr);
  std::fputs("half an aggregate", left);
  std::fclose(left);
  EXPECT_TRUE(Merged({PutLanes(1), PutLanes(2)}));
}

TEST_F(MergeTest, AMissingContributionIsNotFound) {
  const auto merged = Merged({PutLanes(1), Sha256(AsBytes("never came"))});
  ASSERT_FALSE(merged);
  EXPECT_EQ(merged.error().code, ErrorCode::kNotFound);
}

TEST_F(MergeTest, AContributionOfAnotherRunIsRefused) {
  const auto short_one = Merged({PutLanes(1), PutLanes(1, kCount - 1)});
  ASSERT_FALSE(short_one);
  EXPECT_EQ(short_one.error().code, ErrorCode::kInvalid);
  const auto impossible = Merged({PutLanes(1), PutLanes(0x80)});
  ASSERT_FALSE(impossible);
  EXPECT_EQ(impossible.error().code, ErrorCode::kInvalid);
}

TEST_F(MergeTest, AContributionIsCheckedBeforeItIsReceipted) {
  const auto verdict = [&](const Digest& blob) {
    return CheckContribution(blob, manifest_, kCount, *store_);
  };
  EXPECT_EQ(verdict(PutLanes(127)), round::Verdict::kOk);
  EXPECT_EQ(verdict(Sha256(AsBytes("never came"))), round::Verdict::kMissing);
  EXPECT_EQ(verdict(PutLanes(1, kCount + 1)), round::Verdict::kCorrupt);
  EXPECT_EQ(verdict(PutLanes(0x80)), round::Verdict::kCorrupt);
}

TEST_F(MergeTest, ParametersAreCountedFromTheStoredModel) {
  EXPECT_EQ(ParameterCountOf(base_.model, *store_).value(), kCount);
  EXPECT_EQ(ParameterCountOf(PutLanes(1), *store_).error().code, ErrorCode::kInvalid);
  EXPECT_EQ(ParameterCountOf(Digest(), *store_).error().code, ErrorCode::kNotFound);
}

TEST_F(MergeTest, ANormIsTakenOnlyIfItIsThatOfTheUpdate) {
  manifest_.initial_scale = 2.0F;
  round::Submission said;
  said.contribution = PutLanes(127);  // every lane stands for the scale
  said.weight = codec::kWeightOne;
  const auto verdict = [&] { return CheckNorm(said, base_, manifest_, kCount, *store_); };
  EXPECT_EQ(verdict(), round::Verdict::kOk) << "nothing is bounded, nothing is said";
  said.norm = 1.0;
  EXPECT_EQ(verdict(), round::Verdict::kNotSigned) << "said where nobody asks";
  manifest_.norm_max = 1e6;
  EXPECT_EQ(verdict(), round::Verdict::kNotSigned) << "shorter than it is";
  const std::vector<float> scales(3, 2.0F);
  said.norm =
      codec::UpdateNorm(codec::Lane::kInt8, kCount, Bytes(kCount, 127), scales, said.weight);
  EXPECT_NEAR(*said.norm, 2.0 * std::sqrt(static_cast<double>(kCount)), 1e-9);
  EXPECT_EQ(verdict(), round::Verdict::kOk);
  said.weight = codec::kWeightOne / 2;
  EXPECT_EQ(verdict(), round::Verdict::kNotSigned) << "of another weight it is another update";
  said.norm.reset();
  EXPECT_EQ(verdict(), round::Verdict::kNotSigned) << "not said where it is asked";
}

}  // namespace
}  // namespace dure::aggregator
