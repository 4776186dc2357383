// KeptNames: which blobs what a daemon keeps speaks of.
//
// It reads no form of it: a blob is named where its digest stands, raw or as hex, in a key or a
// value of whatever kind. So what another version kept, and this one cannot read, names its blobs
// too; and a blob named by what nobody will follow any more stays, which costs room and nothing
// else.
//
// Life: Add everything, then ask. One thread.
#pragma once

#include <map>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "federation/bytes.h"
#include "federation/digest.h"

namespace dure::blob {

class KeptNames {
 public:
  void Add(const std::string& key, Bytes value);  // of a journal
  void Add(Bytes value);
  void Add(const Digest& digest) { named_.insert(digest); }
  bool Has(const Digest& digest) const;

 private:
  std::set<Digest> named_;  // by a key, or itself
  std::vector<Bytes> values_;
};

}  // namespace dure::blob
