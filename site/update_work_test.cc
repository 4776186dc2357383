#include "site/update_work.h"

#include <gmock/gmock.h>
#include <stdlib.h>

#include <cmath>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <limits>

#include "federation/round/testing.h"
#include "policy/safeguard/safeguard.h"

namespace dure::site {
namespace {

namespace fs = std::filesystem;

constexpr uint64_t kCount = codec::kBlockParameters + 9;

Bytes ModelFile(const std::vector<float>& values) {
  Bytes file(4096 + values.size() * sizeof(float));
  const uint64_t header = 4096 - 8;
  for (size_t i = 0; i < 8; ++i) file[i] = static_cast<uint8_t>(header >> (8 * i));
  std::memcpy(file.data() + 4096, values.data(), values.size() * sizeof(float));
  return file;
}

void Write(const fs::path& path, ByteView bytes) {
  std::ofstream(path, std::ios::binary)
      .write(reinterpret_cast<const char*>(bytes.data()),
             static_cast<std::streamsize>(bytes.size()));
}

class UpdateWorkTest : public testing::Test {
 protected:
  UpdateWorkTest() : base_(kCount, 1.0F), trained_(kCount) {
    std::string pattern = (fs::temp_directory_path() / "dure-update-XXXXXX").string();
    home_ = ::mkdtemp(pattern.data());
    store_ = blob::OpenFileBlobStore((home_ / "store").string()).value();
    folder_.emplace(home_, manifest_.run);
    fs::create_directories(folder_->dir());
    for (uint64_t i = 0; i < kCount; ++i) {
      trained_[i] = 1.0F + 0.003F * std::sin(static_cast<float>(i));
    }
    model_ = store_->Put(ModelFile(base_)).value();
    Write(folder_->trained({0}), ModelFile(trained_));
  }
  ~UpdateWorkTest() override { fs::remove_all(home_); }

  round::EncodeUpdate Work(uint64_t from, uint64_t to) const {
    round::EncodeUpdate work;
    work.plan.base.model = model_;
    work.plan.reference_tokens = 1000;
    work.tokens = 1000;
    work.residual_from = from;
    work.residual_to = to;
    return work;
  }
  Result<ContributionMade> Encode(uint64_t from, uint64_t to, const char* site = "kt") {
    return EncodeContribution(Work(from, to), manifest_, round::TestSite(site), *folder_, *store_,
                              {});
  }
  Status Fold(uint64_t from, uint64_t to) {
    round::FoldBack work;
    work.base.model = model_;
    work.residual_from = from;
    work.residual_to = to;
    return FoldUpdate(work, *folder_, *store_);
  }
  std::vector<float> Residual(uint64_t version) const {
    std::ifstream in(folder_->residual(version), std::ios::binary);
    std::vector<float> values(kCount);
    in.read(reinterpret_cast<char*>(values.data()), kCount * sizeof(float));
    EXPECT_EQ(in.gcount(), static_cast<std::streamsize>(kCount * sizeof(float)));
    return values;
  }

  round::RunManifest manifest_ = round::TestManifest();
  fs::path home_;
  std::unique_ptr<blob::BlobStore> store_;
  std::optional<RunFolder> folder_;
  std::vector<float> base_;
  std::vector<float> trained_;
  Digest model_;
};

TEST_F(UpdateWorkTest, WhatIsSentAndWhatIsKeptAddUpToTheUpdate) {
  const auto made = Encode(0, 1);
  ASSERT_TRUE(made) << made.error().message;
  EXPECT_EQ(made->weight, codec::kWeightOne);
  const auto lanes = store_->Open(made->blob).value();
  ASSERT_EQ(lanes->size(), kCount);
  const auto kept = Residual(1);
  for (uint64_t i = 0; i < kCount; ++i) {
    const float sent =
        static_cast<float>(static_cast<int8_t>(lanes->bytes()[i])) * manifest_.initial_scale / 127;
    ASSERT_NEAR(sent + kept[i], base_[i] - trained_[i], 1e-6) << i;
  }
}

TEST_F(UpdateWorkTest, RepeatingTheWorkAfterACrashGivesTheSameContribution) {
  const auto first = Encode(0, 1);
  const auto again = Encode(0, 1);
  ASSERT_TRUE(first);
  ASSERT_TRUE(again);
  EXPECT_EQ(first->blob, again->blob);
  EXPECT_NE(Encode(0, 2, "snu")->blob, first->blob) << "another site draws other rounding";
}

TEST_F(UpdateWorkTest, AnEncodingThatFailsLeavesNothingBehind) {
  fs::create_directories(fs::path(folder_->residual(1)) / "full");  // takes no file
  ASSERT_FALSE(Encode(0, 1));
  EXPECT_FALSE(fs::exists(folder_->lanes({0})));
  EXPECT_TRUE(Encode(0, 2));
  EXPECT_TRUE(fs::exists(folder_->residual(2)));
}

TEST_F(UpdateWorkTest, ARefusedContributionIsFoldedBackWithTheResidualBeforeIt) {
  ASSERT_TRUE(Fold(0, 1));
  ASSERT_TRUE(Fold(1, 2));
  const auto once = Residual(1);
  const auto twice = Residual(2);
  for (uint64_t i = 0; i < kCount; ++i) {
    ASSERT_EQ(once[i], base_[i] - trained_[i]) << i;
    ASSERT_EQ(twice[i], once[i] + (base_[i] - trained_[i])) << i;
  }
}

TEST_F(UpdateWorkTest, AMaskedEncodingThatFailsLeavesNothingBehind) {
  const MaskWith with{masking::WordLayout::Make(127, 3, kCount).value(), {}, {}};
  fs::create_directories(fs::path(folder_->residual(1)) / "full");  // takes no file
  ASSERT_FALSE(
      EncodeMasked(Work(0, 1), manifest_, round::TestSite("kt"), with, *folder_, *store_, {}));
  EXPECT_FALSE(fs::exists(folder_->lanes({0})));
  EXPECT_FALSE(fs::exists(folder_->payload({0})));
}

// Of one survivor: its lanes are the planes.
TEST_F(UpdateWorkTest, ASumThatIsNoneIsToldFromOneThatThisSiteCannotCheck) {
  const MaskWith with{masking::WordLayout::Make(127, 3, kCount).value(), {}, {}};
  const auto made =
      EncodeMasked(Work(0, 1), manifest_, round::TestSite("kt"), with, *folder_, *store_, {});
  ASSERT_TRUE(made) << made.error().message;
  Bytes lanes(kCount);
  std::ifstream(folder_->lanes({0}), std::ios::binary)
      .read(reinterpret_cast<char*>(lanes.data()), kCount);
  CheckWith check{.sums = masking::WordLayout::Make(127, 1, kCount).value(),
                  .coefficients = {},
                  .planes = {},
                  .published = made->scalars,
                  .own = made->scalars,
                  .is_survivor = true,
                  .weighing = {1, true}};
  const auto come_to = [&](const Bytes& planes) {
    check.planes = store_->Put(planes).value();
    return CheckSum(check, *folder_, {0}, *store_, {});
  };
  const auto right = come_to(lanes);
  ASSERT_TRUE(right) << right.error().message;
  EXPECT_EQ(right->own, right->result);

  Bytes longer = lanes;
  longer.push_back(0);
  EXPECT_EQ(come_to(longer).error().code, ErrorCode::kInvalid);
  Bytes beyond = lanes;
  beyond[7] = 0x80;
  EXPECT_EQ(come_to(beyond).error().code, ErrorCode::kCorrupt);
  check.published[0] = 0;
  EXPECT_EQ(come_to(lanes).error().code, ErrorCode::kCorrupt);
  check.published = made->scalars;

  Write(folder_->lanes({0}), ByteView(lanes).first(5));
  EXPECT_EQ(come_to(lanes).error().code, ErrorCode::kFailedPrecondition);
  fs::remove(folder_->lanes({0}));
  EXPECT_EQ(come_to(lanes).error().code, ErrorCode::kFailedPrecondition);
  check.is_survivor = false;
  EXPECT_TRUE(come_to(lanes));
  check.planes = Sha256(AsBytes("never stored"));
  EXPECT_EQ(CheckSum(check, *folder_, {0}, *store_, {}).error().code, ErrorCode::kNotFound);
}

TEST_F(UpdateWorkTest, AnUpdateThatIsLongerThanAllScalesSaysTheLeastWeightThatThereIs) {
  manifest_.weighting = round::Weighting::kEqual;
  manifest_.merge.kind = round::MergeKind::kDirectionNorm;
  const auto stated = [&](float step) {
    std::ranges::fill(trained_, 1.0F + step);
    Write(folder_->trained({0}), ModelFile(trained_));
    return Encode(0, 1)->weight;
  };
  EXPECT_EQ(stated(manifest_.initial_scale / 13), codec::kWeightOne);
  EXPECT_NEAR(static_cast<double>(stated(manifest_.initial_scale / 2)), codec::kWeightOne / 6.0,
              100);
  for (const float far : {1.01F, 3.0F, 1000.0F}) {
    EXPECT_EQ(stated(manifest_.initial_scale * far), codec::kWeightOne / 12);
    const auto lanes = store_->Open(Encode(0, 1)->blob).value();
    EXPECT_NEAR(static_cast<int8_t>(lanes->bytes()[0]), -127 / 12, 1) << "as long as any other";
  }
}

class NoisedUpdateTest : public UpdateWorkTest {
 protected:
  NoisedUpdateTest() {
    manifest_.masking = round::Masking::kPairwise;
    manifest_.weighting = round::Weighting::kEqual;
    manifest_.lane = round::Lane::kInt16;
    manifest_.quorum = manifest_.cohort_min = manifest_.cohort_max = 4;
    manifest_.privacy = {.noise = round::Noise::kDiscreteGaussian,
                         .clip = 0.05,
                         .coordinate_clip = 0.05,
                         .noise_multiplier = 1,
                         .dimension = kCount,
                         .delta = 1e-6};
    manifest_.initial_scale = safeguard::FittingScale(manifest_);
  }
  Result<MaskedContribution> EncodeFor(uint32_t sites, uint8_t key = 1) {
    MaskWith with{masking::WordLayout::Make(32767, sites, kCount).value(), {}, {}};
    with.noise_key[0] = key;
    return EncodeMasked(Work(3, 4), manifest_, round::TestSite("kt"), with, *folder_, *store_, {});
  }
};

TEST_F(NoisedUpdateTest, WhatLeavesHasNoiseInItAndNothingIsCarried) {
  const auto made = EncodeFor(4);
  ASSERT_TRUE(made) << made.error().message;
  EXPECT_EQ(made->scalars, (masking::Scalars{codec::kWeightOne, 0, 0, 0}));
  EXPECT_FALSE(fs::exists(folder_->residual(4))) << "and no residual was read: there is none";
  const auto safeguards = safeguard::SafeguardsOf(manifest_).value();
  // Without a mask the payload begins with the lanes.
  const auto payload = store_->Open(made->made.blob).value();
  const auto* lanes = reinterpret_cast<const int16_t*>(payload->bytes().data());
  double noise = 0;
  double norm = 0;
  for (uint64_t i = 0; i < kCount; ++i) {
    norm += (base_[i] - trained_[i]) * (base_[i] - trained_[i]);
  }
  norm = std::sqrt(norm);
  ASSERT_GT(norm, manifest_.privacy.clip);
  const double kept = manifest_.privacy.clip / norm * safeguards.update->scale;
  for (uint64_t i = 0; i < kCount; ++i) {
    noise += std::pow(lanes[i] - kept * (base_[i] - trained_[i]), 2) / kCount;
  }
  const auto variance = static_cast<double>(safeguards.update->plan.share_variance);
  EXPECT_NEAR(noise / variance, 1, 6 * std::sqrt(2.0 / kCount));
  EXPECT_EQ(EncodeFor(4)->made.blob, made->made.blob) << "a repeat gives the same bytes";
  EXPECT_NE(EncodeFor(4, 2)->made.blob, made->made.blob);
}

TEST_F(NoisedUpdateTest, ACohortInWhichTooLittleNoiseIsSureGetsNothing) {
  manifest_.masking_rules.members_min = 10;
  manifest_.quorum = manifest_.cohort_min = manifest_.cohort_max = 10;
  manifest_.initial_scale = safeguard::FittingScale(manifest_);
  EXPECT_TRUE(EncodeFor(10)) << EncodeFor(10).error().message;
  EXPECT_EQ(EncodeFor(4).error().code, ErrorCode::kFailedPrecondition);
  manifest_.privacy.dimension += 1;
  EXPECT_EQ(EncodeFor(10).error().code, ErrorCode::kInvalid);
}

TEST_F(UpdateWorkTest, ANaNInTheResultIsRefused) {
  trained_[kCount - 1] = std::numeric_limits<float>::quiet_NaN();
  Write(folder_->trained({0}), ModelFile(trained_));
  const auto made = Encode(0, 1);
  ASSERT_FALSE(made);
  EXPECT_EQ(made.error().code, ErrorCode::kInvalid);
}

TEST_F(UpdateWorkTest, AResultOfAnotherSizeIsRefused) {
  trained_.pop_back();
  Write(folder_->trained({0}), ModelFile(trained_));
  EXPECT_EQ(Encode(0, 1).error().code, ErrorCode::kInvalid);
  EXPECT_EQ(Fold(0, 1).error().code, ErrorCode::kInvalid);
}

TEST_F(UpdateWorkTest, AShortenedResidualIsRefusedAndNotReadBeyondItsEnd) {
  Write(folder_->residual(1), Bytes(8 * sizeof(float)));
  EXPECT_FALSE(Encode(1, 2));
  const auto folded = Fold(1, 2);
  ASSERT_FALSE(folded);
  EXPECT_EQ(folded.error().code, ErrorCode::kCorrupt);
}

TEST_F(UpdateWorkTest, WhatAFailureSaysOfTheUpdateAndOfTheResidual) {
  const auto fault = [this](ErrorCode code, uint64_t from) {
    return FaultOf(Error{code, ""}, Work(from, 9), manifest_, *folder_, *store_);
  };
  EXPECT_EQ(fault(ErrorCode::kNotFound, 1), round::EncodeFault::kResidual) << "there is none";
  Write(folder_->residual(1), Bytes(8 * sizeof(float)));
  EXPECT_EQ(fault(ErrorCode::kInvalid, 1), round::EncodeFault::kResidual) << "cut short";
  Write(folder_->residual(1), Bytes(kCount * sizeof(float)));
  EXPECT_EQ(fault(ErrorCode::kNotFound, 1), round::EncodeFault::kUpdate) << "it is something else";
  EXPECT_EQ(fault(ErrorCode::kInvalid, 0), round::EncodeFault::kUpdate) << "none was read";
  EXPECT_EQ(fault(ErrorCode::kExhausted, 2), round::EncodeFault::kRoom);
  EXPECT_EQ(fault(ErrorCode::kUnavailable, 2), round::EncodeFault::kRoom);
  manifest_.privacy.noise = round::Noise::kSkellam;
  EXPECT_EQ(fault(ErrorCode::kNotFound, 2), round::EncodeFault::kUpdate) << "nothing is carried";
}

TEST_F(UpdateWorkTest, AMissingBaseOrResultIsNotFound) {
  fs::remove(folder_->trained({0}));
  EXPECT_EQ(Encode(0, 1).error().code, ErrorCode::kNotFound);
  model_ = Sha256(AsBytes("never stored"));
  EXPECT_EQ(Encode(0, 1).error().code, ErrorCode::kNotFound);
}

}  // namespace
}  // namespace dure::site
