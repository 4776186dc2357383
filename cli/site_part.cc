// dure site status|leave|join|resync: a site's part in runs, asked on its own machine.
#include <memory>
#include <nlohmann/json.hpp>

#include "cli/command.h"
#include "cli/language.h"
#include "cli/nouns.h"
#include "cli/scrub_text.h"
#include "cli/status_korean.h"
#include "federation/transport/json_fields.h"
#include "site/local_door.h"

namespace dure::cli {
namespace {

using nlohmann::json;
using site::LocalRequest;
using site::LocalVerb;
using transport::CountField;
using transport::FlagField;
using transport::TextField;

struct Wish {
  std::string dir;
  std::string run;
};

std::string RecordText(const json& record) {
  std::string text = "copy of the record: " + std::to_string(CountField(record, "size")) +
                     " entries; " + ScrubText(record);
  return text + "\n";
}

std::string StatusText(const json& status) {
  const bool running = FlagField(status, "running");
  std::string text = running ? FlagField(status, "connected")
                                   ? "the daemon runs and is connected\n"
                                   : "the daemon runs and is not connected (its log says why)\n"
                             : "no daemon runs here\n";
  const std::string code = TextField(status, "code");
  if (!code.empty()) text += "trains with code " + code + "\n";
  if (status.contains("record")) text += RecordText(status["record"]);
  if (status.contains("store")) text += StoreText(status["store"]) + "\n";
  for (const json& run : transport::ListField(status, "runs")) {
    text += TextField(run, "run") + "  " + TextField(run, "phase");
    if (run.contains("round")) text += ", round " + std::to_string(CountField(run, "round") + 1);
    const std::string asked = TextField(run, "asked");
    if (!asked.empty()) text += "; asked to " + asked + " when the daemon starts";
    text += "\n";
  }
  text.pop_back();
  return text;
}

std::string DoneText(const json& answer, LocalVerb verb) {
  const std::string run = TextField(answer, "run");
  if (!TextField(answer, "asked").empty()) {
    return "noted: the site will " + std::string(site::Name(verb)) + " " + run +
           " when its daemon starts (none runs in this folder now)";
  }
  return run + ": " + TextField(answer, "phase");
}

Status Ask(LocalVerb verb, const Wish& wish, Context& context) {
  LocalRequest request{verb, {}};
  if (verb != LocalVerb::kStatus) {
    DURE_ASSIGN(request.run, RunId::Parse(wish.run));
  }
  DURE_ASSIGN(const std::string answer, site::AskSite(wish.dir, request));
  if (context.json()) {
    context.PrintJson(answer);
    return {};
  }
  DURE_ASSIGN(const json said, transport::ParseJsonObject(answer, "the site's answer"));
  const bool korean = IsKorean(context);
  if (verb == LocalVerb::kStatus) {
    context.Print(korean ? SiteStatusKorean(said) : StatusText(said));
  } else {
    context.Print(korean ? SiteDoneKorean(said, std::string(site::Name(verb)))
                         : DoneText(said, verb));
  }
  return {};
}

void AddWish(Command noun, LocalVerb verb, const std::string& line, Context& context) {
  const std::string name(site::Name(verb));
  auto wish = std::make_shared<Wish>();
  const bool of_a_run = verb != LocalVerb::kStatus;
  Command added =
      AddVerb(noun, name, line,
              "dure site " + name + " --dir /var/lib/dure-site" + (of_a_run ? " --run first" : ""));
  added.Add("--dir", wish->dir, "the site's folder").Required();
  if (of_a_run) added.Add("--run", wish->run, "the run's name").Required();
  context.Do(added, [verb, wish, &context] { return Ask(verb, *wish, context); });
}

}  // namespace

void AddSitePart(Command noun, Context& context) {
  AddWish(noun, LocalVerb::kStatus, "where this site stands in its runs", context);
  AddWish(noun, LocalVerb::kLeave,
          "leave a run; a contribution already receipted still counts, the rest stays at home",
          context);
  AddWish(noun, LocalVerb::kJoin, "take part again in a run that the site left", context);
  AddWish(noun, LocalVerb::kResync,
          "end a dissent: give up the model that the site derived and take the aggregator's",
          context);
}

}  // namespace dure::cli
