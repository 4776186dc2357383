// What the daemon does of itself when its disk is full.
#include "aggregator/daemon.h"

#include <gmock/gmock.h>

#include "aggregator/testing.h"
#include "federation/canonical.h"
#include "federation/identity/testing.h"
#include "federation/journal/journal.h"
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
  // As `dure run stop` does.
  void GiveUp(const Daemon& daemon) const {
    const auto desk = Must(identity::LoadIdentity((folder_ / "operator").string()));
    transport::AdminLink link({"127.0.0.1:" + std::to_string(daemon.port()), desk.cert_chain_pem,
                               desk.tls_key_pem, desk.trust()});
    Must(link.Call("run.stop", R"({"run":"aside"})"));
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

}  // namespace
}  // namespace dure::aggregator
