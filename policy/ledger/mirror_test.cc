#include "policy/ledger/mirror.h"

#include <gmock/gmock.h>
#include <sqlite3.h>

#include "policy/ledger/audit.h"
#include "policy/ledger/dsse.h"
#include "policy/ledger/testing.h"

namespace dure::ledger {
namespace {

using testing::Consortium;
using testing::DigestOf;
using testing::TemporaryFolder;

// An aggregator that signs whatever it likes: a tree over given bytes, without any check.
class LyingLog {
 public:
  explicit LyingLog(const Consortium& c) : c_(c) {}
  void Add(Bytes entry) {
    tree_.Append(LeafHash(entry));
    entries_.push_back(std::move(entry));
  }
  // Seals as the honest code would, on top of this log's own story.
  Bytes Seal(const Actor& actor, const Signer& signer, Event event, ActorChain chain) const {
    Record record{c_.log_key.name,
                  actor,
                  chain.next_seq,
                  chain.prev_digest,
                  {tree_.size(), tree_.Root()},
                  "2026-11-24T01:02:03Z",
                  std::move(event)};
    return SealRecord(record, signer)->bytes;
  }
  Extension From(uint64_t size) const {
    Extension extension;
    extension.note =
        SignHead({c_.log_key.name, tree_.size(), tree_.Root()}, c_.log_key, *c_.log_signer).note;
    extension.consistency = tree_.ProveConsistency(size, tree_.size());
    extension.entries.assign(entries_.begin() + static_cast<ptrdiff_t>(size), entries_.end());
    return extension;
  }
  std::vector<Bytes>& entries() { return entries_; }

 private:
  const Consortium& c_;
  MerkleTree tree_;
  std::vector<Bytes> entries_;
};

class MirrorTest : public ::testing::Test {
 protected:
  MirrorTest() {
    c_.Found(*ledger_);
    mirror_ = OpenMirror();
  }
  std::unique_ptr<Mirror> OpenMirror() const {
    auto opened = Mirror::Open({folder_.path(), c_.log_key, &c_.verifier, 2});
    EXPECT_TRUE(opened.has_value()) << opened.error().message;
    return std::move(*opened);
  }
  void Follow() {
    const auto taken = mirror_->Extend(*MakeExtension(*ledger_, mirror_->Head().head.size));
    ASSERT_TRUE(taken.has_value()) << taken.error().message;
    ASSERT_FALSE(taken->has_value()) << (*taken)->text;
  }
  // The honest log's first entries, by value: a range-for would outlive the Result they came in.
  std::vector<Bytes> First(uint64_t count) const { return *ledger_->Read(0, count, SIZE_MAX); }
  // The same story as the honest log, for a lie to continue.
  LyingLog Twin() const {
    LyingLog twin(c_);
    for (const Bytes& entry : First(ledger_->Head().head.size)) twin.Add(entry);
    return twin;
  }
  void ExpectRefused(const Extension& extension, RefusalReason reason) {
    const SignedHead before = mirror_->Head();
    const auto answer = mirror_->Extend(extension);
    ASSERT_TRUE(answer.has_value()) << answer.error().message;
    ASSERT_TRUE(answer->has_value()) << "was taken instead of " << Name(reason);
    EXPECT_EQ(Name((*answer)->reason), Name(reason)) << (*answer)->text;
    EXPECT_EQ((*answer)->own_note, before.note);
    EXPECT_EQ((*answer)->offered_note, extension.note);
    EXPECT_EQ(mirror_->Head().note, before.note);
    Follow();  // the honest log is still taken
    EXPECT_TRUE(VerifyAll(*mirror_, c_.log_key, c_.verifier, 1).has_value());
  }

  const Consortium c_;
  const TemporaryFolder folder_;
  const std::unique_ptr<Ledger> ledger_ = c_.NewMemoryLedger();
  std::unique_ptr<Mirror> mirror_;
};

TEST_F(MirrorTest, FollowsTheLogStepByStepAndKeepsItOverARestart) {
  Follow();
  EXPECT_EQ(mirror_->Head().note, ledger_->Head().note);
  ASSERT_TRUE(ledger_->Append(c_.BySite(*mirror_, c_.Submitted(0)), "").has_value());
  Follow();
  mirror_.reset();
  mirror_ = OpenMirror();
  EXPECT_EQ(mirror_->Head().note, ledger_->Head().note);
  EXPECT_EQ(mirror_->ChainOf(c_.site.key).next_seq, 1u);
  Follow();
  EXPECT_EQ(*mirror_->Read(5, 6, 1), *ledger_->Read(5, 6, 1));
  EXPECT_TRUE(VerifyReceipt((*mirror_->Read(5, 6, 1))[0], *MakeReceipt(*mirror_, 5), c_.log_key,
                            c_.verifier)
                  .has_value());
}

TEST_F(MirrorTest, CatchesUpInBoundedSteps) {
  for (uint64_t n = 0; n < 20; ++n) {
    ASSERT_TRUE(
        ledger_->Append(c_.BySite(*ledger_, EvaluationReported{c_.base, c_.site_id, 1, n, n}), "")
            .has_value());
  }
  uint64_t steps = 0;
  while (mirror_->Head().head.size < ledger_->Head().head.size) {
    const Extension extension = *MakeExtension(*ledger_, mirror_->Head().head.size, 4);
    ASSERT_LE(extension.entries.size(), 4u);
    ASSERT_FALSE(mirror_->Extend(extension)->has_value());
    ASSERT_LT(++steps, 30u);
  }
  EXPECT_GE(steps, 6u);
}

TEST_F(MirrorTest, RefusesAHeadThatIsNotTheLogs) {
  Extension extension = *MakeExtension(*ledger_, 0);
  extension.note = SignHead({c_.log_key.name, 5, ledger_->Head().head.root},
                            *NoteKey::Make(c_.log_key.name, c_.site.key), *c_.site_signer)
                       .note;
  ExpectRefused(extension, RefusalReason::kForeignKey);
}

TEST_F(MirrorTest, RefusesBytesThatAreNoHead) {
  Extension extension = *MakeExtension(*ledger_, 5);
  extension.note = "not a note\n";
  Follow();
  ExpectRefused(extension, RefusalReason::kMalformedHead);
}

TEST_F(MirrorTest, RefusesAnOlderHead) {
  const Extension old = *MakeExtension(*ledger_, 0, 3);
  Follow();
  ExpectRefused(old, RefusalReason::kRollback);
}

TEST_F(MirrorTest, RefusesAnotherHeadOfTheSameSize) {
  Follow();
  LyingLog fork(c_);
  for (const Bytes& entry : First(4)) fork.Add(entry);
  fork.Add(fork.Seal(c_.aggregator, *c_.aggregator_signer, c_.Opened(1),
                     ledger_->ChainOf(c_.aggregator.key)));
  ExpectRefused(fork.From(5), RefusalReason::kFork);
}

TEST_F(MirrorTest, RefusesALongerLogThatForgotItsPast) {
  Follow();
  LyingLog fork(c_);
  for (const Bytes& entry : First(4)) fork.Add(entry);
  fork.Add(ToBytes("another fifth entry"));
  fork.Add(ToBytes("a sixth entry"));
  ExpectRefused(fork.From(5), RefusalReason::kFork);
}

TEST_F(MirrorTest, RefusesFewerAndMoreEntriesThanTheHeadSpeaksOf) {
  Extension fewer = *MakeExtension(*ledger_, 0);
  fewer.entries.pop_back();
  ExpectRefused(fewer, RefusalReason::kTruncated);
}

TEST_F(MirrorTest, RefusesEntriesThatWereRewrittenDroppedOrReordered) {
  const Extension honest = *MakeExtension(*ledger_, 0);
  Extension rewritten = honest;
  rewritten.entries[2].push_back(' ');
  ExpectRefused(rewritten, RefusalReason::kRewritten);
}

TEST_F(MirrorTest, RefusesReorderedEntriesUnderTheSameHead) {
  Extension reordered = *MakeExtension(*ledger_, 0);
  std::swap(reordered.entries[1], reordered.entries[2]);
  ExpectRefused(reordered, RefusalReason::kRewritten);
}

// From here on the log's own key signs the lie: only what the entries say gives it away.
TEST_F(MirrorTest, RefusesADroppedEntryThatTheLogSignedAway) {
  LyingLog lie(c_);
  const std::vector<Bytes> entries = First(5);
  for (const size_t i : {0, 1, 3, 4}) lie.Add(entries[i]);
  ExpectRefused(lie.From(0), RefusalReason::kActorChainBroken);
}

TEST_F(MirrorTest, RefusesReorderedEntriesThatTheLogSigned) {
  LyingLog lie(c_);
  const std::vector<Bytes> entries = First(5);
  for (const size_t i : {0, 2, 1, 3, 4}) lie.Add(entries[i]);
  ExpectRefused(lie.From(0), RefusalReason::kActorChainBroken);
}

TEST_F(MirrorTest, RefusesAnEntryBySomebodyWhoWasNeverAdmitted) {
  LyingLog lie = Twin();
  const auto stranger = testing::SignerOf(9);
  lie.Add(lie.Seal({c_.site.member, stranger->Key(), Role::kSite}, *stranger, c_.Submitted(0), {}));
  ExpectRefused(lie.From(0), RefusalReason::kKeyNotAdmitted);
}

TEST_F(MirrorTest, RefusesASubmissionThatTheAggregatorWroteForASite) {
  LyingLog lie = Twin();
  lie.Add(lie.Seal(c_.aggregator, *c_.aggregator_signer, c_.Submitted(0),
                   ledger_->ChainOf(c_.aggregator.key)));
  ExpectRefused(lie.From(0), RefusalReason::kKeyNotAdmitted);
}

TEST_F(MirrorTest, RefusesAForgedSignature) {
  LyingLog lie = Twin();
  const Envelope envelope = *ParseEnvelope(lie.Seal(c_.site, *c_.site_signer, c_.Submitted(0), {}));
  lie.Add(SealEnvelope(envelope.payload_type, envelope.payload, "", *c_.aggregator_signer));
  ExpectRefused(lie.From(0), RefusalReason::kBadSignature);
}

TEST_F(MirrorTest, RefusesBytesThatAreNoEvent) {
  LyingLog lie = Twin();
  lie.Add(ToBytes("{\"free\":\"text\"}"));
  ExpectRefused(lie.From(0), RefusalReason::kMalformedEntry);
}

TEST_F(MirrorTest, AnEventThatSawAnotherLogProvesTheSplitView) {
  // The site was shown a log in which the fifth entry is another; its signed submission gossips
  // that root.
  LyingLog shown_to_site(c_);
  for (const Bytes& entry : First(4)) shown_to_site.Add(entry);
  RoundOpened opened = std::get<RoundOpened>(c_.Opened(0));
  opened.cohort.pop_back();
  const ActorChain before_last = {4,
                                  ParseEntry((*ledger_->Read(3, 4, SIZE_MAX))[0])->payload_digest};
  shown_to_site.Add(shown_to_site.Seal(c_.aggregator, *c_.aggregator_signer, opened, before_last));
  const Bytes submission = shown_to_site.Seal(c_.site, *c_.site_signer, c_.Submitted(0), {});
  LyingLog lie = Twin();
  lie.Add(submission);
  ExpectRefused(lie.From(0), RefusalReason::kAnchorMismatch);
}

TEST_F(MirrorTest, RefusesAnEventReplayed) {
  ASSERT_TRUE(ledger_->Append(c_.BySite(*ledger_, c_.Submitted(0)), "").has_value());
  LyingLog lie = Twin();
  lie.Add(lie.entries()[5]);
  ExpectRefused(lie.From(0), RefusalReason::kActorChainBroken);
}

TEST_F(MirrorTest, RefusesARoundClosedWithAnotherWeightThanWasSubmitted) {
  ASSERT_TRUE(ledger_->Append(c_.BySite(*ledger_, c_.Submitted(0)), "").has_value());
  for (const CountedSubmission& counted :
       {CountedSubmission{5, c_.site_id, 999}, CountedSubmission{5, c_.other_id, 1000},
        CountedSubmission{4, c_.site_id, 1000}}) {
    LyingLog lie = Twin();
    lie.Add(lie.Seal(c_.aggregator, *c_.aggregator_signer, c_.Closed(0, {counted}),
                     ledger_->ChainOf(c_.aggregator.key)));
    ExpectRefused(lie.From(mirror_->Head().head.size), RefusalReason::kRuleBroken);
  }
}

TEST_F(MirrorTest, RefusesASecondGenesis) {
  LyingLog lie = Twin();
  lie.Add(lie.Seal(c_.aggregator, *c_.aggregator_signer, c_.Genesis(),
                   ledger_->ChainOf(c_.aggregator.key)));
  ExpectRefused(lie.From(0), RefusalReason::kRuleBroken);
}

TEST_F(MirrorTest, RefusesAGenesisThatNamesAnotherLogKey) {
  LyingLog lie(c_);
  const NoteKey other = *NoteKey::Make(c_.log_key.name, c_.site.key);
  const ConsortiumGenesis genesis{other.Vkey(), DigestOf("ca"), c_.aggregator.key};
  lie.Add(lie.Seal(c_.aggregator, *c_.aggregator_signer, genesis, {}));
  ExpectRefused(lie.From(0), RefusalReason::kRuleBroken);
}

TEST_F(MirrorTest, AMirrorWhoseOwnDiskChangedIsFoundWhenItIsOpened) {
  Follow();
  mirror_.reset();
  sqlite3* db = nullptr;
  ASSERT_EQ(sqlite3_open((folder_.path() + "/ledger.db").c_str(), &db), SQLITE_OK);
  ASSERT_EQ(
      sqlite3_exec(
          db,
          "DROP TRIGGER entry_keeps; UPDATE entry SET bytes=CAST(bytes || ' ' AS BLOB) WHERE idx=1",
          nullptr, nullptr, nullptr),
      SQLITE_OK);
  sqlite3_close(db);
  EXPECT_EQ(Mirror::Open({folder_.path(), c_.log_key, &c_.verifier, 1}).error().code,
            ErrorCode::kCorrupt);
}

}  // namespace
}  // namespace dure::ledger
