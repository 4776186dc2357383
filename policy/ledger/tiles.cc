#include "policy/ledger/tiles.h"

#include <charconv>
#include <cstdio>

#include "federation/check.h"
#include "federation/limits.h"

namespace dure::ledger {
namespace {

// 1234067 is x001/x234/067.
std::string TileNumber(uint64_t n) {
  char group[8];
  std::snprintf(group, sizeof group, "%03u", static_cast<unsigned>(n % 1000));
  std::string text = group;
  for (n /= 1000; n > 0; n /= 1000) {
    std::snprintf(group, sizeof group, "x%03u/", static_cast<unsigned>(n % 1000));
    text.insert(0, group);
  }
  return text;
}

bool ParseNumber(std::string_view text, uint64_t& value) {
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  return error == std::errc() && end == text.data() + text.size();
}

bool ParseTileNumber(std::string_view text, uint64_t& n) {
  n = 0;
  while (true) {
    const size_t slash = text.find('/');
    const bool last = slash == std::string_view::npos;
    std::string_view group = text.substr(0, slash);
    if (!last && !group.starts_with('x')) return false;
    if (!last) group.remove_prefix(1);
    uint64_t digits = 0;
    if (group.size() != 3 || !ParseNumber(group, digits)) return false;
    if (n > (UINT64_MAX - digits) / 1000) return false;
    n = n * 1000 + digits;
    if (last) return true;
    text.remove_prefix(slash + 1);
  }
}

}  // namespace

std::string TilePath::Text() const {
  std::string text = "tile/" + (entries ? std::string("entries") : std::to_string(level)) + "/";
  text += TileNumber(n);
  if (width != kTileWidth) text += ".p/" + std::to_string(width);
  return text;
}

Result<TilePath> TilePath::Parse(std::string_view path) {
  const auto bad = [] { return Fail(ErrorCode::kInvalid, "not the path of a tile"); };
  constexpr std::string_view kPrefix = "tile/";
  // A 64-bit number has at most 7 groups; nothing longer can be a tile.
  if (path.size() > 64 || !path.starts_with(kPrefix)) return bad();
  std::string_view rest = path.substr(kPrefix.size());
  const size_t slash = rest.find('/');
  if (slash == std::string_view::npos) return bad();
  TilePath parsed;
  uint64_t level = 0;
  parsed.entries = rest.substr(0, slash) == "entries";
  if (!parsed.entries && (!ParseNumber(rest.substr(0, slash), level) || level > 63)) return bad();
  parsed.level = static_cast<unsigned>(level);
  rest.remove_prefix(slash + 1);
  const size_t partial = rest.find(".p/");
  if (partial != std::string_view::npos) {
    uint64_t width = 0;
    if (!ParseNumber(rest.substr(partial + 3), width) || width < 1 || width > 255) return bad();
    parsed.width = static_cast<unsigned>(width);
    rest = rest.substr(0, partial);
  }
  if (!ParseTileNumber(rest, parsed.n) || parsed.Text() != path) return bad();
  return parsed;
}

std::vector<TilePath> TilesOf(uint64_t size, uint64_t from) {
  std::vector<TilePath> paths;
  const auto add = [&](bool entries, unsigned level, uint64_t nodes, uint64_t nodes_before) {
    for (uint64_t n = nodes_before / kTileWidth; n * kTileWidth < nodes; ++n) {
      const uint64_t width = std::min(kTileWidth, nodes - n * kTileWidth);
      paths.push_back({entries, level, n, static_cast<unsigned>(width)});
    }
  };
  add(true, 0, size, from);
  uint64_t nodes_before = from;
  for (unsigned level = 0; size > 0; ++level, size /= kTileWidth, nodes_before /= kTileWidth) {
    add(false, level, size, nodes_before);
  }
  return paths;
}

Bytes EncodeBundle(const std::vector<Bytes>& entries) {
  Bytes bundle;
  for (const Bytes& entry : entries) {
    DURE_CHECK(entry.size() <= limits::kEntryBytesMax, "an entry fits its u16 length");
    bundle.push_back(static_cast<uint8_t>(entry.size() >> 8));
    bundle.push_back(static_cast<uint8_t>(entry.size()));
    bundle.insert(bundle.end(), entry.begin(), entry.end());
  }
  return bundle;
}

Result<std::vector<Bytes>> DecodeBundle(ByteView bundle, unsigned count) {
  std::vector<Bytes> entries;
  while (!bundle.empty() && entries.size() <= count) {
    if (bundle.size() < 2) return Fail(ErrorCode::kInvalid, "an entry bundle is cut short");
    const size_t n = size_t{bundle[0]} << 8 | bundle[1];
    if (bundle.size() - 2 < n) return Fail(ErrorCode::kInvalid, "an entry bundle is cut short");
    const ByteView entry = bundle.subspan(2, n);
    entries.emplace_back(entry.begin(), entry.end());
    bundle = bundle.subspan(2 + n);
  }
  if (entries.size() != count) {
    return Fail(ErrorCode::kInvalid,
                "an entry bundle does not hold " + std::to_string(count) + " entries");
  }
  return entries;
}

}  // namespace dure::ledger
