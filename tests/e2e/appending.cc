// dure-appending: the aggregator's log and its group writer, alone, so that each of its file system
// calls can be made to fail from outside (disk_test.py). Everything in it is made from fixed seeds.
//
//   dure-appending append DIR COUNT   appends in groups; one line "INDEX LEAF" for each entry whose
//                                     append was answered, written before the program goes on
//   dure-appending check DIR          verifies everything; one line for each entry that is there
//
// Exit codes: 0, 1 for a log that does not open or verify, 3 when an append was refused or failed.
#include <unistd.h>

#include <cstdio>
#include <cstdlib>
#include <future>
#include <string>
#include <vector>

#include "policy/ledger/audit.h"
#include "policy/ledger/sqlite_ledger.h"

namespace dure::ledger {
namespace {

constexpr int kNoLog = 1;
constexpr int kFailed = 3;

struct Keys {
  std::unique_ptr<Ed25519Signer> log = std::move(*Ed25519Signer::FromSeed(Bytes(32, 1)));
  std::unique_ptr<Ed25519Signer> host = std::move(*Ed25519Signer::FromSeed(Bytes(32, 2)));
  NoteKey log_key{"disk.dure/ledger", log->Key()};
  Actor actor{*MemberId::Parse("host"), host->Key(), Role::kAggregator};
};

// In one write, so that what was answered is seen whole or not at all.
void Tell(uint64_t index, const Digest& leaf) {
  const std::string line = std::to_string(index) + " " + leaf.Hex() + "\n";
  if (write(STDOUT_FILENO, line.data(), line.size()) < 0) std::abort();
}

int Append(const std::string& dir, uint64_t count) {
  const Keys keys;
  const Ed25519Verifier verifier;
  SqliteLedgerOptions options;
  options.dir = dir;
  options.log_key = keys.log_key;
  options.log_signer = keys.log.get();
  options.verifier = &verifier;
  const auto log = OpenSqliteLedger(std::move(options));
  if (!log) return kNoLog;
  ActorChain chain = (*log)->ChainOf(keys.actor.key);
  std::vector<std::future<bool>> answers;
  for (uint64_t i = 0; i < count; ++i) {
    Event event = ConsortiumGenesis{keys.log_key.Vkey(), {}, keys.actor.key};
    if (chain.next_seq > 0) event = EvaluationReported{{}, *SiteId::Parse("host"), 1.0, 1, i};
    const Record record{keys.log_key.name, keys.actor,       chain.next_seq,
                        chain.prev_digest, {0, EmptyRoot()}, "2026-11-24T00:00:00Z",
                        std::move(event)};
    const auto sealed = SealRecord(record, *keys.host);
    if (!sealed) return kNoLog;
    chain = {chain.next_seq + 1, sealed->payload_digest};
    auto answered = std::make_shared<std::promise<bool>>();
    answers.push_back(answered->get_future());
    (*log)->AppendAsync(sealed->bytes, "", OnRepeat::kRefuse,
                        [answered, leaf = LeafHash(sealed->bytes)](Result<Appended> appended) {
                          if (appended) Tell(appended->receipt.index, leaf);
                          answered->set_value(appended.has_value());
                        });
  }
  bool all = true;
  for (std::future<bool>& answer : answers) all = answer.get() && all;
  return all ? 0 : kFailed;
}

int Check(const std::string& dir) {
  const Ed25519Verifier verifier;
  const auto report = VerifyFolder(dir, std::nullopt, verifier, 2);
  const auto log = OpenLogCopy(dir, verifier);
  if (!report || !log) return kNoLog;
  for (uint64_t i = 0; i < report->head.size; ++i) Tell(i, (*log)->Leaf(i));
  return 0;
}

}  // namespace
}  // namespace dure::ledger

int main(int argc, char** argv) {
  const std::string verb = argc > 1 ? argv[1] : "";
  if (verb == "append" && argc == 4) {
    return dure::ledger::Append(argv[2], std::strtoull(argv[3], nullptr, 10));
  }
  if (verb == "check" && argc == 3) return dure::ledger::Check(argv[2]);
  std::fprintf(stderr, "usage: dure-appending append DIR COUNT | check DIR\n");
  return 2;
}
