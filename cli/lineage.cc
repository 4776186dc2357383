// Where things came from: model lineage, round show.
#include "policy/lineage/lineage.h"

#include <algorithm>
#include <memory>
#include <nlohmann/json.hpp>

#include "cli/command.h"
#include "cli/domicile.h"
#include "cli/figures.h"
#include "cli/find_model.h"
#include "cli/folders.h"
#include "cli/language.h"
#include "cli/nouns.h"
#include "cli/record_copy.h"
#include "cli/restrictions.h"
#include "policy/terms/sentences.h"

namespace dure::cli {
namespace {

using nlohmann::ordered_json;
using standing::RoundAttempt;

std::string Short(const Digest& digest) { return digest.Hex().substr(0, 16); }
std::string Text(const RoundAttempt& at, bool korean) {
  std::string text =
      at.run.str() + (korean ? " 라운드 " : " round ") + std::to_string(at.round.value);
  if (at.attempt == 0) return text;
  const std::string attempt = std::to_string(at.attempt + 1);
  return text + (korean ? " (" + attempt + "번째 시도)" : " (attempt " + attempt + ")");
}
std::string Text(const ledger::DatasetVersion& what) {
  return what.dataset.str() + " v" + std::to_string(what.version);
}
ordered_json Json(const RoundAttempt& at) {
  return {{"run", at.run.str()}, {"round", at.round.value}, {"attempt", at.attempt}};
}

ordered_json Json(const lineage::RoundStory& story) {
  ordered_json contributed = ordered_json::array();
  for (const lineage::Contributed& one : story.contributed) {
    ordered_json datasets = ordered_json::array();
    for (const auto& what : one.datasets) {
      datasets.push_back({{"dataset", what.dataset.str()}, {"version", what.version}});
    }
    contributed.push_back({{"site", one.site.str()},
                           {"member", one.member.str()},
                           {"entry", one.submission},
                           {"masked", one.weight == 0},
                           {"datasets", datasets}});
    if (one.weight == 0) continue;
    contributed.back()["weight"] = one.weight;
    contributed.back()["tokens"] = one.tokens;
    contributed.back()["steps"] = one.steps;
  }
  ordered_json left_out = ordered_json::array();
  for (const ledger::ExcludedSite& one : story.left_out) {
    left_out.push_back({{"site", one.site.str()}, {"reason", one.reason}});
  }
  ordered_json object = Json(story.at);
  if (story.sums) {
    object["sums"] = {{"tokens", story.sums->tokens}, {"steps", story.sums->steps}};
  }
  object["opened"] = story.opened;
  object["closed"] = story.closed;
  object["base"] = story.base_model.Hex();
  object["model"] = story.model.Hex();
  object["contributed"] = contributed;
  object["left_out"] = left_out;
  return object;
}

std::string NumbersOf(const lineage::Contributed& one, bool korean) {
  const std::string weight = std::to_string(one.weight);
  const std::string tokens = std::to_string(one.tokens);
  const std::string steps = std::to_string(one.steps);
  if (one.weight == 0) return korean ? "기여량은 가려져 있음" : "how much is hidden by masking";
  return korean ? "가중치 " + weight + ", 토큰 " + tokens + "개, " + steps + "스텝"
                : "weight " + weight + ", " + tokens + " tokens, " + steps + " steps";
}

std::string Text(const lineage::RoundStory& story, bool korean) {
  const std::string entries =
      std::to_string(story.opened) + (korean ? "~" : " to ") + std::to_string(story.closed);
  std::string text = Text(story.at, korean) + ": ";
  text += korean
              ? "모델 " + Short(story.base_model) + " → " + Short(story.model) + ", 항목 " + entries
              : "from model " + Short(story.base_model) + " to " + Short(story.model) +
                    ", entries " + entries;
  text += "\n";
  for (const lineage::Contributed& one : story.contributed) {
    text += "  " + one.site.str() +
            (korean ? " (" + one.member.str() + "): " : " of " + one.member.str() + ": ");
    text += NumbersOf(one, korean) + (korean ? ", 데이터" : ", on");
    for (const auto& what : one.datasets) text += " " + Text(what);
    text += (korean ? " (항목 " : " (entry ") + std::to_string(one.submission) + ")\n";
  }
  if (story.sums) {
    const std::string tokens = std::to_string(story.sums->tokens);
    const std::string steps = std::to_string(story.sums->steps);
    text += korean ? "  모두 합쳐 토큰 " + tokens + "개, " + steps + "스텝\n"
                   : "  all of them together: " + tokens + " tokens, " + steps + " steps\n";
  }
  for (const ledger::ExcludedSite& one : story.left_out) {
    const auto language = korean ? ledger::Language::kKorean : ledger::Language::kEnglish;
    text += (korean ? "  빠진 곳 " : "  without ") + one.site.str() + ": " +
            ledger::WordsAndCode(one.reason, language) + "\n";
  }
  return text;
}

std::string DatasetsText(const lineage::ModelLineage& story, bool korean) {
  std::string text;
  for (const auto& dataset : story.datasets) {
    const std::string rounds = std::to_string(dataset.rounds.size());
    const std::string entry = std::to_string(dataset.registered);
    text +=
        "  " + Text(dataset.what) +
        (korean ? " (" + dataset.custodian.str() + "), 라운드 " + rounds + "개 (항목 " + entry + ")"
                : " of " + dataset.custodian.str() + ", in " + rounds +
                      (rounds == "1" ? " round (entry " : " rounds (entry ") + entry + ")");
    if (dataset.withdrawn) {
      text += (korean ? ", 철회됨: 항목 " : ", withdrawn at entry ") +
              std::to_string(*dataset.withdrawn);
    }
    text += "\n";
  }
  return text;
}

std::string LineageText(const lineage::ModelLineage& story, const standing::State& state,
                        const std::vector<std::string>& restrictions, bool korean) {
  const auto language = korean ? terms::Language::kKorean : terms::Language::kEnglish;
  std::string text = korean ? "모델 " : "model ";
  text += story.model.Hex();
  text += korean ? "\n\n학습에 쓰인 데이터셋\n" : "\n\nDatasets behind it\n";
  text += DatasetsText(story, korean);
  text += korean ? "\n권리자들의 이용조건을 합치면\n" : "\nWhat their owners' terms come to\n";
  for (const std::string& line : restrictions) text += "  " + line + "\n";
  const char* none = korean ? "모든 조건을 만족하는 라이선스가 없음" : "none satisfies all";
  text += (korean ? "  모델에 제안하는 라이선스: " : "  licence proposed for the model: ") +
          (story.licence.licence.empty() ? none : story.licence.licence) + "\n";
  for (const auto& conflict : story.licence.conflicts) {
    text += "    " + terms::Sentence(conflict, language) + "\n";
  }
  text += korean ? "\n이 모델을 평가한 값\n" : "\nWhat it was measured on\n";
  const std::string figures = FiguresText(story.evaluations, state, korean);
  const char* no_figure = korean ? "  기록된 값이 없음\n" : "  no figure is on record\n";
  text += figures.empty() ? no_figure : figures;
  text += korean ? "\n라운드, 오래된 것부터\n" : "\nRounds, oldest first\n";
  for (const auto& round : story.rounds) text += Text(round, korean);
  return text;
}

// Of the member whose folder it is; empty: it is nobody's, or the record does not say.
std::string CountryOf(const standing::State& state, const std::string& dir) {
  const auto self = identity::LoadIdentity(OperatorFolder(dir));
  const auto member = self ? state.members.find(self->member()) : state.members.end();
  return member == state.members.end() ? std::string() : member->second.country;
}

Status ShowLineage(const std::string& dir, const std::string& name, const std::string& typed,
                   bool korean, Context& context) {
  if (!typed.empty()) DURE_TRY(CheckCountry(typed));
  DURE_ASSIGN(const auto record, RecordCopy::Open(dir, context));
  DURE_ASSIGN(const Digest model, FindModel(record->state(), name, context));
  DURE_ASSIGN(const lineage::ModelLineage story, lineage::LineageOf(record->state(), model));
  const rules::Instant now = rules::Instant::At(context.Now());
  // What a machine reads does not depend on whose machine it is.
  const auto language =
      korean && !context.json() ? terms::Language::kKorean : terms::Language::kEnglish;
  const std::string country = typed.empty() ? CountryOf(record->state(), dir) : typed;
  const std::vector<std::string> restrictions =
      RestrictionsOf(record->state(), model, country, {now.seconds}, language);
  if (context.json()) {
    ordered_json rounds = ordered_json::array();
    for (const auto& round : story.rounds) rounds.push_back(Json(round));
    ordered_json datasets = ordered_json::array();
    for (const auto& dataset : story.datasets) {
      datasets.push_back({{"dataset", dataset.what.dataset.str()},
                          {"version", dataset.what.version},
                          {"custodian", dataset.custodian.str()},
                          {"entry", dataset.registered},
                          {"rounds", dataset.rounds.size()},
                          {"withdrawn", dataset.withdrawn ? ordered_json(*dataset.withdrawn)
                                                          : ordered_json(nullptr)}});
    }
    ordered_json policies = ordered_json::array();
    for (const Digest& digest : story.policies) policies.push_back(digest.Hex());
    context.PrintJson(ordered_json{
        {"model", model.Hex()},
        {"rounds", rounds},
        {"datasets", datasets},
        {"policies", policies},
        {"licence_proposed", story.licence.licence},
        {"terms", restrictions},
        {"figures", FiguresJson(story.evaluations, record->state())},
        {"grants",
         story.grants}}.dump());
    return {};
  }
  context.Print(LineageText(story, record->state(), restrictions, korean));
  return {};
}

std::string AdmissionText(const standing::Admission& one, bool korean) {
  const std::string entry = std::to_string(one.index);
  if (korean) {
    return "  " + one.site.str() + "의 " + Text(one.what) + (one.admit ? " 승인" : " 거부") +
           " (항목 " + entry + "; 이유는 dure why " + entry + ")\n";
  }
  return "  " + std::string(one.admit ? "admitted " : "refused ") + Text(one.what) + " of " +
         one.site.str() + " (entry " + entry + "; dure why " + entry + ")\n";
}

// The record counts rounds from 0; what people watch and take away is counted from 1.
std::string CountedFrom(uint64_t number, bool korean) {
  const std::string next = std::to_string(number + 1);
  return Pick(korean,
              "The record counts rounds from 0. This one is round " + next +
                  " of dure run watch and of dure model export --round.",
              "기록은 라운드를 0부터 셉니다. dure run watch와 dure model export --round에서는 이 "
              "라운드가 " +
                  next + "입니다.");
}

Status ShowRound(const std::string& dir, const std::string& run, uint64_t number, bool korean,
                 Context& context) {
  DURE_ASSIGN(const auto record, RecordCopy::Open(dir, context));
  ordered_json attempts = ordered_json::array();
  std::string text;
  for (const auto& [at, round] : record->state().rounds) {
    if (at.run.str() != run || at.round.value != number) continue;
    std::string admissions;
    ordered_json decided = ordered_json::array();
    for (const standing::Admission& one : round.admissions) {
      decided.push_back({{"entry", one.index},
                         {"site", one.site.str()},
                         {"dataset", one.what.dataset.str()},
                         {"version", one.what.version},
                         {"admit", one.admit}});
      admissions += AdmissionText(one, korean);
    }
    ordered_json object = Json(at);
    std::string line = Text(at, korean) + ": ";
    line += round.abandoned ? Pick(korean, "abandoned\n", "중단됨\n")
                            : Pick(korean, "open\n", "진행 중\n");
    if (round.closed) {
      DURE_ASSIGN(const auto story, lineage::LineageOf(record->state(), round.model));
      for (const auto& one : story.rounds) {
        if (one.at == at) object = Json(one);
        if (one.at == at) line = Text(one, korean);
      }
    }
    object["admissions"] = decided;
    attempts.push_back(std::move(object));
    text += line + admissions;
  }
  if (attempts.empty()) {
    const std::string round = std::to_string(number);
    return Fail(ErrorCode::kNotFound,
                Pick(korean, "the record knows no round " + round + " of \"" + run + "\"",
                     "기록에 학습 \"" + run + "\"의 라운드 " + round + "번이 없습니다"));
  }
  context.Print(context.json() ? ordered_json{{"attempts", attempts}}.dump() : text);
  if (!context.json()) context.Say(CountedFrom(number, korean));
  return {};
}

}  // namespace

void AddModelLineage(Command model, Context& context) {
  auto dir = std::make_shared<std::string>();
  auto name = std::make_shared<std::string>();
  auto country = std::make_shared<std::string>();
  Command verb = AddVerb(model, "lineage", "Show what stands behind a model",
                         "dure model lineage first --dir /srv/site\n"
                         "dure model lineage 4c0ce92c76 --dir /srv/desk --json");
  verb.Add("model", *name, "Its digest, the first digits of it, or a run for its newest")
      .Required();
  verb.Add("--country", *country,
           "Where the model would go or answer, ISO 3166; your own member's by default");
  verb.Add("--dir", *dir, "A folder with a copy of the record").Required();
  AddLanguage(verb, context);
  context.Do(verb, [=, &context] {
    return ShowLineage(*dir, *name, *country, IsKorean(context), context);
  });
}

void AddRoundCommands(Command dure, Context& context) {
  Command noun = AddNoun(dure, "round", "Look at one round of a run in the record");
  auto dir = std::make_shared<std::string>();
  auto run = std::make_shared<std::string>();
  auto number = std::make_shared<uint64_t>();
  Command verb = AddVerb(noun, "show", "Show who was admitted, contributed and was left out",
                         "dure round show first 3 --dir /srv/desk\n"
                         "dure round show first 3 --dir /srv/desk --lang ko");
  verb.Add("run", *run, "The run").Required();
  verb.Add("number", *number, "The round as the record counts, from 0").Required();
  verb.Add("--dir", *dir, "A folder with a copy of the record").Required();
  AddLanguage(verb, context);
  context.Do(verb,
             [=, &context] { return ShowRound(*dir, *run, *number, IsKorean(context), context); });
}

}  // namespace dure::cli
