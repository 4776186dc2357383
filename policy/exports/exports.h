// Exports: a dossier as files that other people's tools and authorities read.
//
// Everything comes from the record; what is not in it is stated as "not recorded". Every file says
// from how many entries it was made, under which template, and what it does not prove. Equal
// dossiers give equal bytes, so that the digest that is logged with a disclosure can be checked.
// Pure, total; any thread.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "policy/exports/dossier.h"
#include "policy/terms/vocabulary.h"

namespace dure::exports {

enum class Format : uint8_t {
  kProv,        // PROV-JSON (W3C member submission, 2013)
  kSpdx,        // SPDX 3.0.1, AI and Dataset profiles
  kCycloneDx,   // CycloneDX 1.6
  kModelCard,   // Hugging Face model card
  kEuSummary,   // public summary of training content, AI Office template of July 2025
  kKrOverview,  // overview after Korea's AI Basic Act, articles 31 and 34; in Korean
  kOdrl,        // one Offer a dataset
  kCroissant,   // one Croissant 1.1 description a dataset
  kCsv,         // tables: datasets, rounds, contributions, decisions, evaluations
};

struct File {
  std::string name;        // "model.spdx.json"
  std::string media_type;  // "application/json"
  std::string text;
};

struct Export {
  std::string kind;              // "prov", … as dure export names it
  std::string template_version;  // a code, logged with the disclosure: "spdx-3-0-1-v1"
  std::vector<File> files;       // at least one
};

Export Make(Format format, const Dossier& dossier);

// What a reader must not conclude from it; also in each file.
std::vector<std::string> DoesNotProve(Format format, terms::Language language);

inline constexpr const char* kNotRecorded = "not recorded";
inline constexpr const char* kNotRecordedKo = "기록 없음";

}  // namespace dure::exports

namespace dure::terms {
template <>
struct Vocabulary<exports::Format> {
  static constexpr std::string_view words[] = {"prov",       "spdx",       "cyclonedx",
                                               "model-card", "eu-summary", "kr-overview",
                                               "odrl",       "croissant",  "csv"};
};
}  // namespace dure::terms
