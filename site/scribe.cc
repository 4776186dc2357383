#include "site/scribe.h"

#include <atomic>
#include <filesystem>
#include <fstream>

namespace dure::site {
namespace {

Result<ledger::Proof> ProofFrom(ByteView bytes) {
  if (bytes.size() % 32 != 0) return Fail(ErrorCode::kInvalid, "a proof is whole hashes");
  ledger::Proof proof;
  for (size_t at = 0; at < bytes.size(); at += 32) {
    DURE_ASSIGN(const Digest digest, Digest::FromBytes(bytes.subspan(at, 32)));
    proof.push_back(digest);
  }
  return proof;
}

}  // namespace

Result<std::unique_ptr<Scribe>> Scribe::Open(const std::string& dir, const identity::Identity& self,
                                             loop::EventLoop& loop) {
  auto scribe = std::unique_ptr<Scribe>(new Scribe(loop));
  scribe->dir_ = dir;
  scribe->self_ = &self;
  DURE_ASSIGN(scribe->log_key_, ledger::NoteKey::Parse(self.log_vkey));
  ledger::MirrorOptions options;
  options.dir = dir;
  options.log_key = scribe->log_key_;
  options.verifier = &scribe->verifier_;
  DURE_ASSIGN(scribe->mirror_, ledger::Mirror::Open(std::move(options)));
  scribe->UseDial({self.address, self.cert_chain_pem, self.tls_key_pem, self.trust()});
  scribe->thread_ = std::make_unique<loop::WorkerPool>(1);
  return scribe;
}

Scribe::~Scribe() {
  *alive_ = false;
  thread_.reset();
}

void Scribe::UseDial(const transport::Dial& dial) {
  std::atomic_store(&link_, std::make_shared<transport::LedgerLink>(dial));
}

void Scribe::Sync(std::function<void(Status)> done) { SyncTo(0, std::move(done)); }

void Scribe::SyncTo(uint64_t size, std::function<void(Status)> done) {
  auto answer = [alive = alive_, done](Status status) {
    if (*alive) done(std::move(status));
  };
  if (Status queued = thread_->RunThen(
          loop_, [this, size] { return SyncNow(size); }, answer);
      !queued) {
    loop_.Post([answer, queued] { answer(queued); });
  }
}

void Scribe::FindRun(const RunId& run,
                     std::function<void(Result<std::optional<ProposedRun>>)> done) {
  auto answer = [alive = alive_, done](Result<std::optional<ProposedRun>> found) {
    if (*alive) done(std::move(found));
  };
  if (Status queued = thread_->RunThen(
          loop_, [this, run] { return FindRunNow(run); }, answer);
      !queued) {
    loop_.Post([answer, queued] { answer(Fail(queued.error())); });
  }
}

Result<std::optional<ProposedRun>> Scribe::FindRunNow(const RunId& run) {
  DURE_TRY(SyncNow(0));
  DURE_TRY(proposals_.CatchUp(*mirror_));
  const ProposedRun* found = proposals_.Find(run);
  return found == nullptr ? std::optional<ProposedRun>() : *found;
}

Status Scribe::SyncNow(uint64_t size) {
  const auto link = std::atomic_load(&link_);
  const uint64_t held = mirror_->Head().head.size;
  if (size != 0 && held >= size) return {};
  DURE_ASSIGN(const Bytes note, link->TreeHead());
  const auto head = ledger::OpenHead(AsText(note), log_key_, verifier_);
  if (!head) return Within(head.error(), "reading the aggregator's tree head");
  ledger::Extension extension;
  extension.note = head->note;
  const uint64_t offered = head->head.size;
  if (offered > held) {
    if (held > 0) {
      DURE_ASSIGN(const Bytes proof, link->ConsistencyProof(held, offered));
      DURE_ASSIGN(extension.consistency, ProofFrom(proof));
    }
    while (extension.entries.size() < offered - held) {
      DURE_ASSIGN(auto batch, link->Entries(held + extension.entries.size(), offered));
      if (batch.empty()) return Fail(ErrorCode::kUnavailable, "the aggregator sent no entries");
      for (Bytes& entry : batch) extension.entries.push_back(std::move(entry));
    }
  }
  DURE_ASSIGN(const auto refusal, mirror_->Extend(extension));
  if (refusal) return Keep(*refusal);
  if (size != 0 && offered < size)
    return Fail(ErrorCode::kUnavailable, "the log is not that long yet");
  return {};
}

Status Scribe::Keep(const ledger::Refusal& refusal) const {
  const std::string folder = dir_ + "/evidence";
  std::error_code ignored;
  std::filesystem::create_directories(folder, ignored);
  const std::string name = folder + "/" + std::to_string(mirror_->Head().head.size);
  std::ofstream(name + ".own-head") << refusal.own_note;
  std::ofstream(name + ".offered-head") << refusal.offered_note;
  std::ofstream(name + ".txt") << Name(refusal.reason) << ": " << refusal.text << "\n";
  const Error error = ledger::AsError(refusal);
  return Fail(ErrorCode::kCorrupt, "the log is refused (" + std::string(Name(refusal.reason)) +
                                       "): " + error.message + "; evidence is in " + name + ".txt");
}

void Scribe::Write(ledger::Event event, std::function<void(Result<Bytes>)> sealed) {
  waiting_.push_back({std::move(event), std::move(sealed)});
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
  Sync([this, next = std::move(next)](Status synced) {
    if (!synced) {
      next.sealed(Fail(std::move(synced.error())));
      Wrote();
      return;
    }
    const ledger::Actor actor{self_->member(), self_->signer->Key(), ledger::Role::kSite};
    auto entry = ledger::SealNext(*mirror_, actor, *self_->signer, loop_.WallNow(), next.event);
    if (!entry) {
      next.sealed(Fail(std::move(entry.error())));
      Wrote();
      return;
    }
    next.sealed(std::move(entry->bytes));
  });
}

}  // namespace dure::site
