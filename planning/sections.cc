#include "planning/sections.h"

#include <algorithm>
#include <cmath>

#include "planning/quantity.h"

namespace dure::planning {
namespace {

void AddRate(Section& section, std::string name, double rate, std::string sentence) {
  section.figures.push_back({std::move(name), rate, "bits/s", RateText(rate), std::move(sentence)});
}
void AddShare(Section& section, std::string name, double share, std::string sentence) {
  section.figures.push_back(
      {std::move(name), share, "share", PercentText(share), std::move(sentence)});
}
void AddCount(Section& section, std::string name, double count, std::string unit,
              std::string sentence) {
  const std::string text = CountText(count) + (unit.empty() ? "" : " " + unit);
  section.figures.push_back({std::move(name), count, std::move(unit), text, std::move(sentence)});
}

std::string LaneText(const Question& q) { return "int" + std::to_string(q.lane_bits); }

}  // namespace

void AddSeconds(Section& section, std::string name, double seconds, std::string sentence) {
  section.figures.push_back(
      {std::move(name), seconds, "s", SecondsText(seconds), std::move(sentence)});
}
void AddBytes(Section& section, std::string name, double bytes, std::string sentence) {
  section.figures.push_back(
      {std::move(name), bytes, "bytes", BytesText(bytes), std::move(sentence)});
}

Training TrainingOf(const Question& q) {
  return {q.parameters, q.tokens_per_step, q.gpus, q.peak_flops, q.mfu};
}

double StepSecondsOf(const Question& q) { return StepSeconds(TrainingOf(q)); }

double DownBitsOf(const Question& q) { return SumBits(q.lane_bits, q.sites); }

double UpBitsOf(const Question& q) { return q.masked ? DownBitsOf(q) : q.lane_bits; }

double LinkRateOf(const Question& q) { return q.link_efficiency * q.link_bits_s; }

double MemberExchangeSeconds(const Question& q) {
  return ExchangeSeconds(q.parameters,
                         {UpBitsOf(q), DownBitsOf(q), q.link_bits_s, q.link_efficiency});
}

double PortExchangeSeconds(const Question& q) {
  return q.sites * ExchangeSeconds(q.parameters,
                                   {UpBitsOf(q), DownBitsOf(q), q.port_bits_s, q.link_efficiency});
}

double BlockingExchangeSeconds(const Question& q) {
  return std::max(MemberExchangeSeconds(q), PortExchangeSeconds(q));
}

Section ComputeSection(const Question& q) {
  Section section{"Computing at a site", {}};
  const double step = StepSecondsOf(q);
  AddSeconds(section, "step_seconds", step,
             "one optimizer step: 6 x " + CountText(q.parameters) + " parameters x " +
                 CountText(q.tokens_per_step) + " tokens, on " + CountText(q.gpus) + " GPUs of " +
                 CountText(q.peak_flops / 1e12) + " TFLOPS of which " + PercentText(q.mfu) +
                 " is reached");
  AddSeconds(section, "round_compute_seconds", q.steps * step,
             "the " + CountText(q.steps) + " steps of a round");
  AddCount(section, "tokens_per_gpu", q.tokens_per_step / q.gpus, "tokens",
           "each GPU's share of a step; the fewer, the more a round needs steps to pay for its "
           "exchange");
  return section;
}

Section UpdateSection(const Question& q) {
  Section section{"One update", {}};
  const auto add = [&](const char* name, const char* kind, double bits, const char* why) {
    const double bytes = UpdateBytes(q.parameters, bits);
    AddBytes(section, name, bytes,
             std::string(kind) + ", " + CountText(bits) + " bits a parameter: " + why + "; " +
                 SecondsText(bytes * 8 / LinkRateOf(q)) + " on the link");
  };
  add("update_fp32_bytes", "fp32", 32, "for comparison, as floating-point systems send it");
  add("update_bf16_bytes", "bf16", 16, "for comparison, halved");
  add("update_int16_bytes", "int16 in the clear", 16, "what a site sends without masking");
  add("update_int8_bytes", "int8 in the clear", 8, "what a site sends without masking");
  add("update_int4_bytes", "int4 in the clear", 4, "what a site sends without masking");
  const std::string sites = CountText(q.sites) + " sites";
  const std::string room = "masked bytes do not compress, and leave room for the sum of " + sites;
  add("update_masked_int16_bytes", "int16 masked", SumBits(16, q.sites), room.c_str());
  add("update_masked_int8_bytes", "int8 masked", SumBits(8, q.sites), room.c_str());
  add("update_masked_int4_bytes", "int4 masked", SumBits(4, q.sites), room.c_str());
  add("aggregate_bytes", "the aggregate", DownBitsOf(q),
      "what comes down to every site, which makes the next model from it");
  return section;
}

Section BlockingSection(const Question& q) {
  Section section{"A round whose exchange blocks", {}};
  const double step = StepSecondsOf(q);
  const double member = MemberExchangeSeconds(q);
  const double port = PortExchangeSeconds(q);
  const double exchange = std::max(member, port);
  AddSeconds(section, "member_exchange_seconds", member,
             LaneText(q) + (q.masked ? " masked up, " : " up, ") +
                 "the aggregate down, on a link of " + RateText(q.link_bits_s) + " that gives " +
                 PercentText(q.link_efficiency) + " to data");
  AddSeconds(section, "port_exchange_seconds", port,
             "the same for all " + CountText(q.sites) + " sites through an aggregator's port of " +
                 RateText(q.port_bits_s) +
                 (port > member ? "; the port is what is waited for: give the aggregator more "
                                  "ports, or more hosts with a share of the segments each"
                                : "; the sites' own links are what is waited for"));
  const double round = q.steps * step + exchange;
  AddSeconds(section, "blocking_round_seconds", round, "computing, then the exchange");
  AddShare(section, "blocking_utilisation", Utilisation(q.steps * step, exchange),
           "the share of a round in which GPUs compute");
  AddCount(section, "blocking_steps", StepsForBlocking(q.utilisation_target, exchange, step),
           "steps",
           "the fewest a round for " + PercentText(q.utilisation_target) +
               "; it does not depend on the model's size, only on tokens a GPU, GPUs and links");
  return section;
}

Section StreamingSection(const Question& q) {
  Section section{"A round whose exchange streams", {}};
  const double step = StepSecondsOf(q);
  const double bits = std::max(UpBitsOf(q), DownBitsOf(q));
  const double wanted = bits * q.parameters / (q.steps * step);
  AddRate(section, "streaming_bits_s", wanted,
          "each way and all the time, if fragments travel while others are trained");
  // Fragments that have more steps together than the round travel beside each other.
  AddRate(section, "streaming_peak_bits_s",
          std::max(wanted, bits * q.parameters / (q.fragments * q.overlap_steps * step)),
          "while one of " + CountText(q.fragments) + " fragments travels, if it has " +
              CountText(q.overlap_steps) + " steps for it");
  AddCount(section, "streaming_steps", StepsForStreaming(q.parameters, bits, LinkRateOf(q), step),
           "steps", "the fewest a round for which the link keeps up, up and down at once");
  const double port = q.sites * wanted;
  const double slower =
      std::max({1.0, wanted / LinkRateOf(q), port / (q.link_efficiency * q.port_bits_s)});
  AddSeconds(section, "streaming_round_seconds", slower * q.steps * step,
             slower == 1 ? "as long as computing: the exchange hides behind it"
             : port / q.port_bits_s > wanted / q.link_bits_s
                 ? "the aggregator's port sets the pace, not the GPUs"
                 : "the sites' links set the pace, not the GPUs");
  AddShare(section, "streaming_utilisation", 1 / slower,
           "the share of a round in which GPUs compute");
  return section;
}

Section MaskingSection(const Question& q) {
  Section section{"Masking", {}};
  const double word = MaskWordBytes(q.lane_bits, q.sites);
  const MaskedCohort all{q.sites, q.sites - 1, 0, word};
  const double rate = q.cores * q.mask_bytes_core_s;
  const std::string on = " on " + CountText(q.cores) + " cores at " +
                         BytesText(q.mask_bytes_core_s) + " a second each";
  const double client = ClientMaskBytes(q.parameters, all);
  AddBytes(section, "mask_client_bytes", client,
           "keystream that a site makes: a mask with each of " + CountText(q.sites - 1) +
               " others and one of its own, " + CountText(word) + " bytes a parameter each");
  AddSeconds(section, "mask_client_seconds", client / rate, "the same" + on);
  const auto server = [&](const std::string& name, double dropped, const std::string& when) {
    const double bytes = ServerMaskBytes(q.parameters, {q.sites, q.sites - 1, dropped, word});
    AddSeconds(section, name, bytes / rate,
               "the aggregator unmasks the sum" + on + ", " + when + ": " + BytesText(bytes) +
                   " of keystream");
  };
  server("unmask_seconds", 0, "if nobody drops out");
  const double threshold = ShareThreshold(q.sites);
  // Of three sites none can be spared.
  if (q.sites > threshold) {
    server("unmask_seconds_1_percent", std::ceil(q.sites / 100),
           "if one in a hundred sites does, at least one");
    server("unmask_seconds_10_percent", std::ceil(q.sites / 10), "if one in ten does");
  }
  if (q.dropped > 0) {
    server("unmask_seconds_dropped", q.dropped, "if " + CountText(q.dropped) + " do");
  }
  AddCount(section, "share_threshold", threshold, "sites",
           "must answer to unmask; fewer can neither finish a round nor open an update");
  section.figures.push_back(
      {"dropouts_survived", q.sites - threshold, "sites",
       CountText(q.sites - threshold) + (q.sites - threshold == 1 ? " site" : " sites"),
       "may vanish at any instant and the round still ends exactly"});
  return section;
}

Section AggregatorSection(const Question& q) {
  Section section{"The aggregator", {}};
  const double step = StepSecondsOf(q);
  const double blocking = q.steps * step + BlockingExchangeSeconds(q);
  AddRate(section, "port_in_bits_s", q.sites * UpBitsOf(q) * q.parameters / (q.steps * step),
          "in, averaged over a streaming round; a blocking round of " + SecondsText(blocking) +
              " needs it all at once");
  AddRate(section, "port_out_bits_s", q.sites * DownBitsOf(q) * q.parameters / (q.steps * step),
          "out: the aggregate to every site");
  const double spool = q.sites * UpdateBytes(q.parameters, UpBitsOf(q));
  const double disk = spool + UpdateBytes(q.parameters, DownBitsOf(q)) + 12 * q.parameters;
  AddBytes(section, "aggregator_disk_bytes", disk,
           "the contributions of one round (" + BytesText(spool) +
               "), the aggregate, this model and the next in fp32 and the outer momentum");
  return section;
}

Section RunSection(const Question& q) {
  Section section{"The whole run", {}};
  const double tokens = q.tokens_per_parameter * q.parameters;
  const double rounds = std::ceil(tokens / (q.sites * q.steps * q.tokens_per_step));
  AddCount(section, "run_rounds", rounds, "rounds",
           CountText(tokens) + " tokens (" + CountText(q.tokens_per_parameter) +
               " a parameter) over " + CountText(q.sites) + " sites");
  const double step = StepSecondsOf(q);
  AddSeconds(section, "run_compute_seconds", rounds * q.steps * step, "computing alone");
  AddSeconds(section, "run_blocking_seconds",
             rounds * (q.steps * step + BlockingExchangeSeconds(q)), "with blocking exchanges");
  AddBytes(section, "run_uplink_bytes", rounds * UpdateBytes(q.parameters, UpBitsOf(q)),
           "sent by each site over the run");
  AddBytes(section, "data_parallel_bytes",
           rounds * q.steps * RingBytes(UpdateBytes(q.parameters, 16), q.sites),
           "for comparison: what each site would send with gradients exchanged every step");
  return section;
}

}  // namespace dure::planning
