// Writes fields into a tree of JSON values: the counterpart of TreeReader, name for name. What is
// not said is left out. Inside this room's .cc files only.
#pragma once

#include <nlohmann/json_fwd.hpp>
#include <set>
#include <string>
#include <vector>

#include "policy/terms/terms.h"

namespace dure::terms {

class TreeWriter {
 public:
  TreeWriter();
  ~TreeWriter();

  template <typename Fields>
  void Group(const char* name, Fields&& fields) {
    Open();
    fields();
    CloseAs(name);
  }
  template <typename T, typename Fields>
  void Each(const char* name, std::set<T>& items, Fields&& fields) {
    for (T item : items) {
      Open();
      fields(item);
      CloseInto(name);
    }
  }
  template <typename E>
  void Choice(const char* name, E& value, E unsaid) {
    if (value != unsaid) Put(name, Word(value));
  }
  template <typename E>
  void Choices(const char* name, std::set<E>& values) {
    for (const E value : values) Append(name, Word(value));
  }
  void Constant(const char* name, std::string_view value) { Put(name, value); }
  void Code(const char* name, std::string& value);
  void Codes(const char* name, std::set<std::string>& values) { Countries(name, values); }
  void Spdx(const char* name, std::string& value) { Code(name, value); }
  void Flag(const char* name, bool& value, bool unsaid);
  void Count(const char* name, uint64_t& value, uint64_t unsaid);
  void Count(const char* name, std::optional<uint64_t>& value);
  void Millionths(const char* name, std::optional<uint64_t>& value);
  void Time(const char* name, std::optional<Instant>& value, DayPart);
  void Commitment(const char* name, std::optional<Digest>& value);
  void Hash(const char* name, Digest& value) { Put(name, value.Hex()); }
  void Where(const char* name, Places& value);
  void Countries(const char* name, std::set<std::string>& value);
  void Duo(DuoCode& value);

  nlohmann::ordered_json Take();

 private:
  void Open();
  void CloseAs(const char* name);    // left out if nothing is in it
  void CloseInto(const char* name);  // one more item of a list
  void Put(const char* name, std::string_view text);
  void Append(const char* name, std::string_view text);

  std::vector<nlohmann::ordered_json> levels_;
};

}  // namespace dure::terms
