#include "aggregator/admissions.h"

#include <map>

namespace dure::aggregator {
namespace {

constexpr std::chrono::seconds kRetryAfter{1};

// One question and what is known of its answer so far.
struct Asked {
  round::DecideAdmissions question;
  std::function<bool()> wanted;
  std::function<void(round::AdmissionsDecided)> decided;
  round::AdmissionsDecided answer;
  size_t site = 0;     // of the question, being decided
  size_t dataset = 0;  // of that site
};

class Recorded : public Admissions {
 public:
  Recorded(Deliberation& deliberation, loop::EventLoop& loop,
           std::function<void(const std::string&)> say)
      : deliberation_(deliberation), loop_(loop), say_(std::move(say)) {}
  ~Recorded() override { *alive_ = false; }

  std::string WaitsFor(const RunId& run) const override {
    const auto found = waits_.find(run);
    return found == waits_.end() ? std::string() : found->second;
  }

  void Decide(const round::DecideAdmissions& question, std::function<bool()> wanted,
              std::function<void(round::AdmissionsDecided)> decided) override {
    auto asked = std::make_shared<Asked>();
    asked->question = question;
    asked->wanted = std::move(wanted);
    asked->decided = std::move(decided);
    asked->answer.at = question.at;
    loop_.Post([this, alive = alive_, asked] {
      if (*alive) Next(asked);
    });
  }

 private:
  void Next(const std::shared_ptr<Asked>& asked) {
    if (!asked->wanted()) return;  // its run was stopped
    const auto& candidates = asked->question.candidates;
    while (asked->site < candidates.size() &&
           asked->dataset == candidates[asked->site].datasets.size()) {
      round::SiteAdmission& site = SiteOf(*asked);
      if (site.admitted.empty() && site.reason.empty()) site.reason = "no-dataset";
      ++asked->site;
      asked->dataset = 0;
    }
    if (asked->site == candidates.size()) return asked->decided(asked->answer);
    const round::Candidate& candidate = candidates[asked->site];
    const round::OfferedDataset& offered = candidate.datasets[asked->dataset];
    deliberation_.Admit(asked->question.at, candidate.site, {offered.dataset, offered.version},
                        [this, alive = alive_, asked](Result<Deliberation::Admitted> admitted) {
                          if (*alive) Heard(asked, std::move(admitted));
                        });
  }

  void Heard(const std::shared_ptr<Asked>& asked, Result<Deliberation::Admitted> admitted) {
    std::string& waits = waits_[asked->question.at.run];
    const std::string reason = admitted ? "" : admitted.error().message;
    if (!reason.empty() && reason != waits) {
      say_(asked->question.at.Text() + ": nothing can be decided: " + reason);
    }
    waits = reason;
    if (!admitted) {
      loop_.At(loop_.Now() + kRetryAfter, [this, alive = alive_, asked] {
        if (*alive) Next(asked);
      });
      return;
    }
    const round::OfferedDataset& offered =
        asked->question.candidates[asked->site].datasets[asked->dataset];
    round::SiteAdmission& site = SiteOf(*asked);
    if (admitted->admit) {
      site.admitted.push_back({offered.dataset, offered.version, admitted->index});
    } else if (site.reason.empty()) {
      site.reason = admitted->reason + ": dure why " + std::to_string(admitted->index);
    }
    ++asked->dataset;
    Next(asked);
  }

  static round::SiteAdmission& SiteOf(Asked& asked) {
    while (asked.answer.sites.size() <= asked.site) {
      const size_t next = asked.answer.sites.size();
      asked.answer.sites.emplace_back().site = asked.question.candidates[next].site;
    }
    return asked.answer.sites[asked.site];
  }

  Deliberation& deliberation_;
  loop::EventLoop& loop_;
  std::function<void(const std::string&)> say_;
  std::map<RunId, std::string> waits_;  // of runs that asked, the last attempt's reason
  std::shared_ptr<bool> alive_ = std::make_shared<bool>(true);
};

}  // namespace

std::unique_ptr<Admissions> AdmitByTheRecord(Deliberation& deliberation, loop::EventLoop& loop,
                                             std::function<void(const std::string&)> say) {
  return std::make_unique<Recorded>(deliberation, loop, std::move(say));
}

}  // namespace dure::aggregator
