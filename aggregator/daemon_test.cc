// What the daemon does of itself: when its disk is full, when keys are ended, and when it is
// stopped.
#include "aggregator/daemon.h"

#include <gmock/gmock.h>

#include <latch>
#include <nlohmann/json.hpp>

#include "aggregator/testing.h"
#include "federation/blob/store.h"
#include "federation/canonical.h"
#include "federation/identity/enrolment.h"
#include "federation/identity/issuing.h"
#include "federation/identity/revocation.h"
#include "federation/identity/testing.h"
#include "federation/journal/journal.h"
#include "federation/limits.h"
#include "federation/transport/client.h"
#include "policy/ledger/note.h"

namespace dure::aggregator {
namespace {

using identity::Must;

constexpr const char* kState = "run/aside/state";

// A consortium whose aggregator has a run on the record and, of it, a state that it cannot read.
class DaemonTest : public testing::Test {
 protected:
  DaemonTest() {
    identity::ConsortiumPlan plan;
    plan.name = "hanguk";
    plan.address = "127.0.0.1:7443";
    plan.enrol_address = "127.0.0.1:7444";
    const auto log_signer = Ed25519Signer::Generate();
    plan.log_key_pem = log_signer->ToPem();
    plan.log_origin = "hanguk/log";
    plan.log_vkey = Must(ledger::NoteKey::Make(plan.log_origin, log_signer->Key())).Vkey();
    Must(identity::FoundConsortium(folder_.str(), plan, loop::RealWallNow()));
    options_.dir = (folder_ / "aggregator").string();
    options_.listen = options_.listen_enrol = "127.0.0.1:0";
    options_.threads = 1;
    options_.alone = true;
    Must(Daemon::Start(options_));  // founds the log
    {
      loop::EventLoop loop;
      const auto self = Must(identity::LoadIdentity(options_.dir));
      RecordOptions alone;
      alone.alone = true;
      const auto record = Must(Record::Open(options_.dir, self, loop, alone));
      ledger::RunProposed proposed{Must(RunId::Parse("aside")), Sha256(AsBytes("manifest")), {}};
      proposed.fields = {{"purpose", "scientific-research"}, {"masking", "pairwise"}};
      Must(record->Write(proposed, "aside/proposed"));
    }
    CanonicalWriter unknown;
    unknown.U32(99);
    Must(Journal()->Apply(journal::Change().Put(kState, unknown.Take())));
    options_.log_seam =
        [this](std::unique_ptr<ledger::Ledger> on_disk) -> Result<std::unique_ptr<ledger::Ledger>> {
      auto held = std::make_unique<HeldLog>(std::move(on_disk));
      log_ = held.get();
      return held;
    };
  }
  std::unique_ptr<journal::Journal> Journal() const {
    return Must(journal::Journal::Open(options_.dir + "/aggregator.db"));
  }
  bool StateIsKept() const { return Must(Journal()->Get(kState)).has_value(); }
  // A member's new seat, or its officer's. REQUIRES: no daemon runs.
  identity::Identity Enrol(const std::string& site, const std::string& member = "") const {
    const auto inviter = Must(identity::LoadIdentity((folder_ / "operator").string()));
    const WallTime now = loop::RealWallNow();
    identity::InvitationDraft draft;
    const auto role = member.empty() ? identity::Role::kMember : identity::Role::kOfficer;
    draft.subject = {inviter.trust().consortium,
                     Must(MemberId::Parse(member.empty() ? site : member)), role,
                     Must(SiteId::Parse(site))};
    draft.expires = now + std::chrono::hours(1);
    draft.root_pin = inviter.root_pin;
    draft.address = inviter.address;
    draft.enrol_address = inviter.enrol_address;
    SystemRandom random;
    const auto invitation = Must(identity::MakeInvitation(draft, *inviter.signer, random));
    const std::string dir = (folder_ / site).string();
    const Bytes request = Must(identity::PrepareEnrolment(invitation, dir, now));
    const auto authority = Must(identity::IssuingAuthority::Open(options_.dir, {}));
    Must(identity::AcceptEnrolment(invitation, dir, Must(authority->Enrol(request, now)), now));
    return Must(identity::LoadIdentity(dir));
  }
  // What an aggregator that died at once may leave: an emergency rule that has its votes. REQUIRES:
  // no daemon runs. The size of the log.
  uint64_t VoteForARule() const {
    loop::EventLoop loop;
    const auto self = Must(identity::LoadIdentity(options_.dir));
    RecordOptions alone;
    alone.alone = true;
    const auto record = Must(Record::Open(options_.dir, self, loop, alone));
    ledger::Event event =
        ledger::PolicyProposed{ledger::ProposalKind::kEmergency,
                               {},
                               R"(policy "E1 Stop" ko "E1 중지" version 1 effective 2026-10-01

rule E1.1 forbid train
  title "Stop" ko "중지"
  when request.time exists
  because "Everything stops." ko "모두 멈춥니다."
end
)"};
    for (const auto& [name, house] : {std::pair("kt-desk", identity::House::kPrivate),
                                      std::pair("etri-desk", identity::House::kPublic)}) {
      const auto signer = Ed25519Signer::Generate();
      identity::Seat seat;
      seat.subject.member = Must(MemberId::Parse(name));
      seat.subject.site = Must(SiteId::Parse(name));
      seat.subject.role = identity::Role::kOfficer;
      seat.domicile = {house, "KR"};
      seat.signing_key = signer->Key();
      Must(record->Admit({seat}, {}));
      const ledger::Actor actor{seat.subject.member, signer->Key(), ledger::Role::kOfficer};
      const auto say = [&](const ledger::Event& said) {
        const auto sealed =
            Must(ledger::SealNext(record->log(), actor, *signer, record->Now(), said));
        return Must(record->log().Append(sealed.bytes, "")).receipt.index;
      };
      if (const auto* proposed = std::get_if<ledger::PolicyProposed>(&event)) {
        const uint64_t proposal = say(*proposed);
        event = ledger::VoteCast{proposal, record->log().Leaf(proposal), ledger::Choice::kYes};
      }
      say(event);
    }
    return record->log().Head().head.size;
  }
  static Result<std::string> Ask(const Daemon& daemon, const identity::Identity& desk,
                                 const std::string& verb, const std::string& request) {
    transport::AdminLink link({"127.0.0.1:" + std::to_string(daemon.port()), desk.cert_chain_pem,
                               desk.tls_key_pem, desk.trust()});
    return link.Call(verb, request);
  }
  identity::Identity Operator() const {
    return Must(identity::LoadIdentity((folder_ / "operator").string()));
  }
  // As `dure run stop` does.
  void GiveUp(const Daemon& daemon) const {
    Must(Ask(daemon, Operator(), "run.stop", R"({"run":"aside"})"));
  }
  // As `dure revoke` does.
  Result<std::string> Revoke(const Daemon& daemon, const std::string& site) const {
    identity::RevocationOrder order;
    order.kind = identity::RevocationKind::kSite;
    order.target = site;
    return Ask(daemon, Operator(), "revoke", R"({"order":")" + ToBase64(order.Encode()) + "\"}");
  }
  // As `dure member disown` does.
  void Disown(const Daemon& daemon, const identity::Identity& desk, const PublicKey& key) const {
    const ledger::Actor actor{desk.member(), desk.signer->Key(), ledger::Role::kOfficer};
    const ledger::KeyRevoked event{desk.member(), key, "disowned"};
    const auto entry =
        Must(ledger::SealNext(*log_, actor, *desk.signer, loop::RealWallNow(), event));
    Must(Ask(daemon, desk, "ledger.append", R"({"envelope":")" + ToBase64(entry.bytes) + "\"}"));
  }

  identity::TemporaryFolder folder_;
  DaemonOptions options_;
  HeldLog* log_ = nullptr;  // the daemon's
};

TEST_F(DaemonTest, ARunThatIsGivenUpOnAFullDiskIsKeptUntilTheRecordSaysSo) {
  auto daemon = Must(Daemon::Start(options_));
  log_->RefuseNext(1);
  GiveUp(*daemon);
  log_->AwaitRefused();
  daemon.reset();
  ASSERT_TRUE(StateIsKept()) << "else nobody would ever record its end";
  daemon = Must(Daemon::Start(options_));
  log_->RefuseNext(1);
  const int before = log_->answered();
  GiveUp(*daemon);
  log_->AwaitAnswered(before + 1);  // asked again, once there was room
  EXPECT_TRUE(log_->Find("aside/halted"));
  daemon.reset();
  EXPECT_FALSE(StateIsKept());
}

TEST_F(DaemonTest, AKeyThatItsMemberEndedKeepsNoOtherFromBeingEnded) {
  const identity::Identity north = Enrol("north");
  const identity::Identity south = Enrol("south");
  const identity::Identity desk = Enrol("north-desk", "north");
  const auto daemon = Must(Daemon::Start(options_));
  Disown(*daemon, desk, north.signer->Key());
  for (const char* site : {"north", "south"}) {
    const auto revoked = Revoke(*daemon, site);
    ASSERT_TRUE(revoked) << site << ": " << revoked.error().message;
    EXPECT_THAT(*revoked, testing::HasSubstr(R"("on_record":true)")) << site;
  }
  EXPECT_TRUE(log_->FindKey(south.signer->Key())->revoked);
}

// A death left them, and no run, no model and no upload needs them.
TEST_F(DaemonTest, WhatNothingNamesGoesAtTheStartAndNothingElse) {
  const auto store_of = [&] { return Must(blob::OpenFileBlobStore(options_.dir + "/blobs")); };
  std::map<std::string, Digest> blobs;
  for (const char* name : {"orphan", "left", "used-aside", "base-aside", "model", "offered"}) {
    blobs[name] = Must(store_of()->Put(AsBytes(name)));
  }
  CanonicalWriter unknown;
  unknown.U32(99).Raw32(blobs["used-aside"]).Raw32(blobs["base-aside"]);
  journal::Change change;
  change.Put(kState, unknown.Take());
  for (const char* name : {"left", "used-aside"}) {
    change.Put("contribution/" + blobs[name].Hex(), ToBytes("kt-seoul 4"));
  }
  change.Put("run/over/model/" + blobs["model"].Hex(), {});
  change.Put("offered/" + blobs["offered"].Hex(), {});
  Must(Journal()->Apply(change));
  Must(Daemon::Start(options_));  // and stopped: what it had begun is done
  const auto store = store_of();
  for (const auto& [name, digest] : blobs) {
    EXPECT_EQ(store->Has(digest), name != "orphan" && name != "left") << name;
  }
}

TEST_F(DaemonTest, WhatAnOperatorOfferedAndNeverUsedGoesInTheEndWhileItRuns) {
  const auto offered =
      Must(Must(blob::OpenFileBlobStore(options_.dir + "/blobs"))->Put(AsBytes("offered")));
  Must(Journal()->Apply(journal::Change().Put("offered/" + offered.Hex(), {})));
  options_.sweep = std::chrono::milliseconds(10);
  std::promise<std::string> removed;
  bool is_said = false;  // on the loop
  options_.say = [&](const std::string& line) {
    if (line.starts_with("removed ") && !std::exchange(is_said, true)) removed.set_value(line);
  };
  const MonoTime begun = loop::EventLoop().Now();
  auto daemon = Must(Daemon::Start(options_));
  EXPECT_THAT(removed.get_future().get(), testing::StartsWith("removed 7 bytes"));
  EXPECT_GE(loop::EventLoop().Now() - begun, 48 * options_.sweep);
  daemon.reset();
  EXPECT_FALSE(Must(Journal()->Get("offered/" + offered.Hex())));
  EXPECT_FALSE(Must(blob::OpenFileBlobStore(options_.dir + "/blobs"))->Has(offered));
}

// A run invites everybody who may come, and would wait for good for whoever may not.
TEST_F(DaemonTest, TheListOfSitesSaysWhoseAccessEnded) {
  Enrol("north");
  Enrol("south");
  const auto daemon = Must(Daemon::Start(options_));
  Must(Revoke(*daemon, "north"));
  const auto listed = nlohmann::json::parse(Must(Ask(*daemon, Operator(), "site.list", "{}")));
  int sites = 0;
  for (const auto& site : listed["sites"]) {
    if (site["role"] != "member") continue;
    EXPECT_EQ(site["ended"], site["site"] == "north") << site.dump();
    ++sites;
  }
  EXPECT_EQ(sites, 2);
}

TEST_F(DaemonTest, ASiteWhoseKeyItsMemberEndsIsCutOff) {
  const identity::Identity north = Enrol("north");
  const identity::Identity desk = Enrol("north-desk", "north");
  const auto daemon = Must(Daemon::Start(options_));
  loop::EventLoop loop;
  SystemRandom random;
  std::promise<void> connected;
  std::promise<void> out;
  std::promise<std::string> refused;
  int times_out = 0;  // on the loop
  const transport::LinkCalls calls{[&] { connected.set_value(); },
                                   [&](const Error& why) {
                                     if (++times_out == 1) out.set_value();
                                     if (times_out == 2) refused.set_value(why.message);
                                   },
                                   [](const round::Message&) {}};
  const transport::Dial dial{"127.0.0.1:" + std::to_string(daemon->port()), north.cert_chain_pem,
                             north.tls_key_pem, north.trust()};
  auto link = std::make_unique<transport::SiteLink>(dial, loop, random, calls);
  connected.get_future().wait();
  Disown(*daemon, desk, north.signer->Key());
  out.get_future().wait();
  EXPECT_THAT(refused.get_future().get(), testing::HasSubstr("ended on the record"));
  loop.Wait([&] { link.reset(); });
}

TEST_F(DaemonTest, AnOutcomeThatIsDueIsRecordedBeforeWhatElseWaitedForAStart) {
  const uint64_t size = VoteForARule();
  Enrol("north");  // and is not on the record yet
  const auto daemon = Must(Daemon::Start(options_));
  ASSERT_GT(log_->Head().head.size, size + 1);
  const auto entry = Must(log_->Read(size, size + 1, limits::kEntryBytesMax));
  EXPECT_EQ(ledger::TypeOf(Must(ledger::ParseEntry(entry.front())).record.event),
            ledger::EventType::kPolicyAdopted);
}

// A site that speaks of a run that is set aside, is answered, and speaks again without end.
class Talker {
 public:
  Talker(const identity::Identity& seat, uint16_t port)
      : link_({"127.0.0.1:" + std::to_string(port), seat.cert_chain_pem, seat.tls_key_pem,
               seat.trust()},
              loop_, random_, Calls()) {
    answered_.wait();
  }
  ~Talker() {
    loop_.Wait([this] { over_ = true; });
  }

 private:
  static constexpr int kAtOnce = 8;
  static constexpr int kAnswers = 100;

  static round::Submission Said() {
    round::Submission said;
    said.at.run = Must(RunId::Parse("aside"));
    said.contribution = Sha256(AsBytes("update"));
    said.envelope = ToBytes("signed");
    said.datasets = {{Must(DatasetId::Parse("words")), 1}};
    return said;
  }
  transport::LinkCalls Calls() {
    return {[this] {
              for (int i = 0; i < kAtOnce; ++i) (void)link_.Send(said_);
            },
            [](const Error&) {},
            [this](const round::Message&) {
              if (++heard_ == kAnswers) answered_.count_down();
              if (!over_) (void)link_.Send(said_);
            }};
  }

  std::latch answered_{1};
  const round::Submission said_ = Said();
  int heard_ = 0;      // on the loop
  bool over_ = false;  // on the loop
  SystemRandom random_;
  loop::EventLoop loop_;
  transport::SiteLink link_;
};

TEST_F(DaemonTest, SitesThatTalkWhileItStopsFindNobody) {
  const identity::Identity seat = Enrol("north");
  for (int i = 0; i < 5; ++i) {
    auto daemon = Must(Daemon::Start(options_));
    const Talker talker(seat, daemon->port());
    daemon.reset();
  }
}

}  // namespace
}  // namespace dure::aggregator
