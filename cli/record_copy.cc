#include "cli/record_copy.h"

#include <filesystem>
#include <nlohmann/json.hpp>

#include "cli/folders.h"
#include "cli/language.h"
#include "policy/ledger/sqlite_ledger.h"

namespace dure::cli {

using nlohmann::ordered_json;

namespace {

// A command that answers from a record that does not hold says so first: what comes after the
// entry, and rests on it, is missing from the answer.
void TellDissent(const standing::Auditor& auditor, Context& context) {
  if (!auditor.dissent()) return;
  const standing::Finding& finding = *auditor.dissent();
  const bool korean = IsKorean("");
  const std::string entry = std::to_string(finding.index);
  const std::string why = ledger::WordsAndCode(finding.rule, RecordLanguage(""));
  context.Say(Pick(korean,
                   "CAUTION: replayed, this record does not hold at entry " + entry + ": " + why +
                       ". " + finding.text + ". What rests on that entry is missing below.",
                   "주의: 이 기록을 다시 결정해 보니 항목 " + entry + "이(가) 맞지 않습니다: " +
                       why + ". 이 항목에 기대는 내용은 아래에서 빠집니다."));
}

}  // namespace

Result<std::unique_ptr<RecordCopy>> RecordCopy::Open(const std::string& given, Context& context) {
  auto copy = std::make_unique<RecordCopy>();
  const std::string dir = OperatorFolder(given);
  auto self = identity::LoadIdentity(dir);
  const bool person = self && self->role() != identity::Role::kMember &&
                      self->role() != identity::Role::kAggregator;
  if (person) {
    copy->self_ = std::make_unique<identity::Identity>(std::move(*self));
    DURE_ASSIGN(copy->clerk_,
                clerk::Clerk::Open(dir, *copy->self_, [&context] { return context.Now(); }));
    const Status followed = copy->clerk_->Follow();
    const bool offline = !followed && followed.error().code == ErrorCode::kUnavailable;
    if (!followed && !offline) return Fail(followed.error());
    if (offline && copy->clerk_->mirror().Head().head.size == 0) return Fail(followed.error());
    if (offline) {
      context.Say("The aggregator does not answer; this is the copy in " + dir + ".");
    }
    if (followed) {
      // Who stands behind it is no part of the copy, and no command waits for it.
      const Status agreed = copy->clerk_->FetchAgreed();
      if (!agreed && agreed.error().code == ErrorCode::kCorrupt) return Fail(agreed.error());
    }
    copy->log_ = &copy->clerk_->mirror();
    copy->clerk_->WithStanding([&](const standing::Auditor& own) {
      copy->own_ = std::make_unique<standing::Auditor>(own);
    });
    copy->auditor_ = copy->own_.get();
    TellDissent(*copy->auditor_, context);
    return copy;
  }
  copy->verifier_ = std::make_unique<Ed25519Verifier>();
  const bool nested = !std::filesystem::exists(dir + "/ledger.db") &&
                      std::filesystem::exists(AggregatorFolder(given) + "/ledger.db");
  DURE_ASSIGN(copy->copy_,
              ledger::OpenLogCopy(nested ? AggregatorFolder(given) : dir, *copy->verifier_));
  copy->own_ = std::make_unique<standing::Auditor>();
  DURE_TRY(copy->own_->CatchUp(*copy->copy_));
  copy->log_ = copy->copy_.get();
  copy->auditor_ = copy->own_.get();
  TellDissent(*copy->auditor_, context);
  return copy;
}

Result<ledger::OpenedEntry> RecordCopy::Entry(uint64_t index) const {
  const uint64_t size = log_->Head().head.size;
  if (index >= size) {
    return Fail(ErrorCode::kNotFound, "this copy has " + std::to_string(size) +
                                          " entries; there is no entry " + std::to_string(index));
  }
  DURE_ASSIGN(const auto entries, log_->Read(index, index + 1, ledger::kPolicyTextBytesMax * 2));
  return ledger::ParseEntry(entries.front());
}

Result<Desk> OpenDesk(const std::string& dir, identity::Roles wanted, Context& context) {
  Desk desk;
  DURE_ASSIGN(identity::Identity self, LoadSeat(dir, context.Now()));
  if (!wanted.Has(self.role())) {
    return Fail(ErrorCode::kPermissionDenied,
                dir + " belongs to " + self.subject.ToUri() + "; this needs " + wanted.Names());
  }
  desk.self = std::make_unique<identity::Identity>(std::move(self));
  DURE_ASSIGN(desk.clerk, clerk::Clerk::Open(OperatorFolder(dir), *desk.self,
                                             [&context] { return context.Now(); }));
  return desk;
}

Status Record(Desk& desk, ledger::Event event, const std::string& what, Context& context) {
  DURE_ASSIGN(const uint64_t index, desk.clerk->Submit(std::move(event), context.Now()));
  if (context.json()) {
    context.PrintJson(ordered_json{{"index", index}}.dump());
  } else {
    context.Print(what + ", entry " + std::to_string(index) + ".");
  }
  return {};
}

}  // namespace dure::cli
