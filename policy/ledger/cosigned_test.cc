// Cosignatures kept beside heads: in memory and on disk, at the aggregator and in a site's mirror.
#include <gmock/gmock.h>

#include "policy/ledger/export.h"
#include "policy/ledger/sqlite_ledger.h"
#include "policy/ledger/testing.h"

namespace dure::ledger {
namespace {

using testing::Consortium;
using testing::DigestOf;
using testing::SignerOf;
using testing::TemporaryFolder;

WallTime At(uint64_t seconds) { return WallTime(std::chrono::seconds(seconds)); }

// Two sites of different houses, each with an auditor key on the record.
class CosignedLogTest : public ::testing::TestWithParam<bool> {
 protected:
  CosignedLogTest() { ledger_ = NewLedger(); }
  std::unique_ptr<Ledger> NewLedger() const {
    if (!OnDisk()) return c_.NewMemoryLedger();
    SqliteLedgerOptions options;
    options.dir = folder_.path();
    options.log_key = c_.log_key;
    options.log_signer = c_.log_signer.get();
    options.verifier = &c_.verifier;
    return *OpenSqliteLedger(options);
  }
  bool OnDisk() const { return GetParam(); }
  void Add(Bytes entry) { ASSERT_TRUE(ledger_->Append(std::move(entry), "").has_value()); }
  void Found() {
    c_.Found(*ledger_);
    Add(c_.ByAggregator(*ledger_, MemberDescribed{c_.site.member, House::kPublic, "KR"}));
    Add(c_.ByAggregator(*ledger_, MemberDescribed{c_.other.member, House::kPrivate, "KR"}));
    Add(c_.BySite(*ledger_, CosignerAnnounced{c_.site_id, key_.Vkey()}));
    Add(c_.ByOther(*ledger_, CosignerAnnounced{c_.other_id, other_key_.Vkey()}));
  }
  void Grow(uint64_t n) {
    Add(c_.BySite(*ledger_, EvaluationReported{DigestOf("m"), c_.site_id, 1, n, n}));
  }
  std::string BySite(const TreeHead& head, uint64_t seconds = 100) const {
    return Cosign(head, key_, *signer_, At(seconds)).Line();
  }
  std::string ByOther(const TreeHead& head) const {
    return Cosign(head, other_key_, *other_signer_, At(200)).Line();
  }
  ErrorCode Refused(uint64_t size, const std::string& line) {
    const Status added = ledger_->AddCosignature(size, line);
    return added ? ErrorCode::kInternal : added.error().code;
  }
  TreeHead Head() const { return ledger_->Head().head; }

  const Consortium c_;
  const TemporaryFolder folder_;
  const std::unique_ptr<Ed25519Signer> signer_ = SignerOf(41);
  const std::unique_ptr<Ed25519Signer> other_signer_ = SignerOf(42);
  const CosignerKey key_ = *CosignerKey::Make("hospital-a-1/auditor", signer_->Key());
  const CosignerKey other_key_ = *CosignerKey::Make("telecom-b-1/auditor", other_signer_->Key());
  std::unique_ptr<Ledger> ledger_;
};

TEST_P(CosignedLogTest, AHeadIsAgreedWhenEveryHouseHasCosignedIt) {
  Found();
  const TreeHead head = Head();
  ASSERT_TRUE(ledger_->AddCosignature(head.size, BySite(head)).has_value());
  EXPECT_FALSE(ledger_->Agreed().has_value());
  ASSERT_TRUE(ledger_->AddCosignature(head.size, ByOther(head)).has_value());
  const auto agreed = ledger_->Agreed();
  ASSERT_TRUE(agreed.has_value());
  EXPECT_EQ(agreed->head.head, head);
  EXPECT_THAT(agreed->cosignatures, ::testing::SizeIs(2));
  const auto policy = *ledger_->Cosigners()->PolicyAt(head.size, c_.log_key);
  const auto opened = OpenCosigned(agreed->Note(), c_.log_key, {key_, other_key_}, c_.verifier);
  ASSERT_TRUE(opened.has_value()) << opened.error().message;
  EXPECT_TRUE(policy.IsMetBy({key_, other_key_}));
}

TEST_P(CosignedLogTest, ALaterPartialHeadLeavesTheAgreedOne) {
  Found();
  const TreeHead first = Head();
  Grow(1);
  const TreeHead second = Head();
  ASSERT_TRUE(ledger_->AddCosignature(second.size, BySite(second)).has_value());
  ASSERT_TRUE(ledger_->AddCosignature(first.size, BySite(first)).has_value());
  ASSERT_TRUE(ledger_->AddCosignature(first.size, ByOther(first)).has_value());
  EXPECT_EQ(ledger_->Agreed()->head.head, first);
  ASSERT_TRUE(ledger_->AddCosignature(second.size, ByOther(second)).has_value());
  EXPECT_EQ(ledger_->Agreed()->head.head, second);
  EXPECT_EQ(*ledger_->CosignedSizeBelow(UINT64_MAX), std::optional<uint64_t>(second.size));
  EXPECT_EQ(*ledger_->CosignedSizeBelow(second.size), std::optional<uint64_t>(first.size));
  EXPECT_EQ(*ledger_->CosignedSizeBelow(first.size), std::nullopt);
}

TEST_P(CosignedLogTest, StoresNothingThatIsNotOverAHeadOfThisLog) {
  Found();
  const TreeHead head = Head();
  TreeHead forked = head;
  forked.root = DigestOf("another log");
  EXPECT_EQ(Refused(head.size, BySite(forked)), ErrorCode::kUnauthenticated);
  EXPECT_EQ(Refused(head.size + 1, BySite(head)), ErrorCode::kNotFound);
  EXPECT_EQ(Refused(head.size - 2, BySite(head)), ErrorCode::kPermissionDenied)
      << "that head is not above its announcement";
  EXPECT_EQ(Refused(head.size, "no line"), ErrorCode::kInvalid);
  const auto stranger = SignerOf(50);
  const CosignerKey same_name = *CosignerKey::Make(key_.name, stranger->Key());
  EXPECT_EQ(Refused(head.size, Cosign(head, same_name, *stranger, At(1)).Line()),
            ErrorCode::kPermissionDenied);
  EXPECT_THAT(ledger_->Cosigned(head.size)->cosignatures, ::testing::IsEmpty());
}

TEST_P(CosignedLogTest, KeepsTheFirstLineOfACosigner) {
  Found();
  const TreeHead head = Head();
  ASSERT_TRUE(ledger_->AddCosignature(head.size, BySite(head, 100)).has_value());
  ASSERT_TRUE(ledger_->AddCosignature(head.size, BySite(head, 900)).has_value());
  const auto cosigned = ledger_->Cosigned(head.size);
  ASSERT_THAT(cosigned->cosignatures, ::testing::SizeIs(1));
  EXPECT_EQ(cosigned->cosignatures[0].seconds, 100u);
}

TEST_P(CosignedLogTest, TakesNoNewWordOfARevokedSiteButKeepsTheOld) {
  Found();
  const TreeHead head = Head();
  ASSERT_TRUE(ledger_->AddCosignature(head.size, BySite(head)).has_value());
  Add(c_.ByAggregator(*ledger_, KeyRevoked{c_.site.member, c_.site.key, "stolen"}));
  Add(c_.ByAggregator(*ledger_, KeyRevoked{c_.other.member, c_.other.key, "stolen"}));
  EXPECT_EQ(Refused(head.size, ByOther(head)), ErrorCode::kPermissionDenied);
  EXPECT_THAT(ledger_->Cosigned(head.size)->cosignatures, ::testing::SizeIs(1));
}

TEST_P(CosignedLogTest, FindsTheAgreedHeadAgainAfterItIsReopened) {
  Found();
  const TreeHead head = Head();
  ASSERT_TRUE(ledger_->AddCosignature(head.size, BySite(head)).has_value());
  ASSERT_TRUE(ledger_->AddCosignature(head.size, ByOther(head)).has_value());
  Grow(1);
  ASSERT_TRUE(ledger_->AddCosignature(Head().size, BySite(Head())).has_value());
  if (!OnDisk()) return;  // memory is not reopened
  const auto copy = OpenLogCopy(folder_.path(), c_.verifier);
  ASSERT_TRUE(copy.has_value()) << copy.error().message;
  EXPECT_EQ((*copy)->Agreed()->head.head, head);
  ledger_.reset();
  ledger_ = NewLedger();
  ASSERT_TRUE(ledger_->Agreed().has_value());
  EXPECT_EQ(ledger_->Agreed()->head.head, head);
}

TEST_P(CosignedLogTest, AMirrorTakesAPublishedHeadAndItsCosignatures) {
  Found();
  const TreeHead head = Head();
  ASSERT_TRUE(ledger_->AddCosignature(head.size, BySite(head)).has_value());
  ASSERT_TRUE(ledger_->AddCosignature(head.size, ByOther(head)).has_value());
  Grow(1);
  const TemporaryFolder own;
  const MirrorOptions options{OnDisk() ? own.path() : "", c_.log_key, &c_.verifier, 1};
  auto mirror = *Mirror::Open(options);
  const std::string note = ledger_->Agreed()->Note();
  EXPECT_EQ(mirror->TakeCosigned(note).error().code, ErrorCode::kFailedPrecondition);
  ASSERT_FALSE(mirror->Extend(*MakeExtension(*ledger_, 0))->has_value());
  ASSERT_GT(mirror->Head().head.size, head.size);
  ASSERT_FALSE(mirror->TakeCosigned(note)->has_value());
  EXPECT_EQ(mirror->Agreed()->Note(), note);
  if (!OnDisk()) return;
  mirror.reset();
  EXPECT_EQ((*Mirror::Open(options))->Agreed()->Note(), note);
}

TEST_P(CosignedLogTest, AMirrorRefusesAForkedHeadWithBothNotes) {
  Found();
  auto mirror = *Mirror::Open({"", c_.log_key, &c_.verifier, 1});
  ASSERT_FALSE(mirror->Extend(*MakeExtension(*ledger_, 0))->has_value());
  TreeHead forked = Head();
  forked.root = DigestOf("what another site was shown");
  const SignedHead shown = SignHead(forked, c_.log_key, *c_.log_signer);
  const auto refusal = mirror->TakeCosigned(shown.note + BySite(forked));
  ASSERT_TRUE(refusal.has_value() && refusal->has_value());
  EXPECT_EQ((*refusal)->reason, RefusalReason::kFork);
  EXPECT_EQ((*refusal)->offered_note, shown.note + BySite(forked));
  EXPECT_EQ((*refusal)->own_note, mirror->Head().note);
  // A sound head whose cosignature is over something else is refused too.
  const auto spoilt = mirror->TakeCosigned(mirror->Head().note + BySite(forked));
  ASSERT_TRUE(spoilt.has_value() && spoilt->has_value());
  EXPECT_EQ((*spoilt)->reason, RefusalReason::kBadSignature);
  EXPECT_FALSE(mirror->Agreed().has_value());
}

TEST_P(CosignedLogTest, AnExportCarriesTheCosignaturesAndNoOtherLine) {
  Found();
  const TreeHead head = Head();
  ASSERT_TRUE(ledger_->AddCosignature(head.size, BySite(head)).has_value());
  ASSERT_TRUE(ledger_->AddCosignature(head.size, ByOther(head)).has_value());
  const TemporaryFolder out;
  ASSERT_TRUE(ExportTiles(*ledger_, out.path()).has_value());
  const auto tiles = OpenTiles(out.path(), c_.log_key, c_.verifier);
  ASSERT_TRUE(tiles.has_value()) << tiles.error().message;
  ASSERT_TRUE((*tiles)->Agreed().has_value());
  EXPECT_EQ((*tiles)->Agreed()->Note(), ledger_->Agreed()->Note());
  EXPECT_TRUE(FsckTiles(out.path(), c_.log_key, c_.verifier, 1).has_value());
}

INSTANTIATE_TEST_SUITE_P(Stores, CosignedLogTest, ::testing::Values(false, true),
                         [](const auto& one) { return one.param ? "Sqlite" : "Memory"; });

}  // namespace
}  // namespace dure::ledger
