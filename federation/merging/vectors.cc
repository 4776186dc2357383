#include "federation/merging/vectors.h"

#include <algorithm>
#include <numeric>
#include <string>

#include "federation/check.h"
#include "federation/codec/chunk_writer.h"
#include "federation/codec/pieces.h"
#include "federation/codec/typed.h"
#include "federation/limits.h"
#include "federation/merging/ordered_sum.h"
#include "federation/merging/rows.h"

namespace dure::merging {
namespace {

using codec::AggregateLayout;
using codec::kBlockParameters;
using codec::Range;

size_t VectorsOf(Measure measure, size_t contributions) {
  return contributions + (measure == Measure::kPairsAndCentre ? 1 : 0);
}

// The products of one segment: the lower triangle, row by row, or with kNorms the diagonal.
std::vector<double> MeasureBlock(Measure measure, const Rows& rows, size_t vectors) {
  std::vector<double> products;
  for (size_t i = 0; i < vectors; ++i) {
    const size_t begin = measure == Measure::kNorms ? i : 0;
    for (size_t j = begin; j <= i; ++j) {
      products.push_back(static_cast<double>(rows.Product(i, j)));
    }
  }
  return products;
}

Gram ToGram(Measure measure, size_t vectors, const std::vector<double>& products) {
  Gram gram(vectors);
  size_t next = 0;
  for (size_t i = 0; i < vectors; ++i) {
    const size_t begin = measure == Measure::kNorms ? i : 0;
    for (size_t j = begin; j <= i; ++j) gram.at(i, j) = gram.at(j, i) = products[next++];
  }
  return gram;
}

// What is done to a block's rows: n times the merged value is sums / divisor.
struct Plan {
  Weights weights;       // if not empty
  bool sorts = false;    // else
  uint32_t trimmed = 0;  // on either side, of sorted rows
  bool centred = false;  // the last numerator is the centre's
  double divisor = 1;
};

Plan PlanOf(const round::MergeRule& rule, uint32_t contributions) {
  Plan plan;
  plan.sorts = true;
  plan.trimmed = rule.kind == round::MergeKind::kMedian ? (contributions - 1) / 2 : rule.faults;
  plan.divisor = static_cast<double>(contributions - 2 * plan.trimmed);
  return plan;
}

Plan PlanOf(Weights weights, Measure measure) {
  Plan plan;
  plan.divisor = static_cast<double>(weights.divisor);
  plan.centred = measure == Measure::kPairsAndCentre;
  plan.weights = std::move(weights);
  return plan;
}

void Apply(const Plan& plan, uint32_t contributions, Rows& rows) {
  rows.ClearSums();
  if (plan.sorts) {
    rows.Sort();
    for (uint32_t i = plan.trimmed; i < contributions - plan.trimmed; ++i) {
      rows.Add(i, static_cast<double>(contributions));
    }
    return;
  }
  if (plan.centred) rows.FillCentre();
  for (size_t i = 0; i < plan.weights.numerators.size(); ++i) {
    const int64_t numerator = plan.weights.numerators[i];
    if (numerator != 0) rows.Add(i, static_cast<double>(numerator));
  }
}

// --- writing
// --------------------------------------------------------------------------------------

class Writer {
 public:
  Writer(const AggregateLayout& layout, const Plan& plan, const codec::MergeInput& in,
         const codec::OutputFile& aggregate)
      : layout_(layout), plan_(plan), in_(in), aggregate_(aggregate) {
    chunks.resize(codec::ChunkCount(aggregate.size()));
    squares.resize(codec::BlockCount(layout.parameter_count()));
    // The fewest segments that together end at a chunk boundary.
    const uint64_t whole =
        layout.LowBytes(codec::kSegmentParameters) + layout.HighBytes(codec::kSegmentParameters);
    segments_a_piece_ = limits::kChunkBytes / std::gcd(uint64_t{limits::kChunkBytes}, whole);
  }

  uint64_t piece_count() const {
    return (layout_.segment_count() + segments_a_piece_ - 1) / segments_a_piece_;
  }

  Result<uint64_t> Write(uint64_t piece) {
    const uint64_t begin = piece * segments_a_piece_;
    const uint64_t end = std::min(begin + segments_a_piece_, layout_.segment_count());
    codec::ChunkWriter writer(aggregate_, chunks, layout_.SegmentOffset(begin));
    Bytes planes(layout_.SegmentBytes(begin));
    Rows rows(layout_.lane(), layout_.site_count());
    uint64_t parameters = 0;
    for (uint64_t segment = begin; segment < end; ++segment) {
      const std::span<uint8_t> out = std::span(planes).first(layout_.SegmentBytes(segment));
      DURE_TRY(FillAny(segment, rows, out));
      DURE_TRY(writer.Append(out));
      parameters += layout_.Segment(segment).size();
    }
    return parameters;
  }

  std::vector<Digest> chunks;
  std::vector<uint64_t> squares;

 private:
  Status FillAny(uint64_t segment, Rows& rows, std::span<uint8_t> planes) {
    return codec::LaneBytes(layout_.lane()) == 1 ? Fill<int16_t, uint8_t>(segment, rows, planes)
                                                 : Fill<int32_t, uint16_t>(segment, rows, planes);
  }
  template <typename Sum, typename Low>
  Status Fill(uint64_t segment, Rows& rows, std::span<uint8_t> planes) {
    const Range range = layout_.Segment(segment);
    Low* const low = codec::Typed<Low>(planes.data());
    uint8_t* const high = planes.data() + layout_.LowBytes(range.size());
    alignas(64) Sum sums[kBlockPadded] = {};
    for (uint64_t at = 0; at < range.size(); at += kBlock) {
      const size_t count = std::min<uint64_t>(kBlock, range.size() - at);
      DURE_TRY(rows.Load(in_.contributions, range.begin + at, count));
      Apply(plan_, layout_.site_count(), rows);
      std::fill(sums + count, sums + kBlockPadded, Sum{0});
      squares[(range.begin + at) / kBlock] =
          Pack(count, rows.Sums().data(), sums, low + at, high + layout_.HighBytes(at));
    }
    return {};
  }

  uint64_t Pack(size_t count, const double* from, int16_t* sums, uint8_t* low,
                uint8_t* high) const {
    BestBlockKernels().finish8(count, from, plan_.divisor, layout_.sum_max(), sums);
    return codec::BestKernels().pack8(count, sums, layout_.high_bits(), low, high);
  }
  uint64_t Pack(size_t count, const double* from, int32_t* sums, uint16_t* low,
                uint8_t* high) const {
    BestBlockKernels().finish16(count, from, plan_.divisor, layout_.sum_max(), sums);
    return codec::BestKernels().pack16(count, sums, layout_.high_bits(), low, high);
  }

  const AggregateLayout& layout_;
  const Plan& plan_;
  const codec::MergeInput& in_;
  const codec::OutputFile& aggregate_;
  uint64_t segments_a_piece_ = 1;
};

Status CheckInput(const AggregateLayout& layout, const codec::MergeInput& in) {
  DURE_TRY(codec::CheckScales(in.scales, layout.parameter_count()));
  if (in.contributions.size() != layout.site_count()) {
    return Fail(ErrorCode::kInvalid, "there is not one contribution a site of the layout");
  }
  for (const ByteView contribution : in.contributions) {
    if (contribution.size() == codec::PackedBytes(layout.lane(), layout.parameter_count()))
      continue;
    return Fail(ErrorCode::kInvalid, "a contribution has another size than the model's lanes");
  }
  return {};
}

}  // namespace

Result<Gram> MeasureContributions(Measure measure, const AggregateLayout& layout,
                                  const codec::MergeInput& in, const codec::Work& work) {
  DURE_TRY(CheckInput(layout, in));
  const size_t vectors = VectorsOf(measure, in.contributions.size());
  const size_t products = measure == Measure::kNorms ? vectors : vectors * (vectors + 1) / 2;
  OrderedSum total(products);
  const auto piece = [&](uint64_t segment) -> Result<uint64_t> {
    const Range range = layout.Segment(segment);
    Rows rows(layout.lane(), layout.site_count());
    std::vector<double> sum(products);
    for (uint64_t at = range.begin; at < range.end; at += kBlock) {
      DURE_TRY(rows.Load(in.contributions, at, std::min<uint64_t>(kBlock, range.end - at)));
      if (measure == Measure::kPairsAndCentre) rows.FillCentre();
      const double unit = static_cast<double>(in.scales[at / kBlockParameters]) /
                          static_cast<double>(codec::LaneMax(layout.lane()));
      const std::vector<double> block = MeasureBlock(measure, rows, vectors);
      for (size_t i = 0; i < products; ++i) sum[i] += block[i] * (unit * unit);
    }
    total.Put(segment, std::move(sum));
    return range.size();
  };
  DURE_TRY(codec::RunPieces(work, layout.segment_count(), layout.parameter_count(), piece));
  return ToGram(measure, vectors, total.total());
}

Result<RobustAggregate> MergeByRule(const round::MergeRule& rule, const AggregateLayout& layout,
                                    const codec::MergeInput& in, const codec::OutputFile& aggregate,
                                    const codec::Work& work) {
  DURE_CHECK(!rule.is_mean(), "a mean is the sum of its contributions");
  DURE_TRY(CheckInput(layout, in));
  const uint32_t n = layout.site_count();
  DURE_TRY(rule.Validate(n));
  if (aggregate.size() != layout.bytes()) {
    return Fail(ErrorCode::kInvalid, "the aggregate's file has another size");
  }
  RobustAggregate merged;
  Plan plan = PlanOf(rule, n);
  if (const Measure measure = MeasureOf(rule); measure != Measure::kNothing) {
    DURE_ASSIGN(const Gram gram, MeasureContributions(measure, layout, in, work));
    plan = PlanOf(Choose(rule, gram), measure);
    merged.shares = SharesOf(plan.weights, n);
  }
  Writer writer(layout, plan, in, aggregate);
  DURE_TRY(codec::RunPieces(work, writer.piece_count(), layout.parameter_count(),
                            [&](uint64_t piece) { return writer.Write(piece); }));
  merged.chunks = std::move(writer.chunks);
  merged.squares = std::move(writer.squares);
  return merged;
}

}  // namespace dure::merging
