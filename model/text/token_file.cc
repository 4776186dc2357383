#include "model/text/token_file.h"

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <bit>
#include <cerrno>
#include <utility>

#include "federation/canonical.h"
#include "model/text/whole_file.h"

namespace dure::text {
namespace {

static_assert(std::endian::native == std::endian::little, "tokens are mapped as they stand");

constexpr std::string_view kMagic = "DURETOK1";
constexpr size_t kHeaderBytes = 128;
constexpr size_t kPendingTokensMax = 1 << 16;

struct Header {
  uint64_t token_count = 0;
  uint64_t text_bytes = 0;
  uint32_t vocab_size = 0;
  Digest tokenizer;
  Digest tokens;  // SHA-256 of the token section
};

// Magic, fields, then the digest of those, padded with zeros.
Bytes ToBytes(const Header& header) {
  CanonicalWriter writer;
  writer.Text(kMagic).U64(header.token_count).U64(header.text_bytes).U32(header.vocab_size);
  writer.Raw32(header.tokenizer).Raw32(header.tokens);
  const Digest sum = Sha256(writer.bytes());
  Bytes bytes = writer.Take();
  bytes.insert(bytes.end(), sum.bytes.begin(), sum.bytes.begin() + 16);
  bytes.resize(kHeaderBytes);
  return bytes;
}

Result<Header> ParseHeader(ByteView bytes) {
  if (bytes.size() < kHeaderBytes) return Fail(ErrorCode::kCorrupt, "shorter than its header");
  CanonicalReader reader(bytes.first(kHeaderBytes));
  Header header;
  const bool magic = reader.Text(kMagic.size()) == kMagic;
  header.token_count = reader.U64();
  header.text_bytes = reader.U64();
  header.vocab_size = reader.U32();
  header.tokenizer = reader.Raw32();
  header.tokens = reader.Raw32();
  const Bytes again = ToBytes(header);
  if (!magic || !reader.ok() || !std::equal(again.begin(), again.end(), bytes.begin())) {
    return Fail(ErrorCode::kCorrupt, "its header is damaged");
  }
  return header;
}

Status WriteAt(int fd, uint64_t offset, ByteView bytes, const std::filesystem::path& path) {
  while (!bytes.empty()) {
    const ssize_t n = pwrite(fd, bytes.data(), bytes.size(), static_cast<off_t>(offset));
    if (n < 0 && errno == EINTR) continue;
    if (n < 0) return Fail(FileError("write", path));
    bytes = bytes.subspan(static_cast<size_t>(n));
    offset += static_cast<uint64_t>(n);
  }
  return {};
}

ByteView BytesOf(std::span<const uint32_t> tokens) {
  return {reinterpret_cast<const uint8_t*>(tokens.data()), tokens.size_bytes()};
}

}  // namespace

Result<TokenFile> TokenFile::Open(const std::filesystem::path& path) {
  TokenFile file;
  DURE_ASSIGN(file.file_, MappedFile::Open(path));
  const ByteView bytes = file.file_.bytes();
  const auto header = ParseHeader(bytes);
  if (!header) return Within(header.error(), path.string());
  const ByteView section = bytes.subspan(kHeaderBytes);
  if (section.size() % 4 != 0 || section.size() / 4 != header->token_count) {
    return Fail(ErrorCode::kCorrupt, path.string() + ": its size is not that of its tokens");
  }
  if (Sha256(section) != header->tokens) {
    return Fail(ErrorCode::kCorrupt, path.string() + ": its checksum differs");
  }
  // The header is a multiple of 4 bytes and mappings are page-aligned.
  file.tokens_ = {reinterpret_cast<const uint32_t*>(section.data()), section.size() / 4};
  if (std::any_of(file.tokens_.begin(), file.tokens_.end(),
                  [&header](uint32_t id) { return id >= header->vocab_size; })) {
    return Fail(ErrorCode::kCorrupt, path.string() + ": a token is beyond the vocabulary");
  }
  file.text_bytes_ = header->text_bytes;
  file.tokenizer_ = header->tokenizer;
  return file;
}

Result<TokenFileWriter> TokenFileWriter::Create(const std::filesystem::path& path,
                                                uint32_t vocab_size, const Digest& tokenizer) {
  TokenFileWriter writer;
  writer.fd_ = open(path.c_str(), O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);
  if (writer.fd_ < 0) return Fail(FileError("create", path));
  writer.path_ = path;
  writer.vocab_size_ = vocab_size;
  writer.tokenizer_ = tokenizer;
  writer.written_bytes_ = kHeaderBytes;
  return writer;
}

TokenFileWriter::TokenFileWriter(TokenFileWriter&& other) noexcept
    : fd_(std::exchange(other.fd_, -1)),
      path_(std::move(other.path_)),
      vocab_size_(other.vocab_size_),
      tokenizer_(other.tokenizer_),
      token_count_(other.token_count_),
      text_bytes_(other.text_bytes_),
      written_bytes_(other.written_bytes_),
      pending_(std::move(other.pending_)),
      hasher_(std::move(other.hasher_)) {}

TokenFileWriter::~TokenFileWriter() {
  if (fd_ >= 0) close(fd_);
}

Status TokenFileWriter::Append(std::span<const uint32_t> tokens, uint64_t text_bytes) {
  pending_.insert(pending_.end(), tokens.begin(), tokens.end());
  token_count_ += tokens.size();
  text_bytes_ += text_bytes;
  return pending_.size() < kPendingTokensMax ? Status{} : Flush();
}

Status TokenFileWriter::Flush() {
  const ByteView bytes = BytesOf(pending_);
  hasher_.Update(bytes);
  DURE_TRY(WriteAt(fd_, written_bytes_, bytes, path_));
  written_bytes_ += bytes.size();
  pending_.clear();
  return {};
}

Status TokenFileWriter::Finish() {
  DURE_TRY(Flush());
  const Header header{token_count_, text_bytes_, vocab_size_, tokenizer_, hasher_.Finish()};
  DURE_TRY(WriteAt(fd_, 0, ToBytes(header), path_));
  if (fsync(fd_) != 0) return Fail(FileError("sync", path_));
  return {};
}

}  // namespace dure::text
