// Lending: what this site lends the consortium, under which terms, as the record says it.
//
// A site serves one folder as one dataset. Before it takes part in a round, the record carries the
// dataset: a passport with a salted digest of the bytes, and the owner's terms. When the terms
// given at start are others than those on record, the next version is registered. The salt stays in
// the site's journal.
//
// Life: made with the daemon, Start once the aggregator answers; on the loop, destroyed there.
#pragma once

#include <filesystem>
#include <functional>
#include <memory>
#include <optional>
#include <string>

#include "federation/journal/journal.h"
#include "federation/loop/loop.h"
#include "federation/loop/workers.h"
#include "federation/round/messages.h"
#include "policy/terms/toml.h"
#include "site/scribe.h"

namespace dure::site {

// What to lend and under which terms.
struct Loan {
  SiteId site;
  MemberId member;
  std::filesystem::path data;
  std::string terms;  // "open", "research-only", or a file that `dure dataset form` makes
};

// Reads terms and measures the data. For "open" and "research-only" the dataset is named after the
// site and said to hold no personal data. kInvalid: the terms, with their lines; kNotFound: a file.
Result<terms::Description> DescribeLoan(const Loan& loan, Random& random);
// Whether `terms` can be read, before anything else is done. Errors as DescribeLoan.
Status CheckTerms(const std::string& terms);

class Lending {
 public:
  Lending(Loan loan, Scribe& scribe, journal::Journal& journal, loop::EventLoop& loop,
          loop::WorkerPool& workers, std::function<void(const std::string&)> say);
  ~Lending();

  // Has the record name the site's auditor key and carry the dataset. Tries until it does.
  void Start();
  // The version on record that this site may offer; nullopt: not yet, or never (see objection).
  std::optional<round::OfferedDataset> offered() const { return offered_; }
  // Why nothing will be offered, as a code; empty: it may still come.
  const std::string& objection() const { return objection_; }
  // The dataset was withdrawn, or changed by somebody of the same member: looks again.
  void LookAgain();

 private:
  void Describe();
  void Compare();
  void Register(uint64_t version);
  void Later(std::function<void()> what);

  Loan loan_;
  Scribe& scribe_;
  journal::Journal& journal_;
  loop::EventLoop& loop_;
  loop::WorkerPool& workers_;
  std::function<void(const std::string&)> say_;
  std::optional<terms::Description> description_;
  std::optional<round::OfferedDataset> offered_;
  std::string objection_;
  bool started_ = false;
  bool registering_ = false;
  std::shared_ptr<bool> alive_ = std::make_shared<bool>(true);
};

}  // namespace dure::site
