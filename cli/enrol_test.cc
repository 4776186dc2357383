// Two commands make a site: the operator invites, the site enrols, over the real network of one
// machine.
#include <gmock/gmock.h>

#include <iostream>
#include <nlohmann/json.hpp>
#include <sstream>

#include "cli/testing.h"
#include "federation/blob/store.h"
#include "federation/identity/private_files.h"
#include "federation/identity/testing.h"
#include "federation/loop/loop.h"
#include "federation/transport/client.h"
#include "federation/transport/server.h"
#include "federation/transport/testing_relay.h"

namespace dure::cli {
namespace {

using identity::Must;
using nlohmann::json;
using testing::AllOf;
using testing::HasSubstr;

WallTime RealNow() {
  static const loop::EventLoop clock;
  return clock.WallNow();
}

Outcome RunNow(const std::vector<std::string>& arguments) { return RunLine(arguments, RealNow()); }

// An aggregator's doors, as far as identity goes, on free ports of loopback.
struct Doors {
  explicit Doors(identity::IssuingAuthority& authority, const std::string& dir) {
    transport::ServerOptions options;
    options.address = "127.0.0.1:0";
    options.enrol_address = "127.0.0.1:0";
    options.key_path = dir + "/identity/tls.key";
    options.chain_path = dir + "/identity/tls.crt";
    options.trust = authority.trust();
    transport::ServerCalls calls;
    calls.enrol = [&](ByteView request) { return authority.Enrol(request, RealNow()); };
    calls.renew = [&](const identity::PeerIdentity& peer, ByteView request) {
      return authority.Renew(peer, request, RealNow());
    };
    calls.admin = [&](const identity::PeerIdentity& peer, std::string_view verb, std::string text,
                      transport::JsonReply reply) {
      const auto order = FromBase64(json::parse(text)["order"].get<std::string>());
      auto said = authority.Obey(peer, Must(order), RealNow());
      EXPECT_EQ(verb, "revoke");
      if (!said) return reply(Fail(said.error()));
      reply(json{{"revoked", *said}}.dump());
    };
    server = Must(transport::TransportServer::Make(options, loop, *store, std::move(calls)));
    server->Revoke(authority.revocations());
    authority.OnRevocation([this](auto revocations) { server->Revoke(std::move(revocations)); });
    Must(server->Listen());
  }
  loop::EventLoop loop;
  std::unique_ptr<blob::BlobStore> store = blob::MemoryBlobStore();
  std::unique_ptr<transport::TransportServer> server;
};

// The ports are known only once the doors are open, so the consortium's folders are made first and
// their addresses afterwards: an invitation is made by hand here where `dure invite` would read
// them.
struct EnrolCommands : testing::Test {
  identity::TestConsortium consortium{"hanguk", RealNow()};
  Doors doors{*consortium.authority, (consortium.folder / "aggregator").string()};

  std::string Invite(identity::Role role, const std::string& site, std::string enrol_address = "") {
    const identity::Identity op = consortium.Operator();
    identity::InvitationDraft draft;
    draft.subject = consortium.SubjectOf("kt", site, role);
    draft.expires = RealNow() + std::chrono::hours(1);
    draft.root_pin = op.root_pin;
    draft.address = "127.0.0.1:" + std::to_string(doors.server->port());
    draft.enrol_address = !enrol_address.empty()
                              ? enrol_address
                              : "127.0.0.1:" + std::to_string(doors.server->enrol_port());
    SystemRandom random;
    return Must(identity::MakeInvitation(draft, *op.signer, random)).text;
  }
  // Points a folder at the port that the doors took.
  void PointAtDoors(const std::string& dir) {
    PointAt("127.0.0.1:" + std::to_string(doors.server->port()), dir);
  }
  void PointAt(const std::string& address, const std::string& dir) {
    const auto path = std::filesystem::path(dir) / "identity/consortium.json";
    json names = json::parse(Must(identity::ReadPrivateFile(path)));
    names["address"] = address;
    Must(identity::WritePrivateFile(path, names.dump()));
  }
};

TEST_F(EnrolCommands, ASiteEnrolsWithOneCommandAndRepeatsItWithoutHarm) {
  const std::string dir = consortium.SiteDir("s");
  const std::string invitation = Invite(identity::Role::kMember, "kt-seoul");
  const Outcome outcome = RunNow({"site", "enrol", invitation, "--dir", dir});
  ASSERT_EQ(outcome.code, 0) << outcome.err;
  EXPECT_THAT(outcome.out, HasSubstr("Enrolled: site kt-seoul of kt in hanguk"));
  EXPECT_THAT(outcome.err, HasSubstr("dure site serve --dir"));
  const Outcome again = RunNow({"site", "enrol", invitation, "--dir", dir, "--json"});
  ASSERT_EQ(again.code, 0) << again.err;
  EXPECT_EQ(json::parse(again.out)["site"], "kt-seoul");

  const Outcome other = RunNow({"site", "enrol", invitation, "--dir", consortium.SiteDir("other")});
  EXPECT_EQ(other.code, 3);
  EXPECT_THAT(other.err, HasSubstr("used already"));
}

// An argument can be read by every user of the machine while the command runs.
TEST_F(EnrolCommands, TheInvitationIsTakenFromStandardInputToo) {
  std::istringstream typed(Invite(identity::Role::kMember, "kt-busan") + "\r\n");
  std::streambuf* const keyboard = std::cin.rdbuf(typed.rdbuf());
  const Outcome outcome = RunNow({"site", "enrol", "-", "--dir", consortium.SiteDir("b")});
  const Outcome nothing = RunNow({"site", "enrol", "-", "--dir", consortium.SiteDir("c")});
  std::cin.rdbuf(keyboard);
  ASSERT_EQ(outcome.code, 0) << outcome.err;
  EXPECT_THAT(outcome.out, HasSubstr("Enrolled: site kt-busan of kt"));
  EXPECT_EQ(nothing.code, 1);
  EXPECT_THAT(nothing.err, HasSubstr("holds no invitation"));
}

TEST_F(EnrolCommands, AnAggregatorOfAnotherConsortiumIsRefused) {
  identity::TestConsortium impostor("hanguk", RealNow());
  Doors false_doors(*impostor.authority, (impostor.folder / "aggregator").string());
  const identity::Identity op = consortium.Operator();
  SystemRandom random;
  const identity::InvitationDraft draft = {
      consortium.SubjectOf("kt", "kt-seoul", identity::Role::kMember),
      {},
      RealNow() + std::chrono::hours(1),
      op.root_pin,
      "127.0.0.1:1",
      "127.0.0.1:" + std::to_string(false_doors.server->enrol_port())};
  const auto invitation = Must(identity::MakeInvitation(draft, *op.signer, random));
  const Outcome outcome =
      RunNow({"site", "enrol", invitation.text, "--dir", consortium.SiteDir("s")});
  EXPECT_EQ(outcome.code, 3) << outcome.err;
  EXPECT_THAT(outcome.err, HasSubstr("foreign CA"));
}

TEST_F(EnrolCommands, APersonRenewsAndAnOperatorRevokes) {
  const std::string dir = consortium.SiteDir("kim");
  ASSERT_EQ(RunNow({"site", "enrol", Invite(identity::Role::kOfficer, "kim"), "--dir", dir}).code,
            0);
  PointAtDoors(dir);
  const identity::Identity before = Must(identity::LoadIdentity(dir));
  const Outcome renewed = RunNow({"identity", "renew", "--dir", dir});
  ASSERT_EQ(renewed.code, 0) << renewed.err;
  const identity::Identity after = Must(identity::LoadIdentity(dir));
  EXPECT_NE(after.serial, before.serial);
  EXPECT_NE(after.tls_key_pem, before.tls_key_pem);

  const std::string op = (consortium.folder / "operator").string();
  PointAtDoors(op);
  const Outcome revoked =
      RunNow({"revoke", "--dir", op, "--site", "kim", "--reason", "laptop lost"});
  ASSERT_EQ(revoked.code, 0) << revoked.err;
  EXPECT_THAT(revoked.out, AllOf(HasSubstr("site kim revoked"), HasSubstr("laptop lost")));
  PointAtDoors(dir);
  const Outcome refused = RunNow({"identity", "renew", "--dir", dir});
  EXPECT_EQ(refused.code, 3) << refused.err;
  EXPECT_THAT(refused.err, HasSubstr("revoked: site kim"));
}

// A busy machine misses a handshake's time. What may be said twice is said again.
TEST_F(EnrolCommands, EnrollingAndRevokingDialAgainWhereNoConnectionIsMade) {
  transport::Relay enrolling(doors.server->enrol_port());
  enrolling.RefuseNext(2);
  const std::string invitation = Invite(identity::Role::kMember, "kt-seoul", enrolling.address());
  const Outcome enrolled = RunNow({"site", "enrol", invitation, "--dir", consortium.SiteDir("s")});
  EXPECT_EQ(enrolled.code, 0) << enrolled.err;

  transport::Relay asking(doors.server->port());
  const std::string op = (consortium.folder / "operator").string();
  PointAt(asking.address(), op);
  const std::vector<std::string> revoke = {"revoke", "--dir", op, "--site", "kt-seoul"};
  asking.RefuseNext(2);
  const Outcome revoked = RunNow(revoke);
  EXPECT_EQ(revoked.code, 0) << revoked.err;
  // Lifted twice, it would be said that there is nothing to lift.
  std::vector<std::string> lift = revoke;
  lift.push_back("--lift");
  asking.RefuseNext(1);
  EXPECT_EQ(RunNow(lift).code, 4);
  EXPECT_EQ(RunNow(lift).code, 0);
  asking.RefuseNext(transport::kTriesMax);
  EXPECT_EQ(RunNow(revoke).code, 4) << "an aggregator that is not there is not asked for ever";
}

TEST_F(EnrolCommands, SlipsAreToldBeforeAnybodyIsAsked) {
  const std::string op = (consortium.folder / "operator").string();
  EXPECT_EQ(RunNow({"revoke", "--dir", op}).code, 2);
  EXPECT_EQ(RunNow({"revoke", "--dir", op, "--site", "a", "--member", "b"}).code, 2);
  EXPECT_EQ(RunNow({"revoke", "--dir", op, "--site", "No Site"}).code, 1);
  EXPECT_EQ(RunNow({"site", "enrol", "dure2-nonsense", "--dir", "x"}).code, 1);
  EXPECT_FALSE(std::filesystem::exists("x"));
}

}  // namespace
}  // namespace dure::cli
