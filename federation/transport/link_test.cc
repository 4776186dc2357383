#include <openssl/ssl.h>

#include <atomic>
#include <system_error>
#include <thread>

#include "dure/v1/control.grpc.pb.h"
#include "federation/limits.h"
#include "federation/transport/channel.h"
#include "federation/transport/testing_relay.h"
#include "federation/transport/testing_world.h"

namespace dure::transport {
namespace {

using testing::HasSubstr;

TEST(ControlStream, CarriesMessagesBothWays) {
  World world;
  world.Start();
  const auto link = world.Link("seoul", world.DialAs("seoul"));
  ASSERT_TRUE(world.events.Await("seoul up"));
  ASSERT_TRUE(world.events.Await("connected seoul"));
  EXPECT_TRUE(world.server->IsConnected(SiteNamed("seoul")));
  ASSERT_TRUE(link->Send(ToAggregator()));
  ASSERT_TRUE(world.events.Await("seoul says declined"));
  ASSERT_TRUE(world.server->Send(SiteNamed("seoul"), ToSite()));
  ASSERT_TRUE(world.events.Await("seoul hears run-ended"));
}

TEST(ControlStream, SendingToNobodyIsUnavailable) {
  World world;
  world.Start();
  const Status sent = world.server->Send(SiteNamed("nowhere"), ToAggregator());
  ASSERT_FALSE(sent);
  EXPECT_EQ(sent.error().code, ErrorCode::kUnavailable);
}

TEST(ControlStream, ALeavingSiteIsNoticed) {
  World world;
  world.Start();
  auto link = world.Link("seoul", world.DialAs("seoul"));
  ASSERT_TRUE(world.events.Await("connected seoul"));
  link.reset();
  ASSERT_TRUE(world.events.Await("disconnected seoul"));
  EXPECT_FALSE(world.server->IsConnected(SiteNamed("seoul")));
}

TEST(ControlStream, AReconnectReplacesTheOldStream) {
  World world;
  world.Start();
  const Dial dial = world.DialAs("seoul");
  // The first link waits long before it dials again, so that it does not take the place back.
  LinkCalls calls;
  calls.connected = [&] { world.events.Add("first up"); };
  calls.disconnected = [&](const Error&) { world.events.Add("first down"); };
  const SiteLink first(dial, world.loop, world.random, calls,
                       {std::chrono::hours(1), std::chrono::hours(1)});
  ASSERT_TRUE(world.events.Await("first up"));
  const auto second = world.Link("second", dial);
  ASSERT_TRUE(world.events.Await("first down"));
  ASSERT_TRUE(world.events.Await("connected seoul", 2));
  ASSERT_TRUE(world.server->Send(SiteNamed("seoul"), ToSite()));
  ASSERT_TRUE(world.events.Await("second hears run-ended"));
  EXPECT_EQ(world.events.Count("disconnected seoul"), 0);
}

// A site that was away while hundreds of runs ended hears of each, a queue's worth at a time, and
// nobody breaks its stream over it.
TEST(ControlStream, WhatIsTooMuchForAQueueIsSaidOnceTheSiteHasTakenTheRest) {
  constexpr int kRuns = 1000;
  World world;
  int told = 0;  // on the loop
  bool full = false;
  const auto tell = [&](const PeerIdentity& peer) {
    while (told < kRuns) {
      round::RunEnded ended;
      ended.run = Must(RunId::Parse("run-" + std::to_string(told)));
      ended.reason = "stopped";
      const Status sent = world.server->Send(peer.site, ended);
      if (!sent) {
        full = true;
        EXPECT_EQ(sent.error().code, ErrorCode::kExhausted);
        return;
      }
      ++told;
    }
  };
  world.calls.connected = [&](const PeerIdentity& peer) { tell(peer); };
  world.calls.caught_up = [&](const PeerIdentity& peer) {
    world.events.Add("caught up");
    tell(peer);
  };
  world.Start();
  const auto link = world.Link("seoul", world.DialAs("seoul"));
  ASSERT_TRUE(world.events.Await("seoul hears run-ended", kRuns));
  EXPECT_EQ(world.events.Count("seoul hears run-ended"), kRuns);
  EXPECT_EQ(world.events.Count("seoul down"), 0);
  world.loop.Wait([&] { EXPECT_EQ(full, world.events.Count("caught up") > 0); });
}

TEST(ControlStream, ASiteFindsARestartedAggregatorAgain) {
  World world;
  world.Start();
  const auto link = world.Link("seoul", world.DialAs("seoul"));
  ASSERT_TRUE(world.events.Await("seoul up"));
  world.server.reset();
  ASSERT_TRUE(world.events.Await("seoul down"));
  world.Start();
  ASSERT_TRUE(world.events.Await("seoul up", 2));
}

TEST(ControlStream, WithoutAThreadForItsWriterNothingIsLeftOfItAndTheNextOneWorks) {
  World world;
  std::atomic<int> started = 0;
  world.start_thread = [&](std::function<void()> work) {
    if (started++ == 0) {
      EXPECT_FALSE(world.server->IsConnected(SiteNamed("seoul")));
      throw std::system_error(std::make_error_code(std::errc::resource_unavailable_try_again));
    }
    EXPECT_FALSE(world.server->IsConnected(SiteNamed("seoul"))) << "the first one is still known";
    return std::thread(std::move(work));
  };
  world.Start();
  const auto link = world.Link("seoul", world.DialAs("seoul"));
  ASSERT_TRUE(world.events.Await("seoul down"));
  EXPECT_THAT(world.LastError("seoul").message, HasSubstr("no thread left"));
  ASSERT_TRUE(world.events.Await("connected seoul"));
  EXPECT_EQ(world.events.Count("disconnected seoul"), 0);
  ASSERT_TRUE(world.server->Send(SiteNamed("seoul"), ToSite()));
  ASSERT_TRUE(world.events.Await("seoul hears run-ended"));
  EXPECT_EQ(world.events.Count("seoul up"), 1) << "what has no writer was taken for a stream";
  EXPECT_EQ(world.events.Count("connected seoul"), 1);
}

// As from Busan to Frankfurt over a poor line, or from a machine that has much else to do.
TEST(ControlStream, AnAggregatorFarAwayIsReachedAtTheFirstAttempt) {
  World world;
  world.Start();
  Relay relay(world.port, std::chrono::milliseconds(150));
  Dial dial = world.DialAs("seoul");
  dial.address = relay.address();
  const auto link = world.Link("seoul", dial);
  ASSERT_TRUE(world.events.Await("seoul up"));
  EXPECT_EQ(world.events.Count("seoul down"), 0);
}

TEST(ControlStream, ALinkMayBeDestroyedOnTheLoop) {
  World world;
  world.Start();
  auto link = world.Link("seoul", world.DialAs("seoul"));
  ASSERT_TRUE(world.events.Await("connected seoul"));
  ASSERT_TRUE(world.server->Send(SiteNamed("seoul"), ToSite()));
  world.loop.Wait([&] { link.reset(); });
  ASSERT_TRUE(world.events.Await("disconnected seoul"));
}

TEST(ControlStream, AMessageAbove64KiBIsRefusedBeforeItIsSent) {
  World world;
  world.Start();
  const auto link = world.Link("seoul", world.DialAs("seoul"));
  ASSERT_TRUE(world.events.Await("seoul up"));
  round::Submission large;
  large.at.run = TestRun();
  large.envelope.resize(limits::kControlMessageBytesMax);
  const Status sent = link->Send(large);
  ASSERT_FALSE(sent);
  EXPECT_EQ(sent.error().code, ErrorCode::kInvalid);
}

// Who is not let in, and what it is told. Each over a real connection.
class Refused : public testing::Test {
 protected:
  Error WhyNot(Dial dial) {
    const auto link = world_.Link("stranger", std::move(dial));
    EXPECT_TRUE(world_.events.Await("stranger down"));
    EXPECT_EQ(world_.events.Count("stranger up"), 0);
    return world_.LastError("stranger");
  }
  void SetUp() override { world_.Start(); }
  World world_;
};

TEST_F(Refused, WithoutACertificate) {
  Dial dial = world_.DialAs("seoul");
  dial.cert_chain_pem.clear();
  dial.key_pem.clear();
  const Error why = WhyNot(dial);
  EXPECT_EQ(why.code, ErrorCode::kUnauthenticated);
  EXPECT_THAT(why.message, HasSubstr("no certificate"));
}

TEST_F(Refused, ByAForeignCa) {
  World other;
  Dial dial = other.DialAs("seoul");
  dial.address = world_.DialAs("busan").address;
  dial.trust =
      world_.consortium.authority->trust();  // the site believes the server; not the reverse
  const Error why = WhyNot(dial);
  EXPECT_EQ(why.code, ErrorCode::kUnauthenticated);
  EXPECT_THAT(why.message, HasSubstr("foreign CA"));
}

TEST(Expiry, ACertificateThatHasEndedIsRefused) {
  World world(blob::MemoryBlobStore(), std::chrono::hours(8 * 24));
  const auto seat = world.Seat("seoul", Role::kMember, RealNow() - std::chrono::hours(7 * 24 + 1));
  world.Start();
  const auto link = world.Link("seoul", world.DialAs(seat));
  ASSERT_TRUE(world.events.Await("seoul down"));
  EXPECT_EQ(world.events.Count("seoul up"), 0);
  EXPECT_EQ(world.LastError("seoul").code, ErrorCode::kUnauthenticated);
  EXPECT_THAT(world.LastError("seoul").message, HasSubstr("expired"));
}

TEST(Expiry, AnOpenStreamEndsWithItsCertificate) {
  World world(blob::MemoryBlobStore(), std::chrono::hours(8 * 24));
  // A seven-day certificate of which ten seconds are left.
  const WallTime enrolled = RealNow() - std::chrono::hours(7 * 24) + std::chrono::seconds(10);
  const auto seat = world.Seat("seoul", Role::kMember, enrolled);
  world.Start();
  const auto link = world.Link("seoul", world.DialAs(seat));
  ASSERT_TRUE(world.events.Await("connected seoul"));
  ASSERT_TRUE(world.events.Await("disconnected seoul"));
  ASSERT_TRUE(world.events.Await("seoul down", 2));
  EXPECT_THAT(world.LastError("seoul").message, HasSubstr("expired"));
}

TEST_F(Refused, InTheWrongRole) {
  const Error why = WhyNot(world_.DialAs("desk", Role::kResearcher));
  EXPECT_EQ(why.code, ErrorCode::kPermissionDenied);
  EXPECT_THAT(why.message, HasSubstr("wrong role"));
}

TEST_F(Refused, InTheWrongRoleThoughItsChainWasJudgedBefore) {
  const Dial desk = world_.DialAs("desk", Role::kResearcher);
  (void)LedgerLink(desk).TreeHead();  // a call that its role may make
  const Error why = WhyNot(desk);
  EXPECT_EQ(why.code, ErrorCode::kPermissionDenied);
  EXPECT_THAT(why.message, HasSubstr("wrong role"));
}

std::shared_ptr<const identity::Revocations> RevocationOf(const std::string& site) {
  auto revocations = std::make_shared<identity::Revocations>();
  revocations->Add({identity::RevocationKind::kSite, site, "laptop lost", RealNow()});
  return revocations;
}

TEST_F(Refused, AtOnceWhenRevokedWhileConnected) {
  const auto link = world_.Link("seoul", world_.DialAs("seoul"));
  const auto other = world_.Link("busan", world_.DialAs("busan"));
  ASSERT_TRUE(world_.events.Await("connected seoul"));
  ASSERT_TRUE(world_.events.Await("connected busan"));
  world_.server->Revoke(RevocationOf("seoul"));
  ASSERT_TRUE(world_.events.Await("disconnected seoul"));
  ASSERT_TRUE(world_.events.Await("seoul down", 2)) << "the second attempt is told why";
  const Error why = world_.LastError("seoul");
  EXPECT_EQ(why.code, ErrorCode::kPermissionDenied);
  EXPECT_THAT(why.message, HasSubstr("revoked"));
  EXPECT_TRUE(world_.server->IsConnected(SiteNamed("busan")));
}

TEST_F(Refused, AServerOfAnotherConsortium) {
  World other;
  Dial dial = world_.DialAs("seoul");
  dial.trust = other.consortium.authority->trust();
  const Error why = WhyNot(dial);
  EXPECT_EQ(why.code, ErrorCode::kUnauthenticated);
  EXPECT_THAT(why.message, HasSubstr("foreign CA"));
}

TEST(Dialling, RefusesAServerWhoseCertificateDoesNotNameTheHost) {
  World world;
  world.port = 0;
  world.listen_host = "127.0.0.2";  // a loopback address that the certificate does not hold
  world.Start();
  const auto link = world.Link("seoul", world.DialAs("seoul"));
  ASSERT_TRUE(world.events.Await("seoul down"));
  EXPECT_EQ(world.LastError("seoul").code, ErrorCode::kUnauthenticated);
  EXPECT_THAT(world.LastError("seoul").message, HasSubstr("wrong name"));
}

// A site that does not keep to the rules speaks gRPC directly.
std::string AfterSending(const Dial& dial, const std::string& bytes) {
  const Connection connection = Must(Connect(dial));
  grpc::ClientContext context;
  const auto io = v1::Control::NewStub(connection.channel)->Stream(&context);
  v1::ControlMessage message;
  message.set_canonical(bytes);
  io->Write(message);
  while (io->Read(&message)) {
  }
  return io->Finish().error_message();
}

TEST_F(Refused, AMessageAbove64KiBAndNonsenseFromAHostileSite) {
  const Dial dial = world_.DialAs("seoul");
  EXPECT_THAT(AfterSending(dial, std::string(limits::kControlMessageBytesMax + 1, 'x')),
              HasSubstr("64 KiB"));
  EXPECT_THAT(AfterSending(dial, std::string(2 * kMessageBytesMax, 'x')), HasSubstr("larger"));
  EXPECT_FALSE(AfterSending(dial, "nonsense").empty());
  EXPECT_EQ(world_.events.Count("seoul says declined"), 0);
}

// A bare TLS client; the highest version it offers decides.
bool Handshakes(uint16_t port, int version) {
  SSL_CTX* context = SSL_CTX_new(TLS_client_method());
  SSL_CTX_set_min_proto_version(context, version);
  SSL_CTX_set_max_proto_version(context, version);
  BIO* bio = BIO_new_ssl_connect(context);
  BIO_set_conn_hostname(bio, ("127.0.0.1:" + std::to_string(port)).c_str());
  SSL* ssl = nullptr;
  BIO_get_ssl(bio, &ssl);
  const unsigned char h2[] = {2, 'h', '2'};
  SSL_set_alpn_protos(ssl, h2, sizeof h2);
  const bool done = BIO_do_handshake(bio) == 1;
  BIO_free_all(bio);
  SSL_CTX_free(context);
  return done;
}

TEST_F(Refused, TlsBelow13OnBothListeners) {
  for (const uint16_t port : {world_.server->port(), world_.server->enrol_port()}) {
    EXPECT_TRUE(Handshakes(port, TLS1_3_VERSION));
    EXPECT_FALSE(Handshakes(port, TLS1_2_VERSION));
    EXPECT_FALSE(Handshakes(port, TLS1_1_VERSION));
  }
}

}  // namespace
}  // namespace dure::transport
