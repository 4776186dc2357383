#include "federation/blob/kept_names.h"

#include <string.h>

#include <algorithm>

namespace dure::blob {
namespace {

bool Holds(ByteView value, ByteView name) {
  return ::memmem(value.data(), value.size(), name.data(), name.size()) != nullptr;
}

}  // namespace

// "run/first/model/<hex>": a step of its path.
void KeptNames::Add(const std::string& key, Bytes value) {
  for (std::string_view rest = key; !rest.empty();) {
    const size_t end = std::min(rest.find('/'), rest.size());
    if (const auto digest = Digest::FromHex(rest.substr(0, end))) named_.insert(*digest);
    rest.remove_prefix(std::min(end + 1, rest.size()));
  }
  Add(std::move(value));
}

void KeptNames::Add(Bytes value) {
  if (value.size() >= sizeof(Digest::bytes)) values_.push_back(std::move(value));
}

bool KeptNames::Has(const Digest& digest) const {
  if (named_.contains(digest)) return true;
  const std::string hex = digest.Hex();
  return std::ranges::any_of(values_, [&](const Bytes& value) {
    return Holds(value, digest.bytes) || Holds(value, AsBytes(hex));
  });
}

}  // namespace dure::blob
