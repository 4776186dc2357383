// dure incident, duties, quota: what went wrong, what is owed, and how much is left of what owners
// allow. All from the record; a report or a proof of something done stays here, salted.
#include <map>
#include <memory>
#include <nlohmann/json.hpp>

#include "cli/command.h"
#include "cli/evidence_file.h"
#include "cli/language.h"
#include "cli/nouns.h"
#include "cli/record_copy.h"
#include "policy/ledger/json_text.h"

namespace dure::cli {
namespace {

using nlohmann::ordered_json;

constexpr auto kSpeakers = identity::Roles{identity::Role::kOfficer, identity::Role::kOperator};
constexpr auto kDoers = identity::Roles{identity::Role::kOfficer, identity::Role::kResearcher};

struct DutiesOptions {
  std::string dir;
  std::string kind;
  std::string about;
  std::string file;
  std::string cause = "fixed";
  uint64_t entry = 0;
  uint64_t number = 0;
  std::vector<uint64_t> entries;
  bool all = false;
};

Status Report(const DutiesOptions& options, Context& context) {
  ledger::IncidentReported event;
  DURE_ASSIGN(event.kind, ledger::ParseIncidentKind(options.kind));
  if (!options.about.empty() && !ledger::IsCode(options.about)) {
    return Fail(ErrorCode::kInvalid,
                Pick(context,
                     "--about '" + options.about +
                         "' is no name or code: a-z, 0-9 and '-', at most 64 characters",
                     "--about '" + options.about +
                         "': a-z, 0-9, -로 된 64자 이하의 이름이나 부호를 쓰십시오"));
  }
  event.subject = options.about;
  event.entries = options.entries;
  std::ranges::sort(event.entries);
  DURE_ASSIGN(event.report, CommitEvidence(options.file, context));
  DURE_ASSIGN(Desk desk, OpenDesk(options.dir, kSpeakers, context));
  DURE_ASSIGN(const uint64_t index,
              RecordEntry(desk, event,
                          Pick(context, "Reported an incident (" + options.kind + ")",
                               "사고를 신고했습니다: " +
                                   ledger::WordsAndCode(options.kind, ledger::Language::kKorean)),
                          context));
  context.Say(
      Pick(context,
           "While it is open, rules that ask incident.open refuse (P6.7: no model leaves).\n"
           "Close it with: dure incident close ",
           "해결될 때까지 처리 중인 사고를 보는 규칙은 거부합니다(P6.7: 모델이 나가지 않음).\n"
           "종결하려면: dure incident close ") +
      std::to_string(index) +
      Pick(context, " --cause fixed --evidence N…", " --cause fixed --evidence 번호…") + " --dir " +
      options.dir);
  return {};
}

Status Close(const DutiesOptions& options, Context& context) {
  ledger::IncidentClosed event;
  event.incident = options.entry;
  event.cause = options.cause;
  event.evidence = options.entries;
  std::ranges::sort(event.evidence);
  DURE_ASSIGN(Desk desk, OpenDesk(options.dir, kSpeakers, context));
  const std::string entry = std::to_string(options.entry);
  return Record(desk, event,
                Pick(context, "Closed the incident of entry " + entry,
                     "항목 " + entry + "의 사고를 종결했습니다"),
                context);
}

std::string IncidentText(uint64_t index, const standing::Incident& incident,
                         const Context& context) {
  const bool korean = IsKorean(context);
  const std::string entry = std::to_string(index);
  const std::string& subject = incident.reported.subject;
  std::string text =
      Pick(korean, "entry ", "항목 ") + entry + "  " +
      (incident.closed ? Pick(korean, "closed", "종결") : Pick(korean, "open", "처리 중")) + "  " +
      ledger::WordsAndCode(Name(incident.reported.kind), RecordLanguage(context));
  if (!subject.empty()) text += Pick(korean, ", about ", ", 대상 ") + subject;
  text += Pick(korean, ", reported by " + incident.reporter.str() + " at " + incident.at.ToText(),
               ", " + incident.reporter.str() + " 신고, " + incident.at.ToText());
  if (incident.closed) {
    text += Pick(korean, ", closed by entry ", ", 종결 항목 ") + std::to_string(*incident.closed);
  }
  return text + "\n";
}

Status ListIncidents(const DutiesOptions& options, Context& context) {
  DURE_ASSIGN(const auto record, RecordCopy::Open(options.dir, context));
  ordered_json list = ordered_json::array();
  std::string text;
  for (const auto& [index, incident] : record->state().incidents) {
    const std::string status = incident.closed ? "closed" : "open";
    list.push_back(
        {{"entry", index},
         {"status", status},
         {"kind", Name(incident.reported.kind)},
         {"about", incident.reported.subject},
         {"reporter", incident.reporter.str()},
         {"since", incident.at.ToText()},
         {"closed", incident.closed ? ordered_json(*incident.closed) : ordered_json(nullptr)}});
    text += IncidentText(index, incident, context);
  }
  context.Print(context.json()
                    ? ordered_json{{"incidents", list}}.dump()
                    : (!text.empty() ? text
                                     : Pick(IsKorean(context), "No incident was reported.",
                                            "신고된 사고가 없습니다.")));
  return {};
}

std::string StatusOf(const standing::Duty& duty, rules::Instant now) {
  if (duty.done) return "done";
  if (duty.due && *duty.due < now) return "overdue";
  return duty.obligation.limit == rules::Duty::Limit::kFor ? "standing" : "open";
}

std::string TermOf(const standing::Duty& duty) {
  if (duty.due) return ", by " + duty.due->ToText();
  if (duty.obligation.limit != rules::Duty::Limit::kFor) return "";
  return ", for " + std::to_string(duty.obligation.count) + " " +
         std::string(Name(duty.obligation.unit)) + " from " + duty.since.ToText();
}

std::string KoreanOf(const std::string& word) {
  static const std::map<std::string, std::string> kWords = {{"open", "남음"},
                                                            {"overdue", "기한 지남"},
                                                            {"done", "마침"},
                                                            {"standing", "계속"},
                                                            {"attribute", "출처 표시"},
                                                            {"notify", "알림"},
                                                            {"label", "표시"},
                                                            {"keep", "보관"},
                                                            {"report", "보고"},
                                                            {"publish", "공개"},
                                                            {"delete", "삭제"},
                                                            {"share-results", "결과 공유"},
                                                            {"return-derived", "파생물 반환"},
                                                            {"pay-share", "몫 지급"},
                                                            {"delete-evidence", "삭제 증명"},
                                                            {"notify-incident", "사고 알림"}};
  const auto found = kWords.find(word);
  return found == kWords.end() ? word : found->second;
}

std::string KoreanTermOf(const standing::Duty& duty) {
  if (duty.due) return ", " + duty.due->ToText() + "까지";
  if (duty.obligation.limit == rules::Duty::Limit::kNone) return "";
  static constexpr const char* kUnits[] = {"시간", "일", "개월", "년"};
  return ", " + duty.since.ToText() + "부터 " + std::to_string(duty.obligation.count) +
         kUnits[static_cast<size_t>(duty.obligation.unit)] + " 동안";
}

// The run whose training brings it, or the model that was granted: the same duty is owed for each.
std::string AboutOf(const standing::Duty& duty, bool korean) {
  const bool of_model = duty.what.dataset.empty();
  return of_model ? Pick(korean, "model ", "모델 ") + duty.about.substr(0, 16)
                  : Pick(korean, "run ", "학습 ") + duty.about;
}

std::string LineOf(const standing::Duty& duty, const std::string& status, const std::string& says,
                   bool korean) {
  const std::string entry = std::to_string(duty.decision);
  const std::string number = std::to_string(duty.number);
  // A term follows, and the sentence's full stop would stand before it.
  const std::string said = says.ends_with('.') ? says.substr(0, says.size() - 1) : says;
  if (korean) {
    return KoreanOf(status) + "  " + duty.debtor.str() + ", " + AboutOf(duty, korean) + ", " +
           KoreanOf(duty.obligation.kind) + ": " + said + KoreanTermOf(duty) + "  (항목 " + entry +
           "의 " + number + "번, " + duty.obligation.rule + ")\n";
  }
  return status + "  " + duty.debtor.str() + ", " + AboutOf(duty, korean) + ", " +
         duty.obligation.kind + ": " + said + TermOf(duty) + "  (entry " + entry + " number " +
         number + ", " + duty.obligation.rule + ")\n";
}

// Whose use brings it; of a grant, whose owner asks for it. Null: no one dataset's.
ordered_json DatasetOf(const standing::Duty& duty) {
  if (!duty.what.dataset.empty()) return duty.what.dataset.str();
  const std::string& rule = duty.obligation.rule;
  if (!rule.starts_with("terms:")) return nullptr;
  const std::string rest = rule.substr(6);
  return rest.substr(0, rest.find_first_of(":#"));
}

Status ListDuties(const DutiesOptions& options, Context& context) {
  DURE_ASSIGN(const auto record, RecordCopy::Open(options.dir, context));
  // The record's own time: the aggregator's last entry.
  const rules::Instant now = record->auditor().standing().latest();
  ordered_json list = ordered_json::array();
  std::string text;
  for (const auto& [key, duty] : record->state().duties) {
    const std::string status = StatusOf(duty, now);
    if (status == "done" && !options.all) continue;
    const bool korean = IsKorean(context) && !duty.obligation.text.ko.empty();
    const std::string& says = korean ? duty.obligation.text.ko : duty.obligation.text.en;
    list.push_back({{"decision", duty.decision},
                    {"number", duty.number},
                    {"status", status},
                    {"who", duty.debtor.str()},
                    {"kind", duty.obligation.kind},
                    {"text", says},
                    {"rule", duty.obligation.rule},
                    {"dataset", DatasetOf(duty)},
                    {"about", duty.about},
                    {"due", duty.due ? ordered_json(duty.due->ToText()) : ordered_json(nullptr)},
                    {"done", duty.done ? ordered_json(*duty.done) : ordered_json(nullptr)}});
    text += LineOf(duty, status, says, IsKorean(context));
  }
  context.Print(context.json() ? ordered_json{{"at", now.ToText()}, {"duties", list}}.dump()
                               : (!text.empty()       ? text
                                  : IsKorean(context) ? "남은 의무가 없습니다."
                                                      : "Nobody owes anything."));
  return {};
}

Status Done(const DutiesOptions& options, Context& context) {
  ledger::DutyFulfilled event{options.entry, options.number, {}};
  DURE_ASSIGN(event.evidence, CommitEvidence(options.file, context));
  DURE_ASSIGN(Desk desk, OpenDesk(options.dir, kDoers, context));
  const std::string entry = std::to_string(options.entry);
  const std::string number = std::to_string(options.number);
  return Record(desk, event,
                Pick(context, "Duty " + number + " of entry " + entry + " is done",
                     "항목 " + entry + "의 " + number + "번 의무를 이행했다고 남겼습니다"),
                context);
}

std::string Used(const char* en, const char* ko, uint64_t used, const std::optional<uint64_t>& most,
                 bool korean) {
  const std::string count = std::to_string(used);
  if (!most)
    return Pick(korean, count + " " + en + ", no limit", ko + (" " + count) + "(한도 없음)");
  const std::string limit = std::to_string(*most);
  return Pick(korean, count + " " + en + " of " + limit,
              ko + (" " + limit) + "개 중 " + count + "개");
}

Status Quota(const DutiesOptions& options, Context& context) {
  DURE_ASSIGN(const auto record, RecordCopy::Open(options.dir, context));
  const bool korean = IsKorean(context);
  ordered_json list = ordered_json::array();
  std::string text;
  const auto number = [](const std::optional<uint64_t>& value) {
    return value ? ordered_json(*value) : ordered_json(nullptr);
  };
  for (const auto& [id, dataset] : record->state().datasets) {
    const terms::Limits& limits = dataset.newest().terms.limits;
    list.push_back({{"dataset", id.str()},
                    {"rounds", dataset.rounds},
                    {"rounds_max", number(limits.max_rounds)},
                    {"runs", dataset.runs.size()},
                    {"runs_max", number(limits.max_runs)},
                    {"withdrawn", dataset.withdrawn.has_value()}});
    text += Pick(korean, id.str() + " of " + dataset.custodian.str(),
                 dataset.custodian.str() + "의 " + id.str()) +
            ": " + Used("rounds", "라운드", dataset.rounds, limits.max_rounds, korean) + "; " +
            Used("runs", "학습", dataset.runs.size(), limits.max_runs, korean) +
            (dataset.withdrawn ? Pick(korean, "; withdrawn", "; 철회됨") : "") + "\n";
  }
  context.Print(context.json() ? ordered_json{{"datasets", list}}.dump()
                               : (!text.empty() ? text
                                                : Pick(korean, "No dataset is registered.",
                                                       "등록된 데이터셋이 없습니다.")));
  return {};
}

void AddDir(Command verb, DutiesOptions& options, const std::string& what) {
  verb.Add("--dir", options.dir, what).Required();
}

constexpr const char* kAnyCopy = "A folder with a copy of the record";

}  // namespace

void AddIncidentCommands(Command dure, Context& context) {
  Command noun = AddNoun(dure, "incident", "Report what went wrong, and close it");
  auto options = std::make_shared<DutiesOptions>();
  Command report =
      AddVerb(noun, "report", "Report an incident; rules may refuse while it is open",
              "dure incident report data-exposed --about reviews --dir /srv/desk\n"
              "dure incident report dissent --entry 120 --report what.txt --dir /srv/desk");
  report
      .Add("kind", options->kind,
           "dissent, rollback, key-compromised, data-exposed, model-harm or other")
      .Required()
      .OneOf({"dissent", "rollback", "key-compromised", "data-exposed", "model-harm", "other"});
  report.Add("--about", options->about, "The member, dataset, run or model; a code");
  report.Add("--entry", options->entries, "Entries of the record that show it");
  report.Add("--report", options->file, "A text; it stays here, its salted digest is recorded");
  AddDir(report, *options, "The folder of an officer or operator");
  AddLanguage(report, context);
  context.Do(report, [options, &context] { return Report(*options, context); });

  auto closing = std::make_shared<DutiesOptions>();
  Command close = AddVerb(noun, "close", "Close an incident that your member reported",
                          "dure incident close 131 --cause fixed --evidence 140 --dir /srv/desk");
  close.Add("entry", closing->entry, "The entry that reported it").Required();
  close.Add("--cause", closing->cause, "fixed, false-alarm or accepted")
      .OneOf({"fixed", "false-alarm", "accepted"});
  close.Add("--evidence", closing->entries, "Entries since then that show it mended");
  AddDir(close, *closing, "The folder of an officer or operator");
  AddLanguage(close, context);
  context.Do(close, [closing, &context] { return Close(*closing, context); });

  Command list =
      AddVerb(noun, "list", "List incidents, open and closed",
              "dure incident list --dir /srv/desk\ndure incident list --dir /srv/desk --lang ko");
  AddDir(list, *options, kAnyCopy);
  AddLanguage(list, context);
  context.Do(list, [options, &context] { return ListIncidents(*options, context); });
}

void AddDutiesCommands(Command dure, Context& context) {
  Command noun = AddNoun(dure, "duties", "See what is owed by when, and say that it is done");
  auto options = std::make_shared<DutiesOptions>();
  Command list = AddVerb(noun, "list", "List what decisions oblige members to",
                         "dure duties list --dir /srv/desk\n"
                         "dure duties list --all --language ko --dir /srv/desk");
  list.Flag("--all", options->all, "Also what is done");
  AddLanguage(list, context);
  AddDir(list, *options, kAnyCopy);
  context.Do(list, [options, &context] { return ListDuties(*options, context); });

  Command done = AddVerb(noun, "done", "Say that your member did a duty",
                         "dure duties done 88 --number 0 --evidence notice.txt --dir /srv/desk");
  done.Add("entry", options->entry, "The decision that began it").Required();
  done.Add("--number", options->number, "Which of its duties, from 0").Required();
  done.Add("--evidence", options->file,
           "A file that shows it; it stays here, its salted digest is recorded");
  AddDir(done, *options, "The folder of an officer or researcher of the member that owes it");
  AddLanguage(done, context);
  context.Do(done, [options, &context] { return Done(*options, context); });
}

void AddQuotaCommand(Command dure, Context& context) {
  auto options = std::make_shared<DutiesOptions>();
  Command verb = AddVerb(dure, "quota", "Show how often data was used, of what its terms allow",
                         "dure quota --dir /srv/desk\ndure quota --dir /srv/desk --lang ko");
  AddDir(verb, *options, kAnyCopy);
  AddLanguage(verb, context);
  context.Do(verb, [options, &context] { return Quota(*options, context); });
}

}  // namespace dure::cli
