#include "cli/model_desk.h"

#include <gmock/gmock.h>

#include <cmath>
#include <filesystem>
#include <fstream>
#include <iterator>

#include "cli/model_folder.h"
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

// An exported folder of a model that knows nothing: every token is as likely as any other.
class ModelFolder : public testing::Test {
 protected:
  ModelFolder() {
    config_.vocab = 259;
    const model::Layout layout = model::LlamaLayout(config_);
    const std::vector<float> parameters(layout.parameter_count());
    std::filesystem::create_directories(dir_);
    EXPECT_TRUE(model::WriteSafetensors(dir_ / "weights", layout, parameters));
    std::ofstream(dir_ / "config.json") << model::ToConfigJson(config_);
    EXPECT_TRUE(ExportModel({dir_ / "weights", dir_ / "config.json", "bytes"}, folder_));
    std::ofstream(dir_ / "own.tsv") << "rating\ttext\n10\t두레는 마을의 풍습\n9\t품앗이\n";
    standing::Run run;
    run.proposed = 24;
    run.fields = {{"modelConfig", Sha256(AsBytes(model::ToConfigJson(config_))).Hex()},
                  {"tokenizer", "bytes"}};
    state_.runs[run_] = run;
    const standing::RoundAttempt at{run_, RoundNumber{2}, 0};
    state_.rounds[at].closed = 58;
    state_.models[blob::ManifestOfFile((folder_ / "model.safetensors").string())->BlobDigest()] = {
        at};
  }
  ~ModelFolder() override { std::filesystem::remove_all(dir_); }

  SystemRandom random_;
  std::filesystem::path dir_ =
      std::filesystem::temp_directory_path() / ("dure-folder-" + std::to_string(random_.Next64()));
  std::filesystem::path folder_ = dir_ / "model";
  model::LlamaConfig config_ = *model::Preset("tiny");
  RunId run_ = *RunId::Parse("first");
  standing::State state_;
};

TEST_F(ModelFolder, IsFoundInTheRecordUnlessOneByteOfItIsAnother) {
  const auto found = FindRecorded(state_, folder_);
  ASSERT_TRUE(found) << found.error().message;
  EXPECT_EQ(found->run, run_);
  EXPECT_EQ(found->rounds, 3u);
  EXPECT_EQ(found->entry, 58u);
  for (const char* file : {"tokenizer.json", "config.json", "model.safetensors"}) {
    std::ofstream(folder_ / file, std::ios::app) << " ";
    const auto altered = FindRecorded(state_, folder_);
    ASSERT_FALSE(altered) << file;
    EXPECT_EQ(altered.error().code, ErrorCode::kCorrupt);
    EXPECT_THAT(altered.error().message, HasSubstr(file));
  }
  EXPECT_EQ(FindRecorded(state_, dir_ / "none").error().code, ErrorCode::kNotFound);
}

TEST_F(ModelFolder, MeasuresOnesOwnTextByTheByte) {
  const auto all = MeasureText(folder_, {dir_ / "own.tsv", {"text"}}, {});
  ASSERT_TRUE(all) << all.error().message;
  EXPECT_EQ(all->read.documents, 2u);
  EXPECT_TRUE(all->whole);
  EXPECT_EQ(all->bytes, std::string("두레는 마을의 풍습품앗이").size());
  // Each byte and each end of a document, one of 259.
  EXPECT_EQ(all->tokens, all->bytes + 2);
  EXPECT_NEAR(all->nats, static_cast<double>(all->tokens) * std::log(259.0), 0.01);
  const auto some = MeasureText(folder_, {dir_ / "own.tsv", {"text"}}, {.tokens_max = 10});
  ASSERT_TRUE(some) << some.error().message;
  EXPECT_FALSE(some->whole);
  EXPECT_EQ(some->bytes, 9u);
  EXPECT_FALSE(MeasureText(folder_, {dir_ / "none", {}}, {}));
}

}  // namespace
}  // namespace dure::cli
