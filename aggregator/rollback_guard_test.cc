// A log that lost its end is not written to; one that is whole is, once members have said so.
#include "aggregator/rollback_guard.h"

#include <gtest/gtest.h>
#include <sqlite3.h>

#include "federation/identity/testing.h"
#include "policy/standing/testing.h"

namespace dure::aggregator {
namespace {

using standing::testing::SignerOf;
using standing::testing::World;

ledger::CosignerAnnounced Announcement(const std::string& site, uint8_t seed) {
  ledger::CosignerAnnounced event;
  event.site = *SiteId::Parse(site);
  event.vkey = ledger::CosignerKey{site + "/auditor", SignerOf(seed)->Key()}.Vkey();
  return event;
}

struct Guarded {
  World world;
  std::vector<std::string> said;
  RollbackGuard guard;

  explicit Guarded(bool alone = false)
      : guard(alone, [this](const std::string& line) { said.push_back(line); }) {
    world.Found();
    world.Say("kt-site", Announcement("kt-site", 50));
    world.Say("etri-site", Announcement("etri-site", 51));
  }
  SiteId Site(const std::string& name) const { return *SiteId::Parse(name); }
};

TEST(RollbackGuard, AnEmptyLogIsOpen) {
  World world;
  RollbackGuard guard(false, [](const std::string&) {});
  guard.Watch(world.log());
  EXPECT_TRUE(guard.MayAppend());
}

// A backup from before the first cosigner looks like this too.
TEST(RollbackGuard, OfALogThatNobodyCosignsTheFirstHeadOpensItOrTheTime) {
  World world;
  world.Found();
  const auto say = [](const std::string&) {};
  RollbackGuard heard(false, say), waited(false, say), restored(false, say);
  for (RollbackGuard* guard : {&heard, &waited, &restored}) {
    guard->Watch(world.log());
    EXPECT_EQ(guard->MayAppend().error().code, ErrorCode::kUnavailable);
  }
  EXPECT_TRUE(heard.Hear(*SiteId::Parse("kt-site"), world.log().Head().note));
  EXPECT_TRUE(heard.MayAppend());
  waited.WaitedLongEnough();
  EXPECT_TRUE(waited.MayAppend());
  Guarded later;
  const std::string longer = later.world.log().Head().note;
  EXPECT_FALSE(restored.Hear(*SiteId::Parse("kt-site"), longer));
  restored.WaitedLongEnough();
  EXPECT_EQ(restored.MayAppend().error().code, ErrorCode::kCorrupt);
}

// Two of three agree, and the third holds what they have not seen: it is given the time to come.
TEST(RollbackGuard, AMajorityOpensItOnlyAfterTheOthersHadTheTimeToCome) {
  for (const bool comes : {false, true}) {
    Guarded g, before;
    for (Guarded* one : {&g, &before}) {
      for (const auto& [member, seed] : {std::pair("skt", 60), std::pair("lgu", 70)}) {
        one->world.Enrol(member, ledger::House::kPrivate, static_cast<uint8_t>(seed));
        const std::string site = std::string(member) + "-site";
        one->world.Say(site, Announcement(site, static_cast<uint8_t>(seed + 5)));
      }
    }
    before.world.Propose("first", "statistics");
    g.guard.Watch(g.world.log());
    for (const char* site : {"kt-site", "skt-site", "etri-site"})
      EXPECT_TRUE(g.guard.Hear(g.Site(site), g.world.log().Head().note));
    EXPECT_EQ(g.guard.MayAppend().error().code, ErrorCode::kUnavailable);
    const std::string longer = before.world.log().Head().note;
    EXPECT_TRUE(!comes || !g.guard.Hear(g.Site("lgu-site"), longer));
    g.guard.WaitedLongEnough();
    EXPECT_EQ(static_cast<bool>(g.guard.MayAppend()), !comes);
  }
}

TEST(RollbackGuard, TheTimeAloneOpensNoLogThatMembersCosign) {
  Guarded g;
  g.guard.Watch(g.world.log());
  g.guard.WaitedLongEnough();
  EXPECT_EQ(g.guard.MayAppend().error().code, ErrorCode::kUnavailable);
  EXPECT_TRUE(g.guard.Hear(g.Site("kt-site"), g.world.log().Head().note));
  EXPECT_FALSE(g.guard.MayAppend()) << "the other house";
}

TEST(RollbackGuard, OpensWhenEveryHouseHasShownAHeadThatTheLogContains) {
  Guarded g;
  g.guard.Watch(g.world.log());
  bool opened = false;
  g.guard.OnOpen([&] { opened = true; });
  const std::string note = g.world.log().Head().note;
  EXPECT_EQ(g.guard.MayAppend().error().code, ErrorCode::kUnavailable);
  EXPECT_TRUE(g.guard.Hear(g.Site("kt-site"), note));
  EXPECT_EQ(g.guard.MayAppend().error().code, ErrorCode::kUnavailable) << "the other house";
  EXPECT_FALSE(opened);
  EXPECT_TRUE(g.guard.Hear(g.Site("etri-site"), note));
  EXPECT_TRUE(g.guard.MayAppend());
  EXPECT_TRUE(opened);
}

TEST(RollbackGuard, DoesNotWaitForASiteWhoseAccessIsEnded) {
  Guarded g;
  g.guard.Watch(g.world.log());
  bool opened = false;
  g.guard.OnOpen([&] { opened = true; });
  g.guard.Excuse(g.Site("kt-site"));
  EXPECT_FALSE(g.guard.MayAppend()) << "the other house has shown nothing yet";
  EXPECT_TRUE(g.guard.Hear(g.Site("etri-site"), g.world.log().Head().note));
  EXPECT_TRUE(g.guard.MayAppend());
  EXPECT_TRUE(opened);

  Guarded none;
  none.guard.Watch(none.world.log());
  none.guard.Excuse(none.Site("kt-site"));
  none.guard.Excuse(none.Site("etri-site"));
  EXPECT_TRUE(none.guard.MayAppend()) << "nobody is left to compare with";
}

TEST(RollbackGuard, ASiteWhoseAccessIsEndedDoesNotSpeakForItsHouse) {
  Guarded g;
  for (const auto& [member, seed] : {std::pair("skt", 60), std::pair("lgu", 70)}) {
    g.world.Enrol(member, ledger::House::kPrivate, static_cast<uint8_t>(seed));
    const std::string site = std::string(member) + "-site";
    g.world.Say(site, Announcement(site, static_cast<uint8_t>(seed + 5)));
  }
  g.guard.Watch(g.world.log());
  const std::string note = g.world.log().Head().note;
  g.guard.Excuse(g.Site("kt-site"));
  EXPECT_TRUE(g.guard.Hear(g.Site("etri-site"), note));
  EXPECT_TRUE(g.guard.Hear(g.Site("skt-site"), note));
  EXPECT_FALSE(g.guard.MayAppend()) << "one of the two that are left";
  EXPECT_TRUE(g.guard.Hear(g.Site("lgu-site"), note));
  EXPECT_TRUE(g.guard.MayAppend());
}

// It was healed from a copy that had followed to other sizes than this member.
TEST(RollbackGuard, AHeadIsOfThisLogByItsEntriesAndNotByTheHeadsThatAreKept) {
  const identity::TemporaryFolder folder;
  World world(folder.str());
  world.Found();
  world.Say("kt-site", Announcement("kt-site", 50));
  const std::string held = world.log().Head().note;
  world.Say("etri-site", Announcement("etri-site", 51));
  sqlite3* book = nullptr;
  ASSERT_EQ(sqlite3_open((folder / "ledger.db").c_str(), &book), SQLITE_OK);
  const char* const forget =
      "DROP TRIGGER head_stays; DELETE FROM tree_head WHERE size < (SELECT size FROM tree)";
  EXPECT_EQ(sqlite3_exec(book, forget, nullptr, nullptr, nullptr), SQLITE_OK);
  EXPECT_GT(sqlite3_changes(book), 0);
  sqlite3_close(book);
  RollbackGuard guard(false, [](const std::string&) {});
  guard.Watch(world.log());
  EXPECT_TRUE(guard.Hear(*SiteId::Parse("kt-site"), held));
  EXPECT_TRUE(guard.Hear(*SiteId::Parse("etri-site"), world.log().Head().note));
  EXPECT_TRUE(guard.MayAppend());
}

TEST(RollbackGuard, AMemberThatHoldsMoreClosesItForGood) {
  for (const bool alone : {false, true}) {
    Guarded restored(alone);
    Guarded before;  // the same entries, and one more
    before.world.Propose("first", "statistics");
    restored.guard.Watch(restored.world.log());
    const std::string longer = before.world.log().Head().note;
    const Status heard = restored.guard.Hear(restored.Site("kt-site"), longer);
    ASSERT_FALSE(heard);
    EXPECT_EQ(heard.error().code, ErrorCode::kCorrupt);
    EXPECT_NE(heard.error().message.find("dure ledger heal"), std::string::npos);
    const std::string own = restored.world.log().Head().note;
    (void)restored.guard.Hear(restored.Site("etri-site"), own);
    EXPECT_EQ(restored.guard.MayAppend().error().code, ErrorCode::kCorrupt);
    EXPECT_FALSE(restored.said.empty());
  }
}

TEST(RollbackGuard, AMemberWithAnotherLogOfThisKeyClosesItToo) {
  Guarded g;
  World other;
  other.Found();
  other.SetTime("2026-10-01T10:00:00Z");
  other.Propose("first", "statistics");
  g.guard.Watch(g.world.log());
  EXPECT_EQ(g.guard.Hear(g.Site("kt-site"), other.log().Head().note).error().code,
            ErrorCode::kCorrupt);
}

TEST(RollbackGuard, WhatIsNoHeadOfThisLogChangesNothing) {
  Guarded g;
  g.guard.Watch(g.world.log());
  EXPECT_FALSE(g.guard.Hear(g.Site("kt-site"), "nonsense"));
  EXPECT_EQ(g.guard.MayAppend().error().code, ErrorCode::kUnavailable);
}

}  // namespace
}  // namespace dure::aggregator
