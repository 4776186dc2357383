// Lies about what is summed, and about the sum.
#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <utility>

#include "federation/masking/inner_product.h"
#include "tests/e2e/lie.h"

namespace dure::lying {
namespace {

// Of four sites that all weigh 2^20, a quarter of one is left.
constexpr uint64_t kBelowZero = (uint64_t{3} << 20) - (uint64_t{1} << 18);

std::string home;

// By one, or by more than any site could have.
void MoveAWord(std::fstream& file) {
  file.seekg(5000);
  const int word = file.get() + (TheLie().name == "beyond" ? 100 : 1);
  file.seekp(5000);
  file.put(static_cast<char>(word));
}

// From one to less than nothing: words wrap.
void TakeWeightAway(std::fstream& file) {
  constexpr std::streamoff kFromEnd = -static_cast<std::streamoff>(sizeof(masking::Scalars));
  uint64_t word = 0;
  file.seekg(kFromEnd, std::ios::end);
  file.read(reinterpret_cast<char*>(&word), sizeof word);
  word -= (uint64_t{1} << 20) + kBelowZero;
  file.seekp(kFromEnd, std::ios::end);
  file.write(reinterpret_cast<const char*>(&word), sizeof word);
}

}  // namespace

const Lie& TheLie() {
  static const Lie lie = [] {
    const std::string text = std::getenv("DURE_LIE") ? std::getenv("DURE_LIE") : "";
    const size_t colon = text.find(':');
    return Lie{text.substr(0, colon), colon == std::string::npos ? "" : text.substr(colon + 1)};
  }();
  return lie;
}

void Told() {
  if (const char* path = std::getenv("DURE_LIE_TOLD")) std::ofstream(path) << TheLie().name;
}

const std::string& Home() { return home; }
void SetHome(std::string dir) { home = std::move(dir); }

void ChangeThePayload(std::string_view payload, Bytes& changed) {
  const std::string& lie = TheLie().name;
  if (lie != "beyond" && lie != "drift" && lie != "weight") return;
  std::fstream file(std::string(payload), std::ios::in | std::ios::out | std::ios::binary);
  if (lie == "weight") {
    TakeWeightAway(file);
  } else {
    MoveAWord(file);
  }
  if (!file.flush()) return;
  changed = {1};
  Told();
}

void StandByTheWeight(Bytes& scalars) {
  if (TheLie().name != "weight") return;
  const uint64_t weight = masking::kFieldPrime - kBelowZero;
  std::memcpy(scalars.data(), &weight, sizeof weight);
}

void StretchThePlanes(std::string_view planes, Bytes& changed) {
  if (TheLie().name != "planes") return;
  std::ofstream file(std::string(planes), std::ios::app | std::ios::binary);
  if (file.put(0).flush()) changed = {1};
}

void LoseTheLanes(std::string_view point, std::string_view) {
  if (point != "site.masked") return;
  static bool lost = false;
  if (std::exchange(lost, true)) return;
  for (const auto& entry : std::filesystem::recursive_directory_iterator(Home() + "/runs")) {
    const std::string name = entry.path().filename();
    if (name.starts_with("lanes-") && std::filesystem::remove(entry.path())) Told();
  }
}

}  // namespace dure::lying
