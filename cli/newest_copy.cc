#include "cli/newest_copy.h"

#include <filesystem>
#include <thread>

#include "cli/folders.h"
#include "cli/language.h"
#include "cli/operator_desk.h"
#include "federation/transport/json_fields.h"
#include "policy/ledger/sqlite_ledger.h"

namespace dure::cli {
namespace {

constexpr std::chrono::milliseconds kLook{100};
constexpr int kLooks = 50;

struct Held {
  uint64_t size = 0;
  std::string until;  // the newest entry's time
};

Result<Held> HeldIn(const std::string& folder) {
  const Ed25519Verifier verifier;
  DURE_ASSIGN(const auto copy, ledger::OpenLogCopy(folder, verifier));
  Held held;
  held.size = copy->Head().head.size;
  if (held.size == 0) return held;
  DURE_ASSIGN(const auto entries,
              copy->Read(held.size - 1, held.size, ledger::kPolicyTextBytesMax * 2));
  DURE_ASSIGN(const auto last, ledger::ParseEntry(entries.front()));
  held.until = last.record.occurred_at;
  return held;
}

}  // namespace

Status AwaitNewestCopy(const std::string& dir, Context& context) {
  const std::string folder = OperatorFolder(dir);
  DURE_ASSIGN(const identity::Identity self, LoadSeat(dir, context.Now()));
  if (self.role() != identity::Role::kMember) return {};
  DURE_ASSIGN(Held held, HeldIn(folder));
  DURE_ASSIGN(const auto desk, OperatorDesk::Open(dir, context.Now()));
  const auto answer = desk.Ask("aggregator.status", "{}");
  std::string entries = std::to_string(held.size);
  if (!answer) {
    context.Say(Pick(context,
                     "The aggregator does not answer; this rests on the copy of the record here, " +
                         entries + " entries until " + held.until,
                     "집계 서버가 응답하지 않습니다. 여기 있는 기록의 사본(항목 " + entries +
                         "개, " + held.until + "까지)으로 답합니다"));
    return {};
  }
  DURE_ASSIGN(const nlohmann::json said,
              transport::ParseJsonObject(*answer, "the aggregator's answer"));
  const uint64_t size = transport::CountField(said, "size");
  for (int look = 0; held.size < size && look < kLooks; ++look) {
    std::this_thread::sleep_for(kLook);
    DURE_ASSIGN(held, HeldIn(folder));
  }
  if (held.size >= size) return {};
  entries = std::to_string(held.size);
  const std::string all = std::to_string(size);
  return Fail(ErrorCode::kUnavailable,
              Pick(context,
                   "the copy of the record in " + dir + " ends after " + entries +
                       " entries and the log has " + all +
                       ": start dure site serve there, which fetches the rest, and try again",
                   dir + "에 있는 기록의 사본은 항목 " + entries + "개까지이고 기록에는 " + all +
                       "개가 있습니다. 그 폴더에서 dure site serve를 시작해 나머지를 받은 다음 "
                       "다시 하십시오"));
}

}  // namespace dure::cli
