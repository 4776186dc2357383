#include "site/scribe.h"

#include <nlohmann/json.hpp>

#include "federation/crash_point.h"
#include "federation/transport/json_fields.h"

namespace dure::site {
namespace {

// A round brings several heads within a moment; each cosignature costs two disks and a call.
constexpr std::chrono::milliseconds kCosignAfter{250};

}  // namespace

Result<std::unique_ptr<Scribe>> Scribe::Open(const std::string& dir, const identity::Identity& self,
                                             loop::EventLoop& loop) {
  auto scribe = std::unique_ptr<Scribe>(new Scribe(dir, self, loop));
  SteadyWall* const steady = &scribe->wall_;
  DURE_ASSIGN(scribe->clerk_, clerk::Clerk::Open(
                                  dir, self, [steady] { return steady->Now(); }, 1, steady));
  DURE_ASSIGN(scribe->auditor_, OpenAuditorKey(dir, self.site()));
  DURE_TRY(RenewIfEnded(dir, scribe->mirror(), scribe->auditor_));
  scribe->thread_ = std::make_unique<loop::WorkerPool>(1);
  return scribe;
}

Scribe::~Scribe() {
  *alive_ = false;
  thread_.reset();
}

void Scribe::UseDial(const transport::Dial& dial) { clerk_->UseDial(dial); }

// A cosignature that cannot be given now is given with the next head; a head that others co-signed
// and that contradicts this copy is another matter.
void Scribe::CosignSoon() {
  if (cosigning_ || mirror().Head().head.size == cosigned_) return;
  cosigning_ = true;
  auto done = [this, alive = alive_](const Result<uint64_t>& size) {
    if (!*alive) return;
    cosigning_ = false;
    if (size) {
      cosigned_ = *size;
      CosignSoon();  // what was followed to meanwhile
    } else if (size.error().code == ErrorCode::kCorrupt) {
      forked_ = Fail(size.error());
    }
  };
  loop_.At(loop_.Now() + kCosignAfter, [this, alive = alive_, done] {
    if (!*alive) return;
    auto work = [this, before = cosigned_] { return CosignNow(before); };
    if (!thread_->RunThen(loop_, work, done)) cosigning_ = false;
  });
}

// What is followed to is verified, replayed and stored: only then is it co-signed, kept, and told.
Result<uint64_t> Scribe::CosignNow(uint64_t before) {
  DURE_ASSIGN(const ledger::SignedHead head, clerk_->HeadThatHolds());
  if (head.head.size == 0 || head.head.size == before) return head.head.size;
  DURE_ASSIGN(const std::string line,
              CosignHead(auditor_, clerk_->mirror(), head.head, loop_.WallNow()));
  DURE_TRY(clerk_->KeepCosignature(head.head.size, line));
  const nlohmann::json said = {{"size", head.head.size}, {"line", line}};
  DURE_ASSIGN(const std::string answer, clerk_->Ask("ledger.cosign", transport::JsonLine(said)));
  DURE_ASSIGN(const nlohmann::json agreed,
              transport::ParseJsonObject(answer, "the aggregator's answer"));
  DURE_TRY(clerk_->TakeAgreed(transport::TextField(agreed, "agreed")));
  return head.head.size;
}

void Scribe::AnnounceAuditor(std::function<void(Status)> done) {
  auto announce = [this, alive = alive_, done](const Status& renewed) {
    if (!*alive) return;
    if (!renewed) return done(renewed);
    auto event = NotYetAnnounced(auditor_, mirror());
    if (!event) return done({});
    Say(std::move(*event), [done](Result<uint64_t> index) { done(index.map([](uint64_t) {})); });
  };
  // That the seat was away, and its key ended, this copy may have learnt only now.
  Sync([this, done, announce](Status synced) {
    if (!synced) return done(synced);
    auto work = [this] { return RenewIfEnded(dir_, mirror(), auditor_); };
    if (Status queued = thread_->RunThen(loop_, work, announce); !queued) done(queued);
  });
}

void Scribe::ShowHeld(std::function<void(Status)> shown) {
  auto answer = [alive = alive_, shown](Status status) {
    if (*alive) shown(std::move(status));
  };
  auto work = [this] { return clerk_->ShowHeld(); };
  if (Status queued = thread_->RunThen(loop_, work, answer); !queued) {
    loop_.Post([answer, queued] { answer(queued); });
  }
}

void Scribe::Scrub(std::function<void()> done) {
  auto work = [this, now = loop_.Now(), wall = loop_.WallNow()] {
    clerk_->Scrub(now, wall);
    return true;
  };
  auto answer = [alive = alive_, done](bool) {
    if (*alive) done();
  };
  if (!thread_->RunThen(loop_, work, answer)) loop_.Post([answer] { answer(true); });
}

void Scribe::Sync(std::function<void(Status)> done) { SyncTo(0, std::move(done)); }

void Scribe::SyncTo(uint64_t size, std::function<void(Status)> done) {
  Follow([this, size] { return clerk_->Follow(size); }, std::move(done));
}

void Scribe::Follow(std::function<Status()> work, std::function<void(Status)> done) {
  auto answer = [this, alive = alive_, done](Status status) {
    if (!*alive) return;
    TellGrowth();
    CosignSoon();
    done(std::move(status));
  };
  Status queued = forked_;
  if (queued) queued = thread_->RunThen(loop_, std::move(work), answer);
  if (!queued) loop_.Post([answer, queued] { answer(queued); });
}

void Scribe::TellGrowth() {
  const uint64_t size = mirror().Head().head.size;
  if (size == told_ || !grown_) return;
  told_ = size;
  TellKeys();
  grown_();
}

void Scribe::TellKeys() {
  if (!foreign_) return;
  std::vector<std::string> said;
  WithStanding([&](const standing::Auditor& own) {
    if (self_.domicile && !domicile_told_) {
      const std::string other =
          DomicileObjection(own.standing().state(), self_.member(), *self_.domicile);
      if (!other.empty()) said.push_back(other);
      domicile_told_ = !other.empty();
    }
    for (const auto& [key, speaker] : own.standing().state().speakers) {
      auto& told = speaker.revoked ? ends_told_ : keys_told_;
      if (key == self_.signer->Key() || told.contains(key)) continue;
      const std::string notice = KeyNotice(key, speaker, {self_.member(), self_.site()});
      if (notice.empty()) continue;
      told.insert(key);
      said.push_back(notice);
    }
  });
  for (const std::string& text : said) foreign_(text);
}

void Scribe::FindRun(const RunId& run, RoundNumber round,
                     std::function<void(Result<std::optional<ProposedRun>>)> done) {
  Sync([this, run, round, done](Status synced) {
    if (!synced) return done(Fail(synced.error()));
    std::optional<ProposedRun> found;
    WithStanding([&](const standing::Auditor& own) {
      const auto known = own.standing().state().runs.find(run);
      if (known == own.standing().state().runs.end()) return;
      found = ProposedRun{known->second.manifest, known->second.fields, known->second.bounds};
      found->closed = RoundsClosed(run, own.standing().state());
      found->not_now = RunObjection(own.standing().state(), run);
      if (round.value == 0) return;
      found->left = LeftBy(run, {round.value - 1}, own.standing().state(), mirror());
    });
    done(found);
  });
}

void Scribe::Write(ledger::Event event, uint64_t size, std::function<void(Result<Bytes>)> sealed) {
  waiting_.push_back({std::move(event), size, std::move(sealed), nullptr});
  if (!writing_) NextTurn();
}

void Scribe::Say(ledger::Event event, std::function<void(Result<uint64_t>)> said) {
  waiting_.push_back({std::move(event), 0, nullptr, std::move(said)});
  if (!writing_) NextTurn();
}

void Scribe::Wrote() {
  writing_ = false;
  NextTurn();
}

void Scribe::NextTurn() {
  if (waiting_.empty() || writing_) return;
  writing_ = true;
  Waiting next = std::move(waiting_.front());
  waiting_.pop_front();
  if (next.said) return SayNow(std::move(next));
  const bool known = sequence_ && clerk_->NextSequence() >= *sequence_;
  const uint64_t size = known ? next.size : 0;
  auto work = [this, size] {
    CrashPoint("site.before-seal");
    return clerk_->Follow(size);
  };
  Follow(work, [this, next = std::move(next)](const Status& synced) {
    if (synced) return SealNow(next);
    next.sealed(Fail(synced.error()));
    Wrote();
  });
}

void Scribe::SayNow(Waiting next) {
  auto answer = [this, alive = alive_, said = next.said](Result<uint64_t> index) {
    if (!*alive) return;
    sequence_.reset();
    if (index) sequence_ = 0;  // the copy was followed to it
    TellGrowth();
    CosignSoon();
    said(std::move(index));
    Wrote();
  };
  auto work = [this, event = std::move(next.event), now = loop_.WallNow()] {
    return clerk_->Submit(event, now);
  };
  Status queued = forked_;
  if (queued) queued = thread_->RunThen(loop_, work, answer);
  if (!queued) loop_.Post([answer, queued] { answer(Fail(queued.error())); });
}

void Scribe::SealNow(Waiting next) {
  sequence_ = clerk_->NextSequence() + 1;
  auto entry = clerk_->Seal(std::move(next.event), loop_.WallNow());
  if (const Status holds = entry ? Holds(*entry) : Status(); !holds) entry = Fail(holds.error());
  if (entry) return next.sealed(std::move(*entry));
  next.sealed(Fail(std::move(entry.error())));
  Wrote();
}

Status Scribe::Holds(ByteView envelope) const {
  DURE_ASSIGN(const ledger::OpenedEntry entry, ledger::ParseEntry(envelope));
  std::optional<standing::Finding> finding;
  WithStanding([&](const standing::Auditor& own) { finding = own.standing().Check(entry); });
  if (!finding) return {};
  return Fail(ErrorCode::kFailedPrecondition, finding->rule + ": " + finding->text);
}

}  // namespace dure::site
