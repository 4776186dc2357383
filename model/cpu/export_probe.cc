// Writes an export for read_export_test.py: export_probe FOLDER. The script reads it with no code
// of ours.
#include <cstdio>
#include <string>
#include <vector>

#include "model/export.h"
#include "model/initialize.h"
#include "model/safetensors.h"

int main(int argc, char** argv) {
  if (argc != 2) return 2;
  using namespace dure::model;
  const LlamaConfig config{.vocab = 11,
                           .dim = 8,
                           .layers = 2,
                           .heads = 4,
                           .kv_heads = 2,
                           .ffn_dim = 10,
                           .context = 16,
                           .tie_embeddings = false,
                           .bos_id = 1,
                           .eos_id = 2};
  const Layout layout = LlamaLayout(config);
  std::vector<float> parameters(layout.parameter_count());
  Initialize(config, 5, parameters);
  for (float& p : parameters) p *= 8;  // so that attention is far from uniform
  const std::string weights = std::string(argv[1]) + ".weights";
  const auto written = WriteSafetensors(weights, layout, parameters);
  if (!written) return 1;
  if (!ExportHuggingFace(argv[1], config, weights)) return 1;
  std::remove(weights.c_str());
  return 0;
}
