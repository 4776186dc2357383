#include "model/text/tokenizer.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>
#include <regex>

#include "federation/random.h"
#include "model/text/byte_pairs.h"
#include "model/text/pretokenize.h"

namespace dure::text {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

const std::string kKorean =
    "영화가 정말 재미있었어요. 영화를 다시 보고 싶어요! 3박4일 놀러가고 싶다 ㅋㅋㅋ 재미있는 "
    "영화입니다.\n";
const std::string kEnglish = "the cat's hat isn't the dog's hat; they'll see the hat in 2024.\n";

Tokenizer Trained(uint32_t vocab_size = 400) {
  TokenizerTrainer trainer;
  for (int i = 0; i < 20; ++i) {
    trainer.Add(kKorean);
    trainer.Add(kEnglish);
    trainer.Add("int main() {\n  return 0;\n}\n");
  }
  return *trainer.Train(vocab_size);
}

std::vector<std::string> Words(std::string_view text) {
  std::vector<std::string> words;
  for (size_t at = 0; at < text.size();) {
    const size_t end = WordEnd(text, at);
    words.emplace_back(text.substr(at, end - at));
    at = end;
  }
  return words;
}

std::string RandomText(SeededRandom* random) {
  const std::string parts[] = {"가나",
                               " 다",
                               "ㅋㅋ",
                               "abc",
                               " the",
                               "'s",
                               "12345",
                               "  ",
                               "\n\n",
                               "\t",
                               "한",
                               "漢字",
                               "😀",
                               "é",
                               "\xff",
                               "\xe2\x82",
                               "\r\n",
                               ".",
                               "!",
                               std::string(1, '\0'),
                               "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"};
  std::string text;
  for (uint64_t n = random->Below(40); n > 0; --n) text += parts[random->Below(std::size(parts))];
  for (uint64_t n = random->Below(20); n > 0; --n) text += static_cast<char>(random->Below(256));
  return text;
}

TEST(PreTokenizer, CutsKoreanEnglishNumbersAndSpace) {
  EXPECT_THAT(Words("영화를 다시 봤다."), ElementsAre("영화를", " 다시", " 봤다", "."));
  EXPECT_THAT(Words("it's  12345 원!!\n\nx"),
              ElementsAre("it", "'s", " ", " ", "123", "45", " 원", "!!\n\n", "x"));
  EXPECT_THAT(Words("a\n  \n   b "), ElementsAre("a", "\n  \n", "  ", " b", " "));
  EXPECT_THAT(Words("ABC가나漢字"), ElementsAre("ABC", "가나", "漢字"));
  EXPECT_THAT(Words("'tis 'x"), ElementsAre("'t", "is", " '", "x"));
}

TEST(PreTokenizer, TakesEachInvalidByteAsAnythingElse) {
  EXPECT_THAT(Words("a\xff\xfe"
                    "b"),
              ElementsAre("a", "\xff\xfe", "b"));
  EXPECT_THAT(Words("\xed\xa0\x80가"), ElementsAre("\xed\xa0\x80", "가"));  // a surrogate
}

TEST(Tokenizer, GivesBackAnyBytes) {
  const Tokenizer trained = Trained();
  const Tokenizer bytes = Tokenizer::Bytes();
  SeededRandom random(7);
  for (int i = 0; i < 2000; ++i) {
    const std::string text = RandomText(&random);
    ASSERT_EQ(trained.Decode(trained.Encode(text)), text);
    ASSERT_EQ(bytes.Decode(bytes.Encode(text)), text);
  }
}

TEST(Tokenizer, EncoderWithItsCacheGivesTheSameIds) {
  const Tokenizer tokenizer = Trained();
  Encoder encoder(tokenizer);
  SeededRandom random(8);
  for (int i = 0; i < 2000; ++i) {
    const std::string text = RandomText(&random);
    std::vector<uint32_t> ids;
    encoder.Append(text, &ids);
    ASSERT_EQ(ids, tokenizer.Encode(text));
  }
}

// The definition: merge the lowest rank first, the leftmost of equals, until nothing merges.
std::vector<uint32_t> MergedByDefinition(const BytePairModel& model, std::string_view word) {
  std::vector<uint32_t> ids;
  for (const char c : word) ids.push_back(ByteToken(static_cast<uint8_t>(c)));
  for (;;) {
    BytePairModel::Merge best;
    size_t at = 0;
    for (size_t i = 0; i + 1 < ids.size(); ++i) {
      const auto merge = model.Find(ids[i], ids[i + 1]);
      if (merge.rank < best.rank) best = merge, at = i;
    }
    if (best.rank == UINT32_MAX) return ids;
    ids[at] = best.id;
    ids.erase(ids.begin() + static_cast<ptrdiff_t>(at) + 1);
  }
}

TEST(BytePairs, ShortAndLongWordsMergeAsDefined) {
  BytePairModel model;
  const auto byte = [](char c) { return ByteToken(static_cast<uint8_t>(c)); };
  const uint32_t aa = model.AddToken("aa");
  model.AddMerge({byte('a'), byte('a')}, aa);
  const uint32_t ab = model.AddToken("ab");
  model.AddMerge({byte('a'), byte('b')}, ab);
  const uint32_t aaab = model.AddToken("aaab");
  model.AddMerge({aa, ab}, aaab);
  model.AddMerge({byte('b'), aa}, model.AddToken("baa"));
  model.AddMerge({aa, aa}, model.AddToken("aaaa"));
  SeededRandom random(9);
  for (int i = 0; i < 3000; ++i) {
    std::string word;
    for (uint64_t n = 1 + random.Below(200); n > 0; --n) word += "aaabc"[random.Below(5)];
    std::vector<uint32_t> ids;
    model.EncodeWord(word, &ids);
    ASSERT_EQ(ids, MergedByDefinition(model, word)) << word;
  }
}

TEST(Tokenizer, TrainingLearnsFrequentWordsAndIsDeterministic) {
  const Tokenizer tokenizer = Trained();
  EXPECT_EQ(tokenizer.Encode("영화").size(), 1u);
  EXPECT_EQ(tokenizer.Encode(" the hat").size(), 2u);
  EXPECT_EQ(tokenizer.digest(), Trained().digest());
  EXPECT_NE(tokenizer.digest(), Trained(300).digest());
}

TEST(Tokenizer, StopsEarlyWhenNoPairOccursTwice) {
  TokenizerTrainer trainer;
  trainer.Add("abcdefg");
  EXPECT_EQ(trainer.Train(5000)->vocab_size(), kVocabularyMin);
}

TEST(Tokenizer, RefusesImpossibleVocabularySizes) {
  EXPECT_EQ(TokenizerTrainer().Train(100).error().code, ErrorCode::kInvalid);
  EXPECT_EQ(TokenizerTrainer().Train(kVocabularyMax + 1).error().code, ErrorCode::kInvalid);
}

TEST(Tokenizer, NeverMakesASpecialTokenFromText) {
  for (const uint32_t id : Trained().Encode("<|bos|>x<|eos|><|pad|>")) {
    EXPECT_GE(id, kSpecialTokenCount);
  }
}

TEST(Tokenizer, SavedAndLoadedItIsTheSame) {
  const std::filesystem::path folder =
      std::filesystem::path(testing::TempDir()) / "dure_tokenizer_test";
  const Tokenizer tokenizer = Trained();
  ASSERT_TRUE(tokenizer.Save(folder).has_value());
  const auto loaded = Tokenizer::Load(folder.string());
  ASSERT_TRUE(loaded.has_value()) << loaded.error().message;
  EXPECT_EQ(loaded->digest(), tokenizer.digest());
  EXPECT_EQ(loaded->vocab_size(), tokenizer.vocab_size());
  EXPECT_EQ(loaded->Encode(kKorean), tokenizer.Encode(kKorean));
  std::ifstream file(folder / "tokenizer.json", std::ios::binary);
  const std::string bytes{std::istreambuf_iterator<char>(file), {}};
  EXPECT_EQ(Sha256(AsBytes(bytes)), tokenizer.digest());
  std::filesystem::remove_all(folder);
}

TEST(Tokenizer, NamesWhatIsMissing) {
  const auto missing = Tokenizer::Load("/nonexistent/tokenizer.json");
  EXPECT_EQ(missing.error().code, ErrorCode::kNotFound);
  EXPECT_TRUE(Tokenizer::Load("bytes").has_value());
}

TEST(TokenizerJson, RefusesWhatItCannotReproduce) {
  const std::string good = Trained().json();
  ASSERT_TRUE(Tokenizer::Parse(AsBytes(good)).has_value());
  const std::pair<const char*, const char*> edits[] = {
      {"\"normalizer\": null", "\"normalizer\": {\"type\":\"NFC\"}"},
      {"[0-9]{1,3}", "[0-9]{1,2}"},
      {"\"ignore_merges\": false", "\"ignore_merges\": true"},
      {"\"BPE\"", "\"Unigram\""},
      {"\"<|pad|>\": 2", "\"<|pad|>\": 3"},
      {"\"!\": 36", "\"!\": 37"},
      {"\"merges\": [", "\"merges\": [\"q\","},
      {"\"merges\": [", "\"merges\": [\"q \\u0001\","},
      {"\"id\":0", "\"id\":5"},
  };
  for (const auto& [from, to] : edits) {
    std::string bad = good;
    const size_t at = bad.find(from);
    ASSERT_NE(at, std::string::npos) << from;
    bad.replace(at, std::string_view(from).size(), to);
    const auto parsed = Tokenizer::Parse(AsBytes(bad));
    ASSERT_FALSE(parsed.has_value()) << to;
    EXPECT_EQ(parsed.error().code, ErrorCode::kInvalid) << to;
  }
}

}  // namespace
}  // namespace dure::text
