#include <sched.h>
#include <unistd.h>

#include <fstream>
#include <sstream>

#include "site/machine/machine.h"

namespace dure::machine {
namespace {

// "key : value" or "key:  value kB", as the kernel writes them.
std::string ValueOf(const char* path, const std::string& key) {
  std::ifstream file(path);
  for (std::string line; std::getline(file, line);) {
    const size_t colon = line.find(':');
    if (colon == std::string::npos || line.compare(0, key.size(), key) != 0) continue;
    const size_t begin = line.find_first_not_of(" \t", colon + 1);
    return begin == std::string::npos ? "" : line.substr(begin);
  }
  return "";
}

uint64_t BytesOf(const std::string& key) {
  uint64_t kibibytes = 0;
  std::istringstream(ValueOf("/proc/meminfo", key)) >> kibibytes;
  return kibibytes << 10;
}

// As Linux names them, of x86-64; none elsewhere.
bool HasFlag(const std::string& flag) {
  static const std::string flags = " " + ValueOf("/proc/cpuinfo", "flags") + " ";
  return flags.find(" " + flag + " ") != std::string::npos;
}

std::string VectorLevel() {
  if (HasFlag("amx_bf16")) return "AMX";
  if (HasFlag("avx512f")) return "AVX-512";
  if (HasFlag("avx2")) return "AVX2";
  return "baseline";
}

std::string Bf16() {
  if (HasFlag("amx_bf16")) return "AMX";
  return HasFlag("avx512_bf16") ? "AVX512-BF16" : "";
}

}  // namespace

Cpu LookAtCpu() {
  Cpu cpu;
  cpu.model = ValueOf("/proc/cpuinfo", "model name");
  cpu_set_t allowed;
  CPU_ZERO(&allowed);
  const bool known = sched_getaffinity(0, sizeof allowed, &allowed) == 0;
  cpu.cores = static_cast<uint32_t>(known ? CPU_COUNT(&allowed) : sysconf(_SC_NPROCESSORS_ONLN));
  cpu.vector_level = VectorLevel();
  cpu.bf16 = Bf16();
  cpu.memory_bytes = BytesOf("MemTotal");
  cpu.memory_free_bytes = BytesOf("MemAvailable");
  return cpu;
}

}  // namespace dure::machine
