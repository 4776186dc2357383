// The demonstration's institutions: whose text is whose.
#pragma once

#include <cstdint>
#include <filesystem>
#include <string>
#include <vector>

#include "federation/result.h"

namespace dure::cli {

struct DemoSite {
  std::string site;            // its name, also its member's
  std::filesystem::path data;  // a folder or a file
  std::string what;            // for people
  std::string terms;           // as `dure site serve --terms` takes them
};
struct DemoSites {
  std::vector<DemoSite> sites;
  std::string left_out;  // of `given`, a line for people; empty: nothing
};

inline constexpr uint64_t kDemoFileBytesMin = 4096;  // less is a note, and nothing to learn from

// Each site comes with terms: those of its text's own licences, written into <dir>/<site>.toml, for
// this machine's texts; terms.toml of its folder, or "research-only", for given ones. The legal
// text plays the owner that lends for research only and wants to be asked. With an empty `given`:
// documentation, source code and legal text that this machine holds, copied into <dir>/<site>; with
// more sites than three, each of them is dealt out in turn. Otherwise each sub-folder of `given` is
// a site or, without sub-folders, each file of text, but those that are about the others (README,
// LICENSE, ...) or hold less than kDemoFileBytesMin. With fewer `sites` than there are, the first
// ones by name. kNotFound, kInvalid: too little text.
Result<DemoSites> FindDemoSites(const std::filesystem::path& given, size_t sites,
                                const std::filesystem::path& dir);

}  // namespace dure::cli
