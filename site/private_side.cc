#include "site/private_side.h"

#include <fstream>

namespace dure::site {
namespace {

namespace fs = std::filesystem;

// All texts, escaped at worst: each byte of one as \u00XX.
constexpr size_t kPrivateBytesMax = 8 * terms::kAttachmentsMax * terms::kAttachmentBytesMax;

Error CannotWrite(const fs::path& path) {
  return {ErrorCode::kUnavailable, "cannot write " + path.string()};
}

}  // namespace

fs::path PrivateSideOf(const fs::path& folder, const ledger::DatasetVersion& what) {
  return folder / "private" /
         (what.dataset.str() + "-v" + std::to_string(what.version) + ".private.json");
}

Status KeepPrivateSide(const fs::path& folder, const ledger::DatasetVersion& what,
                       const terms::Description& description) {
  const fs::path path = PrivateSideOf(folder, what);
  const fs::path temporary = path.string() + ".new";
  std::error_code error;
  fs::create_directories(path.parent_path(), error);
  if (error) return Fail(CannotWrite(path));
  std::vector<terms::Attachment> kept = description.attachments;
  kept.push_back({.field = "data", .salt = description.data_salt, .text = ""});
  {
    std::ofstream out(temporary, std::ios::binary | std::ios::trunc);
    fs::permissions(temporary, fs::perms::owner_read | fs::perms::owner_write, error);
    out << terms::ToPrivateJson(kept);
    if (error || !out.flush()) return Fail(CannotWrite(path));
  }
  fs::rename(temporary, path, error);
  if (error) return Fail(CannotWrite(path));
  return {};
}

terms::Description WithKeptSalts(const fs::path& folder, const ledger::DatasetVersion& what,
                                 terms::Description description) {
  std::ifstream in(PrivateSideOf(folder, what), std::ios::binary);
  if (!in) return description;
  std::string text(kPrivateBytesMax, '\0');
  in.read(text.data(), static_cast<std::streamsize>(text.size()));
  text.resize(static_cast<size_t>(in.gcount()));
  const auto kept = terms::ParsePrivateJson(text);
  return kept ? terms::Resalted(std::move(description), *kept) : description;
}

}  // namespace dure::site
