#include "cli/status_korean.h"

#include <algorithm>
#include <map>
#include <nlohmann/json.hpp>
#include <sstream>

#include "cli/columns.h"
#include "cli/phrases.h"
#include "cli/progress_view.h"
#include "cli/run_field.h"
#include "cli/run_privacy.h"
#include "federation/transport/json_fields.h"
#include "policy/ledger/words.h"
#include "policy/rules/schema.h"
#include "policy/rules/sentence.h"

namespace dure::cli {
namespace {

using nlohmann::json;
using transport::CountField;
using transport::FlagField;
using transport::ListField;
using transport::NumberField;
using transport::TextField;

using Words = std::map<std::string, std::string>;

std::string In(const Words& words, const std::string& code) {
  const auto found = words.find(code);
  return found == words.end() ? code : found->second;
}

std::string Korean(const std::string& code) {
  return ledger::Words(code, ledger::Language::kKorean);
}

// "a x, b y, c z and 2 more" of the aggregator.
std::string NamedAndMoreKorean(const std::string& named) {
  constexpr std::string_view kMore = " more";
  const size_t at = named.rfind(" and ");
  if (at == std::string::npos || !named.ends_with(kMore)) return named;
  const std::string count = named.substr(at + 5, named.size() - kMore.size() - at - 5);
  if (count.empty() || count.find_first_not_of("0123456789") != std::string::npos) return named;
  return named.substr(0, at) + " 외 " + count + "곳";
}

// A code and then, behind a colon, whose and why.
std::string ReasonKorean(const std::string& reason) {
  const size_t code = std::min(reason.find(": "), reason.size());
  return Korean(reason.substr(0, code)) + NamedAndMoreKorean(reason.substr(code));
}

std::string SitePhaseKorean(const std::string& phase) {
  static const Words kPhases = {{"idle", "다음 라운드를 기다림"},
                                {"fetching", "모델을 받는 중"},
                                {"deciding", "결정하는 중"},
                                {"ready", "준비됨"},
                                {"training", "학습 중"},
                                {"encoding", "변환 중"},
                                {"uploading", "올리는 중"},
                                {"signing", "서명 중"},
                                {"submitted", "제출함"},
                                {"receipted", "영수증 받음"},
                                {"deriving", "새 모델 계산 중"},
                                {"dissent", "이견으로 멈춤"},
                                {"left", "빠짐"},
                                {"ended", "끝남"}};
  return In(kPhases, phase);
}

std::string VerbKorean(const std::string& verb) {
  static const Words kVerbs = {{"leave", "빠집니다"},
                               {"join", "다시 참여합니다"},
                               {"resync", "집계 서버의 모델을 받습니다"}};
  return In(kVerbs, verb);
}

std::string ScrubKorean(const json& scrub) {
  std::string text;
  for (const json& rotted : ListField(scrub, "rotted")) {
    if (rotted.is_string()) text += "손상됨: " + InKorean(rotted.get<std::string>()) + ". ";
  }
  if (text.empty()) text = "손상된 곳 없음. ";
  const std::string last = TextField(scrub, "last");
  text += last.empty() ? "시작한 뒤로 아직 디스크에서 다시 읽지 않음"
                       : "디스크에서 " + std::to_string(CountField(scrub, "readings")) +
                             "번 다시 읽음, 마지막 " + last;
  const uint64_t mended = CountField(scrub, "mended");
  return mended == 0 ? text : text + ". " + std::to_string(mended) + "번 고침";
}

std::string Names(const json& list) {
  std::string text;
  for (const json& name : list) {
    if (name.is_string()) text += (text.empty() ? "" : ", ") + name.get<std::string>();
  }
  return text.empty() ? "없음" : text;
}

// For whom a run waits, as WaitingText of progress_view.h.
std::string WaitingKorean(const json& waiting) {
  if (!waiting.is_object()) return {};
  std::string text = "필요한 사이트 " + std::to_string(CountField(waiting, "needed")) +
                     "곳 가운데 " + std::to_string(CountField(waiting, "ready")) + "곳 준비됨";
  for (const json& site : ListField(waiting, "missing")) {
    static const Words kCauses = {{"no-answer", "아직 답이 없음"},
                                  {"declined", "참여하지 않음"},
                                  {"refused", "거절됨"},
                                  {"left", "학습에서 빠짐"},
                                  {"barred", "다른 사이트들이 이 라운드에서 제외함"}};
    const std::string cause = TextField(site, "cause");
    const std::string reason = TextField(site, "reason");
    text += "; " + TextField(site, "site") + ": ";
    if (cause == "not-connected") {
      text += FormatSeconds(NumberField(site, "seconds")) + " 동안 접속하지 않음";
    } else if (cause == "declined" && reason == "set-apart") {
      text += "따로 둠(앞선 합에 없었으므로, 함께 합하면 그 몫이 드러남)";
    } else {
      text += In(kCauses, cause) + (reason.empty() ? "" : "(" + ReasonKorean(reason) + ")");
    }
  }
  return text;
}

std::string MaskingKorean(const json& run) {
  static const Words kMasking = {{"pairwise", "쌍별 가림(pairwise)"}, {"none", "쓰지 않음(none)"}};
  std::string text = In(kMasking, TextField(run, "masking"));
  if (run.contains("withstands")) {
    text += ", 서로 짠 사이트 " + std::to_string(CountField(run, "withstands")) + "곳까지 견딤";
  }
  text += "; 갱신 숫자 형식 " + TextField(run, "lane");
  const auto limit = run.find("saturation_limit");
  const bool limited = limit != run.end() && limit->is_number() && *limit != 0;
  return limited ? text + "; 잘린 숫자의 비율은 " + limit->dump() + " 이하" : text;
}

// As SumsText of run.cc.
std::string SumsKorean(const json& run) {
  const uint64_t batch = CountField(run, "batch_members");
  const uint64_t part = CountField(run, "survivors_permille");
  const bool allowed = TextField(run, "differences") == "allowed";
  return "회원 " + std::to_string(CountField(run, "members_min")) + "곳 이상의 합만 냄" +
         (batch > 1 ? ", 회원은 " + std::to_string(batch) + "곳 이상씩 함께 들고 남" : "") +
         (part > round::MaskingRules{}.survivors_permille
              ? ", 가림값을 나눈 사이트 1000곳당 " + std::to_string(part) + "곳 이상"
              : "") +
         (allowed ? "; 다른 합과의 차이로 한 회원의 몫이 드러날 수 있음(--allow-differences)"
                  : "; 다른 합과의 차이로 한 회원의 몫이 드러나는 합은 내지 않음");
}

// As StoreText of scrub_text.h.
std::string StoreKorean(const json& status) {
  const auto store = status.find("store");
  if (store == status.end()) return {};
  return "저장소: 블롭 " + std::to_string(CountField(*store, "blobs")) + "개, " +
         FormatBytes(CountField(*store, "bytes")) + "\n";
}

}  // namespace

std::string SiteStatusKorean(const json& status) {
  std::string text = !FlagField(status, "running") ? "이 폴더에서 도는 데몬이 없습니다\n"
                     : FlagField(status, "connected")
                         ? "데몬이 돌고 있고 집계 서버에 접속되어 있습니다\n"
                         : "데몬이 돌고 있으나 접속되어 있지 않습니다(까닭은 데몬의 로그에 "
                           "있습니다)\n";
  const std::string code = TextField(status, "code");
  if (!code.empty()) text += "학습 프로그램: " + code + "\n";
  if (status.contains("record")) {
    const json& record = status["record"];
    text += "기록의 사본: 항목 " + std::to_string(CountField(record, "size")) + "개. " +
            ScrubKorean(record) + "\n";
  }
  text += StoreKorean(status);
  for (const json& run : ListField(status, "runs")) {
    text += TextField(run, "run") + "  " + SitePhaseKorean(TextField(run, "phase"));
    if (run.contains("round")) {
      text += ", 라운드 " + std::to_string(CountField(run, "round") + 1);
    }
    const std::string asked = TextField(run, "asked");
    if (!asked.empty()) text += "; 데몬이 시작되면: " + VerbKorean(asked);
    text += "\n";
  }
  text.pop_back();
  return text;
}

std::string SiteDoneKorean(const json& answer, const std::string& verb) {
  const std::string run = TextField(answer, "run");
  if (TextField(answer, "asked").empty()) {
    return run + ": " + SitePhaseKorean(TextField(answer, "phase"));
  }
  return "적어 두었습니다. 지금은 이 폴더에서 도는 데몬이 없으므로, 데몬이 시작되면 학습 " + run +
         ": " + VerbKorean(verb);
}

std::string AggregatorStatusKorean(const json& status) {
  const auto count = [&](const char* name) { return std::to_string(CountField(status, name)); };
  std::string text = "기록: 항목 " + count("size") + "개, 루트 " + TextField(status, "root") + "\n";
  text += "모든 구분이 항목 " + count("agreed") + "까지 동의함\n";
  const std::string closed = TextField(status, "closed_because");
  if (!closed.empty()) text += "지금은 아무것도 쓰지 않음: " + InKorean(closed) + "\n";
  text += "접속한 사이트 " + count("connected") + "곳, 열린 학습 " + count("runs_open") + "개\n";
  const std::string ends = TextField(status, "issuing_ends");
  const std::string notice = TextField(status, "issuing_notice");
  if (!ends.empty()) {
    text += (notice.empty() ? "" : "주의: ") + ("발급용 CA의 기한 " + ends) + "\n";
    if (!notice.empty()) text += "  " + InKorean(notice) + "\n";
  }
  const auto scrub = status.find("scrub");
  return text + StoreKorean(status) +
         "기록 파일: " + ScrubKorean(scrub == status.end() ? json::object() : *scrub);
}

std::string PhaseKorean(const json& run) {
  static const Words kPhases = {
      {"new", "시작 전"},       {"proposing", "제안됨"},  {"gathering", "사이트를 기다림"},
      {"admitting", "승인 중"}, {"opening", "여는 중"},   {"collecting", "학습 중"},
      {"merging", "합산 중"},   {"closing", "마무리 중"}, {"abandoning", "중단 중"},
      {"paused", "멈춤"},       {"ended", "끝남"}};
  const std::string phase = TextField(run, "phase");
  std::string reason = TextField(run, "reason");
  if (reason.empty() && phase == "ended") reason = "complete";
  return In(kPhases, phase) + (reason.empty() ? "" : "(" + ReasonKorean(reason) + ")");
}

std::string RoundKorean(const json& run) {
  const uint64_t rounds = CountField(run, "rounds");
  const uint64_t round = std::min(CountField(run, "round") + 1, rounds);
  return "라운드 " + std::to_string(round) + "/" + std::to_string(rounds);
}

// "과학 연구, 학습 수혜자: 비영리 단체, ..., 기여 평가 방식: 평가하지 않음(none)"
std::string PurposeKorean(const json& run) {
  std::string text;
  for (const char* name : {"purpose", "beneficiaries", "sector", "riskClass"}) {
    const rules::Attribute* known = rules::ConsortiumSchema().Find(std::string("run.") + name);
    std::string values;
    std::istringstream codes(TextField(run, name));
    for (std::string code; std::getline(codes, code, ',');) {
      const rules::PlainWord* word = known == nullptr ? nullptr : known->WordOf(code);
      values += (values.empty() ? "" : "·") + (word == nullptr ? code : word->ko);
    }
    if (values.empty()) continue;
    if (!text.empty()) text += ", " + (known == nullptr ? name : known->name_ko) + ": ";
    text += values;
  }
  const std::string valuation = TextField(run, "valuation");
  if (valuation.empty()) return text;
  return text + (text.empty() ? "" : ", ") + RunFieldName("valuation", true) + ": " +
         RunValueText("valuation", valuation, true);
}

std::string RunKorean(const json& run) {
  std::string text;
  const auto row = [&](const std::string& name, const std::string& value) {
    if (!value.empty()) text += LeftAligned(name, 12) + value + "\n";
  };
  row("학습", TextField(run, "run"));
  row("단계", PhaseKorean(run) + ", " + RoundKorean(run) + ", 시도 " +
                  std::to_string(CountField(run, "attempt") + 1));
  row("기다림", WaitingKorean(run.value("waiting", json())));
  if (TextField(run, "reason") == "waiting-for-vote") {
    row("기다림",
        "정책 담당자들의 투표: dure tally --dir DESK로 항목 번호를 보고 dure vote 번호 yes --dir "
        "DESK로 투표합니다");
  }
  row("초대", Names(ListField(run, "invited")));
  row("참여", Names(ListField(run, "cohort")) + "; 최소 " +
                  std::to_string(CountField(run, "quorum")) + "곳");
  row("모델", "sha256:" + TextField(run.value("base", json::object()), "model") + ", 매개변수 " +
                  std::to_string(CountField(run, "parameters")) + "개");
  row("시드", std::to_string(CountField(run, "seed")));
  row("목적", PurposeKorean(run));
  row("내용", "sha256:" + TextField(run, "manifest"));
  row("보안 합산", MaskingKorean(run));
  if (run.contains("differences")) row("합산 규칙", SumsKorean(run));
  row("병합 방식", RunValueText("merge", TextField(run, "merge"), true));
  text.pop_back();
  return text + PrivacyText(run, LeftAligned("개인정보", 12));
}

}  // namespace dure::cli
