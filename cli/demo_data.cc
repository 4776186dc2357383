#include "cli/demo_data.h"

#include <algorithm>
#include <fstream>
#include <iterator>

namespace dure::cli {
namespace {

namespace fs = std::filesystem;

// Enough for a clear difference between sites, little enough for seconds of tokenising.
constexpr uint64_t kBytesOfSite[] = {2'400'000, 1'800'000, 1'200'000};

struct Kind {
  const char* name;
  const char* what;
  const char* licence;  // SPDX; none: lent for research only
  std::vector<fs::path> roots;
};

// What any machine with the build's own packages holds.
std::vector<Kind> Kinds() {
  std::vector<fs::path> help;
  std::vector<fs::path> headers;
  std::error_code ignored;
  for (const auto& entry : fs::directory_iterator("/usr/share", ignored)) {
    if (entry.path().filename().string().starts_with("cmake-"))
      help.push_back(entry.path() / "Help");
  }
  for (const auto& entry : fs::directory_iterator("/usr/include/c++", ignored))
    headers.push_back(entry.path());
  return {{"docs", "documentation (CMake's Help)", "BSD-3-Clause", help},
          {"code", "source code (the C++ standard headers)",
           "GPL-3.0-or-later WITH GCC-exception-3.1", headers},
          {"legal",
           "legal text (licences and copyright notices)",
           nullptr,
           {"/usr/share/common-licenses", "/usr/share/doc"}}};
}

bool IsTextFile(const fs::directory_entry& entry, const std::string& kind) {
  if (entry.is_symlink() || !entry.is_regular_file()) return false;
  if (kind == "docs") return entry.path().extension() == ".rst";
  if (kind == "legal" && entry.path().string().starts_with("/usr/share/doc")) {
    return entry.path().filename() == "copyright";
  }
  return true;
}

std::vector<fs::path> FilesOf(const Kind& kind) {
  std::vector<fs::path> files;
  std::error_code ignored;
  for (const fs::path& root : kind.roots) {
    std::vector<fs::path> here;
    for (const auto& entry : fs::recursive_directory_iterator(root, ignored)) {
      if (IsTextFile(entry, kind.name)) here.push_back(entry.path());
    }
    std::ranges::sort(here);
    files.insert(files.end(), here.begin(), here.end());
  }
  return files;
}

std::string ReadFile(const fs::path& path) {
  std::ifstream in(path, std::ios::binary);
  return std::string{std::istreambuf_iterator<char>(in), {}};
}

// Every `stride`-th file from `first` on, until there is enough.
uint64_t CopyFiles(const std::vector<fs::path>& files, size_t first, size_t stride,
                   uint64_t bytes_max, const fs::path& to) {
  fs::create_directories(to);
  uint64_t bytes = 0;
  for (size_t i = first; i < files.size() && bytes < bytes_max; i += stride) {
    const std::string text = ReadFile(files[i]);
    std::ofstream(to / (std::to_string(i) + "-" + files[i].filename().string() + ".txt"),
                  std::ios::binary)
        << text;
    bytes += text.size();
  }
  return bytes;
}

// The terms under which a text of this machine is lent, as a file that its owner could have
// written.
Result<std::string> WriteTerms(const Kind& kind, const std::string& site, const fs::path& dir) {
  if (kind.licence == nullptr) return std::string("research-only");
  const fs::path path = dir / (site + ".toml");
  std::ofstream out(path);
  out << "# " << kind.what << ", as its licence allows\n"
      << "use = \"commercial-allowed\"\n"
      << "purposes = [\"statistics\", \"scientific-research\", \"public-archiving\",\n"
      << "  \"public-service\", \"product-development\", \"commercial-service\",\n"
      << "  \"safety-evaluation\", \"benchmark\"]\n\n"
      << "[actions]\ntrain = \"allow\"\nfinetune = \"allow\"\nevaluate = \"allow\"\n"
      << "export-weights = \"allow\"\nserve = \"allow\"\npublish-metrics = \"allow\"\n\n"
      << "[licence]\ndata = \"" << kind.licence << "\"\n\n"
      << "[territories]\nprocessing = [\"*\"]\nstorage = [\"*\"]\nexports = [\"*\"]\n\n"
      << "[personal]\nclass = \"none\"\nspecial = \"no\"\nbasis = \"not-needed\"\n\n"
      << "[[duties]]\nkind = \"attribute\"\ntext = \"" << kind.what << "\"\n\n"
      << "[dataset]\ndataset = \"" << site << "\"\ncustodian = \"" << site
      << "\"\nrightsHolder = \"various\"\nmodality = \""
      << (std::string_view(kind.name) == "code" ? "code" : "text")
      << "\"\nclassification = \"clear\"\nlanguages = [\"en\"]\n";
  if (!out.flush()) return Fail(ErrorCode::kFailedPrecondition, "cannot write " + path.string());
  return path.string();
}

Result<DemoSites> FromThisMachine(size_t count, const fs::path& dir) {
  const std::vector<Kind> kinds = Kinds();
  DemoSites made;
  for (size_t i = 0; i < count; ++i) {
    const Kind& kind = kinds[i % kinds.size()];
    const size_t turn = i / kinds.size();
    const size_t turns = (count - i % kinds.size() + kinds.size() - 1) / kinds.size();
    std::string name = kind.name;
    if (turns > 1) name += "-" + std::to_string(turn + 1);
    const uint64_t bytes =
        CopyFiles(FilesOf(kind), turn, turns, kBytesOfSite[i % kinds.size()], dir / name);
    if (bytes < 50'000) {
      return Fail(ErrorCode::kNotFound, std::string("this machine holds too little ") + kind.what +
                                            " for " + std::to_string(count) +
                                            " sites; try fewer, or --data FOLDER");
    }
    DURE_ASSIGN(std::string terms, WriteTerms(kind, name, dir));
    made.sites.push_back({name, dir / name, kind.what, std::move(terms)});
  }
  return made;
}

// A name by the rules of ids.h from whatever a file is called.
std::string NameFor(const fs::path& path, size_t index) {
  std::string name;
  for (const char c : path.filename().string()) {
    const bool fits = (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9');
    if (fits) {
      name += c;
    } else if (c >= 'A' && c <= 'Z') {
      name += static_cast<char>(c - 'A' + 'a');
    } else if (!name.empty() && name.back() != '-') {
      name += '-';
    }
    if (name.size() >= 24) break;
  }
  while (!name.empty() && name.back() == '-') name.pop_back();
  // These two name what else the demonstration makes: its other log, and an officer's folder.
  if (name == "aggregator" || name.ends_with("-desk")) name += "-site";
  return name.empty() ? "site-" + std::to_string(index + 1) : name;
}

bool HoldsText(const fs::path& path) {
  constexpr const char* kEndings[] = {".txt", ".md", ".tsv", ".csv", ".jsonl", ".ndjson", ".json"};
  std::string given = path.extension().string();
  for (char& c : given) c = c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
  return std::ranges::any_of(kEndings, [&](const char* ending) { return given == ending; });
}

// It says what the others are, and is nobody's text.
bool IsAboutOthers(const fs::path& path) {
  std::string stem = path.stem().string();
  for (char& c : stem) c = c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
  const std::string first = stem.substr(0, stem.find_first_of("._- "));
  constexpr const char* kNames[] = {"readme", "license", "licence", "copying"};
  return std::ranges::any_of(kNames, [&](const char* name) { return first == name; });
}

bool IsTooSmall(const fs::path& path) {
  std::error_code failed;
  const uint64_t bytes = fs::file_size(path, failed);
  return !failed && bytes < kDemoFileBytesMin;
}

std::string NamesOf(const std::vector<fs::path>& paths) {
  constexpr size_t kNamedMax = 8;
  std::string names;
  for (size_t i = 0; i < std::min(paths.size(), kNamedMax); ++i) {
    names += (i == 0 ? "" : ", ") + paths[i].filename().string();
  }
  return paths.size() <= kNamedMax
             ? names
             : names + " and " + std::to_string(paths.size() - kNamedMax) + " more";
}

Result<DemoSites> FromFolder(const fs::path& given, size_t count) {
  if (!fs::is_directory(given))
    return Fail(ErrorCode::kNotFound, "--data " + given.string() + " is no folder");
  std::vector<fs::path> folders;
  std::vector<fs::path> files;
  std::vector<fs::path> no_text;
  for (const auto& entry : fs::directory_iterator(given)) {
    if (entry.path().filename().string().starts_with(".")) continue;
    if (entry.is_directory()) folders.push_back(entry.path());
    if (!entry.is_regular_file() || !HoldsText(entry.path())) continue;
    const bool is_text = !IsAboutOthers(entry.path()) && !IsTooSmall(entry.path());
    (is_text ? files : no_text).push_back(entry.path());
  }
  std::vector<fs::path>& found = folders.empty() ? files : folders;
  std::ranges::sort(found);
  if (found.empty()) {
    return Fail(ErrorCode::kNotFound, "--data " + given.string() +
                                          " has neither sub-folders nor files of text (.txt, "
                                          ".md, .tsv, .csv, .jsonl, .json) of 4 KiB or more");
  }
  if (count > found.size()) {
    return Fail(ErrorCode::kInvalid, "--sites " + std::to_string(count) + ", but --data " +
                                         given.string() + " has text of " +
                                         std::to_string(found.size()) + ": each site needs a " +
                                         (folders.empty() ? "file" : "sub-folder") + " of its own");
  }
  DemoSites made;
  std::vector<DemoSite>& sites = made.sites;
  if (folders.empty() && !no_text.empty()) {
    std::ranges::sort(no_text);
    made.left_out =
        "no institution's text (a note on the others, or less than 4 KiB): " + NamesOf(no_text);
  }
  if (count != 0 && count < found.size()) {
    const std::vector<fs::path> rest(found.begin() + static_cast<ptrdiff_t>(count), found.end());
    made.left_out += (made.left_out.empty() ? "" : "; ") + std::string("left out by --sites ") +
                     std::to_string(count) + ": " + NamesOf(rest);
    found.resize(count);
  }
  for (const fs::path& path : found) {
    std::string name = NameFor(path, sites.size());
    const auto taken = [&](const DemoSite& site) { return site.site == name; };
    if (std::ranges::any_of(sites, taken)) name += "-" + std::to_string(sites.size() + 1);
    const fs::path terms = path / "terms.toml";
    sites.push_back({name, fs::absolute(path), path.filename().string(),
                     fs::exists(terms) ? fs::absolute(terms).string() : "research-only"});
  }
  return made;
}

}  // namespace

Result<DemoSites> FindDemoSites(const fs::path& given, size_t sites, const fs::path& dir) {
  if (given.empty()) return FromThisMachine(sites == 0 ? 3 : sites, dir);
  return FromFolder(given, sites);
}

}  // namespace dure::cli
