#include "policy/ledger/sqlite_ledger.h"

#include <gmock/gmock.h>
#include <signal.h>
#include <sqlite3.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <atomic>
#include <filesystem>
#include <future>

#include "federation/random.h"
#include "federation/write_ahead.h"
#include "policy/ledger/audit.h"
#include "policy/ledger/testing.h"

namespace dure::ledger {
namespace {

using testing::Consortium;
using testing::DigestOf;
using testing::TemporaryFolder;

class SqliteLedgerTest : public ::testing::Test {
 protected:
  SqliteLedgerOptions Options() const {
    SqliteLedgerOptions options;
    options.dir = folder_.path();
    options.log_key = c_.log_key;
    options.log_signer = c_.log_signer.get();
    options.verifier = &c_.verifier;
    return options;
  }
  Result<std::unique_ptr<Ledger>> Open() const { return OpenSqliteLedger(Options()); }
  void Sql(const std::string& sql, bool expect_ok = true) const {
    sqlite3* db = nullptr;
    ASSERT_EQ(sqlite3_open((folder_.path() + "/ledger.db").c_str(), &db), SQLITE_OK);
    const int rc = sqlite3_exec(db, sql.c_str(), nullptr, nullptr, nullptr);
    EXPECT_EQ(rc == SQLITE_OK, expect_ok) << sqlite3_errmsg(db);
    sqlite3_close(db);
  }
  Result<Appended> Evaluate(Ledger& ledger, uint64_t n) const {
    return ledger.Append(c_.BySite(ledger, EvaluationReported{DigestOf("m"), c_.site_id, 1, n, n}),
                         "");
  }

  const Consortium c_;
  const TemporaryFolder folder_;
};

TEST_F(SqliteLedgerTest, FindsEverythingAgainAfterItIsReopened) {
  SignedHead head;
  {
    const auto ledger = *Open();
    c_.Found(*ledger);
    ASSERT_TRUE(ledger->Append(c_.BySite(*ledger, c_.Submitted(0)), "k").has_value());
    head = ledger->Head();
  }
  const auto ledger = *Open();
  EXPECT_EQ(ledger->Head().note, head.note);
  EXPECT_EQ(ledger->Find("k"), std::optional<uint64_t>(5));
  EXPECT_EQ(ledger->ChainOf(c_.site.key).next_seq, 1u);
  EXPECT_TRUE(Evaluate(*ledger, 1).has_value());
  EXPECT_TRUE(VerifyAll(*ledger, c_.log_key, c_.verifier, 1).has_value());
}

TEST_F(SqliteLedgerTest, RefusesASecondOpenerAndAnotherLogsKey) {
  {
    const auto ledger = *Open();
    EXPECT_EQ(Open().error().code, ErrorCode::kFailedPrecondition);
    c_.Found(*ledger);
  }
  SqliteLedgerOptions options = Options();
  options.log_key = *NoteKey::Make("test.dure/ledger", c_.site.key);
  options.log_signer = c_.site_signer.get();
  EXPECT_EQ(OpenSqliteLedger(options).error().code, ErrorCode::kFailedPrecondition);
}

TEST_F(SqliteLedgerTest, TheTablesThemselvesRefuseChanges) {
  c_.Found(**Open());
  Sql("DELETE FROM entry WHERE idx=4", false);
  Sql("UPDATE entry SET bytes=x'00' WHERE idx=4", false);
  Sql("UPDATE tree_head SET note='' WHERE size=5", false);
  Sql("DELETE FROM tree_head WHERE size=5", false);
}

TEST_F(SqliteLedgerTest, FindsAChangedOrLostEntryWhenItIsOpened) {
  for (const char* damage :
       {"DROP TRIGGER entry_keeps; UPDATE entry SET bytes=CAST(bytes || ' ' AS BLOB) WHERE idx=2",
        "DROP TRIGGER entry_stays; DELETE FROM entry WHERE idx=4",
        "DROP TRIGGER entry_stays; DELETE FROM entry WHERE idx=1",
        "DROP TRIGGER head_stays; DELETE FROM tree_head WHERE size=5"}) {
    const TemporaryFolder folder;
    SqliteLedgerOptions options = Options();
    options.dir = folder.path();
    c_.Found(**OpenSqliteLedger(options));
    sqlite3* db = nullptr;
    ASSERT_EQ(sqlite3_open((folder.path() + "/ledger.db").c_str(), &db), SQLITE_OK);
    ASSERT_EQ(sqlite3_exec(db, damage, nullptr, nullptr, nullptr), SQLITE_OK) << sqlite3_errmsg(db);
    sqlite3_close(db);
    const auto opened = OpenSqliteLedger(options);
    ASSERT_FALSE(opened.has_value()) << damage;
    EXPECT_EQ(opened.error().code, ErrorCode::kCorrupt) << damage;
  }
}

TEST_F(SqliteLedgerTest, SignsNothingThatTheDiskGivesBackDifferently) {
  auto ledger = *Open();
  c_.Found(*ledger);
  const SignedHead before = ledger->Head();
  // A disk that alters what it stores, played by a trigger.
  Sql("DROP TRIGGER entry_keeps; CREATE TRIGGER rot AFTER INSERT ON entry BEGIN"
      " UPDATE entry SET bytes=CAST(bytes || x'20' AS BLOB) WHERE idx=new.idx; END;");
  EXPECT_EQ(Evaluate(*ledger, 1).error().code, ErrorCode::kCorrupt);
  EXPECT_EQ(Evaluate(*ledger, 2).error().code, ErrorCode::kCorrupt) << "nothing further is taken";
  EXPECT_EQ(ledger->Head().note, before.note);
  ledger.reset();
  Sql("DROP TRIGGER rot");
  const auto reopened = Open();
  ASSERT_TRUE(reopened.has_value()) << reopened.error().message;
  EXPECT_EQ((*reopened)->Head().note, before.note);
}

TEST_F(SqliteLedgerTest, AFullDiskRefusesAndLosesNothing) {
  uint64_t taken = 0;
  SignedHead head;
  {
    SqliteLedgerOptions options = Options();
    options.file_bytes_max = 200 * 1024;
    const auto ledger = *OpenSqliteLedger(options);
    c_.Found(*ledger);
    Result<Appended> appended = Evaluate(*ledger, taken);
    while (appended && taken < 1000) appended = Evaluate(*ledger, ++taken);
    ASSERT_FALSE(appended.has_value());
    EXPECT_EQ(appended.error().code, ErrorCode::kExhausted);
    EXPECT_EQ(Evaluate(*ledger, taken).error().code, ErrorCode::kExhausted);
    head = ledger->Head();
    EXPECT_EQ(head.head.size, 5 + taken);
    EXPECT_TRUE(VerifyAll(*ledger, c_.log_key, c_.verifier, 1).has_value());
  }
  const auto ledger = *Open();
  EXPECT_EQ(ledger->Head().note, head.note);
  EXPECT_TRUE(Evaluate(*ledger, taken).has_value()) << "with room again it goes on";
}

TEST_F(SqliteLedgerTest, AnAppendMakesNoFileLonger) {
  const auto ledger = *Open();
  const auto length = [this] {
    return std::filesystem::file_size(folder_.path() + "/ledger.db-wal");
  };
  EXPECT_EQ(length(), kWriteAheadBytes);
  c_.Found(*ledger);
  for (uint64_t n = 0; n < 20; ++n) {
    ASSERT_TRUE(Evaluate(*ledger, n).has_value());
  }
  EXPECT_EQ(length(), kWriteAheadBytes);
}

TEST_F(SqliteLedgerTest, AnIoErrorIsUnavailableAndTheSameEntryGoesInLater) {
  const auto ledger = *Open();
  c_.Found(*ledger);
  const SignedHead before = ledger->Head();
  // Writes past the limit fail with EFBIG: a real error of a real write.
  signal(SIGXFSZ, SIG_IGN);
  rlimit old_limit{};
  getrlimit(RLIMIT_FSIZE, &old_limit);
  const rlimit none{4096, old_limit.rlim_max};
  setrlimit(RLIMIT_FSIZE, &none);
  const Bytes entry = c_.BySite(*ledger, c_.Submitted(0));
  const auto refused = ledger->Append(entry, "k");
  setrlimit(RLIMIT_FSIZE, &old_limit);
  ASSERT_FALSE(refused.has_value());
  EXPECT_THAT(refused.error().code,
              ::testing::AnyOf(ErrorCode::kUnavailable, ErrorCode::kExhausted));
  EXPECT_EQ(ledger->Head().note, before.note);
  const auto again = ledger->Append(entry, "k");
  ASSERT_TRUE(again.has_value()) << again.error().message;
  EXPECT_FALSE(again->existed);
  EXPECT_TRUE(VerifyReceipt(entry, again->receipt, c_.log_key, c_.verifier).has_value());
}

TEST_F(SqliteLedgerTest, CancelsOrAnswersEveryAppendWhenItCloses) {
  auto ledger = *Open();
  c_.Found(*ledger);
  std::vector<Bytes> entries;
  for (uint64_t n = 0; n < 20; ++n) {
    entries.push_back(c_.BySite(*ledger, EvaluationReported{DigestOf("m"), c_.site_id, 1, n, n}));
  }
  std::atomic<int> answers = 0;
  for (const Bytes& entry : entries) {
    ledger->AppendAsync(entry, "", OnRepeat::kRefuse, [&](Result<Appended>) { answers++; });
  }
  ledger.reset();
  EXPECT_EQ(answers, 20);
}

// Whoever says much would otherwise keep the aggregator from deciding anything.
TEST_F(SqliteLedgerTest, WhatIsDecidedGoesBeforeAllThatWaits) {
  SqliteLedgerOptions options = Options();
  options.group_entries_max = 1;
  const auto ledger = *OpenSqliteLedger(options);
  c_.Found(*ledger);
  Recorder recorder(*ledger, c_.aggregator, *c_.aggregator_signer, [] { return WallTime(); });
  const SignedHead head = ledger->Head();
  Record record{c_.log_key.name,        c_.site, 0, {}, {head.head.size, head.head.root},
                "2026-11-24T01:02:03Z", {}};
  const ActorChain chain = ledger->ChainOf(c_.site.key);
  record.actor_seq = chain.next_seq;
  record.prev_actor_digest = chain.prev_digest;
  for (uint64_t n = 0; n < 100; ++n) {
    record.event = EvaluationReported{DigestOf("m"), c_.site_id, 1, n, n};
    const SealedEntry sealed = *SealRecord(record, *c_.site_signer);
    ledger->AppendAsync(sealed.bytes, "", OnRepeat::kRefuse, [](const Result<Appended>&) {});
    record.actor_seq++;
    record.prev_actor_digest = sealed.payload_digest;
  }
  std::atomic<int> made = 0;
  std::promise<Result<Appended>> answer;
  recorder.RecordAsync(
      [&](WallTime) -> Result<Event> {
        made++;
        return Event(RoundAbandoned{c_.At(0), c_.base, "no-quorum"});
      },
      "abandoned", [&](Result<Appended> given) { answer.set_value(std::move(given)); });
  const auto recorded = answer.get_future().get();
  ASSERT_TRUE(recorded.has_value()) << recorded.error().message;
  EXPECT_LE(made, 2) << "once for the group that was under way";
}

TEST_F(SqliteLedgerTest, AFullQueueAnswersAtOnce) {
  SqliteLedgerOptions options = Options();
  options.queue_entries_max = 0;
  const auto ledger = *OpenSqliteLedger(options);
  EXPECT_EQ(ledger->Append(c_.ByAggregator(*ledger, c_.Genesis()), "").error().code,
            ErrorCode::kExhausted);
}

// What a client was told before the process died.
struct Told {
  uint64_t index = 0;
  Digest leaf;
};

// Appends in groups until it is killed, and tells of each receipt through the pipe.
[[noreturn]] void AppendUntilKilled(const Consortium& c, const SqliteLedgerOptions& options,
                                    int pipe) {
  const auto ledger = *OpenSqliteLedger(options);
  const Digest model = DigestOf("m");
  for (uint64_t n = 0;; ++n) {
    const SignedHead head = ledger->Head();
    Record record{c.log_key.name,         c.site, 0, {}, {head.head.size, head.head.root},
                  "2026-11-24T01:02:03Z", {}};
    const ActorChain chain = ledger->ChainOf(c.site.key);
    record.actor_seq = chain.next_seq;
    record.prev_actor_digest = chain.prev_digest;
    std::atomic<int> waiting = 8;
    for (uint64_t i = 0; i < 8; ++i) {
      record.event = EvaluationReported{model, c.site_id, 1, n, i};
      const SealedEntry sealed = *SealRecord(record, *c.site_signer);
      const Digest leaf = LeafHash(sealed.bytes);
      ledger->AppendAsync(sealed.bytes, "", OnRepeat::kRefuse,
                          [&waiting, leaf, pipe](Result<Appended> appended) {
                            if (!appended) _exit(2);
                            const Told told{appended->receipt.index, leaf};
                            if (write(pipe, &told, sizeof told) != sizeof told) _exit(3);
                            if (--waiting == 0) waiting.notify_one();
                          });
      record.actor_seq++;
      record.prev_actor_digest = sealed.payload_digest;
    }
    for (int left = waiting; left > 0; left = waiting) waiting.wait(left);
  }
}

TEST_F(SqliteLedgerTest, EveryReceiptToldBeforeAKillStandsAfterIt) {
  c_.Found(**Open());
  SeededRandom random(9);
  uint64_t told_count = 0;
  for (int kill_number = 0; kill_number < 8; ++kill_number) {
    int ends[2];
    ASSERT_EQ(pipe(ends), 0);
    const pid_t child = fork();
    ASSERT_GE(child, 0);
    if (child == 0) AppendUntilKilled(c_, Options(), ends[1]);
    close(ends[1]);
    std::vector<Told> told(1 + random.Below(60));
    size_t received = 0;
    while (received < told.size() && read(ends[0], &told[received], sizeof(Told)) == sizeof(Told))
      received++;
    kill(child, SIGKILL);
    int status = 0;
    waitpid(child, &status, 0);
    ASSERT_TRUE(WIFSIGNALED(status)) << "the appender ended by itself: " << status;
    close(ends[0]);
    const auto ledger = Open();
    ASSERT_TRUE(ledger.has_value()) << ledger.error().message;
    for (size_t i = 0; i < received; ++i) {
      ASSERT_LT(told[i].index, (*ledger)->Head().head.size);
      EXPECT_EQ((*ledger)->Leaf(told[i].index), told[i].leaf);
    }
    told_count += received;
  }
  EXPECT_GT(told_count, 8u);
  EXPECT_TRUE(VerifyAll(**Open(), c_.log_key, c_.verifier, 1).has_value());
}

TEST_F(SqliteLedgerTest, ACopyReadsBesideTheRunningLedger) {
  EXPECT_EQ(OpenLogCopy(folder_.path(), c_.verifier).error().code, ErrorCode::kNotFound);
  const auto ledger = *Open();
  c_.Found(*ledger);
  const auto copy = OpenLogCopy(folder_.path(), c_.verifier);
  ASSERT_TRUE(copy.has_value()) << copy.error().message;
  EXPECT_EQ((*copy)->Head().note, ledger->Head().note);
  EXPECT_EQ((*copy)->log_key(), c_.log_key);
  ASSERT_TRUE(Evaluate(*ledger, 1).has_value());
  EXPECT_EQ((*copy)->Head().head.size, 5u) << "a copy is what was there when it was opened";
  EXPECT_TRUE(VerifyAll(**copy, c_.log_key, c_.verifier, 2).has_value());
}

}  // namespace
}  // namespace dure::ledger
