// The small definitions behind result.h, check.h, ids.h and clock.h.
#include <cstdio>
#include <cstdlib>
#include <ctime>

#include "federation/check.h"
#include "federation/clock.h"
#include "federation/ids.h"
#include "federation/limits.h"
#include "federation/result.h"

namespace dure {

std::string_view Name(ErrorCode code) {
  switch (code) {
    case ErrorCode::kInvalid:
      return "invalid";
    case ErrorCode::kNotFound:
      return "not found";
    case ErrorCode::kAlreadyExists:
      return "already exists";
    case ErrorCode::kFailedPrecondition:
      return "failed precondition";
    case ErrorCode::kUnauthenticated:
      return "unauthenticated";
    case ErrorCode::kPermissionDenied:
      return "permission denied";
    case ErrorCode::kCorrupt:
      return "corrupt";
    case ErrorCode::kExhausted:
      return "exhausted";
    case ErrorCode::kUnavailable:
      return "unavailable";
    case ErrorCode::kCancelled:
      return "cancelled";
    case ErrorCode::kInternal:
      return "internal";
  }
  return "unknown";
}

void CheckFailed(const char* file, int line, const char* condition, const char* why) {
  std::fprintf(stderr, "%s:%d: broken promise: %s (%s)\n", file, line, why, condition);
  std::fflush(stderr);
  std::abort();
}

Status ValidateName(std::string_view kind, std::string_view text) {
  const auto wrong = [&](std::string_view why) {
    return Fail(ErrorCode::kInvalid, std::string(kind) + " name \"" +
                                         std::string(text.substr(0, 80)) + "\" " +
                                         std::string(why));
  };
  if (text.empty()) return wrong("is empty");
  if (text.size() > limits::kNameBytesMax) return wrong("is longer than 64 characters");
  for (const char c : text) {
    const bool letter_or_digit = (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9');
    if (!letter_or_digit && c != '-') return wrong("may hold only a-z, 0-9 and '-'");
  }
  if (text.front() == '-' || text.back() == '-') return wrong("may not start or end with '-'");
  return {};
}

std::string FormatRfc3339(WallTime time) {
  const auto seconds = std::chrono::floor<std::chrono::seconds>(time).time_since_epoch().count();
  const std::time_t t = static_cast<std::time_t>(seconds);
  std::tm utc{};
  gmtime_r(&t, &utc);
  char text[32];
  std::strftime(text, sizeof text, "%Y-%m-%dT%H:%M:%SZ", &utc);
  return text;
}

}  // namespace dure
