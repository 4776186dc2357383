// Who holds a place and does nothing with it.
#include "federation/transport/gate.h"

#include <grpcpp/server_builder.h>
#include <openssl/ssl.h>
#include <sys/socket.h>
#include <sys/time.h>

#include <algorithm>
#include <fstream>
#include <future>
#include <mutex>
#include <thread>

#include "dure/v1/data.grpc.pb.h"
#include "federation/canonical.h"
#include "federation/transport/call_services.h"
#include "federation/transport/channel.h"
#include "federation/transport/data_service.h"
#include "federation/transport/testing_world.h"
#include "federation/transport/tls.h"

namespace dure::transport {
namespace {

// Long after what is awaited: a test that would hang fails instead.
constexpr std::chrono::seconds kGivesUp{30};

// A TLS client without a certificate, which finishes the handshake, says `hello` and then waits.
// Whether it is let go before the handshake's own limit is over.
bool IsLetGo(uint16_t port, std::string_view hello) {
  SSL_CTX* context = SSL_CTX_new(TLS_client_method());
  BIO* bio = BIO_new_ssl_connect(context);
  BIO_set_conn_hostname(bio, ("127.0.0.1:" + std::to_string(port)).c_str());
  SSL* ssl = nullptr;
  BIO_get_ssl(bio, &ssl);
  const unsigned char h2[] = {2, 'h', '2'};
  SSL_set_alpn_protos(ssl, h2, sizeof h2);
  bool let_go = false;
  if (BIO_do_handshake(bio) == 1) {
    const timeval limit{8, 0};
    ::setsockopt(SSL_get_fd(ssl), SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof limit);
    if (!hello.empty()) BIO_write(bio, hello.data(), static_cast<int>(hello.size()));
    char heard[256];
    while (BIO_read(bio, heard, sizeof heard) > 0) {
    }
    let_go = !BIO_should_retry(bio);
  }
  BIO_free_all(bio);
  SSL_CTX_free(context);
  return let_go;
}

TEST(Outsiders, WhoFinishTheHandshakeAndSayNothingAreLetGo) {
  World world;
  world.patience.idle = std::chrono::milliseconds(200);
  world.Start();
  constexpr std::string_view kHttp2("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0\0\4\0\0\0\0\0", 33);
  for (const uint16_t port : {world.server->port(), world.server->enrol_port()}) {
    EXPECT_TRUE(IsLetGo(port, ""));
    EXPECT_TRUE(IsLetGo(port, kHttp2)) << "whose connection is whole and carries no call";
  }
}

// What comes of calls that say nothing, once one of them is answered and the others were let go.
template <typename Begin>
std::vector<grpc::StatusCode> HeldOpen(size_t count, const Begin& begin) {
  std::vector<grpc::ClientContext> contexts(count);
  std::vector<grpc::StatusCode> ends(count);
  std::promise<void> answered;
  std::once_flag first;
  {
    std::vector<std::jthread> calls;
    for (size_t i = 0; i < count; ++i) {
      calls.emplace_back([&, i] {
        ends[i] = begin(contexts[i]);
        std::call_once(first, [&] { answered.set_value(); });
      });
    }
    answered.get_future().wait_for(kGivesUp);
    for (grpc::ClientContext& context : contexts) context.TryCancel();
  }
  return ends;
}

struct Seats : testing::Test {
  void SetUp() override { world.Start(); }
  World world;
};

// Each open call holds a thread of the aggregator's, and an offer what its manifest may come to.
TEST_F(Seats, OfferOnlySoMuchAtOnce) {
  const Connection seoul = Must(Connect(world.DialAs("seoul")));
  const auto stub = v1::Data::NewStub(seoul.channel);
  const auto offers = HeldOpen(5, [&](grpc::ClientContext& context) {
    v1::OfferReply reply;
    return stub->Offer(&context, &reply)->Finish().error_code();
  });
  EXPECT_EQ(std::ranges::count(offers, grpc::StatusCode::UNAVAILABLE), 1);
  EXPECT_EQ(std::ranges::count(offers, grpc::StatusCode::CANCELLED), 4);
}

TEST_F(Seats, HoldOnlySoManyCallsOpen) {
  const Connection seoul = Must(Connect(world.DialAs("seoul")));
  const auto stub = v1::Data::NewStub(seoul.channel);
  const auto uploads = HeldOpen(65, [&](grpc::ClientContext& context) {
    v1::PutReply reply;
    return stub->PutChunks(&context, &reply)->Finish().error_code();
  });
  EXPECT_EQ(std::ranges::count(uploads, grpc::StatusCode::UNAVAILABLE), 1);
  EXPECT_EQ(std::ranges::count(uploads, grpc::StatusCode::CANCELLED), 64);
}

TEST(Threads, WhenAllAreTakenACallIsRefusedAndTheNextOneIsAnswered) {
  World world;
  world.threads_max = 8;
  world.Start();
  const Dial dial = world.DialAs("seoul");
  const Connection seoul = Must(Connect(dial));
  const auto stub = v1::Data::NewStub(seoul.channel);
  const auto uploads = HeldOpen(20, [&](grpc::ClientContext& context) {
    v1::PutReply reply;
    return stub->PutChunks(&context, &reply)->Finish().error_code();
  });
  EXPECT_GE(std::ranges::count(uploads, grpc::StatusCode::RESOURCE_EXHAUSTED), 1);
  // Once those that were let go have left.
  const auto mine = blob::MemoryBlobStore();
  const auto reader = Must(mine->Open(Must(mine->Put(Bytes(100)))));
  DataLink link(dial, kQuick);
  const MonoTime give_up = world.loop.Now() + std::chrono::minutes(1);
  Status uploaded = link.Upload(*reader, {});
  while (!uploaded && world.loop.Now() < give_up) uploaded = link.Upload(*reader, {});
  EXPECT_TRUE(uploaded);
}

// The real clock, and as much later as a test says. Certificates stay good.
class MovedClock final : public Clock {
 public:
  explicit MovedClock(loop::EventLoop& loop) : loop_(loop) {}
  MonoTime Now() const override { return loop_.Now() + std::chrono::seconds(ahead_.load()); }
  WallTime WallNow() const override { return loop_.WallNow(); }
  Duration SinceBoot() const override { return loop_.SinceBoot(); }
  void At(MonoTime when, std::function<void()> task) override { loop_.At(when, std::move(task)); }
  void Move(std::chrono::seconds by) { ahead_ += by.count(); }

 private:
  loop::EventLoop& loop_;
  std::atomic<int64_t> ahead_ = 0;
};

// The doors for data and watching, whose gate has a clock of its own and is swept by the test.
struct Sweeping : testing::Test {
  void SetUp() override {
    Must(world.consortium.authority->RenewOwn(RealNow()));
    const std::string own = (world.consortium.folder / "aggregator/identity").string();
    gate = std::make_shared<Gate>(
        GateRules{world.consortium.authority->trust(), {Role::kOperator}, {Role::kOperator}},
        clock);
    data = std::make_unique<DataService>(*gate, world.loop, *world.store, world.calls,
                                         Patience().upload);
    admin = std::make_unique<AdminService>(*gate, world.loop, world.calls);
    auto tls = ServerTls(own + "/tls.key", own + "/tls.crt", ClientCertificate::kAsked);
    tls->SetAuthMetadataProcessor(gate);
    grpc::ServerBuilder builder;
    int port = 0;
    builder.AddListeningPort("127.0.0.1:0", tls, &port);
    builder.RegisterService(data.get());
    builder.RegisterService(admin.get());
    server = builder.BuildAndStart();
    world.port = static_cast<uint16_t>(port);
  }
  void TearDown() override {
    server->Shutdown(std::chrono::system_clock::now());
    server->Wait();
  }
  // Minutes pass until the call has ended.
  grpc::StatusCode Ended(std::future<grpc::Status> call) {
    while (call.wait_for(std::chrono::milliseconds(10)) != std::future_status::ready) {
      clock.Move(kMovesWithin);
      gate->Sweep();
    }
    return call.get().error_code();
  }

  identity::TemporaryFolder folder;
  World world{Must(blob::OpenFileBlobStore(folder.str()))};
  MovedClock clock{world.loop};
  std::shared_ptr<Gate> gate;
  std::unique_ptr<DataService> data;
  std::unique_ptr<AdminService> admin;
  std::unique_ptr<grpc::Server> server;
};

// Files below a folder that are mapped: their room is taken, whatever names they have.
int Mapped(const std::string& folder) {
  std::ifstream maps("/proc/self/maps");
  int count = 0;
  for (std::string line; std::getline(maps, line);) count += line.find(folder) != line.npos;
  return count;
}

TEST_F(Sweeping, AReaderThatTakesNothingIsLetGoAndTheFileIsFreed) {
  constexpr uint64_t kChunks = 24;  // more than is ever on its way
  const Digest digest = Must(world.store->Put(Bytes(kChunks * limits::kChunkBytes, 7)));
  const Connection seoul = Must(Connect(world.DialAs("seoul")));
  const auto stub = v1::Data::NewStub(seoul.channel);
  v1::GetChunksRequest request;
  request.set_blob_digest(digest.bytes.data(), digest.bytes.size());
  request.add_ranges()->set_end(kChunks);
  grpc::ClientContext context;
  const auto reader = stub->GetChunks(&context, request);
  v1::Chunk chunk;
  ASSERT_TRUE(reader->Read(&chunk));
  Must(world.store->Remove(digest));
  ASSERT_EQ(Mapped(folder.str()), 1);
  gate->Sweep();
  clock.Move(kMovesWithin - std::chrono::seconds(40));
  gate->Sweep();
  ASSERT_TRUE(reader->Read(&chunk)) << "it was let go too early";
  const MonoTime give_up = world.loop.Now() + kGivesUp;
  while (Mapped(folder.str()) > 0 && world.loop.Now() < give_up) {
    clock.Move(kMovesWithin);
    gate->Sweep();
  }
  EXPECT_EQ(Mapped(folder.str()), 0);
  while (reader->Read(&chunk)) {  // what had come before
  }
  EXPECT_EQ(reader->Finish().error_code(), grpc::StatusCode::CANCELLED);
}

TEST_F(Sweeping, AnOfferAndAnUploadThatBringNothingAreLetGo) {
  const Connection seoul = Must(Connect(world.DialAs("seoul")));
  const auto stub = v1::Data::NewStub(seoul.channel);
  const auto silent = [&](const auto& begin) {
    return Ended(std::async(std::launch::async, [&] {
      grpc::ClientContext context;
      context.set_deadline(std::chrono::system_clock::now() + kGivesUp);
      return begin(context);
    }));
  };
  EXPECT_EQ(silent([&](grpc::ClientContext& context) {
              v1::OfferReply reply;
              return stub->Offer(&context, &reply)->Finish();
            }),
            grpc::StatusCode::CANCELLED);
  EXPECT_EQ(silent([&](grpc::ClientContext& context) {
              v1::PutReply reply;
              return stub->PutChunks(&context, &reply)->Finish();
            }),
            grpc::StatusCode::CANCELLED);
}

TEST_F(Sweeping, AnUploadThatMaySendSeldomHoldsNoStreamInBetween) {
  DataLink link(world.DialAs("seoul"), kQuick);
  link.LimitUploads(1, std::chrono::seconds(30));
  const auto mine = blob::MemoryBlobStore();
  const auto reader = Must(mine->Open(Must(mine->Put(Bytes(2 * limits::kChunkBytes)))));
  std::stop_source stop;
  std::jthread uploading([&] {
    const auto sent = [&](const Progress& now) {
      if (now.bytes_done > 0) world.events.Add("sent");
    };
    EXPECT_EQ(link.UploadNew(*reader, stop.get_token(), sent).error().code, ErrorCode::kCancelled);
  });
  EXPECT_TRUE(world.events.Await("sent"));
  // It waits for what is open.
  const MonoTime before = world.loop.Now();
  server->Shutdown(std::chrono::system_clock::now() + kGivesUp);
  EXPECT_LT(world.loop.Now() - before, kGivesUp) << "it holds a stream open, and says nothing";
  stop.request_stop();
}

TEST_F(Sweeping, WhoWatchesMayWaitForDays) {
  std::shared_ptr<Watcher> watcher;
  world.calls.watch = [&](const PeerIdentity&, std::string, std::shared_ptr<Watcher> from) {
    watcher = std::move(from);
    world.events.Add("watched");
  };
  const Dial dial = world.DialAs("desk", Role::kOperator);
  std::jthread watching([&] {
    const Status ended = AdminLink(dial).Watch("{}", {}, [&](const std::string& line) {
      world.events.Add("saw " + line);
      return true;
    });
    EXPECT_TRUE(ended);
  });
  ASSERT_TRUE(world.events.Await("watched"));
  clock.Move(std::chrono::hours(48));
  gate->Sweep();
  watcher->Send("still here");
  EXPECT_TRUE(world.events.Await("saw still here"));
  watcher->Close({});
}

// The first of two parts of a manifest of so many bytes, as it goes over the wire.
v1::ManifestPart FirstPart(uint64_t blob_bytes, uint64_t total_bytes) {
  const uint64_t count = (blob_bytes + limits::kChunkBytes - 1) / limits::kChunkBytes;
  Bytes begun = CanonicalWriter().U64(blob_bytes).U32(limits::kChunkBytes).U64(count).Take();
  begun.resize(limits::kChunkBytes);
  v1::ManifestPart part;
  part.set_total_bytes(total_bytes);
  part.set_part(begun.data(), begun.size());
  return part;
}

// What comes of an offer whose first part is this, and of which nothing else comes.
grpc::Status Offered(const Dial& dial, const v1::ManifestPart& part) {
  const Connection connection = Must(Connect(dial));
  const auto stub = v1::Data::NewStub(connection.channel);
  grpc::ClientContext context;
  context.set_deadline(std::chrono::system_clock::now() + kGivesUp);
  v1::OfferReply reply;
  const auto writer = stub->Offer(&context, &reply);
  writer->Write(part);
  return writer->Finish();
}

TEST(Offers, AreRefusedAfterTheirFirstPartWhereNothingOfThatSizeIsWanted) {
  constexpr uint64_t kTebibyte = uint64_t{1} << 40;
  constexpr uint64_t kManifestBytes = 20 + kTebibyte / limits::kChunkBytes * sizeof(Digest);
  World world;
  world.calls.may_offer = [&](const PeerIdentity& peer, uint64_t size) -> Status {
    EXPECT_TRUE(world.loop.InLoop());
    EXPECT_EQ(size, kTebibyte);
    return Fail(ErrorCode::kPermissionDenied, "nobody takes that from " + peer.site.str());
  };
  world.Start();
  const Dial seoul = world.DialAs("seoul");
  const grpc::Status refused = Offered(seoul, FirstPart(kTebibyte, kManifestBytes));
  EXPECT_EQ(refused.error_code(), grpc::StatusCode::PERMISSION_DENIED);
  EXPECT_THAT(refused.error_message(), testing::HasSubstr("nobody takes that"));
  const grpc::Status unfitting = Offered(seoul, FirstPart(kTebibyte, kManifestBytes - 32));
  EXPECT_EQ(unfitting.error_code(), grpc::StatusCode::INVALID_ARGUMENT);
  const Dial researcher = world.DialAs("desk", Role::kResearcher);
  EXPECT_EQ(Offered(researcher, FirstPart(kTebibyte, kManifestBytes)).error_code(),
            grpc::StatusCode::PERMISSION_DENIED);
}

}  // namespace
}  // namespace dure::transport
