// Strong names. A MemberId is never passed where a RunId is meant.
#pragma once

#include <compare>
#include <cstdint>
#include <functional>
#include <string>
#include <string_view>
#include <utility>

#include "federation/result.h"

namespace dure {

// Text ids are 1..64 characters of [a-z0-9-], starting and ending with a letter or digit: safe in a
// path, a certificate, a log entry and a sentence.
Status ValidateName(std::string_view kind, std::string_view text);

template <typename Tag>
class Name_ {
 public:
  Name_() = default;  // the empty id: names nothing
  static Result<Name_> Parse(std::string_view text) {
    DURE_TRY(ValidateName(Tag::kKind, text));
    return Name_(std::string(text));
  }
  const std::string& str() const { return text_; }
  bool empty() const { return text_.empty(); }
  auto operator<=>(const Name_&) const = default;

 private:
  explicit Name_(std::string text) : text_(std::move(text)) {}
  std::string text_;
};

struct MemberTag {
  static constexpr std::string_view kKind = "member";
};
struct SiteTag {
  static constexpr std::string_view kKind = "site";
};
struct RunTag {
  static constexpr std::string_view kKind = "run";
};
struct DatasetTag {
  static constexpr std::string_view kKind = "dataset";
};

using MemberId = Name_<MemberTag>;    // an institution
using SiteId = Name_<SiteTag>;        // one member's daemon
using RunId = Name_<RunTag>;          // one training effort
using DatasetId = Name_<DatasetTag>;  // one member's dataset

// Rounds count from 0 within a run.
struct RoundNumber {
  uint64_t value = 0;
  auto operator<=>(const RoundNumber&) const = default;
  RoundNumber Next() const { return {value + 1}; }
};

}  // namespace dure
