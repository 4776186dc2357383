// Reads the fields of a tree of JSON values by name; the counterpart of TreeWriter. Inside this
// room's .cc files only.
#pragma once

#include <nlohmann/json_fwd.hpp>
#include <set>
#include <string>
#include <vector>

#include "policy/terms/terms.h"

namespace dure::terms {

// After its use, Finish reports every name that stands in an object and was not asked for.
class TreeReader {
 public:
  // Both must outlive the reader.
  TreeReader(const nlohmann::ordered_json& tree, std::vector<Problem>& problems);

  template <typename Fields>
  void Group(const char* name, Fields&& fields) {
    if (!Enter(name)) return;
    fields();
    Leave();
  }
  // One value an element; `read_one` reads the fields of an object.
  template <typename T, typename Fields>
  void Each(const char* name, std::set<T>& items, Fields&& fields) {
    const size_t count = EnterList(name);
    for (size_t i = 0; i < count; ++i) {
      if (!EnterItem(i)) continue;
      T item;
      fields(item);
      Leave();
      items.insert(std::move(item));
    }
    if (count > 0) Leave();
  }
  template <typename E>
  void Choice(const char* name, E& value, E) {
    std::string word;
    if (!Word(name, word)) return;
    if (const auto found = FromWord<E>(word)) {
      value = *found;
    } else {
      Blame(name, word, AllWords<E>());
    }
  }
  template <typename E>
  void Choices(const char* name, std::set<E>& values) {
    for (const std::string& word : Words(name)) {
      const auto found = FromWord<E>(word);
      if (found) values.insert(*found);
      if (!found) Blame(name, word, AllWords<E>());
    }
  }
  void Constant(const char* name, std::string_view expected);
  void Code(const char* name, std::string& value);
  void Codes(const char* name, std::set<std::string>& values);
  void Spdx(const char* name, std::string& value);
  void Flag(const char* name, bool& value, bool unsaid);
  void Count(const char* name, uint64_t& value, uint64_t unsaid);
  void Count(const char* name, std::optional<uint64_t>& value);
  void Millionths(const char* name, std::optional<uint64_t>& value);
  void Time(const char* name, std::optional<Instant>& value, DayPart day_part);
  void Commitment(const char* name, std::optional<Digest>& value);
  void Hash(const char* name, Digest& value);
  void Where(const char* name, Places& value);
  void Countries(const char* name, std::set<std::string>& value);
  void Duo(DuoCode& value);

  void Finish();

 private:
  struct Level {
    const nlohmann::ordered_json* value;
    std::string path;
    std::set<std::string> known;
  };
  const nlohmann::ordered_json* Field(const char* name);  // nullptr: not there
  std::string PathOf(const char* name) const;
  void Blame(const char* name, const std::string& value, const std::string& allowed);
  void BlameUnknownNames(const Level& level);
  bool Enter(const char* name);
  size_t EnterList(const char* name);
  bool EnterItem(size_t index);
  void Leave();
  bool Word(const char* name, std::string& word);
  std::vector<std::string> Words(const char* name);  // a list of texts; one text is a list of one

  std::vector<Problem>& problems_;
  std::vector<Level> levels_;
};

}  // namespace dure::terms
