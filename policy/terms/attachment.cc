#include "policy/terms/attachment.h"

#include <algorithm>
#include <nlohmann/json.hpp>

namespace dure::terms {
namespace {

using nlohmann::json;

constexpr size_t kFileBytesMax = 2 * kAttachmentsMax * kAttachmentBytesMax;

// A text of at most `bytes_max`; nullopt: absent or of another kind.
std::optional<std::string> TextOf(const json& item, const char* name, size_t bytes_max) {
  const auto found = item.find(name);
  if (found == item.end() || !found->is_string()) return std::nullopt;
  std::string text = found->get<std::string>();
  if (text.size() > bytes_max) return std::nullopt;
  return text;
}

}  // namespace

Salt MakeSalt(Random& random) {
  Salt salt;
  random.Fill(salt);
  return salt;
}

Digest Commit(const Salt& salt, std::string_view text) {
  return Sha256Hasher().Update(ByteView(salt)).Update(text).Finish();
}

std::string ToPrivateJson(const std::vector<Attachment>& attachments) {
  json list = json::array();
  for (const Attachment& attachment : attachments) {
    list.push_back(
        {{"field", attachment.field}, {"salt", ToHex(attachment.salt)}, {"text", attachment.text}});
  }
  return list.dump(2, ' ', false, json::error_handler_t::replace) + "\n";
}

Result<std::vector<Attachment>> ParsePrivateJson(std::string_view text) {
  const auto bad = [](const std::string& why) {
    return Fail(ErrorCode::kInvalid, "attachments: " + why);
  };
  if (text.size() > kFileBytesMax) return bad("the file is too long");
  const json list = json::parse(text.begin(), text.end(), nullptr, false);
  // With the salt of the data behind the texts.
  if (!list.is_array() || list.size() > kAttachmentsMax + 1)
    return bad("not a list of attachments");
  std::vector<Attachment> attachments;
  for (const json& item : list) {
    if (!item.is_object()) return bad("an item is not an object");
    const auto field = TextOf(item, "field", 128);
    const auto salt_text = TextOf(item, "salt", 32);
    const auto content = TextOf(item, "text", kAttachmentBytesMax);
    if (!field || !salt_text || !content) return bad("an item lacks field, salt or text");
    const auto salt = FromHex(*salt_text);
    Attachment attachment{.field = *field, .salt = {}, .text = *content};
    if (!salt || salt->size() != attachment.salt.size()) return bad("a salt is 32 hex digits");
    std::copy(salt->begin(), salt->end(), attachment.salt.begin());
    attachments.push_back(std::move(attachment));
  }
  return attachments;
}

}  // namespace dure::terms
