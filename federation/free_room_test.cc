#include "federation/free_room.h"

#include <gtest/gtest.h>
#include <sys/statvfs.h>

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

TEST(FreeRoom, IsKeptOnASmallDiskInPartAndOnALargeOneAGigabyte) {
  EXPECT_EQ(RoomKept(0), 0u);
  EXPECT_EQ(RoomKept(uint64_t{100} << 20), uint64_t{2} << 20);
  EXPECT_EQ(RoomKept(uint64_t{50} << 30), uint64_t{1} << 30);
  EXPECT_EQ(RoomKept(std::numeric_limits<uint64_t>::max()), uint64_t{1} << 30);
}

TEST(FreeRoom, BesideWhatIsKeptIsLessThanThereIs) {
  const std::unique_ptr<FILE, int (*)(FILE*)> file(std::tmpfile(), &std::fclose);
  ASSERT_NE(file, nullptr);
  struct statvfs disk = {};
  ASSERT_EQ(fstatvfs(fileno(file.get()), &disk), 0);
  const uint64_t free = disk.f_bavail * disk.f_frsize;
  const uint64_t kept = RoomKept(disk.f_blocks * disk.f_frsize);
  ASSERT_GT(kept, 0u);
  if (free < kept) GTEST_SKIP() << "this disk is all but full";
  const uint64_t nearly_all = free - kept / 2;  // others write meanwhile
  EXPECT_TRUE(HasRoom(fileno(file.get()), nearly_all));
  EXPECT_FALSE(HasRoomBesideWhatIsKept(fileno(file.get()), nearly_all));
  EXPECT_FALSE(HasRoomBesideWhatIsKept(fileno(file.get()), std::numeric_limits<uint64_t>::max()));
  EXPECT_TRUE(HasRoomBesideWhatIsKept(fileno(file.get()), 0)) << "nothing is asked for";
}

// What cannot be asked is found out by trying.
TEST(FreeRoom, IsTakenToBeThereWhereNobodySays) {
  EXPECT_TRUE(HasRoom(-1, uint64_t{1} << 60));
  EXPECT_TRUE(HasRoomBesideWhatIsKept(-1, uint64_t{1} << 60));
}

}  // namespace
}  // namespace dure
