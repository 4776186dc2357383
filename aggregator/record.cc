#include "aggregator/record.h"

#include <algorithm>

#include "federation/check.h"
#include "federation/error_code.h"
#include "federation/identity/private_files.h"
#include "policy/ledger/sqlite_ledger.h"
#include "policy/standing/roles.h"

namespace dure::aggregator {
namespace {

constexpr std::chrono::seconds kAppendRetry{1};
constexpr std::chrono::milliseconds kComparedSoon{100};  // by the sites that connect after a start

// Whoever has this key can sign two logs.
Result<std::unique_ptr<Ed25519Signer>> LogSigner(const std::string& path) {
  const auto pem = identity::ReadPrivateFile(path);
  if (!pem && pem.error().code == ErrorCode::kNotFound) {
    return Fail(ErrorCode::kNotFound, path + " is not there (dure consortium init makes it)");
  }
  if (!pem) return Fail(pem.error());
  auto signer = Ed25519Signer::FromPem(*pem);
  if (!signer) return Within(signer.error(), "while reading " + path);
  return signer;
}

ledger::RoundAttempt At(const round::RoundAttempt& at) { return {at.run, at.round, at.attempt}; }

ledger::House HouseInLog(identity::House house) {
  switch (house) {
    case identity::House::kPublic:
      return ledger::House::kPublic;
    case identity::House::kPrivate:
      return ledger::House::kPrivate;
    case identity::House::kAcademic:
      return ledger::House::kAcademic;
    case identity::House::kSmallFirm:
      return ledger::House::kSmallFirm;
  }
  return ledger::House::kPrivate;
}

bool MayBeTriedAgain(ErrorCode code) {
  return code == ErrorCode::kUnavailable || code == ErrorCode::kExhausted;
}

}  // namespace

Result<std::unique_ptr<Record>> Record::Open(const std::string& dir, const identity::Identity& self,
                                             loop::EventLoop& loop, RecordOptions given) {
  auto record = std::unique_ptr<Record>(new Record(loop));
  record->self_ = &self;
  DURE_ASSIGN(record->log_signer_, LogSigner(dir + "/log.key"));
  ledger::SqliteLedgerOptions options;
  options.dir = dir;
  DURE_ASSIGN(options.log_key, ledger::NoteKey::Parse(self.log_vkey));
  if (record->log_signer_->Key() != options.log_key.key) {
    return Fail(ErrorCode::kCorrupt,
                dir +
                    "/log.key is not the key that the members know of this log (log.vkey); put "
                    "its backup in its place");
  }
  options.log_signer = record->log_signer_.get();
  options.verifier = &record->verifier_;
  if (!given.say) given.say = [](const std::string&) {};
  record->appending_ = std::make_unique<Stall>(given.say, "write to the record", dir);
  record->time_ = std::make_unique<Timekeeper>(loop, given.say);
  record->guard_ = std::make_unique<RollbackGuard>(given.alone || given.seam, given.say);
  options.may_append = [&now = *record] { return now.MayAppend(); };
  DURE_ASSIGN(record->log_, ledger::OpenSqliteLedger(std::move(options)));
  if (given.seam) {
    DURE_ASSIGN(record->log_, given.seam(std::move(record->log_)));
  } else {
    record->guard_->Watch(*record->log_);
    record->ScrubBeside(dir, given);
  }
  ledger::Actor actor{self.member(), self.signer->Key(), ledger::Role::kAggregator};
  record->recorder_ = std::make_unique<ledger::Recorder>(*record->log_, actor, *self.signer,
                                                         [&now = *record] { return now.Stamp(); });
  if (record->log_->Head().head.size > 0) return record;
  ledger::ConsortiumGenesis genesis{self.log_vkey, self.root_pin, self.signer->Key()};
  DURE_TRY(record->recorder_->Record(genesis, "genesis").map([](const auto&) {}));
  return record;
}

Record::~Record() { *alive_ = false; }

// A head that rotted is signed again: the same key over the same tree makes the same bytes.
void Record::ScrubBeside(const std::string& dir, const RecordOptions& given) {
  ledger::ScrubOptions options{dir, given.scrub, given.say, {}};
  options.spares.note = [this](uint64_t size) {
    const ledger::NoteKey& key = log_->log_key();
    return std::optional(
        ledger::SignHead({key.name, size, log_->RootAt(size)}, key, *log_signer_).note);
  };
  scrubbing_ = std::make_unique<ledger::Scrubbing>(*log_, verifier_, std::move(options));
}

Status Record::MayAppend() const {
  DURE_TRY(guard_->MayAppend());
  DURE_TRY(time_->MayWrite());
  return scrubbing_ ? scrubbing_->Whole() : Status();
}

void Record::NoteDisk(const Result<ledger::Appended>& appended) {
  if (appended || appended.error().code == ErrorCode::kExhausted) (void)appending_->Note(appended);
}

Result<WallTime> Record::Stamp() {
  DURE_TRY(MayAppend());
  return time_->Stamp();
}

Status Record::Write(ledger::Event event, const std::string& key) {
  return recorder_->Record(std::move(event), key).map([](const auto&) {});
}

void Record::Make(ledger::Recorder::Make make, std::string key, ledger::AppendCallback done) {
  recorder_->RecordAsync(std::move(make), std::move(key),
                         [this, alive = alive_, done](Result<ledger::Appended> appended) {
                           loop_.Post([this, alive, done, appended = std::move(appended)] {
                             if (!*alive) return;
                             NoteDisk(appended);
                             done(appended);
                           });
                         });
}

std::set<MemberId> DescribedIn(const standing::State& state) {
  std::set<MemberId> described;
  for (const auto& [id, member] : state.members) {
    if (member.described) described.insert(id);
  }
  return described;
}

Status Record::Admit(const std::vector<identity::Seat>& seats,
                     const std::set<MemberId>& described) {
  for (const identity::Seat& seat : seats) {
    // Before its first key: whoever can speak for a member stands in a house already.
    if (!described.contains(seat.subject.member)) {
      const ledger::MemberDescribed event{seat.subject.member, HouseInLog(seat.domicile.house),
                                          seat.domicile.country};
      // Two that ask at once find each other's entry.
      const std::string once = "described/" + seat.subject.member.str();
      DURE_TRY(recorder_->Record(event, once).map([](const auto&) {}));
    }
    // The aggregator's own key is in the genesis; a key is admitted once.
    if (log_->FindKey(seat.signing_key)) continue;
    const std::string key = "admitted/" + ToHex(seat.signing_key);
    ledger::MemberAdmitted event{seat.subject.member, seat.subject.site,
                                 standing::RoleInLog(seat.subject.role), seat.signing_key};
    DURE_TRY(recorder_->Record(event, key).map([](const auto&) {}));
  }
  return {};
}

Status Record::Revoke(const identity::Seat& seat, const std::string& reason) {
  ledger::KeyRevoked event{seat.subject.member, seat.signing_key, reason};
  return recorder_->Record(event, "revoked/" + ToHex(seat.signing_key)).map([](const auto&) {});
}

bool Record::KeyEnded(const identity::Seat& seat) const { return KeyEnded(seat.signing_key); }

bool Record::KeyEnded(const PublicKey& key) const {
  const auto found = log_->FindKey(key);
  return found && found->revoked;
}

Result<ledger::Event> Record::EventOf(const round::Append& append, ledger::RunProposed run) const {
  using ledger::Event;
  if (const auto* proposed = std::get_if<round::RecordProposed>(&append.record)) {
    DURE_ASSIGN(run.run, RunId::Parse(append.key.substr(0, append.key.find('/'))));
    run.manifest = proposed->manifest;
    return Event(std::move(run));
  }
  if (const auto* opened = std::get_if<round::RecordOpened>(&append.record)) {
    return Event(ledger::RoundOpened{At(opened->at), opened->base_model, opened->cohort});
  }
  if (const auto* receipted = std::get_if<round::RecordReceipted>(&append.record)) {
    return Event(ledger::ContributionReceipted{At(receipted->at), receipted->submission,
                                               log_->Leaf(receipted->submission), true, ""});
  }
  if (const auto* abandoned = std::get_if<round::RecordAbandoned>(&append.record)) {
    return Event(
        ledger::RoundAbandoned{At(abandoned->at), abandoned->base_model, abandoned->reason});
  }
  const auto* closed = std::get_if<round::RecordClosed>(&append.record);
  DURE_CHECK(closed != nullptr, "a submission is appended as it is");
  ledger::RoundClosed event{
      At(closed->at),      {}, {}, closed->aggregate, closed->next.model, closed->next.momentum,
      closed->next.scales, {}};
  if (closed->sums) {
    event.sums = ledger::MaskedSums{closed->sums->weight, closed->sums->tokens, closed->sums->steps,
                                    closed->sums->saturated_lanes};
  }
  event.merge = closed->merge;
  for (size_t i = 0; i < closed->counted.size(); ++i) {
    const round::Counted& counted = closed->counted[i];
    event.submissions.push_back({counted.submission, counted.site, counted.weight});
    if (!closed->shares.empty()) event.submissions.back().share = closed->shares[i];
  }
  for (const round::Excluded& excluded : closed->excluded) {
    event.excluded.push_back({excluded.site, excluded.reason});
  }
  return Event(std::move(event));
}

void Record::Append(const round::Append& append, ledger::RunProposed proposed,
                    std::function<void(round::Event)> answer) {
  if (const auto* submission = std::get_if<round::RecordSubmission>(&append.record)) {
    Try(
        [this, envelope = submission->envelope, key = append.key](ledger::AppendCallback done) {
          log_->AppendAsync(envelope, key, ledger::OnRepeat::kTakeExisting, std::move(done));
        },
        append.key, std::move(answer));
    return;
  }
  Result<ledger::Event> event = EventOf(append, std::move(proposed));
  if (!event) {
    loop_.Post([answer, key = append.key] { answer(round::AppendRefused{key, "malformed"}); });
    return;
  }
  Try([this, event = std::move(*event), key = append.key](
          ledger::AppendCallback done) { recorder_->RecordAsync(event, key, std::move(done)); },
      append.key, std::move(answer));
}

void Record::Append(const std::string& key, const ledger::Recorder::Make& make,
                    std::function<void(round::Event)> answer) {
  Try([this, make,
       key](ledger::AppendCallback done) { recorder_->RecordAsync(make, key, std::move(done)); },
      key, std::move(answer));
}

void Record::Try(std::function<void(ledger::AppendCallback)> attempt, std::string key,
                 std::function<void(round::Event)> answer) {
  auto done = [this, alive = alive_, attempt, key, answer](Result<ledger::Appended> appended) {
    loop_.Post([this, alive, attempt, key, answer, appended = std::move(appended)] {
      if (!*alive) return;
      NoteDisk(appended);
      if (appended) {
        answer(round::Appended{key, appended->receipt.index,
                               ToBytes(appended->receipt.ToTlogProof()),
                               ToBytes(appended->receipt.head.note)});
      } else if (MayBeTriedAgain(appended.error().code) || !guard_->MayAppend()) {
        const bool compares = !guard_->MayAppend();
        const Duration wait = compares ? Duration(kComparedSoon) : Duration(kAppendRetry);
        loop_.At(loop_.Now() + wait, [this, alive, attempt, key, answer] {
          if (*alive) Try(attempt, key, answer);
        });
      } else {
        answer(round::AppendRefused{key, CodeWord(appended.error().code)});
      }
    });
  };
  attempt(std::move(done));
}

void Record::AppendEnvelope(Bytes envelope, std::string key, ledger::AppendCallback done) {
  log_->AppendAsync(std::move(envelope), std::move(key), ledger::OnRepeat::kTakeExisting,
                    std::move(done));
}

}  // namespace dure::aggregator
