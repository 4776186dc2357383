// The closed vocabularies of terms: every word that an owner may choose, in one place.
//
// Vocabulary<E>::words[i] is the word of E(i), as it stands in files, in the record, in rules and
// on screens. A word never changes its meaning and never goes: terms that were signed stay
// readable.
#pragma once

#include <cstddef>
#include <cstdint>
#include <iterator>
#include <optional>
#include <string>
#include <string_view>

namespace dure::terms {

template <typename E>
struct Vocabulary;

enum class UseClass : uint8_t {
  kUnknown,
  kOpen,               // any use by anybody
  kCommercialAllowed,  // commercial use too, within the other terms
  kNonCommercial,      // DUO:0000046 NCU
  kNotForProfitOrg,    // DUO:0000045 NPU: by organisations that are not for profit
  kResearchOnly,
};
template <>
struct Vocabulary<UseClass> {
  static constexpr std::string_view words[] = {
      "unknown",      "open", "commercial-allowed", "non-commercial", "not-for-profit-org",
      "research-only"};
};

enum class Purpose : uint8_t {
  kStatistics,
  kScientificResearch,
  kPublicArchiving,
  kPublicService,
  kProductDevelopment,
  kCommercialService,
  kSafetyEvaluation,
  kBenchmark,
};
template <>
struct Vocabulary<Purpose> {
  static constexpr std::string_view words[] = {
      "statistics",          "scientific-research", "public-archiving",  "public-service",
      "product-development", "commercial-service",  "safety-evaluation", "benchmark"};
};

enum class Action : uint8_t {
  kTrain,
  kFinetune,
  kEvaluate,
  kDistil,
  kSynthesise,
  kExportWeights,
  kServe,
  kPublishMetrics,
  kCombine,
};
template <>
struct Vocabulary<Action> {
  static constexpr std::string_view words[] = {"train",  "finetune",        "evaluate",
                                               "distil", "synthesise",      "export-weights",
                                               "serve",  "publish-metrics", "combine"};
};

// In the order of strictness: what is unknown never passes, and asking the owner will not help
// until the owner has said something.
enum class Permission : uint8_t { kAllow, kAsk, kUnknown, kDeny };
template <>
struct Vocabulary<Permission> {
  static constexpr std::string_view words[] = {"allow", "ask", "unknown", "deny"};
};

// For whose benefit a use is.
enum class Beneficiary : uint8_t { kPublicBody, kNonProfit, kForProfit };
template <>
struct Vocabulary<Beneficiary> {
  static constexpr std::string_view words[] = {"public-body", "non-profit", "for-profit"};
};

enum class Tristate : uint8_t { kUnknown, kNo, kYes };
template <>
struct Vocabulary<Tristate> {
  static constexpr std::string_view words[] = {"unknown", "no", "yes"};
};

// In the order of strictness; of unknown data the worst is assumed.
enum class PersonalClass : uint8_t { kNone, kAnonymous, kPseudonymised, kIdentifiable, kUnknown };
template <>
struct Vocabulary<PersonalClass> {
  static constexpr std::string_view words[] = {"none", "anonymous", "pseudonymised", "identifiable",
                                               "unknown"};
};

// On what ground personal data is processed: GDPR art. 6(1)(a)-(f), PIPA art. 15 and 28-2.
enum class Basis : uint8_t {
  kUnknown,
  kNotNeeded,
  kConsent,
  kContract,
  kLegalObligation,
  kVitalInterests,
  kPublicTask,
  kLegitimateInterests,
  kPseudonymisedResearch,  // PIPA art. 28-2(1)
};
template <>
struct Vocabulary<Basis> {
  static constexpr std::string_view words[] = {
      "unknown",     "not-needed",           "consent",
      "contract",    "legal-obligation",     "vital-interests",
      "public-task", "legitimate-interests", "pseudonymised-research"};
};

// For what the owner's own yes is needed each time.
enum class ConsentDuty : uint8_t { kRun, kExport, kCommercialServe, kPurposeChange };
template <>
struct Vocabulary<ConsentDuty> {
  static constexpr std::string_view words[] = {"run", "export", "commercial-serve",
                                               "purpose-change"};
};

enum class DutyKind : uint8_t {
  kAttribute,
  kShareResults,
  kReturnDerived,
  kReport,
  kDeleteEvidence,
  kNotifyIncident,
  kPayShare,
};
template <>
struct Vocabulary<DutyKind> {
  static constexpr std::string_view words[] = {"attribute", "share-results",   "return-derived",
                                               "report",    "delete-evidence", "notify-incident",
                                               "pay-share"};
};

// How a text-and-data-mining reservation was found out.
enum class TdmEvidence : uint8_t {
  kNone,
  kTdmrep,
  kRobotsTxt,
  kHttpHeader,
  kMetadata,
  kLicenceText,
  kContract,
  kRightsHolder,
};
template <>
struct Vocabulary<TdmEvidence> {
  static constexpr std::string_view words[] = {"none",        "tdmrep",       "robots-txt",
                                               "http-header", "metadata",     "licence-text",
                                               "contract",    "rights-holder"};
};

enum class WithdrawalScope : uint8_t { kFutureRounds, kRestart, kRetrain, kRetireModels };
template <>
struct Vocabulary<WithdrawalScope> {
  static constexpr std::string_view words[] = {"future-rounds", "restart", "retrain",
                                               "retire-models"};
};

enum class Modality : uint8_t { kText, kCode, kImage, kAudio, kVideo, kTable, kTimeSeries, kOther };
template <>
struct Vocabulary<Modality> {
  static constexpr std::string_view words[] = {"text",  "code",  "image",       "audio",
                                               "video", "table", "time-series", "other"};
};

// How the data came to its custodian: the kinds of source of the EU's template for the public
// summary of training content (AI Act art. 53(1)(d), section 2).
enum class Origin : uint8_t {
  kUnknown,
  kPublicDataset,
  kLicensed,    // from rights holders, under a commercial agreement
  kThirdParty,  // private, from others
  kCrawled,
  kUsers,
  kSynthetic,
  kOwn,  // made by the custodian itself
};
template <>
struct Vocabulary<Origin> {
  static constexpr std::string_view words[] = {
      "unknown", "public-dataset", "licensed",  "third-party",
      "crawled", "users",          "synthetic", "own"};
};

// Traffic-light confidentiality, as SPDX spells it.
enum class Classification : uint8_t { kClear, kGreen, kAmber, kRed };
template <>
struct Vocabulary<Classification> {
  static constexpr std::string_view words[] = {"clear", "green", "amber", "red"};
};

// The words of screens and forms.
enum class Language : uint8_t { kEnglish, kKorean };
template <>
struct Vocabulary<Language> {
  static constexpr std::string_view words[] = {"en", "ko"};
};

template <typename E>
inline constexpr size_t kWordCount = std::size(Vocabulary<E>::words);

template <typename E>
constexpr std::string_view Word(E value) {
  return Vocabulary<E>::words[static_cast<size_t>(value)];
}

template <typename E>
std::optional<E> FromWord(std::string_view word) {
  for (size_t i = 0; i < kWordCount<E>; ++i) {
    if (Vocabulary<E>::words[i] == word) return static_cast<E>(i);
  }
  return std::nullopt;
}

// "open, commercial-allowed, …": for messages.
template <typename E>
std::string AllWords() {
  std::string all;
  for (const std::string_view word : Vocabulary<E>::words) {
    all += (all.empty() ? "" : ", ") + std::string(word);
  }
  return all;
}

bool IsCommercial(Purpose purpose);  // product-development, commercial-service
bool IsResearch(Purpose purpose);    // what "research only" covers
// Uses of the data itself, as opposed to uses of a model that has it behind it.
bool TouchesData(Action action);

// 1..64 of [A-Za-z0-9:._-]: a code of another vocabulary or a name within the consortium; never a
// person's name.
bool IsCode(std::string_view text);

}  // namespace dure::terms
