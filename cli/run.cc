// dure run: propose a run, watch it, stop it.
#include <algorithm>
#include <cstdlib>
#include <filesystem>
#include <memory>
#include <nlohmann/json.hpp>

#include "cli/command.h"
#include "cli/folders.h"
#include "cli/language.h"
#include "cli/nouns.h"
#include "cli/operator_desk.h"
#include "cli/phrases.h"
#include "cli/progress_view.h"
#include "cli/run_privacy.h"
#include "cli/run_proposal.h"
#include "cli/run_watch.h"
#include "cli/status_korean.h"
#include "federation/transport/json_fields.h"

namespace dure::cli {
namespace {

using nlohmann::json;
using transport::CountField;
using transport::ListField;
using transport::TextField;

// As the aggregator says it of a proposal.
constexpr std::string_view kForVote = "waiting-for-vote";

struct Target {
  std::string dir;
  std::string run;
};

// "; a share of at most 0.01 of them cut"
std::string LimitText(const json& run) {
  const auto limit = run.find("saturation_limit");
  if (limit == run.end() || !limit->is_number() || *limit == 0) return "";
  return "; a share of at most " + limit->dump() + " of them cut";
}

// ", withstands 1 colluding site"
std::string WithstandsText(const json& run) {
  if (!run.contains("withstands")) return "";
  const uint64_t sites = CountField(run, "withstands");
  return ", withstands " + std::to_string(sites) + " colluding site" + (sites == 1 ? "" : "s");
}

// Which sums are made, and what they may show.
std::string SumsText(const json& run) {
  if (!run.contains("differences")) return "";
  const uint64_t batch = CountField(run, "batch_members");
  const uint64_t part = CountField(run, "survivors_permille");
  const bool allowed = TextField(run, "differences") == "allowed";
  return "\nsums        of " + std::to_string(CountField(run, "members_min")) + " members or more" +
         (batch > 1 ? ", who come and go at least " + std::to_string(batch) + " at a time" : "") +
         (part > round::MaskingRules{}.survivors_permille
              ? ", and " + std::to_string(part) + " in a thousand of those that shared masks"
              : "") +
         (allowed ? "; one may show, beside another, a single member's part (--allow-differences)"
                  : "; none that shows, beside another, a single member's part");
}

// "public-service, for public-body,non-profit; sector health; risk ordinary; valuation none"
std::string PurposeText(const json& run, bool korean = false) {
  if (korean) return PurposeKorean(run);
  const std::string sector = TextField(run, "sector");
  return TextField(run, "purpose") + ", for " + TextField(run, "beneficiaries") +
         (sector.empty() ? "" : "; sector " + sector) + "; risk " + TextField(run, "riskClass") +
         "; valuation " + TextField(run, "valuation");
}

// By the charter that a founding writes, three members or more vote on a run that hides no update.
std::string WhatNext(const json& said, bool korean) {
  if (TextField(said, "masking") != "none") {
    return Pick(korean, "Sites decide by their own rules whether to take part.",
                "참여할지는 사이트마다 스스로 정한 규칙으로 결정합니다.");
  }
  return Pick(
      korean,
      "Without masking the aggregator sees each site's update. With three members or more "
      "the officers\nvote on such a run first, unless the charter says otherwise: dure tally "
      "--dir DESK names the entry,\ndure vote ENTRY yes --dir DESK. Then sites decide by "
      "their own rules whether to take part.",
      "가리지 않으면(masking none) 집계 서버가 사이트마다의 갱신을 봅니다. 회원이 셋 "
      "이상이면 헌장에서 달리 정하지\n않은 한 정책 담당자들이 먼저 투표합니다. dure tally "
      "--dir DESK로 항목 번호를 보고 dure vote 번호 yes --dir DESK로\n투표합니다. 그다음 "
      "참여할지는 사이트마다 스스로 정한 규칙으로 결정합니다.");
}

Status Start(const std::string& dir, const RunOptions& options, Context& context) {
  DURE_TRY(LoadOperator(dir, context.Now()).map([](const auto&) {}));  // before anything is sent
  DURE_ASSIGN(const OperatorDesk desk, OperatorDesk::Open(dir, context.Now()));
  const bool korean = IsKorean(context);
  DURE_ASSIGN(const std::string answer, desk.StartRun(options, [&](const std::string& line) {
    context.Say(korean ? InKorean(line) : line);
  }));
  if (context.json()) {
    context.PrintJson(answer);
    return {};
  }
  DURE_ASSIGN(const json said, transport::ParseJsonObject(answer, "the aggregator's answer"));
  const std::string run = TextField(said, "run");
  context.Print(Pick(korean, "run " + run + " is proposed; its manifest is sha256:",
                     rules::WithParticle("학습 " + run, "을(를)") +
                         " 제안했습니다. 내용(manifest)은 sha256:") +
                TextField(said, "manifest") + Pick(korean, "\npurpose: ", "\n목적: ") +
                PurposeText(said, korean) +
                PrivacyText(said, Pick(korean, "privacy: ", "개인정보: ")));
  context.Say(WhatNext(said, korean) + Pick(korean, "\nWatch it:  ", "\n지켜보기:  ") +
              "dure run watch --dir " + dir + " " + run);
  return {};
}

std::string Names(const json& list) {
  std::string text;
  for (const json& name : list) {
    if (name.is_string()) text += (text.empty() ? "" : ", ") + name.get<std::string>();
  }
  return text.empty() ? "none" : text;
}

// "round 3 of 20": counted from 1, as people do.
std::string RoundText(const json& run, bool korean = false) {
  if (korean) return RoundKorean(run);
  const uint64_t rounds = CountField(run, "rounds");
  const uint64_t round = std::min(CountField(run, "round") + 1, rounds);
  return "round " + std::to_string(round) + " of " + std::to_string(rounds);
}

// "training", "paused (too-few-sites)", "ended (complete)".
std::string PhaseText(const json& run, bool korean = false) {
  if (korean) return PhaseKorean(run);
  const std::string phase = TextField(run, "phase");
  std::string reason = TextField(run, "reason");
  if (reason.empty() && phase == "ended") reason = "complete";
  return phase + (reason.empty() ? "" : " (" + reason + ")");
}

std::string RunText(const json& run) {
  const std::string reason = TextField(run, "reason");
  const std::string waiting = WaitingText(run.value("waiting", json()));
  return "run         " + TextField(run, "run") + "\nphase       " + PhaseText(run) + ", " +
         RoundText(run) + ", attempt " + std::to_string(CountField(run, "attempt") + 1) +
         (waiting.empty() ? "" : "\nwaits for   " + waiting) +
         (reason != kForVote ? ""
                             : "\nwaits for   the members' officers: dure tally --dir DESK names "
                               "the entry, dure vote ENTRY yes --dir DESK") +
         "\ninvited     " + Names(ListField(run, "invited")) + "\ncohort      " +
         Names(ListField(run, "cohort")) + "; quorum " + std::to_string(CountField(run, "quorum")) +
         "\nmodel       sha256:" + TextField(run.value("base", json::object()), "model") + ", " +
         std::to_string(CountField(run, "parameters")) + " parameters\nseed        " +
         std::to_string(CountField(run, "seed")) + "\npurpose     " + PurposeText(run) +
         "\nmanifest    sha256:" + TextField(run, "manifest") + "\nmasking     " +
         TextField(run, "masking") + WithstandsText(run) + "; lanes " + TextField(run, "lane") +
         LimitText(run) + SumsText(run) + "\nmerge       " + TextField(run, "merge") +
         PrivacyText(run, "privacy     ");
}

std::string ListText(const json& list, bool korean) {
  std::string text;
  for (const json& run : ListField(list, "runs")) {
    const std::string round = run.contains("rounds") ? "  " + RoundText(run, korean) : "";
    const bool unmasked = TextField(run, "masking") == "none";
    text += TextField(run, "run") + "  " + PhaseText(run, korean) + round +
            (unmasked ? Pick(korean, "  unmasked", "  가림 없음") : "") + "\n";
  }
  if (!text.empty()) return text;
  return Pick(korean, "no run yet; propose one with dure run start",
              "아직 학습이 없습니다. dure run start로 제안하십시오");
}

Status Ask(const Target& target, const char* verb, const json& request, Context& context) {
  DURE_ASSIGN(const OperatorDesk desk, OperatorDesk::Open(target.dir, context.Now()));
  DURE_ASSIGN(const std::string answer, desk.Ask(verb, transport::JsonLine(request)));
  DURE_ASSIGN(const json said, transport::ParseJsonObject(answer, "the aggregator's answer"));
  context.Print(context.json()          ? answer
                : said.contains("runs") ? ListText(said, IsKorean(context))
                : IsKorean(context)     ? RunKorean(said)
                                        : RunText(said));
  return {};
}

// Whom a run waits for, and how long.
void AddPatience(Command verb, RunOptions& run) {
  verb.Add("--quorum", run.quorum,
           "fewest contributions a round closes with; all invited by default")
      .Between(1, 255);
  verb.Add("--join-seconds", run.join_seconds, "how long sites are waited for at a round's start")
      .ShowDefault();
  verb.Add("--deadline-seconds", run.deadline_seconds,
           "of a round, from roster to last contribution")
      .ShowDefault();
  verb.Add("--lost-seconds", run.lost_seconds, "a site gone this long is not waited for")
      .ShowDefault();
  verb.Add("--patience-seconds", run.patience_seconds,
           "how long an aggregator that falls silent during the upload is waited for")
      .Between(1, 86400)
      .ShowDefault();
}

void AddMasking(Command verb, RunOptions& run) {
  verb.Add("--masking", run.masking,
           "pairwise: the aggregator sees only sums, the default of three sites or more; or "
           "none");
  verb.Add("--members-min", run.members_min, "fewest members in a masked sum")
      .Between(3, 255)
      .ShowDefault();
  verb.Add("--batch-members", run.batch_members,
           "under masking members come and go in batches of at least so many")
      .Between(1, 4)
      .ShowDefault();
  verb.Add("--survivors-min", run.survivors_min,
           "least part of the sites that shared masks which has to be in a sum, such as 0.9")
      .Between(0.667, 1.0)
      .ShowDefault();
  verb.Flag("--allow-differences", run.allow_differences,
            "take sums whose difference to an earlier one shows one member's part; without it "
            "a round waits for whoever was in the sums before, and sets apart whoever alone was "
            "not");
}

void AddBounds(Command verb, RunOptions& run) {
  verb.Add("--code", run.code,
           "trainers whose contributions are counted: digests (dure site status) or files; "
           "any by default");
  verb.Add("--norm-max", run.norm_max,
           "the longest update that is counted (L2); no bound by default, and none under "
           "masking");
  verb.Add("--saturation-limit", run.saturation_limit,
           "a site does not send an update of which more than this share of the lanes was cut at "
           "its bounds, and nobody takes such a sum; by default they are counted and told");
  verb.Add("--passes-max", run.passes_max,
           "passes over a site's registered data that a round counts; any number by default");
}

void AddStart(Command noun, Context& context) {
  struct Typed {
    std::string dir;
    RunOptions run;
  };
  auto typed = std::make_shared<Typed>();
  Command verb = AddVerb(
      noun, "start", "propose a run to the sites",
      "dure run start --dir /srv/dure --name first --model small --rounds 20 --steps 100\n"
      "dure run start --dir D --name korean --tokenizer tokenizer.json --site kt-seoul --site "
      "naver-1 --masking none\n"
      "dure run start --dir D --name timed --steps 0 --seconds 600 --weighting equal");
  RunOptions& run = typed->run;
  verb.Add("--dir", typed->dir, "the consortium's or the operator's folder").Required();
  verb.Add("--name", run.name, "of the run: a-z, 0-9 and '-'").Required();
  verb.Add("--purpose", run.purpose,
           "statistics, scientific-research, public-archiving, public-service, "
           "product-development, commercial-service, safety-evaluation or benchmark")
      .ShowDefault();
  verb.Add("--beneficiary", run.beneficiaries,
           "whom the model serves: public-body, non-profit, for-profit; repeatable")
      .ShowDefault();
  verb.Add("--sector", run.sector, "a code such as health; none by default");
  verb.Add("--valuation", run.valuation,
           "how finely contributions will be valued: none, group or individual")
      .ShowDefault();
  AddBounds(verb, run);
  verb.Add("--risk", run.risk, "ordinary or high-impact").ShowDefault();
  verb.Add("--model", run.model, "tiny, small, or a Hugging Face Llama config.json").ShowDefault();
  verb.Add("--tokenizer", run.tokenizer, "bytes, or a tokenizer.json").ShowDefault();
  verb.Add("--from", run.from, "safetensors to start from; new weights by default");
  verb.Add("--site", run.sites, "invite only these sites; all by default");
  verb.Add("--rounds", run.rounds, "rounds of the run").ShowDefault();
  verb.Add("--steps", run.steps, "optimizer steps of a round; 0 with --seconds").ShowDefault();
  verb.Add("--seconds", run.seconds, "training seconds of a round, instead of or besides --steps");
  verb.Add("--batch", run.batch, "sequences of a batch").ShowDefault();
  verb.Add("--sequence", run.sequence, "tokens of a sequence; the model's context by default");
  verb.Add("--accumulation", run.accumulation, "batches of a step").ShowDefault();
  verb.Add("--learning-rate", run.learning_rate, "peak of the inner schedule").ShowDefault();
  verb.Add("--warmup", run.warmup, "steps; a twentieth of all by default");
  verb.Add("--schedule", run.schedule,
           "constant, cosine or wsd; cosine by default, and constant with --steps 0");
  verb.Add("--lane", run.lane,
           "bits of a parameter in an update: int8 (the default), int16 (with --privacy) or int4");
  verb.Add("--weighting", run.weighting,
           "tokens, or equal; by default tokens under the mean, and equal otherwise or with "
           "--privacy");
  verb.Add("--merge", run.merge,
           "how updates become one: mean, direction-norm, or with --masking none median, "
           "geometric-median, trimmed-mean=FAULTS, krum=FAULTS, multi-krum=FAULTS,KEEP, "
           "norm-bound=FACTOR, centered-clipping=FACTOR")
      .ShowDefault();
  AddMasking(verb, run);
  AddPrivacyOptions(verb, run);
  verb.Add("--reference-tokens", run.reference_tokens,
           "tokens a round that give full weight; with a step budget what the steps hold");
  verb.Add("--outer-eta", run.outer_eta, "outer learning rate; 1 with --outer-mu 0 is FedAvg")
      .ShowDefault();
  verb.Add("--outer-mu", run.outer_mu, "outer Nesterov momentum").ShowDefault();
  AddPatience(verb, run);
  verb.Add("--seed", run.seed,
           "of weights and data order; by default one of the run's own, made from its name");
  AddLanguage(verb, context);
  context.Do(verb, [typed, &context] { return Start(typed->dir, typed->run, context); });
}

Command AddTargeted(Command noun, const std::string& name, const std::string& line, Target& target,
                    Context& context) {
  Command verb = AddVerb(noun, name, line, "dure run " + name + " --dir /srv/dure first");
  verb.Add("--dir", target.dir, "the folder of the operator, or of the consortium").Required();
  verb.Add("run", target.run, "the run's name").Required();
  AddLanguage(verb, context);
  return verb;
}

}  // namespace

void AddRunCommands(Command dure, Context& context) {
  Command noun = AddNoun(dure, "run", "propose, watch and stop training runs");
  AddStart(noun, context);
  auto target = std::make_shared<Target>();
  Command watch = AddTargeted(noun, "watch", "see each site's state, live", *target, context);
  context.Do(watch, [target, &context] { return WatchRun(target->dir, target->run, context); });
  Command show =
      AddTargeted(noun, "show", "phase, round, cohort and model of a run", *target, context);
  context.Do(show, [target, &context] {
    return Ask(*target, "run.show", {{"run", target->run}}, context);
  });
  auto after_round = std::make_shared<bool>(false);
  Command stop =
      AddTargeted(noun, "stop", "end a run; an open round is abandoned", *target, context);
  stop.Flag("--after-round", *after_round, "let the open round close first");
  context.Do(stop, [target, after_round, &context] {
    return Ask(*target, "run.stop", {{"run", target->run}, {"after_round", *after_round}}, context);
  });
  Command resume = AddTargeted(noun, "resume", "go on with a paused run", *target, context);
  context.Do(resume, [target, &context] {
    return Ask(*target, "run.resume", {{"run", target->run}}, context);
  });
  AddRunRecord(noun, context);
  Command list = AddVerb(noun, "list", "the runs there are", "dure run list --dir /srv/dure");
  list.Add("--dir", target->dir, "the folder of the operator, or of the consortium").Required();
  AddLanguage(list, context);
  context.Do(list,
             [target, &context] { return Ask(*target, "run.list", json::object(), context); });
}

}  // namespace dure::cli
