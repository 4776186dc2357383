#include "cli/status_korean.h"

#include <gmock/gmock.h>

#include <nlohmann/json.hpp>

#include "federation/identity/issuing.h"

namespace dure::cli {
namespace {

using nlohmann::json;
using ::testing::AllOf;
using ::testing::HasSubstr;

// As it comes over the wire: numbers that are not negative are unsigned there.
json Answered(const json& object) { return json::parse(object.dump()); }

TEST(StatusKorean, SaysWhereASiteStands) {
  const json status = {{"running", true},
                       {"connected", false},
                       {"record", {{"size", 12}, {"readings", 2}, {"last", "x"}, {"mended", 1}}},
                       {"store", {{"blobs", 3}, {"bytes", 2048}}},
                       {"runs",
                        {{{"run", "first"}, {"phase", "training"}, {"round", 2}},
                         {{"run", "next"}, {"phase", "left"}, {"asked", "join"}}}}};
  EXPECT_THAT(SiteStatusKorean(Answered(status)),
              AllOf(HasSubstr("접속되어 있지 않습니다"),
                    HasSubstr("항목 12개. 손상된 곳 없음. 디스크에서 2번 다시 읽음"),
                    HasSubstr("\n저장소: 블롭 3개, "), HasSubstr("first  학습 중, 라운드 3\n"),
                    HasSubstr("next  빠짐; 데몬이 시작되면: 다시 참여합니다")));
  EXPECT_THAT(SiteStatusKorean(json::object()), HasSubstr("도는 데몬이 없습니다"));
  EXPECT_EQ(SiteDoneKorean({{"run", "first"}, {"phase", "left"}}, "leave"), "first: 빠짐");
  EXPECT_THAT(SiteDoneKorean({{"run", "first"}, {"asked", "leave"}}, "leave"),
              HasSubstr("학습 first: 빠집니다"));
}

TEST(StatusKorean, SaysWhereTheAggregatorStands) {
  const json status = {{"size", 40},
                       {"root", "ab"},
                       {"agreed", 38},
                       {"connected", 3},
                       {"runs_open", 1},
                       {"issuing_ends", "2027-01-01"},
                       {"closed_because", "x"},
                       {"store", {{"blobs", 3}, {"bytes", 2048}}}};
  EXPECT_THAT(AggregatorStatusKorean(Answered(status)),
              AllOf(HasSubstr("항목 40개, 루트 ab"), HasSubstr("항목 38까지 동의함"),
                    HasSubstr("아무것도 쓰지 않음: x"), HasSubstr("저장소: 블롭 3개, "),
                    HasSubstr("사이트 3곳, 열린 학습 1개"),
                    HasSubstr("발급용 CA의 기한 2027-01-01"), HasSubstr("아직 디스크에서")));
}

TEST(StatusKorean, SaysInKoreanWhatStandsInTheWayOfALog) {
  const json status = {
      {"closed_because",
       "north-1 holds a head of 9 entries that this log's key signed; this log has 7: it was "
       "restored from an older copy. Stop the aggregator and run dure ledger heal with a member's "
       "copy"},
      {"issuing_ends", "2027-01-01"},
      {"issuing_notice",
       identity::IssuingNotice(WallTime(std::chrono::hours(72)), WallTime(std::chrono::hours(24)))},
      {"scrub",
       {{"rotted",
         {"entry 5 (round-closed): its bytes are not those that the signed tree head counts"}}}}};
  EXPECT_THAT(AggregatorStatusKorean(Answered(status)),
              AllOf(HasSubstr("아무것도 쓰지 않음: north-1에는 이 기록의 키로 서명된 항목 9개짜리"),
                    HasSubstr("발급용 CA가 1970-01-04T00:00:00Z, 2일 뒤에 만료되고"),
                    HasSubstr("손상됨: 항목 5(round-closed): 서명된 트리 헤드에 든 내용과")));
}

TEST(StatusKorean, SaysAllThatARunIs) {
  const json run = {
      {"run", "first"},
      {"phase", "gathering"},
      {"round", 0},
      {"rounds", 3},
      {"invited", {"north", "south"}},
      {"quorum", 2},
      {"purpose", "scientific-research"},
      {"valuation", "group"},
      {"masking", "none"},
      {"lane", "int8"},
      {"merge", "mean"},
      {"valuation", "none"},
      {"saturation_limit", 0.25},
      {"waiting",
       {{"ready", 1}, {"needed", 2}, {"missing", {{{"site", "south"}, {"cause", "no-answer"}}}}}}};
  EXPECT_THAT(
      RunKorean(Answered(run)),
      AllOf(HasSubstr("단계        사이트를 기다림, 라운드 1/3, 시도 1\n"),
            HasSubstr("필요한 사이트 2곳 가운데 1곳 준비됨; south: 아직 답이 없음"),
            HasSubstr("초대        north, south\n"), HasSubstr("참여        없음; 최소 2곳"),
            HasSubstr("목적        과학적 연구, 기여 평가 방식: 집단별 평가(group)\n"),
            HasSubstr("쓰지 않음(none); 갱신 숫자 형식 int8; 잘린 숫자의 비율은 0.25 이하"),
            HasSubstr("병합 방식   평균(mean)")));
  EXPECT_THAT(RunKorean(Answered(run)), testing::Not(HasSubstr("합산 규칙")));
  json masked = run;
  masked.update({{"masking", "pairwise"},
                 {"withstands", 1},
                 {"members_min", 4},
                 {"batch_members", 1},
                 {"differences", "forbidden"}});
  EXPECT_THAT(RunKorean(Answered(masked)),
              HasSubstr("합산 규칙   회원 4곳 이상의 합만 냄; 다른 합과의 차이로 한 회원의 몫이 "
                        "드러나는 합은 내지 않음\n"));
  masked.update({{"batch_members", 2}, {"differences", "allowed"}});
  EXPECT_THAT(RunKorean(Answered(masked)),
              AllOf(HasSubstr("회원은 2곳 이상씩 함께 들고 남"), HasSubstr("드러날 수 있음")));
  EXPECT_THAT(PhaseKorean({{"phase", "ended"}}), ::testing::StartsWith("끝남("));
  EXPECT_THAT(
      PhaseKorean({{"phase", "gathering"}, {"reason", "admission: a x, b y, c z and 2 more"}}),
      ::testing::EndsWith(": a x, b y, c z 외 2곳)"));
  EXPECT_THAT(RunKorean({{"phase", "paused"}, {"reason", "waiting-for-vote"}}),
              HasSubstr("정책 담당자들의 투표"));
}

}  // namespace
}  // namespace dure::cli
