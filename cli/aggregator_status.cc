// dure aggregator status|scrub: how the aggregator and its log stand.
#include <memory>
#include <nlohmann/json.hpp>

#include "cli/command.h"
#include "cli/language.h"
#include "cli/nouns.h"
#include "cli/operator_desk.h"
#include "cli/progress_view.h"
#include "cli/scrub_text.h"
#include "cli/status_korean.h"
#include "federation/transport/json_fields.h"

namespace dure::cli {
namespace {

using nlohmann::json;
using transport::CountField;
using transport::ListField;
using transport::TextField;

// "1 run is", "3 runs are".
std::string Are(uint64_t count, const std::string& noun) {
  return std::to_string(count) + " " + noun + (count == 1 ? " is" : "s are");
}

std::string StatusText(const json& status) {
  const json none = json::object();
  const json& scrub = status.contains("scrub") ? status["scrub"] : none;
  std::string text = "the log has " + std::to_string(CountField(status, "size")) +
                     " entries, root " + TextField(status, "root") + "\n";
  text +=
      "agreed by every house up to entry " + std::to_string(CountField(status, "agreed")) + "\n";
  const std::string closed = TextField(status, "closed_because");
  if (!closed.empty()) text += "nothing is written now: " + closed + "\n";
  text += Are(CountField(status, "connected"), "site") + " connected, " +
          Are(CountField(status, "runs_open"), "run") + " open\n";
  const std::string ends = TextField(status, "issuing_ends");
  const std::string notice = TextField(status, "issuing_notice");
  if (!notice.empty()) {
    text += "ATTENTION: " + notice + "\n";
  } else if (!ends.empty()) {
    text += "the issuing CA ends " + ends + "\n";
  }
  if (status.contains("store")) text += StoreText(status["store"]) + "\n";
  return text + "its file: " + ScrubText(scrub);
}

std::string Times(uint64_t count) { return count == 1 ? "once" : std::to_string(count) + " times"; }

Status Ask(const std::string& dir, const char* verb, Context& context) {
  DURE_ASSIGN(const OperatorDesk desk, OperatorDesk::Open(dir, context.Now()));
  DURE_ASSIGN(const std::string answer, desk.Ask(verb, "{}"));
  if (context.json()) {
    context.PrintJson(answer);
    return {};
  }
  DURE_ASSIGN(const json said, transport::ParseJsonObject(answer, "the aggregator's answer"));
  context.Print(IsKorean(context) ? AggregatorStatusKorean(said) : StatusText(said));
  return {};
}

}  // namespace

std::string StoreText(const json& store) {
  const uint64_t blobs = CountField(store, "blobs");
  return "its store holds " + FormatBytes(CountField(store, "bytes")) + " in " +
         std::to_string(blobs) + (blobs == 1 ? " blob" : " blobs");
}

std::string ScrubText(const json& scrub) {
  std::string text;
  for (const json& rotted : ListField(scrub, "rotted")) {
    if (rotted.is_string()) text += "ROTTED: " + rotted.get<std::string>() + "; ";
  }
  if (text.empty()) text = "nothing in it has rotted; ";
  const std::string last = TextField(scrub, "last");
  text += last.empty() ? "not read back from the disk yet since the start"
                       : "read back from the disk " + Times(CountField(scrub, "readings")) +
                             ", last " + last;
  const uint64_t mended = CountField(scrub, "mended");
  return mended == 0 ? text : text + "; mended " + Times(mended);
}

void AddAggregatorStatus(Command noun, Context& context) {
  auto dir = std::make_shared<std::string>();
  Command status = AddVerb(noun, "status", "how the aggregator and its log stand",
                           "dure aggregator status --dir desk");
  status.Add("--dir", *dir, "your folder: an operator's, an officer's or a researcher's")
      .Required();
  context.Do(status, [dir, &context] { return Ask(*dir, "aggregator.status", context); });
  Command scrub = AddVerb(noun, "scrub", "have the log's file read back from its disk now",
                          "dure aggregator scrub --dir /srv/dure/operator");
  scrub.Add("--dir", *dir, "the operator's folder").Required();
  context.Do(scrub, [dir, &context] { return Ask(*dir, "aggregator.scrub", context); });
}

}  // namespace dure::cli
