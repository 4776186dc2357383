#include "federation/free_room.h"

#include <gtest/gtest.h>

#include <cstdio>
#include <limits>
#include <memory>

namespace dure {
namespace {

TEST(FreeRoom, IsThereForLittleAndNeverForMoreThanAnyDiskHas) {
  const std::unique_ptr<FILE, int (*)(FILE*)> file(std::tmpfile(), &std::fclose);
  ASSERT_NE(file, nullptr);
  EXPECT_TRUE(HasRoom(fileno(file.get()), 0));
  EXPECT_TRUE(HasRoom(fileno(file.get()), 1));
  EXPECT_FALSE(HasRoom(fileno(file.get()), uint64_t{1} << 60));
  EXPECT_FALSE(HasRoom(fileno(file.get()), std::numeric_limits<uint64_t>::max()));
}

// What cannot be asked is found out by trying.
TEST(FreeRoom, IsTakenToBeThereWhereNobodySays) { EXPECT_TRUE(HasRoom(-1, uint64_t{1} << 60)); }

}  // namespace
}  // namespace dure
