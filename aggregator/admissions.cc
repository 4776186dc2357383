#include "aggregator/admissions.h"

namespace dure::aggregator {
namespace {

class Open : public Admissions {
 public:
  explicit Open(loop::EventLoop& loop) : loop_(loop) {}

  void Decide(const round::DecideAdmissions& question,
              std::function<void(round::AdmissionsDecided)> decided) override {
    round::AdmissionsDecided answer{question.at, {}};
    for (const round::Candidate& candidate : question.candidates) {
      round::SiteAdmission& site = answer.sites.emplace_back();
      site.site = candidate.site;
      for (const round::OfferedDataset& one : candidate.datasets) {
        site.admitted.push_back({one.dataset, one.version, 0});
      }
    }
    loop_.Post([decided = std::move(decided), answer = std::move(answer)] { decided(answer); });
  }

 private:
  loop::EventLoop& loop_;
};

}  // namespace

std::unique_ptr<Admissions> AdmitAll(loop::EventLoop& loop) { return std::make_unique<Open>(loop); }

}  // namespace dure::aggregator
