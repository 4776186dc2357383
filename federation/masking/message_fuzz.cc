// Any bytes: what decodes has exactly these bytes; contexts and saved states never crash; and both
// halves hear it in each phase of a round, signed by whom it names.
#include <cstdint>
#include <cstdlib>
#include <map>
#include <memory>
#include <utility>

#include "federation/masking/testing/world.h"

namespace dure::masking {
namespace {

// A round of which site 0 and the aggregator are kept as they were in each phase.
struct Bench {
  World world{{.sites = 4, .parameters = 50}};
  std::map<SitePhase, SiteHalf> sites;
  std::map<AggregatorPhase, AggregatorHalf> aggregators;

  Bench() {
    world.tamper = [this](bool, uint32_t, Bytes&) {
      sites.try_emplace(world.site(0).phase(), world.site(0));
      aggregators.try_emplace(world.aggregator().phase(), world.aggregator());
    };
    world.RunAttempt(3);
    if (world.accepted.size() != 4 || sites.size() < 8) std::abort();
  }

  // The same words, of this round and signed by whom they name: what a site that lies can say.
  template <typename T>
  std::pair<uint32_t, Bytes> Said(const Signed<T>& message) const {
    Header header = message.header;
    header.context = world.context().Id();
    header.round = world.context().round;
    header.attempt = world.context().attempt;
    header.site = std::is_same_v<T, Outcome> ? kAggregator : header.site % 4;
    const Ed25519Signer& signer =
        header.site == kAggregator ? world.aggregator_signer() : world.signer(header.site);
    return {header.site % 4, Sign(signer, header, message.body).carried};
  }
  template <typename T>
  std::pair<uint32_t, Bytes> Said(const T& message) const {
    return {0, EncodeMessage(message)};
  }

  void Hear(const Message& message) const {
    const auto said = std::visit([this](const auto& one) { return Said(one); }, message);
    for (const auto& [phase, half] : sites) {
      SiteHalf site = half;
      site.Handle(FromAggregator{said.second});
      const auto again = SiteHalf::Load(site.Save(), world.signer(0), world.verifier());
      if (!again || again->Save() != site.Save()) std::abort();
    }
    for (const auto& [phase, half] : aggregators) {
      AggregatorHalf aggregator = half;
      aggregator.Handle(FromSite{said.first, said.second});
      const auto again =
          AggregatorHalf::Load(aggregator.Save(), world.aggregator_signer(), world.verifier());
      if (!again || again->Save() != aggregator.Save()) std::abort();
    }
  }
};

void Run(ByteView bytes) {
  static const Bench bench;
  static const std::unique_ptr<Ed25519Signer> signer =
      std::move(*Ed25519Signer::FromSeed(Bytes(32, 1)));
  static const Ed25519Verifier verifier;
  if (const auto message = DecodeMessage(bytes)) {
    if (EncodeMessage(*message) != Bytes(bytes.begin(), bytes.end())) std::abort();
  }
  if (const auto context = Context::Parse(bytes)) {
    if (context->Canonical() != Bytes(bytes.begin(), bytes.end())) std::abort();
    for (uint32_t g = 0; g < context->segment_count(); ++g) {
      if (context->SegmentLayout(g).PayloadBytes() == 0) std::abort();
    }
  }
  if (const auto half = SiteHalf::Load(bytes, *signer, verifier)) {
    if (half->Save() != Bytes(bytes.begin(), bytes.end())) std::abort();
    SiteHalf again = *half;
    again.Handle(Resumed{});
    again.Handle(SayAgain{});
    again.Handle(CheckOverdue{});
  }
  if (const auto half = AggregatorHalf::Load(bytes, *signer, verifier)) {
    // A finished half of an earlier version leaves its shares behind; what it saves then stays.
    const Bytes saved = half->Save();
    const auto same = AggregatorHalf::Load(saved, *signer, verifier);
    if (!same || same->Save() != saved) std::abort();
    AggregatorHalf again = *half;
    again.Handle(Begin{});
    again.Handle(OpenAgain{});
    again.Handle(PhaseOverdue{});
  }
  const auto message = DecodeMessage(bytes);
  if (message) bench.Hear(*message);
}

}  // namespace
}  // namespace dure::masking

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  dure::masking::Run({data, size});
  return 0;
}
