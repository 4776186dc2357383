// The plug-in as a program meets it: there or not, whole or not, with a driver or without.
#include "model/cuda/plugin.h"

#include <gmock/gmock.h>

#include <fstream>

#include "model/cuda/emulated/emulated_device.h"

namespace dure::model::cuda {
namespace {

using testing::HasSubstr;

TEST(PluginTest, AMissingPluginIsSaidToBeMissing) {
  const auto table = LoadPlugin("/nowhere/dure_cuda.so");
  ASSERT_FALSE(table);
  EXPECT_EQ(table.error().code, ErrorCode::kNotFound);
}

TEST(PluginTest, AFileThatIsNoLibraryIsRefusedWithTheLoadersReason) {
  const auto path = std::filesystem::path(testing::TempDir()) / "dure_no_plugin.so";
  std::ofstream(path) << "not a library";
  const auto table = LoadPlugin(path);
  ASSERT_FALSE(table);
  EXPECT_EQ(table.error().code, ErrorCode::kUnavailable);
  EXPECT_THAT(table.error().message, HasSubstr("does not load"));
}

// With and without a driver, and whether or not this build has the plug-in: either there are GPUs,
// or a sentence says why there are none.
TEST(PluginTest, LookingAlwaysEndsWithDevicesOrAReason) {
  const CudaState state = LookForCuda();
  EXPECT_EQ(state.devices == 0, !state.trouble.empty()) << state.trouble;
  if (state.devices == 0) return;
  const auto device = Device::Open(*state.table, 0);
  ASSERT_TRUE(device) << device.error().message;
  EXPECT_THAT((*device)->Text(), HasSubstr("GiB"));
}

TEST(PluginTest, ADeviceThatIsNotThereIsRefused) {
  const auto device = Device::Open(EmulatedTable(), 7);
  ASSERT_FALSE(device);
  EXPECT_EQ(device.error().code, ErrorCode::kUnavailable);
  EXPECT_THAT(device.error().message, HasSubstr("GPU 7"));
}

TEST(PluginTest, MemoryThatIsNotThereIsRefusedAndTheDeviceGoesOn) {
  const auto device = Device::Open(EmulatedTable(), 0);
  ASSERT_TRUE(device);
  const auto memory = (*device)->Allocate(uint64_t{1} << 50);
  ASSERT_FALSE(memory);
  EXPECT_EQ(memory.error().code, ErrorCode::kExhausted);
  EXPECT_TRUE((*device)->Allocate(1 << 20));
  EXPECT_TRUE((*device)->Synchronize());
}

}  // namespace
}  // namespace dure::model::cuda
