#include "aggregator/coalitions.h"

#include <algorithm>
#include <map>

#include "federation/canonical.h"
#include "policy/standing/valuation.h"

namespace dure::aggregator {
namespace {

constexpr std::chrono::seconds kSayAgain{1};
constexpr size_t kNamesMax = 4096;
constexpr size_t kHousesMax = 4;

ledger::CoalitionKind KindOf(round::Valuation valuation) {
  return valuation == round::Valuation::kGroup ? ledger::CoalitionKind::kGroup
                                               : ledger::CoalitionKind::kLeaveOneOut;
}

// The sets of names that a valuation asks for, none of them empty or whole.
std::vector<std::vector<std::string>> SetsOf(const std::vector<std::string>& names,
                                             ledger::CoalitionKind kind) {
  std::vector<std::vector<std::string>> sets;
  if (kind == ledger::CoalitionKind::kLeaveOneOut) {
    for (const std::string& name : names) {
      sets.push_back(names);
      std::erase(sets.back(), name);
    }
    return sets;
  }
  if (names.size() > kHousesMax) return sets;
  for (uint32_t bits = 1; bits + 1 < 1U << names.size(); ++bits) {
    std::vector<std::string>& set = sets.emplace_back();
    for (size_t i = 0; i < names.size(); ++i) {
      if ((bits >> i & 1) != 0) set.push_back(names[i]);
    }
  }
  return sets;
}

}  // namespace

Coalitions::Coalitions(Workshop& shop, const round::RunManifest& manifest)
    : shop_(shop),
      run_(manifest.run),
      valuation_(manifest.intent.valuation),
      has_parts_(!manifest.masked() && manifest.merge.is_mean()) {}

Coalitions::~Coalitions() { *alive_ = false; }

std::string Coalitions::Prefix() const { return "run/" + run_.str() + "/coalitions/"; }

std::vector<Coalitions::Part> Coalitions::PartsOf(const round::StartMerge& work) const {
  if (valuation_ == round::Valuation::kNone || !has_parts_) return {};
  const ledger::CoalitionKind kind = KindOf(valuation_);
  std::map<std::string, std::vector<round::Contribution>> by_name;
  const Status looked = shop_.deliberation.WithStanding([&](const standing::Standing& now) {
    for (const round::Contribution& one : work.contributions) {
      const auto member = now.state().sites.find(one.site);
      if (member == now.state().sites.end()) continue;
      const ledger::House house = now.state().members.at(member->second).house;
      const bool groups = kind == ledger::CoalitionKind::kGroup;
      by_name[groups ? std::string(Name(house)) : member->second.str()].push_back(one);
    }
  });
  if (!looked || by_name.size() < 2) return {};
  std::vector<std::string> names;
  for (const auto& [name, contributions] : by_name) names.push_back(name);
  std::vector<Part> parts;
  for (const std::vector<std::string>& set : SetsOf(names, kind)) {
    Part part{set, {work.at, work.base, {}, 0}};
    for (const std::string& name : set) {
      for (const round::Contribution& one : by_name.at(name)) {
        part.work.contributions.push_back(one);
        part.work.weight_sum += one.weight;
      }
    }
    std::ranges::sort(part.work.contributions, {}, &round::Contribution::site);
    parts.push_back(std::move(part));
  }
  return parts;
}

Result<Coalitions::Made> Coalitions::Make(const std::vector<Part>& parts,
                                          const round::RunManifest& manifest,
                                          blob::BlobStore& store, const std::string& scratch,
                                          int threads) {
  Made made;
  for (const Part& part : parts) {
    DURE_ASSIGN(const MergeResult merged, Merge(part.work, manifest, store, scratch, threads));
    made.coalitions.push_back({part.of, merged.next.model});
    for (const Digest& digest : {merged.aggregate, merged.next.momentum, merged.next.scales}) {
      if (!digest.IsZero()) made.leftovers.push_back(digest);
    }
  }
  return made;
}

void Coalitions::Keep(journal::Change& change, const round::RoundAttempt& at,
                      const Made& made) const {
  if (made.coalitions.empty()) return;
  CanonicalWriter writer;
  writer.U64(at.round.value).U32(at.attempt).U32(static_cast<uint32_t>(made.coalitions.size()));
  for (const ledger::Coalition& one : made.coalitions) {
    writer.Raw32(one.model).U32(static_cast<uint32_t>(one.of.size()));
    for (const std::string& name : one.of) writer.Text(name);
  }
  change.Put(Prefix() + std::to_string(at.round.value), writer.Take());
}

std::vector<Coalitions::Kept> Coalitions::AllKept() const {
  std::vector<Kept> all;
  const auto entries = shop_.journal.Scan(Prefix());
  if (!entries) return all;
  for (const auto& [key, value] : *entries) {
    CanonicalReader reader(value);
    Kept kept{key, {run_, {reader.U64()}, reader.U32()}, {}};
    const uint32_t count = reader.U32();
    for (uint32_t i = 0; i < count && reader.ok(); ++i) {
      ledger::Coalition one;
      one.model = reader.Raw32();
      const uint32_t names = reader.U32();
      for (uint32_t n = 0; n < names && n < kNamesMax && reader.ok(); ++n) {
        one.of.push_back(reader.Text());
      }
      kept.coalitions.push_back(std::move(one));
    }
    if (reader.Done("the models of a round's parts")) all.push_back(std::move(kept));
  }
  return all;
}

void Coalitions::Say() {
  for (Kept& kept : AllKept()) {
    std::optional<uint64_t> closing;
    const Status looked = shop_.deliberation.WithStanding([&](const standing::Standing& now) {
      const auto round = now.state().rounds.find({run_, kept.at.round, kept.at.attempt});
      if (round != now.state().rounds.end()) closing = round->second.closed;
    });
    if (!looked || !closing) continue;
    const ledger::CoalitionsMade event{*closing, KindOf(valuation_), kept.coalitions};
    shop_.record.Make([event](WallTime) { return Result<ledger::Event>(event); },
                      kept.at.Text() + "/coalitions",
                      [this, alive = alive_, key = kept.key](const Result<ledger::Appended>& said) {
                        if (!*alive) return;
                        if (said) {
                          (void)shop_.journal.Apply(journal::Change().Erase(key));
                          return;
                        }
                        shop_.loop.At(shop_.loop.Now() + kSayAgain, [this, alive] {
                          if (*alive) Say();
                        });
                      });
  }
}

}  // namespace dure::aggregator
