#include "cli/model_desk.h"

#include <gmock/gmock.h>

#include <filesystem>
#include <fstream>

#include "cli/site_copy.h"
#include "federation/blob/manifest.h"
#include "federation/random.h"

namespace dure::cli {
namespace {

using testing::HasSubstr;

TEST(StoredModel, IsReadThroughBeforeAnybodyIsGivenIt) {
  namespace fs = std::filesystem;
  SystemRandom random;
  const fs::path dir =
      fs::temp_directory_path() / ("dure-model-" + std::to_string(random.Next64()));
  fs::create_directories(dir / "blobs" / "blobs");
  const std::string weights(3000, 'w');
  const Digest model = blob::ManifestOf(AsBytes(weights)).BlobDigest();
  EXPECT_EQ(StoredModel(dir, model).error().code, ErrorCode::kNotFound);
  const fs::path path = dir / "blobs" / "blobs" / model.Hex();
  std::ofstream(path) << weights;
  EXPECT_EQ(*StoredModel(dir, model), path);
  std::string rotted = weights;
  rotted[1500] ^= 1;
  std::ofstream(path) << rotted;
  const auto read = StoredModel(dir, model);
  ASSERT_FALSE(read);
  EXPECT_EQ(read.error().code, ErrorCode::kCorrupt);
  EXPECT_THAT(read.error().message, HasSubstr("has rotted"));
  fs::remove_all(dir);
}

}  // namespace
}  // namespace dure::cli
