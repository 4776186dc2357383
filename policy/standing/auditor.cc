#include "policy/standing/auditor.h"

namespace dure::standing {
namespace {

constexpr size_t kPageBytes = 4 * 1024 * 1024;

}  // namespace

Status Auditor::CatchUp(const ledger::LogReader& log) {
  const uint64_t end = log.Head().head.size;
  while (standing_.size() < end) {
    DURE_ASSIGN(const std::vector<Bytes> page, log.Read(standing_.size(), end, kPageBytes));
    for (const Bytes& bytes : page) {
      const auto entry = ledger::ParseEntry(bytes);
      if (!entry) {
        return Within(entry.error(), "reading entry " + std::to_string(standing_.size()));
      }
      std::optional<Finding> finding = standing_.Take(*entry);
      if (!finding) continue;
      if (!finding->dissent) {
        voids_.push_back(std::move(*finding));
      } else if (!dissent_) {
        dissent_ = std::move(finding);
      }
    }
  }
  return {};
}

}  // namespace dure::standing
