// Prints a whole masked round of fixed seeds, inputs and messages, one "name hex" a line, for
// golden.py to work out again by itself. Four sites, two segments; site 2 never uploads.
#include <cstdio>
#include <functional>

#include "federation/canonical.h"
#include "federation/masking/testing/world.h"

namespace dure::masking {
namespace {

void Line(const std::string& name, ByteView bytes) {
  std::printf("%s %s\n", name.c_str(), ToHex(bytes).c_str());
}

template <typename Words>
Bytes LittleEndian(const Words& words) {
  CanonicalWriter writer;
  for (const uint64_t word : words) writer.U64(word);
  return writer.Take();
}

void PrintInputs(const World& world) {
  Line("context", world.context().Canonical());
  Line("signing.aggregator", world.signing_seeds.at(kAggregator));
  for (uint32_t i = 0; i < 4; ++i) {
    const std::string at = "." + std::to_string(i);
    Line("signing" + at, world.signing_seeds.at(i));
    Line("seed" + at, world.seeds.at(i).View());
    Line("lanes.0" + at, ByteView(world.lanes(i, 0)).first(32));
    Line("lanes.1" + at, world.lanes(i, 1));
    Line("scalars" + at, LittleEndian(world.scalars(i)));
    if (world.products.contains({i, 0})) {
      Line("product.0" + at, LittleEndian(std::vector<uint64_t>{world.products.at({i, 0})}));
    }
  }
}

bool IsUnsigned(const Message& message) {
  return std::holds_alternative<masking::Open>(message) ||
         std::holds_alternative<Delivery>(message) || std::holds_alternative<Sharers>(message) ||
         std::holds_alternative<Survivors>(message) || std::holds_alternative<Openings>(message);
}

int Print() {
  World world({.sites = 4, .parameters = codec::kSegmentParameters + 5, .seed = 2026});
  world.deaths[2] = {SitePhase::kMasking, 0};
  Bytes outcome;
  std::map<std::string, Bytes> states;          // the last of each
  std::map<std::string, std::set<Bytes>> told;  // by the aggregator, unsigned
  world.tamper = [&](bool to_site, uint32_t site, Bytes& message) {
    const auto decoded = DecodeMessage(message);
    if (!to_site || !decoded) return;
    if (std::holds_alternative<Signed<Outcome>>(*decoded)) outcome = message;
    const std::string kind(KindName(*decoded));
    if (IsUnsigned(*decoded)) told["told." + std::to_string(site) + "." + kind].insert(message);
    if (kind == "agreement" || kind == "survivors" || kind == "outcome" || kind == "check") {
      states["state.site." + kind] = world.site(0).Save();
      states["state.aggregator." + kind] = world.aggregator().Save();
    }
  };
  world.RunAttempt(7);
  if (!world.SumsAreExact()) return 1;
  PrintInputs(world);
  for (const auto& [from, bytes] : world.seen) {
    const Message message = DecodeMessage(bytes).value();
    Line("message." + std::to_string(from) + "." + std::string(KindName(message)), bytes);
    const auto* upload = std::get_if<Signed<Uploaded>>(&message);
    if (upload == nullptr) continue;
    const Bytes& payload = world.blob(upload->body.payload);
    const std::string name =
        "payload." + std::to_string(upload->body.segment) + "." + std::to_string(from);
    Line(name, upload->body.segment == 0 ? ByteView(payload).first(32) : ByteView(payload));
  }
  for (const auto& [name, messages] : told) {
    for (const Bytes& message : messages) Line(name, message);
  }
  Line("outcome", outcome);
  for (const auto& [name, bytes] : states) Line(name, bytes);
  return 0;
}

}  // namespace
}  // namespace dure::masking

int main() { return dure::masking::Print(); }
