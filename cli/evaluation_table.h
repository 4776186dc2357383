// What sites measured of models, read and shown as a table. Pure.
#pragma once

#include <cstdint>
#include <string>
#include <utility>
#include <vector>

#include "federation/result.h"

namespace dure::cli {

// One site's measurement of one model, from evaluation.show.
struct Measurement {
  std::string site;
  double nats = 0;
  uint64_t bytes = 0;
  uint64_t tokens = 0;
  std::string error;
  double NatsPerByte() const { return bytes == 0 ? 0 : nats / static_cast<double>(bytes); }
};
// kInvalid: not an answer of evaluation.show.
Result<std::vector<Measurement>> ParseEvaluation(const std::string& json);

inline constexpr size_t kTableRoom = 200;

// Sites down, models across; nats per byte and perplexity per byte, and below the text of all sites
// together, or of how many of them measured. `columns`: a model's name and its answer of
// evaluation.show. `room`: a line's columns. Names are cut to fit them and figures never: models
// for which there is no room go into a table of their own below.
std::string EvaluationTable(const std::vector<std::pair<std::string, std::string>>& columns,
                            size_t room = kTableRoom, bool korean = false);

}  // namespace dure::cli
