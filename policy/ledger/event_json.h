// One event's own fields as JSON and back. Inside this room only.
#pragma once

#include <nlohmann/json_fwd.hpp>
#include <string>

#include "policy/ledger/events.h"
#include "policy/ledger/json_text.h"

namespace dure::ledger {

// Writes the event's fields into the predicate.
void WriteEvent(const Event& event, nlohmann::json& predicate);
// Reads them; a failure stays in the reader.
Event ReadEvent(EventType type, FieldReader& reader);
// kInvalid: a field that has the right C++ type but not the event's form (a code, a bound, a
// repeated site).
Status CheckForm(const Event& event);

// What the statement is about, derived from the event: so a reader that knows only in-toto finds it
// by digest.
struct Subject {
  std::string name;
  Digest digest;
  bool operator==(const Subject&) const = default;
};
Subject SubjectOf(const Record& record);

}  // namespace dure::ledger
