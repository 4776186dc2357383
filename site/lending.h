// Lending: what this site lends the consortium, under which terms, as the record says it.
//
// A site lends one dataset or several, each a folder or a file of its own under terms of its own.
// Before it takes part in a round, the record carries them: a passport with a salted digest of the
// bytes, and the owner's terms. When the terms given at start are others than those on record, the
// next version is registered. The salts stay at the site (private_side.h). Which of them a round
// may use is decided one by one; a trainer is shown no other.
//
// Life: made with the daemon, Measure, Start once the aggregator answers; on the loop, destroyed
// there.
#pragma once

#include <filesystem>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "federation/journal/journal.h"
#include "federation/loop/loop.h"
#include "federation/loop/workers.h"
#include "federation/round/messages.h"
#include "model/seat/messages.h"
#include "policy/terms/toml.h"
#include "site/scribe.h"

namespace dure::site {

// What to lend and under which terms.
struct Loan {
  SiteId site;
  MemberId member;
  std::filesystem::path data;
  std::string terms;  // "open", "research-only", or a file that `dure dataset form` makes
  std::vector<std::string> columns = {};  // of tables and records; empty: guessed
};

// What `dure dataset add` put down, for a daemon that is started without being told.
Status KeepLoan(journal::Journal& journal, const DatasetId& dataset, const Loan& loan);
// Where the data of that dataset lies by what was put down last; nullopt: nothing was.
Result<std::optional<std::filesystem::path>> KeptDataOf(const journal::Journal& journal,
                                                        const DatasetId& dataset);
// With the site's own names; empty: nothing was put down.
Result<std::vector<Loan>> KeptLoans(const journal::Journal& journal, const SiteId& site,
                                    const MemberId& member);

// Reads terms and measures the data. For "open" and "research-only" the dataset is named after the
// site and said to hold no personal data. kInvalid: the terms, with their lines; kNotFound: a file.
Result<terms::Description> DescribeLoan(const Loan& loan, Random& random);
// "open" and "research-only" are no files.
bool IsPreset(const std::string& terms);
// Whether `terms` can be read, before anything else is done. Errors as DescribeLoan.
Status CheckTerms(const std::string& terms);

class Lending {
 public:
  // `folder` is the site's, where the private sides lie. REQUIRES: at least one loan.
  Lending(std::vector<Loan> loans, Scribe& scribe, std::filesystem::path folder,
          loop::EventLoop& loop, loop::WorkerPool& workers,
          std::function<void(const std::string&)> say);
  ~Lending();

  // Reads terms and measures data, which needs nobody else.
  void Measure();
  // Has the record name the site's auditor key and carry the datasets. Tries until it does.
  void Start();
  // Whether each loan is on record, or will never be: before, it may still come.
  bool settled() const;
  // The versions on record that this site may offer, ascending by dataset.
  std::vector<round::OfferedDataset> offered() const;
  // Why nothing is offered, as a code. REQUIRES: settled, and nothing is offered.
  const std::string& objection() const;
  // A dataset was withdrawn, or changed by somebody of the same member: looks again.
  void LookAgain();

  // Whether this site has them all; nullopt: it is still measuring.
  std::optional<bool> Has(const std::vector<round::OfferedDataset>& datasets) const;
  // Where the data of these lies, to train on. REQUIRES: it has them, and they are not none.
  seat::DataSpec DataOf(const std::vector<round::OfferedDataset>& datasets) const;
  seat::DataSpec Everything() const;

 private:
  struct Lent {
    Loan loan;
    std::optional<terms::Description> description = {};
    std::optional<round::OfferedDataset> offered = {};
    std::string objection = {};
    bool registering = false;
    bool compared = false;  // its data with the record's description of it
  };
  void Describe(Lent& lent);
  void Compare(Lent& lent);
  void Register(Lent& lent, uint64_t version);
  void SayIfDataChanged(Lent& lent, const std::string& recorded);
  bool IsTwice(const Lent& lent) const;
  const Lent* Find(const DatasetId& dataset) const;
  void Object(Lent& lent, std::string objection, const std::string& why);
  void Later(std::function<void()> what);

  std::vector<Lent> lent_;  // as long as this lives: none comes, none goes
  Scribe& scribe_;
  const std::filesystem::path folder_;
  loop::EventLoop& loop_;
  loop::WorkerPool& workers_;
  std::function<void(const std::string&)> say_;
  bool started_ = false;
  bool announced_ = false;  // the key; what is measured now is compared with the record
  std::shared_ptr<bool> alive_ = std::make_shared<bool>(true);
};

}  // namespace dure::site
