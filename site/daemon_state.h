// The parts of the daemon and what they do together; private to this folder.
#pragma once

#include <map>
#include <memory>
#include <set>
#include <stop_token>
#include <string>

#include "federation/blob/kept_names.h"
#include "federation/identity/identity.h"
#include "federation/random.h"
#include "site/daemon.h"
#include "site/evaluation_desk.h"
#include "site/lending.h"
#include "site/local_door.h"
#include "site/run_desk.h"

namespace dure::site {

struct Daemon::State {
  explicit State(DaemonOptions given) : options(std::move(given)) {}

  Status Open();
  void Connect();
  Result<std::vector<Loan>> Loans() const;
  Status RestoreRuns();
  // set_aside.cc: runs whose kept state cannot be read. kUnavailable, kExhausted: it may pass, and
  // nothing is set aside.
  Status SetAside(const RunId& run, ByteView kept, const Error& why);
  void AnswerAside(const round::Message& message);
  // sweep.cc
  void SweepAtStart();
  void SweepLater();
  void Sweep(blob::Idle idle, uint64_t age);
  void RemoveIdle(blob::Idle idle, uint64_t age);
  Result<blob::KeptNames> KeptNames() const;
  // local_requests.cc
  Result<std::string> Answer(const LocalRequest& request);  // on the door's thread
  Result<std::string> Obey(const LocalRequest& request);
  std::string StatusLine() const;
  std::string AccountsLine() const;
  void DoWhatWasAsked();

  // The record, kept up with also between rounds: heads are co-signed, and what it says of the
  // site's own data is told to the runs.
  void FollowLater();
  void ShowHeld();
  void ScrubLater();
  void HearRecord();

  void Received(const round::Message& message);
  RunDesk& DeskOf(const RunId& run);
  bool NeededElsewhere(const RunId& run, const Digest& blob) const;
  std::set<masking::ReleasedSum> SummedIn(const RunId& run) const;
  void Renew();
  void RenewLater();

  DaemonOptions options;
  identity::Identity self;
  SystemRandom random;
  std::stop_source stopping;
  std::unique_ptr<journal::Journal> journal;
  std::unique_ptr<blob::BlobStore> store;
  std::unique_ptr<loop::EventLoop> loop;
  std::unique_ptr<launcher::Launcher> launcher;
  std::unique_ptr<transport::DataLink> data;
  std::unique_ptr<Scribe> scribe;
  std::unique_ptr<TrainerDesk> trainer;
  Digest code;  // of its program, at the start
  std::unique_ptr<Lending> lending;
  std::unique_ptr<PrivacyDesk> privacy;
  std::unique_ptr<loop::WorkerPool> compute;
  std::unique_ptr<loop::WorkerPool> transfers;
  std::unique_ptr<loop::WorkerPool> small_calls;
  std::set<Digest> removing;
  RunId pen_holder;
  std::unique_ptr<Workshop> shop;
  std::map<RunId, std::unique_ptr<RunDesk>> desks;
  std::map<RunId, std::string> set_aside;  // and why
  std::unique_ptr<EvaluationDesk> evaluations;
  std::unique_ptr<transport::SiteLink> link;
  std::unique_ptr<LocalDoor> door;
  std::set<DatasetId> withdrawn;  // that the runs know of
  bool connected = false;
  uint64_t follows = 0;
  std::string last_failure;
  std::string last_refusal;  // of the record
  bool said_waits = false;   // why its copy goes no further, said
  std::shared_ptr<bool> alive = std::make_shared<bool>(true);
};

}  // namespace dure::site
