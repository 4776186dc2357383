// What several exports say in the same way. Inside this room only.
#pragma once

#include <nlohmann/json_fwd.hpp>
#include <string>

#include "policy/exports/exports.h"
#include "policy/terms/proposal.h"

namespace dure::exports {

std::vector<File> MakeProv(const Dossier& dossier);
std::vector<File> MakeSpdx(const Dossier& dossier);
std::vector<File> MakeCycloneDx(const Dossier& dossier);
std::vector<File> MakeModelCard(const Dossier& dossier);
std::vector<File> MakeEuSummary(const Dossier& dossier);
std::vector<File> MakeKrOverview(const Dossier& dossier);
std::vector<File> MakeOdrl(const Dossier& dossier);
std::vector<File> MakeCroissant(const Dossier& dossier);
std::vector<File> MakeCsv(const Dossier& dossier);

std::string TemplateVersion(Format format);

// Its terms as of the dossier: a withdrawn dataset is trained on no more.
terms::Terms TermsNow(const Dataset& dataset);
// " reviews-v1 was withdrawn at 2026-11-10T00:00:00Z (entry 30 of …)."; empty: it was not.
std::string WithdrawnText(const Dossier& dossier, const Dataset& dataset);
// The terms of everything behind the model, as of the dossier.
terms::ModelTerms CombinedTerms(const Dossier& dossier);

struct ModelLicence {
  std::string expression;  // SPDX; empty: none could be found
  bool proposed = false;   // from the terms, by nobody's decision
  terms::LicenceProposal proposal;
};
ModelLicence LicenceOf(const Dossier& dossier);

std::string OrAbsent(const std::optional<std::string>& text);
std::string TimeOrAbsent(const std::optional<terms::Instant>& time);
std::string CountOrAbsent(const std::optional<uint64_t>& count);

// "reviews-v1": a name for identifiers within a file.
std::string NameOf(const Dataset& dataset);
std::string NameOf(const terms::Source& source);
std::string TextOf(const Dataset& dataset, const std::string& field);   // empty: not shown
std::string MemberOf(const Dossier& dossier, const std::string& site);  // empty: not known
// "entry 12 of korea-llm/log": where the proof is to be asked for.
std::string PlaceText(const Dossier& dossier, const Place& place);
std::string PlaceUrn(const Dossier& dossier, const Place& place);

// A sum over the evaluations; nullopt: there are none.
struct Score {
  double nats_per_token = 0;
  double perplexity = 0;
  double bits_per_byte = 0;
  uint64_t tokens = 0;
};
std::optional<Score> ScoreOf(const Dossier& dossier);
Score ScoreOf(const Evaluation& evaluation);
// The interval of its mean as that of another number; nullopt: none is recorded.
std::optional<std::pair<double, double>> BitsInterval(const Evaluation& evaluation);  // a byte
std::optional<std::pair<double, double>> PerplexityInterval(const Evaluation& evaluation);
// "reviews v1, notes v2 (withdrawn)"; where no data is named: not recorded.
std::string DataText(const Evaluation& evaluation);
// "held-out text of kt-1: reviews v1"; without what is not recorded.
std::string SliceText(const Evaluation& evaluation);
std::string NumberText(double value);  // six significant digits, '.' as point
// Tokens that were trained on over all rounds; nullopt: a contribution does not say.
std::optional<uint64_t> TrainedTokens(const Dossier& dossier);

std::string Dump(const nlohmann::ordered_json& json);  // indented, never throws

}  // namespace dure::exports
