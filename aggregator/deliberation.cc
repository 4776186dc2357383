#include "aggregator/deliberation.h"

#include <algorithm>

#include "aggregator/constitution.h"
#include "federation/limits.h"
#include "policy/standing/overdue.h"
#include "policy/standing/still_admitted.h"
#include "policy/standing/voting.h"

namespace dure::aggregator {
namespace {

// A site announces one key, and another when it has lost that one.
constexpr size_t kAnnouncedMax = 4;
constexpr std::chrono::hours kAnnouncedWithin{24};

// What a member may append by itself; contributions and evaluations have their own doors.
bool IsForMembers(ledger::EventType type) {
  switch (type) {
    case ledger::EventType::kCosignerAnnounced:
    case ledger::EventType::kPolicyProposed:
    case ledger::EventType::kVoteCast:
    case ledger::EventType::kDatasetRegistered:
    case ledger::EventType::kConsentGiven:
    case ledger::EventType::kDatasetWithdrawn:
    case ledger::EventType::kWithdrawalClosed:
    case ledger::EventType::kGrantRevoked:
    case ledger::EventType::kShareComputed:
    case ledger::EventType::kDisclosureExported:
    case ledger::EventType::kIncidentReported:
    case ledger::EventType::kIncidentClosed:
    case ledger::EventType::kDutyFulfilled:
    case ledger::EventType::kKeyRevoked:  // a member's own; the log refuses others
      return true;
    default:
      return false;
  }
}

rules::Instant InstantOf(WallTime time) { return rules::Instant::At(time); }

// A rule's name as a code: P2.1 is p2-1.
std::string CodeOf(const rules::Decision& decision) {
  if (decision.reasons.empty()) return "policy";
  std::string code = "policy-";
  for (const char c : decision.reasons.front().rule) {
    const bool plain = (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9');
    const bool capital = c >= 'A' && c <= 'Z';
    code += plain ? c : capital ? static_cast<char>(c - 'A' + 'a') : '-';
  }
  return code.substr(0, limits::kNameBytesMax);
}

}  // namespace

Result<std::unique_ptr<Deliberation>> Deliberation::Open(const std::string& dir, Record& record,
                                                         loop::EventLoop& loop) {
  auto deliberation = std::unique_ptr<Deliberation>(new Deliberation(record, loop));
  DURE_TRY(deliberation->Found(dir));
  return deliberation;
}

Deliberation::~Deliberation() { *alive_ = false; }

// A death between two of its entries is mended by saying the rest.
Status Deliberation::Found(const std::string& dir) {
  bool chartered = false;
  bool begun = false;
  bool by_itself = false;
  std::set<Digest> declared;
  Status may_decide;
  DURE_TRY(WithStanding([&](const standing::Standing& now) {
    const standing::State& state = now.state();
    may_decide = standing::MayDecide(state);
    chartered = state.voting.has_value();
    begun = !state.proposals.empty() || !state.runs.empty();
    by_itself = state.speakers.size() == 1;
    for (const auto& [digest, text] : state.texts) declared.insert(digest);
    record_.NotBefore(WallTime(std::chrono::seconds(now.latest().seconds)));
  }));
  DURE_TRY(may_decide);
  DURE_ASSIGN(const Constitution constitution, ReadConstitution(dir + "/constitution"));
  std::vector<std::pair<std::string, ledger::Event>> missing;
  if (!chartered) {
    missing.emplace_back("charter",
                         ledger::CharterDeclared{constitution.voting, rules::kWordsVersion});
  }
  for (size_t i = 0; i < constitution.policies.size() && !begun; ++i) {
    const std::string& text = constitution.policies[i];
    if (declared.contains(Sha256(AsBytes(text)))) continue;
    missing.emplace_back("declared/" + std::to_string(i), ledger::PolicyDeclared{text});
  }
  if (missing.empty()) return {};
  if (by_itself) record_.guard().FoundedByItself();
  if (record_.guard().MayAppend()) return Declare(std::move(missing));
  return Fail(ErrorCode::kFailedPrecondition,
              dir + "/constitution says what the record does not (" +
                  std::to_string(missing.size()) +
                  " of it), and nothing is written before members have shown the heads that they "
                  "hold. If this folder was not restored from a backup, start once with: dure "
                  "aggregator serve --alone --dir " +
                  dir);
}

Status Deliberation::Declare(std::vector<std::pair<std::string, ledger::Event>> events) {
  for (auto& [key, event] : events) DURE_TRY(record_.Write(std::move(event), key));
  return {};
}

ledger::Recorder::Make Deliberation::Deciding(FromStanding decide) const {
  return [fold = fold_, &log = record_.log(),
          decide = std::move(decide)](WallTime now) -> Result<ledger::Event> {
    const std::lock_guard lock(fold->mutex);
    DURE_TRY(fold->auditor.CatchUp(log));
    return decide(fold->auditor.standing(), InstantOf(now));
  };
}

Status Deliberation::WithStanding(
    const std::function<void(const standing::Standing&)>& look) const {
  const std::lock_guard lock(fold_->mutex);
  DURE_TRY(fold_->auditor.CatchUp(record_.log()));
  look(fold_->auditor.standing());
  return {};
}

void Deliberation::Admit(const round::RoundAttempt& at, const SiteId& site,
                         const ledger::DatasetVersion& what,
                         std::function<void(Result<Admitted>)> done) {
  AdmitAgain({{at.run, at.round, at.attempt}, site, what, {}}, 0, std::move(done));
}

void Deliberation::AdmitAgain(const standing::AdmissionRequest& request, uint32_t time,
                              std::function<void(Result<Admitted>)> done) {
  auto decide = [asked = request](const standing::Standing& now,
                                  rules::Instant at) -> Result<ledger::Event> {
    standing::AdmissionRequest timed = asked;
    timed.now = at;
    DURE_ASSIGN(const standing::Ruling ruling, standing::Decide(now, timed));
    return ledger::Event(standing::EventOf(now, timed, ruling));
  };
  const std::string key = request.at.run.str() + "/" + std::to_string(request.at.round.value) +
                          "/" + std::to_string(request.at.attempt) + "/admission/" +
                          request.site.str() + "/" + request.what.dataset.str() + "/" +
                          std::to_string(time);
  record_.Make(Deciding(decide), key,
               [this, alive = alive_, request, time,
                done = std::move(done)](Result<ledger::Appended> appended) {
                 if (!*alive) return;
                 if (!appended) return done(Fail(std::move(appended.error())));
                 Result<Admitted> admitted = Look(request, appended->receipt.index);
                 const bool stale =
                     !admitted && admitted.error().code == ErrorCode::kFailedPrecondition;
                 if (!stale || time + 1 == kDecidedAgainMax) return done(std::move(admitted));
                 AdmitAgain(request, time + 1, done);
               });
}

Result<Deliberation::Admitted> Deliberation::Look(const standing::AdmissionRequest& request,
                                                  uint64_t index) const {
  Result<Admitted> found = Fail(ErrorCode::kFailedPrecondition, "the decision was overtaken");
  DURE_TRY(WithStanding([&](const standing::Standing& now) {
    const auto round = now.state().rounds.find(request.at);
    if (round == now.state().rounds.end()) return;
    const auto& all = round->second.admissions;
    const auto one = std::ranges::lower_bound(all, index, {}, &standing::Admission::index);
    if (one != all.end() && one->index == index) found = Admitted{index, one->admit, {}};
  }));
  if (!found || found->admit) return found;
  DURE_ASSIGN(const auto entry, record_.log().Read(index, index + 1, limits::kEntryBytesMax));
  DURE_ASSIGN(const auto opened, ledger::ParseEntry(entry.front()));
  const auto* decided = std::get_if<ledger::AdmissionDecided>(&opened.record.event);
  if (decided == nullptr) return Fail(ErrorCode::kCorrupt, "the decision's entry is another");
  DURE_ASSIGN(const rules::Decision decision, rules::DecisionFromJson(decided->decision));
  found->reason = CodeOf(decision);
  return found;
}

void Deliberation::OpenRound(const round::RecordOpened& opened, const std::string& key,
                             std::function<void(round::Event)> answer) {
  const standing::RoundAttempt at{opened.at.run, opened.at.round, opened.at.attempt};
  auto open = [event = ledger::RoundOpened{at, opened.base_model, opened.cohort}](
                  const standing::Standing& now, rules::Instant moment) -> Result<ledger::Event> {
    const auto over = standing::FindAdmissionOver(now, event.at, event.cohort, moment);
    if (over) return Fail(ErrorCode::kFailedPrecondition, over->text);
    return ledger::Event(event);
  };
  record_.Append(key, Deciding(open), std::move(answer));
}

void Deliberation::Approve(const RunId& run, std::function<void(Status)> done) {
  waiting_.push_back({run, std::move(done)});
  SettleRuns();
}

void Deliberation::SettleRuns() {
  std::vector<WaitingRun> waiting = std::move(waiting_);
  waiting_.clear();
  for (WaitingRun& one : waiting) {
    enum class Where { kOpen, kApproved, kRejected, kUnvoted } where = Where::kOpen;
    const Status looked = WithStanding([&](const standing::Standing& now) {
      const auto run = now.state().runs.find(one.run);
      if (run == now.state().runs.end()) return;
      if (run->second.halted) where = Where::kRejected;
      if (run->second.approved) where = Where::kApproved;
      if (where == Where::kOpen && !run->second.by_vote) where = Where::kUnvoted;
    });
    if (!looked) {
      one.done(looked);
    } else if (where == Where::kApproved) {
      one.done({});
    } else if (where == Where::kRejected) {
      one.done(Fail(ErrorCode::kPermissionDenied, one.run.str() + " was rejected"));
    } else if (where == Where::kOpen) {
      waiting_.push_back(std::move(one));
    } else {
      auto approve = [run = one.run](const standing::Standing& now,
                                     rules::Instant) -> Result<ledger::Event> {
        const auto found = now.state().runs.find(run);
        if (found != now.state().runs.end() && found->second.halted) {
          return Fail(ErrorCode::kPermissionDenied, run.str() + " was stopped");
        }
        // Somebody joined since, whom it would show its updates, too.
        if (found != now.state().runs.end() && found->second.by_vote) {
          return Fail(ErrorCode::kUnavailable, run.str() + " is voted on");
        }
        return ledger::Event(ledger::RunApproved{run, now.state().policies, {}});
      };
      record_.Make(Deciding(approve), one.run.str() + "/approved",
                   [alive = alive_, done = std::move(one.done)](Result<ledger::Appended> appended) {
                     if (!*alive) return;
                     done(appended ? Status() : Status(Fail(std::move(appended.error()))));
                   });
    }
  }
}

void Deliberation::Halt(const RunId& run, const std::string& reason,
                        std::function<void(Status)> done) {
  auto halt = [run, reason](const standing::Standing& now,
                            rules::Instant) -> Result<ledger::Event> {
    const auto found = now.state().runs.find(run);
    if (found == now.state().runs.end()) {
      return Fail(ErrorCode::kNotFound, "the record knows no run " + run.str());
    }
    if (found->second.halted) {
      return Fail(ErrorCode::kAlreadyExists, run.str() + " has ended on the record");
    }
    return ledger::Event(ledger::RunHalted{run, reason});
  };
  record_.Make(Deciding(halt), run.str() + "/halted",
               [alive = alive_, done = std::move(done)](const Result<ledger::Appended>& said) {
                 if (!*alive) return;
                 done(said ? Status() : Status(Fail(said.error())));
               });
}

// A key of the roll is looked through with every tree head, by everybody and for good.
Result<MonoTime> Deliberation::MayAnnounce(const PublicKey& speaker) {
  std::deque<MonoTime>& lately = announced_[speaker];
  const MonoTime now = loop_.Now();
  while (!lately.empty() && now - lately.front() >= kAnnouncedWithin) lately.pop_front();
  if (lately.size() >= kAnnouncedMax) {
    return Fail(ErrorCode::kUnavailable, "this site has announced a key to co-sign with " +
                                             std::to_string(kAnnouncedMax) +
                                             " times within a day; try again tomorrow");
  }
  lately.push_back(now);
  return now;
}

void Deliberation::Forget(const PublicKey& speaker, MonoTime announced) {
  std::deque<MonoTime>& lately = announced_[speaker];
  const auto one = std::ranges::find(lately, announced);
  if (one != lately.end()) lately.erase(one);
}

void Deliberation::Take(const PublicKey& speaker, Bytes envelope,
                        std::function<void(Result<ledger::Appended>)> done) {
  const Ed25519Verifier verifier;
  const auto opened = ledger::OpenEntry(envelope, verifier);
  if (!opened) return done(Fail(opened.error()));
  if (opened->record.actor.key != speaker || !IsForMembers(ledger::TypeOf(opened->record.event))) {
    return done(Fail(ErrorCode::kPermissionDenied,
                     "a " + std::string(Name(ledger::TypeOf(opened->record.event))) +
                         " signed by this key is not for you to append"));
  }
  const std::string key = "said/" + opened->leaf.Hex();
  std::optional<standing::Finding> finding;
  // What is said again, after a lost answer, is answered as before, by its place among what this
  // key said: of a log that was healed there are no keys. Other bytes in that place it refuses.
  const bool is_new = opened->record.actor_seq >= record_.log().ChainOf(speaker).next_seq;
  if (is_new) {
    const Status looked =
        WithStanding([&](const standing::Standing& now) { finding = now.Check(*opened); });
    if (!looked) return done(Fail(looked.error()));
  }
  if (finding) {
    return done(Fail(ErrorCode::kFailedPrecondition, finding->rule + ": " + finding->text));
  }
  std::optional<MonoTime> announced;
  if (is_new && std::holds_alternative<ledger::CosignerAnnounced>(opened->record.event)) {
    const Result<MonoTime> may = MayAnnounce(speaker);
    if (!may) return done(Fail(may.error()));
    announced = *may;
  }
  record_.AppendEnvelope(
      std::move(envelope), key,
      [this, &loop = loop_, alive = alive_, announced, speaker,
       done = std::move(done)](Result<ledger::Appended> appended) {
        loop.Post([this, alive, announced, speaker, done, appended = std::move(appended)] {
          if (!*alive) return;
          // What the record did not take, or had, is no announcement more.
          if (announced && (!appended || appended->existed)) Forget(speaker, *announced);
          SettleVotes();
          done(appended);
        });
      });
}

Status Deliberation::EndReplacedKeys(const std::vector<identity::Seat>& seats) {
  std::vector<ledger::KeyRevoked> ended;
  DURE_TRY(WithStanding([&](const standing::Standing& now) {
    const auto& speakers = now.state().speakers;
    for (const identity::Seat& seat : seats) {
      const auto own = speakers.find(seat.signing_key);
      if (own == speakers.end()) continue;
      for (const auto& [key, speaker] : speakers) {
        const bool is_of_seat =
            speaker.site == own->second.site && speaker.role == own->second.role;
        if (!is_of_seat || speaker.revoked || speaker.admitted >= own->second.admitted) continue;
        ended.push_back({speaker.member, key, "re-enrolled"});
      }
    }
  }));
  for (const ledger::KeyRevoked& event : ended) {
    DURE_TRY(record_.Write(event, "revoked/" + ToHex(event.key)));
  }
  return {};
}

bool Deliberation::HasEnded(uint64_t proposal) const {
  bool ended = false;
  const Status looked = WithStanding([&](const standing::Standing& now) {
    const auto found = now.state().proposals.find(proposal);
    ended = found != now.state().proposals.end() && found->second.outcome;
  });
  return looked && ended;
}

void Deliberation::SettleVotes() {
  if (settling_) return;
  const rules::Instant now = InstantOf(record_.Now());
  std::vector<standing::DueVote> due;
  const Status looked = WithStanding(
      [&](const standing::Standing& standing) { due = standing::DueVotes(standing, now); });
  // What was written and has no effect would have none the next time.
  if (!looked || due.empty() || without_effect_.contains(due.front().proposal)) return;
  settling_ = true;
  auto picked = std::make_shared<uint64_t>(0);
  auto settle = [picked](const standing::Standing& standing,
                         rules::Instant at) -> Result<ledger::Event> {
    const standing::State& state = standing.state();
    const auto first = standing::DueVotes(standing, at);
    if (first.empty()) return Fail(ErrorCode::kFailedPrecondition, "the vote goes on");
    const uint64_t index = *picked = first.front().proposal;
    const standing::Proposal& proposal = state.proposals.at(index);
    const auto outcome = standing::DueOutcome(proposal, state, at);
    if (!outcome->adopt) {
      return ledger::Event(ledger::PolicyRejected{index, outcome->reason, outcome->tally});
    }
    if (!proposal.run.empty()) {
      return ledger::Event(ledger::RunApproved{proposal.run, state.policies, outcome->tally});
    }
    const Digest digest = Sha256(AsBytes(proposal.policy));
    return ledger::Event(ledger::PolicyAdopted{index, digest, outcome->tally});
  };
  // No key: what ended is found in the standing, and is not due again.
  auto settled = [this, alive = alive_, picked](const Result<ledger::Appended>& said) {
    if (!*alive) return;
    settling_ = false;
    SettleRuns();
    if (!said) return;
    if (!HasEnded(*picked)) without_effect_.insert(*picked);
    SettleVotes();  // the next, and those that were for the policies before
  };
  record_.Make(Deciding(settle), "", std::move(settled));
}

}  // namespace dure::aggregator
