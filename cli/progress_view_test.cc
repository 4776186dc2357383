#include "cli/progress_view.h"

#include <gmock/gmock.h>

#include <sstream>

#include "cli/columns.h"
#include "cli/run_picture.h"

namespace dure::cli {
namespace {

using testing::HasSubstr;
using testing::Not;

RunProgress Training(uint64_t step, double seconds) {
  RunProgress progress;
  progress.run = "run";
  progress.rounds = 3;
  progress.phase = "collecting";
  progress.elapsed_seconds = seconds;
  SiteProgress site;
  site.site = "kt";
  site.state = "training";
  site.step = step;
  site.steps = 10;
  site.loss = 2.5;
  progress.sites.push_back(site);
  return progress;
}

class PlainView : public testing::Test {
 protected:
  std::string Shown(const RunProgress& progress) {
    out_.str("");
    view_.Show(progress);
    return out_.str();
  }
  std::ostringstream out_;
  ProgressView view_{out_, false};
};

TEST_F(PlainView, SaysWhereTrainingStandsWithoutMovingTheCursor) {
  const std::string text = Shown(Training(4, 12));
  EXPECT_THAT(text, HasSubstr("round 1/3 collecting:"));
  EXPECT_THAT(text, HasSubstr("kt training 4/10 loss 2.500"));
  EXPECT_THAT(text, Not(HasSubstr("\x1b")));
}

TEST_F(PlainView, SaysHowFastASiteIsAndWhatItHasMoved) {
  RunProgress progress = Training(4, 12);
  progress.sites[0].tokens_per_second = 3100;
  progress.sites[0].bytes_up = 1258291;
  progress.sites[0].bytes_down = 3 << 20;
  EXPECT_THAT(Shown(progress),
              HasSubstr("kt training 4/10 loss 2.500 3.1 k/s, 1.2 MiB up, 3.0 MiB down"));
}

TEST_F(PlainView, SaysThatARunIsUnmasked) {
  const auto progress = ParseProgress(
      R"({"kind":"progress","run":"run","rounds":3,"phase":"collecting","masking":"none"})");
  ASSERT_TRUE(progress);
  EXPECT_THAT(Shown(*progress), HasSubstr("unmasked round 1/3"));
  RunProgress masked = Training(4, 12);
  EXPECT_THAT(Shown(masked), Not(HasSubstr("unmasked")));
}

TEST_F(PlainView, IsQuietUntilSomethingChangesOrTimeHasPassed) {
  Shown(Training(4, 12));
  EXPECT_EQ(Shown(Training(5, 13)), "");
  EXPECT_NE(Shown(Training(6, 18)), "");
  RunProgress merging = Training(6, 19);
  merging.phase = "merging";
  EXPECT_THAT(Shown(merging), HasSubstr("merging"));
}

TEST_F(PlainView, SaysASitesNoteOnce) {
  RunProgress progress = Training(4, 12);
  progress.sites[0].note = "the disk is full";
  EXPECT_THAT(Shown(progress), HasSubstr("kt: the disk is full"));
  EXPECT_THAT(Shown(progress), Not(HasSubstr("the disk is full")));
}

TEST_F(PlainView, SaysWhereAClosedRoundsTimeWent) {
  RunProgress progress = Training(10, 30);
  progress.closed.push_back({1, 20, 4, 1, 5, 2.25, ""});
  const std::string text = Shown(progress);
  EXPECT_THAT(text, HasSubstr("round 1 closed in 30 s"));
  EXPECT_THAT(text, HasSubstr("training loss 2.250"));
}

TEST_F(PlainView, SaysForWhomAGatheringWaits) {
  const auto progress = ParseProgress(
      R"({"kind":"progress","phase":"gathering","elapsed_seconds":9,"waiting":{"ready":1,)"
      R"("needed":3,"missing":[{"site":"kt","cause":"not-connected","seconds":200},)"
      R"({"site":"naver","cause":"declined","reason":"policy"},{"site":"x","cause":"revoked"},)"
      R"({"site":"y","cause":"barred","reason":"refuse-key"},)"
      R"({"site":"z","cause":"refused","reason":"no-terms: dure why 57"}]}})");
  ASSERT_TRUE(progress);
  EXPECT_EQ(progress->waiting,
            "1 of 3 needed sites ready; kt is not connected for 3 min 20 s; naver declined "
            "(policy); x is revoked; y is left out of this round by the others (refuse-key); "
            "z is refused (no-terms: dure why 57)");
  EXPECT_THAT(Shown(*progress), HasSubstr("kt is not connected for 3 min 20 s"));
}

TEST_F(PlainView, SaysWhyARunIsPausedAndWhatToDo) {
  RunProgress progress = Training(4, 12);
  progress.phase = "paused";
  progress.reason = "attempts-exhausted";
  const std::string text = Shown(progress);
  EXPECT_THAT(text, HasSubstr("attempts-exhausted"));
  EXPECT_THAT(text, HasSubstr("dure run resume goes on"));
}

TEST(ParseProgress, ReadsTheAggregatorsLine) {
  const auto progress = ParseProgress(
      R"({"kind":"progress","run":"r","round":1,"rounds":3,"phase":"merging","attempt":2,)"
      R"("elapsed_seconds":1.5,"sites":[{"site":"kt","state":"training","step":4,"steps":10}],)"
      R"("closed":[{"round":1,"train":2.0,"loss":3.5}],"ended":"complete"})");
  ASSERT_TRUE(progress) << progress.error().message;
  EXPECT_EQ(progress->run, "r");
  EXPECT_EQ(progress->attempt, 2u);
  ASSERT_EQ(progress->sites.size(), 1u);
  EXPECT_EQ(progress->sites[0].step, 4u);
  EXPECT_EQ(progress->sites[0].loss, std::nullopt);
  ASSERT_EQ(progress->closed.size(), 1u);
  EXPECT_EQ(progress->closed[0].loss, 3.5);
  EXPECT_EQ(progress->ended, "complete");
}

TEST(ParseProgress, RefusesWhatIsNoProgressLine) {
  for (const char* line : {"", "[]", "{}", R"({"kind":"other"})", R"({"kind":7})"}) {
    EXPECT_EQ(ParseProgress(line).error().code, ErrorCode::kInvalid) << line;
  }
}

// Each of these once threw out of the command that watched.
TEST(ParseProgress, AFieldOfTheWrongTypeReadsAsAbsent) {
  const auto progress = ParseProgress(
      R"({"kind":"progress","run":7,"round":"x","sites":[7,{"site":[]}],"closed":{"a":1}})");
  ASSERT_TRUE(progress);
  EXPECT_EQ(progress->run, "");
  EXPECT_EQ(progress->round, 0u);
  EXPECT_EQ(progress->sites.size(), 2u);
  EXPECT_TRUE(progress->closed.empty());
}

TEST(ParseProgress, NobodyElsesTextMovesTheCursor) {
  const auto progress = ParseProgress(
      R"({"kind":"progress","sites":[{"site":"kt","note":"\u001b[2J\u0007gone\r\n\u007f"}]})");
  ASSERT_TRUE(progress);
  EXPECT_EQ(progress->sites[0].note, " [2J gone   ");
}

TEST(Formats, AreShortAndNeverLie) {
  EXPECT_EQ(FormatBytes(1023), "1023 B");
  EXPECT_EQ(FormatBytes(1536), "1.5 KiB");
  EXPECT_EQ(FormatSeconds(9.94), "9.9 s");
  EXPECT_EQ(FormatSeconds(61), "1 min 01 s");
  EXPECT_EQ(FormatSeconds(7500), "2 h 05 min");
  EXPECT_EQ(FormatSeconds(-1), "?");
  EXPECT_EQ(FormatSeconds(1e300), "?") << "no such number fits a whole count of seconds";
  EXPECT_EQ(FormatRate(0), "–");
  EXPECT_EQ(FormatRate(12345), "12.3 k/s");
}

TEST(Redrawing, PutsTheNextPictureInThePlaceOfTheLast) {
  std::ostringstream out;
  ProgressView view(out, true, [] { return Screen{80, 24}; });
  view.Show(Training(4, 12));
  EXPECT_THAT(out.str(), Not(HasSubstr("\x1b[3A")));
  view.Show(Training(5, 13));
  EXPECT_THAT(out.str(), HasSubstr("\x1b[3A"));
}

// A line that the terminal breaks takes two rows and is counted as one: the picture then creeps
// down the screen and leaves its old halves behind.
TEST(Picture, EveryLineFitsTheScreenHoweverNarrowItIs) {
  RunProgress progress = Training(300, 12);
  progress.run = "a-run-with-a-name-as-long-as-a-name-may-be";
  progress.remaining_seconds = 100;
  progress.sites[0].steps = 4000;
  progress.sites[0].bytes_up = uint64_t{900} << 20;
  progress.sites[0].note =
      "the disk of this site is full, 디스크가 가득 찼습니다, and that is a long note";
  progress.waiting = "1 of 3 needed sites ready; kt is not connected for 3 min 20 s; 두레 has left";
  for (int columns = 0; columns <= 130; ++columns) {
    for (const std::string& line : PictureOf(progress, {columns, 24})) {
      EXPECT_LT(WidthOf(line), static_cast<size_t>(std::max(columns, 20)))
          << columns << ": " << line;
    }
  }
}

TEST(Picture, AnOrdinaryTerminalShowsEveryColumn) {
  const auto lines = PictureOf(Training(4, 12), {80, 24});
  for (const char* title : {"site", "state", "step", "loss", "tokens", "up", "down"}) {
    EXPECT_THAT(lines[1], HasSubstr(title));
  }
  EXPECT_THAT(lines[2], HasSubstr("██░░░░"));
}

TEST(Picture, ANarrowTerminalKeepsWhatTellsMost) {
  const auto lines = PictureOf(Training(4, 12), {40, 24});
  EXPECT_EQ(lines[1], "  site           state          step");
  EXPECT_EQ(lines[2], "  kt             training       4/10");
}

TEST(Picture, MoreSitesThanRowsAreCounted) {
  RunProgress progress = Training(4, 12);
  while (progress.sites.size() < 30) progress.sites.push_back(progress.sites[0]);
  progress.sites[29].state = "receipted";
  const auto lines = PictureOf(progress, {80, 12});
  EXPECT_EQ(lines.size(), 11u);
  EXPECT_EQ(lines.back(), "  and 22 more: 1 receipted, 21 training");
  progress.sites.resize(9);
  EXPECT_EQ(PictureOf(progress, {80, 12}).size(), 11u) << "as many sites as there are rows";
}

}  // namespace
}  // namespace dure::cli
