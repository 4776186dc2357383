// dure-lying: the real `dure`, that tells one lie in masked rounds, or poisons what it trained.
//
// DURE_LIE is "lie:site": which lie (below), and to or about which site. The file that
// DURE_LIE_TOLD names is made when it was told. Without DURE_LIE it is `dure`. What a site states
// falsely it signs with its own key, as a dishonest one would.
#include <algorithm>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <functional>
#include <iostream>
#include <limits>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "cli/dure.h"
#include "federation/canonical.h"
#include "federation/crash_point.h"
#include "federation/identity/identity.h"
#include "federation/loop/loop.h"
#include "federation/masking/merkle.h"
#include "federation/masking/messages.h"
#include "federation/wire_hook.h"
#include "tests/e2e/lie.h"

namespace {

using namespace dure;
using lying::Lie;
using lying::TheLie;
using lying::Told;
using masking::Context;

// What an opening says, and what the liar makes of it.
const std::map<std::string, std::function<void(Context&)>> kOpenings = {
    {"size", [](Context& c) { c.agreed.parameter_count += 1024; }},
    {"lanes", [](Context& c) { c.agreed.lane_max = 127; }},
    {"room", [](Context& c) { c.agreed.lane_max = 65535; }},
    {"layout", [](Context& c) { c.agreed.scales = Sha256(AsBytes("steps ten times as long")); }},
    {"noise", [](Context& c) { c.agreed.privacy = Sha256(AsBytes("no noise at all")); }},
    {"fewest", [](Context& c) { c.agreed.rules.members_min = 2; }},
    {"quorum", [](Context& c) { c.agreed.rules.survivors_permille = 0; }},
    {"batches", [](Context& c) { c.agreed.rules.batch_members = 2; }},
    {"corrupt", [](Context& c) { c.agreed.corrupt_max = 0; }},
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
    {"roster",
     [](Context& c) {
       // Enough sites for a sum, but not those of the record.
       std::erase_if(c.seats, [](const masking::Seat& seat) { return seat.site.str() == "west"; });
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

masking::Survivors survivors_told;  // last, to anybody

void LieInSurvivors(masking::Survivors survivors, std::string_view whom, Bytes& bytes) {
  const bool to_one = TheLie().name == "survivors" && whom == TheLie().site;
  const bool to_all = TheLie().name == "isolate";
  if (!to_one && !to_all) return;
  survivors.uploads.resize(to_one ? survivors.uploads.size() - 1 : 2);
  bytes = masking::EncodeMessage(survivors);
  Told();
}

// Instead of its peers' check values, once all of them were said, every site is told of other
// survivors than it signed: it refuses, when nobody waits for it any more.
void LieInsteadOfChecks(const masking::Header& header, Bytes& bytes) {
  static std::map<Digest, std::set<uint32_t>> said;
  if (survivors_told.uploads.empty()) return;  // of a run before
  std::set<uint32_t>& all = said[header.context];
  all.insert(header.site);
  if (all.size() < survivors_told.uploads.size()) return bytes.clear();
  masking::Survivors other = survivors_told;
  other.uploads.pop_back();
  bytes = masking::EncodeMessage(other);
}

// A survivor's upload, as its statement names it.
Digest stolen;

// At the aggregator, whose store it is: one byte of one upload, so one coordinate of the sum.
void LieInAnUpload(std::string_view point, std::string_view) {
  if (point != "aggregator.before-unmask" || stolen.IsZero()) return;
  std::fstream upload(lying::Home() + "/blobs/blobs/" + stolen.Hex(),
                      std::ios::in | std::ios::out | std::ios::binary);
  upload.seekg(5000);
  const auto byte = static_cast<char>(upload.get() ^ 1);
  upload.seekp(5000);
  upload.put(byte);
  if (upload.flush()) Told();
}

// At a site whose training went wrong: one weight that is no number, or beyond all others.
void SpoilTheWeights(std::string_view point, std::string_view) {
  if (point != "site.trained") return;
  const float value = TheLie().name == "nan" ? std::numeric_limits<float>::quiet_NaN() : 1e38F;
  for (const auto& run : std::filesystem::directory_iterator(lying::Home() + "/runs")) {
    const auto path = run.path() / "seat" / "trained-0.safetensors";
    std::fstream weights(path, std::ios::in | std::ios::out | std::ios::binary);
    if (!weights) continue;
    weights.seekp(-4096, std::ios::end);
    weights.write(reinterpret_cast<const char*>(&value), sizeof value);
    if (weights.flush()) Told();
  }
}

void PoisonFile(const std::filesystem::path& path) {
  std::fstream file(path, std::ios::in | std::ios::out | std::ios::binary);
  uint64_t header = 0;
  file.read(reinterpret_cast<char*>(&header), sizeof header);
  const uint64_t data = sizeof header + header;
  std::vector<float> weights((std::filesystem::file_size(path) - data) / sizeof(float));
  const auto bytes = static_cast<std::streamsize>(weights.size() * sizeof(float));
  file.seekg(static_cast<std::streamoff>(data));
  file.read(reinterpret_cast<char*>(weights.data()), bytes);
  for (float& weight : weights) weight *= -50;
  file.seekp(static_cast<std::streamoff>(data));
  file.write(reinterpret_cast<const char*>(weights.data()), bytes);
  if (file.flush()) Told();
}

// At a site that attacks: each weight reversed and fifty times as large, in every round;
// shameless, it sends that whatever the run takes. On the loop, so never twice at once.
void Poison(std::string_view point, std::string_view) {
  if (point != "site.trained") return;
  static std::set<std::filesystem::path> poisoned;
  for (const auto& entry : std::filesystem::recursive_directory_iterator(lying::Home() + "/runs")) {
    const std::string name = entry.path().filename();
    const bool trained = name.starts_with("trained-") && name.ends_with(".safetensors");
    if (trained && poisoned.insert(entry.path()).second) PoisonFile(entry.path());
  }
}

// In a later round, what a site advertised in the first.
void SayAgain(const masking::Header& header, Bytes& bytes) {
  static std::map<uint32_t, std::pair<uint64_t, Bytes>> said;
  const auto [first, is_new] = said.try_emplace(header.site, std::pair(header.round.value, bytes));
  if (is_new || first->second.first == header.round.value) return;
  bytes = first->second.second;
  Told();
}

// The first attempt has a higher number than its round. One site hears nothing of it any more once
// all have masked, and nothing of any later one.
void LeaveUnopened(const masking::Message& message, Bytes& bytes) {
  static std::optional<Digest> first;
  if (const auto* open = std::get_if<masking::Open>(&message)) {
    const Digest context = Sha256(open->context);
    if (first.value_or(context) != context) return bytes.clear();
    first = context;
  }
  const auto* agreed = std::get_if<masking::Signed<masking::Agreement>>(&message);
  const bool late = std::holds_alternative<masking::Survivors>(message) ||
                    std::holds_alternative<masking::Signed<masking::Outcome>>(message) ||
                    std::holds_alternative<masking::Openings>(message) ||
                    std::holds_alternative<masking::Signed<masking::CheckValues>>(message) ||
                    (agreed != nullptr && agreed->body.step == 2);
  if (!late) return;
  bytes.clear();
  Told();
}

void FromTheAggregator(std::string_view whom, Bytes& bytes) {
  const auto message = masking::DecodeMessage(bytes);
  if (!message) return;
  const Lie& lie = TheLie();
  if (lie.name == "unopened" && whom == lie.site) return LeaveUnopened(*message, bytes);
  if (const auto* open = std::get_if<masking::Open>(&*message)) {
    if (whom == lie.site) LieInOpening(*open, bytes);
  } else if (const auto* survivors = std::get_if<masking::Survivors>(&*message)) {
    if (lie.name == "coordinate") {
      const auto upload = masking::DecodeSigned<masking::Uploaded>(survivors->uploads.front());
      if (upload) stolen = upload->body.payload;
    }
    survivors_told = *survivors;
    LieInSurvivors(*survivors, whom, bytes);
  } else if (const auto* values = std::get_if<masking::Signed<masking::CheckValues>>(&*message)) {
    if (lie.name == "unheard") LieInsteadOfChecks(values->header, bytes);
  } else if (const auto* said = std::get_if<masking::Signed<masking::Advertise>>(&*message)) {
    if (whom != lie.site) return;
    if (lie.name == "stale") SayAgain(said->header, bytes);
    if (lie.name != "key") return;
    bytes[bytes.size() - 80] ^= 1;  // in the body, before the signature
    Told();
  }
}

const Signer& OwnKey() {
  static const auto identity = identity::LoadIdentity(lying::Home()).value();
  return *identity.signer;
}

template <typename Body>
void Restate(const masking::Signed<Body>& said, Body body, Bytes& bytes) {
  bytes = masking::EncodeMessage(masking::Sign(OwnKey(), said.header, std::move(body)));
  Told();
}

// One share that cannot be opened, and a root that holds it.
void DealBadly(masking::Shares shares, Bytes& bytes) {
  const auto bad = std::ranges::find_if(
      shares.entries, [](const masking::ShareEntry& entry) { return !entry.sealed.empty(); });
  const auto head = masking::DecodeSigned<masking::ShareHead>(shares.head);
  if (bad == shares.entries.end() || !head) return;
  bad->sealed[5] ^= 1;
  std::vector<Digest> leaves;
  for (uint32_t i = 0; i < shares.entries.size(); ++i) leaves.push_back(shares.entries[i].Leaf(i));
  masking::ShareHead stated = head->body;
  stated.root = masking::RootOf(leaves);
  shares.head = masking::Sign(OwnKey(), head->header, stated).carried;
  bytes = masking::EncodeMessage(shares);
  Told();
}

void FromASite(Bytes& bytes) {
  const auto message = masking::DecodeMessage(bytes);
  if (!message) return;
  const std::string& lie = TheLie().name;
  const auto* said = std::get_if<masking::Signed<masking::Advertise>>(&*message);
  const auto* shares = std::get_if<masking::Shares>(&*message);
  const auto* uploaded = std::get_if<masking::Signed<masking::Uploaded>>(&*message);
  const auto* reveals = std::get_if<masking::Signed<masking::Reveal>>(&*message);
  const auto* checks = std::get_if<masking::Signed<masking::CheckValues>>(&*message);
  if (lie == "low-key" && said != nullptr) {
    masking::Advertise body = said->body;
    body.mask_keys[0] = masking::AgreementKey{1};  // of low order: whoever agrees with it has none
    Restate(*said, body, bytes);
  } else if (lie == "stale" && said != nullptr) {
    SayAgain(said->header, bytes);
  } else if (lie == "mute" && said != nullptr) {
    bytes.clear();
    Told();
  } else if (lie == "other-payload" && uploaded != nullptr) {
    masking::Uploaded body = uploaded->body;
    body.payload.bytes[3] ^= 1;
    Restate(*uploaded, body, bytes);
  } else if (lie == "deal" && shares != nullptr) {
    DealBadly(*shares, bytes);
  } else if (lie == "wrong-share" && reveals != nullptr) {
    masking::Reveal body = reveals->body;
    body.shares[0].share.bytes[7] ^= 1;
    Restate(*reveals, body, bytes);
  } else if (lie == "check-value" && checks != nullptr) {
    masking::CheckValues body = checks->body;
    body.values[0] ^= 1;
    Restate(*checks, body, bytes);
  } else if ((lie == "reveal" && reveals != nullptr) || (lie == "check" && checks != nullptr)) {
    bytes[bytes.size() - 80] ^= 1;
    Told();
  } else if ((lie == "no-reveal" && reveals != nullptr) ||
             (lie == "no-check" && checks != nullptr)) {
    bytes.clear();
    Told();
  }
}

// What comes in place of a chunk: too little, other bytes, far too much.
void SendAnotherChunk(Bytes& chunk) {
  const std::string& lie = TheLie().name;
  if (lie == "cut-chunk") chunk.assign(1000, 7);
  if (lie == "other-chunk") chunk.assign(size_t{1} << 20, 7);
  if (lie == "big-chunk") chunk.assign(size_t{64} << 20, 7);
  if (!chunk.empty()) Told();
}

// Where the chunk is said to belong: far beyond the end, or the first two in each other's place.
void SendItElsewhere(std::string_view index, Bytes& place) {
  const std::string& lie = TheLie().name;
  if (lie == "far-chunk") place = CanonicalWriter().U64(uint64_t{1} << 40).Take();
  if (lie == "swapped" && index == "0") place = CanonicalWriter().U64(1).Take();
  if (lie == "swapped" && index == "1") place = CanonicalWriter().U64(0).Take();
  if (!place.empty()) Told();
}

// The first chunk, as often as there are chunks.
void SendTheFirst(Bytes& again) {
  if (TheLie().name != "same-chunk") return;
  again = {0};
  Told();
}

// Cohorts that the liar makes up, and opens rounds with. Without: everybody but one, once there was
// a sum with it. Cohorts: by first letters, three sums of which no two show anybody, and all three
// show c. Pair: d and e come together, and whichever helps has the other's part.
void SetApart(std::string_view site, Bytes& round) {
  static const std::map<std::string_view, std::vector<std::string_view>> kCohorts{
      {"cohorts", {"abc", "cde", "abde"}}, {"pair", {"abc", "abcde"}}};
  const size_t number = round.at(0);
  const bool without = TheLie().name == "without" && number > 0 && site == TheLie().site;
  const auto cohorts = kCohorts.find(TheLie().name);
  const bool chosen = cohorts != kCohorts.end() && number < cohorts->second.size();
  const bool apart = chosen && cohorts->second[number].find(site.front()) == std::string_view::npos;
  if (chosen && number + 1 == cohorts->second.size()) Told();
  if (!without && !apart) return;
  round.clear();
  if (without) Told();
}

// A cohort of three, all of whom are told of it; the record has everybody.
void SeatFew(std::string_view site, Bytes& round) {
  if (TheLie().name != "few" || site.front() <= 'c') return;
  round.clear();
  Told();
}

// Each round starts where the run did; or the run ends there.
void StartOver(std::string_view place, Bytes& base) {
  static const Bytes first = base;
  const bool lies = TheLie().name == (place == "aggregator.base" ? "base" : "last");
  if (!lies || base == first) return;
  base = first;
  Told();
}

void Hook(std::string_view place, std::string_view whom, Bytes& bytes) {
  if (place == "aggregator.apart") return SetApart(whom, bytes);
  if (place == "aggregator.seat") return SeatFew(whom, bytes);
  if (place == "aggregator.number" && TheLie().name == "unopened") return bytes.assign(1, 0);
  if (place == "aggregator.submission" && TheLie().name == "unopened" && whom == TheLie().site) {
    return bytes.clear();
  }
  const bool chooses =
      TheLie().name == "cohorts" || TheLie().name == "pair" || TheLie().name == "without";
  if (place == "aggregator.set-apart" && chooses) return bytes.clear();
  const bool is_base = place == "aggregator.base" || place == "aggregator.last";
  if (is_base) return StartOver(place, bytes);
  if (place == "site.payload") return lying::ChangeThePayload(whom, bytes);
  if (place == "site.submission") return lying::CopyAnother(bytes);
  if (place == "site.scalars") return lying::StandByTheWeight(bytes);
  if (place == "aggregator.planes") return lying::StretchThePlanes(whom, bytes);
  if (place == "site.chunk") return SendAnotherChunk(bytes);
  if (place == "site.chunk-place") return SendItElsewhere(whom, bytes);
  if (place == "site.chunk-again") return SendTheFirst(bytes);
  if (place == "site.saturated" && TheLie().name == "shameless") return bytes.clear();
  const bool takes_all = TheLie().name == "takes-cut" || TheLie().name == "planes";
  if (place == "aggregator.saturation" && takes_all) {
    Told();
    return bytes.clear();
  }
  if (place == "aggregator.masking") return FromTheAggregator(whom, bytes);
  if (place == "site.masking") return FromASite(bytes);
  const bool to_sites = place == "aggregator.sums" && TheLie().name == "sums";
  const bool to_all =
      place == "aggregator.recorded" && (TheLie().name == "recorded" || TheLie().name == "unheard");
  if (to_sites || to_all) {
    uint64_t weight = 0;  // one less than the sum of the weights
    std::memcpy(&weight, bytes.data(), sizeof weight);
    --weight;
    std::memcpy(bytes.data(), &weight, sizeof weight);
    Told();
  }
}

}  // namespace

int main(int argc, char** argv) {
  const std::vector<std::string> arguments(argv + 1, argv + argc);
  if (std::getenv("DURE_LIE")) {
    const auto dir = std::ranges::find(arguments, "--dir");
    if (dir != arguments.end() && dir + 1 != arguments.end()) lying::SetHome(dir[1]);
    SetWireHook(Hook);
    if (TheLie().name == "no-lanes") SetCrashHook(lying::LoseTheLanes);
    if (TheLie().name == "coordinate") SetCrashHook(LieInAnUpload);
    if (TheLie().name == "poison" || TheLie().name == "shameless") SetCrashHook(Poison);
    if (TheLie().name == "nan" || TheLie().name == "huge") SetCrashHook(SpoilTheWeights);
  }
  return dure::cli::RunDure(arguments, std::cout, std::cerr, dure::loop::RealWallNow);
}
