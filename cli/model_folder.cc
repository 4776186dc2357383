// dure model check, dure model measure: what whoever was handed an exported folder does with it.
#include "cli/model_folder.h"

#include <fmt/format.h>

#include <cmath>
#include <fstream>
#include <iterator>
#include <memory>
#include <nlohmann/json.hpp>
#include <optional>
#include <thread>
#include <vector>

#include "cli/command.h"
#include "cli/language.h"
#include "cli/nouns.h"
#include "cli/read_text.h"
#include "cli/record_copy.h"
#include "federation/blob/manifest.h"
#include "model/config.h"
#include "model/cpu/evaluate.h"
#include "model/layout.h"
#include "model/safetensors.h"
#include "model/text/batches.h"
#include "model/text/tokenizer.h"

namespace dure::cli {
namespace {

namespace fs = std::filesystem;

Result<std::string> SmallFile(const fs::path& path) {
  std::ifstream in(path, std::ios::binary);
  if (!in) return Fail(ErrorCode::kNotFound, path.string() + " is not there");
  return std::string(std::istreambuf_iterator<char>(in), {});
}

std::optional<RecordedModel> Recorded(const standing::State& state, const Digest& model) {
  if (const auto made = state.models.find(model);
      made != state.models.end() && !made->second.empty()) {
    const auto& at = made->second.front();
    return RecordedModel{model, at.run, at.round.value + 1, state.rounds.at(at).closed.value_or(0)};
  }
  for (const auto& [id, run] : state.runs) {
    if (run.Field("initialModel") == model.Hex()) {
      return RecordedModel{model, id, 0, run.proposed};
    }
  }
  return std::nullopt;
}

// Weights under another configuration or vocabulary are another model.
Status CheckBeside(const standing::Run& run, const fs::path& folder) {
  const auto altered = [&](const char* file, const char* of) {
    return Fail(ErrorCode::kCorrupt, (folder / file).string() + " is not the " + of +
                                         " that the record has for these weights");
  };
  DURE_ASSIGN(const std::string config, SmallFile(folder / "config.json"));
  if (Sha256(AsBytes(config)).Hex() != run.Field("modelConfig")) {
    return altered("config.json", "configuration");
  }
  DURE_ASSIGN(const std::string tokenizer, SmallFile(folder / "tokenizer.json"));
  std::string expected = run.Field("tokenizer");
  if (expected == "bytes") {
    DURE_ASSIGN(const auto bytes, text::Tokenizer::Load(expected));
    expected = blob::ManifestOf(AsBytes(bytes.json())).BlobDigest().Hex();
  }
  if (blob::ManifestOf(AsBytes(tokenizer)).BlobDigest().Hex() == expected) return {};
  return altered("tokenizer.json", "tokenizer");
}

// As trainers write a document: bos, tokens, eos.
struct TokenStream {
  std::vector<uint32_t> tokens;
  bool whole = true;
};

Result<text::ReadReport> ReadTokens(const text::Source& source, const text::Tokenizer& tokenizer,
                                    uint64_t tokens_max, TokenStream& stream) {
  return text::ReadDocuments(source, [&](std::string_view document) {
    const std::vector<uint32_t> ids = tokenizer.Encode(std::string(document));
    stream.tokens.push_back(tokenizer.bos());
    stream.tokens.insert(stream.tokens.end(), ids.begin(), ids.end());
    stream.tokens.push_back(tokenizer.eos());
    if (tokens_max == 0 || stream.tokens.size() <= tokens_max) return true;
    stream.tokens.resize(tokens_max);
    stream.whole = false;
    return false;
  });
}

}  // namespace

Result<RecordedModel> FindRecorded(const standing::State& state, const fs::path& folder) {
  const fs::path weights = folder / "model.safetensors";
  DURE_ASSIGN(const blob::Manifest manifest, blob::ManifestOfFile(weights.string()));
  const Digest model = manifest.BlobDigest();
  const auto found = Recorded(state, model);
  if (!found) {
    return Fail(ErrorCode::kCorrupt,
                weights.string() + " is no model of this record: its digest is " + model.Hex() +
                    ". It was changed, it is of another consortium, or this copy of the record "
                    "ends before its round");
  }
  DURE_TRY(CheckBeside(state.runs.at(found->run), folder));
  return *found;
}

Result<MeasuredText> MeasureText(const fs::path& folder, const text::Source& source,
                                 const MeasureLimits& limits) {
  DURE_ASSIGN(const auto config, model::ReadConfig(folder / "config.json"));
  DURE_ASSIGN(const auto weights, model::SafetensorsFile::Open(folder / "model.safetensors"));
  DURE_ASSIGN(const auto tokenizer, text::Tokenizer::Load((folder / "tokenizer.json").string()));
  if (weights.layout() != model::LlamaLayout(config) || config.vocab < tokenizer.vocab_size()) {
    return Fail(ErrorCode::kInvalid,
                folder.string() + ": weights, config.json and tokenizer.json are not of one model");
  }
  const model::cpu::EvaluateOptions options{
      .batch = 1,
      .sequence = limits.sequence == 0 ? config.context : limits.sequence,
      .threads = limits.threads};
  DURE_ASSIGN(const auto evaluator, model::cpu::Evaluator::Create(config, options));
  TokenStream stream;
  MeasuredText measured;
  DURE_ASSIGN(measured.read, ReadTokens(source, tokenizer, limits.tokens_max, stream));
  measured.whole = stream.whole;
  const uint64_t sequences = text::EvaluationSequenceCount(stream.tokens, options.sequence);
  text::Batch one;
  for (uint64_t i = 0; i < sequences; ++i) {
    text::EvaluationBatch(stream.tokens, tokenizer, i, 1, options.sequence, &one);
    DURE_ASSIGN(const auto part, evaluator->Evaluate(weights.flat(), one.inputs, one.targets));
    measured.nats += part.nats;
    measured.tokens += part.tokens;
    measured.bytes += one.bytes;
  }
  if (measured.bytes > 0) return measured;
  return Fail(ErrorCode::kInvalid, "there is too little text to measure on");
}

namespace {

Status CheckFolder(const std::string& folder, const std::string& dir, Context& context) {
  DURE_ASSIGN(const auto record, RecordCopy::Open(dir, context));
  DURE_ASSIGN(const RecordedModel found, FindRecorded(record->state(), folder));
  if (context.json()) {
    context.PrintJson(nlohmann::ordered_json{
        {"model", found.model.Hex()},
        {"run", found.run.str()},
        {"round", found.rounds},
        {"entry",
         found.entry}}.dump());
    return {};
  }
  const std::string run = found.run.str();
  const std::string rounds = std::to_string(found.rounds);
  const std::string entry = std::to_string(found.entry);
  const std::string which =
      found.rounds == 0 ? Pick(context, "the first weights of " + run + " (entry " + entry + ")",
                               "학습 " + run + "의 첫 가중치(항목 " + entry + ")")
                        : Pick(context,
                               "the model of " + run + " after round " + rounds +
                                   " (closed by entry " + entry + ")",
                               "학습 " + run + "의 라운드 " + rounds + "까지 마친 모델(항목 " +
                                   entry + "에서 완료)");
  context.Print(Pick(context,
                     folder + " holds " + which + ", sha256:" + found.model.Hex() +
                         ": weights, config.json and tokenizer.json are those of the record.",
                     folder + "에 있는 것은 " + which + "입니다(sha256:" + found.model.Hex() +
                         "). 가중치, config.json, tokenizer.json이 모두 기록과 같습니다."));
  context.Say(Pick(context, "What stands behind it: dure model lineage ",
                   "이 모델 뒤에 있는 데이터: dure model lineage ") +
              found.model.Hex().substr(0, 16) + " --dir " + dir);
  return {};
}

Status MeasureFolder(const std::string& folder, const text::Source& source,
                     const MeasureLimits& limits, Context& context) {
  DURE_ASSIGN(const MeasuredText measured, MeasureText(folder, source, limits));
  const double loss = measured.NatsPerByte();
  if (context.json()) {
    context.PrintJson(nlohmann::ordered_json{
        {"documents", measured.read.documents},
        {"tokens", measured.tokens},
        {"bytes", measured.bytes},
        {"nats", measured.nats},
        {"nats_per_byte", loss},
        {"perplexity_per_byte", std::exp(loss)},
        {"whole",
         measured.whole}}.dump());
    return {};
  }
  context.Say(ReadText(measured.read, context));
  const std::string figure = fmt::format("{:.3f} ({:.2f})", loss, std::exp(loss));
  const std::string tokens = std::to_string(measured.tokens);
  const std::string bytes = std::to_string(measured.bytes);
  context.Print(Pick(context,
                     figure + " nats per byte (perplexity per byte), from " + tokens + " tokens, " +
                         bytes + " bytes; smaller is better",
                     figure + " 바이트당 손실(괄호 안은 바이트당 퍼플렉시티). 토큰 " + tokens +
                         "개, " + bytes + "바이트에서 쟀으며, 작을수록 좋습니다"));
  if (!measured.whole) {
    context.Say(Pick(context, "only the text's beginning; --tokens 0 measures on all of it",
                     "글의 앞부분만 썼습니다. 전체로 재려면 --tokens 0을 붙이십시오"));
  }
  return {};
}

}  // namespace

void AddModelFolderVerbs(Command model, Context& context) {
  struct Asked {
    std::string folder;
    std::string dir;
    text::Source source;
    std::string data;
    MeasureLimits limits{.threads = std::max(1u, std::thread::hardware_concurrency())};
  };
  auto checked = std::make_shared<Asked>();
  Command check = AddVerb(model, "check", "whether a folder holds a model of the record, unchanged",
                          "dure model check --model ./model --dir /var/lib/dure-site\n"
                          "dure model check --model ./model --dir desk --json");
  check.Add("--model", checked->folder, "the exported folder").Required();
  check.Add("--dir", checked->dir, "A folder with a copy of the record").Required();
  AddLanguage(check, context);
  context.Do(check,
             [checked, &context] { return CheckFolder(checked->folder, checked->dir, context); });

  auto asked = std::make_shared<Asked>();
  Command measure = AddVerb(model, "measure", "measure an exported model on your own text, here",
                            "dure model measure --model ./model --data held-out.txt\n"
                            "dure model measure --model ./model --data r.tsv --column text");
  measure.Add("--model", asked->folder, "the exported folder").Required();
  measure.Add("--data", asked->data, "text: a folder or a file (text, TSV, CSV, JSONL, JSON)")
      .Required();
  measure.Add("--column", asked->source.columns,
              "columns or fields that hold text; guessed by default");
  measure.Add("--tokens", asked->limits.tokens_max, "of the text, from its beginning; 0 for all")
      .ShowDefault();
  measure.Add("--sequence", asked->limits.sequence,
              "tokens that the model sees at once; its context by default");
  measure.Add("--threads", asked->limits.threads, "all cores by default").Between(1, 4096);
  AddLanguage(measure, context);
  context.Do(measure, [asked, &context] {
    asked->source.path = asked->data;
    return MeasureFolder(asked->folder, asked->source, asked->limits, context);
  });
}

}  // namespace dure::cli
