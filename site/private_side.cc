#include "site/private_side.h"

#include <algorithm>
#include <fstream>
#include <vector>

#include "federation/identity/private_files.h"

namespace dure::site {
namespace {

namespace fs = std::filesystem;

constexpr const char* kDataField = "data";  // whose salt is the data's own
// All texts, escaped at worst: each byte of one as \u00XX.
constexpr size_t kPrivateBytesMax = 8 * terms::kAttachmentsMax * terms::kAttachmentBytesMax;

// As it was written; nothing where the file is gone, or is none.
std::optional<std::vector<terms::Attachment>> KeptAttachments(const fs::path& path) {
  std::ifstream in(path, std::ios::binary);
  if (!in) return std::nullopt;
  std::string text(kPrivateBytesMax, '\0');
  in.read(text.data(), static_cast<std::streamsize>(text.size()));
  text.resize(static_cast<size_t>(in.gcount()));
  auto kept = terms::ParsePrivateJson(text);
  if (!kept) return std::nullopt;
  return std::move(*kept);
}

}  // namespace

fs::path PrivateSideOf(const fs::path& folder, const ledger::DatasetVersion& what) {
  return folder / "private" /
         (what.dataset.str() + "-v" + std::to_string(what.version) + ".private.json");
}

Status KeepPrivateSide(const fs::path& folder, const ledger::DatasetVersion& what,
                       const terms::Description& description) {
  const fs::path path = PrivateSideOf(folder, what);
  DURE_TRY(identity::MakePrivateFolder(path.parent_path()));
  std::vector<terms::Attachment> kept = description.attachments;
  kept.push_back({.field = kDataField, .salt = description.data_salt, .text = ""});
  return identity::WritePrivateFile(path, terms::ToPrivateJson(kept));
}

terms::Description WithKeptSalts(const fs::path& folder, const ledger::DatasetVersion& what,
                                 terms::Description description) {
  const auto kept = KeptAttachments(PrivateSideOf(folder, what));
  return kept ? terms::Resalted(std::move(description), *kept) : description;
}

std::optional<terms::Salt> KeptDataSalt(const fs::path& folder,
                                        const ledger::DatasetVersion& what) {
  const auto kept = KeptAttachments(PrivateSideOf(folder, what));
  if (!kept) return std::nullopt;
  const auto found = std::ranges::find(*kept, kDataField, &terms::Attachment::field);
  return found == kept->end() ? std::nullopt : std::optional(found->salt);
}

}  // namespace dure::site
