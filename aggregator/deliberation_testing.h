// For tests of the deliberation: a record in a folder, and a consortium whose members speak into
// it.
#pragma once

#include <gmock/gmock.h>

#include "aggregator/deliberation.h"
#include "aggregator/testing.h"
#include "federation/identity/private_files.h"
#include "federation/identity/testing.h"
#include "federation/round/testing.h"
#include "policy/ledger/note.h"
#include "policy/standing/testing.h"

namespace dure::aggregator {

using identity::Must;

class DeliberationTest : public testing::Test {
 protected:
  DeliberationTest() { OpenRecord(); }
  void OpenRecord() {
    RecordOptions options;
    options.seam =
        [this](std::unique_ptr<ledger::Ledger> on_disk) -> Result<std::unique_ptr<ledger::Ledger>> {
      auto held = std::make_unique<HeldLog>(std::move(on_disk));
      log_ = held.get();
      return held;
    };
    record_ = Must(Record::Open(folder_.str(), self_, loop_, std::move(options)));
  }
  Result<std::unique_ptr<Deliberation>> Start() {
    return Deliberation::Open(folder_.str(), *record_, loop_);
  }
  // A run that is approved, so that something can be decided.
  void Approve(const Deliberation& started) {
    ledger::RunProposed proposed{run_, Sha256(AsBytes("manifest")), {}};
    proposed.fields = {{"purpose", "scientific-research"},
                       {"beneficiaries", "non-profit"},
                       {"masking", "pairwise"},
                       {"quorum", "3"},
                       {"initialModel", first_model_.Hex()}};
    Must(record_->Write(proposed, "proposed"));
    Digest policies;
    Must(started.WithStanding(
        [&](const standing::Standing& now) { policies = now.state().policies; }));
    Must(record_->Write(ledger::RunApproved{run_, policies, {}}, "approved"));
  }
  // A refusal as a build with these words makes it.
  void Decide(const Deliberation& started, uint32_t words) {
    std::promise<Result<ledger::Appended>> said;
    const auto entry = [&](WallTime at) -> Result<ledger::Event> {
      ledger::AdmissionDecided event;
      Must(started.WithStanding([&](const standing::Standing& now) {
        const standing::AdmissionRequest request{{run_, RoundNumber{0}, words},
                                                 round::TestSite("kt"),
                                                 {Must(DatasetId::Parse("notes")), 1},
                                                 rules::Instant::At(at)};
        standing::Ruling ruling = Must(standing::Decide(now, request));
        ruling.decision.words = words;
        event = standing::EventOf(now, request, ruling);
      }));
      return ledger::Event(event);
    };
    record_->Make(entry, "decided/" + std::to_string(words),
                  [&](Result<ledger::Appended> appended) { said.set_value(std::move(appended)); });
    Must(said.get_future().get());
  }

  const RunId run_ = Must(RunId::Parse("first"));
  const Digest first_model_ = Sha256(AsBytes("model"));
  identity::TemporaryFolder folder_;
  const identity::Identity self_ = SelfIn(folder_);
  loop::EventLoop loop_;
  std::unique_ptr<Record> record_;
  HeldLog* log_ = nullptr;  // the record's
};

// What members say is on its way into the log while the aggregator decides.
class OvertakenTest : public DeliberationTest {
 protected:
  OvertakenTest() {
    using House = identity::House;
    for (const auto& [member, house] :
         {std::pair("kt", House::kPrivate), {"etri", House::kPublic}, {"snu", House::kAcademic}}) {
      Add(member, member, identity::Role::kMember, house);
      Add(member, std::string(member) + "-desk", identity::Role::kOfficer, house);
    }
    deliberation_ = Must(Start());
  }
  void Add(const std::string& member, const std::string& name, identity::Role role,
           identity::House house) {
    const auto& signer = signers_[name] = Ed25519Signer::Generate();
    identity::Seat seat;
    seat.subject.member = Must(MemberId::Parse(member));
    seat.subject.site = round::TestSite(name.c_str());
    seat.subject.role = role;
    seat.domicile = {house, "KR"};
    seat.signing_key = signer->Key();
    Must(record_->Admit({seat}, {}));
  }
  // As a member's own entry comes in; the answer when it is durable.
  std::future<uint64_t> Take(const std::string& name, ledger::Event event) {
    const Signer& signer = *signers_.at(name);
    const bool officer = name.ends_with("-desk");
    const ledger::Actor actor{Must(MemberId::Parse(name.substr(0, name.find('-')))), signer.Key(),
                              officer ? ledger::Role::kOfficer : ledger::Role::kSite};
    const auto sealed = Must(ledger::SealNext(*log_, actor, signer, record_->Now(), event));
    auto answer = std::make_shared<std::promise<uint64_t>>();
    loop_.Wait([&] {
      deliberation_->Take(signer.Key(), sealed.bytes, [answer](Result<ledger::Appended> appended) {
        answer->set_value(Must(std::move(appended)).receipt.index);
      });
    });
    return answer->get_future();
  }
  uint64_t Say(const std::string& name, ledger::Event event) {
    return Take(name, std::move(event)).get();
  }
  ledger::Event Lending(const std::string& dataset) const {
    return ledger::DatasetRegistered{{Must(DatasetId::Parse(dataset)), 1},
                                     round::TestSite("kt"),
                                     standing::testing::World::PassportOf(dataset, "kt"),
                                     terms::ToCanonical(terms::testing::OpenTerms())};
  }
  standing::Auditor Audit() const {
    standing::Auditor auditor;
    Must(auditor.CatchUp(*log_));
    return auditor;
  }
  // What the loop was given by now is done.
  void Settle() {
    for (int turn = 0; turn < 3; ++turn) loop_.Wait([] {});
  }

  std::map<std::string, std::unique_ptr<Ed25519Signer>> signers_;
  std::unique_ptr<Deliberation> deliberation_;
};

}  // namespace dure::aggregator
