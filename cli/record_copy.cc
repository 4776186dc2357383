#include "cli/record_copy.h"

#include <filesystem>
#include <nlohmann/json.hpp>

#include "cli/folders.h"
#include "cli/language.h"
#include "cli/phrases.h"
#include "policy/ledger/sqlite_ledger.h"

namespace dure::cli {

using nlohmann::ordered_json;

namespace {

// A command that answers from a record that does not hold says so first: what comes after the
// entry, and rests on it, is missing from the answer.
void TellDissent(const standing::Auditor& auditor, Context& context) {
  if (!auditor.dissent()) return;
  const standing::Finding& finding = *auditor.dissent();
  const std::string entry = std::to_string(finding.index);
  const std::string why = ledger::WordsAndCode(finding.rule, RecordLanguage(context));
  context.Say(Pick(context,
                   "CAUTION: replayed, this record does not hold at entry " + entry + ": " + why +
                       ". " + finding.text + ". What rests on that entry is missing below.",
                   "주의: 이 기록을 다시 결정해 보니 " +
                       rules::WithParticle("항목 " + entry, "이(가)") + " 맞지 않습니다: " + why +
                       ". " + InKorean(finding.text) +
                       ". 이 항목에 기대는 내용은 아래에서 빠집니다."));
}

// "정책 담당자 또는 연구자".
std::string NamesInKorean(identity::Roles roles) {
  std::string names;
  for (const auto role : {identity::Role::kOfficer, identity::Role::kOperator,
                          identity::Role::kResearcher, identity::Role::kMember}) {
    if (!roles.Has(role)) continue;
    const std::string_view code = role == identity::Role::kMember ? "site" : identity::Name(role);
    names += (names.empty() ? "" : " 또는 ") + ledger::Words(code, ledger::Language::kKorean);
  }
  return names;
}

}  // namespace

Result<std::unique_ptr<RecordCopy>> RecordCopy::Open(const std::string& given, Context& context) {
  auto copy = std::make_unique<RecordCopy>();
  copy->context_ = &context;
  const std::string dir = OperatorFolder(given);
  auto self = identity::LoadIdentity(dir);
  const bool person = self && self->role() != identity::Role::kMember &&
                      self->role() != identity::Role::kAggregator;
  if (person) {
    copy->self_ = std::make_unique<identity::Identity>(std::move(*self));
    DURE_ASSIGN(copy->clerk_,
                clerk::Clerk::Open(
                    dir, *copy->self_, [&context] { return context.Now(); }, transport::kTriesMax));
    const Status followed = copy->clerk_->Follow();
    const bool offline = !followed && followed.error().code == ErrorCode::kUnavailable;
    // A record that does not hold is still read, with a caution; only what is no record is not.
    const bool dissents = copy->clerk_->dissent().has_value();
    if (!followed && !offline && !dissents) return Fail(followed.error());
    if (offline && copy->clerk_->mirror().Head().head.size == 0) return Fail(followed.error());
    if (offline) {
      context.Say(Pick(context, "The aggregator does not answer; this is the copy in " + dir + ".",
                       "집계 서버가 응답하지 않습니다. " + dir + "에 있는 사본으로 답합니다."));
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
  const bool here = std::filesystem::exists(dir + "/ledger.db");
  const bool nested = !here && std::filesystem::exists(AggregatorFolder(given) + "/ledger.db");
  if (!here && !nested) {
    return Fail(ErrorCode::kNotFound,
                Pick(context,
                     given + " holds no copy of the record; give a folder that dure site enrol "
                             "made, or the aggregator's",
                     given + "에는 기록의 사본이 없습니다. dure site enrol로 만든 폴더나 집계 "
                             "서버의 폴더를 지정하십시오"));
  }
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
  if (index >= size) return Fail(NoSuchEntry(index, size, *context_));
  DURE_ASSIGN(const auto entries, log_->Read(index, index + 1, ledger::kPolicyTextBytesMax * 2));
  return ledger::ParseEntry(entries.front());
}

Result<Desk> OpenDesk(const std::string& dir, identity::Roles wanted, Context& context) {
  Desk desk;
  DURE_ASSIGN(identity::Identity self, LoadSeat(dir, context.Now()));
  if (!wanted.Has(self.role())) {
    return Fail(ErrorCode::kPermissionDenied,
                Pick(context,
                     dir + " belongs to " + self.subject.ToUri() + "; this needs the role " +
                         wanted.Names(),
                     dir + "에는 " + self.subject.ToUri() + "의 키가 있습니다. 이 일에는 " +
                         NamesInKorean(wanted) + "의 폴더가 필요합니다"));
  }
  desk.self = std::make_unique<identity::Identity>(std::move(self));
  DURE_ASSIGN(desk.clerk, clerk::Clerk::Open(
                              OperatorFolder(dir), *desk.self, [&context] { return context.Now(); },
                              transport::kTriesMax));
  return desk;
}

Result<uint64_t> Submit(Desk& desk, ledger::Event event, Context& context) {
  auto index = desk.clerk->Submit(std::move(event), context.Now());
  if (index) return index;
  // A broken rule's code stands before a colon; whoever reads it gets its words as well.
  Error error = index.error();
  const size_t colon = error.message.find(": ");
  if (colon == std::string::npos) return Fail(error);
  const std::string code = error.message.substr(0, colon);
  const std::string detail = error.message.substr(colon + 2);
  error.message = ledger::WordsAndCode(code, RecordLanguage(context)) + ": " +
                  (IsKorean(context) ? InKorean(detail) : detail);
  return Fail(error);
}

Result<uint64_t> RecordEntry(Desk& desk, ledger::Event event, const std::string& done,
                             Context& context) {
  DURE_ASSIGN(const uint64_t index, Submit(desk, std::move(event), context));
  const std::string entry = std::to_string(index);
  context.Print(context.json()
                    ? ordered_json{{"index", index}}.dump()
                    : done + Pick(context, ", entry " + entry + ".", "(항목 " + entry + ")."));
  return index;
}

Status Record(Desk& desk, ledger::Event event, const std::string& done, Context& context) {
  return RecordEntry(desk, std::move(event), done, context).map([](uint64_t) {});
}

Error NoSuchRun(const std::string& run, const Context& context) {
  return {
      ErrorCode::kNotFound,
      Pick(context,
           "the record knows no run \"" + run +
               "\"; dure ledger show --type run-proposed lists them",
           "기록에 \"" + run +
               "\"(이)라는 학습이 없습니다. dure ledger show --type run-proposed로 확인하십시오")};
}

Status HasDataset(const standing::State& state, const DatasetId& id, const Context& context) {
  if (state.datasets.contains(id)) return {};
  return Fail(ErrorCode::kNotFound,
              Pick(context,
                   "nobody registered a dataset \"" + id.str() +
                       "\"; dure dataset list shows those that are there",
                   "\"" + id.str() +
                       "\"(이)라는 데이터셋이 등록되어 있지 않습니다. dure dataset list로 "
                       "확인하십시오"));
}

Error NoSuchEntry(uint64_t index, uint64_t size, const Context& context) {
  const std::string entry = std::to_string(index);
  const std::string all = std::to_string(size);
  return {ErrorCode::kNotFound,
          Pick(context, "this copy has " + all + " entries; there is no entry " + entry,
               "이 사본에는 항목이 " + all + "개 있고 항목 " + entry + "번은 없습니다")};
}

}  // namespace dure::cli
