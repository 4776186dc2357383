#include "federation/transport/call_services.h"

#include <algorithm>
#include <condition_variable>
#include <deque>
#include <mutex>
#include <optional>

#include "federation/identity/enrolment.h"
#include "federation/transport/status.h"

namespace dure::transport {
namespace {

// How often a call that waits for the loop looks whether its caller is still there.
constexpr std::chrono::milliseconds kLookAround{100};

grpc::Status Absent(const char* what) {
  return {grpc::StatusCode::FAILED_PRECONDITION, std::string("no ") + what + " here"};
}

grpc::Status Answer(const Result<Bytes>& result, std::string* out) {
  if (!result) return ToGrpc(result.error());
  out->assign(AsText(*result));
  return grpc::Status::OK;
}

}  // namespace

grpc::Status LedgerService::GetTreeHead(grpc::ServerContext* context, const v1::TreeHeadRequest*,
                                        v1::LedgerBytes* reply) {
  const Result<Gate::Pass> pass = gate_.Enter(*context);
  if (!pass) return ToGrpc(pass.error());
  if (!calls_.tree_head) return Absent("log");
  return Answer(calls_.tree_head().map([](LedgerCalls::Head head) { return std::move(head.note); }),
                reply->mutable_bytes());
}

grpc::Status LedgerService::Extend(grpc::ServerContext* context,
                                   const v1::ExtensionRequest* request, v1::Extension* reply) {
  const Result<Gate::Pass> pass = gate_.Enter(*context);
  if (!pass) return ToGrpc(pass.error());
  if (!calls_.tree_head || !calls_.entries || !calls_.consistency_proof) return Absent("log");
  // The head first: proof and entries reach up to it, however the log grows meanwhile.
  const Result<LedgerCalls::Head> head = calls_.tree_head();
  if (!head) return ToGrpc(head.error());
  reply->set_head(head->note.data(), head->note.size());
  const uint64_t held = request->held();
  if (held >= head->size) return grpc::Status::OK;
  if (held > 0) {
    const grpc::Status proved =
        Answer(calls_.consistency_proof(held, head->size), reply->mutable_consistency());
    if (!proved.ok()) return proved;
  }
  if (Status read = Read(held, head->size, reply->mutable_entries()); !read) {
    return ToGrpc(read.error());
  }
  return grpc::Status::OK;
}

grpc::Status LedgerService::ReadEntries(grpc::ServerContext* context, const v1::EntryRange* range,
                                        v1::Entries* reply) {
  const Result<Gate::Pass> pass = gate_.Enter(*context);
  if (!pass) return ToGrpc(pass.error());
  if (!calls_.entries) return Absent("log");
  if (!(range->begin() < range->end())) {
    return {grpc::StatusCode::INVALID_ARGUMENT, "an empty range of entries"};
  }
  if (Status read = Read(range->begin(), range->end(), reply->mutable_entries()); !read) {
    return ToGrpc(read.error());
  }
  return grpc::Status::OK;
}

Status LedgerService::Read(uint64_t begin, uint64_t end,
                           google::protobuf::RepeatedPtrField<std::string>* entries) const {
  const uint64_t count = std::min(end - begin, kEntriesPerCallMax);
  DURE_ASSIGN(const std::vector<Bytes> read, calls_.entries(begin, begin + count));
  size_t total = 0;
  for (const Bytes& entry : read) {
    total += entry.size();
    if (total > kEntriesBytesMax && !entries->empty()) break;  // the caller asks on
    entries->Add(std::string(AsText(entry)));
  }
  return {};
}

grpc::Status LedgerService::ProveInclusion(grpc::ServerContext* context,
                                           const v1::InclusionRequest* request,
                                           v1::LedgerBytes* reply) {
  const Result<Gate::Pass> pass = gate_.Enter(*context);
  if (!pass) return ToGrpc(pass.error());
  if (!calls_.inclusion_proof) return Absent("log");
  return Answer(calls_.inclusion_proof(request->index(), request->tree_size()),
                reply->mutable_bytes());
}

grpc::Status LedgerService::ProveConsistency(grpc::ServerContext* context,
                                             const v1::ConsistencyRequest* request,
                                             v1::LedgerBytes* reply) {
  const Result<Gate::Pass> pass = gate_.Enter(*context);
  if (!pass) return ToGrpc(pass.error());
  if (!calls_.consistency_proof) return Absent("log");
  return Answer(calls_.consistency_proof(request->old_size(), request->new_size()),
                reply->mutable_bytes());
}

grpc::Status RenewalService::Renew(grpc::ServerContext* context,
                                   const v1::CertificateRequest* request,
                                   v1::CertificateReply* reply) {
  const Result<Gate::Pass> pass = gate_.Enter(*context);
  if (!pass) return ToGrpc(pass.error());
  if (!calls_.renew) return Absent("issuing CA");
  if (request->request().size() > identity::kEnrolmentBytesMax) {
    return {grpc::StatusCode::INVALID_ARGUMENT, "the request is too large"};
  }
  return Answer(calls_.renew(pass->peer(), AsBytes(request->request())), reply->mutable_response());
}

grpc::Status EnrolmentService::Enrol(grpc::ServerContext*, const v1::CertificateRequest* request,
                                     v1::CertificateReply* reply) {
  if (!calls_.enrol) return Absent("issuing CA");
  if (request->request().size() > identity::kEnrolmentBytesMax) {
    return {grpc::StatusCode::INVALID_ARGUMENT, "the request is too large"};
  }
  return Answer(calls_.enrol(AsBytes(request->request())), reply->mutable_response());
}

grpc::Status AdminService::Call(grpc::ServerContext* context, const v1::AdminRequest* request,
                                v1::JsonLine* reply) {
  const Result<Gate::Pass> pass = gate_.Enter(*context);
  if (!pass) return ToGrpc(pass.error());
  if (!calls_.admin) return Absent("administration");
  // Shared with the reply function, which may be called after this caller went away.
  struct Waiting {
    std::mutex mutex;
    std::condition_variable wake;
    std::optional<Result<std::string>> answer;  // guarded by mutex
  };
  auto waiting = std::make_shared<Waiting>();
  const JsonReply answer = [waiting](Result<std::string> json) {
    std::lock_guard lock(waiting->mutex);
    waiting->answer = std::move(json);
    waiting->wake.notify_all();
  };
  const bool asked =
      loop_.Wait([&] { calls_.admin(pass->peer(), request->verb(), request->json(), answer); });
  if (!asked) return {grpc::StatusCode::UNAVAILABLE, "the aggregator is stopping"};
  std::unique_lock lock(waiting->mutex);
  while (!waiting->answer) {
    if (context->IsCancelled()) return grpc::Status::CANCELLED;
    waiting->wake.wait_for(lock, kLookAround);
  }
  if (!*waiting->answer) return ToGrpc(waiting->answer->error());
  if ((*waiting->answer)->size() > kJsonBytesMax) {
    return {grpc::StatusCode::RESOURCE_EXHAUSTED, "the answer is too large"};
  }
  reply->set_json(std::move(**waiting->answer));
  return grpc::Status::OK;
}

namespace {

class QueuedWatcher final : public Watcher {
 public:
  bool Send(std::string json) override {
    std::lock_guard lock(mutex_);
    if (end_) return false;
    if (queue_.size() >= kWatchQueueMax || json.size() > kJsonBytesMax) {
      end_ = Fail(ErrorCode::kExhausted, "the watcher does not keep up");
    } else {
      queue_.push_back(std::move(json));
    }
    wake_.notify_all();
    return !end_;
  }
  void Close(Status status) override {
    std::lock_guard lock(mutex_);
    if (!end_) end_ = std::move(status);
    wake_.notify_all();
  }
  // The next line, or nothing: look around, or, once Ended, leave.
  std::optional<std::string> Next() {
    std::unique_lock lock(mutex_);
    if (queue_.empty() && !end_) wake_.wait_for(lock, kLookAround);
    if (queue_.empty()) return std::nullopt;
    std::optional<std::string> line = std::move(queue_.front());
    queue_.pop_front();
    return line;
  }
  std::optional<Status> Ended() {
    std::lock_guard lock(mutex_);
    return queue_.empty() ? end_ : std::nullopt;
  }

 private:
  std::mutex mutex_;
  std::condition_variable wake_;
  std::deque<std::string> queue_;  // guarded by mutex_
  std::optional<Status> end_;      // guarded by mutex_
};

}  // namespace

grpc::Status AdminService::Watch(grpc::ServerContext* context, const v1::WatchRequest* request,
                                 grpc::ServerWriter<v1::JsonLine>* lines) {
  const Result<Gate::Pass> pass = gate_.Enter(*context);
  if (!pass) return ToGrpc(pass.error());
  if (!calls_.watch) return Absent("watching");
  auto watcher = std::make_shared<QueuedWatcher>();  // shared with whoever reports
  if (!loop_.Wait([&] { calls_.watch(pass->peer(), request->json(), watcher); })) {
    return {grpc::StatusCode::UNAVAILABLE, "the aggregator is stopping"};
  }
  grpc::Status ended = grpc::Status::CANCELLED;
  while (!context->IsCancelled()) {
    if (std::optional<std::string> json = watcher->Next()) {
      v1::JsonLine line;
      line.set_json(std::move(*json));
      if (!lines->Write(line)) break;
    } else if (const std::optional<Status> end = watcher->Ended()) {
      ended = ToGrpc(*end);
      break;
    }
  }
  watcher->Close(Fail(ErrorCode::kUnavailable, "the watcher left"));
  return ended;
}

}  // namespace dure::transport
