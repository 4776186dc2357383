// Any bytes: what decodes has exactly these bytes; contexts and saved states never crash; and a
// site half in the middle of a round meets them as if from its aggregator.
#include <cstdint>
#include <cstdlib>
#include <memory>

#include "federation/masking/aggregator_half.h"
#include "federation/masking/site_half.h"

namespace dure::masking {
namespace {

struct Bench {
  std::unique_ptr<Ed25519Signer> signer = std::move(*Ed25519Signer::FromSeed(Bytes(32, 1)));
  Ed25519Verifier verifier;
  Context context;
  Pinned pinned;

  Bench() {
    context.agreed.federation = "fuzz";
    context.agreed.run = RunId::Parse("run").value();
    context.agreed.parameter_count = 10;
    context.agreed.rules.batch_members = 1;
    context.agreed.rules.members_min = 3;
    context.agreed.aggregator = signer->Key();
    context.threshold = 3;
    for (int i = 0; i < 3; ++i) {
      const std::string name(1, static_cast<char>('a' + i));
      Seat seat{SiteId::Parse(name).value(), MemberId::Parse(name).value(), signer->Key(), 0};
      if (i > 0) seat.key[0] ^= static_cast<uint8_t>(i);
      context.seats.push_back(seat);
    }
    pinned = {.agreed = context.agreed, .self = context.seats[0].site, .admitted = context.seats};
    for (const Seat& seat : context.seats) pinned.cohort.push_back(seat.site);
  }
};

void Run(ByteView bytes) {
  static const Bench bench;
  if (const auto message = DecodeMessage(bytes)) {
    if (EncodeMessage(*message) != Bytes(bytes.begin(), bytes.end())) std::abort();
  }
  if (const auto context = Context::Parse(bytes)) {
    if (context->Canonical() != Bytes(bytes.begin(), bytes.end())) std::abort();
    for (uint32_t g = 0; g < context->segment_count(); ++g) {
      if (context->SegmentLayout(g).PayloadBytes() == 0) std::abort();
    }
  }
  if (const auto half = SiteHalf::Load(bytes, *bench.signer, bench.verifier)) {
    if (half->Save() != Bytes(bytes.begin(), bytes.end())) std::abort();
    SiteHalf again = *half;
    again.Handle(Resumed{});
    again.Handle(SayAgain{});
    again.Handle(CheckOverdue{});
  }
  if (const auto half = AggregatorHalf::Load(bytes, *bench.signer, bench.verifier)) {
    // A finished half of an earlier version leaves its shares behind; what it saves then stays.
    const Bytes saved = half->Save();
    const auto same = AggregatorHalf::Load(saved, *bench.signer, bench.verifier);
    if (!same || same->Save() != saved) std::abort();
    AggregatorHalf again = *half;
    again.Handle(Begin{});
    again.Handle(OpenAgain{});
    again.Handle(PhaseOverdue{});
  }
  if (!DecodeMessage(bytes)) return;
  SiteHalf site(bench.pinned.self, *bench.signer, bench.verifier);
  site.Handle(FromAggregator{EncodeMessage(Open{bench.context.Canonical()})});
  site.Handle(Examined{bench.pinned, {}});
  site.Handle(FromAggregator{Bytes(bytes.begin(), bytes.end())});
  AggregatorHalf aggregator(bench.context, *bench.signer, bench.verifier);
  aggregator.Handle(Begin{});
  aggregator.Handle(FromSite{0, Bytes(bytes.begin(), bytes.end())});
}

}  // namespace
}  // namespace dure::masking

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  dure::masking::Run({data, size});
  return 0;
}
