// DemoStage: the demonstration's consortium, step by step; private to the demo's files.
#pragma once

#include <chrono>
#include <filesystem>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "cli/demo.h"
#include "cli/demo_data.h"
#include "cli/demo_folder.h"
#include "cli/demo_process.h"
#include "cli/operator_desk.h"
#include "cli/progress_view.h"

namespace dure::cli {

// The end of the first line of a log that holds `mark`, from the mark on; empty: none does.
std::string FirstLineWith(const std::filesystem::path& log, std::string_view mark);

class DemoStage {
 public:
  DemoStage(const DemoOptions& options, Context& context);

  // Folder, data, tokenizer. Whatever is refused leaves an earlier demonstration as it was.
  Status Prepare();
  Status Found();          // consortium, aggregator, sites, all as processes
  Status TrainTogether();  // the federated run, live
  Status TrainAlone();     // each site by itself, as many steps
  Status Compare();        // every model on every site's held-out text
  Status Officers();       // consents, one refusal explained, one lineage
  Status Show();           // a few lines of text, ledger, receipt, export
  void Finish();           // the result

 private:
  Status FoundOn(uint16_t port, uint16_t enrol_port);
  Status StartSite(const DemoSite& site);
  Result<std::unique_ptr<DemoProcess>> ServeSite(const DemoSite& site, bool slow);
  // Kills the last site once its update is on its way, and starts it again when its round is over.
  void CutDown(const RunProgress& progress);
  void ShowWhatLeft();
  // Loss and speed, which under masking no site tells the others: here each is asked for its own.
  void AddOwnNumbers(RunProgress& progress);
  std::filesystem::path LogOf(const std::string& name) const { return dir_ / (name + ".log"); }
  // Somebody of a site's member who holds another role; the folder it enrolled into.
  Result<std::string> Enrol(const std::string& member, const std::string& name,
                            const std::string& role);
  // Quorum and masking, of so many sites.
  Status ChooseCohort(size_t count);
  // A site's terms and text: can they be used, and how much is there.
  Status LookAt(const DemoSite& site);
  Status MakeTokenizer();
  // Whether the runs would be taken, and the prompt.
  Status CheckRuns() const;
  Status LetRunsGoUnmasked() const;
  std::string WhyUnmasked() const;
  // Why a site stays out of the run from its beginning, in the site's own words; empty: none does.
  std::string WhyDeclined(const RunProgress& progress) const;
  RunOptions OptionsFor(const std::string& name) const;
  RunOptions TogetherOptions() const;
  RunOptions AloneOptions(const DemoSite& site) const;
  std::string PromptText() const;
  Status Follow(const std::string& run, ProgressView& view);
  Result<std::string> ModelOf(const std::string& run, const char* field) const;
  // Until the site's own copy holds what the log holds now, or a while has passed.
  Status AwaitCopy(const std::string& site) const;
  Status CheckLedger();
  void Title(const std::string& text);
  void Line(const std::string& text);
  double Elapsed() const;
  std::string JsonResult();

  DemoOptions options_;
  Context& context_;
  std::chrono::steady_clock::time_point began_;
  std::filesystem::path dir_;
  std::unique_ptr<DemoFolder> folder_;
  uint32_t quorum_ = 0;
  std::string masking_;
  std::vector<DemoSite> sites_;
  std::string tokenizer_ = "bytes";
  std::unique_ptr<DemoProcess> aggregator_;
  std::vector<std::unique_ptr<DemoProcess>> site_processes_;
  std::optional<OperatorDesk> desk_;
  std::vector<RoundTimes> rounds_;
  std::vector<std::pair<std::string, std::string>> evaluations_;
  std::string generated_;
  std::string kept_back_;  // why the model is not exported; empty: it is
  std::string model_digest_;
  uint64_t tokens_ = 0;
  std::map<std::string, double> own_losses_;
  bool killed_ = false;
  bool restarted_ = false;
  std::vector<std::string> left_;  // what each site's log says of what left it first
  uint64_t ledger_size_ = 0;
  std::string ledger_root_;
};

}  // namespace dure::cli
