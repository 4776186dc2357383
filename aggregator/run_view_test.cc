#include "aggregator/run_view.h"

#include <gmock/gmock.h>

#include <nlohmann/json.hpp>

#include "federation/round/testing.h"

namespace dure::aggregator {
namespace {

using nlohmann::json;
using round::NoticeKind;
using round::RunPhase;
using round::TestSite;

constexpr MonoTime kBegin{std::chrono::seconds(1000)};

MonoTime After(int seconds) { return kBegin + std::chrono::seconds(seconds); }

// Remembers what it was sent; `open` false is a watcher that has gone.
class Listener final : public transport::Watcher {
 public:
  bool Send(std::string line) override {
    if (open) lines.push_back(json::parse(line));
    return open;
  }
  void Close(Status) override { closed = true; }

  std::vector<json> lines;
  bool open = true;
  bool closed = false;
};

class RunViewTest : public testing::Test {
 protected:
  json Line(int seconds, size_t closed_from = 0) const {
    return json::parse(view_.Line(After(seconds), closed_from));
  }
  round::Notice Of(NoticeKind kind) const {
    round::Notice notice;
    notice.kind = kind;
    notice.at.run = *RunId::Parse("run");
    return notice;
  }
  void Phase(RunPhase phase, int seconds) {
    round::Notice notice = Of(NoticeKind::kPhase);
    notice.phase = phase;
    view_.Take(notice, After(seconds));
  }
  void SiteIs(const char* site, round::SitePhase phase, uint64_t step, double loss, int seconds) {
    round::Notice notice = Of(NoticeKind::kStatus);
    notice.site = TestSite(site);
    notice.status.emplace();
    notice.status->phase = phase;
    notice.status->step = step;
    notice.status->steps = 10;
    notice.status->loss = loss;
    view_.Take(notice, After(seconds));
  }
  void End(int seconds) { view_.Take(Of(NoticeKind::kEnded), After(seconds)); }

  RunView view_{round::TestManifest(), kBegin};
};

TEST_F(RunViewTest, ARefusedSiteShowsWhyUntilTheNextAttempt) {
  round::Notice refused = Of(NoticeKind::kRefused);
  refused.site = TestSite("kt");
  refused.text = "no-terms: dure why 57";
  view_.Take(refused, After(1));
  round::Notice status = Of(NoticeKind::kStatus);
  status.site = refused.site;
  status.status.emplace();
  status.status->at = refused.at;
  status.status->phase = round::SitePhase::kReady;
  view_.Take(status, After(2));
  EXPECT_EQ(Line(2)["sites"][0]["state"], "refused");
  EXPECT_EQ(Line(2)["sites"][0]["note"], "no-terms: dure why 57");
  ++status.status->at.attempt;
  view_.Take(status, After(3));
  EXPECT_EQ(Line(3)["sites"][0]["state"], "ready");
  EXPECT_EQ(Line(3)["sites"][0]["note"], "");
}

TEST_F(RunViewTest, OnlyWhoWasLostReturns) {
  round::Notice returned = Of(NoticeKind::kReturned);
  returned.site = TestSite("kt");
  view_.Take(returned, After(1));
  EXPECT_EQ(Line(1)["sites"][0]["state"], "waiting");
  round::Notice lost = Of(NoticeKind::kLost);
  lost.site = returned.site;
  view_.Take(lost, After(2));
  view_.Take(returned, After(3));
  EXPECT_EQ(Line(3)["sites"][0]["state"], "returned");
}

TEST_F(RunViewTest, ANewRunHasNoSitesAndNoTimeLeft) {
  const json line = Line(3);
  EXPECT_EQ(line["kind"], "progress");
  EXPECT_EQ(line["run"], "run");
  EXPECT_EQ(line["rounds"], 2);
  EXPECT_EQ(line["elapsed_seconds"], 3.0);
  EXPECT_TRUE(line["sites"].empty());
  EXPECT_FALSE(line.contains("remaining_seconds"));
  EXPECT_FALSE(line.contains("ended"));
}

TEST_F(RunViewTest, ASiteIsShownWithItsStateAndItsLossOnlyOnceItHasOne) {
  SiteIs("kt", round::SitePhase::kTraining, 0, 0, 1);
  EXPECT_FALSE(Line(1)["sites"][0].contains("loss"));
  SiteIs("kt", round::SitePhase::kTraining, 4, 2.5, 2);
  const json site = Line(2)["sites"][0];
  EXPECT_EQ(site["site"], "kt");
  EXPECT_EQ(site["step"], 4);
  EXPECT_EQ(site["loss"], 2.5);
}

TEST_F(RunViewTest, AClosedRoundSaysWhereItsTimeWent) {
  Phase(RunPhase::kCollecting, 10);
  SiteIs("kt", round::SitePhase::kTraining, 10, 2, 12);
  SiteIs("kt", round::SitePhase::kUploading, 10, 2, 30);
  Phase(RunPhase::kMerging, 34);
  view_.Take(Of(NoticeKind::kClosed), After(35));
  const json round = Line(35)["closed"].at(0);
  EXPECT_EQ(round["round"], 1);
  EXPECT_EQ(round["wait"], 10.0);
  EXPECT_EQ(round["train"], 20.0);
  EXPECT_EQ(round["upload"], 4.0);
  EXPECT_EQ(round["merge"], 1.0);
  EXPECT_EQ(round["loss"], 2.0);
  EXPECT_EQ(Line(35)["remaining_seconds"], 35.0);
  EXPECT_TRUE(Line(35, 1)["closed"].empty());
}

// What was before the restart is not known: it is neither counted since the machine's start, nor
// are rounds that closed before it still to come.
TEST_F(RunViewTest, ARoundTakenUpAfterARestartIsTimedFromThere) {
  for (const RunPhase resumed : {RunPhase::kCollecting, RunPhase::kMerging, RunPhase::kClosing}) {
    RunView view(round::TestManifest(), kBegin);
    round::Notice notice = Of(NoticeKind::kPhase);
    notice.at.round = RoundNumber{1};
    notice.phase = resumed;
    view.Take(notice, After(2));
    notice.kind = NoticeKind::kClosed;
    view.Take(notice, After(5));
    const json line = json::parse(view.Line(After(5), 0));
    double total = 0;
    for (const char* part : {"train", "upload", "merge", "wait"}) {
      total += line["closed"].at(0)[part].get<double>();
    }
    EXPECT_LE(total, 5.0) << Name(resumed);
    EXPECT_EQ(line["remaining_seconds"], 0.0) << "the last of two rounds has closed";
  }
}

TEST_F(RunViewTest, AnEndWithoutAReasonIsComplete) {
  End(5);
  EXPECT_TRUE(view_.ended());
  EXPECT_EQ(Line(5)["ended"], "complete");
}

TEST_F(RunViewTest, AWatcherIsToldAtOnceThenOfChangesAndIsClosedAtTheEnd) {
  const auto listener = std::make_shared<Listener>();
  view_.Watch(listener, After(0));
  ASSERT_EQ(listener->lines.size(), 1u);
  Phase(RunPhase::kGathering, 1);
  view_.Tick(After(1));
  const size_t told = listener->lines.size();
  EXPECT_EQ(told, 2u);
  view_.Tick(After(2));
  EXPECT_EQ(listener->lines.size(), told) << "nothing has changed";
  End(3);
  view_.Tick(After(3));
  EXPECT_TRUE(listener->closed);
  EXPECT_EQ(listener->lines.back()["ended"], "complete");
}

TEST_F(RunViewTest, AGatheringSaysWhomItWaitsForAndHowLongAlready) {
  const auto listener = std::make_shared<Listener>();
  view_.Watch(listener, After(0));
  round::SiteWait wait{TestSite("kt"), round::WaitCause::kNotConnected, {}, After(10)};
  view_.WaitFor(round::Gathering{2, 3, {wait}});
  view_.Tick(After(20));
  const json waiting = listener->lines.back()["waiting"];
  EXPECT_EQ(waiting["ready"], 2);
  EXPECT_EQ(waiting["needed"], 3);
  EXPECT_EQ(waiting["missing"][0]["site"], "kt");
  EXPECT_EQ(waiting["missing"][0]["cause"], "not-connected");
  EXPECT_EQ(waiting["missing"][0]["seconds"], 10);
  view_.Tick(After(26));
  EXPECT_EQ(listener->lines.back()["waiting"]["missing"][0]["seconds"], 16);
  view_.WaitFor(std::nullopt);
  view_.Tick(After(27));
  EXPECT_FALSE(listener->lines.back().contains("waiting"));
}

TEST_F(RunViewTest, AWatcherThatHasGoneIsForgotten) {
  const auto listener = std::make_shared<Listener>();
  view_.Watch(listener, After(0));
  listener->open = false;
  Phase(RunPhase::kGathering, 1);
  view_.Tick(After(1));
  EXPECT_EQ(listener.use_count(), 1);
}

TEST_F(RunViewTest, ATextThatIsNotUtf8IsShownAndNotThrown) {
  round::Notice notice = Of(NoticeKind::kDeclined);
  notice.site = TestSite("kt");
  notice.text = "\xff\xfe";
  view_.Take(notice, After(1));
  EXPECT_EQ(Line(1)["sites"][0]["state"], "declined");
}

TEST_F(RunViewTest, ALineOfARunOfManyRoundsIsBounded) {
  for (int round = 0; round < 5000; ++round) {
    round::Notice closed = Of(NoticeKind::kClosed);
    closed.at.round.value = static_cast<uint64_t>(round);
    view_.Take(closed, After(round));
  }
  const std::string line = view_.Line(After(5000), 0);
  EXPECT_LT(line.size(), size_t{512} * 1024) << "what a watcher may be sent (call_services.h)";
  const json closed = json::parse(line)["closed"];
  ASSERT_EQ(closed.size(), kClosedInALineMax);
  EXPECT_EQ(closed.back()["round"], 5000);
  EXPECT_EQ(Line(5000, 4999)["closed"].size(), 1u);
}

}  // namespace
}  // namespace dure::aggregator
