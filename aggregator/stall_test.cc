#include "aggregator/stall.h"

#include <gmock/gmock.h>

namespace dure::aggregator {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

TEST(Stall, SaysOnceThatItBeganAndOnceThatItIsOver) {
  std::vector<std::string> said;
  Stall stall([&](const std::string& line) { said.push_back(line); }, "merge first/3/0", "/tmp");
  EXPECT_TRUE(stall.Note(Status()));
  EXPECT_THAT(said, IsEmpty());
  const Status full = Fail(ErrorCode::kExhausted, "reserving 4096 bytes for sum");
  for (int second = 0; second < 100; ++second) EXPECT_FALSE(stall.Note(full));
  EXPECT_THAT(said,
              ElementsAre(::testing::AllOf(HasSubstr("cannot merge first/3/0: reserving 4096"),
                                           HasSubstr("bytes are free in /tmp"))));
  EXPECT_TRUE(stall.Note(Result<int>(7)));
  EXPECT_TRUE(stall.Note(Result<int>(7)));
  EXPECT_THAT(said, ElementsAre(::testing::_, "can merge first/3/0 again"));
  EXPECT_FALSE(stall.Note(full));
  EXPECT_EQ(said.size(), 3u);
}

}  // namespace
}  // namespace dure::aggregator
