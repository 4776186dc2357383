#include "cli/model_desk.h"

#include <gmock/gmock.h>

#include <filesystem>
#include <fstream>

#include "cli/site_copy.h"
#include "federation/blob/manifest.h"
#include "federation/random.h"
#include "model/config.h"
#include "model/layout.h"
#include "model/safetensors.h"

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

TEST(Export, IsWholeOrNothingAndWritesOverNothing) {
  namespace fs = std::filesystem;
  SystemRandom random;
  const fs::path dir =
      fs::temp_directory_path() / ("dure-export-" + std::to_string(random.Next64()));
  fs::create_directories(dir);
  const model::LlamaConfig config = *model::Preset("tiny");
  const model::Layout layout = model::LlamaLayout(config);
  const std::vector<float> parameters(layout.parameter_count());
  ASSERT_TRUE(model::WriteSafetensors(dir / "weights", layout, parameters));
  std::ofstream(dir / "config.json") << model::ToConfigJson(config);
  const ModelFiles files{dir / "weights", dir / "config.json", "bytes"};
  ASSERT_TRUE(ExportModel(files, dir / "model/"));
  EXPECT_TRUE(fs::exists(dir / "model" / "config.json"));
  EXPECT_EQ(ExportModel(files, dir / "model").error().code, ErrorCode::kAlreadyExists);
  EXPECT_EQ(MayExportTo(dir / "weights").error().code, ErrorCode::kAlreadyExists);
  fs::create_directories(dir / "empty");
  EXPECT_TRUE(ExportModel(files, dir / "empty"));
  const ModelFiles other{dir / "config.json", dir / "config.json", "bytes"};
  EXPECT_FALSE(ExportModel(other, dir / "none"));
  EXPECT_FALSE(fs::exists(dir / "none"));
  EXPECT_FALSE(fs::exists(dir / "none.writing"));
  fs::remove_all(dir);
}

}  // namespace
}  // namespace dure::cli
