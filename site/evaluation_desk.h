// EvaluationDesk: answers the aggregator's requests to measure a model on this site's own held-out
// text.
//
// The aggregator decides on the record which of the lent data may be measured on; this site checks
// that in its own copy. The text stays here; what leaves is one signed entry: nats, tokens, bytes,
// and on what. Life: construct, Start, destroy; on the loop, but for one thread that waits for
// requests.
#pragma once

#include <deque>
#include <memory>
#include <stop_token>
#include <string>
#include <thread>

#include "policy/standing/admission.h"
#include "site/evaluation_request.h"
#include "site/run_desk.h"

namespace dure::site {

class EvaluationDesk {
 public:
  EvaluationDesk(Workshop& shop, transport::Dial dial);
  ~EvaluationDesk();
  void Start();
  void UseDial(transport::Dial dial);
  // A model that is still to be measured stays on the disk.
  bool Needs(const Digest& blob) const;

 private:
  using Request = EvaluationRequest;
  // What was measured, on what, by which program.
  struct Figures {
    seat::EvaluatedEvent numbers;
    std::vector<ledger::DatasetUsed> datasets;  // of an aggregator that does not decide: none
    Digest code;
  };
  using Measured = Result<Figures>;
  void Listen(std::stop_token stop);
  void Take(const std::string& line);
  void Next();
  void LookUp(const Request& request);
  void Fetch(const Request& request);
  void EvaluateWhenLent(const Request& request);
  void AskWhatMayBe(const Request& request);
  using Step = void (EvaluationDesk::*)(const Request& request);
  void AskAgain(const Request& request, const Error& error, Step step);
  void HearWhatMayBe(const Request& request, const std::vector<round::OfferedDataset>& asked,
                     const Result<std::string>& answer);
  void Evaluate(const Request& request, const std::vector<round::OfferedDataset>& on,
                const std::vector<ledger::DatasetUsed>& used);
  bool OwnRulesRefuse(const Request& request, const standing::MeasuringRequest& asked) const;
  std::string WhyNot(const Request& request, const round::OfferedDataset& one,
                     bool own_rules_only) const;
  void RemoveFetched();
  // The model went while it was waited for: it is fetched anew, a few times.
  bool FetchesAgain(const Request& request, const Error& error);
  // Tells the aggregator of the first that waits what was measured, or why nothing was, and takes
  // up the next. While nobody answers it tries again, after a pause each time.
  void Tell(const Request& request, const Measured& measured);
  void Report(const Request& request, const Measured& measured, std::string json);
  void Done();
  bool MayTellAgain(const Error& error) const;
  void TellAgain(const Request& request, const Measured& measured, const Error& error);
  void Refuse(const Request& request, const Error& error);
  RunFolder FolderOf(const Request& request) const;

  Workshop& shop_;
  std::shared_ptr<const transport::Dial> dial_;  // swapped at renewal, read by the listening thread
  std::deque<Request> waiting_;
  int fetched_again_ = 0;  // the model of the first that waits
  int reports_ = 0;        // of it, that nobody answered
  int questions_ = 0;      // of it, that nobody answered
  bool working_ = false;
  std::shared_ptr<bool> alive_ = std::make_shared<bool>(true);
  std::jthread listener_;  // last: ends first
};

}  // namespace dure::site
