// Dataset: a source as tokens on disk, split once and for all into training and held-out text.
//
// Documents are cut into pieces of bounded size at line ends; the SHA-256 of a piece's text decides
// its side, so equal texts are always on the same side, with any tokenizer, and a source that grows
// never moves a piece across while its size class stays. Each split is one file of uint32 tokens
// with a checksum, in which every document is bos, tokens, eos.
//
// Prepared files are cached under work_folder/tokens/<key>, where the key is made of the source's
// digest, the tokenizer's and the split's options; a second Prepare only maps them. Files appear by
// one rename, so a crash leaves nothing half made.
#pragma once

#include <cstdint>
#include <filesystem>
#include <functional>
#include <memory>
#include <span>
#include <string>

#include "federation/digest.h"
#include "federation/result.h"
#include "model/text/documents.h"
#include "model/text/token_file.h"
#include "model/text/tokenizer.h"

namespace dure::text {

struct SplitOptions {
  double held_out_fraction = 0.05;  // in (0, 0.5]
  uint64_t held_out_bytes_max = uint64_t{4}
                                << 20;  // expected size; lowers the fraction of large sources
};

struct DatasetCounts {
  ReadReport read;
  Digest source;
  uint64_t train_tokens = 0;  // bos and eos included
  uint64_t train_bytes = 0;   // of text
  uint64_t held_out_tokens = 0;
  uint64_t held_out_bytes = 0;
};

struct Dataset {
  DatasetCounts counts;
  Digest key;  // of source, tokenizer and split: what a cursor belongs to
  TokenFile train;
  TokenFile held_out;
  bool cached = false;  // it was there already
};

// Whether a source can be split at all, read no further than that takes. kInvalid: it is too little
// to train on and hold some out; says how much there is and how much is needed. Other errors: those
// of ReadDocuments.
Status CheckSplit(const Source& source);

// `keep_going` is asked about once a document or some megabytes; false ends with kCancelled. Other
// errors: those of ReadDocuments; kInvalid: too little text to hold any out; kExhausted: the disk
// is full; kUnavailable: the work folder cannot be written.
Result<Dataset> PrepareDataset(const Source& source, const Tokenizer& tokenizer,
                               const SplitOptions& split, const std::filesystem::path& work_folder,
                               const std::function<bool()>& keep_going = {});

}  // namespace dure::text
