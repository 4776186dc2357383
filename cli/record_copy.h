// RecordCopy: the record as a command reads it, with what it comes to.
//
// In a person's folder (officer, researcher, operator) the copy is the person's own: the command
// follows the aggregator first if it answers, and says so if not. In a site's or the aggregator's
// folder the copy is the daemon's: read beside it, asking nobody.
#pragma once

#include <memory>
#include <string>

#include "clerk/clerk.h"
#include "cli/command.h"
#include "policy/standing/auditor.h"

namespace dure::cli {

class RecordCopy {
 public:
  // kNotFound: no copy here, and none to be had. kCorrupt: the record is refused or does not hold.
  static Result<std::unique_ptr<RecordCopy>> Open(const std::string& dir, Context& context);

  const ledger::LogReader& log() const { return *log_; }
  const standing::Auditor& auditor() const { return *auditor_; }
  const standing::State& state() const { return auditor_->standing().state(); }
  Result<ledger::OpenedEntry> Entry(uint64_t index) const;  // kNotFound: beyond the copy

 private:
  const Context* context_ = nullptr;
  std::unique_ptr<identity::Identity> self_;
  std::unique_ptr<clerk::Clerk> clerk_;  // of a person
  std::unique_ptr<Ed25519Verifier> verifier_;
  std::unique_ptr<ledger::LogReader> copy_;  // of a daemon
  std::unique_ptr<standing::Auditor> own_;
  const ledger::LogReader* log_ = nullptr;
  const standing::Auditor* auditor_ = nullptr;
};

// A person's desk: who it is, and the clerk that writes for it. kPermissionDenied: another role
// than `wanted`.
struct Desk {
  std::unique_ptr<identity::Identity> self;
  std::unique_ptr<clerk::Clerk> clerk;
};
Result<Desk> OpenDesk(const std::string& dir, identity::Roles wanted, Context& context);
// Has one event recorded; its entry. A rule of the record that it would break is said in words.
Result<uint64_t> Submit(Desk& desk, ledger::Event event, Context& context);
// The same, and says `done` (a sentence without its full stop) and at which entry, as JSON too.
Result<uint64_t> RecordEntry(Desk& desk, ledger::Event event, const std::string& done,
                             Context& context);
Status Record(Desk& desk, ledger::Event event, const std::string& done, Context& context);

// kNotFound, in the command's language.
Error NoSuchRun(const std::string& run, const Context& context);
Error NoSuchEntry(uint64_t index, uint64_t size, const Context& context);
Status HasDataset(const standing::State& state, const DatasetId& id, const Context& context);

}  // namespace dure::cli
