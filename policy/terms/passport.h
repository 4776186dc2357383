// The passport of a dataset version: what it is, without anything that is in it.
//
// Life: a person writes the facts (the [dataset] table of a terms file), MeasureData streams over
// the files at the site and adds their sizes and a salted digest, ToCanonical writes the JSON that
// goes into the record beside the terms. The salt stays at the site: without it nobody can test a
// guess about the data against the digest, and with it an auditor who is shown the files can check
// that they are the ones that were registered.
#pragma once

#include <filesystem>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "federation/ids.h"
#include "policy/terms/attachment.h"
#include "policy/terms/terms.h"

namespace dure::terms {

inline constexpr size_t kPassportBytesMax = 8 * 1024;  // as policy/ledger bounds it

struct Passport {
  std::string dataset;        // a DatasetId
  uint64_t version = 1;       // of the data; another content is the next number
  std::string custodian;      // the MemberId of who keeps it
  std::string rights_holder;  // a code: a member, or "public-domain", "various"; no private person
  Modality modality = Modality::kText;
  Origin origin = Origin::kUnknown;
  Classification classification = Classification::kAmber;
  std::set<std::string> languages;  // BCP 47: "ko", "en"
  std::optional<Instant> collected_from;
  std::optional<Instant> collected_until;  // the newest content
  std::optional<Digest> title;             // commitments
  std::optional<Digest> description;
  std::optional<uint64_t> records;
  std::optional<uint64_t> tokens;  // under the consortium's tokenizer
  uint64_t files = 0;
  uint64_t bytes = 0;
  uint64_t lines = 0;
  Digest data;  // Measurement::digest
  auto operator<=>(const Passport&) const = default;
};

std::vector<Problem> Check(const Passport& passport);
// As of terms.h: one spelling. REQUIRES: Check(passport) is empty.
std::string ToCanonical(const Passport& passport);
Result<Passport> ParseCanonicalPassport(std::string_view text);  // kInvalid; total and bounded

struct Measurement {
  uint64_t files = 0;
  uint64_t bytes = 0;
  uint64_t lines = 0;
  // SHA-256(salt || for each file, in the order of their names: u32 length of the name and the name
  // relative to the folder with '/', u64 length of the content, the content), integers
  // little-endian.
  Digest digest;
  bool operator==(const Measurement&) const = default;
};

// Streams over the data files at `path`, which are those that training reads
// (federation/data_files.h). Memory is one buffer. Errors as of ListDataFiles; kInvalid also: no
// file. kFailedPrecondition also: a file changed while it was read, or cannot be read.
Result<Measurement> MeasureData(const std::filesystem::path& path, const Salt& salt);

}  // namespace dure::terms
