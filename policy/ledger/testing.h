// For this room's tests: one consortium with its keys, and events that follow each other.
#pragma once

#include <filesystem>
#include <memory>
#include <string>

#include "policy/ledger/memory_ledger.h"
#include "policy/ledger/mirror.h"

namespace dure::ledger::testing {

inline std::unique_ptr<Ed25519Signer> SignerOf(uint8_t seed) {
  return std::move(*Ed25519Signer::FromSeed(Bytes(32, seed)));
}
// Of the seed 00 01 02 … 1f, as the published vectors have it.
inline std::unique_ptr<Ed25519Signer> ReferenceSigner() {
  Bytes seed(32);
  for (size_t i = 0; i < seed.size(); ++i) seed[i] = static_cast<uint8_t>(i);
  return std::move(*Ed25519Signer::FromSeed(seed));
}
inline Digest DigestOf(std::string_view text) { return Sha256(AsBytes(text)); }

class TemporaryFolder {
 public:
  TemporaryFolder() {
    std::string form = (std::filesystem::temp_directory_path() / "dure-ledger-XXXXXX").string();
    path_ = mkdtemp(form.data());
  }
  ~TemporaryFolder() { std::filesystem::remove_all(path_); }
  const std::string& path() const { return path_; }

 private:
  std::string path_;
};

struct Consortium {
  std::unique_ptr<Ed25519Signer> log_signer = SignerOf(1);
  std::unique_ptr<Ed25519Signer> aggregator_signer = SignerOf(2);
  std::unique_ptr<Ed25519Signer> site_signer = SignerOf(3);
  std::unique_ptr<Ed25519Signer> other_signer = SignerOf(4);
  Ed25519Verifier verifier;
  NoteKey log_key = *NoteKey::Make("test.dure/ledger", log_signer->Key());
  Actor aggregator{*MemberId::Parse("host"), aggregator_signer->Key(), Role::kAggregator};
  Actor site{*MemberId::Parse("hospital-a"), site_signer->Key(), Role::kSite};
  Actor other{*MemberId::Parse("telecom-b"), other_signer->Key(), Role::kSite};
  SiteId site_id = *SiteId::Parse("hospital-a-1");
  SiteId other_id = *SiteId::Parse("telecom-b-1");
  RunId run = *RunId::Parse("run-1");
  Digest base = DigestOf("base");

  Event Genesis() const {
    return ConsortiumGenesis{log_key.Vkey(), DigestOf("ca"), aggregator_signer->Key()};
  }
  Event Admitted() const { return MemberAdmitted{site.member, site_id, Role::kSite, site.key}; }
  Event OtherAdmitted() const {
    return MemberAdmitted{other.member, other_id, Role::kSite, other.key};
  }
  Event Proposed() const { return RunProposed{run, DigestOf("manifest"), {{"rounds", "3"}}}; }
  RoundAttempt At(uint64_t round) const { return {run, {round}, 0}; }
  Event Opened(uint64_t round) const { return RoundOpened{At(round), base, {site_id, other_id}}; }
  Event Submitted(uint64_t round, bool by_other = false) const {
    return ContributionSubmitted{At(round), by_other ? other_id : site_id,
                                 base,      DigestOf(by_other ? "blob b" : "blob a"),
                                 1000,      5000,
                                 8,         0,
                                 {}};
  }
  Event Closed(uint64_t round, std::vector<CountedSubmission> counted) const {
    return RoundClosed{At(round),
                       std::move(counted),
                       {},
                       DigestOf("aggregate"),
                       DigestOf("model"),
                       DigestOf("momentum"),
                       DigestOf("scales")};
  }

  Bytes Seal(const LogReader& log, const Actor& actor, const Signer& signer, Event event) const {
    return SealNext(log, actor, signer, WallTime(), std::move(event))->bytes;
  }
  Bytes ByAggregator(const LogReader& log, Event event) const {
    return Seal(log, aggregator, *aggregator_signer, std::move(event));
  }
  Bytes BySite(const LogReader& log, Event event) const {
    return Seal(log, site, *site_signer, std::move(event));
  }
  Bytes ByOther(const LogReader& log, Event event) const {
    return Seal(log, other, *other_signer, std::move(event));
  }
  std::unique_ptr<Ledger> NewMemoryLedger() const {
    return MakeMemoryLedger(log_key, *log_signer, verifier);
  }
  // Genesis, two members, a run, an open round: five entries.
  void Found(Ledger& ledger) const {
    for (const Event& event : {Genesis(), Admitted(), OtherAdmitted(), Proposed(), Opened(0)}) {
      const auto appended = ledger.Append(ByAggregator(ledger, event), "");
      if (!appended) std::abort();
    }
  }
};

}  // namespace dure::ledger::testing
