#include "cli/run_watch.h"

#include <algorithm>
#include <iostream>
#include <thread>

#include "cli/language.h"
#include "cli/operator_desk.h"
#include "cli/progress_view.h"

namespace dure::cli {

Status FollowStream(const Following& following) {
  bool over = false;
  bool ever = false;
  bool away = false;
  auto heard = following.now();
  const auto line = [&](const std::string& text) {
    if (away) following.found();
    away = false;
    ever = true;
    heard = following.now();
    over = !following.line(text);
    return !over;
  };
  for (;;) {
    Status streamed = following.stream(line);
    if (over) return {};
    if (!streamed && (!ever || streamed.error().code != ErrorCode::kUnavailable)) return streamed;
    if (following.now() - heard >= kWatchPatience) {
      if (!streamed) return streamed;
      return Fail(ErrorCode::kUnavailable, "the aggregator ends the stream again and again");
    }
    if (!away) following.lost();
    away = true;
    following.wait();
  }
}

Status WatchRun(const std::string& dir, const std::string& run, Context& context) {
  DURE_ASSIGN(const OperatorDesk desk, OperatorDesk::Open(dir, context.Now()));
  ProgressView view(std::cout, ScreenRedraws());
  std::string ended;
  uint64_t closed = 0;  // rounds that were shown; a stream that begins anew tells them again
  Following following;
  following.stream = [&](const auto& line) { return desk.Watch(run, line); };
  following.line = [&](const std::string& line) {
    if (context.json()) context.PrintJson(line);
    auto progress = ParseProgress(line);
    if (!progress) return true;
    std::erase_if(progress->closed, [&](const RoundTimes& each) { return each.round <= closed; });
    if (!progress->closed.empty()) closed = progress->closed.back().round;
    if (!context.json()) view.Show(*progress);
    ended = progress->ended;
    return ended.empty();
  };
  following.lost = [&] {
    view.Finish();
    context.Say(
        Pick(context,
             "the aggregator does not answer; sites wait for it, and so does this, for up "
             "to 10 minutes",
             "집계 서버가 응답하지 않습니다. 사이트들도 기다리며, 이 화면도 10분까지 기다립니다"));
  };
  following.found = [&] {
    context.Say(Pick(context, "the aggregator answers again", "집계 서버가 다시 응답합니다"));
  };
  following.wait = [] { std::this_thread::sleep_for(kWatchAgain); };
  following.now = [] { return std::chrono::steady_clock::now(); };
  DURE_TRY(FollowStream(following));
  if (context.json()) return {};
  view.Finish();
  context.Print(Pick(context, "run " + run + " ended: " + ended,
                     "학습 " + run + " 끝남: " + ledger::Words(ended, ledger::Language::kKorean)));
  return {};
}

}  // namespace dure::cli
