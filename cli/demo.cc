#include "cli/demo.h"

#include <CLI/CLI.hpp>
#include <memory>

#include "cli/demo_stage.h"
#include "cli/nouns.h"
#include "cli/serving.h"

namespace dure::cli {

Status RunDemo(const DemoOptions& options, Context& context) {
  DemoStage stage(options, context);
  DURE_TRY(stage.Prepare());
  DURE_TRY(stage.Found());
  DURE_TRY(stage.TrainTogether());
  DURE_TRY(stage.TrainAlone());
  DURE_TRY(stage.Compare());
  DURE_TRY(stage.Officers());
  DURE_TRY(stage.Show());
  stage.Finish();
  return {};
}

void AddDemoCommand(CLI::App& dure, Context& context) {
  auto options = std::make_shared<DemoOptions>();
  CLI::App& verb =
      AddVerb(dure, "demo", "a whole federation on this machine, from nothing to a checked model",
              "dure demo\n"
              "dure demo --data ./my-texts --rounds 8 --steps 60\n"
              "dure demo --faults\n"
              "dure demo --sites 5 --quorum 4 --keep ./federation --json");
  verb.add_option("--data", options->data,
                  "a folder whose sub-folders (or files) are the institutions' texts; this "
                  "machine's own by default");
  verb.add_option("--sites", options->sites,
                  "how many institutions; three (four with --faults), or as many as --data has");
  verb.add_option("--rounds", options->rounds, "rounds")
      ->capture_default_str()
      ->check(CLI::Range(1, 100000));
  verb.add_option("--steps", options->steps, "steps of a round")
      ->capture_default_str()
      ->check(CLI::Range(1, 1000000));
  verb.add_option("--model", options->model, "tiny, small, or a config.json")
      ->capture_default_str();
  verb.add_option("--tokenizer", options->tokenizer,
                  "bytes, a tokenizer.json, or train: learned from a sample of every site's text "
                  "(the default)");
  verb.add_option("--vocabulary", options->vocabulary, "tokens of a trained tokenizer")
      ->capture_default_str();
  verb.add_option("--batch", options->batch, "sequences of a step")->capture_default_str();
  verb.add_option("--learning-rate", options->learning_rate, "peak of the inner schedule")
      ->capture_default_str();
  verb.add_option("--outer-eta", options->outer_eta, "outer learning rate")->capture_default_str();
  verb.add_option("--quorum", options->quorum,
                  "fewest contributions a round closes with; all by default");
  verb.add_flag(
      "--faults", options->faults,
      "kill one site while it uploads its masked update, and see the others close the round");
  verb.add_option("--keep", options->keep,
                  "the folder to work in and leave behind; ./.demo by default");
  verb.add_option("--prompt", options->prompt, "what the shared model goes on with at the end");
  context.Do(verb, [options, &context] { return RunDemo(*options, context); });
}

}  // namespace dure::cli
