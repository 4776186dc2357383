#include "policy/ledger/report.h"

#include <cstdio>
#include <nlohmann/json.hpp>

#include "policy/ledger/event_json.h"
#include "policy/ledger/policy_report.h"

namespace dure::ledger {
namespace {

using nlohmann::json;

std::string Digits(const Digest& digest) { return digest.Hex().substr(0, 12); }
std::string Text(const RoundAttempt& at, Language l) {
  const std::string round = std::to_string(at.round.value);
  std::string text =
      Ko(l) ? "학습 " + at.run.str() + " 라운드 " + round : at.run.str() + " round " + round;
  if (at.attempt == 0) return text;
  const std::string attempt = std::to_string(at.attempt + 1);
  return text + (Ko(l) ? " (" + attempt + "번째 시도)" : " (attempt " + attempt + ")");
}
std::string Count(uint64_t n, const std::string& noun) {
  return std::to_string(n) + " " + noun + (n == 1 ? "" : "s");
}
std::string Tokens(uint64_t n, Language l) {
  return Ko(l) ? "토큰 " + std::to_string(n) + "개" : Count(n, "token");
}

std::string Say(const ConsortiumGenesis& e, Language l) {
  const std::string ca = Digits(e.ca_fingerprint);
  if (Ko(l)) return "컨소시엄 설립; 기록의 키 " + e.log_vkey + ", 인증기관 " + ca;
  return "founded the consortium; log key " + e.log_vkey + ", CA " + ca;
}
std::string Say(const MemberAdmitted& e, Language l) {
  const std::string key = ToHex(e.key).substr(0, 12);
  const std::string role = Words(Name(e.role), l);
  if (Ko(l)) return e.member.str() + "의 " + e.site.str() + " 등록, 역할 " + role + ", 키 " + key;
  return "admitted " + e.site.str() + " of " + e.member.str() + " as " + role + ", key " + key;
}
std::string Say(const KeyRevoked& e, Language l) {
  const std::string key = ToHex(e.key).substr(0, 12);
  const std::string why = WordsAndCode(e.reason, l);
  if (Ko(l)) return e.member.str() + "의 키 " + key + " 폐기: " + why;
  return "revoked a key of " + e.member.str() + ", " + why + ": " + key;
}
std::string Say(const RunProposed& e, Language l) {
  const std::string manifest = Digits(e.manifest);
  if (Ko(l)) return "학습 " + e.run.str() + " 제안, 명세 " + manifest;
  return "proposed " + e.run.str() + ", manifest " + manifest;
}
std::string Say(const RoundOpened& e, Language l) {
  std::string sites;
  for (const SiteId& site : e.cohort) sites += (sites.empty() ? "" : ", ") + site.str();
  const std::string base = Digits(e.base_model);
  if (Ko(l)) return Text(e.at, l) + " 시작, 출발 모델 " + base + ", 참여 " + sites;
  return "opened " + Text(e.at, l) + " from model " + base + " with " + sites;
}
std::string OnAccelerators(uint64_t seconds, Language l) {
  if (seconds == 0) return "";
  return Ko(l) ? ", 가속기 사용 " + std::to_string(seconds) + "초"
               : ", " + Count(seconds, "accelerator-second");
}
std::string Say(const ContributionSubmitted& e, Language l) {
  const std::string on_accelerators = OnAccelerators(e.accelerator_seconds, l);
  const std::string what = Digits(e.contribution);
  const std::string weight = std::to_string(e.weight);
  if (Ko(l)) {
    return e.site.str() + "의 " + Text(e.at, l) + " 기여: " +
           (e.masked() ? "분량은 가려짐"
                       : "가중치 " + weight + ", " + Tokens(e.tokens, l) + ", " +
                             std::to_string(e.steps) + "스텝" + on_accelerators) +
           ", 기여 파일 " + what;
  }
  const std::string who = e.site.str() + " contributed to " + Text(e.at, l);
  if (e.masked()) return who + ", masked: contribution " + what;
  return who + ": weight " + weight + ", " + Tokens(e.tokens, l) + ", " + Count(e.steps, "step") +
         on_accelerators + ", contribution " + what;
}
std::string Say(const ContributionReceipted& e, Language l) {
  const std::string entry = std::to_string(e.submission);
  const std::string why = WordsAndCode(e.reason, l);
  if (Ko(l)) {
    return Text(e.at, l) + "의 항목 " + entry + (e.accepted ? " 접수" : " 거부: " + why);
  }
  const std::string what = "entry " + entry + " for " + Text(e.at, l);
  return e.accepted ? "accepted " + what : "refused " + what + ": " + why;
}
std::string ShareText(const CountedSubmission& s, Language l) {
  if (!s.share) return "";
  if (*s.share == 0) return Ko(l) ? ", 병합에서 제외" : ", left out by the merge";
  const std::string percent = std::to_string((*s.share * 100 + (1 << 19)) >> 20);
  return Ko(l) ? ", 고른 몫의 " + percent + " %" : ", " + percent + " % of an even share";
}
std::string Say(const RoundClosed& e, Language l) {
  const bool ko = Ko(l);
  std::string counted;
  for (const CountedSubmission& s : e.submissions) {
    counted += (counted.empty() ? "" : ", ") + s.site.str();
    if (e.sums) continue;
    counted += (ko ? "(가중치 " : " (weight ") + std::to_string(s.weight) + ShareText(s, l) + ")";
  }
  if (e.sums) {
    const std::string weight = std::to_string(e.sums->weight);
    counted +=
        ko ? ", 보안 합산: 합계 가중치 " + weight : ", masked: weight " + weight + " together";
    counted += ", " + Tokens(e.sums->tokens, l);
  }
  if (!e.merge.empty()) counted += (ko ? ", 병합 방식 " : ", merged by ") + e.merge;
  std::string left_out;
  for (const ExcludedSite& s : e.excluded) {
    left_out +=
        (ko ? "; 빠진 곳 " : "; without ") + s.site.str() + ": " + WordsAndCode(s.reason, l);
  }
  const std::string model = Digits(e.model);
  if (ko) return Text(e.at, l) + " 완료: " + counted + left_out + "; 새 모델 " + model;
  return "closed " + Text(e.at, l) + " with " + counted + left_out + "; new model " + model;
}
std::string Say(const RoundAbandoned& e, Language l) {
  const std::string why = WordsAndCode(e.reason, l);
  if (Ko(l)) return Text(e.at, l) + " 중단: " + why;
  return "abandoned " + Text(e.at, l) + ": " + why;
}
std::string DatasetsText(const std::vector<DatasetUsed>& used, Language l) {
  std::string text;
  for (const DatasetUsed& one : used) {
    text += (text.empty() ? "" : ", ") + one.what.dataset.str() + (Ko(l) ? " 버전 " : " version ") +
            std::to_string(one.what.version);
  }
  return text;
}
// ", 1.913 a byte (95 %: 1.902 to 1.925)"; empty where no interval is known.
std::string IntervalText(const EvaluationReported& e, Language l) {
  if (!e.on || !e.on->interval || e.bytes == 0) return {};
  const auto number = [](double value) {
    char text[32];
    std::snprintf(text, sizeof text, "%.3f", value);
    return std::string(text);
  };
  const std::string mean = number(e.nll / static_cast<double>(e.bytes));
  const std::string low = number(e.on->interval->low);
  const std::string high = number(e.on->interval->high);
  if (Ko(l)) return ", 바이트당 " + mean + " (95 % 구간 " + low + "~" + high + ")";
  return ", " + mean + " a byte (95 %: " + low + " to " + high + ")";
}
std::string Say(const EvaluationReported& e, Language l) {
  const std::string model = Digits(e.model);
  const std::string nats = std::to_string(e.nll);
  const std::string on = e.on ? DatasetsText(e.on->datasets, l) : std::string();
  if (Ko(l)) {
    return e.site.str() + "의 글" + (on.empty() ? on : "(" + on + ")") + "로 모델 " + model +
           " 평가: " + std::to_string(e.bytes) + "바이트에 " + nats + "내트" + IntervalText(e, l);
  }
  return "evaluated model " + model + " on " + e.site.str() + "'s text" +
         (on.empty() ? on : " (" + on + ")") + ": " + nats + " nats over " +
         Count(e.bytes, "byte") + IntervalText(e, l);
}

}  // namespace

std::string EntrySentence(uint64_t index, const OpenedEntry& entry, Language language) {
  const Record& record = entry.record;
  std::string at = record.occurred_at;
  at[10] = ' ';
  at.pop_back();
  const std::string said =
      std::visit([&](const auto& e) { return Say(e, language); }, record.event);
  std::string number = std::to_string(index);
  number.insert(0, number.size() < 6 ? 6 - number.size() : 0, ' ');
  return number + "  " + at + "  " + record.actor.member.str() + ": " + said;
}

std::string EntryJson(uint64_t index, const OpenedEntry& entry) {
  const Record& record = entry.record;
  json event = json::object();
  WriteEvent(record.event, event);
  const json object = {{"index", index},
                       {"leaf", entry.leaf.Hex()},
                       {"type", Name(TypeOf(record.event))},
                       {"at", record.occurred_at},
                       {"actor",
                        {{"member", record.actor.member.str()},
                         {"role", Name(record.actor.role)},
                         {"key", ToHex(record.actor.key)}}},
                       {"event", std::move(event)}};
  return object.dump(-1, ' ', false, json::error_handler_t::replace);
}

std::string HeadText(const SignedHead& head, const NoteKey& log_key, Language language) {
  const std::string size = std::to_string(head.head.size);
  const std::string root = head.head.root.Hex();
  if (Ko(language)) {
    return "기록       " + head.head.origin + "\n항목 수    " + size + "\n루트       " + root +
           "\n기록의 키  " + log_key.Vkey() + "\n\n" + head.note;
  }
  return "log      " + head.head.origin + "\nentries  " + size + "\nroot     " + root +
         "\nlog key  " + log_key.Vkey() + "\n\n" + head.note;
}

std::string HeadJson(const SignedHead& head, const NoteKey& log_key) {
  const json object = {{"origin", head.head.origin},
                       {"size", head.head.size},
                       {"root", head.head.root.Hex()},
                       {"vkey", log_key.Vkey()},
                       {"note", head.note}};
  return object.dump(-1, ' ', false, json::error_handler_t::replace);
}

namespace {

std::string EntriesByKind(const AuditReport& report, Language language) {
  std::string text;
  for (size_t i = 0; i < kEventTypes; ++i) {
    if (report.entries_by_type[i] == 0) continue;
    std::string number = std::to_string(report.entries_by_type[i]);
    number.insert(0, number.size() < 8 ? 8 - number.size() : 0, ' ');
    text += number + "  " + KindAndCode(Name(static_cast<EventType>(i)), language) + "\n";
  }
  return text;
}

std::string KoreanAudit(const AuditReport& report) {
  return "기록이 온전합니다: " + report.head.origin + "의 항목 " +
         std::to_string(report.head.size) + "개\n루트 " + report.head.root.Hex() +
         "\n\n확인한 것\n  서명 " + std::to_string(report.signatures_checked) +
         "개: 트리 헤드와 모든 항목의 서명\n  모든 항목이 제자리에서, 서명된 루트와 맞는지\n  키 " +
         std::to_string(report.keys_admitted) +
         "개가 등록된 뒤에, 맡은 역할 안에서만 쓰였는지\n  참여자마다 빠진 항목이 없고, 모두 같은 "
         "기록을 보았는지\n  완료된 라운드마다 기록에 있는 기여를 한 번씩, 적힌 가중치대로 "
         "셌는지\n\n항목\n" +
         EntriesByKind(report, Language::kKorean);
}

}  // namespace

std::string AuditText(const AuditReport& report, Language language) {
  if (Ko(language)) return KoreanAudit(report);
  const std::string entries = report.head.size == 1 ? " entry" : " entries";
  std::string text = "The record is intact: " + std::to_string(report.head.size) + entries +
                     " of " + report.head.origin + "\n";
  text += "root " + report.head.root.Hex() + "\n\nChecked\n";
  text += "  " + Count(report.signatures_checked, "signature") +
          ": the tree head's and every entry's\n";
  text += "  that every entry hashes, in its place, to the signed root\n";
  text += "  that each of " + Count(report.keys_admitted, "key") +
          " spoke only after it was admitted and in its role\n";
  text += "  that no actor's events have a gap, and that each actor had seen this same log\n";
  text +=
      "  that every closed round counts submissions that are in the log, each once, with their "
      "weight\n\nEntries\n";
  return text + EntriesByKind(report, Language::kEnglish);
}

std::string AuditJson(const AuditReport& report) {
  json types = json::object();
  for (size_t i = 0; i < kEventTypes; ++i) {
    types[std::string(Name(static_cast<EventType>(i)))] = report.entries_by_type[i];
  }
  const json object = {{"intact", true},
                       {"origin", report.head.origin},
                       {"size", report.head.size},
                       {"root", report.head.root.Hex()},
                       {"signatures_checked", report.signatures_checked},
                       {"keys_admitted", report.keys_admitted},
                       {"entries", std::move(types)}};
  return object.dump(-1, ' ', false, json::error_handler_t::replace);
}

std::string RunOf(const Event& event) {
  return std::visit(
      [](const auto& e) -> std::string {
        if constexpr (requires { e.at.run; }) return e.at.run.str();
        if constexpr (requires { e.run; }) return e.run.str();
        return {};
      },
      event);
}

std::string SiteOf(const Event& event) {
  return std::visit(
      [](const auto& e) -> std::string {
        if constexpr (requires { e.site; }) return e.site.str();
        return {};
      },
      event);
}

}  // namespace dure::ledger
