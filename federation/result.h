// Result<T>: a value or an Error. No exception crosses a header of Dure.
//
// A refusal is a value of the caller's own type; an Error is the world (disk, peer, input); a
// broken promise of our own code is DURE_CHECK (check.h). Add context on the way up: `return
// Within(e, "while …")`.
#pragma once

#include <string>
#include <string_view>
#include <tl/expected.hpp>
#include <utility>

namespace dure {

// A new code needs a caller that reacts to it differently.
enum class ErrorCode {
  kInvalid,             // the input is malformed; sending it again cannot help
  kNotFound,            // nothing under that name
  kAlreadyExists,       // exists with different content
  kFailedPrecondition,  // well-formed, but not now or not in this state
  kUnauthenticated,     // who you are could not be established
  kPermissionDenied,    // who you are may not do this
  kCorrupt,             // stored or received bytes do not match their digest
  kExhausted,           // disk, memory or a bound of limits.h
  kUnavailable,         // try again unchanged; the only retryable code
  kCancelled,           // the caller asked to stop
  kInternal,            // a library failed in a way it should not
};

std::string_view Name(ErrorCode code);

struct Error {
  ErrorCode code = ErrorCode::kInternal;
  std::string message;  // what was wrong, where, and what to do; never a secret
};

template <typename T>
using Result = tl::expected<T, Error>;
using Status = Result<void>;

inline tl::unexpected<Error> Fail(ErrorCode code, std::string message) {
  return tl::unexpected<Error>(Error{code, std::move(message)});
}
inline tl::unexpected<Error> Fail(Error error) { return tl::unexpected<Error>(std::move(error)); }

// The same error with its context put first: "while loading checkpoint: <message>".
inline tl::unexpected<Error> Within(Error error, std::string_view context) {
  error.message.insert(0, std::string(context) + ": ");
  return tl::unexpected<Error>(std::move(error));
}

}  // namespace dure

#define DURE_CONCAT_INNER(a, b) a##b
#define DURE_CONCAT(a, b) DURE_CONCAT_INNER(a, b)

// DURE_TRY(status_expression);  returns its error from the enclosing function.
#define DURE_TRY(expression)                                                  \
  do {                                                                        \
    if (auto dure_status = (expression); !dure_status)                        \
      return ::tl::unexpected<::dure::Error>(std::move(dure_status.error())); \
  } while (false)

// DURE_ASSIGN(auto value, result_expression);  declares value or returns the error.
#define DURE_ASSIGN(declaration, expression)                     \
  auto DURE_CONCAT(dure_result_, __LINE__) = (expression);       \
  if (!DURE_CONCAT(dure_result_, __LINE__))                      \
    return ::tl::unexpected<::dure::Error>(                      \
        std::move(DURE_CONCAT(dure_result_, __LINE__).error())); \
  declaration = std::move(*DURE_CONCAT(dure_result_, __LINE__))
