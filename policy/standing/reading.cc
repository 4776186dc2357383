#include "policy/standing/reading.h"

namespace dure::standing {
namespace {

constexpr size_t kPageBytes = 4 * 1024 * 1024;

}  // namespace

Status ForEachEntry(const ledger::LogReader& log, uint64_t begin, uint64_t end,
                    const std::function<void(const ledger::OpenedEntry&)>& visit) {
  while (begin < end) {
    DURE_ASSIGN(const std::vector<Bytes> page, log.Read(begin, end, kPageBytes));
    for (const Bytes& bytes : page) {
      const auto entry = ledger::ParseEntry(bytes);
      if (!entry) return Within(entry.error(), "reading entry " + std::to_string(begin));
      visit(*entry);
      ++begin;
    }
  }
  return {};
}

}  // namespace dure::standing
