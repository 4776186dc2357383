#include "policy/terms/proposal.h"

#include <algorithm>
#include <tuple>

#include "policy/terms/licence.h"
#include "policy/terms/sentences.h"
#include "policy/terms/spdx.h"

namespace dure::terms {
namespace {

// In the order in which they are proposed when several do.
constexpr std::string_view kUsual[] = {"CC0-1.0",      "CC-BY-4.0",      "Apache-2.0",
                                       "MIT",          "CC-BY-SA-4.0",   "GPL-3.0-only",
                                       "CC-BY-NC-4.0", "CC-BY-NC-SA-4.0"};

constexpr size_t kPairedMax = 64;

// One thing that an owner says about licences.
struct Demand {
  std::string text;
  bool of_model = false;  // licence.model, else licence.data
  std::vector<std::vector<std::string>> choices;
  std::set<Cause> causes;

  bool Accepts(const std::string& licence) const {
    return std::any_of(choices.begin(), choices.end(), [&](const auto& choice) {
      if (of_model) return choice.size() == 1 && choice.front() == licence;
      return std::all_of(choice.begin(), choice.end(),
                         [&](const auto& material) { return MayBecome(material, licence); });
    });
  }
};

std::vector<Demand> DemandsOf(const ModelTerms& terms) {
  std::vector<Demand> demands;
  const auto add = [&](const Said<std::string>& said, bool of_model) {
    for (const auto& [text, causes] : said) {
      Demand demand{.text = text, .of_model = of_model, .choices = {}, .causes = causes};
      if (const auto expression = ParseSpdx(text)) demand.choices = expression->choices;
      demands.push_back(std::move(demand));
    }
  };
  add(terms.licences, false);
  add(terms.model_licences, true);
  return demands;
}

// The freest first; a licence that nobody has read for us last.
auto Rank(const std::string& licence) {
  const LicenceTraits traits = TraitsOf(licence);
  const auto usual = std::find(std::begin(kUsual), std::end(kUsual), licence) - std::begin(kUsual);
  return std::tuple(!traits.known, traits.non_commercial, traits.share_alike, traits.attribution,
                    usual, licence);
}

std::vector<std::string> CandidatesOf(const std::vector<Demand>& demands) {
  std::set<std::string> all(std::begin(kUsual), std::end(kUsual));
  for (const Demand& demand : demands) {
    for (const auto& choice : demand.choices) {
      for (const std::string& licence : choice) {
        all.insert(licence);
        for (std::string& target : ShareAlikeTargets(licence)) all.insert(std::move(target));
      }
    }
  }
  std::vector<std::string> ranked(all.begin(), all.end());
  std::sort(ranked.begin(), ranked.end(),
            [](const auto& a, const auto& b) { return Rank(a) < Rank(b); });
  return ranked;
}

std::string FirstAccepted(const std::vector<std::string>& candidates,
                          const std::vector<const Demand*>& demands) {
  for (const std::string& candidate : candidates) {
    if (std::all_of(demands.begin(), demands.end(),
                    [&](const Demand* demand) { return demand->Accepts(candidate); }))
      return candidate;
  }
  return {};
}

LicenceConflict ConflictOf(const std::vector<const Demand*>& demands) {
  LicenceConflict conflict;
  for (const Demand* demand : demands) {
    for (const Cause& cause : demand->causes) conflict.between[cause] = demand->text;
  }
  return conflict;
}

// First what contradicts itself, then pairs of the rest; only if there are none, all together.
std::vector<LicenceConflict> FindConflicts(const std::vector<std::string>& candidates,
                                           const std::vector<Demand>& demands) {
  std::vector<LicenceConflict> conflicts;
  std::vector<const Demand*> rest;
  for (const Demand& demand : demands) {
    if (FirstAccepted(candidates, {&demand}).empty()) {
      conflicts.push_back(ConflictOf({&demand}));
    } else {
      rest.push_back(&demand);
    }
  }
  // Beyond so many different licences the pairs would cost more to find than they tell.
  const size_t looked_at = rest.size() <= kPairedMax ? rest.size() : 0;
  for (size_t i = 0; i < looked_at; ++i) {
    for (size_t j = i + 1; j < looked_at; ++j) {
      if (FirstAccepted(candidates, {rest[i], rest[j]}).empty())
        conflicts.push_back(ConflictOf({rest[i], rest[j]}));
    }
  }
  if (conflicts.empty()) conflicts.push_back(ConflictOf(rest));
  return conflicts;
}

// A trait counts if no choice is without it.
bool Binds(const Demand& demand, bool LicenceTraits::*trait) {
  return !demand.choices.empty() &&
         std::all_of(demand.choices.begin(), demand.choices.end(), [&](const auto& choice) {
           return std::any_of(choice.begin(), choice.end(),
                              [&](const auto& licence) { return TraitsOf(licence).*trait; });
         });
}

}  // namespace

LicenceProposal ProposeLicence(const ModelTerms& terms) {
  LicenceProposal proposal;
  const std::vector<Demand> demands = DemandsOf(terms);
  const std::vector<std::string> candidates = CandidatesOf(demands);
  std::vector<const Demand*> all;
  for (const Demand& demand : demands) {
    all.push_back(&demand);
    if (demand.of_model) continue;
    for (const Cause& cause : demand.causes) {
      if (Binds(demand, &LicenceTraits::attribution)) proposal.attribution[cause] = demand.text;
      if (Binds(demand, &LicenceTraits::share_alike)) proposal.share_alike[cause] = demand.text;
      if (Binds(demand, &LicenceTraits::non_commercial))
        proposal.non_commercial[cause] = demand.text;
    }
  }
  proposal.licence = FirstAccepted(candidates, all);
  if (proposal.licence.empty()) proposal.conflicts = FindConflicts(candidates, demands);
  return proposal;
}

std::string Sentence(const LicenceConflict& conflict, Language language) {
  const bool korean = language == Language::kKorean;
  std::string text;
  for (const auto& [cause, licence] : conflict.between) {
    if (!text.empty()) text += korean ? ", " : " and ";
    text += (licence.empty() ? (korean ? "알 수 없는 라이선스" : "an unknown licence") : licence) +
            " (" + cause.dataset + " v" + std::to_string(cause.version) + " " +
            (korean ? PlainField(cause.field, language) : cause.field) + ")";
  }
  if (conflict.between.size() == 1)
    return text + (korean ? ": 이 라이선스로는 모델을 내보낼 수 없습니다."
                          : " lets no model be passed on.");
  return text + (korean ? ": 함께 지킬 수 없습니다." : " cannot hold together.");
}

}  // namespace dure::terms
