// dure plan: what a training over institutions will cost, from its size and the sites' means.
#include "planning/plan.h"

#include <algorithm>
#include <iterator>
#include <memory>
#include <nlohmann/json.hpp>

#include "cli/command.h"
#include "cli/nouns.h"
#include "cli/plan_cpu.h"
#include "cli/plan_privacy.h"
#include "planning/quantity.h"
#include "site/launcher/launcher.h"

namespace dure::cli {
namespace {

using planning::Plan;
using planning::Question;

// Quantities as typed; empty: the preset's or the default.
struct PlanOptions {
  std::string params;
  std::string gpus, peak, gpu_memory, gpu_link, tokens, micro_tokens;
  std::string link, port, mask_rate;
  uint32_t layers = 0;
  uint32_t width = 0;
  std::string lane = "int8";
  std::string masking;
  Question q;
  std::string coordinates;
  PrivacyQuestion privacy;
  bool memory = false;
  bool overlap_given = false;
  CpuQuestion cpu;
};

Status Take(const char* option, const std::string& text, Result<double> (*parse)(std::string_view),
            double& value) {
  if (text.empty()) return {};
  const Result<double> parsed = parse(text);
  if (!parsed) return Within(parsed.error(), option);
  value = *parsed;
  return {};
}

Result<Question> QuestionOf(const PlanOptions& options) {
  Question q = options.q;
  if (const auto preset = planning::Preset(options.params)) {
    q.parameters = preset->parameters;
    q.shape = preset->shape;
    q.gpus = preset->gpus;
    q.tokens_per_step = preset->tokens_per_step;
  } else {
    DURE_TRY(Take("--params", options.params, planning::ParseCount, q.parameters));
  }
  DURE_TRY(Take("--gpus", options.gpus, planning::ParseCount, q.gpus));
  DURE_TRY(Take("--tokens", options.tokens, planning::ParseCount, q.tokens_per_step));
  DURE_TRY(
      Take("--micro-tokens", options.micro_tokens, planning::ParseCount, q.tokens_per_micro_step));
  DURE_TRY(Take("--gpu-memory", options.gpu_memory, planning::ParseBytes, q.gpu_memory_bytes));
  DURE_TRY(Take("--gpu-link", options.gpu_link, planning::ParseBytes, q.gpu_link_bytes_s));
  DURE_TRY(Take("--link", options.link, planning::ParseRate, q.link_bits_s));
  DURE_TRY(Take("--port", options.port, planning::ParseRate, q.port_bits_s));
  DURE_TRY(Take("--mask-rate", options.mask_rate, planning::ParseBytes, q.mask_bytes_core_s));
  DURE_TRY(Take("--peak", options.peak, planning::ParseCount, q.peak_flops));
  if (options.layers != 0) q.shape.layers = options.layers;
  if (options.width != 0) q.shape.width = options.width;
  // The default, which is nobody's wish, in short rounds.
  if (!options.overlap_given) q.overlap_steps = std::min(q.overlap_steps, q.steps);
  q.lane_bits = options.lane == "int4" ? 4 : options.lane == "int16" ? 16 : 8;
  q.masked = options.masking.empty() ? q.sites >= 3 : options.masking == "pairwise";
  return q;
}

void PrintPlan(const Plan& plan, Context& context) {
  if (context.json()) {
    nlohmann::json object = nlohmann::json::object();
    for (const planning::Section& section : plan.sections) {
      for (const planning::Figure& figure : section.figures) {
        object[figure.name] = {{"value", figure.value},
                               {"unit", figure.unit},
                               {"text", figure.text},
                               {"sentence", figure.sentence}};
      }
    }
    context.PrintJson(object.dump());
    return;
  }
  std::string text;
  for (const planning::Section& section : plan.sections) {
    text += (text.empty() ? "" : "\n") + section.title + "\n";
    for (const planning::Figure& figure : section.figures) {
      std::string amount = figure.text;
      amount.resize(std::max<size_t>(amount.size(), 14), ' ');
      text += "  " + amount + "  " + figure.sentence + "\n";
    }
  }
  context.Print(text);
}

Status MakeAndPrint(const PlanOptions& options, Context& context) {
  if (!options.cpu.model.empty()) {
    if (!options.memory) return Fail(ErrorCode::kInvalid, "--model goes with --memory");
    DURE_ASSIGN(const Plan plan, CpuMemoryPlan(options.cpu));
    PrintPlan(plan, context);
    return {};
  }
  if (options.params.empty()) return Fail(ErrorCode::kInvalid, "give --params, or --model");
  DURE_ASSIGN(const Question question, QuestionOf(options));
  auto plan = options.memory ? planning::MakeMemoryPlan(question) : planning::MakePlan(question);
  if (!plan) return Fail(plan.error());
  if (auto engine = EngineSection(question)) {
    const auto memory = std::ranges::find_if(plan->sections, [](const planning::Section& section) {
      return section.title.starts_with("Memory");
    });
    plan->sections.insert(std::next(memory), std::move(*engine));
  }
  if (options.privacy.noise_multiplier != 0 && !options.memory) {
    PrivacyQuestion privacy = options.privacy;
    DURE_TRY(Take("--coordinates", options.coordinates, planning::ParseCount, privacy.coordinates));
    DURE_ASSIGN(planning::Section section, PrivacySection(privacy, question, *plan));
    plan->sections.push_back(std::move(section));
  }
  PrintPlan(*plan, context);
  return {};
}

void AddSiteOptions(Command verb, PlanOptions& o) {
  verb.Add("--gpus", o.gpus, "GPUs of one site");
  verb.Add("--tokens", o.tokens, "Tokens of one step of one site, such as 2M");
  verb.Add("--peak", o.peak, "Operations a second of one GPU in bf16, such as 989T");
  verb.Add("--mfu", o.q.mfu, "Share of the peak that a step reaches").ShowDefault();
  verb.Add("--gpu-memory", o.gpu_memory, "Memory of one GPU, such as 141GB");
  verb.Add("--gpu-link", o.gpu_link, "Bytes a second from GPU to GPU, such as 50GB");
  verb.Add("--tensor-parallel", o.q.tensor_parallel,
           "GPUs that share each layer, with a trainer that can; Dure's own cannot")
      .ShowDefault();
  verb.Add("--micro-tokens", o.micro_tokens, "Tokens in flight on one GPU, such as 8192");
  verb.Add("--layers", o.layers, "Layers, if not the usual number for the size");
  verb.Add("--width", o.width, "Width, likewise");
}

void AddExchangeOptions(Command verb, PlanOptions& o) {
  verb.Add("--sites", o.q.sites, "Institutions that train").ShowDefault();
  verb.Add("--steps", o.q.steps, "Optimizer steps a round").ShowDefault();
  verb.Add("--link", o.link, "A site's link, such as 10Gbps");
  verb.Add("--efficiency", o.q.link_efficiency, "Share of a link that data gets").ShowDefault();
  verb.Add("--port", o.port, "The aggregator's port, such as 10Gbps");
  verb.Add("--lane", o.lane, "int4, int8 or int16").OneOf({"int4", "int8", "int16"}).ShowDefault();
  verb.Add("--masking", o.masking, "pairwise (of three sites or more, the default) or none")
      .OneOf({"pairwise", "none"});
  verb.Add("--dropouts", o.q.dropped, "Sites that drop out while masked");
  verb.Add("--cores", o.q.cores, "Cores for masking").ShowDefault();
  verb.Add("--mask-rate", o.mask_rate, "Keystream a second of one core, such as 7GB");
  verb.Add("--fragments", o.q.fragments, "Parts in which a streaming round travels");
  verb.Read<double>(
      "--overlap",
      [&o](const double& steps) {
        o.q.overlap_steps = steps;
        o.overlap_given = true;
      },
      "Steps that one part has to travel; 5 by default, or a round's if it has fewer");
  verb.Add("--target", o.q.utilisation_target, "Share of time in which GPUs shall compute")
      .ShowDefault();
  verb.Add("--tokens-per-parameter", o.q.tokens_per_parameter, "Length of the whole run")
      .ShowDefault();
}

void AddCpuOptions(Command verb, Option params, CpuQuestion& cpu) {
  verb.Add("--model", cpu.model,
           "With --memory: what Dure's engines take for this model, tiny, small or a config.json, "
           "or its folder")
      .Excludes(params);
  verb.Add("--ranks", cpu.ranks, "Processes that train it together")
      .Between(1u, launcher::kRanksMax)
      .Excludes(params);
  verb.Add("--zero", cpu.zero, "What they split").Between(0u, 3u).Excludes(params);
  verb.Add("--batch", cpu.batch, "Sequences of a batch").ShowDefault().Excludes(params);
  verb.Add("--sequence", cpu.sequence, "Tokens of each; the model's context by default")
      .Excludes(params);
  verb.Add("--threads", cpu.threads, "Threads of a rank").Between(1u, 1024u).Excludes(params);
}

}  // namespace

void AddPlanCommand(Command dure, Context& context) {
  auto options = std::make_shared<PlanOptions>();
  Command verb = AddVerb(dure, "plan", "what a training will take: time, memory, links, disk",
                         "dure plan --params 13B --sites 5\n"
                         "dure plan --params 204B --sites 5 --gpus 512 --link 10Gbps\n"
                         "dure plan --params 204B --memory --tensor-parallel 8\n"
                         "dure plan --model config.json --memory --ranks 4 --zero 2");
  const Option params =
      verb.Add("--params", options->params,
               "Parameters: 1.3B, 13B, 204B and 600B bring GPUs and batch that suit them");
  verb.Flag("--memory", options->memory, "Only the memory of a GPU and of a site");
  AddCpuOptions(verb, params, options->cpu);
  AddSiteOptions(verb, *options);
  AddExchangeOptions(verb, *options);
  verb.Add("--noise", options->privacy.noise_multiplier,
           "Noise for a member's privacy, in clip norms, such as 1");
  verb.Add("--delta", options->privacy.delta, "For its epsilon").ShowDefault();
  verb.Add("--coordinates", options->coordinates, "Parameters with noise, if only an adapter's");
  context.Do(verb, [options, &context] { return MakeAndPrint(*options, context); });
}

}  // namespace dure::cli
