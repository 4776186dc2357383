#include "cli/find_model.h"

#include <gmock/gmock.h>

#include <sstream>

namespace dure::cli {
namespace {

// A run of three closed rounds, at entries 10, 20 and 30.
standing::State ThreeRounds() {
  standing::State state;
  for (uint64_t round = 0; round < 3; ++round) {
    const standing::RoundAttempt at{*RunId::Parse("first"), round, 0};
    state.rounds[at].model = Sha256(AsBytes(std::to_string(round)));
    state.closings[10 + 10 * round] = at;
  }
  return state;
}

TEST(FindModel, TakesARunForItsNewestModelOfSoManyEntries) {
  std::ostringstream out, err;
  const Context context(out, err, [] { return WallTime(); });
  const standing::State state = ThreeRounds();
  const auto model = [&](uint64_t round) {
    return state.rounds.at(state.closings.at(round)).model;
  };
  EXPECT_EQ(*FindModel(state, "first", context), model(30));
  EXPECT_EQ(*FindModel(state, "first", context, 31), model(30));
  EXPECT_EQ(*FindModel(state, "first", context, 30), model(20));
  EXPECT_EQ(*FindModel(state, "first", context, 11), model(10));
  EXPECT_FALSE(FindModel(state, "first", context, 10).has_value());
  const std::string newest = model(30).Hex().substr(0, 12);
  EXPECT_EQ(*FindModel(state, newest, context), model(30));
  EXPECT_FALSE(FindModel(state, newest, context, 30).has_value()) << "nobody had it by then";
}

}  // namespace
}  // namespace dure::cli
