// DURE_CHECK(condition, "why it must hold"): a promise of our own code. On in every build; prints
// where and aborts. It never sees outside input: bytes from outside meet a parser that returns
// Result.
#pragma once

namespace dure {
[[noreturn]] void CheckFailed(const char* file, int line, const char* condition, const char* why);
}  // namespace dure

#define DURE_CHECK(condition, why)                              \
  do {                                                          \
    if (!(condition)) [[unlikely]]                              \
      ::dure::CheckFailed(__FILE__, __LINE__, #condition, why); \
  } while (false)
