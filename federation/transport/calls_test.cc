#include <openssl/crypto.h>
#include <openssl/ssl.h>
#include <unistd.h>

#include <thread>

#include "dure/v1/enrol.grpc.pb.h"
#include "federation/transport/channel.h"
#include "federation/transport/testing_world.h"

namespace dure::transport {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::SizeIs;

ErrorCode CodeOf(const auto& result) { return result ? ErrorCode::kInternal : result.error().code; }

TEST(Enrolment, ASiteThatHoldsOnlyAnInvitationGetsItsCertificateAndConnects) {
  World world;
  world.Start();
  const identity::Invitation invitation = world.Invite("jeju", Role::kMember, RealNow());
  const std::string folder = world.consortium.SiteDir("jeju");
  const Bytes request = Must(identity::PrepareEnrolment(invitation, folder, RealNow()));
  const EnrolDial dial{"127.0.0.1:" + std::to_string(world.server->enrol_port()), "hanguk",
                       invitation.root_pin};
  const Bytes response = Must(Enrol(dial, request));
  Must(identity::AcceptEnrolment(invitation, folder, response, RealNow()));
  const auto link = world.Link("jeju", world.DialAs(Must(identity::LoadIdentity(folder))));
  EXPECT_TRUE(world.events.Await("connected jeju"));
}

TEST(Enrolment, TheRootMustHaveTheInvitationsFingerprint) {
  World world;
  world.Start();
  World other;
  const EnrolDial dial{"127.0.0.1:" + std::to_string(world.server->enrol_port()), "hanguk",
                       other.consortium.Operator().root_pin};
  const Result<Bytes> refused = Enrol(dial, AsBytes("anything"));
  ASSERT_EQ(CodeOf(refused), ErrorCode::kUnauthenticated);
  EXPECT_THAT(refused.error().message, HasSubstr("foreign CA"));
}

TEST(Enrolment, IsBoundedInSize) {
  World world;
  std::atomic<int> asked = 0;
  world.calls.enrol = [&](ByteView) -> Result<Bytes> {
    ++asked;
    return Bytes{1};
  };
  world.Start();
  const EnrolDial dial{"127.0.0.1:" + std::to_string(world.server->enrol_port()), "hanguk",
                       world.consortium.Operator().root_pin};
  EXPECT_EQ(CodeOf(Enrol(dial, Bytes(20 * 1024))), ErrorCode::kInvalid);
  EXPECT_EQ(CodeOf(Enrol(dial, Bytes(64 * 1024))), ErrorCode::kExhausted);
  EXPECT_EQ(asked, 0);
}

TEST(Enrolment, TwoHundredThatAreWorthNothingKeepNobodyOut) {
  World world;
  world.Start();
  const identity::Invitation invitation = world.Invite("jeju", Role::kMember, RealNow());
  const Bytes request =
      Must(identity::PrepareEnrolment(invitation, world.consortium.SiteDir("jeju"), RealNow()));
  const EnrolDial dial{"127.0.0.1:" + std::to_string(world.server->enrol_port()), "hanguk",
                       invitation.root_pin};
  const Connection connection = Must(ConnectPinned(dial));
  const auto stub = v1::Enrolment::NewStub(connection.channel);
  const auto asked = [&](const Bytes& what) {
    grpc::ClientContext context;
    v1::CertificateRequest carried;
    carried.set_request(what.data(), what.size());
    v1::CertificateReply reply;
    return stub->Enrol(&context, carried, &reply).error_code();
  };
  Bytes damaged = request;
  damaged.back() ^= 1;
  for (int i = 0; i < 200; ++i) {
    ASSERT_EQ(asked(i % 2 == 0 ? damaged : ToBytes("nonsense")), grpc::INVALID_ARGUMENT);
  }
  EXPECT_EQ(asked(request), grpc::OK);
}

TEST(Enrolment, TheMainListenerDoesNotEnrolAndTheOtherDoesNothingElse) {
  World world;
  world.Start();
  const EnrolDial dial{"127.0.0.1:" + std::to_string(world.port), "hanguk",
                       world.consortium.Operator().root_pin};
  EXPECT_FALSE(Enrol(dial, AsBytes("anything")));
  Dial wrong = world.DialAs("seoul");
  wrong.address = "127.0.0.1:" + std::to_string(world.server->enrol_port());
  EXPECT_EQ(CodeOf(LedgerLink(wrong).TreeHead()), ErrorCode::kFailedPrecondition);
}

TEST(Renewal, ANewCertificateComesOverTheOldOnesLinkAndTheLinkMovesToIt) {
  World world;
  world.Start();
  const identity::Identity old = world.Seat("seoul");
  const auto link = world.Link("seoul", world.DialAs(old));
  ASSERT_TRUE(world.events.Await("seoul up"));
  const std::string folder = world.consortium.SiteDir("seoul");
  const Bytes request = Must(identity::PrepareRenewal(old, folder, true));
  const Bytes response = Must(Renew(world.DialAs(old), request));
  Must(identity::AcceptRenewal(old, folder, response, RealNow()));
  const identity::Identity renewed = Must(identity::LoadIdentity(folder));
  EXPECT_NE(renewed.serial, old.serial);
  link->UseDial(world.DialAs(renewed));
  EXPECT_TRUE(world.events.Await("seoul up", 2));
}

// The serial number of the certificate that a listener presents.
std::string ServedSerial(uint16_t port) {
  SSL_CTX* context = SSL_CTX_new(TLS_client_method());
  BIO* bio = BIO_new_ssl_connect(context);
  BIO_set_conn_hostname(bio, ("127.0.0.1:" + std::to_string(port)).c_str());
  SSL* ssl = nullptr;
  BIO_get_ssl(bio, &ssl);
  std::string serial;
  if (BIO_do_handshake(bio) == 1) {
    X509* leaf = SSL_get1_peer_certificate(ssl);
    const ASN1_INTEGER* number = X509_get0_serialNumber(leaf);
    serial.assign(reinterpret_cast<const char*>(number->data), static_cast<size_t>(number->length));
    X509_free(leaf);
  }
  BIO_free_all(bio);
  SSL_CTX_free(context);
  return serial;
}

TEST(Renewal, TheAggregatorServesItsNewCertificateWithoutARestart) {
  World world;
  world.StartAsItIs();
  const uint16_t port = world.server->enrol_port();
  const std::string before = ServedSerial(port);
  ASSERT_FALSE(before.empty());
  ASSERT_TRUE(Must(world.consortium.authority->RenewOwn(RealNow())));
  const MonoTime give_up = world.loop.Now() + std::chrono::minutes(1);
  std::string now = before;
  while ((now == before || now.empty()) && world.loop.Now() < give_up) now = ServedSerial(port);
  EXPECT_NE(now, before);
}

TEST(Listening, AnAddressThatIsNoneIsRefusedAndNotAnotherTaken) {
  World world;
  for (const char* wrong : {"127.0.0.1:99999", "127.0.0.1:", "localhost", "127.0.0.1:7x"}) {
    ServerOptions options;
    options.address = wrong;
    options.key_path = (world.consortium.folder / "aggregator/identity/tls.key").string();
    options.chain_path = (world.consortium.folder / "aggregator/identity/tls.crt").string();
    options.trust =
        Must(identity::LoadIdentity((world.consortium.folder / "aggregator").string())).trust();
    const auto server = Must(TransportServer::Make(options, world.loop, *world.store, {}));
    EXPECT_EQ(CodeOf(server->Listen()), ErrorCode::kInvalid) << wrong;
  }
}

LedgerCalls SmallLog() {
  LedgerCalls calls;
  calls.tree_head = [] {
    return Result<LedgerCalls::Head>(LedgerCalls::Head{ToBytes("head of 3"), 3});
  };
  calls.entries = [](uint64_t begin, uint64_t end) -> Result<std::vector<Bytes>> {
    std::vector<Bytes> entries;
    for (uint64_t i = begin; i < std::min<uint64_t>(end, 3); ++i) {
      entries.push_back(ToBytes("entry " + std::to_string(i)));
    }
    return entries;
  };
  calls.inclusion_proof = [](uint64_t index, uint64_t size) -> Result<Bytes> {
    if (index >= size) return Fail(ErrorCode::kInvalid, "no such entry");
    return ToBytes("inclusion");
  };
  calls.consistency_proof = [](uint64_t, uint64_t) {
    return Result<Bytes>(ToBytes("consistency"));
  };
  return calls;
}

TEST(LedgerCalls, EveryInvitedRoleReadsTheLog) {
  World world;
  world.calls.ledger = SmallLog();
  world.Start();
  for (const Role role : {Role::kMember, Role::kOfficer, Role::kResearcher, Role::kOperator}) {
    LedgerLink log(world.DialAs("seat-" + std::string(Name(role)), role));
    EXPECT_EQ(AsText(Must(log.TreeHead())), "head of 3");
    EXPECT_THAT(Must(log.Entries(1, 100)), ElementsAre(ToBytes("entry 1"), ToBytes("entry 2")));
    EXPECT_EQ(AsText(Must(log.InclusionProof(0, 3))), "inclusion");
    EXPECT_EQ(AsText(Must(log.ConsistencyProof(1, 3))), "consistency");
    EXPECT_EQ(CodeOf(log.InclusionProof(3, 3)), ErrorCode::kInvalid);
    EXPECT_EQ(CodeOf(log.Entries(5, 5)), ErrorCode::kInvalid);
  }
}

TEST(LedgerCalls, ACopyIsBroughtForwardInOneAnswer) {
  World world;
  world.calls.ledger = SmallLog();
  world.Start();
  LedgerLink log(world.DialAs("seoul"));
  const LogExtension fresh = Must(log.Extend(0));
  EXPECT_EQ(AsText(fresh.head), "head of 3");
  EXPECT_TRUE(fresh.consistency.empty());
  EXPECT_THAT(fresh.entries, SizeIs(3));
  const LogExtension later = Must(log.Extend(2));
  EXPECT_EQ(AsText(later.consistency), "consistency");
  EXPECT_THAT(later.entries, ElementsAre(ToBytes("entry 2")));
  for (const uint64_t held : {3, 4}) {
    const LogExtension nothing = Must(log.Extend(held));
    EXPECT_EQ(AsText(nothing.head), "head of 3");
    EXPECT_TRUE(nothing.consistency.empty() && nothing.entries.empty());
  }
}

TEST(LedgerCalls, AnAggregatorWithoutALogSaysSo) {
  World world;
  world.Start();
  EXPECT_EQ(CodeOf(LedgerLink(world.DialAs("seoul")).TreeHead()), ErrorCode::kFailedPrecondition);
}

TEST(AdminCalls, AnOperatorAsksAndIsAnswered) {
  World world;
  world.calls.admin = [&](const PeerIdentity& peer, std::string_view verb, std::string json,
                          JsonReply reply) {
    EXPECT_TRUE(world.loop.InLoop());
    if (verb == "fail") return reply(Fail(ErrorCode::kNotFound, "no run of that name"));
    // Answered later, as work on other threads would.
    world.loop.Post(
        [reply, text = peer.site.str() + " " + std::string(verb) + " " + json] { reply(text); });
  };
  world.Start();
  AdminLink admin(world.DialAs("desk", Role::kOperator));
  EXPECT_EQ(Must(admin.Call("run start", "{}")), "desk run start {}");
  EXPECT_EQ(CodeOf(admin.Call("fail", "{}")), ErrorCode::kNotFound);
  const Result<std::string> refused = AdminLink(world.DialAs("seoul")).Call("run start", "{}");
  ASSERT_EQ(CodeOf(refused), ErrorCode::kPermissionDenied);
  EXPECT_THAT(refused.error().message, HasSubstr("wrong role"));
}

TEST(AdminCalls, AWatcherSeesLinesInOrderUntilTheEnd) {
  World world;
  world.calls.watch = [](const PeerIdentity&, std::string json, std::shared_ptr<Watcher> watcher) {
    watcher->Send(json);
    watcher->Send("two");
    watcher->Close({});
  };
  world.Start();
  std::vector<std::string> lines;
  Must(AdminLink(world.DialAs("desk", Role::kOperator)).Watch("one", {}, [&](std::string line) {
    lines.push_back(std::move(line));
    return true;
  }));
  EXPECT_THAT(lines, ElementsAre("one", "two"));
}

TEST(AdminCalls, AWatcherThatLeavesOrDoesNotKeepUpIsClosed) {
  World world;
  std::shared_ptr<Watcher> left;
  world.calls.watch = [&](const PeerIdentity&, std::string, std::shared_ptr<Watcher> watcher) {
    left = watcher;
    watcher->Send("hello");
  };
  world.Start();
  AdminLink admin(world.DialAs("desk", Role::kOperator));
  Must(admin.Watch("{}", {}, [](const std::string&) { return false; }));
  std::stop_source stop;
  const Status stopped = admin.Watch("{}", stop.get_token(), [&](const std::string&) {
    stop.request_stop();
    return true;
  });
  EXPECT_EQ(CodeOf(stopped), ErrorCode::kCancelled);
  world.server.reset();
  EXPECT_FALSE(left->Send("too late"));
}

TEST(Admin, StoppingTheServerEndsCallsThatWait) {
  World world;
  world.calls.admin = [&](const PeerIdentity&, std::string_view, std::string, const JsonReply&) {
    world.events.Add("asked");  // and never answers
  };
  world.Start();
  const Dial dial = world.DialAs("desk", Role::kOperator);
  std::jthread caller([&] {
    EXPECT_FALSE(AdminLink(dial).Call("status", "{}"));
    world.events.Add("ended");
  });
  ASSERT_TRUE(world.events.Await("asked"));
  world.server.reset();
  EXPECT_TRUE(world.events.Await("ended"));
}

// gRPC's threads still end connections while the process does.
TEST(ProcessDeathTest, OpenSslIsNotTakenDownBeforeTheProcessEnds) {
  constexpr int kTakenDown = 3;
  GTEST_FLAG_SET(death_test_style, "threadsafe");
  const auto end = [] {
    { World().Start(); }
    OPENSSL_atexit([] { _exit(kTakenDown); });
    std::exit(0);
  };
  EXPECT_EXIT(end(), testing::ExitedWithCode(0), "");
}

}  // namespace
}  // namespace dure::transport
