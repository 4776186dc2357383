// Texts that belong to terms or a passport and stay out of the record: an attribution line, a
// copyright notice, a title. The record carries SHA-256(salt || text); whoever is shown the text
// with its salt can check it, and nobody can guess a short text from the digest. Deleting text and
// salt is erasure.
#pragma once

#include <array>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "federation/digest.h"
#include "federation/random.h"

namespace dure::terms {

using Salt = std::array<uint8_t, 16>;

Salt MakeSalt(Random& random);
Digest Commit(const Salt& salt, std::string_view text);

struct Attachment {
  std::string field;  // where its commitment stands: "duties[1].text", "licence.copyright"
  Salt salt{};
  std::string text;

  Digest commitment() const { return Commit(salt, text); }
  bool operator==(const Attachment&) const = default;
};

inline constexpr size_t kAttachmentBytesMax = 16 * 1024;
inline constexpr size_t kAttachmentsMax = 32;

// A private file of JSON: keep it with mode 0600.
std::string ToPrivateJson(const std::vector<Attachment>& attachments);
// kInvalid: not such a file. Total and bounded.
Result<std::vector<Attachment>> ParsePrivateJson(std::string_view json);

}  // namespace dure::terms
