// CrashPoint: a named instant between two steps that must not come apart.
//
// In production nothing listens and a point costs one load. The end-to-end tests install a hook
// that kills the process there, to prove that a restart goes on from what is on disk. Names are
// "<role>.<what has just happened, or before-what>"; `detail` narrows a point that many kinds pass.
#pragma once

#include <string_view>

namespace dure {

using CrashHook = void (*)(std::string_view point, std::string_view detail);

// Thread-safe. The hook is called on the thread that passes the point.
void CrashPoint(std::string_view point, std::string_view detail = {});

// Once, before any other thread runs.
void SetCrashHook(CrashHook hook);

}  // namespace dure
