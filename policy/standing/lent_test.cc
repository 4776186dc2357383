// What is kept of a dataset between decisions: it changes none of them.
#include <gmock/gmock.h>

#include <set>

#include "policy/standing/testing.h"

namespace dure::standing {
namespace {

using testing::World;

terms::Instant TermsTime(std::string_view text) { return {rules::Instant::Parse(text)->seconds}; }

// What owners say of a use is made once and used again: never for another use, or another time.
TEST(LentTest, ADecisionIsTheSameWhateverWasDecidedBefore) {
  terms::Terms research = terms::testing::OpenTerms();
  research.use = terms::UseClass::kResearchOnly;
  research.purposes = {terms::Purpose::kScientificResearch};
  research.time.valid_from = TermsTime("2026-11-01");
  research.time.valid_until = TermsTime("2026-12-01");
  World world;
  world.Found();
  world.Lend("notes", "etri", research);
  world.Propose("first", "scientific-research");
  world.Approve("first");
  world.Propose("sold", "commercial-service", "for-profit");
  world.Approve("sold");
  const Standing kept = world.Now();
  std::set<std::string> different;
  for (int turn = 0; turn < 2; ++turn) {
    for (const std::string_view time :
         {"2026-10-02", "2026-10-03", "2026-11-02", "2026-11-03", "2026-12-02", "2026-12-03"}) {
      for (const std::string run : {"first", "sold"}) {
        AdmissionRequest request = world.Asking(run, 0, "etri", "notes");
        request.now = *rules::Instant::Parse(time);
        const std::string decision = Decide(kept, request)->Json();
        EXPECT_EQ(decision, Decide(world.Now(), request)->Json()) << run << " at " << time;
        different.insert(decision);
      }
    }
  }
  // Within its time "first" may, and "sold" may not; outside, each refusal names its own day.
  EXPECT_EQ(different.size(), 2 * (1u + 4u));
}

}  // namespace
}  // namespace dure::standing
