// Deliberation: what the aggregator decides from the record, and writes into it.
//
// It folds the log it keeps with the code every site folds its mirror with (policy/standing), so an
// honest aggregator's decisions replay. Each decision is made when its entry is sealed, from all
// entries before it, and stands right behind them: one that was overtaken by a member's entry is
// made again.
//
// Life: Open at start, after the record; destroyed before it. Calls are for the loop; answers come
// on the loop. Decisions themselves are made on the thread that seals entries.
#pragma once

#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include "aggregator/record.h"
#include "federation/loop/loop.h"
#include "policy/standing/admission.h"
#include "policy/standing/auditor.h"

namespace dure::aggregator {

class Deliberation {
 public:
  // Declares charter and policies if the log has none yet: those in <dir>/constitution, or the ones
  // that Dure ships. kInvalid: a policy file cannot be read; the message says where.
  // kFailedPrecondition: a newer build decided here (standing::MayDecide).
  static Result<std::unique_ptr<Deliberation>> Open(const std::string& dir, Record& record,
                                                    loop::EventLoop& loop);
  ~Deliberation();

  // Any thread. `look` sees the standing of the whole log and must be quick.
  Status WithStanding(const std::function<void(const standing::Standing&)>& look) const;

  struct Admitted {
    uint64_t index = 0;
    bool admit = false;
    std::string reason;  // a code, when refused: the rule that is named first
  };
  // Records the decision about one dataset in one attempt, or finds it recorded.
  void Admit(const round::RoundAttempt& at, const SiteId& site, const ledger::DatasetVersion& what,
             std::function<void(Result<Admitted>)> done);
  // Opens a round, if what its cohort was admitted with would be admitted at that moment still.
  // Answers as Record::Append; AppendRefused with the code kFailedPrecondition: it would not.
  void OpenRound(const round::RecordOpened& opened, const std::string& key,
                 std::function<void(round::Event)> answer);
  // Whether a model may be measured on a site's dataset for the purpose of a run, recorded, or
  // found recorded where the same comes out still. `request`'s time is not looked at; the reason of
  // a refusal is a sentence here. kNotFound: the record does not know the model.
  void Measure(const standing::MeasuringRequest& request,
               std::function<void(Result<Admitted>)> done);
  // Answers once the run is approved: at once, or when its vote has ended. kPermissionDenied: it
  // was rejected.
  void Approve(const RunId& run, std::function<void(Status)> done);
  struct Granted {
    uint64_t index = 0;
    bool granted = false;
    std::string decision;  // canonical JSON
  };
  // Whether a model may be used so, recorded, or found recorded where the same was asked before and
  // comes out still, but for the moment. kNotFound: no closed round made the model.
  void Grant(const standing::GrantRequest& request, std::function<void(Result<Granted>)> done);

  // Records that a run has ended before its last round. kNotFound: the record knows no such run.
  // kAlreadyExists: it has ended there.
  void Halt(const RunId& run, const std::string& reason, std::function<void(Status)> done);

  // A member's own entry, `speaker` being who the transport says it is. kPermissionDenied: signed
  // by another key, or an event that is not for members to append. kFailedPrecondition: it would be
  // void, and why. kUnavailable: the site has announced cosigners too often lately.
  void Take(const PublicKey& speaker, Bytes envelope,
            std::function<void(Result<ledger::Appended>)> done);
  // A seat that was enrolled anew, because its keys were lost: the keys it had before speak no
  // more, durably, before this returns. Blocks; any thread. Errors as Record::Write.
  Status EndReplacedKeys(const std::vector<identity::Seat>& seats);
  // Records the end of every vote that has one at this moment, in the order of overdue.h.
  void SettleVotes();

 private:
  struct Fold {
    std::mutex mutex;
    standing::Auditor auditor;
  };
  static constexpr uint32_t kDecidedAgainMax = 16;  // times that members' entries may overtake
  Deliberation(Record& record, loop::EventLoop& loop) : record_(record), loop_(loop) {}
  Result<MonoTime> MayAnnounce(const PublicKey& speaker);
  void Forget(const PublicKey& speaker, MonoTime announced);
  Status Found(const std::string& dir);
  Status Declare(std::vector<std::pair<std::string, ledger::Event>> events);  // each under its key
  void AdmitAgain(const standing::AdmissionRequest& request, uint32_t time,
                  std::function<void(Result<Admitted>)> done);
  void MeasureAgain(const standing::MeasuringRequest& request, uint32_t time,
                    std::function<void(Result<Admitted>)> done);
  // The decision that counts, if it is this build's answer at this moment as well.
  Result<std::optional<Admitted>> Measured(const standing::MeasuringRequest& request) const;
  void GrantAgain(const standing::GrantRequest& request, uint32_t time,
                  std::function<void(Result<Granted>)> done);
  Result<Admitted> Look(const standing::AdmissionRequest& request, uint64_t index) const;
  // An event made, when it is sealed, from the standing of every entry before it. Outlives this.
  using FromStanding =
      std::function<Result<ledger::Event>(const standing::Standing& now, rules::Instant at)>;
  ledger::Recorder::Make Deciding(FromStanding decide) const;
  void SettleRuns();
  bool HasEnded(uint64_t proposal) const;

  struct WaitingRun {
    RunId run;
    std::function<void(Status)> done;
  };
  Record& record_;
  loop::EventLoop& loop_;
  std::shared_ptr<Fold> fold_ = std::make_shared<Fold>();  // decisions under way outlive this
  std::vector<WaitingRun> waiting_;
  std::map<PublicKey, std::deque<MonoTime>> announced_;  // cosigners, lately, by who did
  bool settling_ = false;                                // the end of a vote is being recorded
  std::set<uint64_t> without_effect_;  // proposals whose recorded end ended nothing
  std::shared_ptr<bool> alive_ = std::make_shared<bool>(true);
};

}  // namespace dure::aggregator
