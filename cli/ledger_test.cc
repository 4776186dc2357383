#include <gmock/gmock.h>

#include <array>
#include <fstream>
#include <sstream>

#include "cli/testing.h"
#include "policy/ledger/sqlite_ledger.h"
#include "policy/ledger/testing.h"

namespace dure::cli {
namespace {

using ::testing::HasSubstr;

class LedgerVerbs : public ::testing::Test {
 protected:
  LedgerVerbs() {
    std::filesystem::create_directory(dir() + "/ledger");
    const auto opened = ledger::OpenSqliteLedger({.dir = dir() + "/ledger",
                                                  .log_key = c_.log_key,
                                                  .log_signer = c_.log_signer.get(),
                                                  .verifier = &c_.verifier});
    c_.Found(**opened);
    EXPECT_TRUE((*opened)->Append(c_.BySite(**opened, c_.Submitted(0)), "").has_value());
  }
  const std::string& dir() const { return folder_.path(); }
  std::string vkey() const { return c_.log_key.Vkey(); }

  const ledger::testing::Consortium c_;
  const ledger::testing::TemporaryFolder folder_;
};

TEST_F(LedgerVerbs, TellWhoContributedWhatAndWhen) {
  const Outcome all = RunLine({"ledger", "show", "--dir", dir()});
  EXPECT_EQ(all.code, 0) << all.err;
  EXPECT_THAT(all.out, HasSubstr("admitted hospital-a-1 of hospital-a as site"));
  EXPECT_THAT(
      all.out,
      HasSubstr("1970-01-01 00:00:00  hospital-a: hospital-a-1 contributed to run-1 round 0: "
                "weight 1000, 5000 tokens, 8 steps"));
  const Outcome one =
      RunLine({"ledger", "show", "--dir", dir(), "--type", "contribution-submitted", "--json"});
  EXPECT_THAT(one.out, ::testing::StartsWith("{\"actor\":"));
  EXPECT_THAT(one.out, HasSubstr("\"index\":5"));
  EXPECT_EQ(std::count(one.out.begin(), one.out.end(), '\n'), 1);
  EXPECT_THAT(RunLine({"ledger", "show", "--dir", dir(), "--run", "run-2"}).err,
              HasSubstr("knows no run \"run-2\"; there are: run-1\n"));
  const Outcome slip = RunLine({"ledger", "show", "--dir", dir(), "--site", "hospital-b"});
  EXPECT_EQ(slip.code, 1);
  EXPECT_THAT(slip.err, HasSubstr("knows no site \"hospital-b\"; there are: hospital-a-1"));
  EXPECT_THAT(RunLine({"ledger", "show", "--dir", dir(), "--site", "hospital-b", "--from", "5",
                       "--lang", "ko"})
                  .err,
              HasSubstr("기록에 \"hospital-b\"(이)라는 사이트가 없습니다. 있는 것: hospital-a-1"));
  EXPECT_THAT(
      RunLine({"ledger", "show", "--dir", dir(), "--run", "run-1", "--type", "grant-decided"}).err,
      HasSubstr("0 of 6 entries"));
}

TEST_F(LedgerVerbs, ShowTheHeadAndVerifyTheWhole) {
  EXPECT_THAT(RunLine({"ledger", "head", "--dir", dir()}).out, HasSubstr("entries  6\n"));
  const Outcome verified = RunLine({"ledger", "verify", "--dir", dir(), "--vkey", vkey()});
  // Nothing in it was altered; but nobody approved what it says was begun.
  EXPECT_EQ(verified.code, 3);
  EXPECT_THAT(verified.err, HasSubstr("entry 4 (round-opened) does not hold"));
  EXPECT_THAT(verified.out, HasSubstr("The record is intact: 6 entries"));
  EXPECT_THAT(verified.out, HasSubstr("7 signatures"));
  EXPECT_THAT(RunLine({"ledger", "verify", "--dir", dir(), "--json"}).out,
              HasSubstr("\"signatures_checked\":7"));
  const std::string other = ledger::NoteKey::Make(c_.log_key.name, c_.site.key)->Vkey();
  const Outcome of_another = RunLine({"ledger", "verify", "--dir", dir(), "--vkey", other});
  EXPECT_EQ(of_another.code, 3);
  EXPECT_THAT(of_another.err, HasSubstr("is of another log than --vkey names: it is of " + vkey()));
  EXPECT_EQ(RunLine({"ledger", "verify", "--dir", dir() + "/nothing"}).code, 1);
}

TEST_F(LedgerVerbs, ProveAnEntryToSomebodyElse) {
  const std::string base = dir() + "/mine";
  const Outcome proved = RunLine({"ledger", "prove", "5", "--dir", dir(), "--out", base});
  EXPECT_EQ(proved.code, 0) << proved.err;
  EXPECT_THAT(RunLine({"ledger", "prove", "5", "--dir", dir(), "--out", base, "--lang", "ko"}).out,
              HasSubstr("누구나 다음 명령으로 확인할 수 있습니다"));
  const std::vector<std::string> check = {
      "ledger",  "check",        "--receipt", base + ".tlog-proof",
      "--entry", base + ".json", "--vkey",    vkey()};
  const Outcome checked = RunLine(check);
  EXPECT_EQ(checked.code, 0) << checked.err;
  EXPECT_THAT(checked.out, HasSubstr("hospital-a-1 contributed"));
  std::ofstream(base + ".json", std::ios::app) << " ";
  EXPECT_EQ(RunLine(check).code, 3);
  EXPECT_EQ(RunLine({"ledger", "prove", "6", "--dir", dir(), "--out", base}).code, 1);
}

TEST_F(LedgerVerbs, ExportTheRecordAndCheckTheFilesAlone) {
  const std::string tiles = dir() + "/tiles";
  EXPECT_EQ(RunLine({"ledger", "export", "--dir", dir(), "--out", tiles}).code, 0);
  for (const auto& key : {std::array<std::string, 2>{"--vkey", vkey()}, {"--dir", dir()}}) {
    const Outcome whole = RunLine({"ledger", "fsck", "--tiles", tiles, key[0], key[1]});
    EXPECT_THAT(whole.out, HasSubstr("The record is intact: 6 entries"));
    // As verify says of the same record.
    EXPECT_EQ(whole.code, 3);
    EXPECT_THAT(whole.err, HasSubstr("entry 4 (round-opened) does not hold"));
  }
  std::ofstream(tiles + "/tile/0/000.p/6", std::ios::app) << "x";
  const Outcome damaged = RunLine({"ledger", "fsck", "--tiles", tiles, "--vkey", vkey()});
  EXPECT_EQ(damaged.code, 3);
  EXPECT_THAT(damaged.err, HasSubstr("tile/0/000.p/6"));
}

}  // namespace
}  // namespace dure::cli
