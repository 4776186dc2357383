#include "policy/ledger/scrub.h"

#include "policy/ledger/merkle.h"

namespace dure::ledger {
namespace {

constexpr size_t kPageBytes = size_t{1} << 20;

}  // namespace

Status Scrub(const LogReader& log, uint64_t begin, uint64_t end) {
  while (begin < end) {
    DURE_ASSIGN(const std::vector<Bytes> page, log.Read(begin, end, kPageBytes));
    for (const Bytes& entry : page) {
      if (LeafHash(entry) != log.Leaf(begin)) {
        return Fail(ErrorCode::kCorrupt, "entry " + std::to_string(begin) +
                                             " reads back as other bytes than were stored");
      }
      ++begin;
    }
  }
  return {};
}

}  // namespace dure::ledger
