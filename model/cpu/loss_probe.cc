// Prints the engine's loss on an exported folder's weights for read_export_test.py, which computes
// the same from the files with no code of ours: loss_probe FOLDER. Tokens are i * i % vocab.
#include <cstdio>
#include <string>
#include <vector>

#include "model/cpu/evaluate.h"
#include "model/safetensors.h"

int main(int argc, char** argv) {
  if (argc != 2) return 2;
  const std::string folder = argv[1];
  const auto config = dure::model::ReadConfig(folder + "/config.json");
  const auto file = dure::model::SafetensorsFile::Open(folder + "/model.safetensors");
  if (!config || !file) return 1;
  constexpr uint32_t kTokens = 12;
  std::vector<uint32_t> inputs, targets;
  for (uint32_t i = 0; i < kTokens; ++i) {
    inputs.push_back(i * i % config->vocab);
    targets.push_back((i + 1) * (i + 1) % config->vocab);
  }
  const auto evaluator =
      dure::model::cpu::Evaluator::Create(*config, {.batch = 1, .sequence = kTokens});
  if (!evaluator) return 1;
  const auto likelihood = (*evaluator)->Evaluate(file->flat(), inputs, targets);
  if (!likelihood) return 1;
  std::printf("%.9g\n", likelihood->nats);
  return 0;
}
