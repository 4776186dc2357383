// Receipts on disk, and what a power cut leaves of them.
#include <gmock/gmock.h>

#include "federation/testing_syncs.h"
#include "model/text/whole_file.h"
#include "policy/ledger/testing.h"
#include "site/run_desk_work.h"

namespace dure::site {
namespace {

class ReceiptTest : public testing::Test {
 protected:
  ReceiptTest() {
    consortium_.Found(*log_);
    entry_ = consortium_.BySite(*log_, consortium_.Submitted(0));
    index_ = log_->Append(entry_, "")->receipt.index;
    outcome_.at = {consortium_.run, {0}, 0};
    outcome_.counted = {{consortium_.site_id, 1000, index_}};
  }
  Status Keep() {
    return KeepReceiptOfOutcome(folder_.path(), outcome_, consortium_.site_id, *log_,
                                consortium_.verifier);
  }
  std::string PathOf(const std::string& ending) const {
    return folder_.path() + "/run-1-0-0" + ending;
  }
  std::string Kept(const std::string& ending) const {
    return text::ReadWhole(PathOf(ending), limits::kEntryBytesMax).value();
  }
  // As a checker does that has the two files and the log's key.
  bool Proves() const {
    const auto proof = text::ReadWhole(PathOf(".tlog-proof"), ledger::kReceiptBytesMax);
    const auto entry = text::ReadWhole(PathOf(".entry"), limits::kEntryBytesMax);
    if (!proof || !entry) return false;
    const auto receipt = ledger::ParseTlogProof(*proof, log_->log_key(), consortium_.verifier);
    return receipt &&
           ledger::VerifyReceipt(AsBytes(*entry), *receipt, log_->log_key(), consortium_.verifier);
  }

  ledger::testing::TemporaryFolder folder_;
  ledger::testing::Consortium consortium_;
  std::unique_ptr<ledger::Ledger> log_ = consortium_.NewMemoryLedger();
  Bytes entry_;
  uint64_t index_ = 0;
  round::Outcome outcome_;
};

TEST_F(ReceiptTest, OneThatNeverCameIsMadeFromTheOwnCopy) {
  ASSERT_TRUE(Keep());
  EXPECT_TRUE(Proves());
}

TEST_F(ReceiptTest, OneThatIsKeptOutlivesAPowerCut) {
  testing_syncs::Forget();
  ASSERT_TRUE(Keep());
  EXPECT_GT(testing_syncs::SyncsOf(PathOf(".entry")), 0);
  EXPECT_GT(testing_syncs::SyncsOf(PathOf(".tlog-proof")), 0);
  EXPECT_GT(testing_syncs::SyncsOf(folder_.path()), 0);
}

TEST_F(ReceiptTest, OneThatIsThereStaysAsItIs) {
  ASSERT_TRUE(Keep());
  const std::string before = Kept(".tlog-proof");
  ASSERT_TRUE(log_->Append(consortium_.ByOther(*log_, consortium_.Submitted(0, true)), ""));
  ASSERT_TRUE(Keep());
  EXPECT_EQ(Kept(".tlog-proof"), before);
}

TEST_F(ReceiptTest, WhatAPowerCutLeftOfItIsMended) {
  for (const char* lost : {".tlog-proof", ".entry"}) {
    for (const size_t left : {0, 40}) {
      ASSERT_TRUE(Keep());
      std::filesystem::resize_file(PathOf(lost), left);
      ASSERT_FALSE(Proves());
      ASSERT_TRUE(Keep());
      EXPECT_TRUE(Proves()) << lost << " of " << left << " bytes";
    }
    std::filesystem::remove(PathOf(lost));
    ASSERT_TRUE(Keep());
    EXPECT_TRUE(Proves()) << lost;
  }
}

TEST_F(ReceiptTest, OneOfAnotherEntryIsNoReceiptOfTheCountedOne) {
  const Bytes other = consortium_.ByOther(*log_, consortium_.Submitted(0, true));
  const auto appended = log_->Append(other, "");
  ASSERT_TRUE(appended);
  const std::string proof = appended->receipt.ToTlogProof();
  ASSERT_TRUE(KeepReceipt(folder_.path(), outcome_.at, AsBytes(proof), other));
  ASSERT_TRUE(Keep());
  EXPECT_EQ(Kept(".entry"), AsText(entry_));
}

TEST_F(ReceiptTest, WhoeverIsNotCountedHasNothingToShow) {
  outcome_.counted.clear();
  ASSERT_TRUE(Keep());
  EXPECT_FALSE(std::filesystem::exists(PathOf(".tlog-proof")));
}

}  // namespace
}  // namespace dure::site
