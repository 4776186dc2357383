// dure run record: a run as the record has it, from a copy: what was proposed, by whom, how it was
// approved, under which rules and terms, and what came of it.
#include <memory>
#include <nlohmann/json.hpp>
#include <sstream>

#include "cli/command.h"
#include "cli/figures.h"
#include "cli/language.h"
#include "cli/nouns.h"
#include "cli/record_copy.h"
#include "cli/run_field.h"
#include "policy/rules/schema.h"

namespace dure::cli {
namespace {

using nlohmann::ordered_json;

struct RunRecordOptions {
  std::string dir;
  std::string run;
};

struct Approved {
  std::string en = "not approved";
  std::string ko = "승인되지 않음";
};

Approved ApprovalOf(const standing::Run& run) {
  if (!run.approved) return {};
  const std::string entry = std::to_string(*run.approved);
  if (!run.by_vote) {
    return {"approved at entry " + entry + " without a vote, which the charter does not ask for",
            "항목 " + entry + "에서 승인됨(규약상 투표가 필요 없음)"};
  }
  uint64_t yes = 0;
  uint64_t no = 0;
  for (const auto& house : run.tally.houses) {
    yes += house.yes;
    no += house.no;
  }
  return {"approved at entry " + entry + " by vote: " + std::to_string(yes) + " yes, " +
              std::to_string(no) + " no",
          "항목 " + entry + "에서 투표로 승인됨: 찬성 " + std::to_string(yes) + ", 반대 " +
              std::to_string(no)};
}

struct Came {
  uint64_t closed = 0;
  uint64_t abandoned = 0;
  uint64_t tokens = 0;  // of all contributions that were counted
  Digest model;
  std::map<std::string, std::pair<uint64_t, uint64_t>> admitted;  // dataset -> admitted, refused
  std::vector<standing::Evaluation> figures;                      // measured for its purpose
  std::map<uint64_t, standing::MeasuringAsked> not_measured;      // by the entry that refused it
};

Came WhatCameOf(const standing::State& state, const RunId& id) {
  Came came;
  for (const auto& [at, round] : state.rounds) {
    if (at.run != id) continue;
    came.closed += round.closed ? 1 : 0;
    came.abandoned += round.abandoned ? 1 : 0;
    if (round.closed) came.model = round.model;
    if (round.sums) came.tokens += round.sums->tokens;
    for (const uint64_t index : round.counted) came.tokens += round.submissions.at(index).tokens;
    for (const standing::Admission& one : round.admissions) {
      auto& counts =
          came.admitted[one.what.dataset.str() + " v" + std::to_string(one.what.version)];
      ++(one.admit ? counts.first : counts.second);
    }
  }
  for (const standing::Evaluation& one : state.evaluations) {
    if (one.reported.on && one.reported.on->run == id) came.figures.push_back(one);
  }
  for (const auto& [asked, measuring] : state.measurings) {
    if (measuring.run == id && !measuring.admit) came.not_measured[measuring.index] = asked;
  }
  return came;
}

std::string MeasuredText(const Came& came, const standing::State& state, bool korean) {
  std::string text;
  if (!came.figures.empty()) text += Pick(korean, "Measured\n", "평가\n");
  text += FiguresText(came.figures, state, korean);
  for (const auto& [index, asked] : came.not_measured) {
    const std::string entry = std::to_string(index);
    const std::string data = asked.what.dataset.str() + " v" + std::to_string(asked.what.version);
    text += Pick(
        korean,
        "  not measured on " + data + " of " + asked.site.str() + " (dure why " + entry + ")\n",
        "  " + data + "(" + asked.site.str() + ")(으)로는 평가하지 않음(dure why " + entry + ")\n");
  }
  return text;
}

std::vector<std::string> PoliciesOf(const standing::Standing& standing, const standing::Run& run,
                                    bool korean) {
  std::vector<std::string> names;
  const auto edition = standing.state().editions.find(run.policies);
  if (edition == standing.state().editions.end()) return names;
  for (const Digest& digest : edition->second) {
    const rules::PolicyDocument* document = standing.Document(digest);
    if (document == nullptr) continue;
    const auto& name = document->policy.name;
    names.push_back((korean && !name.ko.empty() ? name.ko : name.en) +
                    (korean ? ", 버전 " : ", version ") + std::to_string(document->policy.version));
  }
  return names;
}

// "run's purpose (purpose): scientific research": as the rules' schema says it, or by name.
std::string FieldText(const std::string& name, const std::string& value, bool korean) {
  const rules::Attribute* known = rules::ConsortiumSchema().Find("run." + name);
  const std::string called = RunFieldName(name, korean);
  if (known == nullptr && called.empty()) return name + ": " + value;
  if (known == nullptr) {
    return called + (korean ? "(" : " (") + name + "): " + RunValueText(name, value, korean);
  }
  const auto said = [&](const std::string& code) {
    const rules::PlainWord* word = known->WordOf(code);
    if (word == nullptr) return code;
    return korean ? word->ko : word->en;
  };
  std::string values;
  std::istringstream codes(value);
  for (std::string code; std::getline(codes, code, ',');) {
    values += (values.empty() ? "" : ", ") + said(code);
  }
  return (korean ? known->name_ko : known->name_en) + (korean ? "(" : " (") + name + "): " + values;
}

std::string Text(const standing::Run& run, const RunId& id, const Came& came,
                 const standing::State& state, const std::vector<std::string>& policies,
                 bool korean) {
  const Approved approved = ApprovalOf(run);
  const std::string entry = std::to_string(run.proposed);
  std::string text = id.str();
  text += korean ? ": " + run.proposer.str() + " 제안, 항목 " + entry + "\n  " + approved.ko + "\n"
                 : ": proposed by " + run.proposer.str() + " at entry " + entry + "\n  " +
                       approved.en + "\n";
  for (const auto& [name, value] : run.fields) {
    if (!value.empty()) text += "  " + FieldText(name, value, korean) + "\n";
  }
  text += korean ? "승인 당시의 규칙\n" : "Rules it was approved under\n";
  for (const std::string& policy : policies) text += "  " + policy + "\n";
  text += korean ? "데이터\n" : "Data\n";
  for (const auto& [dataset, counts] : came.admitted) {
    const std::string yes = std::to_string(counts.first);
    const std::string no = std::to_string(counts.second);
    text += "  " + dataset +
            (korean ? ": 허용 " + yes + "번, 거절 " + no + "번\n"
                    : ": admissions " + yes + ", refusals " + no + "\n");
  }
  const std::string closed = std::to_string(came.closed);
  const std::string tokens = std::to_string(came.tokens);
  text += korean ? "라운드 " + closed + "개 완료, " + std::to_string(came.abandoned) +
                       "개 중단, 학습한 토큰 " + tokens + "개\n"
                 : closed + " rounds closed, " + std::to_string(came.abandoned) +
                       " abandoned; trained on " + tokens + " tokens\n";
  if (!came.model.IsZero()) text += (korean ? "모델 " : "model ") + came.model.Hex() + "\n";
  text += MeasuredText(came, state, korean);
  if (run.halted) {
    text += (korean ? "항목 " + std::to_string(*run.halted) + "에서 끝남: "
                    : "ended at entry " + std::to_string(*run.halted) + ": ") +
            ledger::WordsAndCode(run.halt_reason,
                                 korean ? ledger::Language::kKorean : ledger::Language::kEnglish) +
            "\n";
  }
  return text;
}

Status Show(const RunRecordOptions& options, Context& context) {
  DURE_ASSIGN(const RunId id, RunId::Parse(options.run));
  DURE_ASSIGN(const auto record, RecordCopy::Open(options.dir, context));
  const auto found = record->state().runs.find(id);
  if (found == record->state().runs.end()) {
    return Fail(NoSuchRun(id.str(), context));
  }
  const standing::Run& run = found->second;
  const Came came = WhatCameOf(record->state(), id);
  const bool korean = IsKorean(context) && !context.json();
  const auto policies = PoliciesOf(record->auditor().standing(), run, korean);
  if (!context.json()) {
    context.Print(Text(run, id, came, record->state(), policies, korean));
    return {};
  }
  ordered_json data = ordered_json::array();
  for (const auto& [dataset, counts] : came.admitted) {
    data.push_back({{"dataset", dataset}, {"admitted", counts.first}, {"refused", counts.second}});
  }
  ordered_json not_measured = ordered_json::array();
  for (const auto& [index, asked] : came.not_measured) {
    not_measured.push_back({{"entry", index},
                            {"model", asked.model.Hex()},
                            {"site", asked.site.str()},
                            {"dataset", asked.what.dataset.str()},
                            {"version", asked.what.version}});
  }
  const auto or_null = [](const std::optional<uint64_t>& entry) {
    return entry ? ordered_json(*entry) : ordered_json(nullptr);
  };
  context.PrintJson(ordered_json{{"run", id.str()},
                                 {"proposer", run.proposer.str()},
                                 {"proposed", run.proposed},
                                 {"approved", or_null(run.approved)},
                                 {"by_vote", run.by_vote},
                                 {"fields", run.fields},
                                 {"policies", policies},
                                 {"data", data},
                                 {"closed", came.closed},
                                 {"abandoned", came.abandoned},
                                 {"tokens", came.tokens},
                                 {"model", came.model.IsZero() ? "" : came.model.Hex()},
                                 {"figures", FiguresJson(came.figures, record->state())},
                                 {"not_measured", not_measured},
                                 {"halted", or_null(run.halted)}}
                        .dump());
  return {};
}

}  // namespace

void AddRunRecord(Command run, Context& context) {
  auto options = std::make_shared<RunRecordOptions>();
  Command verb = AddVerb(run, "record", "a run as the record has it, from a copy",
                         "dure run record first --dir /srv/desk\n"
                         "dure run record first --lang ko --dir /srv/site");
  verb.Add("run", options->run, "The run").Required();
  verb.Add("--dir", options->dir, "A folder with a copy of the record").Required();
  AddLanguage(verb, context);
  context.Do(verb, [options, &context] { return Show(*options, context); });
}

}  // namespace dure::cli
