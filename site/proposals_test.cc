#include "site/proposals.h"

#include <gmock/gmock.h>

#include "federation/round/testing.h"
#include "policy/ledger/testing.h"

namespace dure::site {
namespace {

class ProposalsTest : public testing::Test {
 protected:
  ProposalsTest() {
    Append(consortium_.Genesis());
    Append(consortium_.Admitted());
  }
  void Append(const ledger::Event& event) {
    ASSERT_TRUE(log_->Append(consortium_.ByAggregator(*log_, event), ""));
  }
  void Propose(const Digest& manifest, std::map<std::string, std::string> fields) {
    Append(ledger::RunProposed{manifest_.run, manifest, std::move(fields)});
  }
  std::string Objection() {
    EXPECT_TRUE(proposals_.CatchUp(*log_));
    return RecordObjection(manifest_, proposals_.Find(manifest_.run));
  }

  ledger::testing::Consortium consortium_;
  std::unique_ptr<ledger::Ledger> log_ = consortium_.NewMemoryLedger();
  round::RunManifest manifest_ = round::TestManifest();
  Proposals proposals_;
};

TEST_F(ProposalsTest, ARunAsRecordedIsTakenAlsoWhenItsEntryCameLater) {
  EXPECT_EQ(Objection(), "run-not-as-recorded") << "it was never proposed";
  Propose(manifest_.digest(), manifest_.intent.Fields());
  EXPECT_EQ(Objection(), "");
  EXPECT_EQ(Objection(), "") << "nothing is read twice";
}

TEST_F(ProposalsTest, AManifestOtherThanTheRecordedOneIsObjectedTo) {
  Propose(manifest_.digest(), manifest_.intent.Fields());
  manifest_.rounds += 1;
  EXPECT_EQ(Objection(), "run-not-as-recorded");
}

TEST_F(ProposalsTest, AnEntryThatTellsReadersAnotherPurposeIsObjectedTo) {
  auto fields = manifest_.intent.Fields();
  fields["purpose"] = "statistics";
  Propose(manifest_.digest(), fields);
  EXPECT_EQ(Objection(), "run-not-as-recorded");
}

TEST_F(ProposalsTest, AnEntryThatTellsNoPurposeIsObjectedTo) {
  Propose(manifest_.digest(), {{"rounds", "3"}});
  EXPECT_EQ(Objection(), "run-not-as-recorded");
}

}  // namespace
}  // namespace dure::site
