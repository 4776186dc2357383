// What the aggregator asks of its own record before it decides from it.
#include "aggregator/deliberation.h"

#include <gmock/gmock.h>

#include "federation/identity/private_files.h"
#include "federation/identity/testing.h"
#include "federation/round/testing.h"
#include "policy/ledger/note.h"

namespace dure::aggregator {
namespace {

using identity::Must;
using identity::TemporaryFolder;

class DeliberationTest : public testing::Test {
 protected:
  DeliberationTest() {
    const auto log_signer = Ed25519Signer::Generate();
    Must(identity::WritePrivateFile(folder_ / "log.key", log_signer->ToPem()));
    self_.log_vkey = Must(ledger::NoteKey::Make("hanguk/log", log_signer->Key())).Vkey();
    self_.log_origin = "hanguk/log";
    self_.signer = Ed25519Signer::Generate();
    self_.subject.consortium = "hanguk";
    self_.subject.member = Must(MemberId::Parse("hanguk"));
    self_.subject.site = round::TestSite("aggregator");
    self_.subject.role = identity::Role::kAggregator;
    record_ = Must(Record::Open(folder_.str(), self_, loop_));
  }
  Result<std::unique_ptr<Deliberation>> Start() {
    return Deliberation::Open(folder_.str(), *record_, loop_);
  }
  // A run that is approved, so that something can be decided.
  void Approve(const Deliberation& started) {
    ledger::RunProposed proposed{run_, Sha256(AsBytes("manifest")), {}};
    proposed.fields = {{"purpose", "scientific-research"},
                       {"beneficiaries", "non-profit"},
                       {"masking", "pairwise"}};
    Must(record_->Write(proposed, "proposed"));
    Digest policies;
    Must(started.WithStanding(
        [&](const standing::Standing& now) { policies = now.state().policies; }));
    Must(record_->Write(ledger::RunApproved{run_, policies, {}}, "approved"));
  }
  // A refusal as a build with these words makes it.
  void Decide(const Deliberation& started, uint32_t words) {
    ledger::AdmissionDecided entry;
    Must(started.WithStanding([&](const standing::Standing& now) {
      const standing::AdmissionRequest request{{run_, RoundNumber{words}, 0},
                                               round::TestSite("kt"),
                                               {Must(DatasetId::Parse("notes")), 1},
                                               now.latest()};
      standing::Ruling ruling = Must(standing::Decide(now, request));
      ruling.decision.words = words;
      entry = standing::EventOf(now, request, ruling);
    }));
    Must(record_->Write(entry, "decided/" + std::to_string(words)));
  }

  const RunId run_ = Must(RunId::Parse("first"));
  TemporaryFolder folder_;
  identity::Identity self_;
  loop::EventLoop loop_;
  std::unique_ptr<Record> record_;
};

TEST_F(DeliberationTest, DoesNotStartOverARecordThatANewerBuildDecidedIn) {
  {
    const auto started = Must(Start());
    Approve(*started);
    Decide(*started, rules::kWordsVersion);
  }
  {
    const auto again = Must(Start());
    Decide(*again, rules::kWordsVersion + 1);
  }
  const auto refused = Start();
  ASSERT_FALSE(refused.has_value());
  EXPECT_EQ(refused.error().code, ErrorCode::kFailedPrecondition);
  EXPECT_THAT(refused.error().message,
              testing::HasSubstr("version " + std::to_string(rules::kWordsVersion + 1)));
}

}  // namespace
}  // namespace dure::aggregator
