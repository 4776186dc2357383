#include "site/scribe.h"

#include <atomic>
#include <filesystem>
#include <nlohmann/json.hpp>

#include "federation/transport/json_fields.h"

namespace dure::site {

Result<std::unique_ptr<Scribe>> Scribe::Open(const std::string& dir, const identity::Identity& self,
                                             loop::EventLoop& loop) {
  auto scribe = std::unique_ptr<Scribe>(new Scribe(loop));
  DURE_ASSIGN(scribe->clerk_, clerk::Clerk::Open(dir, self));
  DURE_ASSIGN(scribe->auditor_, OpenAuditorKey(dir, self.site()));
  // With its site's signing key an auditor key ends too; a seat that came back gets another.
  if (scribe->mirror().Cosigners().IsRevoked(scribe->auditor_.key.key)) {
    std::error_code ignored;
    std::filesystem::rename(dir + "/auditor.key", dir + "/auditor.key.ended", ignored);
    DURE_ASSIGN(scribe->auditor_, OpenAuditorKey(dir, self.site()));
  }
  scribe->UseDial({self.address, self.cert_chain_pem, self.tls_key_pem, self.trust()});
  scribe->thread_ = std::make_unique<loop::WorkerPool>(1);
  return scribe;
}

Scribe::~Scribe() {
  *alive_ = false;
  thread_.reset();
}

void Scribe::UseDial(const transport::Dial& dial) {
  clerk_->UseDial(dial);
  std::atomic_store(&dial_, std::make_shared<transport::Dial>(dial));
}

Status Scribe::FollowNow(uint64_t size) {
  DURE_TRY(clerk_->Follow(size));
  // A cosignature that cannot be given now is given with the next head; a head that others
  // co-signed and that contradicts this copy is another matter.
  const Status cosigned = CosignNow();
  const bool forked = !cosigned && cosigned.error().code == ErrorCode::kCorrupt;
  return forked ? cosigned : Status();
}

// What is followed to is verified, replayed and stored: only then is it co-signed, kept, and told.
Status Scribe::CosignNow() {
  const ledger::SignedHead head = clerk_->mirror().Head();
  if (head.head.size == 0 || head.head.size == cosigned_) return {};
  DURE_ASSIGN(const std::string line,
              CosignHead(auditor_, clerk_->mirror(), head.head, loop_.WallNow()));
  DURE_TRY(clerk_->KeepCosignature(head.head.size, line));
  const nlohmann::json said = {{"size", head.head.size}, {"line", line}};
  transport::AdminLink link(*std::atomic_load(&dial_));
  DURE_ASSIGN(const std::string answer, link.Call("ledger.cosign", transport::JsonLine(said)));
  cosigned_ = head.head.size;
  DURE_ASSIGN(const nlohmann::json agreed,
              transport::ParseJsonObject(answer, "the aggregator's answer"));
  return clerk_->TakeAgreed(transport::TextField(agreed, "agreed"));
}

void Scribe::AnnounceAuditor(std::function<void(Status)> done) {
  Sync([this, done](Status synced) {
    if (!synced) return done(synced);
    auto event = NotYetAnnounced(auditor_, mirror());
    if (!event) return done({});
    Say(std::move(*event), [done](Result<uint64_t> index) { done(index.map([](uint64_t) {})); });
  });
}

void Scribe::Sync(std::function<void(Status)> done) { SyncTo(0, std::move(done)); }

void Scribe::SyncTo(uint64_t size, std::function<void(Status)> done) {
  auto answer = [alive = alive_, done](Status status) {
    if (*alive) done(std::move(status));
  };
  if (Status queued = thread_->RunThen(
          loop_, [this, size] { return FollowNow(size); }, answer);
      !queued) {
    loop_.Post([answer, queued] { answer(queued); });
  }
}

void Scribe::FindRun(const RunId& run,
                     std::function<void(Result<std::optional<ProposedRun>>)> done) {
  Sync([this, run, done](Status synced) {
    if (!synced) return done(Fail(synced.error()));
    std::optional<ProposedRun> found;
    WithStanding([&](const standing::Auditor& own) {
      const auto known = own.standing().state().runs.find(run);
      if (known == own.standing().state().runs.end()) return;
      const auto purpose = known->second.fields.find("purpose");
      const bool said = purpose != known->second.fields.end();
      found = ProposedRun{known->second.manifest, said ? purpose->second : ""};
    });
    done(found);
  });
}

void Scribe::Write(ledger::Event event, std::function<void(Result<Bytes>)> sealed) {
  waiting_.push_back({std::move(event), std::move(sealed), nullptr});
  if (!writing_) NextTurn();
}

void Scribe::Say(ledger::Event event, std::function<void(Result<uint64_t>)> said) {
  waiting_.push_back({std::move(event), nullptr, std::move(said)});
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
  if (next.said) {
    auto answer = [this, alive = alive_, said = next.said](Result<uint64_t> index) {
      if (!*alive) return;
      said(std::move(index));
      Wrote();
    };
    auto work = [this, event = next.event, now = loop_.WallNow()] {
      Result<uint64_t> index = clerk_->Submit(event, now);
      if (index) (void)CosignNow();
      return index;
    };
    if (Status queued = thread_->RunThen(loop_, work, answer); !queued) {
      loop_.Post([answer, queued] { answer(Fail(queued.error())); });
    }
    return;
  }
  Sync([this, next = std::move(next)](Status synced) {
    if (!synced) {
      next.sealed(Fail(std::move(synced.error())));
      Wrote();
      return;
    }
    auto entry = clerk_->Seal(next.event, loop_.WallNow());
    if (!entry) {
      next.sealed(Fail(std::move(entry.error())));
      Wrote();
      return;
    }
    next.sealed(std::move(*entry));
  });
}

}  // namespace dure::site
