// A byte of the record's file is changed behind the log's back: it is named, and mended from
// another copy or not at all.
#include <gmock/gmock.h>
#include <sqlite3.h>

#include <filesystem>
#include <fstream>

#include "policy/ledger/scrubbing.h"
#include "policy/ledger/sqlite_ledger.h"
#include "policy/ledger/testing.h"

namespace dure::ledger {
namespace {

namespace fs = std::filesystem;
using testing::Consortium;
using ::testing::Contains;
using testing::DigestOf;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using testing::SignerOf;
using testing::TemporaryFolder;

constexpr uint64_t kEntries = 14;

std::vector<std::string> Texts(const std::vector<Damage>& damages) {
  std::vector<std::string> texts;
  for (const Damage& damage : damages) texts.push_back(damage.text);
  return texts;
}

Bytes ReadAll(const std::string& path) {
  std::ifstream in(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(in), {}};
}
void WriteAll(const std::string& path, const Bytes& bytes) {
  std::ofstream(path, std::ios::binary | std::ios::trunc) << AsText(bytes);
}

// Every value of every table, and every definition, or what SQLite says instead.
std::string Dump(const std::string& dir) {
  sqlite3* db = nullptr;
  std::string out;
  sqlite3_open((dir + "/ledger.db").c_str(), &db);
  for (const char* sql :
       {"SELECT idx,type,quote(actor),actor_seq,quote(leaf_hash),quote(bytes),typeof(bytes),"
        "typeof(type),typeof(actor) FROM entry ORDER BY idx",
        "SELECT key,typeof(key),idx,quote(sum) FROM entry_name ORDER BY key",
        "SELECT size,note,typeof(note) FROM tree_head ORDER BY size",
        "SELECT size,cosigner,line,typeof(line) FROM cosignature ORDER BY size,cosigner",
        "SELECT id,size FROM tree", "SELECT type,name,sql FROM sqlite_master ORDER BY name"}) {
    const auto row = [](void* to, int count, char** values, char**) {
      for (int i = 0; i < count; ++i) {
        static_cast<std::string*>(to)
            ->append(values[i] == nullptr ? "NULL" : values[i])
            .append("|");
      }
      return 0;
    };
    char* error = nullptr;
    if (sqlite3_exec(db, sql, row, &out, &error) != SQLITE_OK) out += error;
    sqlite3_free(error);
  }
  sqlite3_close(db);
  return out;
}

class ScrubTest : public ::testing::Test {
 protected:
  ScrubTest() {
    auto ledger = Open();
    c_.Found(*ledger);
    Add(*ledger, c_.ByAggregator(*ledger, MemberDescribed{c_.site.member, House::kPublic, "KR"}));
    Add(*ledger, c_.BySite(*ledger, CosignerAnnounced{c_.site_id, auditor_.Vkey()}));
    while (ledger->Head().head.size < kEntries) {
      const uint64_t n = ledger->Head().head.size;
      Add(*ledger, c_.BySite(*ledger, EvaluationReported{c_.base, c_.site_id, 1, n, n}),
          "evaluation/" + std::to_string(n));
    }
    const TreeHead head = ledger->Head().head;
    EXPECT_TRUE(
        ledger->AddCosignature(head.size, Cosign(head, auditor_, *signer_, WallTime()).Line()));
    MirrorOptions options;
    options.log_key = c_.log_key;
    options.verifier = &c_.verifier;
    mirror_ = *Mirror::Open(std::move(options));
    EXPECT_FALSE(*mirror_->Extend(*MakeExtension(*ledger, 0)));
  }

  std::unique_ptr<Ledger> Open() const {
    SqliteLedgerOptions options;
    options.dir = folder_.path();
    options.log_key = c_.log_key;
    options.log_signer = c_.log_signer.get();
    options.verifier = &c_.verifier;
    auto opened = OpenSqliteLedger(std::move(options));
    EXPECT_TRUE(opened.has_value()) << (opened ? "" : opened.error().message);
    return opened ? std::move(*opened) : nullptr;
  }
  static void Add(Ledger& ledger, Bytes entry, std::string key = "") {
    ASSERT_TRUE(ledger.Append(std::move(entry), std::move(key)).has_value());
  }
  void Sql(const std::string& sql) const {
    sqlite3* db = nullptr;
    ASSERT_EQ(sqlite3_open((folder_.path() + "/ledger.db").c_str(), &db), SQLITE_OK);
    EXPECT_EQ(sqlite3_exec(db, sql.c_str(), nullptr, nullptr, nullptr), SQLITE_OK)
        << sqlite3_errmsg(db);
    sqlite3_close(db);
  }
  // One bit of entry 9's bytes, as a disk would change it.
  void RotEntry() const {
    Sql("DROP TRIGGER entry_keeps; UPDATE entry SET bytes=CAST(substr(bytes,1,500) || x'00' ||"
        " substr(bytes,502) AS BLOB) WHERE idx=9;"
        "CREATE TRIGGER entry_keeps BEFORE UPDATE ON entry"
        "  BEGIN SELECT RAISE(ABORT,'an entry is never changed'); END;");
  }
  Bytes Whole(uint64_t index) const { return mirror_->Read(index, index + 1, 1)->front(); }
  ScrubOptions Hourly(Spares spares = {}) {
    return {folder_.path(), std::chrono::hours(1),
            [this](const std::string& line) { said_.push_back(line); }, std::move(spares)};
  }

  const Consortium c_;
  const TemporaryFolder folder_;
  const std::unique_ptr<Ed25519Signer> signer_ = SignerOf(41);
  const CosignerKey auditor_ = *CosignerKey::Make("hospital-a-1/auditor", signer_->Key());
  std::unique_ptr<Mirror> mirror_;  // a member's copy of all of it
  std::vector<std::string> said_;
  const MonoTime start_{};
  const WallTime wall_{};
};

TEST_F(ScrubTest, AByteThatRotsUnderALiveLogIsNamedAndMendedFromAMembersCopy) {
  const auto ledger = Open();
  const std::string before = Dump(folder_.path());
  Scrubbing scrubbing(*ledger, c_.verifier, Hourly());
  scrubbing.Step(start_, wall_);
  scrubbing.Step(start_ + std::chrono::hours(1), wall_);
  EXPECT_EQ(scrubbing.state().readings, 1u);
  EXPECT_THAT(said_, IsEmpty());
  RotEntry();
  EXPECT_EQ(ledger->Read(9, 10, 1).error().code, ErrorCode::kCorrupt) << "it is given to nobody";
  scrubbing.Step(start_ + std::chrono::hours(1) + std::chrono::minutes(20), wall_);
  EXPECT_TRUE(scrubbing.Whole().has_value()) << "a third of the file has been read";
  scrubbing.Step(start_ + std::chrono::hours(2), wall_);
  ASSERT_FALSE(said_.empty());
  EXPECT_THAT(said_[0], HasSubstr("ROTTED: entry 9 (evaluation-reported)"));
  EXPECT_THAT(said_[0], HasSubstr(folder_.path() + "/ledger.db"));
  EXPECT_EQ(scrubbing.Whole().error().code, ErrorCode::kUnavailable);
  EXPECT_THAT(scrubbing.Wanted(), ElementsAre(9));
  // Only the entry itself fits.
  EXPECT_EQ(scrubbing.Offer(9, Whole(8), "telecom-b-1").error().code, ErrorCode::kInvalid);
  EXPECT_EQ(scrubbing.Offer(8, Whole(8), "telecom-b-1").error().code, ErrorCode::kInvalid);
  ASSERT_TRUE(scrubbing.Offer(9, Whole(9), "telecom-b-1").has_value());
  scrubbing.Step(start_ + std::chrono::hours(2) + std::chrono::seconds(1), wall_);
  EXPECT_THAT(said_.back(), HasSubstr("mended from the copy of telecom-b-1: entry 9"));
  EXPECT_TRUE(scrubbing.Whole().has_value());
  EXPECT_EQ(scrubbing.state().mended, 1u);
  EXPECT_EQ(Dump(folder_.path()), before);
  EXPECT_EQ(ledger->Read(9, 10, 1)->front(), Whole(9));
  Add(*ledger, c_.BySite(*ledger, EvaluationReported{c_.base, c_.site_id, 1, 99, 99}));
}

TEST_F(ScrubTest, HeadsKeysAndCosignaturesThatRottedAreNamedAndMendedOrTakenOut) {
  const auto ledger = Open();
  const std::string before = Dump(folder_.path());
  Spares spares;
  spares.note = [&](uint64_t size) {
    return std::optional(
        SignHead({c_.log_key.name, size, ledger->RootAt(size)}, c_.log_key, *c_.log_signer).note);
  };
  Scrubbing scrubbing(*ledger, c_.verifier, Hourly(spares));
  scrubbing.Step(start_, wall_);
  Sql("DROP TRIGGER head_keeps; UPDATE tree_head SET note=replace(note,'test','tess')"
      " WHERE size=6; UPDATE entry_name SET key='evaluation/1a' WHERE idx=10;");
  scrubbing.Step(start_ + std::chrono::hours(1), wall_);
  EXPECT_THAT(said_, Contains(HasSubstr("ROTTED: the tree head of 6 entries")));
  EXPECT_THAT(said_, Contains(HasSubstr("ROTTED: the key 'evaluation/1a' of entry 10")));
  EXPECT_TRUE(scrubbing.Whole().has_value()) << said_.back();
  EXPECT_EQ(Dump(folder_.path()), before) << "signed again, the key by its sum";
  Sql("UPDATE cosignature SET line=replace(line,'A','B')");
  scrubbing.Step(start_ + std::chrono::hours(2), wall_);
  EXPECT_THAT(said_.back(), HasSubstr("mended: a cosignature of the tree head of 14 entries"));
  EXPECT_THAT(ledger->Cosigned(kEntries)->cosignatures, IsEmpty());
}

TEST_F(ScrubTest, EveryByteOfTheFileIsEitherWithoutMeaningOrFoundAndMended) {
  EXPECT_NE(Open(), nullptr);  // and closed again: everything is in one file
  const std::string path = folder_.path() + "/ledger.db";
  const Bytes good = ReadAll(path);
  const std::string before = Dump(folder_.path());
  size_t found = 0;
  constexpr size_t kStride = 241;  // odd, so that every kind of place is met
  for (size_t at = 0; at < good.size(); at += kStride) {
    Bytes bad = good;
    bad[at] ^= static_cast<uint8_t>(1u << (at % 8));
    WriteAll(path, bad);
    const bool differs = Dump(folder_.path()) != before;
    const auto looked = CheckFolder(folder_.path(), c_.log_key, mirror_.get(), c_.verifier);
    if (differs && looked) {
      EXPECT_FALSE(looked->found.empty()) << "byte " << at;
    }
    const auto mended = MendFolder(folder_.path(), c_.log_key, mirror_.get(), c_.verifier);
    ASSERT_TRUE(mended.has_value()) << "byte " << at << ": " << mended.error().message;
    EXPECT_THAT(Texts(mended->left), IsEmpty()) << "byte " << at;
    found += mended->found.empty() ? 0 : 1;
    for (const char* tail : {"-wal", "-shm"}) fs::remove(path + tail);
    const auto reopened = Open();
    ASSERT_NE(reopened, nullptr) << "byte " << at;
    EXPECT_EQ(reopened->Head().note, mirror_->Head().note) << "byte " << at;
  }
  EXPECT_GT(found, good.size() / kStride / 3);
}

TEST_F(ScrubTest, NothingIsMendedFromACopyThatContradictsOrEndsBefore) {
  RotEntry();
  const std::string path = folder_.path() + "/ledger.db";
  const Bytes rotted = ReadAll(path);
  const auto missing = MendFolder(folder_.path(), c_.log_key, nullptr, c_.verifier);
  EXPECT_EQ(missing.error().code, ErrorCode::kCorrupt);
  EXPECT_THAT(missing.error().message, HasSubstr("entry 9"));
  // Another tree under the same key: a fork, which no scrubber may take from.
  const auto fork = c_.NewMemoryLedger();
  c_.Found(*fork);
  while (fork->Head().head.size < kEntries + 2) {
    const uint64_t n = fork->Head().head.size;
    Add(*fork, c_.BySite(*fork, EvaluationReported{c_.base, c_.site_id, 2, n, n}));
  }
  const auto forked = MendFolder(folder_.path(), c_.log_key, fork.get(), c_.verifier);
  EXPECT_EQ(forked.error().code, ErrorCode::kCorrupt);
  EXPECT_THAT(forked.error().message, HasSubstr("contradicts"));
  EXPECT_EQ(ReadAll(path), rotted);
  const auto whole = MendFolder(folder_.path(), c_.log_key, mirror_.get(), c_.verifier);
  ASSERT_TRUE(whole.has_value()) << whole.error().message;
  EXPECT_THAT(Texts(whole->left), IsEmpty());
  EXPECT_TRUE(fs::exists(path + ".rotted"));
  EXPECT_EQ(Open()->Head().note, mirror_->Head().note);
}

// Whose head over all entries has rotted: an older copy knows nothing of what came after it.
TEST_F(ScrubTest, ALogIsNeverMadeShorterByAnOlderCopyNorMendedFromAnotherLogs) {
  const auto early = c_.NewMemoryLedger();
  c_.Found(*early);
  ASSERT_EQ(early->RootAt(5), mirror_->RootAt(5)) << "a copy of the first entries";
  Sql("DROP TRIGGER head_keeps; UPDATE tree_head SET note=replace(note,'test','tess')"
      " WHERE size=14");
  const auto shortened = MendFolder(folder_.path(), c_.log_key, early.get(), c_.verifier);
  ASSERT_FALSE(shortened.has_value());
  EXPECT_EQ(shortened.error().code, ErrorCode::kCorrupt);
  EXPECT_THAT(shortened.error().message, HasSubstr("Take a copy that holds more"));
  const auto signer = SignerOf(77);
  const NoteKey key = *NoteKey::Make("other.dure/ledger", signer->Key());
  const auto others = MakeMemoryLedger(key, *signer, c_.verifier);
  const auto foreign = MendFolder(folder_.path(), c_.log_key, others.get(), c_.verifier);
  ASSERT_FALSE(foreign.has_value());
  EXPECT_EQ(foreign.error().code, ErrorCode::kInvalid);
  ASSERT_TRUE(MendFolder(folder_.path(), c_.log_key, mirror_.get(), c_.verifier).has_value());
  EXPECT_EQ(Open()->Head().note, mirror_->Head().note);
}

TEST_F(ScrubTest, ALogWhoseEntriesDoNotHashToItsLastHeadIsNotOpened) {
  const std::string other =
      SignHead({c_.log_key.name, kEntries, DigestOf("other")}, c_.log_key, *c_.log_signer).note;
  Sql("DROP TRIGGER head_keeps; UPDATE tree_head SET note='" + other + "' WHERE size=14");
  const auto opened = OpenSqliteLedger({.dir = folder_.path(),
                                        .log_key = c_.log_key,
                                        .log_signer = c_.log_signer.get(),
                                        .verifier = &c_.verifier});
  ASSERT_FALSE(opened.has_value());
  EXPECT_EQ(opened.error().code, ErrorCode::kCorrupt);
  EXPECT_THAT(opened.error().message, HasSubstr("do not hash to the signed root"));
}

// What no chance would do to a file, somebody might: each row is whole, and not what was written.
TEST_F(ScrubTest, WhateverIsNotAsItWasWrittenIsNamed) {
  const std::string path = folder_.path() + "/ledger.db";
  EXPECT_NE(Open(), nullptr);
  const Bytes good = ReadAll(path);
  const std::string other =
      SignHead({c_.log_key.name, 6, DigestOf("other")}, c_.log_key, *c_.log_signer).note;
  const std::pair<std::string, std::string> cases[] = {
      {"DROP TRIGGER entry_keeps; UPDATE entry SET actor_seq=999 WHERE idx=9",
       "entry 9 (evaluation-reported): what its row says of it is not what its bytes say"},
      {"DROP TRIGGER entry_keeps; UPDATE entry SET type='round-closed' WHERE idx=9",
       "entry 9 (round-closed): what its row says of it is not what its bytes say"},
      {"DROP TRIGGER entry_keeps; UPDATE entry SET actor=zeroblob(32) WHERE idx=9",
       "entry 9 (evaluation-reported): what its row says of it is not what its bytes say"},
      {"DROP TRIGGER entry_keeps; UPDATE entry SET leaf_hash=zeroblob(32) WHERE idx=9",
       "entry 9 (evaluation-reported): what its row says of it is not what its bytes say"},
      {"DROP TRIGGER entry_keeps; UPDATE entry SET idx=99 WHERE idx=9;"
       "UPDATE entry SET idx=9 WHERE idx=10; UPDATE entry SET idx=10 WHERE idx=99",
       "entry 9 (evaluation-reported): its bytes are not those that the signed tree head counts"},
      {"DROP TRIGGER entry_stays; DELETE FROM entry WHERE idx=5", "entry 5 is gone"},
      {"DROP TRIGGER entry_stays; DELETE FROM entry WHERE idx=13", "entry 13 is gone"},
      {"DROP TRIGGER head_keeps; UPDATE tree_head SET note='" + other + "' WHERE size=6",
       "the tree head of 6 entries has another root than the entries"},
      {"DROP TRIGGER head_stays; DELETE FROM tree_head WHERE size=14",
       "the tree head of 14 entries is gone"},
      {"UPDATE cosignature SET line=substr(line,1,80)||CASE substr(line,81,1) WHEN 'A' THEN 'B'"
       " ELSE 'A' END||substr(line,82)",
       "a cosignature of the tree head of 14 entries (hospital-a-1/auditor+"},
      {"UPDATE tree SET size=13", "the number of entries is not the one that was written"},
      {"DROP TRIGGER head_stays", "the tables are not defined as they were"}};
  for (const auto& [sql, named] : cases) {
    SCOPED_TRACE(sql);
    for (const char* tail : {"-wal", "-shm"}) fs::remove(path + tail);
    WriteAll(path, good);
    Sql(sql);
    // Beside a copy a head of another root, which the log's key did sign, is a contradiction.
    const bool alone = sql.find("SET note=") != std::string::npos;
    const LogReader* copy = alone ? nullptr : mirror_.get();
    const auto looked = CheckFolder(folder_.path(), c_.log_key, copy, c_.verifier);
    ASSERT_TRUE(looked.has_value()) << looked.error().message;
    EXPECT_THAT(Texts(looked->found), Contains(HasSubstr(named)));
  }
}

// Somebody may have taken the last entry and its head away: of that this file can say nothing.
TEST_F(ScrubTest, ACountBeyondTheLastHeadIsNoShorterLog) {
  EXPECT_NE(Open(), nullptr);
  Sql("UPDATE tree SET size=15");
  const LogReader* const copies[] = {nullptr, mirror_.get()};
  for (const LogReader* copy : copies) {
    const auto looked = CheckFolder(folder_.path(), c_.log_key, copy, c_.verifier);
    ASSERT_FALSE(looked.has_value());
    EXPECT_EQ(looked.error().code, ErrorCode::kCorrupt);
    EXPECT_THAT(looked.error().message, HasSubstr("this file speaks of 15 entries"));
  }
}

TEST_F(ScrubTest, AFileFromBeforeKeysHadSumsIsTakenOver) {
  Sql("CREATE TABLE entry_key(key TEXT PRIMARY KEY, idx INT NOT NULL REFERENCES entry(idx))"
      " STRICT, WITHOUT ROWID; INSERT INTO entry_key SELECT key,idx FROM entry_name;"
      " DROP TABLE entry_name");
  const auto ledger = Open();
  ASSERT_NE(ledger, nullptr);
  EXPECT_EQ(ledger->Find("evaluation/9"), std::optional<uint64_t>(9));
  EXPECT_THAT(Texts(CheckFolder(folder_.path(), c_.log_key, nullptr, c_.verifier)->found),
              IsEmpty());
}

TEST_F(ScrubTest, AFolderInUseIsLookedAtAndNotMended) {
  const auto ledger = Open();
  EXPECT_THAT(CheckFolder(folder_.path(), c_.log_key, nullptr, c_.verifier)->found, IsEmpty());
  EXPECT_EQ(MendFolder(folder_.path(), c_.log_key, nullptr, c_.verifier).error().code,
            ErrorCode::kFailedPrecondition);
}

}  // namespace
}  // namespace dure::ledger
