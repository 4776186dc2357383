#include "cli/demo.h"

#include <memory>

#include "cli/demo_stage.h"
#include "cli/nouns.h"
#include "cli/serving.h"

namespace dure::cli {

Status RunDemo(const DemoOptions& options, Context& context) {
  context.UseLanguage("en");  // its own lines are; those of commands within it would stand alone
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

void AddDemoCommand(Command dure, Context& context) {
  auto options = std::make_shared<DemoOptions>();
  Command verb =
      AddVerb(dure, "demo", "a whole federation on this machine, from nothing to a checked model",
              "dure demo\n"
              "dure demo --data ./my-texts --rounds 8 --steps 60\n"
              "dure demo --faults\n"
              "dure demo --quorum 2\n"
              "dure demo --sites 5 --quorum 4 --keep ./federation --json");
  verb.Add("--data", options->data,
           "a folder whose sub-folders (or files) are the institutions' texts; this "
           "machine's own by default");
  verb.Add("--sites", options->sites,
           "how many institutions; three (four with --faults), or as many as --data has")
      .Between(1, 255);
  verb.Add("--rounds", options->rounds, "rounds").ShowDefault().Between(1, 100000);
  verb.Add("--steps", options->steps, "steps of a round").ShowDefault().Between(1, 1000000);
  verb.Add("--model", options->model, "tiny, small, or a config.json").ShowDefault();
  verb.Add("--tokenizer", options->tokenizer,
           "bytes, a tokenizer.json, or train: learned from a sample of every site's text "
           "(the default)");
  verb.Add("--vocabulary", options->vocabulary, "tokens of a trained tokenizer").ShowDefault();
  verb.Add("--batch", options->batch, "sequences of a step").ShowDefault();
  verb.Add("--learning-rate", options->learning_rate, "peak of the inner schedule").ShowDefault();
  verb.Add("--outer-eta", options->outer_eta, "outer learning rate").ShowDefault();
  verb.Add("--quorum", options->quorum, "fewest contributions a round closes with; all by default")
      .Between(1, 255);
  verb.Add("--masking", options->masking,
           "pairwise: the aggregator sees only sums, the default with a quorum of three or more; "
           "or none: it sees each update")
      .OneOf({"pairwise", "none"});
  verb.Flag("--faults", options->faults,
            "kill one site while it uploads its masked update, and see the others close the round");
  verb.Add("--keep", options->keep, "the folder to work in and leave behind; ./.demo by default");
  verb.Add("--prompt", options->prompt, "what the shared model goes on with at the end");
  context.Do(verb, [options, &context] { return RunDemo(*options, context); });
}

}  // namespace dure::cli
