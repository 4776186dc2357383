// A model in a folder of its own, as dure model export writes it: what a record says of it, and
// what it makes of somebody's own text. Whoever was handed a folder asks; no daemon is needed.
#pragma once

#include <cstdint>
#include <filesystem>
#include <string>

#include "model/text/documents.h"
#include "policy/standing/state.h"

namespace dure::cli {

struct RecordedModel {
  Digest model;
  RunId run;
  uint64_t rounds = 0;  // closed rounds behind it; 0: the weights that the run began with
  uint64_t entry = 0;   // that closed the last of them, or proposed the run
};
// Which model of the record lies in `folder`. kNotFound: a file is not there. kCorrupt: the weights
// are no model of this record, or config.json or tokenizer.json is not that of their run.
Result<RecordedModel> FindRecorded(const standing::State& state,
                                   const std::filesystem::path& folder);

struct MeasureLimits {
  uint64_t tokens_max = 131072;  // of the text, from its beginning; 0: all of it
  uint32_t sequence = 0;         // tokens that the model sees at once; 0: its context
  uint32_t threads = 1;
};
struct MeasuredText {
  text::ReadReport read;
  double nats = 0;
  uint64_t bytes = 0;  // of text behind the predicted tokens
  uint64_t tokens = 0;
  bool whole = true;  // false: tokens_max ended it
  double NatsPerByte() const { return bytes == 0 ? 0 : nats / static_cast<double>(bytes); }
};
// How likely the model in `folder` finds this text, measured as sites measure their held-out text:
// every token but the first is predicted once, from what stands before it in its sequence. Errors
// of ReadDocuments; kInvalid: the folder's files do not belong together, or the limits fit nothing.
Result<MeasuredText> MeasureText(const std::filesystem::path& folder, const text::Source& source,
                                 const MeasureLimits& limits);

}  // namespace dure::cli
