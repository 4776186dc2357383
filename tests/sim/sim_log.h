// The aggregator's durable log in a simulated world: entries, the production Merkle tree,
// idempotency keys, and heads under a cheap seal in place of a signature.
#pragma once

#include <map>
#include <optional>
#include <string>
#include <vector>

#include "federation/masking/history.h"
#include "federation/round/round.h"
#include "policy/ledger/merkle.h"

namespace dure::sim {

struct Head {
  uint64_t size = 0;
  Digest root;
  Digest seal;
};
struct SimReceipt {
  uint64_t index = 0;
  Head head;
  ledger::Proof inclusion;
};

Bytes EncodeHead(const Head& head);
std::optional<Head> DecodeHead(ByteView bytes);  // nullopt also when the seal is not the log's
Bytes EncodeReceipt(const SimReceipt& receipt);
std::optional<SimReceipt> DecodeReceipt(ByteView bytes);

class SimLog {
 public:
  struct Entry {
    Bytes bytes;
    std::string key;
    round::LogRecord record;
  };
  // The entry's index; an entry of that key that is there already is found, unless `blind`.
  uint64_t Append(const std::string& key, const round::LogRecord& record, bool blind = false);
  // The index an append would get or find, without doing it.
  uint64_t Foretell(const std::string& key) const;
  Head HeadNow() const;
  SimReceipt ReceiptFor(uint64_t index) const;
  const std::vector<Entry>& entries() const { return entries_; }
  // Over whom the sums of closed rounds were.
  std::vector<masking::ReleasedSum> MaskedSums() const;
  std::vector<SiteId> CohortOf(const round::RoundAttempt& at) const;
  uint64_t Attempts() const;  // at rounds that were opened
  const ledger::MerkleTree& tree() const { return tree_; }

 private:
  std::vector<Entry> entries_;
  ledger::MerkleTree tree_;
  std::map<std::string, uint64_t> keys_;
};

}  // namespace dure::sim
