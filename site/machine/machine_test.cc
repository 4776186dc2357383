#include "site/machine/machine.h"

#include <gmock/gmock.h>

namespace dure::machine {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

TEST(Machine, HasACpuAndMemory) {
  const Cpu cpu = LookAtCpu();
  EXPECT_GE(cpu.cores, 1u);
  EXPECT_GT(cpu.memory_bytes, uint64_t{64} << 20);
  EXPECT_LE(cpu.memory_free_bytes, cpu.memory_bytes);
  EXPECT_THAT(cpu.vector_level, testing::AnyOf("AMX", "AVX-512", "AVX2", "baseline"));
}

TEST(Machine, WithoutADriverSaysSo) {
  const Gpus gpus = LookAtGpus({.cuda = "libnothing.so.9", .nccl = "libnothing.so.9"});
  EXPECT_FALSE(gpus.has_driver);
  EXPECT_THAT(gpus.devices, IsEmpty());
  EXPECT_THAT(gpus.nccl, IsEmpty());
  EXPECT_THAT(gpus.trouble, HasSubstr("libnothing.so.9 is not there"));
}

TEST(Machine, AsksTheDriverForDevicesAndPeers) {
  const Gpus gpus = LookAtGpus({.cuda = DURE_FAKE_CUDA, .nccl = DURE_FAKE_CUDA});
  EXPECT_TRUE(gpus.has_driver);
  EXPECT_EQ(gpus.driver, "12.4");
  EXPECT_EQ(gpus.nccl, "2.18.5");
  EXPECT_THAT(gpus.trouble, IsEmpty());
  ASSERT_EQ(gpus.devices.size(), 2u);
  EXPECT_EQ(gpus.devices[0].name, "First");
  EXPECT_EQ(gpus.devices[0].memory_bytes, uint64_t{80} << 30);
  EXPECT_THAT(gpus.devices[0].peers, ElementsAre(1));
  EXPECT_EQ(gpus.devices[1].name, "Second");
  EXPECT_THAT(gpus.devices[1].peers, IsEmpty());
}

}  // namespace
}  // namespace dure::machine
