// dure-lying: the real `dure`, that tells one lie in masked rounds.
//
// DURE_LIE is "lie:site": which lie (below), and to or about which site. The file that
// DURE_LIE_TOLD names is made when it was told. Without DURE_LIE it is `dure`.
#include <cstdlib>
#include <cstring>
#include <fstream>
#include <functional>
#include <iostream>
#include <map>
#include <string>
#include <vector>

#include "cli/dure.h"
#include "federation/loop/loop.h"
#include "federation/masking/messages.h"
#include "federation/wire_hook.h"

namespace {

using namespace dure;
using masking::Context;

struct Lie {
  std::string name;
  std::string site;
};

const Lie& TheLie() {
  static const Lie lie = [] {
    const std::string text = std::getenv("DURE_LIE") ? std::getenv("DURE_LIE") : "";
    const size_t colon = text.find(':');
    return Lie{text.substr(0, colon), colon == std::string::npos ? "" : text.substr(colon + 1)};
  }();
  return lie;
}

void Told() {
  if (const char* path = std::getenv("DURE_LIE_TOLD")) std::ofstream(path) << TheLie().name;
}

// What an opening says, and what the liar makes of it.
const std::map<std::string, std::function<void(Context&)>> kOpenings = {
    {"size", [](Context& c) { c.agreed.parameter_count += 1024; }},
    {"lanes", [](Context& c) { c.agreed.lane_max = 127; }},
    {"model", [](Context& c) { c.agreed.model = Sha256(AsBytes("a trap")); }},
    {"rules", [](Context& c) { c.agreed.rules.forbid_differences ^= true; }},
    {"plan", [](Context& c) { c.agreed.plan = Sha256(AsBytes("another plan")); }},
    {"threshold", [](Context& c) { c.threshold = 2; }},
    {"stranger", [](Context& c) { c.seats.front().key[5] ^= 1; }},
    {"member", [](Context& c) { c.seats.front().member = *MemberId::Parse("somebody-else"); }},
    {"cohort",
     [](Context& c) {
       // The site and one more: whoever knows the other's update knows this one.
       std::erase_if(c.seats, [n = 0](const masking::Seat& seat) mutable {
         return seat.site.str() != TheLie().site && n++ > 0;
       });
       c.threshold = masking::ThresholdFor(c.site_count());
       c.agreed.corrupt_max = masking::CorruptMax(c.site_count(), c.threshold);
     }},
    {"again", [](Context& c) { c.round.value = 0; }},
};

void LieInOpening(const masking::Open& open, Bytes& bytes) {
  const auto lie = kOpenings.find(TheLie().name);
  auto context = Context::Parse(open.context);
  if (lie == kOpenings.end() || !context) return;
  if (lie->first == "again" && context->round.value == 0) return;
  lie->second(*context);
  bytes = masking::EncodeMessage(masking::Open{context->Canonical()});
  Told();
}

void LieInSurvivors(masking::Survivors survivors, std::string_view whom, Bytes& bytes) {
  const bool to_one = TheLie().name == "survivors" && whom == TheLie().site;
  const bool to_all = TheLie().name == "isolate";
  if (!to_one && !to_all) return;
  survivors.uploads.resize(to_one ? survivors.uploads.size() - 1 : 2);
  bytes = masking::EncodeMessage(survivors);
  Told();
}

void FromTheAggregator(std::string_view whom, Bytes& bytes) {
  const auto message = masking::DecodeMessage(bytes);
  if (!message) return;
  const Lie& lie = TheLie();
  if (const auto* open = std::get_if<masking::Open>(&*message)) {
    if (whom == lie.site) LieInOpening(*open, bytes);
  } else if (const auto* survivors = std::get_if<masking::Survivors>(&*message)) {
    LieInSurvivors(*survivors, whom, bytes);
  } else if (std::holds_alternative<masking::Signed<masking::Advertise>>(*message)) {
    if (lie.name != "key" || whom != lie.site) return;
    bytes[bytes.size() - 80] ^= 1;  // in the body, before the signature
    Told();
  }
}

void FromASite(Bytes& bytes) {
  const auto message = masking::DecodeMessage(bytes);
  if (!message) return;
  const std::string& lie = TheLie().name;
  const bool reveals = std::holds_alternative<masking::Signed<masking::Reveal>>(*message);
  const bool checks = std::holds_alternative<masking::Signed<masking::CheckValues>>(*message);
  if ((lie == "reveal" && reveals) || (lie == "check" && checks)) {
    bytes[bytes.size() - 80] ^= 1;
    Told();
  } else if ((lie == "no-reveal" && reveals) || (lie == "no-check" && checks)) {
    bytes.clear();
    Told();
  }
}

void Hook(std::string_view place, std::string_view whom, Bytes& bytes) {
  if (place == "aggregator.masking") return FromTheAggregator(whom, bytes);
  if (place == "site.masking") return FromASite(bytes);
  if (place == "aggregator.sums" && TheLie().name == "sums") {
    uint64_t weight = 0;  // one less than the sum of the weights
    std::memcpy(&weight, bytes.data(), sizeof weight);
    --weight;
    std::memcpy(bytes.data(), &weight, sizeof weight);
    Told();
  }
}

}  // namespace

int main(int argc, char** argv) {
  if (std::getenv("DURE_LIE")) SetWireHook(Hook);
  const std::vector<std::string> arguments(argv + 1, argv + argc);
  return dure::cli::RunDure(arguments, std::cout, std::cerr, dure::loop::RealWallNow);
}
