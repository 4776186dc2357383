// What arrives from outside: connections, messages, blobs, enrolments.
#include <algorithm>

#include "aggregator/daemon_state.h"
#include "aggregator/requests.h"
#include "federation/crash_point.h"
#include "federation/identity/messages.h"
#include "federation/wire_hook.h"

namespace dure::aggregator {
namespace {

constexpr std::chrono::seconds kTellAgain{1};
constexpr uint64_t kEntriesBytesMax = 2 * 1024 * 1024;  // of one answer to a mirror

Bytes Flat(const ledger::Proof& proof) {
  Bytes bytes;
  for (const Digest& digest : proof)
    bytes.insert(bytes.end(), digest.bytes.begin(), digest.bytes.end());
  return bytes;
}

// A test's liar shows sites an older head than it has.
ledger::SignedHead AsShown(const ledger::Ledger& log) {
  const ledger::SignedHead head = log.Head();
  Bytes note = ToBytes(head.note);
  PassWire("aggregator.head", {}, note);
  if (AsText(note) == head.note) return head;
  return ledger::OpenHead(AsText(note), log.log_key(), log.verifier()).value_or(head);
}

// A test's liar never heard of a submission.
bool IsHeard(const SiteId& site, const round::Message& message) {
  const auto* submission = std::get_if<round::Submission>(&message);
  if (submission == nullptr) return true;
  Bytes number{static_cast<uint8_t>(submission->at.round.value)};
  PassWire("aggregator.submission", site.str(), number);
  return !number.empty();
}

Error Stopping() { return {ErrorCode::kUnavailable, "the aggregator is stopping"}; }

}  // namespace

transport::ServerCalls Daemon::State::Calls() {
  transport::ServerCalls calls;
  // What comes in while the daemon stops finds nobody: its runs are no more, and nothing may be
  // said for them; whoever asked asks again after the start.
  calls.may_connect = [this](const PeerIdentity& peer) {
    return *alive ? MayConnect(peer) : Status(Fail(Stopping()));
  };
  calls.connected = [this](const PeerIdentity& peer) {
    if (*alive) Connected(peer);
  };
  calls.disconnected = [this](const PeerIdentity& peer) {
    if (*alive) Disconnected(peer);
  };
  calls.caught_up = [this](const PeerIdentity& peer) {
    if (*alive) CaughtUp(peer.site);
  };
  calls.received = [this](const PeerIdentity& peer, const round::Message& message) {
    if (*alive) Received(peer, message);
  };
  calls.may_offer = [this](const PeerIdentity& peer, uint64_t size) {
    return *alive ? MayOffer(peer, size) : Status(Fail(Stopping()));
  };
  calls.may_put = [this](const PeerIdentity& peer, const Digest& digest, uint64_t size) {
    return *alive ? MayPut(peer, digest, size) : Status(Fail(Stopping()));
  };
  calls.may_get = [this](const PeerIdentity& peer, const Digest& digest) {
    return *alive ? MayGet(peer, digest) : Status(Fail(Stopping()));
  };
  calls.reserved = [this](const Status& reserved) {
    if (*alive) (void)spooling->Note(reserved);
  };
  calls.enrol = [this](ByteView request) { return Enrol(request); };
  calls.renew = [this](const PeerIdentity& peer, ByteView request) { return Renew(peer, request); };
  calls.ledger.tree_head = [this]() -> Result<transport::LedgerCalls::Head> {
    const ledger::SignedHead head = AsShown(record->log());
    return transport::LedgerCalls::Head{ToBytes(head.note), head.head.size};
  };
  calls.ledger.entries = [this](uint64_t begin, uint64_t end) { return EntriesFor(begin, end); };
  calls.ledger.inclusion_proof = [this](uint64_t index, uint64_t size) {
    return record->log().ProveInclusion(index, size).map(Flat);
  };
  calls.ledger.consistency_proof = [this](uint64_t from, uint64_t to) {
    return record->log().ProveConsistency(from, to).map(Flat);
  };
  calls.admin = [this](const PeerIdentity& peer, std::string_view verb, const std::string& json,
                       transport::JsonReply reply) {
    if (!*alive) return reply(Fail(Stopping()));
    Admin(peer, verb, json, std::move(reply));
  };
  calls.watch = [this](const PeerIdentity& peer, const std::string& json,
                       std::shared_ptr<transport::Watcher> watcher) {
    if (!*alive) return watcher->Close(Fail(Stopping()));
    Watch(peer, json, std::move(watcher));
  };
  return calls;
}

// An entry that rotted here is no word against the log: whoever follows waits until it is mended.
Result<std::vector<Bytes>> Daemon::State::EntriesFor(uint64_t begin, uint64_t end) const {
  auto entries = record->log().Read(begin, end, kEntriesBytesMax);
  if (entries || entries.error().code != ErrorCode::kCorrupt) return entries;
  if (ledger::Scrubbing* const scrubbing = record->scrubbing()) scrubbing->Hurry();
  return Fail(ErrorCode::kUnavailable,
              "the aggregator cannot read its own log: " + entries.error().message);
}

Status Daemon::State::MayConnect(const PeerIdentity& peer) const {
  if (peer.role != identity::Role::kMember) return {};
  const auto seat = authority->FindSeat(peer.role, peer.site);
  if (!seat) return {};
  if (auto objection = Objection(*seat)) return Fail(std::move(*objection));
  return {};
}

void Daemon::State::Connected(const PeerIdentity& peer) {
  if (peer.role != identity::Role::kMember) return;
  connected.insert(peer.site);
  TellAll(peer.site);
}

// Of the runs that go on first: a line takes only so much at once.
void Daemon::State::TellAll(const SiteId& site) {
  for (const bool over : {false, true}) {
    for (const auto& [id, driver] : runs) {
      const bool ended = driver->rounds().phase() == round::RunPhase::kEnded;
      if (ended == over && driver->Invites(site)) driver->Feed(round::SiteConnected{site});
    }
  }
}

// After a while, in which it answers: what it answered is not said again.
void Daemon::State::CaughtUp(const SiteId& site) {
  loop->At(loop->Now() + kTellAgain, [this, alive = alive, site] {
    if (*alive && connected.contains(site)) TellAll(site);
  });
}

void Daemon::State::Disconnected(const PeerIdentity& peer) {
  if (connected.erase(peer.site) == 0) return;
  record->time().Forget(peer.site);
  for (const auto& [id, driver] : runs) {
    if (driver->Invites(peer.site)) driver->Feed(round::SiteDisconnected{peer.site});
  }
}

void Daemon::State::Received(const PeerIdentity& peer, const round::Message& message) {
  const auto found = runs.find(RunOf(message));
  if (found == runs.end()) return AnswerWithoutRun(peer.site, message);
  if (!found->second->Invites(peer.site) || !IsHeard(peer.site, message)) return;
  if (const auto* masked = std::get_if<round::Masked>(&message)) {
    return found->second->Take(peer.site, *masked);
  }
  found->second->Feed(round::Received{peer.site, message});
}

// The run of which an open round takes so many bytes from that seat.
Result<const RunDriver*> Daemon::State::TakerOf(const PeerIdentity& peer, uint64_t size) const {
  if (peer.role != identity::Role::kMember) {
    return Fail(ErrorCode::kPermissionDenied,
                "wrong role: " + std::string(Name(peer.role)) + " may not upload");
  }
  for (const auto& [id, driver] : runs) {
    if (!driver->Invites(peer.site) || !driver->rounds().MayUpload(peer.site)) continue;
    const auto bytes = driver->ContributionBytes();
    if (bytes && *bytes == size) return driver.get();
  }
  return Fail(ErrorCode::kPermissionDenied, "no open round takes a contribution of " +
                                                std::to_string(size) + " bytes from " +
                                                peer.site.str());
}

Status Daemon::State::MayOffer(const PeerIdentity& peer, uint64_t size) const {
  if (peer.role == identity::Role::kOperator) return {};
  return TakerOf(peer, size).map([](const RunDriver*) {});
}

Status Daemon::State::MayPut(const PeerIdentity& peer, const Digest& digest, uint64_t size) {
  if (peer.role == identity::Role::kOperator) return NoteOffered(digest);
  DURE_ASSIGN(const RunDriver* run, TakerOf(peer, size));
  return uploads->Allow(peer.site, digest, size, OfRuns(), run->rounds().at().Text());
}

bool Daemon::State::IsNeeded(const Digest& digest) const {
  return std::ranges::any_of(runs, [&](const auto& each) {
    const std::vector<Digest> needs = each.second->Needs();
    return std::ranges::find(needs, digest) != needs.end();
  });
}

Uploads::Runs Daemon::State::OfRuns() const {
  auto use = [this](const Digest& digest) {
    const auto uses = [&](const auto& each) { return each.second->rounds().Uses(digest); };
    return std::ranges::any_of(runs, uses) || IsNeeded(digest) || named_aside.Has(digest);
  };
  auto would_take = [this](const SiteId& site, uint64_t bytes) {
    const auto takes = [&](const auto& each) {
      const RunDriver& run = *each.second;
      if (run.rounds().phase() == round::RunPhase::kEnded || !run.Invites(site)) return false;
      const auto taken = run.ContributionBytes();
      return bytes == 0 || (taken && *taken == bytes);
    };
    return static_cast<size_t>(std::ranges::count_if(runs, takes));
  };
  return {use, would_take};
}

Status Daemon::State::MayGet(const PeerIdentity&, const Digest& digest) const {
  if (!uploads->Contains(digest)) return {};
  // The sum over a cohort of one is its contribution, byte for byte: as an aggregate it is
  // published.
  for (const auto& [id, driver] : runs) {
    const auto readable = driver->rounds().Readable();
    if (std::ranges::find(readable, digest) != readable.end()) return {};
  }
  return Fail(ErrorCode::kPermissionDenied,
              "a contribution is read by the merge and by nobody else");
}

Result<Bytes> Daemon::State::Enrol(ByteView request) {
  // Before the invitation is spent: a key that the record ended would be let in for nothing.
  const auto asked = identity::EnrolmentRequest::Parse(request);
  if (asked && record->KeyEnded(asked->signing_key)) {
    return Fail(ErrorCode::kFailedPrecondition,
                "the signing key in that folder was ended on the record by a revocation; enrol "
                "with the same invitation and --new-keys");
  }
  DURE_ASSIGN(Bytes response, authority->Enrol(request, loop->WallNow()));
  CrashPoint("aggregator.enrolled");
  // The seat learns of its certificates only after the log knows its key.
  DURE_TRY(AdmitSeats());
  CrashPoint("aggregator.admitted");
  loop->Post([this, alive = alive] {
    if (*alive) TellRunsOfSeats();
  });
  return response;
}

// The record is asked, too: an identity book that was put back from a copy may not know of a
// revocation, and the record cannot forget one.
Result<Bytes> Daemon::State::Renew(const PeerIdentity& peer, ByteView request) {
  if (const auto seat = authority->FindSeat(peer.role, peer.site)) {
    if (auto objection = Objection(*seat)) return Fail(std::move(*objection));
  }
  return authority->Renew(peer, request, loop->WallNow());
}

void Daemon::State::Watch(const PeerIdentity& peer, const std::string& text,
                          std::shared_ptr<transport::Watcher> watcher) {
  const auto [name, evaluations_wanted] = ParseWatch(text);
  if (evaluations_wanted && peer.role == identity::Role::kMember) {
    evaluations->Listen(peer.site, std::move(watcher));
    return;
  }
  RunDriver* driver = FindRun(name);
  if (driver == nullptr) {
    watcher->Close(Fail(NoRun(name)));
    return;
  }
  driver->view().Watch(std::move(watcher), loop->Now());
}

}  // namespace dure::aggregator
