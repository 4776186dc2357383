// Who may take part: what the revocations and the record say of a seat, and what runs are told.
#include <utility>

#include "aggregator/daemon_state.h"

namespace dure::aggregator {
namespace {

constexpr std::chrono::seconds kSeatsAgain{1};

}  // namespace

Status Daemon::State::AdmitSeats() {
  const std::vector<identity::Seat> seats = authority->Seats();
  std::set<MemberId> described;
  DURE_TRY(deliberation->WithStanding(
      [&](const standing::Standing& now) { described = DescribedIn(now.state()); }));
  DURE_TRY(record->Admit(seats, described));
  return deliberation->EndReplacedKeys(seats);
}

void Daemon::State::RecordSeats() {
  if (std::exchange(seats_waiting, true)) {
    seats_again = true;
    return;
  }
  auto work = [this]() -> Status {
    const Status admitted = AdmitSeats();
    Status revoked = RecordRevocations();
    return revoked ? admitted : revoked;
  };
  auto done = [this](const Status& recorded) {
    seats_waiting = false;
    const bool again = std::exchange(seats_again, false);
    if (!recorded && !MayPass(recorded.error())) {
      return options.say("what changed of the seats is not on the record: " +
                         recorded.error().message);
    }
    if (recorded && !again) return;
    loop->At(loop->Now() + kSeatsAgain, [this, alive = alive] {
      if (*alive) RecordSeats();
    });
  };
  loop::RunFor(alive, *loop, *registrar, work, done);
}

Status Daemon::State::RecordRevocations() {
  std::vector<identity::Seat> revoked = authority->Seats();
  std::erase_if(revoked, [this](const identity::Seat& seat) { return !IsRevoked(seat); });
  for (const identity::Seat& seat : revoked) record->guard().Excuse(seat.subject.site);
  Status failed;
  for (const identity::Seat& seat : revoked) {
    // Its member may have ended it by its own word, also between the question and the entry.
    if (record->KeyEnded(seat)) continue;
    const Status ended = record->Revoke(seat, "revoked-by-operator");
    if (ended || record->KeyEnded(seat)) continue;
    // The others end all the same. What may pass is what whoever asked tries again.
    if (failed || MayPass(ended.error())) {
      failed = Within(ended.error(), "while ending the key of " + seat.subject.site.str());
    }
  }
  return failed;
}

bool Daemon::State::IsRevoked(const identity::Seat& seat) const {
  return authority->revocations()->Find(identity::PeerOf(seat)) != nullptr;
}

bool Daemon::State::IsLifted(const identity::Seat& seat) const {
  const auto revocations = authority->revocations();
  const std::string& site = seat.subject.site.str();
  const std::string& member = seat.subject.member.str();
  return record->KeyEnded(seat) &&
         revocations->Find(identity::RevocationKind::kSite, site) == nullptr &&
         revocations->Find(identity::RevocationKind::kMember, member) == nullptr;
}

std::optional<Error> Daemon::State::Objection(const identity::Seat& seat) const {
  const std::string& site = seat.subject.site.str();
  if (!IsLifted(seat)) {
    if (!IsRevoked(seat)) return std::nullopt;
    return Error{ErrorCode::kPermissionDenied, "revoked: site " + site};
  }
  return Error{ErrorCode::kPermissionDenied,
               "the signing key of " + site +
                   " was ended on the record by a revocation, and lifting that does not bring it "
                   "back: ask the operator for a new invitation, then dure site enrol INVITATION "
                   "--dir DIR --new-keys, with the daemon stopped"};
}

void Daemon::State::EndAccess(const PublicKey& key) {
  TellRunsOfSeats();
  for (const identity::Seat& seat : authority->Seats()) {
    const bool is_site = seat.subject.role == identity::Role::kMember;
    if (is_site && seat.signing_key == key) server->Cut(seat.subject.role, seat.subject.site);
  }
}

void Daemon::State::TellOfSeats(RunDriver& driver) {
  for (const identity::Seat& seat : authority->Seats()) {
    const SiteId& site = seat.subject.site;
    if (seat.subject.role != identity::Role::kMember || !driver.Invites(site)) continue;
    if (Objection(seat)) {
      driver.Feed(round::SiteRemoved{site});
    } else {
      driver.Feed(round::SiteReadmitted{site});
    }
  }
}

void Daemon::State::TellRunsOfSeats() {
  for (const auto& [id, driver] : runs) TellOfSeats(*driver);
}

}  // namespace dure::aggregator
