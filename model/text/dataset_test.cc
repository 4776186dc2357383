#include "model/text/dataset.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <fstream>
#include <set>

namespace dure::text {
namespace {

using ::testing::HasSubstr;

class Datasets : public testing::Test {
 protected:
  Datasets()
      : folder_(std::filesystem::path(testing::TempDir()) /
                (std::string("dure_dataset_") +
                 testing::UnitTest::GetInstance()->current_test_info()->name())) {
    std::filesystem::remove_all(folder_);
    std::filesystem::create_directories(folder_ / "data");
  }
  ~Datasets() override { std::filesystem::remove_all(folder_); }

  void Write(const std::string& name, std::string_view text) {
    std::ofstream(folder_ / "data" / name, std::ios::binary) << text;
  }
  void WriteReviews(int count) {
    std::string table = "rating\ttext\n";
    for (int i = 0; i < count; ++i) table += "5\t영화 감상 " + std::to_string(i) + "번\n";
    Write("reviews.tsv", table);
  }
  Result<Dataset> Prepare(const Tokenizer& tokenizer = Tokenizer::Bytes(),
                          const SplitOptions& split = {}) {
    return PrepareDataset({folder_ / "data", {}}, tokenizer, split, folder_ / "work");
  }
  static std::set<std::string> DocumentsOf(const TokenFile& file, const Tokenizer& tokenizer) {
    std::set<std::string> documents;
    std::vector<uint32_t> open;
    for (const uint32_t id : file.tokens()) {
      if (id == tokenizer.bos()) open.clear();
      if (id == tokenizer.eos()) documents.insert(tokenizer.Decode(open));
      open.push_back(id);
    }
    return documents;
  }

  std::filesystem::path folder_;
};

TEST_F(Datasets, SplitsDocumentsWithoutLeakAndLosesNone) {
  WriteReviews(2000);
  const Tokenizer tokenizer = Tokenizer::Bytes();
  const auto dataset = Prepare();
  ASSERT_TRUE(dataset.has_value()) << dataset.error().message;
  const auto train = DocumentsOf(dataset->train, tokenizer);
  const auto held_out = DocumentsOf(dataset->held_out, tokenizer);
  EXPECT_EQ(train.size() + held_out.size(), 2000u);
  EXPECT_GT(held_out.size(), 60u);
  EXPECT_LT(held_out.size(), 150u);
  for (const std::string& document : held_out) EXPECT_FALSE(train.contains(document));
  EXPECT_EQ(dataset->counts.train_bytes + dataset->counts.held_out_bytes,
            dataset->counts.read.bytes);
  EXPECT_EQ(dataset->counts.train_tokens, dataset->train.tokens().size());
}

TEST_F(Datasets, EqualTextsAreOnOneSide) {
  std::string table = "text\n";
  for (int i = 0; i < 4000; ++i)
    table += "영화 감상 " + std::to_string(i % 100) + "번" + (i % 2 ? " \n" : "\n");
  Write("a.tsv", table);
  const Tokenizer tokenizer = Tokenizer::Bytes();
  const auto dataset = Prepare();
  ASSERT_TRUE(dataset.has_value()) << dataset.error().message;
  const auto train = DocumentsOf(dataset->train, tokenizer);
  for (std::string document : DocumentsOf(dataset->held_out, tokenizer)) {
    while (document.ends_with(' ')) document.pop_back();
    EXPECT_FALSE(train.contains(document) || train.contains(document + " ")) << document;
  }
}

TEST_F(Datasets, OneLargeDocumentIsSplitByPieces) {
  std::string text;
  for (int i = 0; i < 20000; ++i) text += "line " + std::to_string(i) + " of a long play\n";
  Write("play.txt", text);
  const auto dataset = Prepare();
  ASSERT_TRUE(dataset.has_value()) << dataset.error().message;
  EXPECT_GT(dataset->counts.held_out_bytes, text.size() / 100);
  EXPECT_LT(dataset->counts.held_out_bytes, text.size() / 8);
  EXPECT_EQ(dataset->counts.held_out_bytes + dataset->counts.train_bytes, text.size());
}

TEST_F(Datasets, TheSplitIsTheSameForEveryTokenizer) {
  WriteReviews(500);
  TokenizerTrainer trainer;
  trainer.Add("영화 감상 영화 감상 번 번 번");
  const Tokenizer pairs = *trainer.Train(300);
  const auto a = Prepare();
  const auto b = Prepare(pairs);
  ASSERT_TRUE(a.has_value() && b.has_value());
  EXPECT_EQ(DocumentsOf(a->held_out, Tokenizer::Bytes()), DocumentsOf(b->held_out, pairs));
  EXPECT_LT(b->counts.held_out_tokens, a->counts.held_out_tokens);
}

TEST_F(Datasets, ASmallSourceStillHoldsSomethingOut) {
  WriteReviews(3);
  const auto dataset = Prepare();
  ASSERT_TRUE(dataset.has_value()) << dataset.error().message;
  EXPECT_GT(dataset->counts.held_out_bytes, 0u);
  EXPECT_GT(dataset->counts.train_bytes, 0u);
}

TEST_F(Datasets, RefusesASourceThatCannotBeSplit) {
  Write("one.txt", "a single short text");
  const auto dataset = Prepare();
  ASSERT_FALSE(dataset.has_value());
  EXPECT_EQ(dataset.error().code, ErrorCode::kInvalid);
  EXPECT_THAT(dataset.error().message, HasSubstr("too little text"));
  EXPECT_THAT(dataset.error().message, HasSubstr("19 bytes in 1 document"));
  EXPECT_EQ(CheckSplit({folder_ / "data", {}}).error().message, dataset.error().message);
  Write("two.txt", "a single short text\n");
  EXPECT_THAT(CheckSplit({folder_ / "data", {}}).error().message, HasSubstr("all alike"));
  Write("three.txt", "another short text");
  EXPECT_TRUE(CheckSplit({folder_ / "data", {}}));
}

TEST_F(Datasets, OneTextOfMoreThanAPieceCanBeSplit) {
  Write("one.txt", std::string(1024, 'a') + "b");
  EXPECT_TRUE(CheckSplit({folder_ / "data", {}}));
  EXPECT_TRUE(Prepare().has_value());
}

TEST_F(Datasets, HeldOutTextIsBounded) {
  WriteReviews(5000);
  const auto dataset =
      Prepare(Tokenizer::Bytes(), {.held_out_fraction = 0.5, .held_out_bytes_max = 4000});
  ASSERT_TRUE(dataset.has_value());
  EXPECT_LT(dataset->counts.held_out_bytes, 8000u);
}

TEST_F(Datasets, ASecondTimeItIsCachedAndADamagedCacheIsMadeAnew) {
  WriteReviews(500);
  const auto first = Prepare();
  ASSERT_TRUE(first.has_value());
  EXPECT_FALSE(first->cached);
  EXPECT_TRUE(Prepare()->cached);
  for (const auto& entry : std::filesystem::recursive_directory_iterator(folder_ / "work")) {
    if (entry.path().filename() != "train.tok") continue;
    std::fstream file(entry.path(), std::ios::in | std::ios::out | std::ios::binary);
    file.seekp(500);
    file.put('\x7f');
  }
  const auto repaired = Prepare();
  ASSERT_TRUE(repaired.has_value()) << repaired.error().message;
  EXPECT_FALSE(repaired->cached);
  EXPECT_EQ(repaired->key, first->key);
  WriteReviews(501);
  EXPECT_FALSE(Prepare()->cached);
}

TEST_F(Datasets, EndsWhenAskedAndLeavesNothing) {
  WriteReviews(500);
  int asked = 0;
  const auto dataset = PrepareDataset({folder_ / "data", {}}, Tokenizer::Bytes(), {},
                                      folder_ / "work", [&asked] { return ++asked < 10; });
  EXPECT_EQ(dataset.error().code, ErrorCode::kCancelled);
  EXPECT_TRUE(std::filesystem::is_empty(folder_ / "work" / "tokens"));
}

TEST_F(Datasets, TokenFilesCutShortOrChangedAreRefused) {
  WriteReviews(100);
  const auto dataset = Prepare();
  std::filesystem::path path;
  for (const auto& entry : std::filesystem::recursive_directory_iterator(folder_ / "work")) {
    if (entry.path().filename() == "held-out.tok") path = entry.path();
  }
  std::ifstream in(path, std::ios::binary);
  const std::string good{std::istreambuf_iterator<char>(in), {}};
  for (size_t i = 0; i < good.size(); i += 7) {
    std::string bad = good;
    bad[i] = static_cast<char>(bad[i] ^ 1);
    std::ofstream(folder_ / "bad", std::ios::binary) << bad;
    EXPECT_EQ(TokenFile::Open(folder_ / "bad").error().code, ErrorCode::kCorrupt) << i;
    std::ofstream(folder_ / "bad", std::ios::binary) << good.substr(0, i);
    EXPECT_EQ(TokenFile::Open(folder_ / "bad").error().code, ErrorCode::kCorrupt) << i;
  }
}

}  // namespace
}  // namespace dure::text
