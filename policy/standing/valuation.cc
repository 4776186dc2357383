#include "policy/standing/valuation.h"

#include <algorithm>
#include <cmath>
#include <map>
#include <set>

namespace dure::standing {
namespace {

constexpr uint64_t kMillionths = 1'000'000;
constexpr double kLossMax = 1e12;  // in millionths of a nat a byte; a model worse than that is none
constexpr size_t kHousesMax = 4;   // so at most 14 parts, and 24 orders
constexpr int64_t kFinesse = 1000;  // of an average over sites

using Parts = std::vector<std::vector<std::string>>;
using Gains = std::map<MemberId, int64_t>;
using Losses = std::map<Digest, std::map<SiteId, int64_t>>;

std::string Field(const Run& run, const char* name) {
  const auto found = run.fields.find(name);
  return found == run.fields.end() ? std::string() : found->second;
}

std::set<MemberId> MembersOf(const Round& round) {
  std::set<MemberId> members;
  for (const uint64_t index : round.counted) members.insert(round.submissions.at(index).member);
  return members;
}

std::string HouseOf(const State& state, const MemberId& id) {
  return std::string(Name(state.members.at(id).house));
}

// Each model's loss at each site: the last that the site reported.
Losses LossesOf(const State& state) {
  Losses losses;
  for (const Evaluation& one : state.evaluations) {
    const ledger::EvaluationReported& said = one.reported;
    if (said.bytes == 0) continue;
    const double loss =
        said.nll * static_cast<double>(kMillionths) / static_cast<double>(said.bytes);
    if (!(loss >= 0 && loss <= kLossMax)) continue;
    losses[said.model][said.site] = static_cast<int64_t>(std::floor(loss));
  }
  return losses;
}

// What was measured of one round: the loss of each part, by its members or houses.
struct Measured {
  RoundAttempt at;
  std::map<std::vector<std::string>, Digest> models;
  std::set<SiteId> sites;  // that measured all of them
};

std::vector<SiteId> SitesOf(const Losses& losses, const Digest& model) {
  std::vector<SiteId> sites;
  const auto found = losses.find(model);
  if (found == losses.end()) return sites;
  for (const auto& [site, loss] : found->second) sites.push_back(site);
  return sites;
}

std::vector<std::string> Everybody(const State& state, const Round& round, CoalitionKind kind) {
  std::set<std::string> names;
  for (const MemberId& member : MembersOf(round)) {
    names.insert(kind == CoalitionKind::kGroup ? HouseOf(state, member) : member.str());
  }
  return {names.begin(), names.end()};
}

std::vector<Measured> RoundsMeasured(const State& state, const RunId& run, CoalitionKind kind,
                                     const Losses& losses) {
  std::vector<Measured> rounds;
  for (const auto& [closing, made] : state.coalitions) {
    const RoundAttempt& at = state.closings.at(closing);
    const auto coalitions = std::ranges::find(made, kind, &ledger::CoalitionsMade::kind);
    if (at.run != run || coalitions == made.end()) continue;
    const Round& round = state.rounds.at(at);
    Measured measured{at, {}, {}};
    measured.models[Everybody(state, round, kind)] = round.model;
    if (kind == CoalitionKind::kGroup) measured.models[{}] = round.base_model;
    for (const ledger::Coalition& one : coalitions->coalitions) measured.models[one.of] = one.model;
    for (const SiteId& site : SitesOf(losses, round.model)) {
      const bool all = std::ranges::all_of(measured.models, [&](const auto& item) {
        const auto of = losses.find(item.second);
        return of != losses.end() && of->second.contains(site);
      });
      if (all) measured.sites.insert(site);
    }
    if (!measured.sites.empty()) rounds.push_back(std::move(measured));
  }
  return rounds;
}

int64_t LossOf(const Losses& losses, const Digest& model, const std::set<SiteId>& sites) {
  int64_t sum = 0;
  for (const SiteId& site : sites) sum += losses.at(model).at(site);
  return sum * kFinesse / static_cast<int64_t>(sites.size());
}

void AddLeftOut(const Measured& round, const Losses& losses, const std::set<SiteId>& sites,
                const std::vector<std::string>& everybody, Gains& gains) {
  const int64_t whole = LossOf(losses, round.models.at(everybody), sites);
  for (const std::string& name : everybody) {
    std::vector<std::string> rest = everybody;
    std::erase(rest, name);
    const int64_t without = LossOf(losses, round.models.at(rest), sites);
    gains[*MemberId::Parse(name)] += std::max<int64_t>(0, without - whole);
  }
}

// The houses of `all` whose bit is set.
std::vector<std::string> Part(const std::vector<std::string>& all, uint32_t bits) {
  std::vector<std::string> part;
  for (size_t i = 0; i < all.size(); ++i) {
    if ((bits >> i & 1) != 0) part.push_back(all[i]);
  }
  return part;
}

int64_t Factorial(size_t n) { return n < 2 ? 1 : static_cast<int64_t>(n) * Factorial(n - 1); }

// The Shapley value (Shapley 1953), times the number of orders.
int64_t Shapley(const Measured& round, const Losses& losses, const std::set<SiteId>& sites,
                const std::vector<std::string>& houses, size_t own) {
  int64_t value = 0;
  for (uint32_t bits = 0; bits < 1U << houses.size(); ++bits) {
    if ((bits >> own & 1) != 0) continue;
    const auto size = static_cast<size_t>(__builtin_popcount(bits));
    const int64_t orders = Factorial(size) * Factorial(houses.size() - size - 1);
    const int64_t before = LossOf(losses, round.models.at(Part(houses, bits)), sites);
    const int64_t after = LossOf(losses, round.models.at(Part(houses, bits | 1U << own)), sites);
    value += orders * (before - after);
  }
  return std::max<int64_t>(0, value);
}

void AddGroups(const State& state, const Measured& round, const Losses& losses,
               const std::set<SiteId>& sites, const std::vector<std::string>& houses,
               Gains& gains) {
  for (size_t own = 0; own < houses.size(); ++own) {
    std::vector<MemberId> members;
    for (const MemberId& member : MembersOf(state.rounds.at(round.at))) {
      if (HouseOf(state, member) == houses[own]) members.push_back(member);
    }
    const int64_t value = Shapley(round, losses, sites, houses, own);
    for (const MemberId& member : members) {
      gains[member] += value / static_cast<int64_t>(members.size());
    }
  }
}

RoundWorth WorthOf(const State& state, const Measured& round, CoalitionKind kind,
                   const Losses& losses) {
  RoundWorth worth{round.at, {round.sites.begin(), round.sites.end()}, {}, {}};
  for (const auto& [of, model] : round.models) {
    worth.parts.push_back({of, model, LossOf(losses, model, round.sites)});
  }
  const auto everybody = Everybody(state, state.rounds.at(round.at), kind);
  if (kind == CoalitionKind::kGroup) {
    for (size_t own = 0; own < everybody.size(); ++own) {
      const int64_t value = Shapley(round, losses, round.sites, everybody, own);
      worth.gains[everybody[own]] = value / Factorial(everybody.size());
    }
    return worth;
  }
  Gains gains;
  AddLeftOut(round, losses, round.sites, everybody, gains);
  for (const auto& [member, gain] : gains) worth.gains[member.str()] = gain;
  return worth;
}

// Over all measured rounds, without one site where there are others. Empty: nothing is measured.
Gains GainsOf(const State& state, const std::vector<Measured>& rounds, CoalitionKind kind,
              const Losses& losses, const SiteId& without) {
  Gains gains;
  for (const Measured& round : rounds) {
    std::set<SiteId> sites = round.sites;
    if (sites.size() > 1) sites.erase(without);
    const auto everybody = Everybody(state, state.rounds.at(round.at), kind);
    if (kind == CoalitionKind::kGroup) {
      AddGroups(state, round, losses, sites, everybody, gains);
    } else {
      AddLeftOut(round, losses, sites, everybody, gains);
    }
  }
  return gains;
}

// Parts of a million, by the largest remainder. Empty: nobody gained anything.
std::map<MemberId, uint64_t> Normalized(const Gains& gains) {
  unsigned __int128 sum = 0;
  for (const auto& [member, gain] : gains) sum += static_cast<uint64_t>(gain);
  std::map<MemberId, uint64_t> parts;
  if (sum == 0) return parts;
  std::vector<std::pair<uint64_t, MemberId>> remainders;
  uint64_t given = 0;
  for (const auto& [member, gain] : gains) {
    const auto scaled = static_cast<unsigned __int128>(static_cast<uint64_t>(gain)) * kMillionths;
    parts[member] = static_cast<uint64_t>(scaled / sum);
    given += parts[member];
    remainders.emplace_back(static_cast<uint64_t>(scaled % sum), member);
  }
  std::ranges::sort(remainders, [](const auto& a, const auto& b) {
    return a.first != b.first ? a.first > b.first : a.second < b.second;
  });
  for (size_t i = 0; given < kMillionths; ++i, ++given) ++parts[remainders[i].second];
  return parts;
}

}  // namespace

std::optional<ValuationRefusal> RefusalOf(const Run& run, CoalitionKind kind) {
  const bool groups = kind == CoalitionKind::kGroup;
  const std::string masking = Field(run, "masking");
  if (masking != "none") {
    return ValuationRefusal{
        "masked",
        "the run hides single updates (masking " + (masking.empty() ? "not recorded" : masking) +
            "): nobody can say what the model would be without some of them",
        "이 학습은 개별 갱신을 가리므로(보안 합산), 일부 기여가 없을 때의 모델을 "
        "아무도 말할 수 없습니다"};
  }
  const std::string merge = Field(run, "merge");
  if (!merge.empty() && merge != "mean") {
    return ValuationRefusal{"robust",
                            "the run merged by " + merge +
                                ", which says nothing of a part of the contributions: no models of "
                                "parts were made",
                            "이 학습의 병합 방식(" + merge +
                                ")은 일부 기여에 대해 말해 주지 않아, 일부 기여만의 모델을 만들지 "
                                "않았습니다"};
  }
  const std::string declared = Field(run, "valuation");
  if (declared == "individual" || (groups && declared == "group")) return std::nullopt;
  return ValuationRefusal{"not-declared",
                          "the run declared valuation \"" + (declared.empty() ? "none" : declared) +
                              "\": its members did not agree to be valued " +
                              (groups ? "by group" : "one by one"),
                          std::string("이 학습은 ") + (groups ? "집단별" : "기관별") +
                              " 평가를 미리 밝히지 않았고, 회원들이 그렇게 평가받기로 하지 "
                              "않았습니다"};
}

Parts CoalitionsDue(const State& state, const RoundAttempt& at, CoalitionKind kind) {
  const std::vector<std::string> all = Everybody(state, state.rounds.at(at), kind);
  Parts due;
  if (all.size() < 2) return due;
  if (kind == CoalitionKind::kLeaveOneOut) {
    for (const std::string& name : all) {
      due.push_back(all);
      std::erase(due.back(), name);
    }
  } else if (all.size() <= kHousesMax) {
    for (uint32_t bits = 1; bits + 1 < 1U << all.size(); ++bits) due.push_back(Part(all, bits));
  }
  std::ranges::sort(due);
  return due;
}

std::vector<Digest> ModelsToMeasure(const State& state, const RunId& run) {
  std::set<Digest> models;
  for (const auto& [closing, made] : state.coalitions) {
    const RoundAttempt& at = state.closings.at(closing);
    if (at.run != run) continue;
    const Round& round = state.rounds.at(at);
    models.insert(round.model);
    for (const ledger::CoalitionsMade& one : made) {
      if (one.kind == CoalitionKind::kGroup) models.insert(round.base_model);
      for (const ledger::Coalition& part : one.coalitions) models.insert(part.model);
    }
  }
  const Losses losses = LossesOf(state);
  std::set<SiteId> sites;
  for (const Digest& model : models) {
    for (const SiteId& site : SitesOf(losses, model)) sites.insert(site);
  }
  std::vector<Digest> left;
  for (const Digest& model : models) {
    const bool measured = !sites.empty() && SitesOf(losses, model).size() == sites.size();
    if (!measured) left.push_back(model);
  }
  return left;
}

Digest DigestOf(CoalitionKind kind) { return Sha256(AsBytes(Name(kind))); }

Valuation ValueRun(const State& state, const RunId& id, CoalitionKind kind) {
  Valuation valuation;
  valuation.refusal = RefusalOf(state.runs.at(id), kind);
  if (valuation.refusal) return valuation;
  const Losses losses = LossesOf(state);
  const std::vector<Measured> rounds = RoundsMeasured(state, id, kind, losses);
  std::set<SiteId> sites;
  for (const Measured& round : rounds) {
    sites.insert(round.sites.begin(), round.sites.end());
    valuation.valued.rounds.push_back(WorthOf(state, round, kind, losses));
  }
  if (rounds.empty()) {
    valuation.refusal = ValuationRefusal{
        "not-measured",
        "no site has measured all the models of a round of this run: an operator has them measured "
        "with dure share measure. A run that declared \"individual\" has models without one member "
        "each, one that declared \"group\" those of the houses' parts",
        "이 학습의 한 라운드에 필요한 모델을 모두 측정한 사이트가 없습니다. 운영자가 dure share "
        "measure로 측정을 맡길 수 있습니다"};
    return valuation;
  }
  const auto parts = Normalized(GainsOf(state, rounds, kind, losses, SiteId()));
  if (parts.empty()) {
    valuation.refusal = ValuationRefusal{
        "no-gain", "by these measurements no model was better for anybody's contribution",
        "이 측정에 따르면 누구의 기여로도 모델이 나아지지 않았습니다"};
    return valuation;
  }
  for (const auto& [member, part] : parts) {
    valuation.valued.shares.push_back({member, part, part, part});
  }
  for (const SiteId& site : sites) {
    const auto again = Normalized(GainsOf(state, rounds, kind, losses, site));
    for (ledger::ShareOfMember& share : valuation.valued.shares) {
      const auto found = again.find(share.member);
      const uint64_t part = found == again.end() ? 0 : found->second;
      share.low_ppm = std::min(share.low_ppm, part);
      share.high_ppm = std::max(share.high_ppm, part);
    }
  }
  return valuation;
}

}  // namespace dure::standing
