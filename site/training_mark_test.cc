#include "site/training_mark.h"

#include <gmock/gmock.h>

#include <cmath>
#include <limits>

#include "federation/canonical.h"

namespace dure::site {
namespace {

using std::chrono::seconds;

round::RunManifest Unmasked() {
  round::RunManifest manifest;
  manifest.masking = round::Masking::kNone;
  return manifest;
}
seat::DoneEvent Busy(double accelerator_seconds) {
  seat::DoneEvent done;
  done.accelerator_seconds = accelerator_seconds;
  return done;
}

TEST(TrainingMark, SurvivesTheJournal) {
  for (const uint64_t told : {0, 7200}) {
    const TrainingMark mark{{{4}, 3, 1000, 10, 2.5, Sha256(AsBytes("code"))}, told};
    const Bytes kept = ToMark(mark);
    const auto read = ReadMark(kept, {4});
    ASSERT_TRUE(read);
    EXPECT_EQ(read->done.round, mark.done.round);
    EXPECT_EQ(read->done.number, 3u);
    EXPECT_EQ(read->done.tokens, 1000u);
    EXPECT_EQ(read->done.steps, 10u);
    EXPECT_EQ(read->done.loss, 2.5);
    EXPECT_EQ(read->done.code, mark.done.code);
    EXPECT_EQ(read->accelerator_seconds, told);
    for (size_t size = 0; size < kept.size(); ++size) {
      const bool of_before = told > 0 && size == kept.size() - 8;
      EXPECT_EQ(ReadMark(ByteView(kept).first(size), {4}).has_value(), of_before) << size;
    }
  }
}

TEST(TrainingMark, OfABuildBeforeIsReadAndOneWithoutAcceleratorsIsAsItWas) {
  const Digest code = Sha256(AsBytes("code"));
  const Bytes before = CanonicalWriter().U64(1000).U64(10).F64(2.5).U64(3).Raw32(code).Take();
  const auto read = ReadMark(before, {4});
  ASSERT_TRUE(read);
  EXPECT_EQ(read->done.tokens, 1000u);
  EXPECT_EQ(read->accelerator_seconds, 0u);
  EXPECT_EQ(ToMark(*read), before);
}

TEST(SecondsToTell, AreWholeAndRoundedUp) {
  EXPECT_EQ(*SecondsToTell(Busy(0), seconds(9), Unmasked()), 0u);
  EXPECT_EQ(*SecondsToTell(Busy(0.01), seconds(9), Unmasked()), 1u);
  EXPECT_EQ(*SecondsToTell(Busy(70.5), seconds(9), Unmasked()), 71u);
  EXPECT_EQ(*SecondsToTell(Busy(72), seconds(9), Unmasked()), 72u);
}

TEST(SecondsToTell, AreNoneUnderMaskingOrNoise) {
  round::RunManifest masked = Unmasked();
  masked.masking = round::Masking::kPairwise;
  EXPECT_EQ(*SecondsToTell(Busy(70.5), seconds(9), masked), 0u);
  round::RunManifest noisy = Unmasked();
  noisy.privacy.record_clip = 1;
  EXPECT_EQ(*SecondsToTell(Busy(70.5), seconds(9), noisy), 0u);
}

TEST(SecondsToTell, AreRefusedWhereTheyCannotBe) {
  constexpr double kInfinity = std::numeric_limits<double>::infinity();
  EXPECT_TRUE(SecondsToTell(Busy(255 * 9), seconds(9), Unmasked()));
  for (const double said : {255 * 9 + 0.5, -1.0, 1e300, kInfinity, -kInfinity, std::nan("")}) {
    EXPECT_FALSE(SecondsToTell(Busy(said), seconds(9), Unmasked())) << said;
  }
  EXPECT_FALSE(SecondsToTell(Busy(0.01), seconds(0), Unmasked()));
}

}  // namespace
}  // namespace dure::site
