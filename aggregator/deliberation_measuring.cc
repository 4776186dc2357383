// What models may be measured on.
#include "aggregator/deliberation.h"
#include "policy/standing/measurable.h"

namespace dure::aggregator {
namespace {

constexpr uint32_t kMeasuredAgainMax = 16;  // times that members' entries may overtake a decision

std::string WhyNot(const rules::Decision& decision) {
  if (decision.reasons.empty()) return {};
  const rules::Reason& first = decision.reasons.front();
  return first.rule + ": " + first.because.en;
}

}  // namespace

void Deliberation::Measure(const standing::MeasuringRequest& request,
                           std::function<void(Result<Admitted>)> done) {
  const auto known = Measured(request);
  if (!known) return done(Fail(known.error()));
  if (*known) return done(**known);
  MeasureAgain(request, 0, std::move(done));
}

void Deliberation::MeasureAgain(const standing::MeasuringRequest& request, uint32_t time,
                                std::function<void(Result<Admitted>)> done) {
  auto decide = [asked = request](const standing::Standing& now,
                                  rules::Instant at) -> Result<ledger::Event> {
    if (!standing::IsMeasurable(now.state(), asked.run, asked.model)) {
      return Fail(ErrorCode::kNotFound, standing::WhyNotMeasurable(asked.run, asked.model));
    }
    standing::MeasuringRequest timed = asked;
    timed.now = at;
    DURE_ASSIGN(const standing::Ruling ruling, standing::Decide(now, timed));
    return ledger::Event(standing::EventOf(now, timed, ruling));
  };
  record_.Make(Deciding(decide), "",
               [this, alive = alive_, request, time,
                done = std::move(done)](const Result<ledger::Appended>& entry) {
                 if (!*alive) return;
                 if (!entry) return done(Fail(entry.error()));
                 const auto measured = Measured(request);
                 if (!measured) return done(Fail(measured.error()));
                 if (*measured) return done(**measured);
                 // Its entry has no effect: something came between.
                 if (time + 1 < kMeasuredAgainMax) return MeasureAgain(request, time + 1, done);
                 done(Fail(ErrorCode::kUnavailable, "the record changed each time it was decided"));
               });
}

Result<std::optional<Deliberation::Admitted>> Deliberation::Measured(
    const standing::MeasuringRequest& request) const {
  standing::MeasuringRequest timed = request;
  timed.now = rules::Instant::At(record_.Now());
  std::optional<Admitted> known;
  Status decided;
  DURE_TRY(WithStanding([&](const standing::Standing& now) {
    const auto& all = now.state().measurings;
    const auto found = all.find({request.model, request.site, request.what});
    if (found == all.end() || found->second.run != request.run) return;
    const auto ruling = standing::Decide(now, timed);
    if (!ruling) {
      decided = Fail(ruling.error());
    } else if (ruling->allowed() == found->second.admit) {
      known = Admitted{found->second.index, ruling->allowed(), WhyNot(ruling->decision)};
    }
  }));
  DURE_TRY(decided);
  return known;
}

}  // namespace dure::aggregator
