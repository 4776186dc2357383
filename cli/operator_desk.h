// OperatorDesk: what a person with a certificate asks of the aggregator. Blocks; one thread.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <string_view>

#include "cli/run_proposal.h"
#include "federation/clock.h"
#include "federation/identity/identity.h"
#include "federation/transport/client.h"

namespace dure::cli {

// What somebody can do about an aggregator that does not answer; another error stays as it is.
Error FromAggregator(Error error, const std::string& address);

class OperatorDesk {
 public:
  // `dir` is an identity's folder, or a consortium's (then its operator's). Errors as
  // identity::LoadIdentity.
  static Result<OperatorDesk> Open(const std::string& dir, WallTime now);

  Result<std::string> Ask(std::string_view verb, std::string_view json) const;
  // Calls `line` for each JSON line until it returns false or the stream ends.
  Status Watch(const std::string& run, const std::function<bool(const std::string&)>& line) const;
  // Makes the model and tokenizer blobs, uploads them and proposes the run. Returns the
  // aggregator's answer.
  Result<std::string> StartRun(RunOptions options,
                               const std::function<void(const std::string&)>& say) const;
  struct Evaluated {
    std::string shown;     // `json` of evaluation.show
    std::string missing;   // "kt, snu": who did not answer within `patience`; what the others
                           // measured stands in `shown` and in the record
    Status Whole() const;  // kUnavailable: somebody is missing
  };
  // Asks every invited site to evaluate the run's model (or `model`), and waits for the answers,
  // for `patience` at most. Every while `say` is told who has not answered yet.
  Result<Evaluated> Evaluate(const std::string& run, const std::string& model,
                             const std::vector<std::string>& sites, std::chrono::seconds patience,
                             const std::function<void(const std::string&)>& say = {}) const;
  // The model as a file in `store`.
  Status Fetch(const Digest& digest, blob::BlobStore& store) const;

 private:
  explicit OperatorDesk(transport::Dial dial) : dial_(std::move(dial)) {}
  transport::Dial dial_;
};

}  // namespace dure::cli
