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
  constexpr const char* kVersions[] = {"prov-json-2013-v3", "spdx-3-0-1-v4",    "cyclonedx-1-6-v3",
                                       "hf-model-card-v6",  "eu-2025-07-v3",    "kr-2026-01-v5",
                                       "odrl-2-2-v3",       "croissant-1-1-v4", "csv-v5"};
  return kVersions[static_cast<size_t>(format)];
}

namespace {

// What only this kind of file might be taken for.
std::string OfItsOwn(Format format, bool korean) {
  switch (format) {
    case Format::kProv:
      return korean ? "시각과 순서는 서명한 기관이 밝힌 것이며, 실제로 그때 일어났음을 증명하지 "
                      "않습니다."
                    : "That things happened at the times it gives: those are the words of their "
                      "signers.";
    case Format::kSpdx:
    case Format::kCycloneDx:
      return korean ? "여기에 없는 소프트웨어나 데이터가 모델에 쓰이지 않았음을 증명하지 않으며, "
                      "주소는 내려받는 곳이 아니라 기록의 항목을 가리킵니다."
                    : "That nothing else is in the model; its addresses name entries of the "
                      "record, not places of download.";
    case Format::kModelCard:
      return korean ? "편향이나 위험을 평가했음을 증명하지 않습니다. 평가 수치는 각 사이트가 밝힌 "
                      "것입니다."
                    : "That bias or risks were assessed; the scores are what sites state.";
    case Format::kEuSummary:
    case Format::kKrOverview:
      return korean ? "빈칸이 의무의 면제를 뜻하지 않습니다. \"기록 없음\"은 제공자가 직접 채워야 "
                      "합니다."
                    : "That what is missing here need not be told: the provider has to add it.";
    case Format::kOdrl:
      return korean ? "상대방이 조건에 동의했음을 증명하지 않습니다."
                    : "That anybody agreed to the offer.";
    case Format::kCroissant:
      return korean ? "데이터를 받을 수 있다는 뜻이 아닙니다. 데이터는 보관 기관 밖으로 나오지 "
                      "않습니다."
                    : "That the data can be had: it stays with its custodian.";
    case Format::kCsv:
      return korean ? "표가 기록 전체임을 증명하지 않습니다. 이 모델에 관한 행만 들어 있습니다."
                    : "That the tables are the whole record: they have the rows about this model.";
  }
  return "";
}

}  // namespace

std::vector<std::string> DoesNotProve(Format format, Language language) {
  const bool korean = language == Language::kKorean;
  std::vector<std::string> all = {
      korean ? "기록된 데이터만 학습에 쓰였다는 사실은 증명하지 않습니다. 각 사이트가 서명하여 "
               "밝힌 내용이며, 기록은 그 진술이 바뀌지 않았음을 증명합니다."
             : "That nothing but the recorded data was trained on: each site states and signs what "
               "it used, and the record proves that the statement was not changed.",
      korean ? "이용조건이 사실에 맞는지, 권리자에게 그 권한이 있었는지는 증명하지 않습니다."
             : "That the terms are true, or that whoever set them had the right to.",
      korean ? "이 파일이 처음 만든 그대로라는 사실은 증명하지 않습니다. 파일에는 서명이 없으며, "
               "내보낸 사실을 기록했다면 기록에 파일의 다이제스트가 있습니다."
             : "That this file is as it was made: it bears no signature; where the export was "
               "recorded, the record has its digest."};
  all.push_back(OfItsOwn(format, korean));
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

terms::Terms TermsNow(const Dataset& dataset) {
  terms::Terms terms = dataset.terms;
  if (!dataset.withdrawal) return terms;
  for (const auto action : {terms::Action::kTrain, terms::Action::kFinetune}) {
    terms.Of(action) = terms::Permission::kDeny;
  }
  return terms;
}

std::string WithdrawnText(const Dossier& dossier, const Dataset& dataset) {
  if (!dataset.withdrawal) return "";
  return " " + NameOf(dataset) + " was withdrawn at " + TimeOrAbsent(dataset.withdrawn_at) + " (" +
         PlaceText(dossier, *dataset.withdrawal) + ").";
}

terms::ModelTerms CombinedTerms(const Dossier& dossier) {
  terms::ModelTerms all = dossier.allowed;
  for (const Dataset& dataset : dossier.datasets) {
    const terms::Source source{dataset.passport.dataset, dataset.passport.version};
    all = Join(all, terms::TermsOf(source, TermsNow(dataset)));
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

std::optional<std::pair<double, double>> BitsInterval(const Evaluation& evaluation) {
  if (!evaluation.interval) return std::nullopt;
  const auto [low, high] = *evaluation.interval;
  return std::pair(low / std::log(2.0), high / std::log(2.0));
}

std::optional<std::pair<double, double>> PerplexityInterval(const Evaluation& evaluation) {
  if (!evaluation.interval || evaluation.tokens == 0) return std::nullopt;
  const auto [low, high] = *evaluation.interval;
  const double bytes_a_token =
      static_cast<double>(evaluation.bytes) / static_cast<double>(evaluation.tokens);
  return std::pair(std::exp(low * bytes_a_token), std::exp(high * bytes_a_token));
}

std::string DataText(const Evaluation& evaluation) {
  std::string text;
  for (const terms::Source& source : evaluation.datasets) {
    text += (text.empty() ? "" : ", ") + source.dataset + " v" + std::to_string(source.version) +
            (evaluation.withdrawn.contains(source.dataset) ? " (withdrawn)" : "");
  }
  return text.empty() ? kNotRecorded : text;
}

std::string SliceText(const Evaluation& evaluation) {
  const std::string text = "held-out text of " + evaluation.site;
  return evaluation.datasets.empty() ? text : text + ": " + DataText(evaluation);
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
