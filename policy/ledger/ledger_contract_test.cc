// The contract of the Ledger seam, for every implementation.
#include <gmock/gmock.h>

#include <atomic>
#include <future>
#include <thread>

#include "policy/ledger/audit.h"
#include "policy/ledger/sqlite_ledger.h"
#include "policy/ledger/testing.h"

namespace dure::ledger {
namespace {

using testing::Consortium;
using testing::DigestOf;
using testing::TemporaryFolder;

class LedgerContract : public ::testing::TestWithParam<bool> {
 protected:
  LedgerContract() {
    if (GetParam()) {
      auto opened = OpenSqliteLedger({.dir = folder_.path(),
                                      .log_key = c_.log_key,
                                      .log_signer = c_.log_signer.get(),
                                      .verifier = &c_.verifier});
      EXPECT_TRUE(opened.has_value()) << opened.error().message;
      ledger_ = std::move(*opened);
    } else {
      ledger_ = c_.NewMemoryLedger();
    }
  }
  uint64_t Size() const { return ledger_->Head().head.size; }

  const Consortium c_;
  const TemporaryFolder folder_;
  std::unique_ptr<Ledger> ledger_;
};

INSTANTIATE_TEST_SUITE_P(All, LedgerContract, ::testing::Values(false, true),
                         [](const auto& made) { return made.param ? "Sqlite" : "Memory"; });

TEST_P(LedgerContract, ShowsASignedHeadOfTheEmptyTreeFromTheStart) {
  const auto head = OpenHead(ledger_->Head().note, c_.log_key, c_.verifier);
  ASSERT_TRUE(head.has_value());
  EXPECT_EQ(head->head.size, 0u);
  EXPECT_EQ(head->head.root, EmptyRoot());
}

TEST_P(LedgerContract, AnswersWithAReceiptThatVerifies) {
  c_.Found(*ledger_);
  const Bytes entry = c_.BySite(*ledger_, c_.Submitted(0));
  const auto appended = ledger_->Append(entry, "run-1/0/0/hospital-a-1/submitted");
  ASSERT_TRUE(appended.has_value()) << appended.error().message;
  EXPECT_EQ(appended->receipt.index, 5u);
  EXPECT_FALSE(appended->existed);
  EXPECT_TRUE(VerifyReceipt(entry, appended->receipt, c_.log_key, c_.verifier).has_value());
  EXPECT_EQ(ledger_->Find("run-1/0/0/hospital-a-1/submitted"), std::optional<uint64_t>(5));
  EXPECT_EQ(ledger_->Find("run-1/0/0/hospital-a-1/submitte"), std::nullopt);
  EXPECT_EQ(*ledger_->Read(5, 6, 1), std::vector<Bytes>{entry});
}

TEST_P(LedgerContract, ARepeatFindsItsEntryAndAddsNone) {
  c_.Found(*ledger_);
  const Bytes entry = c_.BySite(*ledger_, c_.Submitted(0));
  ASSERT_TRUE(ledger_->Append(entry, "k").has_value());
  for (const char* key : {"k", "another", ""}) {
    const auto again = ledger_->Append(entry, key);
    ASSERT_TRUE(again.has_value());
    EXPECT_TRUE(again->existed);
    EXPECT_EQ(again->receipt.index, 5u);
    EXPECT_TRUE(VerifyReceipt(entry, again->receipt, c_.log_key, c_.verifier).has_value());
  }
  const Bytes other = c_.ByOther(*ledger_, c_.Submitted(0, true));
  EXPECT_EQ(ledger_->Append(other, "k").error().code, ErrorCode::kAlreadyExists);
  const auto taken = ledger_->Append(other, "k", OnRepeat::kTakeExisting);
  EXPECT_EQ(taken->receipt.index, 5u);
  EXPECT_TRUE(VerifyReceipt(entry, taken->receipt, c_.log_key, c_.verifier).has_value());
  EXPECT_EQ(Size(), 6u);
}

TEST_P(LedgerContract, RefusesWhatAMirrorWouldRefuse) {
  EXPECT_EQ(ledger_->Append(c_.ByAggregator(*ledger_, c_.Admitted()), "").error().code,
            ErrorCode::kFailedPrecondition);  // before the genesis
  c_.Found(*ledger_);
  const auto code = [&](const Bytes& entry) {
    const auto appended = ledger_->Append(entry, "");
    return appended ? ErrorCode::kInternal : appended.error().code;
  };
  EXPECT_EQ(code(ToBytes("{}")), ErrorCode::kInvalid);
  Bytes broken = c_.BySite(*ledger_, c_.Submitted(0));
  broken[broken.size() - 20] ^= 1;
  EXPECT_NE(code(broken), ErrorCode::kInternal);
  const auto stranger = testing::SignerOf(9);
  const Actor nobody{c_.site.member, stranger->Key(), Role::kSite};
  EXPECT_EQ(code(c_.Seal(*ledger_, nobody, *stranger, c_.Submitted(0))),
            ErrorCode::kPermissionDenied);
  EXPECT_EQ(code(c_.BySite(*ledger_, c_.Submitted(0, true))), ErrorCode::kPermissionDenied);
  EXPECT_EQ(code(c_.BySite(*ledger_, c_.Opened(1))), ErrorCode::kPermissionDenied);
  EXPECT_EQ(code(c_.BySite(*ledger_, c_.Submitted(1))), ErrorCode::kFailedPrecondition);
  EXPECT_EQ(code(c_.ByAggregator(*ledger_, c_.Closed(0, {{2, c_.site_id, 1}}))),
            ErrorCode::kFailedPrecondition);
  EXPECT_EQ(Size(), 5u);
}

TEST_P(LedgerContract, RefusesALieAboutTheActorsPastOrTheLogsPast) {
  c_.Found(*ledger_);
  Record record;
  record.federation = c_.log_key.name;
  record.actor = c_.site;
  record.prev_actor_digest = ledger_->ChainOf(c_.site.key).prev_digest;
  record.anchor = {5, ledger_->Head().head.root};
  record.occurred_at = "2026-11-24T01:02:03Z";
  record.event = c_.Submitted(0);
  const auto code = [&](const Record& lie) {
    const auto appended = ledger_->Append(SealRecord(lie, *c_.site_signer)->bytes, "");
    return appended ? ErrorCode::kInternal : appended.error().code;
  };
  Record lie = record;
  lie.actor_seq = 1;
  EXPECT_EQ(code(lie), ErrorCode::kFailedPrecondition);
  lie = record;
  lie.prev_actor_digest = DigestOf("else");
  EXPECT_EQ(code(lie), ErrorCode::kFailedPrecondition);
  lie = record;
  lie.anchor.root = DigestOf("else");
  EXPECT_EQ(code(lie), ErrorCode::kFailedPrecondition);
  lie = record;
  lie.anchor.size = 6;
  EXPECT_EQ(code(lie), ErrorCode::kFailedPrecondition);
  lie = record;
  lie.federation = "other.dure/ledger";
  EXPECT_EQ(code(lie), ErrorCode::kFailedPrecondition);
  EXPECT_TRUE(ledger_->Append(SealRecord(record, *c_.site_signer)->bytes, "").has_value());
  EXPECT_EQ(code(record), ErrorCode::kInternal) << "the very same bytes are a repeat, not a lie";
}

TEST_P(LedgerContract, ARevokedKeySpeaksForNobody) {
  c_.Found(*ledger_);
  const Bytes before = c_.BySite(*ledger_, c_.Submitted(0));
  ASSERT_TRUE(
      ledger_
          ->Append(c_.ByAggregator(*ledger_, KeyRevoked{c_.site.member, c_.site.key, "lost"}), "")
          .has_value());
  EXPECT_EQ(ledger_->Append(before, "").error().code, ErrorCode::kPermissionDenied);
  EXPECT_TRUE(ledger_->FindKey(c_.site.key)->revoked);
}

TEST_P(LedgerContract, ProvesAndReadsWithinItsHeadOnly) {
  c_.Found(*ledger_);
  EXPECT_TRUE(ledger_->ProveInclusion(4, 5).has_value());
  EXPECT_FALSE(ledger_->ProveInclusion(5, 5).has_value());
  EXPECT_FALSE(ledger_->ProveInclusion(0, 6).has_value());
  EXPECT_FALSE(ledger_->ProveConsistency(3, 6).has_value());
  EXPECT_FALSE(ledger_->Read(0, 6, 1000).has_value());
  EXPECT_EQ(ledger_->Read(0, 5, 1)->size(), 1u);
  EXPECT_EQ(ledger_->Read(0, 5, 1u << 20)->size(), 5u);
  const SignedHead near = *ledger_->HeadFor(1, 2);
  EXPECT_EQ(near.head.size, 3u);
  EXPECT_EQ(OpenHead(near.note, c_.log_key, c_.verifier)->head, near.head);
  EXPECT_EQ(ledger_->HeadFor(5, 2)->head.size, 5u);
}

TEST_P(LedgerContract, TakesConcurrentAppendsEachOnce) {
  c_.Found(*ledger_);
  std::vector<std::unique_ptr<Ed25519Signer>> signers;
  std::vector<Actor> actors;
  for (uint8_t i = 0; i < 8; ++i) {
    signers.push_back(testing::SignerOf(static_cast<uint8_t>(50 + i)));
    actors.push_back(
        {*MemberId::Parse("m" + std::to_string(i)), signers.back()->Key(), Role::kSite});
    const MemberAdmitted admitted{actors[i].member, *SiteId::Parse("s" + std::to_string(i)),
                                  Role::kSite, actors[i].key};
    ASSERT_TRUE(ledger_->Append(c_.ByAggregator(*ledger_, admitted), "").has_value());
  }
  std::atomic<int> sound = 0;
  {
    std::vector<std::jthread> threads;
    for (size_t i = 0; i < actors.size(); ++i) {
      threads.emplace_back([&, i] {
        for (uint64_t n = 0; n < 10; ++n) {
          const EvaluationReported event{DigestOf("m"), c_.site_id, 1.5, n, n};
          const Bytes entry = c_.Seal(*ledger_, actors[i], *signers[i], event);
          const auto appended = ledger_->Append(entry, "");
          if (appended && VerifyReceipt(entry, appended->receipt, c_.log_key, c_.verifier)) sound++;
        }
      });
    }
  }
  EXPECT_EQ(sound, 80);
  EXPECT_EQ(Size(), 5u + 8 + 80);
  const auto report = VerifyAll(*ledger_, c_.log_key, c_.verifier, 2);
  ASSERT_TRUE(report.has_value()) << report.error().message;
  EXPECT_EQ(report->entries_by_type[static_cast<size_t>(EventType::kEvaluationReported)], 80u);
}

TEST_P(LedgerContract, TheRecorderWritesInOrderAndNeverTwice) {
  Recorder recorder(*ledger_, c_.aggregator, *c_.aggregator_signer, [] { return WallTime(); });
  std::vector<uint64_t> indexes;
  std::atomic<int> answers = 0;
  const std::vector<Event> events = {c_.Genesis(), c_.Admitted(), c_.OtherAdmitted(), c_.Proposed(),
                                     c_.Opened(0)};
  for (size_t i = 0; i < events.size(); ++i) {
    recorder.RecordAsync(events[i], "event-" + std::to_string(i), [&](Result<Appended> appended) {
      if (appended) indexes.push_back(appended->receipt.index);
      answers++;
    });
  }
  const auto again = recorder.Record(c_.Opened(0), "event-4");
  ASSERT_TRUE(again.has_value()) << again.error().message;
  EXPECT_TRUE(again->existed);
  EXPECT_EQ(answers, 5);
  EXPECT_THAT(indexes, ::testing::ElementsAre(0, 1, 2, 3, 4));
  EXPECT_EQ(Size(), 5u);
  // A refused event does not break the chain of what follows.
  EXPECT_FALSE(recorder.Record(c_.Opened(0), "event-5").has_value());
  EXPECT_TRUE(
      recorder.Record(RoundAbandoned{c_.At(0), c_.base, "no-quorum"}, "event-6").has_value());
}

TEST_P(LedgerContract, WhatMayStandAtOneIndexAloneStandsThereOrNowhere) {
  c_.Found(*ledger_);
  const auto append = [this](const Bytes& entry, uint64_t only_at) {
    std::promise<Result<Appended>> answer;
    ledger_->AppendAsync(
        entry, "", OnRepeat::kRefuse, [&](Result<Appended> given) { answer.set_value(given); },
        only_at);
    return answer.get_future().get();
  };
  const Bytes entry = c_.ByAggregator(*ledger_, RoundAbandoned{c_.At(0), c_.base, "no-quorum"});
  for (const uint64_t wrong : {4, 6}) {
    const auto refused = append(entry, wrong);
    ASSERT_FALSE(refused.has_value());
    EXPECT_EQ(refused.error().code, ErrorCode::kFailedPrecondition);
    EXPECT_EQ(Size(), 5u);
  }
  const auto taken = append(entry, 5);
  ASSERT_TRUE(taken.has_value()) << taken.error().message;
  EXPECT_EQ(taken->receipt.index, 5u);
}

TEST_P(LedgerContract, TheRecorderMakesAnewWhatAnothersEntryOvertook) {
  c_.Found(*ledger_);
  Recorder recorder(*ledger_, c_.aggregator, *c_.aggregator_signer, [] { return WallTime(); });
  std::vector<uint64_t> made_of;
  const auto make = [&](WallTime) -> Result<Event> {
    const uint64_t size = Size();
    made_of.push_back(size);
    if (made_of.size() == 1) {  // on this thread; later ones may be on the writer's
      const EvaluationReported between{DigestOf("m"), c_.site_id, 1, size, 1};
      EXPECT_TRUE(ledger_->Append(c_.BySite(*ledger_, between), "").has_value());
    }
    return Event(RoundAbandoned{c_.At(0), c_.base, std::to_string(size)});
  };
  std::promise<Result<Appended>> answer;
  recorder.RecordAsync(make, "abandoned", [&](Result<Appended> given) { answer.set_value(given); });
  const auto recorded = answer.get_future().get();
  ASSERT_TRUE(recorded.has_value()) << recorded.error().message;
  EXPECT_THAT(made_of, ::testing::ElementsAre(5, 6));
  EXPECT_EQ(recorded->receipt.index, 6u) << "right behind what it was made of";
  EXPECT_EQ(Size(), 7u) << "and once";
}

}  // namespace
}  // namespace dure::ledger
