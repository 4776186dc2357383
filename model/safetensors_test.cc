#include "model/safetensors.h"

#include <gmock/gmock.h>
#include <sys/resource.h>

#include <cmath>
#include <csignal>
#include <cstring>
#include <fstream>

#include "federation/digest.h"
#include "model/export.h"
#include "model/initialize.h"

namespace dure::model {
namespace {

using testing::HasSubstr;

std::filesystem::path Temporary(const std::string& name) {
  return std::filesystem::path(testing::TempDir()) / ("dure_safetensors_test_" + name);
}

// A file with this JSON header and so many bytes of data.
Bytes FileOf(const std::string& json, size_t data_bytes) {
  Bytes file(8);
  for (size_t i = 0; i < 8; ++i) file[i] = static_cast<uint8_t>(uint64_t{json.size()} >> (8 * i));
  file.insert(file.end(), json.begin(), json.end());
  file.resize(file.size() + data_bytes);
  return file;
}

std::string Refusal(std::string json, size_t data_bytes) {
  json.append((8 - json.size() % 8) % 8, ' ');
  const Bytes file = FileOf(json, data_bytes);
  const auto parsed = ParseSafetensors(file, file.size());
  if (parsed) return "accepted";
  EXPECT_EQ(parsed.error().code, ErrorCode::kInvalid);
  return parsed.error().message;
}

TEST(SafetensorsTest, AFileThereAndBackHoldsTheSameLayoutAndVector) {
  const LlamaConfig config = *Preset("tiny");
  const Layout layout = LlamaLayout(config);
  const auto path = Temporary("roundtrip");
  std::vector<float> parameters(layout.parameter_count());
  Initialize(config, 1, parameters);
  {
    auto file = std::move(*SafetensorsFile::Create(path, layout));
    std::copy(parameters.begin(), parameters.end(), file.mutable_flat().begin());
    ASSERT_TRUE(file.Sync());
  }
  const auto file = std::move(*SafetensorsFile::Open(path));
  EXPECT_EQ(file.layout(), layout);
  EXPECT_EQ(file.data_offset() % 4096, 0u);
  EXPECT_TRUE(std::equal(parameters.begin(), parameters.end(), file.flat().begin()));
  EXPECT_EQ(file.data().size(), parameters.size() * 4);
  std::filesystem::remove(path);
}

TEST(SafetensorsTest, MappedAndWrittenFilesAreTheSameBytes) {
  Layout layout;
  ASSERT_TRUE(layout.Add("a", {3, 2}));
  ASSERT_TRUE(layout.Add("b", {}));
  const std::vector<float> parameters = {1, 2, 3, 4, 5, 6, 7};
  ASSERT_TRUE(WriteSafetensors(Temporary("written"), layout, parameters));
  {
    auto file = std::move(*SafetensorsFile::Create(Temporary("mapped"), layout));
    std::copy(parameters.begin(), parameters.end(), file.mutable_flat().begin());
  }
  const auto read = [](const std::filesystem::path& path) {
    std::ifstream in(path, std::ios::binary);
    return std::string{std::istreambuf_iterator<char>(in), {}};
  };
  EXPECT_EQ(read(Temporary("written")), read(Temporary("mapped")));
  EXPECT_EQ(read(Temporary("written")).size(), 4096u + 28);
  std::filesystem::remove(Temporary("written"));
  std::filesystem::remove(Temporary("mapped"));
}

TEST(SafetensorsTest, AFileForWhichThereIsNoRoomIsNotLeftHalfWritten) {
  Layout layout;
  ASSERT_TRUE(layout.Add("a", {3, 2}));
  rlimit before{};
  ASSERT_EQ(getrlimit(RLIMIT_FSIZE, &before), 0);
  const auto handler = std::signal(SIGXFSZ, SIG_IGN);
  rlimit small = before;
  small.rlim_cur = 4100;
  ASSERT_EQ(setrlimit(RLIMIT_FSIZE, &small), 0);
  const Status written = WriteSafetensors(Temporary("large"), layout, std::vector<float>(6));
  ASSERT_EQ(setrlimit(RLIMIT_FSIZE, &before), 0);
  std::signal(SIGXFSZ, handler);
  ASSERT_FALSE(written);
  EXPECT_FALSE(std::filesystem::exists(Temporary("large")));
  EXPECT_FALSE(std::filesystem::exists(Temporary("large").string() + ".writing"));
}

TEST(SafetensorsTest, ReadsTensorsInTheOrderOfTheirBytesNotOfTheirNames) {
  const std::string json = R"({"a":{"dtype":"F32","shape":[2],"data_offsets":[4,12]},)"
                           R"("b":{"dtype":"F32","shape":[1,1],"data_offsets":[0,4]}}  )";
  const Bytes file = FileOf(json + std::string((8 - json.size() % 8) % 8, ' '), 12);
  const auto parsed = ParseSafetensors(file, file.size());
  ASSERT_TRUE(parsed) << parsed.error().message;
  EXPECT_EQ(parsed->layout.tensors()[0].name, "b");
  EXPECT_EQ(parsed->layout.tensors()[1].offset, 1u);
}

TEST(SafetensorsTest, RefusesHeadersThatLie) {
  const std::string a = R"("a":{"dtype":"F32","shape":[2],"data_offsets":[0,8]})";
  EXPECT_EQ(Refusal("{" + a + "}", 8), "accepted");
  EXPECT_THAT(Refusal("{" + a + "}", 12), HasSubstr("end with the file"));
  EXPECT_THAT(Refusal("{" + a + "}", 4), HasSubstr("end with the file"));
  EXPECT_THAT(Refusal("{" + a + "," + a + "}", 8), HasSubstr("twice"));
  EXPECT_THAT(Refusal(R"({"a":{"dtype":"F32","dtype":"F32","shape":[2],"data_offsets":[0,8]}})", 8),
              HasSubstr("twice"));
  EXPECT_THAT(Refusal(R"({"a":{"dtype":"BF16","shape":[2],"data_offsets":[0,4]}})", 4),
              HasSubstr("only F32"));
  EXPECT_THAT(Refusal(R"({"a":{"dtype":"F32","shape":[3],"data_offsets":[0,8]}})", 8),
              HasSubstr("match its shape"));
  EXPECT_THAT(Refusal("{" + a + R"(,"b":{"dtype":"F32","shape":[2],"data_offsets":[4,12]}})", 12),
              HasSubstr("overlap"));
  EXPECT_THAT(Refusal("{" + a + R"(,"b":{"dtype":"F32","shape":[1],"data_offsets":[12,16]}})", 16),
              HasSubstr("gap"));
  EXPECT_THAT(Refusal(R"({"a":{"dtype":"F32","shape":[-2],"data_offsets":[0,8]}})", 8),
              HasSubstr("whole number"));
  EXPECT_THAT(Refusal(R"({"a":{"dtype":"F32","shape":[4294967296,4294967296,4294967296],)"
                      R"("data_offsets":[0,8]}})",
                      8),
              HasSubstr("too many parameters"));
  EXPECT_THAT(Refusal(R"({"a":{"dtype":"F32","shape":[2],"data_offsets":[8,0]}})", 8),
              HasSubstr("no range"));
  EXPECT_THAT(Refusal(R"({"a":{"dtype":"F32","shape":[[2]],"data_offsets":[0,8]}})", 8),
              HasSubstr("whole number"));
  EXPECT_THAT(Refusal(R"({"a":{"b":{"c":1}}})", 8), HasSubstr("nested"));
  EXPECT_THAT(Refusal(R"({"__metadata__":{"x":1},)" + a + "}", 8), HasSubstr("only text"));
  EXPECT_THAT(Refusal("[1]", 8), HasSubstr("not a JSON object"));
  EXPECT_THAT(Refusal("{}", 0), HasSubstr("no tensor"));
  EXPECT_THAT(Refusal("{", 0), HasSubstr("not a JSON object"));
}

TEST(SafetensorsTest, RefusesShortOversizedAndUnalignedHeaders) {
  Bytes file = FileOf(R"({"a":{"dtype":"F32","shape":[2],"data_offsets":[0,8]}})", 8);
  for (size_t size = 0; size < file.size(); ++size) {
    EXPECT_FALSE(ParseSafetensors(ByteView(file).first(size), size));
  }
  EXPECT_FALSE(ParseSafetensors(file, file.size())) << "55 bytes of JSON leave the data unaligned";
  file[7] = 0xff;
  EXPECT_FALSE(ParseSafetensors(file, file.size()));
}

TEST(SafetensorsTest, OpenRefusesWhatIsNoFileOfTensors) {
  EXPECT_EQ(SafetensorsFile::Open(Temporary("none")).error().code, ErrorCode::kNotFound);
  std::ofstream(Temporary("text")) << "this is a letter, not a model";
  EXPECT_EQ(SafetensorsFile::Open(Temporary("text")).error().code, ErrorCode::kInvalid);
  EXPECT_EQ(SafetensorsFile::Open(testing::TempDir()).error().code, ErrorCode::kInvalid);
  std::filesystem::remove(Temporary("text"));
}

// These bits are what every compiler must give: a change would make sites start from different
// models.
TEST(InitializeTest, GivesTheSameBitsEverywhere) {
  const LlamaConfig config = *Preset("tiny");
  std::vector<float> parameters(LlamaLayout(config).parameter_count());
  Initialize(config, 42, parameters);
  const auto* bytes = reinterpret_cast<const uint8_t*>(parameters.data());
  EXPECT_EQ(Sha256({bytes, parameters.size() * 4}).Hex(),
            "5841d6e9ffba673085e66618f29e10079af0db927c77303987edb2ba093e5b4f");
}

TEST(InitializeTest, HasTheStatedSpreadAndDependsOnTheSeed) {
  const LlamaConfig config = *Preset("tiny");
  const Layout layout = LlamaLayout(config);
  std::vector<float> a(layout.parameter_count()), b(layout.parameter_count());
  Initialize(config, 1, a);
  Initialize(config, 2, b);
  EXPECT_NE(a, b);
  for (const TensorSpec& tensor : layout.tensors()) {
    double sum = 0, squares = 0;
    for (uint64_t i = tensor.offset; i < tensor.offset + tensor.size; ++i) {
      sum += static_cast<double>(a[i]);
      squares += static_cast<double>(a[i]) * static_cast<double>(a[i]);
    }
    const double n = static_cast<double>(tensor.size);
    if (tensor.shape.size() == 1) {
      EXPECT_EQ(sum, n) << tensor.name;
      continue;
    }
    const bool residual = tensor.name.find("o_proj") != std::string::npos ||
                          tensor.name.find("down_proj") != std::string::npos;
    const double expected = residual ? 0.02 / std::sqrt(8.0) : 0.02;
    EXPECT_NEAR(sum / n, 0.0, 5 * expected / std::sqrt(n)) << tensor.name;
    EXPECT_NEAR(std::sqrt(squares / n), expected, 0.03 * expected) << tensor.name;
  }
}

TEST(ExportTest, MakesAFolderOfThreeFilesThatReadBack) {
  const LlamaConfig config = *Preset("tiny");
  const Layout layout = LlamaLayout(config);
  std::vector<float> parameters(layout.parameter_count());
  Initialize(config, 1, parameters);
  ASSERT_TRUE(WriteSafetensors(Temporary("weights"), layout, parameters));
  // As a store of blobs leaves them.
  std::filesystem::permissions(Temporary("weights"), std::filesystem::perms::owner_read);
  for (const bool may_link : {true, false}) {
    const auto folder = Temporary("export");
    ASSERT_TRUE(ExportHuggingFace(folder, config, Temporary("weights"), {.may_link = may_link}));
    EXPECT_EQ(*ReadConfig(folder / "config.json"), config);
    EXPECT_EQ(SafetensorsFile::Open(folder / "model.safetensors")->layout(), layout);
    EXPECT_TRUE(std::filesystem::exists(folder / "generation_config.json"));
    EXPECT_EQ(std::filesystem::hard_link_count(folder / "model.safetensors"), may_link ? 2u : 1u);
    EXPECT_EQ(std::filesystem::status(folder / "model.safetensors").permissions(),
              may_link ? std::filesystem::perms::owner_read
                       : std::filesystem::status(folder / "config.json").permissions());
  }
  LlamaConfig other = config;
  other.tie_embeddings = false;
  EXPECT_EQ(ExportHuggingFace(Temporary("other"), other, Temporary("weights")).error().code,
            ErrorCode::kInvalid);
  std::filesystem::remove_all(Temporary("export"));
  std::filesystem::remove(Temporary("weights"));
}

}  // namespace
}  // namespace dure::model
