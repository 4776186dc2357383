#include "cli/figures.h"

#include <fmt/format.h>

#include <nlohmann/json.hpp>

#include "cli/language.h"

namespace dure::cli {
namespace {

using nlohmann::ordered_json;

std::string ThreePlaces(double value) { return fmt::format("{:.3f}", value); }

// The entry that withdrew it.
std::optional<uint64_t> WithdrawnAt(const standing::State& state, const DatasetId& id) {
  const auto dataset = state.datasets.find(id);
  if (dataset == state.datasets.end() || !dataset->second.withdrawn) return std::nullopt;
  return dataset->second.withdrawn->index;
}

std::string DataText(const ledger::EvaluationReported& said, bool korean) {
  if (!said.on) return Pick(korean, "data that it does not name", "적지 않은 데이터");
  std::string text;
  for (const ledger::DatasetUsed& one : said.on->datasets) {
    text += (text.empty() ? "" : ", ") + one.what.dataset.str() + " v" +
            std::to_string(one.what.version);
  }
  return text;
}

std::string MeanText(const ledger::EvaluationReported& said, bool korean) {
  if (said.bytes == 0) return Pick(korean, "no text", "글 없음");
  const std::string mean = ThreePlaces(said.nll / static_cast<double>(said.bytes));
  std::string text = Pick(korean, mean + " nats a byte", "바이트당 " + mean + "내트");
  if (said.on && said.on->interval) {
    const std::string low = ThreePlaces(said.on->interval->low);
    const std::string high = ThreePlaces(said.on->interval->high);
    text += Pick(korean, " (95 %: " + low + " to " + high + ")",
                 "(95 % 구간 " + low + "~" + high + ")");
  }
  if (!said.on || said.on->sequences == 0) return text;
  const std::string count = std::to_string(said.on->sequences);
  return text + Pick(korean, ", " + count + " sequences", ", 시퀀스 " + count + "개");
}

std::string FigureText(const standing::Evaluation& figure, const standing::State& state,
                       bool korean) {
  const ledger::EvaluationReported& said = figure.reported;
  const std::string entry = std::to_string(figure.index);
  const std::string model = said.model.Hex().substr(0, 12);
  const std::string data = DataText(said, korean);
  std::string text = Pick(korean,
                          "  entry " + entry + ": model " + model + " on " + data + " of " +
                              said.site.str() + ": ",
                          "  항목 " + entry + ": 모델 " + model + ", 데이터 " + data + "(" +
                              said.site.str() + "): ") +
                     MeanText(said, korean);
  if (!said.on) return text + "\n";
  for (const ledger::DatasetUsed& one : said.on->datasets) {
    const auto gone = WithdrawnAt(state, one.what.dataset);
    if (!gone) continue;
    const std::string at = std::to_string(*gone);
    text += Pick(korean, "; " + one.what.dataset.str() + " was withdrawn at entry " + at,
                 "; 항목 " + at + "에서 " + one.what.dataset.str() + " 철회됨");
  }
  return text + "\n";
}

ordered_json FigureJson(const standing::Evaluation& figure, const standing::State& state) {
  const ledger::EvaluationReported& said = figure.reported;
  ordered_json object = {{"entry", figure.index},   {"model", said.model.Hex()},
                         {"site", said.site.str()}, {"nats", said.nll},
                         {"bytes", said.bytes},     {"tokens", said.tokens}};
  if (!said.on) return object;
  object["run"] = said.on->run.str();
  object["code"] = said.on->code.Hex();
  object["sequences"] = said.on->sequences;
  if (said.on->interval) {
    object["interval"] = {{"low", said.on->interval->low},
                          {"high", said.on->interval->high},
                          {"draws", said.on->interval->draws},
                          {"seed", said.on->interval->seed}};
  }
  object["datasets"] = ordered_json::array();
  for (const ledger::DatasetUsed& one : said.on->datasets) {
    const auto gone = WithdrawnAt(state, one.what.dataset);
    object["datasets"].push_back({{"dataset", one.what.dataset.str()},
                                  {"version", one.what.version},
                                  {"decision", one.admission},
                                  {"withdrawn", gone ? ordered_json(*gone) : ordered_json()}});
  }
  return object;
}

}  // namespace

std::string FiguresText(const std::vector<standing::Evaluation>& figures,
                        const standing::State& state, bool korean) {
  std::string text;
  for (const standing::Evaluation& one : figures) text += FigureText(one, state, korean);
  return text;
}

ordered_json FiguresJson(const std::vector<standing::Evaluation>& figures,
                         const standing::State& state) {
  ordered_json list = ordered_json::array();
  for (const standing::Evaluation& one : figures) list.push_back(FigureJson(one, state));
  return list;
}

}  // namespace dure::cli
