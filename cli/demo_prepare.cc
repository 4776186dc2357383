// The demonstration's beginning: what was asked for is looked through, and made ready beside an
// earlier demonstration, which goes once nothing can be refused any more.
#include <fmt/format.h>

#include <algorithm>
#include <fstream>
#include <iterator>

#include "cli/demo_stage.h"
#include "cli/scratch_folder.h"
#include "federation/random.h"
#include "model/config.h"
#include "model/text/dataset.h"
#include "model/text/tokenizer.h"
#include "policy/terms/toml.h"
#include "site/data_text.h"
#include "site/lending.h"

namespace dure::cli {
namespace {

namespace fs = std::filesystem;

constexpr uint64_t kTokenizerSampleBytes = 400'000;  // of each site
constexpr uint32_t kMaskedLeast = 3;

Error Invalid(std::string message) { return {ErrorCode::kInvalid, std::move(message)}; }

// The way from `folder` to `path`; empty: it does not lie in it.
fs::path Inside(const fs::path& folder, const fs::path& path) {
  const fs::path way = fs::weakly_canonical(path).lexically_relative(fs::weakly_canonical(folder));
  return way.empty() || *way.begin() == ".." ? fs::path() : way;
}

// The folder is made anew, and what is written into it would become a site's text.
Status CheckPlaces(const fs::path& dir, const std::string& data,
                   const std::vector<DemoSite>& sites) {
  if (data.empty()) return {};
  if (!Inside(dir, data).empty()) {
    return Fail(
        Invalid(data + " lies in " + dir.string() + ", which is made anew; choose another --keep"));
  }
  for (const DemoSite& site : sites) {
    if (Inside(site.data, dir).empty()) continue;
    return Fail(
        Invalid(dir.string() + " lies in the text of " + site.site + "; choose another --keep"));
  }
  const fs::path way = Inside(data, dir);
  if (way.empty() || way.begin()->string().starts_with('.')) return {};
  return Fail(Invalid(dir.string() + " lies in --data " + data +
                      " and would be taken for a site's text; choose another --keep"));
}

// What the demonstration does with a site's text, its terms must allow.
Status CheckTermsOf(const DemoSite& site) {
  DURE_TRY(site::CheckTerms(site.terms));
  if (!fs::path(site.terms).is_absolute()) return {};  // no file, but "research-only"
  std::ifstream in(site.terms, std::ios::binary);
  const std::string text{std::istreambuf_iterator<char>(in), {}};
  SystemRandom random;
  DURE_ASSIGN(const terms::Draft draft, terms::ParseToml(text, site.terms, random));
  const std::string& custodian = draft.passport.custodian;
  if (custodian != site.site) {
    return Fail(Invalid(site.terms + " says custodian = \"" + custodian +
                        "\", and the institution is called " + site.site +
                        " after its folder: call both the same"));
  }
  if (draft.terms.Of(terms::Action::kTrain) != terms::Permission::kAllow) {
    return Fail(Invalid(site.terms + " does not allow to train, and that is what is shown here"));
  }
  if (!draft.terms.purposes.contains(terms::Purpose::kScientificResearch)) {
    return Fail(
        Invalid(site.terms + " does not allow scientific-research, for which is trained here"));
  }
  return {};
}

}  // namespace

Status DemoStage::Prepare() {
  dir_ = fs::absolute(options_.keep.empty() ? ".demo" : options_.keep).lexically_normal();
  if (!dir_.has_filename()) dir_ = dir_.parent_path();
  const size_t wanted = options_.sites != 0 ? options_.sites : options_.faults ? 4 : 0;
  DemoSites found;
  if (!options_.data.empty()) {
    DURE_ASSIGN(found, FindDemoSites(options_.data, options_.sites, {}));
    sites_ = std::move(found.sites);
  }
  DURE_TRY(CheckPlaces(dir_, options_.data, sites_));
  DURE_TRY(ChooseCohort(!sites_.empty() ? sites_.size() : wanted != 0 ? wanted : 3));
  DURE_ASSIGN(folder_, DemoFolder::Take(dir_));
  Title("The institutions and their text");
  if (sites_.empty()) {
    DURE_ASSIGN(found, FindDemoSites({}, wanted, folder_->fresh() / "data"));
    sites_ = std::move(found.sites);
  }
  for (const DemoSite& site : sites_) DURE_TRY(LookAt(site));
  if (!found.left_out.empty()) Line("  " + found.left_out);
  DURE_TRY(MakeTokenizer());
  DURE_TRY(CheckRuns());
  DURE_TRY(folder_->Replace());
  for (DemoSite& site : sites_) {
    site.data = folder_->Placed(site.data);
    site.terms = folder_->Placed(site.terms).string();
  }
  tokenizer_ = folder_->Placed(tokenizer_).string();
  return {};
}

Status DemoStage::ChooseCohort(size_t count) {
  const auto sites = static_cast<uint32_t>(count);
  if (options_.faults && sites < 4) {
    return Fail(
        Invalid("--faults needs four sites: with one lost, three make the smallest masked sum"));
  }
  quorum_ = options_.quorum != 0 ? options_.quorum : options_.faults ? sites - 1 : sites;
  const std::string asked = "--quorum " + std::to_string(quorum_);
  if (quorum_ > sites) {
    return Fail(
        Invalid(asked + " can never be reached: there are " + std::to_string(sites) + " sites"));
  }
  masking_ = options_.masking;
  if (masking_.empty()) masking_ = quorum_ >= kMaskedLeast ? "pairwise" : "none";
  if (masking_ == "pairwise" && quorum_ < kMaskedLeast) {
    return Fail(Invalid(asked +
                        " cannot be masked: in a sum of two each would learn the other's update; "
                        "leave --masking out, or raise the quorum to 3"));
  }
  if (options_.faults && (masking_ == "none" || quorum_ == sites)) {
    return Fail(
        Invalid("--faults kills a site in a masked upload, and the others close the round: "
                "it needs --masking pairwise and a --quorum of 3.." +
                std::to_string(sites - 1)));
  }
  return {};
}

Status DemoStage::LookAt(const DemoSite& site) {
  DURE_TRY(CheckTermsOf(site));
  uint64_t bytes = 0;
  DURE_ASSIGN(const auto report,
              text::ReadDocuments({site.data, {}}, [&](std::string_view document) {
                bytes += document.size();
                return true;
              }));
  DURE_TRY(text::CheckSplit({site.data, {}}));
  Line(fmt::format("  {:<20} {:>9} in {:>6} documents   {}", site.site, FormatBytes(bytes),
                   report.documents, site.what));
  const std::string left_out =
      site::LeftOutText(report.files_left_out, report.bad_rows, report.notes);
  if (!left_out.empty()) Line("      " + left_out);
  return {};
}

Status DemoStage::MakeTokenizer() {
  if (!options_.tokenizer.empty() && options_.tokenizer != "train") {
    tokenizer_ = options_.tokenizer;
    return {};
  }
  text::TokenizerTrainer trainer;
  for (const DemoSite& site : sites_) {
    uint64_t bytes = 0;
    DURE_TRY(text::ReadDocuments({site.data, {}}, [&](std::string_view document) {
               trainer.Add(document.substr(0, kTokenizerSampleBytes - bytes));
               bytes += std::min<uint64_t>(document.size(), kTokenizerSampleBytes - bytes);
               return bytes < kTokenizerSampleBytes;
             }).map([](const auto&) {}));
  }
  DURE_ASSIGN(const auto tokenizer, trainer.Train(options_.vocabulary));
  const fs::path folder = folder_->fresh() / "tokenizer";
  DURE_TRY(tokenizer.Save(folder));
  tokenizer_ = (folder / "tokenizer.json").string();
  Line(
      fmt::format("  tokenizer: {} byte-level BPE tokens, learned from a sample of every site (a "
                  "real consortium\n"
                  "  would use text that may be shown to all; --tokenizer bytes needs none)",
                  tokenizer.vocab_size()));
  return {};
}

Status DemoStage::CheckRuns() const {
  std::error_code ignored;
  const ScratchFolder scratch(fs::temp_directory_path(ignored));
  if (scratch.path().empty())
    return Fail(ErrorCode::kUnavailable, "cannot make a folder for temporary files");
  DURE_ASSIGN(const auto store, blob::OpenFileBlobStore((scratch.path() / "blobs").string()));
  RunOptions together = TogetherOptions();
  for (const DemoSite& site : sites_) together.sites.push_back(site.site);
  for (const RunOptions& run : {together, AloneOptions(sites_.front())}) {
    DURE_TRY(MakeProposal(run, *store, scratch.path()).map([](const auto&) {}));
  }
  DURE_ASSIGN(const auto tokenizer, text::Tokenizer::Load(tokenizer_));
  DURE_ASSIGN(const auto config, model::PresetOrFile(options_.model));
  const size_t typed = 1 + tokenizer.Encode(PromptText()).size();
  if (typed < config.context) return {};
  return Fail(Invalid(fmt::format("--prompt is {} tokens long, and the context of --model {} is {}",
                                  typed, options_.model, config.context)));
}

}  // namespace dure::cli
