#include "federation/transport/gate.h"

#include "federation/transport/status.h"

namespace dure::transport {
namespace {

using identity::PeerIdentity;
using identity::Role;
using identity::Roles;

// The issuing CA and the root may expire too, which the peer's own dates do not say.
constexpr std::chrono::seconds kJudgementHolds{60};
constexpr size_t kJudgedMax = 1024;  // four times the sites; people come and go
// Each holds a thread. A site has its stream, two streams of data a transfer and now and then a
// question; behind a person's seat some watch.
constexpr size_t kOpenOfSeatMax = 64;

// The chain that the peer presented, leaf first; empty without a certificate.
std::string PresentedChain(const grpc::AuthContext& context) {
  std::string chain;
  for (const char* property : {"x509_pem_cert", "x509_pem_cert_chain"}) {
    for (const grpc::string_ref& pem : context.FindPropertyValues(property)) {
      chain.append(pem.data(), pem.size());
      if (!chain.empty() && chain.back() != '\n') chain.push_back('\n');
    }
  }
  return chain;
}

}  // namespace

Gate::Gate(GateRules rules, const Clock& clock)
    : rules_(std::move(rules)),
      clock_(clock),
      revocations_(std::make_shared<const identity::Revocations>()) {}

Roles Gate::RolesFor(std::string_view path) const {
  if (path.starts_with("/dure.v1.Control/")) return {Role::kMember};
  const bool uploads = path == "/dure.v1.Data/Offer" || path == "/dure.v1.Data/PutChunks";
  if (uploads) return {Role::kMember, Role::kOperator};
  if (path == "/dure.v1.Admin/Call") return rules_.admin_roles;
  if (path == "/dure.v1.Admin/Watch") return rules_.watch_roles;
  return Roles::Invited();
}

std::optional<PeerIdentity> Gate::Remembered(const Digest& chain, WallTime now) {
  std::lock_guard lock(mutex_);
  const auto found = judged_.find(chain);
  if (found == judged_.end()) return std::nullopt;
  const auto& [peer, at] = found->second;
  const bool holds =
      peer.not_before <= now && now < peer.not_after && at <= now && now - at < kJudgementHolds;
  if (holds) return peer;
  judged_.erase(found);
  return std::nullopt;
}

Result<PeerIdentity> Gate::Judge(const grpc::AuthContext& context, Roles roles) {
  std::shared_ptr<const identity::Revocations> revocations;
  {
    std::lock_guard lock(mutex_);
    revocations = revocations_;
  }
  const WallTime now = clock_.WallNow();
  const std::string chain = PresentedChain(context);
  const Digest digest = Sha256(AsBytes(chain));
  if (std::optional<PeerIdentity> peer = Remembered(digest, now)) {
    DURE_TRY(identity::CheckStanding(*peer, *revocations, roles));
    return *std::move(peer);
  }
  DURE_ASSIGN(PeerIdentity peer,
              identity::VerifyPeer(chain, rules_.trust, *revocations, now, roles));
  std::lock_guard lock(mutex_);
  if (judged_.size() >= kJudgedMax) judged_.clear();
  judged_[digest] = {peer, now};
  return peer;
}

grpc::Status Gate::Process(const InputMetadata& metadata, grpc::AuthContext* context,
                           OutputMetadata*, OutputMetadata*) {
  const auto path = metadata.find(":path");
  if (path == metadata.end()) return {grpc::StatusCode::INVALID_ARGUMENT, "a call without a path"};
  const Roles roles = RolesFor({path->second.data(), path->second.size()});
  const Result<PeerIdentity> peer = Judge(*context, roles);
  return peer ? grpc::Status::OK : ToGrpc(peer.error());
}

Result<Gate::Pass> Gate::Enter(grpc::ServerContextBase& context) {
  // Process has let it in; asked again because it may have been revoked since, and to learn who it
  // is.
  const auto auth = context.auth_context();
  DURE_ASSIGN(PeerIdentity peer, Judge(*auth, Roles::Any()));
  std::lock_guard lock(mutex_);
  if (const identity::Revocation* revoked = revocations_->Find(peer)) {
    return Fail(ErrorCode::kPermissionDenied, "revoked: " + revoked->ToText());
  }
  size_t& own = per_seat_[{peer.role, peer.site}];
  if (own >= kOpenOfSeatMax) {
    return Fail(ErrorCode::kUnavailable, std::string(Name(peer.role)) + " " + peer.site.str() +
                                             " holds " + std::to_string(own) +
                                             " calls open already; let some of them end");
  }
  ++own;
  const uint64_t id = next_id_++;
  open_[id] = {peer, &context, std::nullopt};
  return Pass(this, id, std::move(peer));
}

Gate::Pass& Gate::Pass::operator=(Pass&& other) noexcept {
  if (this != &other) {
    Leave();
    gate_ = std::exchange(other.gate_, nullptr);
    id_ = other.id_;
    peer_ = std::move(other.peer_);
  }
  return *this;
}

void Gate::Pass::Leave() {
  if (gate_ == nullptr) return;
  std::lock_guard lock(gate_->mutex_);
  gate_->open_.erase(id_);
  const auto own = gate_->per_seat_.find({peer_.role, peer_.site});
  if (--own->second == 0) gate_->per_seat_.erase(own);
  gate_ = nullptr;
}

void Gate::Pass::Waits(bool waits) {
  const MonoTime now = gate_->clock_.Now();
  const std::lock_guard lock(gate_->mutex_);
  auto& since = gate_->open_.at(id_).waits_since;
  since = waits ? std::optional(now) : std::nullopt;
}

void Gate::SetRevocations(std::shared_ptr<const identity::Revocations> revocations) {
  {
    std::lock_guard lock(mutex_);
    revocations_ = revocations;
  }
  CancelWhere([&](const Open& open) { return revocations->Find(open.peer) != nullptr; });
}

void Gate::Cut(identity::Role role, const SiteId& site) {
  CancelWhere([&](const Open& open) { return open.peer.role == role && open.peer.site == site; });
}

void Gate::Sweep() {
  const WallTime wall = clock_.WallNow();
  const MonoTime now = clock_.Now();
  CancelWhere([&](const Open& open) {
    const bool idle = open.waits_since && now - *open.waits_since >= kMovesWithin;
    return idle || open.peer.not_after <= wall;
  });
}

void Gate::CancelAll() {
  CancelWhere([](const Open&) { return true; });
}

void Gate::CancelWhere(const std::function<bool(const Open&)>& ended) {
  // Under the lock: a call that leaves meanwhile takes its context with it. TryCancel does not call
  // back here.
  std::lock_guard lock(mutex_);
  for (const auto& [id, open] : open_) {
    if (ended(open)) open.context->TryCancel();
  }
}

}  // namespace dure::transport
