// dure site doctor: what this machine has to train with, what is missing, and what will be used.
#include <memory>
#include <nlohmann/json.hpp>

#include "cli/command.h"
#include "cli/nouns.h"
#include "model/cuda/plugin.h"
#include "site/launcher/slurm.h"
#include "site/machine/machine.h"

namespace dure::cli {
namespace {

using nlohmann::json;

std::string Gibibytes(uint64_t bytes) {
  const uint64_t tenths = (bytes * 10 + (uint64_t{1} << 29)) >> 30;
  return std::to_string(tenths / 10) + "." + std::to_string(tenths % 10) + " GiB";
}

struct Findings {
  machine::Cpu cpu;
  machine::Gpus gpus;
  model::cuda::CudaState engine;
  std::string srun;  // empty: none
};

std::string Use(const Findings& found) {
  const uint32_t devices = found.engine.devices;
  std::string use = "dure-trainer on the CPU, " + std::to_string(found.cpu.cores) + " threads";
  if (!found.cpu.bf16.empty()) use += "; --precision bf16 is faster here (" + found.cpu.bf16 + ")";
  if (devices > 0) use = "dure-trainer on GPU 0, in bf16";
  if (devices > 1) {
    use += "; --ranks " + std::to_string(devices) + " to train on all " + std::to_string(devices);
  }
  if (devices == 0 && !found.gpus.devices.empty()) {
    use += "; the GPUs stay idle: " + found.engine.trouble;
  }
  if (!found.srun.empty()) use += "; --launcher slurm to train on the cluster's nodes";
  return use;
}

json ToJson(const Findings& found) {
  json devices = json::array();
  for (const machine::Gpu& gpu : found.gpus.devices) {
    devices.push_back(
        {{"name", gpu.name}, {"memory_bytes", gpu.memory_bytes}, {"peers", gpu.peers}});
  }
  return {{"cpu",
           {{"model", found.cpu.model},
            {"cores", found.cpu.cores},
            {"vector_level", found.cpu.vector_level},
            {"bf16", found.cpu.bf16},
            {"memory_bytes", found.cpu.memory_bytes},
            {"memory_free_bytes", found.cpu.memory_free_bytes}}},
          {"gpu",
           {{"driver", found.gpus.has_driver},
            {"cuda", found.gpus.driver},
            {"nccl", found.gpus.nccl},
            {"devices", devices},
            {"trouble", found.gpus.trouble},
            {"engine", found.engine.devices > 0},
            {"engine_trouble", found.engine.trouble}}},
          {"slurm", {{"srun", found.srun}}},
          {"use", Use(found)}};
}

std::string ToText(const Findings& found) {
  const machine::Cpu& cpu = found.cpu;
  const machine::Gpus& gpus = found.gpus;
  std::string text = "CPU     " + std::to_string(cpu.cores) + " cores, " + cpu.vector_level + ", " +
                     cpu.model + "\n";
  text += "memory  " + Gibibytes(cpu.memory_bytes) + ", " + Gibibytes(cpu.memory_free_bytes) +
          " free: `dure plan --memory` says what fits\n";
  for (size_t i = 0; i < gpus.devices.size(); ++i) {
    const machine::Gpu& gpu = gpus.devices[i];
    text += "GPU " + std::to_string(i) + "   " + gpu.name + ", " + Gibibytes(gpu.memory_bytes);
    for (const uint32_t peer : gpu.peers) text += ", reaches GPU " + std::to_string(peer);
    text += "\n";
  }
  if (!gpus.trouble.empty()) text += "GPU     none: " + gpus.trouble + "\n";
  if (gpus.has_driver) text += "driver  speaks CUDA " + gpus.driver + "\n";
  text += "engine  " +
          (found.engine.devices > 0 ? "CUDA: trains, evaluates and generates on the GPUs"
                                    : "CPU; no CUDA: " + found.engine.trouble) +
          "\n";
  text += "NCCL    " + (gpus.nccl.empty() ? "not installed; only GPUs need it" : gpus.nccl) + "\n";
  text += "Slurm   " +
          (found.srun.empty() ? "no srun here: training stays on this machine" : found.srun) + "\n";
  return text + "used    " + Use(found);
}

}  // namespace

void AddSiteDoctor(Command noun, Context& context) {
  Command verb = AddVerb(noun, "doctor", "what this machine has to train with",
                         "dure site doctor\ndure site doctor --json");
  context.Do(verb, [&context]() -> Status {
    const Findings found{machine::LookAtCpu(), machine::LookAtGpus(), model::cuda::LookForCuda(),
                         launcher::FindProgram("srun").string()};
    context.json() ? context.PrintJson(ToJson(found).dump()) : context.Print(ToText(found));
    return {};
  });
}

}  // namespace dure::cli
