#include "cli/evaluation_table.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <map>
#include <nlohmann/json.hpp>
#include <optional>
#include <set>

#include "cli/columns.h"
#include "federation/transport/json_fields.h"

namespace dure::cli {

using nlohmann::json;

namespace {

constexpr size_t kHeadMax = 16;  // a longer name is cut
constexpr size_t kHeadLeast = 8;
constexpr size_t kFirstMax = 24;
constexpr size_t kFirstLeast = 12;

// How the table is drawn; two columns are left free before a line.
struct TableShape {
  size_t first = kFirstMax;
  size_t cell = kHeadMax;
  size_t gap = 2;
  int perplexity_digits = 2;  // behind the point, from ten on
  size_t together = 1;        // models beside each other
};

std::string Cell(const Measurement& measurement, int perplexity_digits, bool korean) {
  if (!measurement.error.empty()) return korean ? "실패" : "failed";
  const double nats = measurement.NatsPerByte();
  const double perplexity = std::exp(nats);
  const int digits = perplexity < 10 ? 2 : perplexity_digits;
  return fmt::format("{:.3f} ({:.{}f})", nats, perplexity, digits);
}

// "docs alone" as "docs" over "alone": under each other names need half the width.
struct TwoLines {
  std::string above;
  std::string below;
};

TwoLines InTwo(const std::string& name) {
  const size_t space = name.rfind(' ');
  if (space == std::string::npos) return {"", name};
  return {name.substr(0, space), name.substr(space + 1)};
}

// What there is to draw.
struct Figures {
  std::vector<std::string> names;
  std::map<std::string, std::vector<std::optional<Measurement>>> sites;
  std::vector<Measurement> totals;
  std::string whose;  // text the last row adds up
  bool korean = false;

  std::string Title() const { return korean ? "평가용 글의 주인" : "held-out text of"; }
  std::string ShortTitle() const { return korean ? "글의 주인" : "text of"; }
  size_t FirstWidth() const {
    size_t width = std::max(WidthOf(Title()), WidthOf(whose));
    for (const auto& [site, row] : sites) width = std::max(width, WidthOf(site));
    return width;
  }
  size_t HeadWidth() const {
    size_t width = 0;
    for (const std::string& name : names) {
      const TwoLines head = InTwo(name);
      width = std::max({width, WidthOf(head.above), WidthOf(head.below)});
    }
    return width;
  }
  size_t CellWidth(int digits) const {
    size_t width = 0;
    for (const Measurement& total : totals)
      width = std::max(width, WidthOf(Cell(total, digits, korean)));
    for (const auto& [site, row] : sites) {
      for (const auto& one : row) {
        if (one) width = std::max(width, WidthOf(Cell(*one, digits, korean)));
      }
    }
    return width;
  }
};

size_t Models(const TableShape& shape, size_t room) {
  const size_t taken = 2 + shape.first;
  return taken >= room ? 0 : (room - taken) / (shape.gap + shape.cell);
}

TableShape ShapeFor(const Figures& figures, size_t room) {
  const size_t models = figures.names.size();
  const size_t head = figures.HeadWidth();
  const size_t first = figures.FirstWidth();
  const auto shape_of = [&](int digits, size_t gap, size_t head_max) {
    const size_t cell = std::max(figures.CellWidth(digits), std::min(head, head_max));
    return TableShape{std::min(first, kFirstMax), cell, gap, digits, std::max<size_t>(models, 1)};
  };
  const TableShape roomy = shape_of(2, 2, kHeadMax);
  for (TableShape shape : {roomy, shape_of(2, 1, kHeadLeast), shape_of(1, 1, kHeadLeast)}) {
    const size_t others = 2 + models * (shape.gap + shape.cell);
    if (others + std::min(kFirstLeast, shape.first) > room) continue;
    shape.first = std::min(shape.first, room - others);
    return shape;
  }
  // Several tables, as even as can be.
  TableShape shape = roomy;
  shape.first = std::min(shape.first, std::max(kFirstLeast, WidthOf(figures.Title())));
  const size_t most = std::max<size_t>(Models(shape, room), 1);
  const size_t tables = (models + most - 1) / most;
  shape.together = (models + tables - 1) / tables;
  return shape;
}

// The models [begin, end) beside each other.
std::string Block(const Figures& figures, const TableShape& shape, size_t begin, size_t end) {
  const auto line = [&shape](const std::string& label) {
    return "\n  " + LeftAligned(label, shape.first);
  };
  const auto cell = [&shape](const std::string& text) {
    return std::string(shape.gap, ' ') + RightAligned(text, shape.cell);
  };
  bool in_two = false;
  for (size_t i = begin; i < end; ++i) in_two = in_two || WidthOf(figures.names[i]) > shape.cell;
  std::string table;
  if (in_two) {
    table += line("");
    for (size_t i = begin; i < end; ++i) table += cell(InTwo(figures.names[i]).above);
  }
  const bool short_of_room = WidthOf(figures.Title()) > shape.first;
  table += line(short_of_room ? figures.ShortTitle() : figures.Title());
  for (size_t i = begin; i < end; ++i) {
    table += cell(in_two ? InTwo(figures.names[i]).below : figures.names[i]);
  }
  for (const auto& [site, row] : figures.sites) {
    table += line(site);
    for (size_t i = begin; i < end; ++i) {
      table += cell(row[i] ? Cell(*row[i], shape.perplexity_digits, figures.korean) : "–");
    }
  }
  if (begin == end) return table;
  table += line(figures.whose);
  for (size_t i = begin; i < end; ++i) {
    table += cell(Cell(figures.totals[i], shape.perplexity_digits, figures.korean));
  }
  return table;
}

// Which sites a table is about, and who measured which of its models.
struct Measured {
  std::set<std::string> asked;
  std::vector<size_t> sites;  // by column
};

// Whose text the last row adds up: a site that failed, or has not answered, is not among them.
std::string WhoseText(const Measured& measured, bool korean) {
  if (measured.sites.empty()) return {};
  const size_t all = measured.asked.size();
  const auto [fewest, most] = std::ranges::minmax(measured.sites);
  if (fewest == all) return korean ? "모든 사이트" : "all sites";
  if (fewest != most) return korean ? "평가한 곳만" : "who measured";
  const std::string some = std::to_string(most);
  const std::string of = std::to_string(all);
  return korean ? of + "곳 중 " + some + "곳" : some + " of " + of + " sites";
}

void AddPending(const std::string& answer, std::set<std::string>& asked) {
  const auto object = transport::ParseJsonObject(answer, "the aggregator's answer");
  if (!object) return;
  for (const json& site : transport::ListField(*object, "pending")) {
    if (site.is_string()) asked.insert(site.get<std::string>());
  }
}

Figures FiguresOf(const std::vector<std::pair<std::string, std::string>>& columns, bool korean) {
  Figures figures;
  figures.korean = korean;
  figures.totals.resize(columns.size());
  Measured measured{{}, std::vector<size_t>(columns.size())};
  for (size_t column = 0; column < columns.size(); ++column) {
    figures.names.push_back(columns[column].first);
    AddPending(columns[column].second, measured.asked);
    const auto measurements = ParseEvaluation(columns[column].second);
    if (!measurements) continue;
    for (const Measurement& measurement : *measurements) {
      auto& row = figures.sites[measurement.site];
      row.resize(columns.size());
      row[column] = measurement;
      measured.asked.insert(measurement.site);
      measured.sites[column] += measurement.error.empty() ? 1 : 0;
      figures.totals[column].nats += measurement.nats;
      figures.totals[column].bytes += measurement.bytes;
    }
  }
  figures.whose = WhoseText(measured, korean);
  return figures;
}

}  // namespace

Result<std::vector<Measurement>> ParseEvaluation(const std::string& text) {
  DURE_ASSIGN(const json object, transport::ParseJsonObject(text, "the aggregator's answer"));
  if (!object.contains("results")) {
    return Fail(ErrorCode::kInvalid, "the aggregator's answer is no evaluation");
  }
  std::vector<Measurement> measurements;
  for (const json& result : transport::ListField(object, "results")) {
    Measurement measurement;
    measurement.site = transport::TextField(result, "site");
    measurement.error = transport::TextField(result, "error");
    measurement.nats = transport::NumberField(result, "nats");
    measurement.bytes = transport::CountField(result, "bytes");
    measurement.tokens = transport::CountField(result, "tokens");
    measurement.index = transport::CountField(result, "index");
    measurement.low = transport::NumberField(result, "low");
    measurement.high = transport::NumberField(result, "high");
    for (const json& one : transport::ListField(result, "datasets")) {
      measurement.datasets += (measurement.datasets.empty() ? "" : ", ") +
                              transport::TextField(one, "dataset") + " v" +
                              std::to_string(transport::CountField(one, "version"));
    }
    measurements.push_back(std::move(measurement));
  }
  return measurements;
}

std::string IntervalsText(const std::vector<Measurement>& measurements, bool korean) {
  std::string text;
  for (const Measurement& one : measurements) {
    if (one.datasets.empty()) continue;
    const std::string entry = std::to_string(one.index);
    std::string interval;
    if (one.high > 0) {
      interval = fmt::format(
          fmt::runtime(korean ? ", 95 % 구간 {:.3f}~{:.3f}" : ", 95 %: {:.3f} to {:.3f}"), one.low,
          one.high);
    }
    text += "  " + one.site + ": " + one.datasets + interval + (korean ? ", 항목 " : ", entry ") +
            entry + "\n";
  }
  return text;
}

std::string EvaluationTable(const std::vector<std::pair<std::string, std::string>>& columns,
                            size_t room, bool korean) {
  const Figures figures = FiguresOf(columns, korean);
  const TableShape shape = ShapeFor(figures, room);
  std::string table;
  size_t begin = 0;
  do {
    const size_t end = std::min(begin + shape.together, columns.size());
    table += (begin == 0 ? "" : "\n") + Block(figures, shape, begin, end);
    begin = end;
  } while (begin < columns.size());
  table.erase(0, 1);  // a block's lines begin with their line end
  return table + (korean ? "\n  바이트당 손실(내트), 괄호 안은 바이트당 퍼플렉시티. 작을수록 좋음"
                         : "\n  nats per byte (perplexity per byte); smaller is better");
}

}  // namespace dure::cli
