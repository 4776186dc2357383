// dure why: why something was admitted or refused, in sentences, from the record; and what would
// have made it otherwise.
#include <algorithm>
#include <map>
#include <memory>
#include <nlohmann/json.hpp>

#include "cli/command.h"
#include "cli/decisions_text.h"
#include "cli/figures.h"
#include "cli/known_fact.h"
#include "cli/language.h"
#include "cli/nouns.h"
#include "cli/phrases.h"
#include "cli/record_copy.h"
#include "cli/supposing.h"
#include "policy/rules/agreement.h"
#include "policy/rules/explain.h"
#include "policy/standing/past.h"

namespace dure::cli {
namespace {

using nlohmann::ordered_json;

struct WhyOptions {
  std::string dir;
  std::vector<std::string> what;  // an entry, or SITE DATASET [RUN] ROUND
  std::vector<std::string> what_if;
};

// RUN/ROUND is read as RUN ROUND.
std::vector<std::string> RunApart(std::vector<std::string> what) {
  const size_t slash = what.size() == 3 ? what[2].find('/') : std::string::npos;
  if (slash == std::string::npos) return what;
  what.push_back(what[2].substr(slash + 1));
  what[2].resize(slash);
  return what;
}

// The last decision about a dataset of a site in a round; of the only run that has one, where none
// is named.
Result<uint64_t> FindAdmission(const RecordCopy& record, const std::vector<std::string>& what,
                               const Context& context) {
  const std::string run = what.size() == 4 ? what[2] : "";
  const std::string& number = what.back();
  std::map<RunId, uint64_t> found;
  std::string known;
  for (const auto& [at, round] : record.state().rounds) {
    if (!run.empty() && at.run.str() != run) continue;
    if (std::to_string(at.round.value) != number) continue;
    for (const standing::Admission& one : round.admissions) {
      known += " " + (run.empty() ? at.run.str() + ":" : "") + one.site.str() + "/" +
               one.what.dataset.str();
      const bool asked = one.site.str() == what[0] && one.what.dataset.str() == what[1];
      if (asked) found[at.run] = one.index;
    }
  }
  if (found.size() == 1) return found.begin()->second;
  if (!found.empty()) {
    std::string runs;
    for (const auto& [id, index] : found) runs += (runs.empty() ? "" : ", ") + id.str();
    return Fail(
        ErrorCode::kInvalid,
        Pick(context,
             "several runs decide about " + what[1] + " of " + what[0] + " in round " + number +
                 ": " + runs + "; name one: dure why " + what[0] + " " + what[1] + " RUN " + number,
             what[0] + "의 " + what[1] + "에 대한 라운드 " + number +
                 "의 결정이 여러 학습에 있습니다: " + runs + ". 하나를 골라 dure why " + what[0] +
                 " " + what[1] + " 학습 " + number + "처럼 쓰십시오"));
  }
  return Fail(ErrorCode::kNotFound,
              Pick(context,
                   "the record decides nothing about " + what[1] + " of " + what[0] + " in " +
                       (run.empty() ? "" : run + " ") + "round " + number +
                       (known.empty() ? "" : "; it decides about" + known),
                   "기록에 " + what[0] + "의 " + what[1] + "에 대한 " +
                       (run.empty() ? "" : "학습 " + run + " ") + "라운드 " + number +
                       "의 결정이 없습니다" + (known.empty() ? "" : ". 있는 것:" + known)));
}

Result<uint64_t> EntryOf(const RecordCopy& record, const std::vector<std::string>& what,
                         const Context& context) {
  if (what.size() == 3 || what.size() == 4) return FindAdmission(record, RunApart(what), context);
  if (what.size() == 1 && what[0].find_first_not_of("0123456789") == std::string::npos &&
      what[0].size() < 18) {
    return std::stoull(what[0]);
  }
  return Fail(
      ErrorCode::kInvalid,
      Pick(context,
           "give an entry's number, or SITE DATASET [RUN] ROUND (counted from 0, as the record "
           "does)",
           "항목 번호 하나, 또는 사이트, 데이터셋, 학습(하나뿐이면 생략), 라운드(기록처럼 0부터)를 "
           "차례로 쓰십시오"));
}

struct Replayed {
  bool found = false;
  std::string recorded;
  rules::Decision decision;  // with the facts of that moment, and the what-ifs
  std::vector<rules::Change> changes;
  Status failed;
};

template <typename Request>
void Replay(const Request& request, const standing::Standing& before,
            const std::vector<rules::Facts::Entry>& what_if, Replayed& out) {
  auto supposed = Suppose(before, request, what_if);
  if (!supposed) {
    out.failed = Fail(supposed.error());
    return;
  }
  out.decision = std::move(supposed->decision);
  out.changes = std::move(supposed->changes);
}

std::string AgreementText(rules::Agreement agreement, const std::string& recorded, bool korean) {
  switch (agreement) {
    case rules::Agreement::kSame:
      return Pick(korean, "\nReplayed from this copy: the same, byte for byte.\n",
                  "\n이 사본에서 다시 결정해 보니 한 바이트도 다르지 않습니다.\n");
    case rules::Agreement::kOtherWords: {
      const std::string words = WordsText(rules::WordsOf(recorded).value_or(0), korean);
      return Pick(korean,
                  "\nReplayed from this copy: the same codes and facts. The sentences above are "
                  "this build's; those of the record are in " +
                      words + ".\n",
                  "\n이 사본에서 다시 결정해 보니 코드와 사실이 모두 같습니다. 위의 문장은 이 "
                  "프로그램의 것이고, 기록의 문장은 " +
                      words + "로 되어 있습니다.\n");
    }
    case rules::Agreement::kDiffers:
      break;
  }
  return Pick(
      korean, "\nReplayed from this copy: NOT what the record says. Run dure ledger verify.\n",
      "\n이 사본에서 다시 결정해 보니 기록과 다릅니다. dure ledger verify로 확인하십시오.\n");
}

Result<std::vector<rules::Facts::Entry>> WhatIf(const WhyOptions& options, const Context& context) {
  std::vector<rules::Facts::Entry> what_if;
  for (const std::string& text : options.what_if) {
    auto entry = ParseKnownFact(text, context);
    if (!entry) {
      const std::string& said = entry.error().message;
      const std::string wrong = IsKorean(context) ? InKorean(said) : said;
      const bool asks = wrong.ends_with('?');
      return Fail(
          entry.error().code,
          wrong + Pick(context,
                       std::string(asks ? " The" : "; the") +
                           " facts that decided stand in brackets in the output of dure why",
                       std::string(asks                   ? " "
                                   : wrong.ends_with('.') ? " "
                                                          : ". ") +
                           "결정에 쓰인 사실의 이름은 dure why가 괄호 안에 적어 줍니다"));
    }
    what_if.push_back(std::move(*entry));
  }
  return what_if;
}

Result<Replayed> ReplayEntry(const RecordCopy& record, uint64_t index,
                             const std::vector<rules::Facts::Entry>& what_if,
                             const Context& context) {
  Replayed replayed;
  DURE_TRY(standing::ForEachDecision(
      record.log(), [&](const standing::PastDecision& past, const standing::Standing& before) {
        if (past.index != index) return;
        replayed.found = true;
        replayed.recorded = past.decision;
        std::visit([&](const auto& request) { Replay(request, before, what_if, replayed); },
                   past.request);
      }));
  if (!replayed.found) {
    const std::string entry = std::to_string(index);
    return Fail(
        ErrorCode::kInvalid,
        Pick(context, "entry " + entry + " decides nothing; dure ledger show tells what it says",
             "항목 " + rules::WithParticle(entry, "은(는)") +
                 " 결정이 아닙니다. 내용은 dure ledger show로 확인하십시오"));
  }
  if (!replayed.failed) return Fail(replayed.failed.error());
  return replayed;
}

ordered_json JsonOf(uint64_t index, const Replayed& replayed, bool supposed) {
  const rules::Agreement agreement = rules::AgreementOf(replayed.decision, replayed.recorded);
  ordered_json changes = ordered_json::array();
  for (const rules::Change& change : replayed.changes) {
    const bool absent = change.to.presence == rules::Presence::kAbsent;
    changes.push_back(
        {{"path", change.path}, {"to", absent ? "absent" : change.to.value.ToText()}});
  }
  return {{"entry", index},
          {"decision", ordered_json::parse(rules::ToJson(replayed.decision))},
          {"replays", supposed ? ordered_json(nullptr)
                               : ordered_json(agreement != rules::Agreement::kDiffers)},
          {"words", rules::WordsOf(replayed.recorded).value_or(0)},
          {"would_admit", changes}};
}

std::string TextOf(const Replayed& replayed, bool supposed, rules::Language language) {
  std::string text = rules::ExplainDecision(replayed.decision, rules::ConsortiumSchema(), language);
  if (replayed.decision.outcome == rules::Outcome::kDeny)
    text += rules::ExplainChanges(replayed.changes, rules::ConsortiumSchema(), language);
  if (supposed) return text;
  const rules::Agreement agreement = rules::AgreementOf(replayed.decision, replayed.recorded);
  return text + AgreementText(agreement, replayed.recorded, language == rules::Language::kKorean);
}

// A figure decides nothing: what let its data be measured on explains it. Whether it counts is
// known to this copy.
Status WhyMeasured(const RecordCopy& record, const standing::Evaluation& figure, bool counts,
                   const std::vector<rules::Facts::Entry>& what_if, Context& context) {
  ordered_json decisions = ordered_json::array();
  const bool korean = IsKorean(context);
  std::string text = FiguresText({figure}, record.state(), korean);
  if (!counts) {
    text += Pick(korean, "It is void: dure ledger verify says why.\n",
                 "무효인 값입니다. 이유는 dure ledger verify로 확인하십시오.\n");
  }
  for (const ledger::DatasetUsed& used : figure.reported.on->datasets) {
    DURE_ASSIGN(const Replayed replayed, ReplayEntry(record, used.admission, what_if, context));
    decisions.push_back(JsonOf(used.admission, replayed, !what_if.empty()));
    const std::string entry = std::to_string(used.admission);
    const std::string data = used.what.dataset.str() + " v" + std::to_string(used.what.version);
    text += Pick(korean, "\n" + data + ", by entry " + entry + "\n",
                 "\n" + data + ", 항목 " + entry + "\n") +
            TextOf(replayed, !what_if.empty(), RulesLanguage(context));
  }
  if (context.json()) {
    context.PrintJson(ordered_json{
        {"entry", figure.index},
        {"figure", FiguresJson({figure}, record.state())[0]},
        {"counts", counts},
        {"decisions",
         decisions}}.dump());
  } else {
    context.Print(text);
  }
  return {};
}

Status Why(const WhyOptions& options, Context& context) {
  DURE_ASSIGN(const auto what_if, WhatIf(options, context));
  DURE_ASSIGN(const auto record, RecordCopy::Open(options.dir, context));
  DURE_ASSIGN(const uint64_t index, EntryOf(*record, options.what, context));
  DURE_ASSIGN(const ledger::OpenedEntry entry, record->Entry(index));
  const auto* said = std::get_if<ledger::EvaluationReported>(&entry.record.event);
  if (said != nullptr && said->on) {
    const auto& counted = record->state().evaluations;
    const bool counts =
        std::ranges::find(counted, index, &standing::Evaluation::index) != counted.end();
    return WhyMeasured(*record, {index, *said}, counts, what_if, context);
  }
  DURE_ASSIGN(const Replayed replayed, ReplayEntry(*record, index, what_if, context));
  if (context.json()) {
    context.PrintJson(JsonOf(index, replayed, !what_if.empty()).dump());
  } else {
    context.Print(TextOf(replayed, !what_if.empty(), RulesLanguage(context)));
  }
  return {};
}

}  // namespace

void AddWhyCommand(Command dure, Context& context) {
  auto options = std::make_shared<WhyOptions>();
  Command verb =
      AddVerb(dure, "why", "Explain a decision of the record, and what would have changed it",
              "dure why 57 --dir /srv/desk\n"
              "dure why kt-seoul reviews 3 --dir /srv/desk\n"
              "dure why kt-seoul reviews first 3 --dir /srv/desk --lang ko\n"
              "dure why 57 --what-if run.purpose=statistics --dir /srv/desk");
  verb.Add("decision", options->what,
           "An entry, or SITE DATASET [RUN] ROUND, the round counted from 0")
      .Required()
      .Values(1, 4);
  verb.Add("--dir", options->dir, "A folder with a copy of the record").Required();
  verb.Add("--what-if", options->what_if, "PATH=VALUE, as if the record said so");
  AddLanguage(verb, context);
  context.Do(verb, [options, &context] { return Why(*options, context); });
}

}  // namespace dure::cli
