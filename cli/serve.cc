// dure aggregator serve, dure site serve: the daemons in the foreground.
#include <malloc.h>
#include <unistd.h>

#include <filesystem>
#include <iostream>
#include <memory>
#include <mutex>
#include <nlohmann/json.hpp>

#include "aggregator/daemon.h"
#include "cli/command.h"
#include "cli/folders.h"
#include "cli/language.h"
#include "cli/nouns.h"
#include "cli/serving.h"
#include "cli/terminal_text.h"
#include "federation/identity/identity.h"
#include "model/cpu/products.h"
#include "model/text/dataset.h"
#include "policy/rules/lint.h"
#include "site/daemon.h"
#include "site/launcher/launcher.h"
#include "site/lending.h"

namespace dure::cli {
namespace {

// A daemon's log: lines with their time on standard error, also with --json; none with --quiet.
std::function<void(const std::string&)> LogTo(Context& context) {
  auto mutex = std::make_shared<std::mutex>();
  return [mutex, &context](const std::string& line) {
    if (context.quiet()) return;
    const std::lock_guard lock(*mutex);
    std::cerr << FormatRfc3339(context.Now()) << " " << LogLine(line) << std::endl;
  };
}

// A record that does not open is more often a disk's doing than anybody's.
Error WithCure(Error error, const std::string& dir) {
  const bool of_record = error.message.find("stored ") != std::string::npos ||
                         error.message.find("ledger") != std::string::npos;
  if (error.code != ErrorCode::kCorrupt || !of_record) return error;
  error.message += "\ndure ledger scrub --dir " + dir +
                   " says what has rotted; dure ledger heal --dir " + dir +
                   " --from COPY mends it from another member's copy";
  return error;
}

// Whoever starts a daemon again and again need not, for a mistake that only a person can mend. A
// file that is missing may come: what it lies on is not mounted yet.
Status SetUp(Status checked, Context& context) {
  const bool is_mistake = !checked && (checked.error().code == ErrorCode::kInvalid ||
                                       checked.error().code == ErrorCode::kFailedPrecondition);
  if (is_mistake) context.BlameSetUp();
  return checked;
}

// Before a start, which may fail with the same codes because another process has the folder.
Status CheckFolder(const std::string& dir, bool is_aggregator) {
  DURE_ASSIGN(const identity::Identity own, identity::LoadIdentity(dir));
  const auto wanted = is_aggregator ? identity::Role::kAggregator : identity::Role::kMember;
  if (own.role() == wanted) return {};
  return Fail(ErrorCode::kFailedPrecondition,
              "--dir " + dir + " belongs to " + own.subject.ToUri() +
                  (is_aggregator ? "; this needs the aggregator's folder"
                                 : "; this needs the folder of a member's site"));
}

Error WhileStarting(Error error, Context& context) {
  if (error.code == ErrorCode::kInvalid) context.BlameSetUp();
  return error;
}

Status ServeAggregator(aggregator::DaemonOptions options, Context& context) {
  options.dir = AggregatorFolder(options.dir);
  options.say = LogTo(context);
  HoldSignals();
  KeepFilesToOwner();
  RaiseFileLimit();
  // Chunks pass through many threads of the transport; with an arena a thread each would keep some.
  mallopt(M_ARENA_MAX, 2);
  DURE_TRY(SetUp(CheckFolder(options.dir, /*is_aggregator=*/true), context));
  auto started = aggregator::Daemon::Start(options);
  if (!started) return Fail(WithCure(WhileStarting(started.error(), context), options.dir));
  const auto daemon = std::move(*started);
  const nlohmann::json ready = {
      {"ready", true}, {"port", daemon->port()}, {"enrol_port", daemon->enrol_port()}};
  // One line when the doors are open: whoever started this may wait for it.
  if (context.json()) {
    context.PrintJson(ready.dump());
  } else {
    context.Print("the aggregator serves port " + std::to_string(daemon->port()) +
                  ", enrolment port " + std::to_string(daemon->enrol_port()));
  }
  WaitForEnd();
  context.Say("stopping");
  return {};
}

struct SiteOptions {
  site::DaemonOptions daemon;
  std::vector<std::string> accept;
  std::string policy;
  double epsilon_max = 0;  // 0: as the dataset's terms say
};

// What no machine could train.
Status CheckEngine(const site::DaemonOptions& options) {
  const bool on_cpu = options.device == "cpu";
  if (options.optimizer == "muon" && on_cpu) {
    return Fail(ErrorCode::kInvalid, "--optimizer muon trains on GPUs only, and --device is cpu");
  }
  if (options.optimizer == "muon" && options.ranks > 1 && options.zero > 0) {
    return Fail(ErrorCode::kInvalid,
                "--optimizer muon takes whole matrices: several ranks share them with --zero 0");
  }
  // Slurm's nodes may have other processors than this machine.
  if (options.precision == "bf16" && on_cpu && !options.uses_slurm &&
      !model::cpu::HasBf16Instructions()) {
    return Fail(ErrorCode::kFailedPrecondition,
                "--precision bf16, and this processor has neither AVX512-BF16 nor AMX: it would "
                "be slower than --precision fp32");
  }
  return {};
}

// Text may still come: too little of it is no wrong set-up.
Status CheckData(const site::DaemonOptions& options) {
  for (const std::string& data : options.data) {
    const text::Source source{data, options.columns};
    if (const Status split = text::CheckSplit(source); !split)
      return Within(split.error(), "--data");
  }
  return {};
}

// A slip in --data, --terms or --trainer is told now, and not when a round has opened.
Status CheckSite(const site::DaemonOptions& options) {
  if (options.data.size() != options.terms.size()) {
    return Fail(ErrorCode::kInvalid, "each --data has its --terms, in the same order: " +
                                         std::to_string(options.data.size()) + " and " +
                                         std::to_string(options.terms.size()) + " were given");
  }
  for (const std::string& terms : options.terms) DURE_TRY(site::CheckTerms(terms));
  if (options.uses_slurm && options.threads < 1) {
    return Fail(ErrorCode::kInvalid,
                "--launcher slurm needs --threads: all ranks' together, since the nodes may have "
                "other cores than this machine");
  }
  if (options.trainer.empty()) DURE_TRY(CheckEngine(options));
  if (options.trainer.empty() || access(options.trainer.c_str(), X_OK) == 0) return {};
  return Fail(ErrorCode::kNotFound, "--trainer " + options.trainer + " is no program");
}

// A rule that is known to mean something else than it says is told; it refuses more, never less.
void SayWhatIsDoubtful(const rules::PolicyDocument& policy, const std::string& file,
                       Context& context) {
  for (const rules::Finding& finding : rules::Lint(policy, rules::ConsortiumSchema())) {
    if (finding.severity == rules::Severity::kNote) continue;
    std::string line = rules::ToText(finding, file, RulesLanguage(context));
    line.pop_back();
    context.Say(line);
  }
}

Status ReadRules(SiteOptions& options, Context& context) {
  for (const std::string& name : options.accept) {
    DURE_ASSIGN(RunId run, RunId::Parse(name));
    options.daemon.rules.accept.insert(std::move(run));
  }
  options.daemon.rules.accept_all = options.accept.empty();
  if (!options.policy.empty()) {
    DURE_ASSIGN(options.daemon.rules.policy, site::ReadSitePolicy(options.policy));
    SayWhatIsDoubtful(*options.daemon.rules.policy, options.policy, context);
  }
  if (options.epsilon_max > 0) {
    options.daemon.rules.epsilon_micro_max = static_cast<uint64_t>(options.epsilon_max * 1e6);
  }
  return {};
}

Status ServeSite(SiteOptions options, Context& context) {
  DURE_TRY(SetUp(CheckSite(options.daemon), context));
  DURE_TRY(SetUp(ReadRules(options, context), context));
  DURE_TRY(CheckData(options.daemon));
  HoldSignals();
  KeepFilesToOwner();
  // The trainer is told paths below it, and need not share our working folder.
  options.daemon.dir = std::filesystem::absolute(options.daemon.dir).string();
  DURE_TRY(SetUp(CheckFolder(options.daemon.dir, /*is_aggregator=*/false), context));
  options.daemon.say = LogTo(context);
  auto started = site::Daemon::Start(options.daemon);
  if (!started) return Fail(WithCure(WhileStarting(started.error(), context), options.daemon.dir));
  const auto daemon = std::move(*started);
  context.Print(context.json()
                    ? "{\"ready\":true}"
                    : "the site serves; its data stays " +
                          (options.daemon.data.empty() ? std::string("where it is")
                                                       : "in " + options.daemon.data.front()));
  WaitForEnd();
  context.Say("stopping");
  return {};
}

void AddScrub(Command verb, Duration& scrub, const std::string& what) {
  verb.Read<double>(
          "--scrub-hours",
          [&scrub](double hours) {
            scrub =
                std::chrono::duration_cast<Duration>(std::chrono::duration<double>(hours * 3600));
          },
          what +
              " is read back from the disk once in as many hours, and mended where it rotted; "
              "24 by default, 0 for never")
      .Between(0.0, 8760.0);
}

void AddRankOptions(Command verb, site::DaemonOptions& options) {
  verb.Add("--ranks", options.ranks,
           "processes that train one model together, each with its share of the threads")
      .Between(1u, launcher::kRanksMax);
  verb.Add("--zero", options.zero,
           "what the ranks split instead of each holding all: 0 nothing, 1 the optimizer's "
           "state, 2 also gradients, 3 also weights; 1 by default")
      .Between(0u, 3u);
  verb.Read<uint32_t>(
          "--rank-patience",
          [&options](uint32_t seconds) { options.rank_patience = std::chrono::seconds(seconds); },
          "seconds without a sign after which a rank is taken to hang, and so is a trainer between "
          "two steps or that was told to stop; 300 by default")
      .Between(1u, 86400u);
  verb.Add("--device", options.device,
           "what computes: auto (a GPU where every rank has one), cpu, or cuda, which refuses "
           "to go on without; `dure site doctor` says what there is")
      .OneOf({"auto", "cpu", "cuda"});
  verb.Add("--recompute", options.recompute,
           "what a GPU makes again instead of keeping it: nothing, norms (the default), or "
           "layers, which takes the least memory and a third more time")
      .OneOf({"nothing", "norms", "layers"});
  verb.Flag("--same-bits", options.same_bits,
            "on a GPU: a round that is computed again gives the same bits, on one kind of GPU and "
            "for one number of ranks; a step then takes about half as long again");
  verb.Add("--precision", options.precision,
           "on the CPU: fp32 (the default), or bf16, whose products round what they multiply and "
           "are faster where the processor has instructions for it")
      .OneOf({"fp32", "bf16"});
  verb.Add("--optimizer", options.optimizer,
           "on a GPU: adamw (the default), or muon for the layers' matrices, which ranks "
           "then hold whole (--zero 0)")
      .OneOf({"adamw", "muon"});
  verb.Read<std::string>(
          "--launcher",
          [&options](const std::string& name) { options.uses_slurm = name == "slurm"; },
          "who starts the ranks: local, this machine; or slurm, the cluster's srun")
      .OneOf({"local", "slurm"});
  verb.Add("--slurm-partition", options.slurm_partition,
           "where they run; the cluster's default by default");
  verb.Add("--slurm-option", options.slurm_options,
           "an option of srun as it stands, such as --time=04:00:00; repeat it");
}

}  // namespace

void AddAggregatorCommands(Command dure, Context& context) {
  Command noun = AddNoun(dure, "aggregator", "run rounds and keep the log");
  auto options = std::make_shared<aggregator::DaemonOptions>();
  Command verb = AddVerb(noun, "serve", "serve until interrupted",
                         "dure aggregator serve --dir /srv/dure/aggregator\n"
                         "dure aggregator serve --dir D/aggregator --listen 127.0.0.1:7443");
  verb.Add("--dir", options->dir, "the aggregator's folder, made by dure consortium init")
      .Required();
  verb.Add("--listen", options->listen,
           "host:port for members; the announced port on every interface by default");
  verb.Add("--listen-enrol", options->listen_enrol, "host:port for enrolment; likewise");
  verb.Flag("--alone", options->alone,
            "write to the log before members have shown what they hold of it: only when you "
            "know that it was not restored from an older copy");
  verb.Add("--threads", options->threads, "threads for merging; all cores by default")
      .Between(0, 4096);
  AddScrub(verb, options->scrub, "its log");
  context.Do(verb, [options, &context] { return ServeAggregator(*options, context); });
  AddAggregatorStatus(noun, context);
}

void AddSiteServe(Command noun, Context& context) {
  auto options = std::make_shared<SiteOptions>();
  Command verb =
      AddVerb(noun, "serve", "take part in training rounds until interrupted",
              "dure site serve --dir /var/lib/dure-site --data /data/text --terms terms.toml\n"
              "dure site serve --dir S --data r.tsv --column text --terms research-only\n"
              "dure site serve --dir S --data A --terms a.toml --data B --terms b.toml\n"
              "dure site serve --dir S   (with what dure dataset add registered)");
  verb.Add("--dir", options->daemon.dir, "the site's folder, made by dure site enrol").Required();
  verb.Add("--data", options->daemon.data,
           "the member's text: a folder or a file (text, TSV, CSV, JSONL, JSON); it stays "
           "here. Once "
           "for each dataset; left out: what dure dataset add registered")
      .TakeAll();
  verb.Add(
          "--terms", options->daemon.terms,
          "what you allow: a file of dure dataset form, or open (any use; recorded as CC0-1.0), or "
          "research-only (both say that there is no personal data); one for each --data, in its "
          "order")
      .TakeAll();
  verb.Add("--column", options->daemon.columns,
           "columns or fields that hold text; guessed by default");
  verb.Add("--accept", options->accept, "runs this site takes part in; every run by default");
  verb.Add("--policy", options->policy,
           "the site's own policy, a text that begins \"site policy\": it can only narrow "
           "what the consortium permits");
  verb.Add("--rounds-max", options->daemon.rules.rounds_max,
           "rounds of one run at most; 0 for no limit");
  verb.Add("--epsilon-max", options->epsilon_max,
           "privacy loss of each dataset over all runs at most, if its terms say no less; "
           "runs without noise are then declined")
      .Between(1e-6, 9e5);
  verb.Add("--account-delta", options->daemon.rules.account_delta,
           "of new privacy accounts, for good: below one in the number of sequences")
      .Between(1e-30, 1e-3)
      .ShowDefault();
  verb.Add("--trainer", options->daemon.trainer, "another program for the trainer's seat");
  verb.Add("--upload-limit", options->daemon.upload_mib,
           "MiB a second that uploads take at most; no limit by default")
      .Between(0.0, 1e6);
  verb.Add("--threads", options->daemon.threads,
           "threads for training and codec; all cores by default")
      .Between(0, 4096);
  AddScrub(verb, options->daemon.scrub, "its copy of the record");
  AddRankOptions(verb, options->daemon);
  context.Do(verb, [options, &context] { return ServeSite(*options, context); });
}

}  // namespace dure::cli
