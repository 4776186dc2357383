// What members say into the record and ask of it: their own entries, and grants.
#include <algorithm>
#include <nlohmann/json.hpp>

#include "aggregator/daemon_state.h"
#include "aggregator/requests.h"
#include "federation/transport/json_fields.h"

namespace dure::aggregator {

using nlohmann::json;
using transport::JsonLine;

namespace {

// Withdrawals that wait for a round to close: of all, and of one seat, so that nobody's junk takes
// the places of an owner.
constexpr size_t kWaitingMax = 256;
constexpr ptrdiff_t kWaitingOfOneMax = 8;

// What an entry withdraws, if it withdraws a dataset.
std::optional<DatasetId> WithdrawnBy(ByteView envelope) {
  const auto entry = ledger::ParseEntry(envelope);
  const auto* said = entry ? std::get_if<ledger::DatasetWithdrawn>(&entry->record.event) : nullptr;
  return said ? std::optional(said->dataset) : std::nullopt;
}

// The key that an entry ends, if it ends one.
std::optional<PublicKey> KeyEndedBy(ByteView envelope) {
  const auto entry = ledger::ParseEntry(envelope);
  const auto* ended = entry ? std::get_if<ledger::KeyRevoked>(&entry->record.event) : nullptr;
  return ended ? std::optional(ended->key) : std::nullopt;
}

std::string AnswerOf(const ledger::Appended& appended) {
  return JsonLine({{"index", appended.receipt.index},
                   {"existed", appended.existed},
                   {"receipt", appended.receipt.ToTlogProof()}});
}

}  // namespace

void Daemon::State::TakeEntry(const PeerIdentity& peer, const std::string& text,
                              transport::JsonReply reply) {
  Result<Bytes> envelope = ParseAppend(text);
  if (!envelope) return reply(Fail(std::move(envelope.error())));
  const auto seat = authority->FindSeat(peer.role, peer.site);
  if (!seat) {
    return reply(Fail(ErrorCode::kPermissionDenied, peer.site.str() + " holds no seat here"));
  }
  const auto withdrawn = WithdrawnBy(*envelope);
  WaitingEntry entry{seat->signing_key, std::move(*envelope), std::move(reply), withdrawn};
  if (!withdrawn) return Take(std::move(entry));
  const auto own = std::ranges::count(waiting_entries, entry.speaker, &WaitingEntry::speaker);
  if (waiting_entries.size() >= kWaitingMax || own >= kWaitingOfOneMax) {
    return entry.reply(Fail(ErrorCode::kUnavailable, "too many withdrawals wait; try again"));
  }
  waiting_entries.push_back(std::move(entry));
  TakeWaiting();
}

void Daemon::State::Take(WaitingEntry entry) {
  const bool withdraws = entry.withdrawn.has_value();
  if (withdraws) CountWithdrawals(+1);
  const auto ended = KeyEndedBy(entry.envelope);
  deliberation->Take(
      entry.speaker, std::move(entry.envelope),
      [this, withdraws, ended, reply = std::move(entry.reply)](Result<ledger::Appended> appended) {
        if (appended) ExcludeWithdrawn();
        if (withdraws) CountWithdrawals(-1);
        if (!appended) return reply(Fail(std::move(appended.error())));
        reply(AnswerOf(*appended));
        if (ended) EndAccess(*ended);
      });
}

// The last contribution of a round may be receipted while a withdrawal is on its way into the log:
// what is merged is known when it has arrived.
void Daemon::State::CountWithdrawals(int more) {
  const bool before = withdrawals_under_way > 0;
  withdrawals_under_way += more;
  const bool now = withdrawals_under_way > 0;
  if (now == before) return;
  for (const auto& [id, driver] : runs) driver->Feed(round::WithdrawalsUnderWay{now});
}

// A withdrawal's entry stands before a round's opening or after its closing, never while the
// round's entries are being made of contributions that it would take out. One taken may hold up the
// next: each is looked at when those before it are on their way.
void Daemon::State::TakeWaiting() {
  std::vector<WaitingEntry> entries = std::move(waiting_entries);
  waiting_entries.clear();
  for (WaitingEntry& entry : entries) {
    const auto holds = [&entry](const auto& each) {
      return each.second->rounds().HoldsWithdrawalOf(*entry.withdrawn);
    };
    if (std::ranges::any_of(runs, holds)) {
      waiting_entries.push_back(std::move(entry));
    } else {
      Take(std::move(entry));
    }
  }
}

void Daemon::State::ExcludeWithdrawn() {
  std::vector<std::pair<RunDriver*, SiteId>> out;
  const Status looked = deliberation->WithStanding([&](const standing::Standing& now) {
    for (const auto& [id, driver] : runs) {
      const auto round = now.state().rounds.find(
          {driver->rounds().at().run, driver->rounds().at().round, driver->rounds().at().attempt});
      if (round == now.state().rounds.end()) continue;
      for (const standing::Admission& admission : round->second.admissions) {
        const auto dataset = now.state().datasets.find(admission.what.dataset);
        const bool withdrawn = dataset != now.state().datasets.end() && dataset->second.withdrawn;
        if (admission.admit && withdrawn) out.emplace_back(driver.get(), admission.site);
      }
    }
  });
  if (!looked) return;
  for (const auto& [driver, site] : out) {
    driver->Feed(round::Exclude{site, "dataset-withdrawn"});
  }
}

Result<std::string> Daemon::State::TakeCosignature(const std::string& text) {
  DURE_ASSIGN(const CosignatureSaid said, ParseCosignature(text));
  DURE_TRY(record->log().AddCosignature(said.size, said.line));
  const auto agreed = record->log().Agreed();
  return JsonLine({{"size", said.size}, {"agreed", agreed ? agreed->Note() : std::string()}});
}

Result<std::string> Daemon::State::ShowAgreed() const {
  const auto agreed = record->log().Agreed();
  return JsonLine({{"agreed", agreed ? agreed->Note() : std::string()}});
}

Result<std::string> Daemon::State::HearHeld(const PeerIdentity& peer, const std::string& text) {
  DURE_ASSIGN(const HeldShown shown, ParseHeld(text));
  // Before the log may open: what is then written has a time.
  const bool counts = peer.role == identity::Role::kMember && connected.contains(peer.site);
  if (shown.time && counts) record->time().Hear(peer.site, *shown.time);
  DURE_TRY(record->guard().Hear(peer.site, shown.note));
  json answer = {{"size", record->log().Head().head.size}};
  if (const auto* scrubbing = record->scrubbing()) answer["wanted"] = scrubbing->Wanted();
  return JsonLine(answer);
}

void Daemon::State::AskGrant(const PeerIdentity& peer, const std::string& text,
                             transport::JsonReply reply) {
  const Result<GrantAsked> asked = ParseGrant(text);
  if (!asked) return reply(Fail(asked.error()));
  standing::GrantRequest request;
  request.kind = asked->kind;
  request.model = asked->model;
  request.grantee = peer.member;
  request.purpose = asked->purpose;
  request.territory = asked->territory;
  request.until = asked->until;
  bool known = false;
  const Status looked = deliberation->WithStanding(
      [&](const standing::Standing& now) { known = now.state().models.contains(request.model); });
  if (!looked) return reply(Fail(looked.error()));
  if (!known) {
    return reply(Fail(ErrorCode::kNotFound,
                      "no closed round of this log made model " + request.model.Hex()));
  }
  deliberation->Grant(request, [reply](Result<Deliberation::Granted> granted) {
    if (!granted) return reply(Fail(std::move(granted.error())));
    reply(JsonLine({{"index", granted->index},
                    {"granted", granted->granted},
                    {"decision", granted->decision}}));
  });
}

}  // namespace dure::aggregator
