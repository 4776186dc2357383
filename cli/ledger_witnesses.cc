// dure ledger witnesses, dure ledger dissent: who stands behind the record, and who does not.
#include <algorithm>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <map>
#include <memory>
#include <nlohmann/json.hpp>

#include "clerk/evidence.h"
#include "cli/command.h"
#include "cli/decisions_text.h"
#include "cli/language.h"
#include "cli/nouns.h"
#include "cli/phrases.h"
#include "cli/record_copy.h"
#include "cli/record_folder.h"
#include "cli/text_file.h"
#include "policy/standing/dissent.h"

namespace dure::cli {
namespace {

namespace fs = std::filesystem;
using ledger::Cosignature;
using ledger::Cosigner;
using ledger::HouseAgreement;
using nlohmann::json;

constexpr size_t kEvidenceTextBytesMax = 16 * 1024;
constexpr size_t kKeyDigitsShown = 12;  // as dure ledger show

struct LedgerWitnessesOptions {
  std::string dir;
  bool policy = false;
};

std::string TimeOf(uint64_t seconds) {
  constexpr uint64_t kLastYear9999 = 253402300799;
  return FormatRfc3339(WallTime(std::chrono::seconds(std::min(seconds, kLastYear9999))));
}

bool IsBy(const Cosignature& line, const Cosigner& cosigner) {
  return line.cosigner == cosigner.key.name && line.key_id == cosigner.key.Id();
}

struct LastWord {
  uint64_t size = 0;
  uint64_t seconds = 0;
};

// The largest head that each of today's cosigners has signed.
Result<std::map<SiteId, LastWord>> LastWords(const ledger::LogReader& log,
                                             const std::vector<Cosigner>& cosigners) {
  std::map<SiteId, LastWord> last;
  uint64_t below = UINT64_MAX;
  while (last.size() < cosigners.size()) {
    DURE_ASSIGN(const std::optional<uint64_t> size, log.CosignedSizeBelow(below));
    if (!size) break;
    DURE_ASSIGN(const ledger::CosignedHead head, log.Cosigned(*size));
    for (const Cosigner& cosigner : cosigners) {
      for (const Cosignature& line : head.cosignatures) {
        if (IsBy(line, cosigner)) last.emplace(cosigner.site, LastWord{*size, line.seconds});
      }
    }
    below = *size;
  }
  return last;
}

// When the last of the cosignatures came that the agreement needed.
uint64_t AgreedSince(const ledger::LogReader& log, const ledger::CosignedHead& agreed) {
  const uint64_t size = agreed.head.head.size;
  const std::vector<Cosigner> cosigners = log.Cosigners()->At(size);
  uint64_t since = 0;
  for (const HouseAgreement& house : log.Cosigners()->Count(size, {})) {
    std::vector<uint64_t> times;
    for (const Cosigner& cosigner : cosigners) {
      for (const Cosignature& line : agreed.cosignatures) {
        if (cosigner.house == house.house && IsBy(line, cosigner)) times.push_back(line.seconds);
      }
    }
    std::sort(times.begin(), times.end());
    if (times.size() >= house.needed) since = std::max(since, times[house.needed - 1]);
  }
  return since;
}

json HouseJson(const HouseAgreement& house, const std::vector<Cosigner>& cosigners,
               const std::map<SiteId, LastWord>& last) {
  json sites = json::array();
  for (const Cosigner& cosigner : cosigners) {
    if (cosigner.house != house.house) continue;
    json one = {{"site", cosigner.site.str()}, {"vkey", cosigner.key.Vkey()}, {"upTo", nullptr}};
    const auto word = last.find(cosigner.site);
    if (word != last.end()) {
      one["upTo"] = word->second.size;
      one["at"] = TimeOf(word->second.seconds);
    }
    sites.push_back(std::move(one));
  }
  return {{"house", Name(house.house)},
          {"cosigners", house.cosigners},
          {"needed", house.needed},
          {"sites", std::move(sites)}};
}

std::string WitnessesKorean(const json& found) {
  std::string text =
      "기록에는 항목이 " + std::to_string(found["entries"].get<uint64_t>()) + "개 있습니다.\n";
  if (found["agreed"].is_null()) {
    text += "아직 모든 구분이 함께 확인한 트리 헤드가 없습니다.\n";
  } else {
    text += "모든 구분이 처음 " + std::to_string(found["agreed"]["size"].get<uint64_t>()) +
            "개까지 확인했습니다(" + found["agreed"]["since"].get<std::string>() + "부터).\n";
  }
  for (const json& house : found["houses"]) {
    text += ledger::Words(house["house"].get<std::string>(), ledger::Language::kKorean) +
            ": 공동 서명자 " + std::to_string(house["cosigners"].get<size_t>()) + "곳 중 " +
            std::to_string(house["needed"].get<size_t>()) + "곳의 서명이 필요합니다\n";
    for (const json& site : house["sites"]) {
      text +=
          "  " + site["site"].get<std::string>() +
          (site["upTo"].is_null() ? std::string(": 이 사본에 있는 공동 서명이 없습니다")
                                  : ": 항목 " + std::to_string(site["upTo"].get<uint64_t>()) +
                                        "개까지 공동 서명함, " + site["at"].get<std::string>()) +
          "\n";
    }
  }
  text.pop_back();
  return text;
}

std::string WitnessesText(const json& found) {
  std::string text =
      "The record has " + std::to_string(found["entries"].get<uint64_t>()) + " entries.\n";
  if (found["agreed"].is_null()) {
    text += "No tree head is agreed by every house yet.\n";
  } else {
    text += "Every house agrees on the first " +
            std::to_string(found["agreed"]["size"].get<uint64_t>()) + ", since " +
            found["agreed"]["since"].get<std::string>() + ".\n";
  }
  for (const json& house : found["houses"]) {
    text += house["house"].get<std::string>() + ": " +
            std::to_string(house["needed"].get<size_t>()) + " of " +
            std::to_string(house["cosigners"].get<size_t>()) + " must co-sign\n";
    for (const json& site : house["sites"]) {
      text += "  " + site["site"].get<std::string>() +
              (site["upTo"].is_null()
                   ? std::string(" has co-signed nothing that this copy holds")
                   : " has co-signed up to " + std::to_string(site["upTo"].get<uint64_t>()) +
                         ", at " + site["at"].get<std::string>()) +
              "\n";
    }
  }
  text.pop_back();
  return text;
}

Status ShowWitnesses(const LedgerWitnessesOptions& options, Context& context) {
  // A person's copy is brought up first, with what others co-signed meanwhile.
  DURE_ASSIGN(const auto record, RecordCopy::Open(options.dir, context));
  const ledger::LogReader* const log = &record->log();
  const uint64_t size = log->Head().head.size;
  const std::shared_ptr<const ledger::CosignerRoll> roll = log->Cosigners();
  if (options.policy) {
    DURE_ASSIGN(const ledger::WitnessPolicy policy, roll->PolicyAt(size, log->log_key()));
    std::string text = policy.Text();
    text.pop_back();
    context.Print(context.json() ? json{{"policy", text}}.dump() : text);
    return {};
  }
  const std::vector<Cosigner> cosigners = roll->At(size);
  DURE_ASSIGN(const auto last, LastWords(*log, cosigners));
  json found = {{"entries", size}, {"agreed", nullptr}, {"houses", json::array()}};
  if (const auto agreed = log->Agreed()) {
    found["agreed"] = {{"size", agreed->head.head.size},
                       {"root", agreed->head.head.root.Hex()},
                       {"since", TimeOf(AgreedSince(*log, *agreed))}};
  }
  for (const HouseAgreement& house : roll->Count(size, {})) {
    found["houses"].push_back(HouseJson(house, cosigners, last));
  }
  if (context.json()) {
    context.PrintJson(found.dump());
  } else {
    context.Print(IsKorean(context) ? WitnessesKorean(found) : WitnessesText(found));
  }
  return {};
}

// A dissent that was kept, or handed over: who signed it, of which entry, and why.
std::string SignedDissent(const fs::path& file, json& one, const Context& context) {
  auto read = ReadTextFile(file.string(), context);
  auto dissent = read ? standing::OpenDissent(*read, RecordVerifier())
                      : Result<standing::Dissent>(Fail(read.error()));
  if (!dissent) {
    one["error"] = dissent.error().message;
    return IsKorean(context) ? InKorean(dissent.error().message) : dissent.error().message;
  }
  const standing::Finding& finding = dissent->finding;
  one["log"] = dissent->origin;
  one["site"] = dissent->site.str();
  one["entry"] = finding.index;
  one["type"] = Name(finding.type);
  one["rule"] = finding.rule;
  one["text"] = finding.text;
  const std::string key = ToHex(dissent->key);
  one["key"] = key;
  const std::string shown = key.substr(0, kKeyDigitsShown);
  const std::string found = FindingText(finding, IsKorean(context));
  return Pick(
      context,
      dissent->site.str() + " signed of " + dissent->origin + ", with key " + shown + ": " + found,
      dissent->site.str() + "의 서명(" + dissent->origin + ", 키 " + shown + "): " + found);
}

// What a refusal or a dissent left behind: its text, and the files that prove it.
Status ShowDissent(const LedgerWitnessesOptions& options, Context& context) {
  DURE_ASSIGN(const std::string folder, RecordFolder(options.dir));
  std::vector<fs::path> files;
  std::error_code none;
  for (fs::directory_iterator it(folder + "/evidence", none), end; !none && it != end;
       it.increment(none)) {
    if (it->is_regular_file()) files.push_back(it->path());
  }
  std::sort(files.begin(), files.end());
  json found = json::array();
  std::string text;
  for (const fs::path& file : files) {
    json one = {{"file", file.string()}, {"bytes", fs::file_size(file, none)}};
    text += file.string() + "\n";
    if (file.extension() == ".txt") {
      std::ifstream in(file, std::ios::binary);
      std::string said(kEvidenceTextBytesMax, '\0');
      in.read(said.data(), static_cast<std::streamsize>(said.size()));
      said.resize(static_cast<size_t>(in.gcount()));
      const std::string shown = IsKorean(context) ? InKorean(said) : said;
      text += "  " + shown + (said.ends_with('\n') ? "" : "\n");
      one["text"] = std::move(said);
    } else if (clerk::IsDissent(file.filename().string())) {
      text += "  " + SignedDissent(file, one, context) + "\n";
    }
    found.push_back(std::move(one));
  }
  if (context.json()) {
    context.PrintJson(
        json{{"evidence", found}}.dump(-1, ' ', false, json::error_handler_t::replace));
  } else {
    if (text.empty()) {
      text = Pick(context, "This copy has refused nothing: there is no evidence folder.\n",
                  "이 사본은 거부한 것이 없습니다. 증거 폴더(evidence)가 비어 있습니다.\n");
    }
    text.pop_back();
    context.Print(text);
  }
  return {};
}

}  // namespace

void AddWitnessCommands(Command noun, Context& context) {
  const auto options = std::make_shared<LedgerWitnessesOptions>();
  Command witnesses = AddVerb(noun, "witnesses", "who co-signed the record, up to where",
                              "dure ledger witnesses --dir hospital-a\n"
                              "dure ledger witnesses --dir desk --lang ko\n"
                              "dure ledger witnesses --dir hospital-a --policy");
  witnesses.Add("--dir", options->dir, "A folder with a copy of the record").Required();
  AddLanguage(witnesses, context);
  witnesses.Flag("--policy", options->policy, "Print the quorum as a C2SP tlog-policy");
  context.Do(witnesses, [options, &context] { return ShowWitnesses(*options, context); });

  Command dissent = AddVerb(noun, "dissent", "what this copy refused, and the proof it kept",
                            "dure ledger dissent --dir hospital-a");
  dissent.Add("--dir", options->dir, "A folder with a copy of the record").Required();
  AddLanguage(dissent, context);
  context.Do(dissent, [options, &context] { return ShowDissent(*options, context); });
}

}  // namespace dure::cli
