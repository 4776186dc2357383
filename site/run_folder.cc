#include "site/run_folder.h"

#include <charconv>

namespace dure::site {
namespace {

namespace fs = std::filesystem;

// The number in "<prefix><number><suffix>", if the name is of that form.
std::optional<uint64_t> NumberIn(const std::string& name, std::string_view prefix,
                                 std::string_view suffix) {
  if (!name.starts_with(prefix) || !name.ends_with(suffix)) return std::nullopt;
  const size_t digits = name.size() - prefix.size() - suffix.size();
  if (name.size() <= prefix.size() + suffix.size()) return std::nullopt;
  uint64_t number = 0;
  const char* begin = name.data() + prefix.size();
  const auto [end, error] = std::from_chars(begin, begin + digits, number);
  if (error != std::errc() || end != begin + digits) return std::nullopt;
  return number;
}

std::vector<uint64_t> NumbersIn(const fs::path& dir, std::string_view prefix,
                                std::string_view suffix) {
  std::vector<uint64_t> numbers;
  std::error_code ignored;
  for (const auto& entry : fs::directory_iterator(dir, ignored)) {
    if (const auto number = NumberIn(entry.path().filename().string(), prefix, suffix))
      numbers.push_back(*number);
  }
  return numbers;
}

}  // namespace

fs::path RunFolder::trained(RoundNumber round) const {
  return dir_ / ("trained-" + std::to_string(round.value) + ".safetensors");
}
fs::path RunFolder::made(RoundNumber round) const { return seat() / trained(round).filename(); }
fs::path RunFolder::state(RoundNumber round) const {
  return seat() / ("state-" + std::to_string(round.value));
}
fs::path RunFolder::residual(uint64_t version) const {
  return dir_ / ("residual-" + std::to_string(version) + ".f32");
}
fs::path RunFolder::lanes(RoundNumber round) const {
  return dir_ / ("lanes-" + std::to_string(round.value));
}

fs::path RunFolder::payload(RoundNumber round) const {
  return dir_ / ("payload-" + std::to_string(round.value));
}

void RunFolder::MakeReady() const {
  std::error_code ignored;
  fs::create_directories(given(), ignored);
  fs::create_directories(seat(), ignored);
  for (const fs::path& file : {config(), tokenizer()}) {
    const fs::path before = dir_ / file.filename();
    if (fs::exists(before, ignored)) fs::rename(before, file, ignored);
  }
  for (const uint64_t number : NumbersIn(dir_, "state-", "")) {
    const fs::path now = state(RoundNumber{number});
    fs::rename(dir_ / now.filename(), now, ignored);
  }
}

std::optional<fs::path> RunFolder::StateBefore(RoundNumber round) const {
  std::optional<uint64_t> latest;
  for (const uint64_t number : NumbersIn(seat(), "state-", "")) {
    if (number < round.value && (!latest || number > *latest)) latest = number;
  }
  if (!latest) return std::nullopt;
  return state(RoundNumber{*latest});
}

void RunFolder::ForgetStatesBefore(RoundNumber round) const {
  std::error_code ignored;
  for (const uint64_t number : NumbersIn(seat(), "state-", "")) {
    if (number + 1 < round.value) fs::remove_all(state(RoundNumber{number}), ignored);
  }
}

std::vector<fs::path> RunFolder::TrainedBefore(RoundNumber round) const {
  std::vector<fs::path> before;
  for (const uint64_t number : NumbersIn(dir_, "trained-", ".safetensors")) {
    if (number < round.value) before.push_back(trained(RoundNumber{number}));
  }
  return before;
}

std::vector<fs::path> RunFolder::HalfTrained() const {
  std::vector<fs::path> half;
  for (const uint64_t number : NumbersIn(seat(), "trained-", ".safetensors")) {
    half.push_back(made(RoundNumber{number}));
  }
  for (const uint64_t number : NumbersIn(seat(), "trained-", ".safetensors.writing")) {
    half.push_back(made(RoundNumber{number}).string() + ".writing");
  }
  for (const uint64_t number : NumbersIn(seat(), "state-", ".new")) {
    half.push_back(state(RoundNumber{number}).string() + ".new");
  }
  return half;
}

std::vector<fs::path> RunFolder::LeftoversBefore(RoundNumber round) const {
  std::vector<fs::path> left = HalfTrained();
  std::error_code ignored;
  for (const auto& entry : fs::directory_iterator(dir_, ignored)) {
    const std::string name = entry.path().filename().string();
    const std::string ending = entry.path().extension().string();
    const bool derived = ending == ".model" || ending == ".momentum" || ending == ".scales";
    const bool half = derived && Digest::FromHex(entry.path().stem().string());
    if (half || NumberIn(name, "ready-", "")) left.push_back(entry.path());
  }
  for (const uint64_t number : NumbersIn(dir_, "lanes-", "")) {
    if (number < round.value) left.push_back(lanes(RoundNumber{number}));
  }
  for (const uint64_t number : NumbersIn(dir_, "payload-", "")) {
    if (number < round.value) left.push_back(payload(RoundNumber{number}));
  }
  return left;
}

std::vector<fs::path> RunFolder::FilesOfRounds() const {
  const RoundNumber after_all{UINT64_MAX};
  std::vector<fs::path> files = LeftoversBefore(after_all);
  for (auto& result : TrainedBefore(after_all)) files.push_back(std::move(result));
  for (const uint64_t version : NumbersIn(dir_, "residual-", ".f32")) {
    files.push_back(residual(version));
  }
  std::error_code ignored;
  for (const auto& entry : fs::directory_iterator(seat(), ignored)) files.push_back(entry.path());
  if (fs::exists(base(), ignored)) files.push_back(base());
  return files;
}

std::vector<fs::path> RunFolder::ResidualsBut(uint64_t current, uint64_t former) const {
  std::vector<fs::path> others;
  for (const uint64_t version : NumbersIn(dir_, "residual-", ".f32")) {
    if (version != current && version != former) others.push_back(residual(version));
  }
  return others;
}

}  // namespace dure::site
