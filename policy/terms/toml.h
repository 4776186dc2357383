// Terms files: what a person writes about a dataset, in TOML.
//
//   version = 1                      # of the terms
//   use = "non-commercial"
//   purposes = ["scientific-research", "benchmark"]
//   [actions]     train = "allow"
//   [licence]     data = "CC-BY-NC-4.0"   copyright = "© the authors"
//   …
//   [dataset]     dataset = "reviews"     custodian = "portal-a"   title = "Film reviews"
//
// Fields have the names of the record; docs/reference/terms.md lists them. Texts (copyright,
// patent, trademark, a personal assessment, a duty's text, the dataset's title and description) are
// written in the clear here and become attachments: the record gets their salted commitments.
#pragma once

#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "policy/terms/passport.h"
#include "policy/terms/terms.h"

namespace dure::terms {

inline constexpr size_t kTermsFileBytesMax = 64 * 1024;

// A terms file as it was understood.
struct Draft {
  Terms terms;
  Passport passport;          // what a person says; sizes and digest are still empty
  bool has_passport = false;  // there is a [dataset] table
  bool says_version = false;  // and in it a version: else the record counts
  std::vector<Attachment> attachments;
};

// kInvalid: not TOML, or something that is not allowed; the message has a line for each problem (at
// most 20), "terms.toml:12: use: 'comercial' does not fit; allowed: …". Total and bounded. Salts
// come from `random`.
Result<Draft> ParseToml(std::string_view text, std::string_view file_name, Random& random);

// The same for a caller that handles problems one by one (form.h): each with its line, 0 if it has
// none, in the order of the lines. The draft is what could be read.
struct TermsFile {
  Draft draft;
  std::vector<std::pair<uint32_t, Problem>> problems;
};
TermsFile ReadToml(std::string_view text, Random& random);

std::string QuoteToml(std::string_view text);  // as a string of TOML, escaped

// A file that ParseToml reads back to the same terms. Attachments whose field is known are written
// in the clear; a commitment without its text stays a commitment.
std::string ToToml(const Draft& draft);

struct Description {
  Passport passport;  // complete
  Terms terms;
  Salt data_salt{};  // private, as the attachments are
  std::vector<Attachment> attachments;
  bool says_version = false;  // of its [dataset]
};
// With the salt in `kept` for each text that stands at the same place there, so that terms that
// did not change are the same bytes; other texts keep their own salts. "data" stands for the data.
Description Resalted(Description description, const std::vector<Attachment>& kept);

// What `dure dataset add` registers: the terms file and the data, measured. Errors of ParseToml and
// MeasureData; kInvalid also if the file has no [dataset] table.
Result<Description> Describe(std::string_view terms_file, std::string_view file_name,
                             const std::filesystem::path& data, Random& random);

}  // namespace dure::terms
