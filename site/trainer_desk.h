// TrainerDesk: one trainer process and the tasks that wait for it.
//
// Life: construct, Submit tasks from the loop, destroy (the trainer ends first). One task runs at a
// time, in the order of submission; the trainer is started for the first task, again after a crash,
// and for a task that needs other files than it may see: a process that has seen the files of one
// run's task never sees another's. One that does not take a task, does not stop when it is told to,
// or gives no sign for too long, is ended: the tasks behind it are the next one's. Every callback
// runs on the loop; each task is answered exactly once unless the desk is destroyed first.
#pragma once

#include <cstdint>
#include <deque>
#include <filesystem>
#include <functional>
#include <map>
#include <memory>
#include <set>
#include <string>
#include <variant>

#include "federation/loop/loop.h"
#include "model/seat/messages.h"
#include "site/launcher/launcher.h"

namespace dure::site {

using Task =
    std::variant<seat::PrepareTask, seat::TrainTask, seat::EvaluateTask, seat::GenerateTask>;
using Answer =
    std::variant<seat::PreparedEvent, seat::DoneEvent, seat::EvaluatedEvent, seat::GeneratedEvent>;

// The files of a task. A trainer holds itself to what it was started with, for good.
struct Reach {
  std::set<std::filesystem::path> read;   // files, or folders with all below
  std::set<std::filesystem::path> write;  // folders, which are there
  bool Covers(const Reach& other) const;
};

struct TaskCalls {
  std::function<void(const seat::ProgressEvent&)> progress;  // may be empty
  // kUnavailable: the trainer died or hung; kCancelled: Cancel was called; else what the trainer
  // said.
  std::function<void(Result<Answer>)> done;
};

// How long a trainer may give no sign, in spec.rank_patience: one between two steps, and so many
// before the first and after the last, when it reads, compiles, loads and writes. In a cluster's
// queue it may be silent until it says that it is ready. Time in which this process did not run
// does not count; what is noticed late is at most half as much again.
inline constexpr int kPatiencesBesideSteps = seat::kPatiencesBesideSteps;

class TrainerDesk {
 public:
  // REQUIRES: loop and launcher outlive the desk.
  TrainerDesk(loop::EventLoop& loop, launcher::Launcher& launcher, launcher::TrainerSpec spec);
  ~TrainerDesk();

  uint64_t Submit(Task task, Reach reach, TaskCalls calls);
  // A waiting task is dropped and answered kCancelled. A running one is asked to stop: with `keep`
  // it hands over what it has. A trainer that has not after the spec's rank_patience is ended.
  // Unknown ids are ignored: the answer may already be on its way.
  void Cancel(uint64_t id, bool keep);
  bool idle() const { return !running_ && waiting_.empty(); }
  // pid of the trainer process; 0 when none runs.
  int64_t trainer_pid() const;
  // Of the trainer's program, as it was last started; zero: it never was.
  const Digest& code() const { return code_; }
  // In a task's callback, of its error: the trainer did not start or ended, and said nothing of the
  // task.
  bool lacks_trainer() const { return lacks_trainer_; }
  // Likewise: it gave no sign for too long.
  bool hung() const { return hung_; }

 private:
  struct Waiting {
    uint64_t id = 0;
    Task task;
    Reach reach;
    TaskCalls calls;
    bool cancelled = false;
    std::string stage = {};  // the latest that the trainer told of
    uint64_t step = 0;
    bool steps_on = false;  // its next sign is another step
  };
  void Next();
  // Looks at the running task's trainer from now on, until the task is answered.
  void Watch();
  void TakeSign(const seat::ProgressEvent& progress);
  void GiveUpHung();
  Duration QuietMax() const;
  std::string Process() const;
  std::string Lingers() const;
  Status EnsureTrainer();
  // Of no more use: nothing is asked of it, and what waits goes to the next one once it is gone.
  void EndTrainer();
  // It was killed and is still there: nobody waits for that.
  void Outlived(uint64_t generation);
  void OnEvent(uint64_t generation, const seat::Event& event);
  void OnExit(uint64_t generation, const launcher::TrainerExit& exit);
  void Finish(Result<Answer> answer, bool for_want_of_trainer = false, bool hung = false);

  loop::EventLoop& loop_;
  launcher::Launcher& launcher_;
  launcher::TrainerSpec spec_;
  std::shared_ptr<bool> alive_ =
      std::make_shared<bool>(true);  // posted callbacks may outlive the desk
  std::unique_ptr<launcher::Trainer> trainer_;
  Reach reach_;              // of trainer_
  bool ready_ = false;       // trainer_ said so
  bool ending_ = false;      // trainer_ was told to end, and has not yet
  bool lingers_ = false;     // nor long after it was killed
  uint64_t generation_ = 0;  // of the trainer process: events of an earlier one are ignored
  Digest code_;
  bool lacks_trainer_ = false;
  bool hung_ = false;
  uint64_t watch_ = 0;  // a look at an earlier task carries an earlier one
  int quiet_looks_ = 0;
  uint64_t next_id_ = 1;
  std::deque<Waiting> waiting_;
  std::unique_ptr<Waiting> running_;
};

}  // namespace dure::site
