#include "aggregator/rollback_guard.h"

#include <algorithm>

namespace dure::aggregator {

void RollbackGuard::Watch(const ledger::Ledger& log) {
  log_ = &log;
  const std::lock_guard lock(mutex_);
  if (open_) return;
  open_ = log.Head().head.size == 0;
  if (!open_) say_("the log waits for members' heads to compare with before anything is written");
}

void RollbackGuard::OnOpen(std::function<void()> opened) {
  {
    const std::lock_guard lock(mutex_);
    if (!open_) {
      opened_ = std::move(opened);
      return;
    }
  }
  opened();
}

Status RollbackGuard::MayAppend() const {
  const std::lock_guard lock(mutex_);
  if (!lost_) return lost_;
  if (open_) return {};
  return Fail(ErrorCode::kUnavailable,
              "after its start the aggregator compares its log with what members hold, and not "
              "enough of them have connected yet; try again");
}

Status RollbackGuard::Compare(const SiteId& site, const ledger::SignedHead& held) const {
  const uint64_t own = log_->Head().head.size;
  const uint64_t size = held.head.size;
  const std::string who = site.str() + " holds a head of " + std::to_string(size) +
                          " entries that this log's key signed; ";
  if (size > own) {
    return Fail(ErrorCode::kCorrupt,
                who + "this log has " + std::to_string(own) +
                    ": it was restored from an older copy. Stop the aggregator and run dure ledger "
                    "heal with a member's copy");
  }
  // Of the tree and not of the heads on this disk: a log that was healed has those of its source.
  if (size == 0 || log_->RootAt(size) == held.head.root) return {};
  return Fail(ErrorCode::kCorrupt, who +
                                       "this log has other entries up to there: it is another log. "
                                       "Nothing is written to it any more");
}

bool RollbackGuard::Enough() const {
  const uint64_t size = log_->Head().head.size;
  const std::shared_ptr<const ledger::CosignerRoll> roll = log_->Cosigners();
  const auto cosigners = roll->At(size);
  if (cosigners.empty()) return waited_ || !agreed_.empty();
  std::vector<ledger::HouseCosigner> awaited;
  std::vector<ledger::CosignerKey> keys;
  for (const ledger::Cosigner& one : cosigners) {
    if (!one.house || excused_.contains(one.site)) continue;
    awaited.push_back({*one.house, one.key});
    if (agreed_.contains(one.site)) keys.push_back(one.key);
  }
  // A minority may hold what the majority has not seen yet.
  if (keys.size() == awaited.size()) return true;
  return waited_ && ledger::AllAgree(ledger::CountByHouse(awaited, roll->PercentAt(size), keys));
}

Status RollbackGuard::Hear(const SiteId& site, std::string_view note) {
  if (log_ == nullptr) return {};
  DURE_ASSIGN(const ledger::SignedHead held,
              ledger::OpenHead(note, log_->log_key(), log_->verifier()));
  {
    const std::lock_guard lock(mutex_);
    if (!lost_) return lost_;
    if (Status same = Compare(site, held); !same) {
      lost_ = same;
      say_(same.error().message);
      return same;
    }
    if (held.head.size > 0) agreed_.insert(site);
  }
  MayOpen();
  return {};
}

void RollbackGuard::Excuse(const SiteId& site) {
  {
    const std::lock_guard lock(mutex_);
    if (log_ == nullptr || open_) return;
    excused_.insert(site);
  }
  MayOpen();
}

void RollbackGuard::FoundedByItself() {
  const std::lock_guard lock(mutex_);
  if (lost_) open_ = true;
}

void RollbackGuard::WaitedLongEnough() {
  {
    const std::lock_guard lock(mutex_);
    if (log_ == nullptr || open_) return;
    waited_ = true;
  }
  MayOpen();
}

void RollbackGuard::MayOpen() {
  std::function<void()> opened;
  {
    const std::lock_guard lock(mutex_);
    if (open_ || !lost_ || !Enough()) return;
    open_ = true;
    opened = std::move(opened_);
  }
  say_("the log contains what members hold; it is written to again");
  if (opened) opened();
}

}  // namespace dure::aggregator
