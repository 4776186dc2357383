#include "model/text/dataset.h"

#include <algorithm>
#include <bit>
#include <cmath>
#include <optional>

#include "federation/canonical.h"
#include "model/text/whole_file.h"

namespace dure::text {
namespace {

namespace fs = std::filesystem;

constexpr uint64_t kPieceBytesMin = 1024;
constexpr uint64_t kPieceBytesMax = 16384;
constexpr size_t kCountsBytesMax = 1 << 20;

// Small sources need small pieces, or a fraction of them would be none.
uint64_t PieceBytes(uint64_t source_bytes) {
  return std::clamp(std::bit_floor(source_bytes / 256 + 1), kPieceBytesMin, kPieceBytesMax);
}

// The end of the piece that starts at `begin`: behind the last line end that fits, else at a
// character's edge.
size_t PieceEnd(std::string_view text, size_t begin, size_t bytes_max) {
  if (text.size() - begin <= bytes_max) return text.size();
  const size_t line_end = text.rfind('\n', begin + bytes_max - 1);
  if (line_end != std::string_view::npos && line_end >= begin + bytes_max / 2) return line_end + 1;
  size_t end = begin + bytes_max;
  for (int i = 0; i < 3 && (static_cast<uint8_t>(text[end]) & 0xc0) == 0x80; ++i) --end;
  return end;
}

// A source that is all one piece has nothing left once that is held out.
Error TooLittle(const Source& source, const ReadReport& read) {
  return Error{ErrorCode::kInvalid,
               source.path.string() + " holds too little text to train on and hold some out: " +
                   std::to_string(read.bytes) + " bytes in " + std::to_string(read.documents) +
                   (read.documents == 1 ? " document" : " documents all alike") + "; more than " +
                   std::to_string(kPieceBytesMin) +
                   " bytes, or two different documents, are the least"};
}

// A place in [0, 2^64) made of the text alone; surrounding white space does not make another text.
uint64_t PlaceOf(std::string_view piece) {
  constexpr std::string_view kSpace = " \t\r\n";
  const size_t first = std::min(piece.find_first_not_of(kSpace), piece.size());
  const size_t last = piece.find_last_not_of(kSpace);
  piece = piece.substr(first, last == std::string_view::npos ? 0 : last + 1 - first);
  const Digest digest = Sha256Hasher().Update("dure-split-1\n").Update(piece).Finish();
  uint64_t place = 0;
  for (size_t i = 0; i < 8; ++i) place = place << 8 | digest.bytes[i];
  return place;
}

// Pieces below this place are held out.
uint64_t Threshold(const SplitOptions& split, uint64_t source_bytes) {
  double fraction = split.held_out_fraction;
  if (source_bytes > 0) {
    const auto bound = static_cast<double>(split.held_out_bytes_max);
    fraction = std::min(fraction, bound / static_cast<double>(source_bytes));
  }
  return static_cast<uint64_t>(std::ldexp(fraction, 64));
}

// Tokenises documents into two files.
class Splitter {
 public:
  Splitter(const Tokenizer& tokenizer, uint64_t piece_bytes, uint64_t threshold,
           TokenFileWriter train, TokenFileWriter held_out)
      : tokenizer_(tokenizer),
        encoder_(tokenizer),
        piece_bytes_(piece_bytes),
        threshold_(threshold),
        sides_{std::move(train), std::move(held_out)} {}

  Status Add(std::string_view document) {
    int open = -1;  // the side whose document is not yet ended
    for (size_t begin = 0; begin < document.size();) {
      const size_t end = PieceEnd(document, begin, piece_bytes_);
      const std::string_view piece = document.substr(begin, end - begin);
      begin = end;
      const uint64_t place = PlaceOf(piece);
      lowest_place_ = std::min(lowest_place_, place);
      const int side = place < threshold_ ? 1 : 0;
      ids_.clear();
      if (open != side) {
        if (open >= 0) DURE_TRY(sides_[open].Append(std::vector{tokenizer_.eos()}, 0));
        ids_.push_back(tokenizer_.bos());
        open = side;
      }
      encoder_.Append(piece, &ids_);
      DURE_TRY(sides_[side].Append(ids_, piece.size()));
    }
    if (open >= 0) DURE_TRY(sides_[open].Append(std::vector{tokenizer_.eos()}, 0));
    return {};
  }

  Status Finish() {
    DURE_TRY(sides_[0].Finish());
    return sides_[1].Finish();
  }

  const TokenFileWriter& train() const { return sides_[0]; }
  const TokenFileWriter& held_out() const { return sides_[1]; }
  uint64_t lowest_place() const { return lowest_place_; }

 private:
  const Tokenizer& tokenizer_;
  Encoder encoder_;
  uint64_t piece_bytes_;
  uint64_t threshold_;
  uint64_t lowest_place_ = UINT64_MAX;
  TokenFileWriter sides_[2];
  std::vector<uint32_t> ids_;
};

Bytes ToBytes(const DatasetCounts& counts) {
  CanonicalWriter writer;
  writer.Text("dure-dataset-1").U64(counts.read.files).U64(counts.read.files_left_out);
  writer.U64(counts.read.documents).U64(counts.read.bytes).U64(counts.read.bad_rows);
  writer.U32(static_cast<uint32_t>(counts.read.notes.size()));
  for (const std::string& note : counts.read.notes) writer.Text(note);
  writer.Raw32(counts.source);
  writer.U64(counts.train_tokens).U64(counts.train_bytes);
  writer.U64(counts.held_out_tokens).U64(counts.held_out_bytes);
  return writer.Take();
}

Result<DatasetCounts> ParseCounts(ByteView bytes) {
  CanonicalReader reader(bytes);
  DatasetCounts counts;
  if (reader.Text() != "dure-dataset-1") return Fail(ErrorCode::kCorrupt, "not a dataset's counts");
  for (uint64_t* field : {&counts.read.files, &counts.read.files_left_out, &counts.read.documents,
                          &counts.read.bytes, &counts.read.bad_rows}) {
    *field = reader.U64();
  }
  const uint32_t notes = reader.U32();
  for (uint32_t i = 0; i < notes && i < kNotesMax; ++i) counts.read.notes.push_back(reader.Text());
  counts.source = reader.Raw32();
  for (uint64_t* field : {&counts.train_tokens, &counts.train_bytes, &counts.held_out_tokens,
                          &counts.held_out_bytes}) {
    *field = reader.U64();
  }
  DURE_TRY(reader.Done("a dataset's counts"));
  return counts;
}

Result<Dataset> OpenDataset(const fs::path& folder, const Digest& key, const Digest& tokenizer) {
  DURE_ASSIGN(const std::string counts, ReadWhole(folder / "counts", kCountsBytesMax));
  Dataset dataset;
  DURE_ASSIGN(dataset.counts, ParseCounts(AsBytes(counts)));
  DURE_ASSIGN(dataset.train, TokenFile::Open(folder / "train.tok"));
  DURE_ASSIGN(dataset.held_out, TokenFile::Open(folder / "held-out.tok"));
  if (dataset.train.tokenizer() != tokenizer || dataset.held_out.tokenizer() != tokenizer ||
      dataset.train.tokens().size() < 2 || dataset.held_out.tokens().size() < 2) {
    return Fail(ErrorCode::kCorrupt, folder.string() + " does not hold what its name says");
  }
  dataset.key = key;
  return dataset;
}

Digest KeyOf(const Digest& source, const Digest& tokenizer, const SplitOptions& split) {
  CanonicalWriter writer;
  writer.Text("dure-tokens-1").Raw32(source).Raw32(tokenizer);
  writer.F64(split.held_out_fraction).U64(split.held_out_bytes_max);
  return Sha256(writer.bytes());
}

struct Pass {
  DatasetCounts counts;
  uint64_t lowest_place = 0;
};

// Reads the source once and writes both files into `folder`.
Result<Pass> WriteSplits(const Source& source, const Tokenizer& tokenizer, uint64_t piece_bytes,
                         uint64_t threshold, const fs::path& folder,
                         const std::function<bool()>& keep_going) {
  const auto writer = [&](const char* name) {
    return TokenFileWriter::Create(folder / name, tokenizer.vocab_size(), tokenizer.digest());
  };
  DURE_ASSIGN(TokenFileWriter train, writer("train.tok"));
  DURE_ASSIGN(TokenFileWriter held_out, writer("held-out.tok"));
  Splitter splitter(tokenizer, piece_bytes, threshold, std::move(train), std::move(held_out));
  Status added;
  const auto read = ReadDocuments(source, [&](std::string_view document) {
    added = keep_going && !keep_going()
                ? Status(Fail(ErrorCode::kCancelled, "asked to stop while reading data"))
                : splitter.Add(document);
    return added.has_value();
  });
  DURE_TRY(added);
  if (!read) return Fail(read.error());
  DURE_TRY(splitter.Finish());
  Pass pass;
  pass.counts.read = *read;
  pass.counts.train_tokens = splitter.train().token_count();
  pass.counts.train_bytes = splitter.train().text_bytes();
  pass.counts.held_out_tokens = splitter.held_out().token_count();
  pass.counts.held_out_bytes = splitter.held_out().text_bytes();
  pass.lowest_place = splitter.lowest_place();
  return pass;
}

Result<DatasetCounts> BuildInto(const fs::path& folder, const Source& source,
                                const Tokenizer& tokenizer, const SplitOptions& split,
                                const SourceIdentity& identity,
                                const std::function<bool()>& keep_going) {
  const uint64_t piece_bytes = PieceBytes(identity.bytes);
  const uint64_t threshold = Threshold(split, identity.bytes);
  DURE_ASSIGN(Pass pass,
              WriteSplits(source, tokenizer, piece_bytes, threshold, folder, keep_going));
  if (pass.counts.held_out_tokens == 0 || pass.counts.train_tokens == 0) {
    // So little text that chance held nothing out, or all: the lowest place is then held out alone.
    DURE_ASSIGN(pass, WriteSplits(source, tokenizer, piece_bytes, pass.lowest_place + 1, folder,
                                  keep_going));
  }
  if (pass.counts.train_tokens == 0) {
    return Fail(TooLittle(source, pass.counts.read));
  }
  pass.counts.source = identity.digest;
  DURE_TRY(WriteWhole(folder / "counts", AsText(ToBytes(pass.counts))));
  return pass.counts;
}

Status MakeFolder(const fs::path& folder) {
  std::error_code failed;
  fs::remove_all(folder, failed);
  fs::create_directories(folder, failed);
  if (!failed) return {};
  return Fail(ErrorCode::kUnavailable,
              "could not make " + folder.string() + ": " + failed.message());
}

}  // namespace

Status CheckSplit(const Source& source) {
  std::optional<uint64_t> first;
  bool differs = false;
  DURE_ASSIGN(const ReadReport read, ReadDocuments(source, [&](std::string_view document) {
                for (size_t begin = 0; begin < document.size() && !differs;) {
                  const size_t end = PieceEnd(document, begin, kPieceBytesMin);
                  const uint64_t place = PlaceOf(document.substr(begin, end - begin));
                  differs = first && *first != place;
                  first = place;
                  begin = end;
                }
                return !differs;
              }));
  if (differs) return {};
  return Fail(TooLittle(source, read));
}

Result<Dataset> PrepareDataset(const Source& source, const Tokenizer& tokenizer,
                               const SplitOptions& split, const fs::path& work_folder,
                               const std::function<bool()>& keep_going) {
  if (!(split.held_out_fraction > 0 && split.held_out_fraction <= 0.5)) {
    return Fail(ErrorCode::kInvalid, "the held-out fraction is more than 0 and at most 0.5");
  }
  DURE_ASSIGN(const SourceIdentity identity, IdentifySource(source, keep_going));
  const Digest key = KeyOf(identity.digest, tokenizer.digest(), split);
  const fs::path folder = work_folder / "tokens" / key.Hex().substr(0, 32);
  if (auto cached = OpenDataset(folder, key, tokenizer.digest())) {
    cached->cached = true;
    return cached;
  }
  // Absent or damaged: made anew beside its place and renamed as a whole.
  const fs::path fresh = folder.string() + ".new";
  DURE_TRY(MakeFolder(fresh));
  const auto built = BuildInto(fresh, source, tokenizer, split, identity, keep_going);
  std::error_code failed;
  if (!built) {
    fs::remove_all(fresh, failed);
    return Fail(built.error());
  }
  fs::remove_all(folder, failed);
  fs::rename(fresh, folder, failed);
  if (failed) {
    return Fail(ErrorCode::kUnavailable,
                "could not rename " + fresh.string() + ": " + failed.message());
  }
  return OpenDataset(folder, key, tokenizer.digest());
}

}  // namespace dure::text
