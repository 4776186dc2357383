// One split's tokens on disk: a header, then uint32 tokens, little-endian, under one SHA-256. Every
// document is bos, tokens, eos.
#pragma once

#include <cstdint>
#include <filesystem>
#include <span>
#include <vector>

#include "federation/digest.h"
#include "federation/result.h"
#include "model/text/mapped_file.h"

namespace dure::text {

// Memory-mapped, read-only. Spans are valid while the object lives.
class TokenFile {
 public:
  // Reads all of it once. kNotFound; kCorrupt: not whole, its checksum differs, or a token is not
  // below the vocabulary it names.
  static Result<TokenFile> Open(const std::filesystem::path& path);

  std::span<const uint32_t> tokens() const { return tokens_; }
  uint64_t text_bytes() const { return text_bytes_; }  // of text behind the tokens
  const Digest& tokenizer() const { return tokenizer_; }

 private:
  MappedFile file_;
  std::span<const uint32_t> tokens_;
  uint64_t text_bytes_ = 0;
  Digest tokenizer_;
};

// Life: Create, Append as often as wanted, Finish. Without Finish the file is not valid.
class TokenFileWriter {
 public:
  // kUnavailable, kExhausted.
  static Result<TokenFileWriter> Create(const std::filesystem::path& path, uint32_t vocab_size,
                                        const Digest& tokenizer);
  TokenFileWriter(TokenFileWriter&& other) noexcept;
  ~TokenFileWriter();

  // kExhausted: the disk is full.
  Status Append(std::span<const uint32_t> tokens, uint64_t text_bytes);
  // The file is on the disk.
  Status Finish();
  uint64_t token_count() const { return token_count_; }
  uint64_t text_bytes() const { return text_bytes_; }

 private:
  TokenFileWriter() = default;
  Status Flush();

  int fd_ = -1;
  std::filesystem::path path_;
  uint32_t vocab_size_ = 0;
  Digest tokenizer_;
  uint64_t token_count_ = 0;
  uint64_t text_bytes_ = 0;
  uint64_t written_bytes_ = 0;
  std::vector<uint32_t> pending_;
  Sha256Hasher hasher_;
};

}  // namespace dure::text
