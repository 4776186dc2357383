// The parts of the daemon and what they do together; private to this folder.
#pragma once

#include <map>
#include <memory>
#include <set>
#include <string>

#include "aggregator/daemon.h"
#include "aggregator/deliberation.h"
#include "aggregator/evaluations.h"
#include "aggregator/record.h"
#include "aggregator/record_pace.h"
#include "aggregator/run_driver.h"
#include "aggregator/stall.h"
#include "aggregator/uploads.h"
#include "federation/blob/kept_names.h"
#include "federation/blob/store.h"
#include "federation/identity/identity.h"
#include "federation/identity/issuing.h"
#include "federation/journal/journal.h"
#include "federation/loop/loop.h"
#include "federation/loop/workers.h"
#include "federation/transport/server.h"

namespace dure::aggregator {

using identity::PeerIdentity;

// Of the log or a disk: the same may work later.
inline bool MayPass(const Error& error) {
  return error.code == ErrorCode::kUnavailable || error.code == ErrorCode::kExhausted;
}

struct Daemon::State {
  explicit State(DaemonOptions given) : options(std::move(given)) {}

  // daemon.cc: beginning and end.
  Status Open();
  void RemoveLater(const Digest& digest, std::function<void()> done);  // and its spool
  Status RestoreRuns();
  // restored.cc: runs of which a healed log knows more than this disk.
  Status EndOvertakenRuns();
  // As long as it takes: the disk may be full, or the log closed for a while.
  void Halt(const RunId& run, std::string reason);
  void Halted(const RunId& run, const std::string& reason);
  // How a run ended, as the record has it; nullopt: it did not, or its last model cannot be read.
  std::optional<round::RunEnded> EndOnRecord(const RunId& run) const;
  // set_aside.cc: runs whose kept state cannot be read. kUnavailable, kExhausted: it may pass, and
  // nothing is set aside.
  Status SetAside(const RunId& run, ByteView kept, const Error& why);
  void GiveUp(const RunId& run);
  // To a site that waits for a run which is set aside, or has ended and is no more.
  void AnswerWithoutRun(const SiteId& site, const round::Message& message);
  Error NoRun(const std::string& name) const;  // why a name names no run that goes on
  // sweep.cc: what nothing needs any more.
  Status NoteOffered(const Digest& digest);  // by an operator. Errors of the journal.
  void ForgetOffered();
  void SweepAtStart();
  void SweepLater();
  void SweepSince(uint64_t age);
  // kUnavailable and others: it is not known what is needed, and nothing goes.
  Status RemoveUnnamed(blob::Idle idle, uint64_t age);
  Status Listen();
  void Tick();
  void RenewOwnLater();
  void Renewed(const Result<bool>& changed);  // the own certificates
  void RemindOfIssuing();
  void EndVotes();

  // doors.cc: what arrives from outside.
  transport::ServerCalls Calls();
  Status MayConnect(const PeerIdentity& peer) const;
  void Connected(const PeerIdentity& peer);
  void Disconnected(const PeerIdentity& peer);
  void TellAll(const SiteId& site);
  void CaughtUp(const SiteId& site);
  void Received(const PeerIdentity& peer, const round::Message& message);
  Result<const RunDriver*> TakerOf(const PeerIdentity& peer, uint64_t size) const;
  Status MayOffer(const PeerIdentity& peer, uint64_t size) const;
  Status MayPut(const PeerIdentity& peer, const Digest& digest, uint64_t size);
  Status MayGet(const PeerIdentity& peer, const Digest& digest) const;
  Result<Bytes> Enrol(ByteView request);
  Result<Bytes> Renew(const PeerIdentity& peer, ByteView request);
  void Watch(const PeerIdentity& peer, const std::string& json,
             std::shared_ptr<transport::Watcher> watcher);

  // verbs.cc: what people ask for.
  void Admin(const PeerIdentity& peer, std::string_view verb, const std::string& json,
             transport::JsonReply reply);
  Result<std::string> StartRun(const std::string& json);
  Status CheckMembers(const round::RunManifest& manifest, const std::vector<SiteId>& invited) const;
  Result<std::string> StopRun(const std::string& json);
  Result<std::string> ResumeRun(const std::string& json);
  Result<std::string> ShowRun(const std::string& json) const;
  Result<std::string> ListRuns() const;
  std::string ReasonOf(const RunDriver& driver) const;
  Result<std::string> ListSites() const;
  Result<std::string> AskEvaluation(const std::string& json);
  void Revoke(const PeerIdentity& peer, const std::string& json, transport::JsonReply reply);

  // record_verbs.cc: what members say into the record and ask of it.
  struct WaitingEntry {
    PublicKey speaker{};
    Bytes envelope;
    transport::JsonReply reply;
    std::optional<DatasetId> withdrawn;  // by the entry, if it withdraws one
  };
  void TakeEntry(const PeerIdentity& peer, const std::string& json, transport::JsonReply reply);
  void Take(WaitingEntry entry);
  void CountWithdrawals(int more);
  void TakeWaiting();
  // Contributions that were trained on what has been withdrawn leave the rounds that collect.
  void ExcludeWithdrawn();
  Result<std::string> TakeCosignature(const std::string& json);
  Result<std::string> ShowAgreed() const;
  Result<std::string> HearHeld(const PeerIdentity& peer, const std::string& json);
  void AskGrant(const PeerIdentity& peer, const std::string& json, transport::JsonReply reply);

  // upkeep.cc: whether the log's file is what it was, and how the daemon stands.
  void ScrubLater();
  Result<std::string> TakeSpare(const PeerIdentity& peer, const std::string& json);
  Result<std::string> ShowStatus() const;
  Result<std::string> ScrubNow();
  Result<std::vector<Bytes>> EntriesFor(uint64_t begin, uint64_t end) const;  // any thread

  // seats.cc: who may take part.
  // What the log does not know yet of the seats. Blocks; any thread. Errors as Record::Admit.
  Status AdmitSeats();
  // Both, on a worker, and again until the log has taken them.
  void RecordSeats();
  // Every revoked seat: the log waits for it no more, and says that its key is ended, whoever ended
  // it. One that fails keeps no other from it. Blocks; any thread. Errors as Record::Revoke.
  Status RecordRevocations();
  bool IsRevoked(const identity::Seat& seat) const;
  // Revoked no more by name, and without a key that may speak: it has to enrol with new ones.
  bool IsLifted(const identity::Seat& seat) const;
  // A member's seat that is revoked, or whose key is ended on the record: why, and what to do.
  std::optional<Error> Objection(const identity::Seat& seat) const;
  // A key that its member has ended on the record: the seat is out at once, as when an operator
  // revokes it.
  void EndAccess(const PublicKey& key);
  // Every run, of every member's seat; what a run knows already changes nothing.
  void TellRunsOfSeats();
  void TellOfSeats(RunDriver& driver);

  RunDriver* FindRun(const std::string& name) const;
  void AddRun(std::unique_ptr<RunDriver> driver);
  bool IsNeeded(const Digest& digest) const;  // by any run, also one that has ended
  Uploads::Runs OfRuns() const;
  void Ended(const RunId& run, const std::string& reason);
  void SweepUploads();

  DaemonOptions options;
  identity::Identity self;
  std::unique_ptr<journal::Journal> journal;
  std::unique_ptr<blob::BlobStore> store;
  std::unique_ptr<identity::IssuingAuthority> authority;
  // The loop goes last of what others use, and first of what is waited for.
  std::unique_ptr<loop::EventLoop> loop;
  std::unique_ptr<Record> record;
  std::unique_ptr<Deliberation> deliberation;
  std::vector<WaitingEntry> waiting_entries;  // withdrawals, until no round is being closed
  int withdrawals_under_way = 0;              // into the log
  RecordPace record_pace;
  std::unique_ptr<loop::WorkerPool> workers;
  // One thread for seats, revocations and the own certificates: they wait behind no merge.
  std::unique_ptr<loop::WorkerPool> registrar;
  bool seats_waiting = false;  // RecordSeats is under way
  bool seats_again = false;    // and asked for meanwhile
  std::unique_ptr<Evaluations> evaluations;
  std::unique_ptr<Admissions> admissions;
  std::unique_ptr<Workshop> shop;
  std::map<RunId, std::unique_ptr<RunDriver>> runs;
  std::map<RunId, std::string> set_aside;  // and why
  blob::KeptNames named_aside;             // by what is kept of those
  std::map<Digest, MonoTime> offered;      // by operators, and when; noted in the journal
  std::set<SiteId> connected;
  std::optional<Uploads> uploads;    // once the store is open
  std::optional<Stall> spooling;     // what sites upload; likewise
  bool sweeping = false;             // a sweep is posted
  std::optional<MonoTime> reminded;  // of the issuing CA's end
  std::string renewal_failure;       // why the own certificates could not be renewed, as said last
  std::unique_ptr<transport::TransportServer> server;
  std::shared_ptr<bool> alive = std::make_shared<bool>(true);
};

}  // namespace dure::aggregator
