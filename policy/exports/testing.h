// A dossier for tests: four institutions with real licences, two rounds, a withdrawal, a refusal.
#pragma once

#include "policy/exports/exports.h"
#include "policy/terms/testing.h"

namespace dure::exports::testing {

inline Digest Hash(const std::string& text) { return Sha256(AsBytes(text)); }
inline Place At(uint64_t index) { return {index, Hash("leaf" + std::to_string(index))}; }
inline terms::Instant Day(const std::string& day) {
  return *terms::ParseInstant(day, terms::DayPart::kFirstSecond);
}

inline Dataset Lent(const std::string& name, const std::string& member, terms::Terms terms,
                    uint64_t index) {
  Dataset dataset;
  dataset.passport.dataset = name;
  dataset.passport.custodian = member;
  dataset.passport.rights_holder = "various";
  dataset.passport.origin = terms::Origin::kPublicDataset;
  dataset.passport.classification = terms::Classification::kClear;
  dataset.passport.languages = {"ko"};
  dataset.passport.collected_until = Day("2025-12-31");
  dataset.passport.tokens = 1000 * index;
  dataset.passport.bytes = 4000 * index;
  dataset.passport.files = 1;
  dataset.passport.data = Hash(name);
  dataset.terms = std::move(terms);
  dataset.site = member + "-1";
  dataset.registered_at = Day("2026-10-01");
  dataset.place = At(index);
  return dataset;
}

// Two rounds in which every site took part with its own dataset.
inline void AddRounds(Dossier& dossier) {
  for (uint64_t number = 0; number < 2; ++number) {
    Round round{.run = "first",
                .number = number,
                .attempt = 0,
                .base_model = Hash("model-" + std::to_string(number)),
                .model = Hash("model-" + std::to_string(number + 1)),
                .opened_at = Day("2026-11-01"),
                .closed_at = Day("2026-11-02"),
                .contributions = {},
                .excluded = {},
                .tokens = {},
                .steps = {},
                .opened = At(20 + 10 * number),
                .closed = At(29 + 10 * number)};
    for (size_t i = 0; i < dossier.sites.size(); ++i)
      round.contributions.push_back({.site = dossier.sites[i].id,
                                     .datasets = {{dossier.datasets[i].passport.dataset, 1}},
                                     .tokens = 500,
                                     .steps = 8,
                                     .weight = 100,
                                     .accelerator_seconds = 30,
                                     .place = At(21 + 10 * number + i)});
    round.tokens = round.steps = 0;
    for (const Contribution& one : round.contributions) {
      *round.tokens += one.tokens.value_or(0);
      *round.steps += one.steps.value_or(0);
    }
    dossier.rounds.push_back(round);
  }
}

// One of a build that did not name its data, and one of today.
inline void AddEvaluations(Dossier& dossier) {
  dossier.evaluations = {{.model = Hash("model-2"),
                          .site = "portal-a-1",
                          .nll = 3000,
                          .bytes = 4000,
                          .tokens = 1000,
                          .at = Day("2026-11-22"),
                          .place = At(52)},
                         {.model = Hash("model-2"),
                          .site = "institute-c-1",
                          .nll = 2000,
                          .bytes = 4000,
                          .tokens = 1000,
                          .at = Day("2026-11-22"),
                          .place = At(54),
                          .datasets = {{"nli", 1}, {"held-apart", 2}},
                          .sequences = 8,
                          .interval = std::pair(0.45, 0.55),
                          .draws = 1000,
                          .seed = 77,
                          .code = Hash("trainer")}};
}

inline Dossier FullDossier() {
  Dossier dossier;
  dossier.federation = "korea-llm/log";
  dossier.as_of = 60;
  dossier.root = Hash("root");
  dossier.log_key = "korea-llm/log+530d903a+AekyeRrm56hApGFkyQR4ZCbV54Id2LKaANYcrnKv3U2k";
  dossier.made_at = Day("2026-11-25");
  dossier.model = {.digest = Hash("model-2"),
                   .name = "first",
                   .provider = "korea-llm",
                   .architecture = "decoder-only transformer",
                   .task = "text-generation",
                   .parameters = 1'000'000,
                   .tokenizer = Hash("tokenizer"),
                   .purpose = "scientific-research",
                   .generative = true,
                   .high_impact = false,
                   .licence = {},
                   .released_at = Day("2026-11-20"),
                   .training_energy_kwh = {},
                   .training_flops = {},
                   .hyperparameters = {{"learning rate", "0.001"}}};
  const std::vector<std::string> members = {"portal-a", "telecom-b", "institute-c", "university-d"};
  for (uint64_t i = 0; i < members.size(); ++i) {
    dossier.members.push_back(
        {.id = members[i], .house = "private", .country = "KR", .place = At(1 + i)});
    dossier.sites.push_back({.id = members[i] + "-1", .member = members[i]});
  }
  dossier.datasets = {
      Lent("movie-reviews", "portal-a", terms::testing::OpenTerms(), 10),
      Lent("dialogue", "telecom-b", terms::testing::AttributedTerms("MIT"), 11),
      Lent("nli", "institute-c", terms::testing::AttributedTerms("CC-BY-SA-4.0"), 12),
      Lent("shakespeare", "university-d", terms::testing::OpenTerms(), 13)};
  dossier.datasets[3].terms.licence.data = "LicenseRef-PublicDomain";
  dossier.datasets[1].texts = {
      {.field = "duties[1].text", .salt = {}, .text = "Dialogue corpus, Youngsook Song"}};
  dossier.datasets[2].withdrawal = At(40);
  dossier.datasets[2].withdrawn_at = Day("2026-11-10");
  AddRounds(dossier);
  dossier.rounds[1].contributions.erase(dossier.rounds[1].contributions.begin() + 2);
  dossier.rounds[1].excluded = {{"institute-c-1", "withdrawn"}};
  dossier.policies = {{.digest = Hash("policy"),
                       .name = "P1 base eligibility",
                       .in_force_from = Day("2026-09-01"),
                       .place = At(5)}};
  dossier.decisions = {
      {.kind = "serve",
       .subject = "bank-e",
       .granted = false,
       .policy = Hash("policy"),
       .as_of = 50,
       .reasons = {"Dataset nli v1 is \"share-alike\",\nask institute-c.", "=HYPERLINK(1)"},
       .at = Day("2026-11-21"),
       .place = At(51)}};
  AddEvaluations(dossier);
  return dossier;
}

// Everything optional is missing.
inline Dossier BareDossier() {
  Dossier dossier;
  dossier.federation = "korea-llm/log";
  dossier.made_at = Day("2026-11-25");
  dossier.model.name = "first";
  Dataset dataset;
  dataset.passport.dataset = "unknown-set";
  dataset.passport.custodian = "portal-a";
  dossier.datasets = {dataset};
  Round round;
  round.run = "first";
  round.contributions.push_back({.site = "portal-a-1",
                                 .datasets = {},
                                 .tokens = {},
                                 .steps = {},
                                 .weight = {},
                                 .accelerator_seconds = {},
                                 .place = At(3)});
  dossier.rounds = {round};
  return dossier;
}

}  // namespace dure::exports::testing
