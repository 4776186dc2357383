// bench_tokens [TEXT FILE]: text to tokens, the encoder alone on one and two threads, and a whole
// dataset prepared from a file: read, cut, tokenised, digested, written and synced.
//
// The text is made here: words of three to four letters or syllables, drawn as words are in
// language (the n-th most frequent one n times as rarely), half Korean, half English letters;
// 30,000 words. The tokenizer is trained on its beginning.
#include <CLI/CLI.hpp>
#include <chrono>
#include <cstdio>
#include <filesystem>
#include <fstream>
#include <string>
#include <string_view>
#include <thread>
#include <vector>

#include "federation/random.h"
#include "model/text/dataset.h"

namespace {

using dure::SeededRandom;
namespace fs = std::filesystem;
namespace text = dure::text;

constexpr size_t kTextBytes = size_t{64} << 20;
constexpr size_t kWords = 30'000;
constexpr uint32_t kVocabulary = 8'192;

std::string Word(SeededRandom& random, bool korean) {
  std::string word;
  for (uint64_t left = 2 + random.Below(3); left > 0; --left) {
    if (!korean) {
      word += static_cast<char>('a' + random.Below(26));
      word += "aeiou"[random.Below(5)];
      continue;
    }
    const auto c = static_cast<uint32_t>(0xac00 + random.Below(11172));
    word += static_cast<char>(0xe0 | c >> 12);
    word += static_cast<char>(0x80 | (c >> 6 & 63));
    word += static_cast<char>(0x80 | (c & 63));
  }
  return word;
}

std::string MakeText() {
  SeededRandom random(1);
  std::vector<std::string> words;
  for (size_t i = 0; i < kWords; ++i) words.push_back(Word(random, i % 2 == 0));
  std::string made;
  made.reserve(kTextBytes + 64);
  for (size_t count = 1; made.size() < kTextBytes; ++count) {
    // Uniform in the logarithm of the rank: the n-th word with a chance of about 1 / n.
    uint64_t rank = uint64_t{1} << random.Below(15);
    rank += random.Below(rank);
    made += words[rank % kWords];
    made += count % 12 == 0 ? ".\n" : " ";
  }
  return made;
}

std::string Repeated(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  const std::string once{std::istreambuf_iterator<char>(file), {}};
  std::string all;
  while (!once.empty() && all.size() < kTextBytes) all += once;
  return all;
}

double Seconds() {
  const auto now = std::chrono::steady_clock::now().time_since_epoch();
  return std::chrono::duration<double>(now).count();
}

// MB a second of all threads together, each over its own part of the text.
double EncodeRate(const text::Tokenizer& tokenizer, std::string_view all, size_t threads) {
  const double begin = Seconds();
  std::vector<std::thread> team;
  for (size_t t = 0; t < threads; ++t) {
    team.emplace_back([&, t] {
      const std::string_view part = all.substr(all.size() / threads * t, all.size() / threads);
      text::Encoder encoder(tokenizer);
      std::vector<uint32_t> ids;
      constexpr size_t kPiece = 16384;
      for (size_t at = 0; at < part.size(); at += kPiece) {
        ids.clear();
        encoder.Append(part.substr(at, kPiece), &ids);
      }
    });
  }
  for (std::thread& thread : team) thread.join();
  return static_cast<double>(all.size()) / 1e6 / (Seconds() - begin);
}

}  // namespace

int main(int argc, char** argv) {
  CLI::App app("text to tokens on disk");
  std::string file;
  app.add_option("--file", file, "a text, repeated; made text without it");
  app.add_flag("--json")->description("it prints nothing else");
  CLI11_PARSE(app, argc, argv);
  const std::string all = file.empty() ? MakeText() : Repeated(file);
  text::TokenizerTrainer trainer;
  trainer.Add(std::string_view(all).substr(0, size_t{4} << 20));
  const auto tokenizer = trainer.Train(kVocabulary);
  if (!tokenizer) return 1;
  const double one = EncodeRate(*tokenizer, all, 1);
  const double two = EncodeRate(*tokenizer, all, 2);

  const fs::path folder = fs::temp_directory_path() / "dure-bench-tokens";
  fs::remove_all(folder);
  fs::create_directories(folder);
  std::ofstream(folder / "text.txt", std::ios::binary) << all;
  const double begin = Seconds();
  const auto dataset =
      text::PrepareDataset({(folder / "text.txt").string(), {}}, *tokenizer, {}, folder / "work");
  const double whole = static_cast<double>(all.size()) / 1e6 / (Seconds() - begin);
  fs::remove_all(folder);
  if (!dataset) return 1;
  std::printf(
      "{\"encode_1_thread_mb_s\": %.1f, \"encode_2_threads_mb_s\": %.1f, \"prepare_mb_s\": %.1f, "
      "\"wanted_mb_s\": %.1f}\n",
      one, two, whole, 1000.0 / 60);
  return 0;
}
