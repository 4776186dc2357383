#include "policy/exports/parts.h"

#include <charconv>
#include <cmath>
#include <nlohmann/json.hpp>

namespace dure::exports {

using terms::Language;

Export Make(Format format, const Dossier& dossier) {
  constexpr std::vector<File> (*kMakers[])(const Dossier&) = {
      MakeProv,       MakeSpdx, MakeCycloneDx, MakeModelCard, MakeEuSummary,
      MakeKrOverview, MakeOdrl, MakeCroissant, MakeCsv};
  static_assert(std::size(kMakers) == terms::kWordCount<Format>);
  return {.kind = std::string(terms::Word(format)),
          .template_version = TemplateVersion(format),
          .files = kMakers[static_cast<size_t>(format)](dossier)};
}

std::string TemplateVersion(Format format) {
  constexpr const char* kVersions[] = {"prov-json-2013-v1", "spdx-3-0-1-v1",    "cyclonedx-1-6-v1",
                                       "hf-model-card-v1",  "eu-2025-07-v2",    "kr-2026-01-v3",
                                       "odrl-2-2-v1",       "croissant-1-1-v1", "csv-v2"};
  return kVersions[static_cast<size_t>(format)];
}

std::vector<std::string> DoesNotProve(Format format, Language language) {
  const bool korean = language == Language::kKorean;
  std::vector<std::string> all = {
      korean ? "기록된 데이터만 학습에 쓰였다는 사실은 증명하지 않습니다. 각 사이트가 서명하여 "
               "밝힌 내용이며, 기록은 그 진술이 바뀌지 않았음을 증명합니다."
             : "That nothing but the recorded data was trained on: each site states and signs what "
               "it used, and the record proves that the statement was not changed.",
      korean ? "이용조건이 사실에 맞는지, 권리자에게 그 권한이 있었는지는 증명하지 않습니다."
             : "That the terms are true, or that whoever set them had the right to."};
  if (format == Format::kEuSummary || format == Format::kKrOverview)
    all.push_back(korean ? "법령 준수를 증명하지 않으며 법률 자문이 아닙니다."
                         : "That the law is complied with; it is no legal advice.");
  if (format == Format::kSpdx || format == Format::kCycloneDx || format == Format::kModelCard ||
      format == Format::kEuSummary)
    all.push_back(korean ? "모델의 안전성, 정확성, 익명성은 증명하지 않습니다."
                         : "That the model is safe, accurate or anonymous.");
  if (format == Format::kOdrl || format == Format::kCroissant)
    all.push_back(korean
                      ? "조건이 앞으로도 같다는 것은 증명하지 않습니다. 이후의 항목이 우선합니다."
                      : "That the terms still hold: a later entry of the record goes first.");
  return all;
}

terms::ModelTerms CombinedTerms(const Dossier& dossier) {
  terms::ModelTerms all;
  for (const Dataset& dataset : dossier.datasets) {
    const terms::Source source{dataset.passport.dataset, dataset.passport.version};
    all = Join(all, terms::TermsOf(source, dataset.terms));
  }
  return all;
}

ModelLicence LicenceOf(const Dossier& dossier) {
  ModelLicence licence{.expression = "", .proposed = true, .proposal = {}};
  licence.proposal = terms::ProposeLicence(CombinedTerms(dossier));
  licence.proposed = !dossier.model.licence.has_value();
  licence.expression = dossier.model.licence.value_or(licence.proposal.licence);
  // With no dataset on record the freest licence would satisfy everybody; that is no ground.
  if (licence.proposed && dossier.datasets.empty()) licence.expression.clear();
  return licence;
}

std::string OrAbsent(const std::optional<std::string>& text) { return text.value_or(kNotRecorded); }

std::string TimeOrAbsent(const std::optional<terms::Instant>& time) {
  return time ? terms::FormatInstant(*time) : kNotRecorded;
}

std::string CountOrAbsent(const std::optional<uint64_t>& count) {
  return count ? std::to_string(*count) : kNotRecorded;
}

std::string NameOf(const Dataset& dataset) {
  return NameOf(terms::Source{dataset.passport.dataset, dataset.passport.version});
}

std::string NameOf(const terms::Source& source) {
  return source.dataset + "-v" + std::to_string(source.version);
}

// On one line: whoever wrote it must not be able to add lines to a document.
std::string TextOf(const Dataset& dataset, const std::string& field) {
  for (const terms::Attachment& text : dataset.texts) {
    if (!text.field.starts_with(field)) continue;
    std::string line = text.text;
    for (char& c : line) {
      if (static_cast<unsigned char>(c) < 0x20 || c == '|') c = ' ';
    }
    return line;
  }
  return {};
}

std::string MemberOf(const Dossier& dossier, const std::string& site) {
  for (const Site& known : dossier.sites) {
    if (known.id == site) return known.member;
  }
  return {};
}

std::string PlaceText(const Dossier& dossier, const Place& place) {
  return "entry " + std::to_string(place.index) + " of " + dossier.federation;
}

std::string PlaceUrn(const Dossier&, const Place& place) {
  return "urn:dure:entry:" + place.leaf.Hex();
}

Score ScoreOf(const Evaluation& evaluation) {
  Score score{.tokens = evaluation.tokens};
  if (evaluation.tokens > 0)
    score.nats_per_token = evaluation.nll / static_cast<double>(evaluation.tokens);
  score.perplexity = std::exp(score.nats_per_token);
  if (evaluation.bytes > 0)
    score.bits_per_byte = evaluation.nll / std::log(2.0) / static_cast<double>(evaluation.bytes);
  return score;
}

std::optional<Score> ScoreOf(const Dossier& dossier) {
  Evaluation all;
  for (const Evaluation& evaluation : dossier.evaluations) {
    all.nll += evaluation.nll;
    all.bytes += evaluation.bytes;
    all.tokens += evaluation.tokens;
  }
  if (all.tokens == 0) return std::nullopt;
  return ScoreOf(all);
}

std::string NumberText(double value) {
  char text[32];
  const auto end =
      std::to_chars(text, text + sizeof text, value, std::chars_format::general, 6).ptr;
  return {text, end};
}

std::optional<uint64_t> TrainedTokens(const Dossier& dossier) {
  if (dossier.rounds.empty()) return std::nullopt;
  uint64_t tokens = 0;
  for (const Round& round : dossier.rounds) {
    if (!round.tokens) return std::nullopt;
    tokens += *round.tokens;
  }
  return tokens;
}

std::string Dump(const nlohmann::ordered_json& json) {
  return json.dump(2, ' ', false, nlohmann::ordered_json::error_handler_t::replace) + "\n";
}

}  // namespace dure::exports
