#include "policy/privacy/account.h"

#include <gmock/gmock.h>

#include "federation/random.h"

namespace dure::privacy {
namespace {

using ::testing::HasSubstr;

const DatasetId kDataset = *DatasetId::Parse("clinic-notes");
const RunId kFirst = *RunId::Parse("run-1");
const RunId kSecond = *RunId::Parse("run-2");

// Whole-dataset Gaussian noise is counted exactly and at once.
Charge Whole(uint64_t steps, double noise = 20) { return {SampledGaussian{noise, 1}, steps}; }

Account With(uint64_t epsilon_micro) {
  return *Account::Open(kDataset, Unit::kExample, {epsilon_micro, 1e-6});
}

TEST(PrivacyAccount, CountsWhatIsReservedUntilItIsUsedOrGivenBack) {
  Account account = With(2'300'000);
  EXPECT_EQ(account.ReservedMicro(), 0u);
  ASSERT_FALSE(account.Reserve(kFirst, Whole(100)).value());
  EXPECT_EQ(account.ReservedMicro(), 2'254'085u);  // epsilon 2.254085
  EXPECT_EQ(account.UsedMicro(), 0u);
  ASSERT_TRUE(account.Commit(kFirst, {0, 0}, 30));
  ASSERT_TRUE(account.Commit(kFirst, {1, 0}, 30));
  EXPECT_EQ(account.ReservedMicro(), 2'254'085u);
  ASSERT_TRUE(account.Close(kFirst));
  EXPECT_EQ(account.Used(), std::vector<Charge>{Whole(60)});
  EXPECT_EQ(account.ReservedMicro(), account.UsedMicro());
  EXPECT_LT(account.UsedMicro(), 2'254'085u);
}

TEST(PrivacyAccount, GivesTheLastOfItToOnlyOneOfTwoRuns) {
  Account account = With(2'300'000);
  EXPECT_FALSE(account.Reserve(kFirst, Whole(80)).value());
  EXPECT_TRUE(account.Reserve(kSecond, Whole(80)).value());
  ASSERT_TRUE(account.Close(kFirst));
  EXPECT_FALSE(account.Reserve(kSecond, Whole(80)).value());
}

TEST(PrivacyAccount, AddsUpAcrossRunsThatEndedLongAgo) {
  Account account = With(2'300'000);
  for (int i = 0; i < 10; ++i) {
    const RunId run = *RunId::Parse("run-" + std::to_string(i));
    ASSERT_FALSE(account.Reserve(run, Whole(10)).value()) << i;
    ASSERT_TRUE(account.Commit(run, {0, 0}, 10));
    ASSERT_TRUE(account.Close(run));
  }
  EXPECT_EQ(account.UsedMicro(), 2'254'085u);
  EXPECT_TRUE(account.Reserve(*RunId::Parse("one-more"), Whole(10)).value());
}

TEST(PrivacyAccount, NamesTheOverdrawAndWhatWouldFit) {
  Account account = With(2'300'000);
  ASSERT_FALSE(account.Reserve(kFirst, Whole(60)).value());
  const Bytes before = account.Serialize();
  const auto refusal = account.Reserve(kSecond, Whole(500)).value();
  ASSERT_TRUE(refusal);
  EXPECT_EQ(account.Serialize(), before);
  EXPECT_EQ(refusal->budget_micro, 2'300'000u);
  EXPECT_EQ(refusal->before_micro, account.ReservedMicro());
  EXPECT_GT(refusal->after_micro, 2'300'000u);
  EXPECT_THAT(refusal->Sentence(), HasSubstr("run run-2 would overdraw the privacy account of "
                                             "dataset clinic-notes: 500 steps"));
  EXPECT_THAT(refusal->Sentence(), HasSubstr("the budget is 2.3"));
  // What it says does fit, and not much more would.
  EXPECT_GE(refusal->steps_that_fit, 40u);
  Account fewer = account;
  EXPECT_FALSE(fewer.Reserve(kSecond, Whole(refusal->steps_that_fit)).value());
  Account more = account;
  EXPECT_TRUE(more.Reserve(kSecond, Whole(refusal->steps_that_fit + 3)).value());
  ASSERT_TRUE(refusal->mechanism_that_fits);
  Account louder = account;
  EXPECT_FALSE(louder.Reserve(kSecond, {*refusal->mechanism_that_fits, 500}).value());
  const double noise = std::get<SampledGaussian>(*refusal->mechanism_that_fits).noise_multiplier;
  Account quieter = account;
  EXPECT_TRUE(quieter.Reserve(kSecond, Whole(500, noise * 0.99)).value());
}

TEST(PrivacyAccount, SaysWhatOfSampledTrainingWouldFit) {
  Account account = *Account::Open(kDataset, Unit::kExample, {1'000'000, 1e-5});
  const Charge asked{SampledGaussian{1.0, 0.01}, 4000};
  const auto refusal = account.Reserve(kFirst, asked).value();
  ASSERT_TRUE(refusal);
  ASSERT_GT(refusal->steps_that_fit, 0u);
  ASSERT_TRUE(refusal->mechanism_that_fits);
  Account fewer = account;
  EXPECT_FALSE(fewer.Reserve(kFirst, {asked.mechanism, refusal->steps_that_fit}).value());
  Account louder = account;
  EXPECT_FALSE(louder.Reserve(kFirst, {*refusal->mechanism_that_fits, 4000}).value());
  EXPECT_THAT(refusal->Sentence(), HasSubstr("or all of them with noise"));
}

TEST(PrivacyAccount, SaysWhenNotOneStepFits) {
  Account account = With(10);
  const auto refusal = account.Reserve(kFirst, Whole(5)).value();
  ASSERT_TRUE(refusal);
  EXPECT_EQ(refusal->steps_that_fit, 0u);
  EXPECT_THAT(refusal->Sentence(), HasSubstr("not one such step fits"));
}

TEST(PrivacyAccount, AnswersRepeatsAndRefusesContradictions) {
  Account account = With(2'300'000);
  ASSERT_FALSE(account.Reserve(kFirst, Whole(50)).value());
  ASSERT_TRUE(account.Commit(kFirst, {3, 0}, 20));
  const Bytes before = account.Serialize();
  EXPECT_FALSE(account.Reserve(kFirst, Whole(50)).value());
  EXPECT_TRUE(account.Commit(kFirst, {3, 0}, 20));
  EXPECT_EQ(account.Reserve(kFirst, Whole(51)).error().code, ErrorCode::kAlreadyExists);
  EXPECT_EQ(account.Commit(kFirst, {3, 0}, 19).error().code, ErrorCode::kFailedPrecondition);
  EXPECT_EQ(account.Commit(kFirst, {2, 9}, 20).error().code, ErrorCode::kFailedPrecondition);
  EXPECT_EQ(account.Commit(kFirst, {4, 0}, 31).error().code, ErrorCode::kFailedPrecondition);
  EXPECT_EQ(account.Commit(kSecond, {4, 0}, 1).error().code, ErrorCode::kNotFound);
  EXPECT_EQ(account.Close(kSecond).error().code, ErrorCode::kNotFound);
  EXPECT_EQ(account.Serialize(), before);
  EXPECT_TRUE(account.Commit(kFirst, {3, 1}, 20));  // the round was tried again: used again
  EXPECT_EQ(account.Used(), std::vector<Charge>{Whole(40)});
  EXPECT_TRUE(account.Close(kFirst));
  EXPECT_TRUE(account.Close(kFirst));
  EXPECT_TRUE(account.Commit(kFirst, {3, 1}, 20));  // a repeat, after the close
  EXPECT_EQ(account.Commit(kFirst, {4, 0}, 1).error().code, ErrorCode::kFailedPrecondition);
  EXPECT_EQ(account.Reserve(kFirst, Whole(50)).error().code, ErrorCode::kAlreadyExists);
}

TEST(PrivacyAccount, ExtendsAReservationOnlyByWhatFits) {
  Account account = With(2'300'000);
  EXPECT_EQ(account.Extend(kFirst, 5).error().code, ErrorCode::kNotFound);
  ASSERT_FALSE(account.Reserve(kFirst, Whole(50)).value());
  EXPECT_FALSE(account.Extend(kFirst, 50).value());
  EXPECT_FALSE(account.Extend(kFirst, 40).value());  // never less
  EXPECT_EQ(account.ReservedOf(kFirst), 50u);
  EXPECT_FALSE(account.Extend(kFirst, 100).value());
  EXPECT_EQ(account.ReservedMicro(), 2'254'085u);
  const Bytes before = account.Serialize();
  ASSERT_TRUE(account.Extend(kFirst, 200).value());
  EXPECT_EQ(account.Serialize(), before);
  // Closed, only what it used counts; open again, all of it.
  ASSERT_TRUE(account.Commit(kFirst, {0, 0}, 10));
  ASSERT_TRUE(account.Close(kFirst));
  EXPECT_TRUE(account.OpenRuns().empty());
  ASSERT_FALSE(account.Reserve(kSecond, Whole(80)).value());
  EXPECT_TRUE(account.Extend(kFirst, 100).value());
  EXPECT_FALSE(account.Extend(kFirst, 20).value());
  EXPECT_EQ(account.OpenRuns(), (std::vector<RunId>{kFirst, kSecond}));
  EXPECT_TRUE(account.Commit(kFirst, {1, 0}, 10));
  EXPECT_EQ(account.UsedOf(kFirst), 20u);
}

TEST(PrivacyAccount, CountsWithoutALimitAndRefusesNothing) {
  Account account = With(kEpsilonMicroMax);
  EXPECT_FALSE(account.Reserve(kFirst, Whole(1000, 0.05)).value());
  ASSERT_TRUE(account.Commit(kFirst, {0, 0}, 1000));
  EXPECT_GT(account.UsedMicro(), 200'000'000'000u);
}

TEST(PrivacyAccount, RefusesMalformedChargesAndBudgets) {
  Account account = With(2'300'000);
  EXPECT_FALSE(account.Reserve(kFirst, Whole(0)));
  EXPECT_FALSE(account.Reserve(kFirst, Whole(kStepsMax + 1)));
  EXPECT_FALSE(account.Reserve(kFirst, Whole(1, 0)));
  EXPECT_FALSE(account.Reserve(kFirst, Whole(1, NAN)));
  EXPECT_FALSE(account.Reserve(kFirst, {SampledGaussian{1, 0}, 1}));
  EXPECT_FALSE(account.Reserve(kFirst, {SampledGaussian{1, 1.01}, 1}));
  EXPECT_FALSE(account.Reserve(kFirst, {IntegerNoise{}, 1}));
  EXPECT_FALSE(Account::Open(kDataset, Unit::kExample, {1, 0}));
  EXPECT_FALSE(Account::Open(kDataset, Unit::kExample, {1, 1}));
  EXPECT_FALSE(Account::Open(kDataset, Unit::kExample, {1, NAN}));
  EXPECT_FALSE(Account::Open(kDataset, Unit::kExample, {kEpsilonMicroMax + 1, 1e-6}));
  EXPECT_FALSE(account.SetBudget(kEpsilonMicroMax + 1));
}

TEST(PrivacyAccount, LetsTheOwnerLowerTheBudgetBelowWhatIsSpent) {
  Account account = With(2'300'000);
  ASSERT_FALSE(account.Reserve(kFirst, Whole(50)).value());
  ASSERT_TRUE(account.SetBudget(100'000));
  EXPECT_TRUE(account.Commit(kFirst, {0, 0}, 50));  // what was reserved was promised
  EXPECT_TRUE(account.Reserve(kSecond, Whole(1)).value());
}

// Any sequence of calls, with a crash (bytes and back) after each: what was used is never less than
// what a list of the accepted commits says, what is reserved never above the budget.
TEST(PrivacyAccount, NeverForgetsAUseWhateverHappens) {
  SeededRandom random(11);
  for (int trial = 0; trial < 40; ++trial) {
    Account account = With(1'500'000);
    uint64_t committed = 0;
    uint64_t round = 0;
    for (int call = 0; call < 60; ++call) {
      const RunId run = *RunId::Parse("run-" + std::to_string(random.Below(5)));
      const uint64_t steps = 1 + random.Below(20);
      switch (random.Below(5)) {
        case 4:
          (void)account.Extend(run, 2 * steps);
          break;
        case 0:
          (void)account.Reserve(run, Whole(steps));
          break;
        case 1:
        case 2:
          if (account.Commit(run, {++round, 0}, steps)) committed += steps;
          break;
        default:
          (void)account.Close(run);
      }
      const auto again = Account::Parse(account.Serialize());
      ASSERT_TRUE(again);
      ASSERT_EQ(*again, account);
      account = *again;
      uint64_t used = 0;
      for (const Charge& charge : account.Used()) used += charge.steps;
      ASSERT_EQ(used, committed);
      ASSERT_LE(account.ReservedMicro(), account.budget().epsilon_micro);
      ASSERT_LE(account.UsedMicro(), account.ReservedMicro());
    }
  }
}

TEST(PrivacyAccount, IsReadOnlyFromItsOwnBytes) {
  Account account = With(2'300'000);
  ASSERT_FALSE(account.Reserve(kFirst, Whole(50)).value());
  ASSERT_TRUE(account.Commit(kFirst, {0, 0}, 7));
  const IntegerNoise noise{NoiseKind::kSkellam, 5, 1e6, 1e5, 1000, 0.5, 1e-20};
  ASSERT_FALSE(account.Reserve(kSecond, {noise, 3}).value());
  const Bytes bytes = account.Serialize();
  ASSERT_EQ(Account::Parse(bytes).value(), account);
  for (size_t cut = 0; cut < bytes.size(); ++cut) {
    EXPECT_FALSE(Account::Parse(ByteView(bytes).first(cut)));
  }
  Bytes longer = bytes;
  longer.push_back(0);
  EXPECT_FALSE(Account::Parse(longer));
  for (size_t at = 0; at < bytes.size(); ++at) {
    for (int bit = 0; bit < 8; ++bit) {
      Bytes flipped = bytes;
      flipped[at] ^= static_cast<uint8_t>(1 << bit);
      const auto parsed = Account::Parse(flipped);
      if (parsed) {
        EXPECT_EQ(parsed->Serialize(), flipped);
      }
    }
  }
}

}  // namespace
}  // namespace dure::privacy
