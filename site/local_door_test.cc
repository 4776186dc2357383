#include "site/local_door.h"

#include <gmock/gmock.h>

#include <fstream>
#include <nlohmann/json.hpp>

#include "federation/identity/testing.h"
#include "federation/journal/journal.h"
#include "federation/round/testing.h"

namespace dure::site {
namespace {

using identity::Must;
using identity::TemporaryFolder;
using nlohmann::json;
using round::SitePhase;
using testing::HasSubstr;

LocalRequest Wish(LocalVerb verb) { return {verb, round::TestManifest().run}; }

TEST(LocalRequest, ReadsWhatItWrites) {
  for (const LocalVerb verb : {LocalVerb::kStatus, LocalVerb::kLeave, LocalVerb::kJoin,
                               LocalVerb::kResync, LocalVerb::kAccounts}) {
    const auto read = ParseLocalRequest(LineOf(Wish(verb)));
    ASSERT_TRUE(read) << Name(verb);
    EXPECT_EQ(read->verb, verb);
  }
}

TEST(LocalRequest, RefusesWhatIsNone) {
  for (const char* line : {"", "[]", "{}", R"({"verb":7})", R"({"verb":"dance","run":"r"})",
                           R"({"verb":"leave"})", R"({"verb":"leave","run":"../r"})"}) {
    EXPECT_EQ(ParseLocalRequest(line).error().code, ErrorCode::kInvalid) << line;
  }
  EXPECT_FALSE(ParseLocalRequest(std::string(kLocalRequestBytesMax + 1, ' ')));
}

TEST(LocalRequest, MeansWhatThePhaseAllows) {
  EXPECT_TRUE(Must(EventFor(LocalVerb::kLeave, SitePhase::kTraining)));
  EXPECT_FALSE(Must(EventFor(LocalVerb::kLeave, SitePhase::kLeft)));
  EXPECT_TRUE(Must(EventFor(LocalVerb::kJoin, SitePhase::kLeft)));
  EXPECT_FALSE(Must(EventFor(LocalVerb::kJoin, SitePhase::kTraining)));
  EXPECT_TRUE(Must(EventFor(LocalVerb::kResync, SitePhase::kDissent)));
  EXPECT_EQ(EventFor(LocalVerb::kResync, SitePhase::kIdle).error().code,
            ErrorCode::kFailedPrecondition);
  EXPECT_THAT(EventFor(LocalVerb::kJoin, SitePhase::kDissent).error().message,
              HasSubstr("dure site resync"));
  EXPECT_FALSE(EventFor(LocalVerb::kLeave, SitePhase::kEnded));
}

class LocalDoorTest : public testing::Test {
 protected:
  std::unique_ptr<LocalDoor> Open(LocalDoor::Answer answer) {
    return Must(LocalDoor::Open(folder_.str(), std::move(answer)));
  }
  // A site that has taken part in the run, as its daemon leaves it behind.
  void Left(bool left) {
    round::Participation site(round::TestSite("a"), round::TestManifest().run);
    if (left) site.Handle(MonoTime(), round::LeaveRequested{});
    const auto journal = Must(journal::Journal::Open(folder_.str() + "/site.db"));
    Must(journal->Apply(journal::Change().Put("run/run/state", site.Save())));
  }
  std::string Asked() {
    const auto journal = Must(journal::Journal::Open(folder_.str() + "/site.db"));
    const auto asked = Must(journal->Get(AskedKey(round::TestManifest().run)));
    return asked ? std::string(AsText(*asked)) : "";
  }
  TemporaryFolder folder_;
};

TEST_F(LocalDoorTest, CarriesTheRequestAndItsAnswer) {
  const auto door = Open([](const LocalRequest& request) -> Result<std::string> {
    return json({{"run", request.run.str()}, {"phase", "left"}}).dump();
  });
  const auto answer = AskSite(folder_.str(), Wish(LocalVerb::kLeave));
  ASSERT_TRUE(answer) << answer.error().message;
  EXPECT_EQ(json::parse(*answer)["phase"], "left");
}

TEST_F(LocalDoorTest, CarriesARefusalWithItsCode) {
  const auto door = Open([](const LocalRequest&) -> Result<std::string> {
    return Fail(ErrorCode::kFailedPrecondition, "not now");
  });
  const auto answer = AskSite(folder_.str(), Wish(LocalVerb::kResync));
  ASSERT_FALSE(answer);
  EXPECT_EQ(answer.error().code, ErrorCode::kFailedPrecondition);
  EXPECT_EQ(answer.error().message, "not now");
}

TEST_F(LocalDoorTest, OpensWhereAnEarlierProcessDied) {
  std::ofstream(folder_.str() + "/site.sock") << "left behind";
  const auto door =
      Open([](const LocalRequest&) -> Result<std::string> { return std::string("{}"); });
  EXPECT_EQ(Must(AskSite(folder_.str(), Wish(LocalVerb::kStatus))), "{}");
}

TEST_F(LocalDoorTest, WithoutADaemonTheWishWaitsInTheJournal) {
  Left(false);
  const json answer = json::parse(Must(AskSite(folder_.str(), Wish(LocalVerb::kLeave))));
  EXPECT_EQ(answer["running"], false);
  EXPECT_EQ(Asked(), "leave");
  const json status = json::parse(Must(AskSite(folder_.str(), Wish(LocalVerb::kStatus))));
  EXPECT_EQ(status["runs"][0]["asked"], "leave");
  // Taken back before any daemon saw it.
  Must(AskSite(folder_.str(), Wish(LocalVerb::kJoin)));
  EXPECT_EQ(Asked(), "");
}

TEST_F(LocalDoorTest, WithoutADaemonASenselessWishIsRefusedAtOnce) {
  Left(true);
  EXPECT_EQ(AskSite(folder_.str(), Wish(LocalVerb::kResync)).error().code,
            ErrorCode::kFailedPrecondition);
  Must(AskSite(folder_.str(), Wish(LocalVerb::kJoin)));
  EXPECT_EQ(Asked(), "join");
  Must(AskSite(folder_.str(), Wish(LocalVerb::kLeave)));
  EXPECT_EQ(Asked(), "") << "it has left already";
}

TEST_F(LocalDoorTest, AFolderOfNobodySaysSo) {
  EXPECT_EQ(AskSite(folder_.str(), Wish(LocalVerb::kLeave)).error().code, ErrorCode::kNotFound);
  EXPECT_EQ(AskSite(folder_.str() + "/none", Wish(LocalVerb::kStatus)).error().code,
            ErrorCode::kNotFound);
}

}  // namespace
}  // namespace dure::site
