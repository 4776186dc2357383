#include "policy/terms/licence.h"

#include <algorithm>
#include <iterator>
#include <optional>

namespace dure::terms {
namespace {

constexpr LicenceTraits kFree{.known = true};
constexpr LicenceTraits kNotice{.known = true, .attribution = true};
constexpr LicenceTraits kShare{.known = true, .attribution = true, .share_alike = true};

constexpr std::string_view kFreeIds[] = {
    "0BSD",  "CC-PDDC",  "CC-PDM-1.0", "CC0-1.0", "DL-DE-ZERO-2.0", "LicenseRef-PublicDomain",
    "MIT-0", "PDDL-1.0", "Unlicense",  "WTFPL"};

constexpr std::string_view kNoticeIds[] = {"AFL-3.0",
                                           "Apache-1.1",
                                           "Apache-2.0",
                                           "Artistic-2.0",
                                           "BSD-1-Clause",
                                           "BSD-2-Clause",
                                           "BSD-3-Clause",
                                           "BSD-3-Clause-Clear",
                                           "BSD-4-Clause",
                                           "BSL-1.0",
                                           "CDLA-Permissive-1.0",
                                           "CDLA-Permissive-2.0",
                                           "DL-DE-BY-2.0",
                                           "ECL-2.0",
                                           "ISC",
                                           "MIT",
                                           "NCSA",
                                           "NLOD-1.0",
                                           "NLOD-2.0",
                                           "ODC-By-1.0",
                                           "OGL-UK-1.0",
                                           "OGL-UK-2.0",
                                           "OGL-UK-3.0",
                                           "PSF-2.0",
                                           "PostgreSQL",
                                           "Python-2.0",
                                           "UPL-1.0",
                                           "Unicode-3.0",
                                           "Unicode-DFS-2016",
                                           "X11",
                                           "Zlib",
                                           "etalab-2.0",
                                           "LicenseRef-KOGL-1"};

// A share-alike licence, and under what else its adaptations may be passed on by its own text.
struct ShareAlike {
  std::string_view licence;
  std::string_view others;  // with a space between
};
constexpr ShareAlike kShareAlikes[] = {
    {"CC-BY-SA-4.0", "GPL-3.0-only LAL-1.3"},
    {"LAL-1.3", "CC-BY-SA-4.0"},
    {"GPL-2.0-only", ""},
    {"GPL-2.0-or-later", "GPL-2.0-only GPL-3.0-only GPL-3.0-or-later"},
    {"GPL-3.0-only", ""},
    {"GPL-3.0-or-later", "GPL-3.0-only"},
    {"AGPL-3.0-only", ""},
    {"AGPL-3.0-or-later", "AGPL-3.0-only"},
    {"LGPL-2.1-only", "GPL-2.0-only GPL-2.0-or-later GPL-3.0-only GPL-3.0-or-later"},
    {"LGPL-2.1-or-later",
     "LGPL-2.1-only LGPL-3.0-only LGPL-3.0-or-later GPL-2.0-only GPL-2.0-or-later GPL-3.0-only "
     "GPL-3.0-or-later"},
    {"LGPL-3.0-only", "GPL-3.0-only"},
    {"LGPL-3.0-or-later", "LGPL-3.0-only GPL-3.0-only GPL-3.0-or-later"},
    {"MPL-2.0",
     "AGPL-3.0-only AGPL-3.0-or-later GPL-2.0-only GPL-2.0-or-later GPL-3.0-only "
     "GPL-3.0-or-later LGPL-2.1-only LGPL-2.1-or-later LGPL-3.0-only LGPL-3.0-or-later"},
    {"EUPL-1.2",
     "AGPL-3.0-only CC-BY-SA-3.0 EPL-1.0 EUPL-1.1 GPL-2.0-only GPL-3.0-only LGPL-2.1-only "
     "LGPL-3.0-only MPL-2.0 OSL-2.1 OSL-3.0"},
    {"CDLA-Sharing-1.0", ""},
    {"EPL-1.0", ""},
    {"EPL-2.0", "GPL-2.0-or-later"},
    {"GFDL-1.2-only", ""},
    {"GFDL-1.2-or-later", "GFDL-1.2-only GFDL-1.3-only GFDL-1.3-or-later"},
    {"GFDL-1.3-only", ""},
    {"GFDL-1.3-or-later", "GFDL-1.3-only"},
    {"ODbL-1.0", ""},
    {"OSL-3.0", ""},
};

template <size_t kCount>
bool Has(const std::string_view (&ids)[kCount], std::string_view id) {
  return std::find(std::begin(ids), std::end(ids), id) != std::end(ids);
}

const ShareAlike* FindShareAlike(std::string_view licence) {
  for (const ShareAlike& row : kShareAlikes) {
    if (row.licence == licence) return &row;
  }
  return nullptr;
}

std::vector<std::string> SplitWords(std::string_view words) {
  std::vector<std::string> items;
  while (!words.empty()) {
    const size_t end = std::min(words.find(' '), words.size());
    items.emplace_back(words.substr(0, end));
    words.remove_prefix(std::min(end + 1, words.size()));
  }
  return items;
}

struct CreativeCommons {
  LicenceTraits traits;
  std::string stem;     // "CC-BY-NC-SA"
  std::string version;  // "3.0"
  std::string port;     // "DE" or empty
};

// CC-BY[-NC][-SA|-ND]-VERSION[-PORT], also in the order CC-BY-ND-NC of version 1.0.
std::optional<CreativeCommons> ReadCreativeCommons(std::string_view licence) {
  if (!licence.starts_with("CC-BY-")) return std::nullopt;
  CreativeCommons read{.traits = kNotice, .stem = "CC-BY", .version = "", .port = ""};
  licence.remove_prefix(6);
  while (licence.starts_with("NC-") || licence.starts_with("SA-") || licence.starts_with("ND-")) {
    read.stem += "-" + std::string(licence.substr(0, 2));
    read.traits.non_commercial |= licence.starts_with("NC-");
    read.traits.share_alike |= licence.starts_with("SA-");
    read.traits.no_derivatives |= licence.starts_with("ND-");
    licence.remove_prefix(3);
  }
  const size_t dash = licence.find('-');
  read.version = licence.substr(0, dash);
  if (dash != licence.npos) read.port = licence.substr(dash + 1);
  return read;
}

// From 2.0 on, adaptations may also be licensed under a later version of the same kind.
std::vector<std::string> LaterVersions(const CreativeCommons& cc, std::string_view licence) {
  std::vector<std::string> targets = {std::string(licence)};
  if (cc.version == "1.0") return targets;
  for (const std::string_view version : {"2.0", "2.5", "3.0", "4.0"}) {
    const std::string later = cc.stem + "-" + std::string(version);
    if (version > cc.version || (version == cc.version && later != licence))
      targets.push_back(later);
  }
  return targets;
}

}  // namespace

LicenceTraits TraitsOf(std::string_view licence) {
  const size_t with = licence.find(" WITH ");
  if (with != licence.npos) licence = licence.substr(0, with);  // exceptions only permit more
  if (Has(kFreeIds, licence)) return kFree;
  if (Has(kNoticeIds, licence)) return kNotice;
  if (FindShareAlike(licence) != nullptr) return kShare;
  if (const auto cc = ReadCreativeCommons(licence)) return cc->traits;
  if (licence == "LicenseRef-KOGL-2" || licence == "PolyForm-Noncommercial-1.0.0")
    return {.known = true, .attribution = true, .non_commercial = true};
  if (licence == "LicenseRef-KOGL-3")
    return {.known = true, .attribution = true, .no_derivatives = true};
  if (licence == "LicenseRef-KOGL-4")
    return {.known = true, .attribution = true, .non_commercial = true, .no_derivatives = true};
  return {};
}

std::vector<std::string> ShareAlikeTargets(std::string_view licence) {
  if (const ShareAlike* row = FindShareAlike(licence)) {
    std::vector<std::string> targets = SplitWords(row->others);
    targets.insert(targets.begin(), std::string(licence));
    return targets;
  }
  const auto cc = ReadCreativeCommons(licence);
  if (cc && cc->traits.share_alike) return LaterVersions(*cc, licence);
  // With an exception: as it is, or without the exception as its licence allows.
  if (TraitsOf(licence).share_alike) {
    std::vector<std::string> targets = ShareAlikeTargets(licence.substr(0, licence.find(" WITH ")));
    targets.insert(targets.begin(), std::string(licence));
    return targets;
  }
  return {};
}

bool MayBecome(std::string_view material, std::string_view model) {
  const LicenceTraits from = TraitsOf(material);
  if (!from.known) return material == model;
  if (from.no_derivatives) return false;
  if (from.share_alike) {
    const std::vector<std::string> targets = ShareAlikeTargets(material);
    return std::find(targets.begin(), targets.end(), model) != targets.end();
  }
  const LicenceTraits to = TraitsOf(model);
  if (!to.known) return !from.non_commercial;  // attribution is a duty beside the licence
  return (to.non_commercial || !from.non_commercial) && (to.attribution || !from.attribution);
}

}  // namespace dure::terms
