#include "cli/evidence_file.h"

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <nlohmann/json.hpp>

#include "cli/language.h"
#include "federation/random.h"
#include "policy/terms/attachment.h"

namespace dure::cli {
namespace {

namespace fs = std::filesystem;
using nlohmann::ordered_json;

constexpr size_t kSaltFileBytesMax = 4096;
constexpr size_t kPartBytes = size_t{1} << 16;

Result<Digest> Committed(const std::string& path, const terms::Salt& salt, const Context& context) {
  std::ifstream in(path, std::ios::binary);
  Sha256Hasher hasher;
  hasher.Update(ByteView(salt));
  std::string part(kPartBytes, '\0');
  while (in) {
    in.read(part.data(), static_cast<std::streamsize>(part.size()));
    hasher.Update(std::string_view(part.data(), static_cast<size_t>(in.gcount())));
  }
  std::error_code none;
  if (in.is_open() && !in.bad() && !fs::is_directory(path, none)) {
    if (fs::file_size(path, none) > 0 || none) return hasher.Finish();
    return Fail(ErrorCode::kInvalid, Pick(context, path + " is empty, which shows nothing",
                                          path + " 파일이 비어 있어 아무것도 보여 주지 못합니다"));
  }
  return Fail(ErrorCode::kNotFound,
              Pick(context, "cannot read " + path, path + " 파일을 읽을 수 없습니다"));
}

// Of a file that this program wrote; nullopt: of none, or damaged.
std::optional<std::pair<terms::Salt, std::string>> ParseSalt(const std::string& beside) {
  std::ifstream in(beside, std::ios::binary);
  std::string text(kSaltFileBytesMax, '\0');
  in.read(text.data(), static_cast<std::streamsize>(text.size()));
  text.resize(static_cast<size_t>(in.gcount()));
  const auto kept = ordered_json::parse(text, nullptr, false);
  if (!kept.is_object() || !kept.contains("salt") || !kept["salt"].is_string()) return {};
  if (!kept.contains("commitment") || !kept["commitment"].is_string()) return {};
  const auto bytes = FromHex(kept["salt"].get<std::string>());
  terms::Salt salt;
  if (!bytes || bytes->size() != salt.size()) return {};
  std::ranges::copy(*bytes, salt.begin());
  return std::pair{salt, kept["commitment"].get<std::string>()};
}

}  // namespace

Result<Digest> CommitEvidence(const std::string& path, const Context& context) {
  if (path.empty()) return Digest{};
  const std::string beside = path + ".salt.json";
  if (fs::exists(beside)) {
    const auto kept = ParseSalt(beside);
    DURE_ASSIGN(const Digest again, Committed(path, kept ? kept->first : terms::Salt{}, context));
    if (kept && again.Hex() == kept->second) return again;
    return Fail(ErrorCode::kAlreadyExists,
                Pick(context,
                     beside + " is the salt of other bytes than " + path +
                         " holds now; an entry may stand on it: keep both, and give a copy of " +
                         "the file under another name",
                     beside + "에는 " + path +
                         "의 지금 내용과 다른 내용의 솔트가 있습니다. 이미 기록된 것일 수 있으니 "
                         "그대로 두고, 다른 이름으로 복사한 파일을 지정하십시오"));
  }
  SystemRandom random;
  const terms::Salt salt = terms::MakeSalt(random);
  DURE_ASSIGN(const Digest commitment, Committed(path, salt, context));
  std::ofstream out(beside);
  std::error_code error;
  fs::permissions(beside, fs::perms::owner_read | fs::perms::owner_write, error);
  // The salt alone: the text is the file itself.
  out << ordered_json{{"file", fs::path(path).filename().string()},
                      {"salt", ToHex(salt)},
                      {"commitment", commitment.Hex()}}
             .dump(-1, ' ', false, ordered_json::error_handler_t::replace)
      << "\n";
  if (out.flush() && !error) return commitment;
  return Fail(ErrorCode::kUnavailable, "cannot write " + beside);
}

}  // namespace dure::cli
