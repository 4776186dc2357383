#include "federation/round/merge_rule.h"

#include <gmock/gmock.h>

namespace dure::round {
namespace {

TEST(MergeRule, IsReadAsItIsWritten) {
  for (const char* text :
       {"mean", "norm-bound=1.5", "median", "trimmed-mean=2", "krum=1", "multi-krum=1,3",
        "centered-clipping=0.75", "geometric-median", "direction-norm"}) {
    const auto rule = MergeRule::Parse(text);
    ASSERT_TRUE(rule) << text;
    EXPECT_EQ(rule->Text(), text);
    EXPECT_TRUE(rule->Validate(9)) << text;
  }
}

TEST(MergeRule, RefusesWhatIsNoRuleAndSaysWhatIs) {
  EXPECT_THAT(MergeRule::Parse("average").error().message,
              testing::HasSubstr("trimmed-mean=FAULTS, krum=FAULTS, multi-krum=FAULTS,KEEP"));
  for (const char* text : {"krum", "krum=", "krum=x", "krum=1,2", "krum=-1", "krum=1 ",
                           "multi-krum=1", "multi-krum=1,", "multi-krum=,1", "median=1",
                           "norm-bound", "norm-bound=", "krum=4294967296", ""}) {
    EXPECT_FALSE(MergeRule::Parse(text)) << text;
  }
  EXPECT_THAT(MergeRule::Parse("krum").error().message,
              testing::HasSubstr("must be written krum=FAULTS"));
}

TEST(MergeRule, NeedsAsManyContributionsAsItsPromise) {
  const auto least = [](const char* text) {
    const MergeRule rule = MergeRule::Parse(text).value();
    uint32_t contributions = 1;
    while (!rule.Validate(contributions)) ++contributions;
    return contributions;
  };
  EXPECT_EQ(least("mean"), 1u);
  EXPECT_EQ(least("median"), 3u);
  EXPECT_EQ(least("trimmed-mean=2"), 5u);
  EXPECT_EQ(least("krum=2"), 7u);
  EXPECT_EQ(least("multi-krum=2,2"), 7u);
  EXPECT_EQ(least("multi-krum=2,5"), 9u);
  EXPECT_EQ(least("geometric-median"), 3u);
  EXPECT_EQ(least("direction-norm"), 3u);
  EXPECT_EQ(MergeRule::Parse("krum=2")->Validate(5).error().message,
            "manifest: merge is krum=2 and the quorum 5, but every round needs 7 contributions or "
            "more (twice the faults and three)");
}

TEST(MergeRule, RefusesParametersOutOfTheirForm) {
  for (const char* text : {"krum=0", "krum=300", "norm-bound=0", "norm-bound=-1", "norm-bound=inf",
                           "norm-bound=nan", "norm-bound=1e9", "multi-krum=1,0"}) {
    const auto rule = MergeRule::Parse(text);
    ASSERT_TRUE(rule) << text;
    EXPECT_FALSE(rule->Validate(256)) << text;
  }
  // One rule, one encoding.
  EXPECT_FALSE((MergeRule{MergeKind::kMedian, 1, 0, 0}.Validate(9)));
  EXPECT_FALSE((MergeRule{MergeKind::kMean, 0, 0, 1}.Validate(9)));
  EXPECT_FALSE((MergeRule{MergeKind::kKrum, 1, 1, 0}.Validate(9)));
}

}  // namespace
}  // namespace dure::round
