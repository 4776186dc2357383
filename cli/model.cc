// dure model: take the shared model away, try it, measure it; dure tokenizer train.
#include <filesystem>
#include <iostream>
#include <memory>
#include <nlohmann/json.hpp>

#include "cli/command.h"
#include "cli/domicile.h"
#include "cli/evaluation_table.h"
#include "cli/grant.h"
#include "cli/language.h"
#include "cli/model_desk.h"
#include "cli/nouns.h"
#include "cli/operator_desk.h"
#include "cli/phrases.h"
#include "cli/record_copy.h"
#include "cli/trying.h"
#include "model/text/documents.h"
#include "model/text/tokenizer.h"

namespace dure::cli {
namespace {

using nlohmann::json;

struct ExportOptions {
  std::string dir;
  std::string run;
  std::string to;
  int64_t round = -1;
  GrantAsk ask;
};

Status Export(const ExportOptions& options, Context& context) {
  DURE_TRY(CheckCountry(options.ask.territory));
  DURE_TRY(MayExportTo(options.to));
  DURE_ASSIGN(const auto copy, SiteCopy::Open(options.dir));
  DURE_ASSIGN(const RunId run, RunId::Parse(options.run));
  GrantAsk ask = options.ask;
  // A grant is asked for, for the record, only where there is something to take away.
  DURE_ASSIGN(const ModelFiles model, FilesOf(copy, run, options.round));
  ask.model = model.digest.Hex();
  DURE_TRY(EnsureExport(options.dir, ask, context));
  DURE_TRY(ExportModel(model, options.to));
  if (context.json()) {
    context.PrintJson(
        json{{"model", model.digest.Hex()}, {"round", model.round}, {"path", options.to}}.dump());
  } else {
    const std::string round = std::to_string(model.round);
    const std::string recorded = std::to_string(model.round - 1);
    context.Print(Pick(context,
                       "model of " + options.run + " after round " + round + " (" + recorded +
                           " in the record, which counts from 0), sha256:" + model.digest.Hex() +
                           ", is in " + options.to,
                       "학습 " + options.run + "의 라운드 " + round + "(0부터 세는 기록에서는 " +
                           recorded + ")까지 마친 모델(sha256:" + model.digest.Hex() + ")을 " +
                           options.to + "에 두었습니다"));
    context.Say(Pick(context, "Any tool that reads Hugging Face Llama folders loads it.",
                     "Hugging Face Llama 폴더를 읽는 도구라면 모두 불러올 수 있습니다."));
  }
  return {};
}

// Decided here and recorded nowhere, like everything that a site does with what lies there.
Status MayTry(const std::string& dir, const RunId& run, const Digest& model, Context& context) {
  DURE_ASSIGN(const auto record, RecordCopy::Open(dir, context));
  const auto forbidden = WhatForbidsTrying(
      record->state(), run, model, rules::Instant::At(context.Now()), TermsLanguage(context));
  if (forbidden.empty()) return {};
  std::string message =
      Pick(context, "the owners of the data behind this model do not let it be tried:",
           "이 모델의 학습에 쓰인 데이터의 권리자가 모델을 시험하도록 허용하지 않았습니다.");
  for (const std::string& line : forbidden) message += "\n  " + line;
  return Fail(ErrorCode::kPermissionDenied, std::move(message));
}

Status Generate(const std::string& dir, const std::string& run_name, const std::string& folder,
                const Prompt& prompt, Context& context) {
  Result<std::string> text = Fail(ErrorCode::kInvalid, "give --model, or --dir and --run");
  if (!folder.empty()) {
    text = GenerateFrom(
        {folder + "/model.safetensors", folder + "/config.json", folder + "/tokenizer.json"},
        prompt);
  } else if (!dir.empty() && !run_name.empty()) {
    DURE_ASSIGN(const auto copy, SiteCopy::Open(dir));
    DURE_ASSIGN(const RunId run, RunId::Parse(run_name));
    DURE_ASSIGN(const auto files, FilesOf(copy, run, -1));
    DURE_TRY(MayTry(dir, run, files.digest, context));
    text = GenerateFrom(files, prompt);
  }
  if (!text) return Fail(std::move(text.error()));
  if (context.json()) {
    context.PrintJson(json{{"prompt", prompt.text}, {"text", *text}}.dump(
        -1, ' ', false, json::error_handler_t::replace));
  } else {
    context.Print(prompt.text + *text);
  }
  return {};
}

Status Evaluate(const std::string& dir, const std::string& run, const std::string& model,
                uint32_t seconds, Context& context) {
  if (!model.empty()) {
    const auto digest = Digest::FromHex(model);
    if (!digest) return Within(digest.error(), "--model is a model's digest, 64 hex digits");
  }
  DURE_ASSIGN(const auto desk, OperatorDesk::Open(dir, context.Now()));
  context.Say(Pick(context,
                   "asking every invited site to measure the model on its own held-out text",
                   "초대한 모든 사이트에 저마다의 평가용 글로 모델을 평가해 달라고 요청합니다"));
  DURE_ASSIGN(const auto evaluated,
              desk.Evaluate(run, model, {}, std::chrono::seconds(seconds),
                            [&context](const std::string& line) { context.Say(line); }));
  if (context.json()) {
    context.PrintJson(evaluated.shown);
    return evaluated.Whole();
  }
  DURE_ASSIGN(const auto measurements, ParseEvaluation(evaluated.shown));
  const std::string intervals = IntervalsText(measurements, IsKorean(context));
  context.Print(EvaluationTable({{"model", evaluated.shown}}, kTableRoom, IsKorean(context)) +
                (intervals.empty() ? "" : "\n" + intervals));
  for (const Measurement& measurement : measurements) {
    const std::string& error = measurement.error;
    if (error.empty()) continue;
    context.Say(measurement.site + ": " + (IsKorean(context) ? InKorean(error) : error));
  }
  return evaluated.Whole();
}

Status TrainTokenizer(const std::vector<std::string>& inputs, uint32_t vocabulary,
                      const std::string& to, Context& context) {
  text::TokenizerTrainer trainer;
  uint64_t bytes = 0;
  for (const std::string& input : inputs) {
    DURE_ASSIGN(const auto report, text::ReadDocuments({input, {}}, [&](std::string_view document) {
                  trainer.Add(document);
                  bytes += document.size();
                  return true;
                }));
    context.Say(input + ": " + std::to_string(report.documents) +
                (report.documents == 1 ? " document" : " documents"));
  }
  DURE_ASSIGN(const auto tokenizer, trainer.Train(vocabulary));
  DURE_TRY(tokenizer.Save(to));
  const json result = {
      {"tokens", tokenizer.vocab_size()}, {"bytes", bytes}, {"path", to + "/tokenizer.json"}};
  context.Print(context.json()
                    ? result.dump()
                    : std::to_string(tokenizer.vocab_size()) + " tokens from " +
                          std::to_string(bytes) + " bytes of text; " + to + "/tokenizer.json");
  return {};
}

}  // namespace

void AddModelCommands(Command dure, Context& context) {
  Command noun = AddNoun(dure, "model", "take the shared model away, try it, measure it");
  AddModelLineage(noun, context);
  AddModelFolderVerbs(noun, context);
  auto out = std::make_shared<ExportOptions>();
  Command exporting =
      AddVerb(noun, "export", "a folder that Hugging Face tools load, from a site's own copy",
              "dure model export --dir /var/lib/dure-site --run first --to ./model");
  exporting.Add("--dir", out->dir, "the site's folder").Required();
  exporting.Add("--run", out->run, "the run").Required();
  exporting.Add("--to", out->to, "the folder to make; an empty one may be there").Required();
  exporting.Add("--round", out->round,
                "after which round, counted from 1 as run watch does; the last by default");
  exporting.Add("--purpose", out->ask.purpose, "for what it is taken away").ShowDefault();
  exporting.Add("--territory", out->ask.territory, "where to, ISO 3166").ShowDefault();
  AddLanguage(exporting, context);
  context.Do(exporting, [out, &context] { return Export(*out, context); });

  struct Asked {
    std::string dir;
    std::string run;
    std::string model;
    Prompt prompt;
    uint32_t seconds = 3600;
  };
  auto asked = std::make_shared<Asked>();
  Command generate =
      AddVerb(noun, "generate", "let the model go on with a text",
              "dure model generate --dir S --run first --prompt \"두레는\"\n"
              "dure model generate --model ./model --prompt \"The\" --temperature 0.8");
  generate.Add("--dir", asked->dir, "the site's folder");
  generate.Add("--run", asked->run, "the run");
  generate.Add("--model", asked->model, "an exported folder instead");
  generate.Add("--prompt", asked->prompt.text, "the text to go on with").Required();
  generate.Add("--tokens", asked->prompt.tokens, "tokens to make at most").ShowDefault();
  generate.Add("--temperature", asked->prompt.temperature, "0 always takes the likeliest")
      .ShowDefault();
  generate.Add("--top-k", asked->prompt.top_k, "choose among so many; 0 for all").ShowDefault();
  generate.Add("--seed", asked->prompt.seed, "of the choices").ShowDefault();
  AddLanguage(generate, context);
  context.Do(generate, [asked, &context] {
    return Generate(asked->dir, asked->run, asked->model, asked->prompt, context);
  });

  auto measured = std::make_shared<Asked>();
  Command evaluate =
      AddVerb(noun, "evaluate", "have every site measure the model on its held-out text",
              "dure model evaluate --dir /srv/dure --run first\n"
              "dure model evaluate --dir /srv/dure --run first --seconds 60");
  evaluate
      .Add("--dir", measured->dir,
           "the folder of an operator or a researcher, or of the consortium")
      .Required();
  evaluate.Add("--run", measured->run, "the run whose model and tokenizer are meant").Required();
  evaluate.Add("--model", measured->model, "digest of another version; the current one by default");
  evaluate.Add("--seconds", measured->seconds, "how long sites are waited for")
      .Between(1, 604800)
      .ShowDefault();
  AddLanguage(evaluate, context);
  context.Do(evaluate, [measured, &context] {
    return Evaluate(measured->dir, measured->run, measured->model, measured->seconds, context);
  });
}

void AddTokenizerCommands(Command dure, Context& context) {
  Command tokenizer = AddNoun(dure, "tokenizer", "the tokenizer that a run's members agree on");
  struct Training {
    std::vector<std::string> inputs;
    uint32_t vocabulary = 8192;
    std::string to;
  };
  auto training = std::make_shared<Training>();
  Command train =
      AddVerb(tokenizer, "train", "learn a byte-level BPE from text that may be shown to all",
              "dure tokenizer train --input public-text/ --vocabulary 16384 --to tokenizer/");
  train
      .Add("--input", training->inputs,
           "folders or files; their words will be readable in the vocabulary")
      .Required();
  train.Add("--vocabulary", training->vocabulary, "tokens").ShowDefault();
  train.Add("--to", training->to, "the folder to write").Required();
  context.Do(train, [training, &context] {
    return TrainTokenizer(training->inputs, training->vocabulary, training->to, context);
  });
}

}  // namespace dure::cli
