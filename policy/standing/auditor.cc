#include "policy/standing/auditor.h"

#include "policy/standing/reading.h"

namespace dure::standing {

Status Auditor::CatchUp(const ledger::LogReader& log) {
  return ForEachEntry(log, standing_.size(), log.Head().head.size,
                      [this](const ledger::OpenedEntry& entry) { Take(entry); });
}

void Auditor::Take(const ledger::OpenedEntry& entry) {
  std::optional<Finding> finding = standing_.Take(entry);
  if (!finding) return;
  if (!finding->dissent) {
    voids_.push_back(std::move(*finding));
  } else if (!dissent_) {
    dissent_ = std::move(finding);
  }
}

}  // namespace dure::standing
