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
  uint64_t index = 0;    // its entry
  double low = 0;        // nats a byte: 95 of 100 means lie between
  double high = 0;       // 0: no interval is known
  std::string datasets;  // "reviews v1, notes v2"; empty: it does not say
  double NatsPerByte() const { return bytes == 0 ? 0 : nats / static_cast<double>(bytes); }
};
// kInvalid: not an answer of evaluation.show.
Result<std::vector<Measurement>> ParseEvaluation(const std::string& json);

inline constexpr size_t kTableRoom = 200;

// How sure each figure is and what it was measured on, one line a site; nothing of sites that
// do not say.
std::string IntervalsText(const std::vector<Measurement>& measurements, bool korean = false);

// Sites down, models across; nats per byte and perplexity per byte, and below the text of all sites
// together, or of how many of them measured. `columns`: a model's name and its answer of
// evaluation.show. `room`: a line's columns. Names are cut to fit them and figures never: models
// for which there is no room go into a table of their own below.
std::string EvaluationTable(const std::vector<std::pair<std::string, std::string>>& columns,
                            size_t room = kTableRoom, bool korean = false);

}  // namespace dure::cli
