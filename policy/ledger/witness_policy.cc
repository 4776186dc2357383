#include "policy/ledger/witness_policy.h"

#include <algorithm>
#include <charconv>
#include <map>
#include <set>

namespace dure::ledger {
namespace {

constexpr std::string_view kNone = "none";
constexpr std::string_view kAgreed = "agreed";

std::vector<std::string_view> WordsOf(std::string_view line) {
  std::vector<std::string_view> words;
  while (true) {
    const size_t begin = line.find_first_not_of(" \t");
    if (begin == std::string_view::npos) return words;
    line.remove_prefix(begin);
    const size_t end = std::min(line.find_first_of(" \t"), line.size());
    words.push_back(line.substr(0, end));
    line.remove_prefix(end);
  }
}

// Octets of the specification: tab, newline, printable ASCII, and anything above.
bool IsPolicyText(std::string_view text) {
  return std::all_of(text.begin(), text.end(), [](char c) {
    const auto octet = static_cast<uint8_t>(c);
    return octet == '\t' || octet == '\n' || (octet >= 0x20 && octet != 0x7F);
  });
}

// Reads line by line; what a line may name is what stood above it.
class Reader {
 public:
  Status Take(std::string_view line) {
    const std::vector<std::string_view> words = WordsOf(line);
    if (words.empty() || words[0].starts_with('#')) return {};
    if (words[0] == "log") return TakeLog(words);
    if (words[0] == "witness") return TakeWitness(words);
    if (words[0] == "group") return TakeGroup(words);
    if (words[0] == "quorum") return TakeQuorum(words);
    return Bad("it starts with none of log, witness, group, quorum");
  }
  bool has_quorum() const { return has_quorum_; }
  WitnessPolicy policy;

 private:
  static Status Bad(std::string why) { return Fail(ErrorCode::kInvalid, std::move(why)); }

  Status TakeLog(const std::vector<std::string_view>& words) {
    if (words.size() < 2 || words.size() > 3) return Bad("a log has a key and perhaps a URL");
    DURE_ASSIGN(NoteKey key, NoteKey::Parse(words[1]));
    if (!log_keys_.insert(key.key).second) return Bad("the log's key stands twice");
    policy.logs.push_back({std::move(key), std::string(words.size() > 2 ? words[2] : "")});
    return {};
  }
  Status TakeWitness(const std::vector<std::string_view>& words) {
    if (words.size() < 3 || words.size() > 4) {
      return Bad("a witness has a name, a key and perhaps a URL");
    }
    DURE_TRY(Define(words[1]));
    DURE_ASSIGN(CosignerKey key, CosignerKey::Parse(words[2]));
    if (!witness_keys_.insert(key.key).second) return Bad("the witness's key stands twice");
    policy.witnesses.push_back(
        {std::string(words[1]), std::move(key), std::string(words.size() > 3 ? words[3] : "")});
    return {};
  }
  Status TakeGroup(const std::vector<std::string_view>& words) {
    if (words.size() < 4) return Bad("a group has a name, a number and members");
    WitnessPolicy::Group group{std::string(words[1]), 0, {}};
    const size_t members = words.size() - 3;
    for (size_t i = 3; i < words.size(); ++i) {
      const auto found = free_.find(words[i]);
      if (found == free_.end() || !found->second) {
        return Bad("'" + std::string(words[i]) +
                   "' is not defined above, or is in a group already");
      }
      found->second = false;
      group.members.emplace_back(words[i]);
    }
    if (words[2] == "all" || words[2] == "any") {
      group.least = words[2] == "all" ? members : 1;
    } else {
      const auto [end, error] =
          std::from_chars(words[2].data(), words[2].data() + words[2].size(), group.least);
      const bool whole = error == std::errc() && end == words[2].data() + words[2].size();
      if (!whole || group.least < 1 || group.least > members) {
        return Bad("a group asks for all, any or a number of its members");
      }
    }
    DURE_TRY(Define(words[1]));
    policy.groups.push_back(std::move(group));
    return {};
  }
  Status TakeQuorum(const std::vector<std::string_view>& words) {
    if (words.size() != 2) return Bad("a quorum is one name");
    if (has_quorum_) return Bad("a policy has one quorum");
    if (words[1] != kNone && !free_.contains(words[1])) {
      return Bad("the quorum '" + std::string(words[1]) + "' is not defined above");
    }
    policy.quorum = words[1];
    has_quorum_ = true;
    return {};
  }
  Status Define(std::string_view name) {
    if (name == kNone || !free_.emplace(name, true).second) {
      return Bad("the name '" + std::string(name) + "' is taken");
    }
    return {};
  }

  std::set<PublicKey> log_keys_;
  std::set<PublicKey> witness_keys_;
  std::map<std::string, bool, std::less<>> free_;  // names, and whether no group has them yet
  bool has_quorum_ = false;
};

std::string WithUrl(const std::string& line, const std::string& url) {
  return line + (url.empty() ? "" : " " + url) + "\n";
}

}  // namespace

std::string WitnessPolicy::Text() const {
  std::string text;
  for (const Log& log : logs) text += WithUrl("log " + log.key.Vkey(), log.url);
  for (const Witness& witness : witnesses) {
    text += WithUrl("witness " + witness.name + " " + witness.key.Vkey(), witness.url);
  }
  for (const Group& group : groups) {
    const bool all = group.least == group.members.size();
    text += "group " + group.name + " " + (all ? "all" : std::to_string(group.least));
    for (const std::string& member : group.members) text += " " + member;
    text += "\n";
  }
  return text + "quorum " + quorum + "\n";
}

bool WitnessPolicy::IsMetBy(const std::vector<CosignerKey>& cosigned) const {
  std::set<std::string> met = {std::string(kNone)};
  for (const Witness& witness : witnesses) {
    const bool signed_it = std::any_of(cosigned.begin(), cosigned.end(),
                                       [&](const auto& key) { return key.key == witness.key.key; });
    if (signed_it) met.insert(witness.name);
  }
  // A group's members stand above it, so one pass in order decides.
  for (const Group& group : groups) {
    const auto count = std::count_if(group.members.begin(), group.members.end(),
                                     [&](const std::string& name) { return met.contains(name); });
    if (static_cast<size_t>(count) >= group.least) met.insert(group.name);
  }
  return met.contains(quorum);
}

Result<WitnessPolicy> WitnessPolicy::Parse(std::string_view text) {
  if (text.size() > kWitnessPolicyBytesMax || !IsPolicyText(text) || !text.ends_with('\n')) {
    return Fail(ErrorCode::kInvalid,
                "a witness policy is text of at most 128 KiB that ends in a newline");
  }
  Reader reader;
  size_t number = 0;
  while (!text.empty()) {
    if (++number > kWitnessPolicyLinesMax) {
      return Fail(ErrorCode::kInvalid, "the witness policy has too many lines");
    }
    const size_t end = text.find('\n');
    if (const Status taken = reader.Take(text.substr(0, end)); !taken) {
      return Within(taken.error(), "line " + std::to_string(number) + " of the witness policy");
    }
    text.remove_prefix(end + 1);
  }
  if (!reader.has_quorum()) return Fail(ErrorCode::kInvalid, "the witness policy has no quorum");
  return std::move(reader.policy);
}

size_t MoreThan(uint64_t percent, size_t n) {
  return std::min<size_t>(n, n * std::min<uint64_t>(percent, 100) / 100 + 1);
}

std::vector<HouseAgreement> CountByHouse(const std::vector<HouseCosigner>& cosigners,
                                         uint64_t percent,
                                         const std::vector<CosignerKey>& cosigned) {
  std::vector<HouseAgreement> houses;
  for (size_t i = 0; i < kHouses; ++i) {
    HouseAgreement one{static_cast<House>(i), 0, 0, 0};
    for (const HouseCosigner& cosigner : cosigners) {
      if (cosigner.house != one.house) continue;
      one.cosigners++;
      const bool signed_it = std::any_of(cosigned.begin(), cosigned.end(), [&](const auto& key) {
        return key.key == cosigner.key.key;
      });
      one.cosigned += signed_it ? 1 : 0;
    }
    one.needed = MoreThan(percent, one.cosigners);
    if (one.cosigners > 0) houses.push_back(one);
  }
  return houses;
}

bool AllAgree(const std::vector<HouseAgreement>& houses) {
  return !houses.empty() && std::all_of(houses.begin(), houses.end(), [](const auto& house) {
    return house.cosigned >= house.needed;
  });
}

Result<WitnessPolicy> PolicyOfHouses(const NoteKey& log_key,
                                     const std::vector<HouseCosigner>& cosigners,
                                     uint64_t percent) {
  WitnessPolicy policy;
  policy.logs.push_back({log_key, {}});
  WitnessPolicy::Group agreed{std::string(kAgreed), 0, {}};
  for (const HouseAgreement& house : CountByHouse(cosigners, percent, {})) {
    WitnessPolicy::Group group{std::string(Name(house.house)), house.needed, {}};
    for (const HouseCosigner& cosigner : cosigners) {
      if (cosigner.house != house.house) continue;
      // A key's name holds a '/', so it is never the name of a house.
      policy.witnesses.push_back({cosigner.key.name, cosigner.key, {}});
      group.members.push_back(cosigner.key.name);
    }
    agreed.members.push_back(group.name);
    policy.groups.push_back(std::move(group));
  }
  if (policy.groups.empty()) {
    return Fail(ErrorCode::kFailedPrecondition, "nobody co-signs this log's heads yet");
  }
  agreed.least = agreed.members.size();
  policy.groups.push_back(std::move(agreed));
  policy.quorum = kAgreed;
  return policy;
}

}  // namespace dure::ledger
