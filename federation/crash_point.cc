#include "federation/crash_point.h"

#include <atomic>

namespace dure {
namespace {

std::atomic<CrashHook> installed = nullptr;

}  // namespace

void CrashPoint(std::string_view point, std::string_view detail) {
  if (const CrashHook hook = installed.load(std::memory_order_relaxed)) hook(point, detail);
}

void SetCrashHook(CrashHook hook) { installed = hook; }

}  // namespace dure
