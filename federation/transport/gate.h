// Gate: who may make which call, asked for every call before any of its messages is parsed, and for
// as long as it stays open. Private to this room. Thread-safe.
#pragma once

#include <grpcpp/security/auth_metadata_processor.h>
#include <grpcpp/server_context.h>

#include <chrono>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <string>

#include "federation/clock.h"
#include "federation/digest.h"
#include "federation/identity/peer.h"

namespace dure::transport {

struct GateRules {
  identity::Trust trust;
  identity::Roles admin_roles;
  identity::Roles watch_roles;
};

// A piece is at most a chunk: over a link that takes longer for one nothing arrives in time.
inline constexpr std::chrono::seconds kMovesWithin{120};

class Gate final : public grpc::AuthMetadataProcessor {
 public:
  // REQUIRES: the clock outlives it.
  Gate(GateRules rules, const Clock& clock);
  // The last to let go may be a thread of gRPC's, which is ordered after the last call's leaving by
  // nothing that we can see but the mutex under which it left.
  ~Gate() override { const std::lock_guard lock(mutex_); }

  bool IsBlocking() const override { return false; }
  grpc::Status Process(const InputMetadata& metadata, grpc::AuthContext* context,
                       OutputMetadata* consumed, OutputMetadata* response) override;

  // An open call. While it lives, its peer's revocation or expiry runs `cancel` once, on another
  // thread.
  class Pass {
   public:
    Pass() = default;
    Pass(Gate* gate, uint64_t id, identity::PeerIdentity peer)
        : gate_(gate), id_(id), peer_(std::move(peer)) {}
    Pass(Pass&& other) noexcept { *this = std::move(other); }
    Pass& operator=(Pass&& other) noexcept;
    ~Pass() { Leave(); }
    const identity::PeerIdentity& peer() const { return peer_; }
    // Around what ends when the peer gives the next piece of a transfer, or takes it: one that lets
    // us wait too long for it is let go. What we do in between is our own time. Returns what `move`
    // returns.
    template <typename Move>
    bool Await(Move move) {
      Waits(true);
      const bool moved = move();
      Waits(false);
      return moved;
    }

   private:
    void Leave();
    void Waits(bool waits);
    Gate* gate_ = nullptr;
    uint64_t id_ = 0;
    identity::PeerIdentity peer_;
  };
  // The first thing a call does. REQUIRES: `context` outlives the pass. kUnavailable: the seat
  // holds as many calls open as it may.
  Result<Pass> Enter(grpc::ServerContextBase& context);

  void SetRevocations(std::shared_ptr<const identity::Revocations> revocations);
  // Ends the calls of a seat.
  void Cut(identity::Role role, const SiteId& site);
  // Ends calls whose certificate has expired meanwhile, and transfers whose peer has neither given
  // nor taken anything for kMovesWithin.
  void Sweep();
  // Ends every call: the server is going away.
  void CancelAll();

 private:
  struct Open {
    identity::PeerIdentity peer;
    grpc::ServerContextBase* context = nullptr;
    std::optional<MonoTime> waits_since = std::nullopt;
  };
  // A chain that was found to lead to our root. Checking it takes milliseconds, and every call
  // presents one; what may change from call to call (role, revocation, expiry) is asked every time.
  struct Judged {
    identity::PeerIdentity peer;
    WallTime at;
  };
  std::optional<identity::PeerIdentity> Remembered(const Digest& chain, WallTime now);
  identity::Roles RolesFor(std::string_view path) const;
  Result<identity::PeerIdentity> Judge(const grpc::AuthContext& context, identity::Roles roles);
  void CancelWhere(const std::function<bool(const Open&)>& ended);

  const GateRules rules_;
  const Clock& clock_;
  std::mutex mutex_;
  std::shared_ptr<const identity::Revocations> revocations_;      // guarded by mutex_; never null
  std::map<uint64_t, Open> open_;                                 // guarded by mutex_
  std::map<std::pair<identity::Role, SiteId>, size_t> per_seat_;  // of open_; guarded by mutex_
  std::map<Digest, Judged> judged_;  // guarded by mutex_; by SHA-256 of the chain
  uint64_t next_id_ = 0;             // guarded by mutex_
};

}  // namespace dure::transport
