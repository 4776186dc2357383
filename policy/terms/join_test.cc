// What two things' terms come to together: nothing that either says is lost.
#include <gmock/gmock.h>
#include <rapidcheck/gtest.h>

#include "policy/terms/combine.h"
#include "policy/terms/proposal.h"
#include "policy/terms/random_terms.h"
#include "policy/terms/testing.h"

namespace dure::terms {
namespace {

RC_GTEST_PROP(Join, IsFreeOfOrderAssociativeAndIdempotent, ()) {
  uint64_t entry = 0;
  const auto any = [&](const char* name) {
    ModelTerms terms = TermsOf({name, 1}, testing::AnyTermsInFull());
    ++entry;
    if (testing::Flip()) terms.withdrawn_at[name] = entry;
    return terms;
  };
  const ModelTerms a = any("a"), b = any("b"), c = any("c");
  RC_ASSERT(Join(a, b) == Join(b, a));
  RC_ASSERT(Join(Join(a, b), c) == Join(a, Join(b, c)));
  RC_ASSERT(Join(a, a) == a);
  RC_ASSERT(Join(a, ModelTerms()) == a);
  RC_ASSERT(ProposeLicence(Join(Join(c, b), a)) == ProposeLicence(Join(Join(a, b), c)));
}

TEST(Join, KeepsTheStricterOfEveryLimit) {
  Terms low = testing::OpenTerms();
  low.limits = {.max_rounds = 2,
                .max_runs = 3,
                .epsilon_max_micro = 4,
                .min_participants = 5,
                .min_cohort = 6};
  Terms high = low;
  high.limits = {.max_rounds = 20,
                 .max_runs = 30,
                 .epsilon_max_micro = 40,
                 .min_participants = 50,
                 .min_cohort = 60};
  for (const auto& [first, second] : {std::pair(low, high), {high, low}}) {
    const Limits limits =
        Summarise(Join(TermsOf({"one", 1}, first), TermsOf({"other", 1}, second))).limits;
    EXPECT_EQ(limits.max_rounds, 2u);
    EXPECT_EQ(limits.max_runs, 3u);
    EXPECT_EQ(limits.epsilon_max_micro, 4u);
    EXPECT_EQ(limits.min_participants, 50u);
    EXPECT_EQ(limits.min_cohort, 60u);
  }
}

}  // namespace
}  // namespace dure::terms
