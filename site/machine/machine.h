// What a site's machine has to train with, looked up without needing any of it: GPUs and NCCL are
// asked through their libraries when these are there, loaded for the question alone.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

namespace dure::machine {

struct Gpu {
  std::string name;
  uint64_t memory_bytes = 0;
  std::vector<uint32_t> peers;  // other devices whose memory it reaches directly
};

struct Gpus {
  bool has_driver = false;
  std::string driver;   // "12.4", the CUDA version that it speaks; empty without
  std::string trouble;  // why there are none, a sentence; empty: there are
  std::vector<Gpu> devices;
  std::string nccl;  // "2.18.5"; empty: not installed
};

struct Cpu {
  std::string model;
  uint32_t cores = 0;        // that this process may run on
  std::string vector_level;  // "AMX", "AVX-512", "AVX2" or "baseline"
  std::string bf16;          // what multiplies bf16 numbers: "AMX", "AVX512-BF16", or nothing
  uint64_t memory_bytes = 0;
  uint64_t memory_free_bytes = 0;  // that can be had without swapping
};

// Under which names the system's loader finds them.
struct Libraries {
  std::string cuda = "libcuda.so.1";
  std::string nccl = "libnccl.so.2";
};

Cpu LookAtCpu();
Gpus LookAtGpus(const Libraries& libraries = {});

}  // namespace dure::machine
