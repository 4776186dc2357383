#include "policy/terms/combine.h"

#include <gmock/gmock.h>
#include <rapidcheck/gtest.h>

#include "policy/terms/answer.h"
#include "policy/terms/licence.h"
#include "policy/terms/proposal.h"
#include "policy/terms/random_terms.h"
#include "policy/terms/spdx.h"
#include "policy/terms/testing.h"

namespace dure::terms {
namespace {

using ::testing::Contains;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Key;

// What one dataset's terms allow, straight from the table of docs/reference/terms.md and without
// any of the code under test: the strictest of all fields.
Permission Alone(const Terms& t, const Use& use) {
  std::vector<Permission> all = {t.Of(use.action)};
  const auto deny_if = [&](bool breach) {
    all.push_back(breach ? Permission::kDeny : Permission::kAllow);
  };
  const bool commercial =
      use.purpose == Purpose::kProductDevelopment || use.purpose == Purpose::kCommercialService;
  const bool research = !commercial && use.purpose != Purpose::kPublicService;
  const bool profit = use.beneficiary == Beneficiary::kForProfit;
  const bool out = use.action == Action::kExportWeights || use.action == Action::kServe ||
                   use.action == Action::kPublishMetrics;
  if (t.use == UseClass::kUnknown || t.purposes.empty()) all.push_back(Permission::kUnknown);
  deny_if(!t.purposes.empty() && !t.purposes.contains(use.purpose));
  deny_if(t.use == UseClass::kNonCommercial && commercial);
  deny_if(t.use == UseClass::kResearchOnly && !research);
  deny_if(t.use == UseClass::kNotForProfitOrg && profit);
  const auto where = [&](const Places& places) {
    if (places.unknown()) all.push_back(Permission::kUnknown);
    deny_if(!places.unknown() && !places.anywhere && !places.countries.contains(use.country));
  };
  if (!out) where(t.territories.processing);
  if (!out) where(t.territories.storage);
  if (out && use.action != Action::kPublishMetrics) where(t.territories.exports);
  deny_if(!out && t.territories.processing_excluded.contains(use.country));
  deny_if(!out && t.territories.storage_forbidden.contains(use.country));
  deny_if(t.time.valid_from && use.at < *t.time.valid_from);
  deny_if(!out && t.time.valid_until && use.at > *t.time.valid_until);
  deny_if(!out && t.time.delete_after && use.at > *t.time.delete_after);
  deny_if(out && t.time.embargo_until && use.at <= *t.time.embargo_until);
  for (const DuoCode& code : t.duo) {
    deny_if((code.number == 46 || code.number == 18) && commercial);
    deny_if((code.number == 45 || code.number == 18) && profit);
    deny_if((code.number == 42 || code.number == 6 || code.number == 7 || code.number == 11) &&
            !research);
    deny_if(code.number == 22 && !out && code.values.front() != use.country);
  }
  return *std::max_element(all.begin(), all.end());
}

struct Lineage {
  std::vector<std::pair<Source, Terms>> datasets;
  std::vector<std::set<size_t>> parents;  // of node i; below datasets.size() they are datasets
};

// Datasets, then things made from earlier datasets and things; the last one is the model.
Lineage AnyLineage() {
  Lineage lineage;
  const size_t datasets = 1 + testing::Below(5);
  for (size_t i = 0; i < datasets; ++i)
    lineage.datasets.push_back(
        {{"ds-" + std::to_string(i), 1 + testing::Below(2)}, testing::AnyTermsInFull()});
  for (size_t made = 1 + testing::Below(6); made > 0; --made) {
    std::set<size_t> parents;
    const size_t earlier = datasets + lineage.parents.size();
    for (size_t i = 1 + testing::Below(3); i > 0; --i) parents.insert(testing::Below(earlier));
    lineage.parents.push_back(parents);
  }
  return lineage;
}

std::vector<ModelTerms> TermsDownThe(const Lineage& lineage) {
  std::vector<ModelTerms> nodes;
  for (const auto& [source, terms] : lineage.datasets) nodes.push_back(TermsOf(source, terms));
  for (const auto& parents : lineage.parents) {
    ModelTerms joined;
    for (const size_t parent : parents) joined = Join(joined, nodes[parent]);
    nodes.push_back(joined);
  }
  return nodes;
}

std::set<size_t> DatasetsBehind(const Lineage& lineage, size_t node) {
  if (node < lineage.datasets.size()) return {node};
  std::set<size_t> behind;
  for (const size_t parent : lineage.parents[node - lineage.datasets.size()]) {
    const std::set<size_t> more = DatasetsBehind(lineage, parent);
    behind.insert(more.begin(), more.end());
  }
  return behind;
}

RC_GTEST_PROP(Lineage, AModelIsNeverMorePermissiveThanAnyDatasetBehindIt, ()) {
  const Lineage lineage = AnyLineage();
  const std::vector<ModelTerms> nodes = TermsDownThe(lineage);
  const std::set<size_t> behind = DatasetsBehind(lineage, nodes.size() - 1);
  for (int i = 0; i < 20; ++i) {
    const Use use = testing::AnyUse();
    const Answer answer = Allows(nodes.back(), use);
    Permission strictest = Permission::kAllow;
    for (const size_t dataset : behind) {
      RC_ASSERT(answer.outcome >= Alone(lineage.datasets[dataset].second, use));
      const auto& [source, terms] = lineage.datasets[dataset];
      strictest = std::max(strictest, Allows(TermsOf(source, terms), use).outcome);
    }
    RC_ASSERT(answer.outcome == strictest);  // and no stricter than the strictest of them
    // Whatever is not allowed has a cause among the datasets that are really behind it.
    RC_ASSERT((answer.outcome == Permission::kAllow) == answer.clauses.empty());
    for (const Clause& clause : answer.clauses) {
      RC_ASSERT(std::any_of(behind.begin(), behind.end(), [&](size_t dataset) {
        return lineage.datasets[dataset].first.dataset == clause.cause.dataset;
      }));
    }
  }
}

RC_GTEST_PROP(Lineage, WhatHangsOnNoMomentBetweenTwoIsTheSameAtBoth, ()) {
  const ModelTerms terms = TermsDownThe(AnyLineage()).back();
  for (int i = 0; i < 20; ++i) {
    // Random terms begin and end at whole thousands.
    const auto moment = [] {
      return Instant{static_cast<int64_t>(1000 * testing::Below(8) + testing::Below(3)) - 1};
    };
    Use use = testing::AnyUse();
    use.at = moment();
    Use later = use;
    later.at = std::max(use.at, moment());
    if (HangsOnTime(terms, use.at, later.at)) continue;
    RC_ASSERT(Allows(terms, use).clauses == Allows(terms, later).clauses);
  }
}

RC_GTEST_PROP(Lineage, TheSummaryIsNeverWiderThanAnyDatasetBehindIt, ()) {
  const Lineage lineage = AnyLineage();
  const std::vector<ModelTerms> nodes = TermsDownThe(lineage);
  const Summary summary = Summarise(nodes.back());
  for (const size_t dataset : DatasetsBehind(lineage, nodes.size() - 1)) {
    const Terms& t = lineage.datasets[dataset].second;
    for (const Purpose purpose : summary.purposes) RC_ASSERT(t.purposes.contains(purpose));
    for (size_t i = 0; i < summary.actions.size(); ++i)
      RC_ASSERT(summary.actions[i] >= t.actions[i]);
    for (const std::string& country : AllCountries()) {
      const auto& places = t.territories;
      RC_ASSERT(!summary.processing.Contains(country) || places.processing.Contains(country));
      RC_ASSERT(!summary.processing.Contains(country) ||
                !places.processing_excluded.contains(country));
      RC_ASSERT(!summary.exports.Contains(country) || places.exports.Contains(country));
      RC_ASSERT(!summary.storage.Contains(country) || places.storage.Contains(country));
      RC_ASSERT(!summary.storage.Contains(country) || !places.storage_forbidden.contains(country));
    }
    const auto& time = summary.time;
    RC_ASSERT(!t.time.valid_from || *time.valid_from >= *t.time.valid_from);
    RC_ASSERT(!t.time.valid_until || *time.valid_until <= *t.time.valid_until);
    RC_ASSERT(!t.time.embargo_until || *time.embargo_until >= *t.time.embargo_until);
    RC_ASSERT(!t.time.delete_after || *time.delete_after <= *t.time.delete_after);
    RC_ASSERT(!t.limits.max_rounds || *summary.limits.max_rounds <= *t.limits.max_rounds);
    RC_ASSERT(!t.limits.epsilon_max_micro ||
              *summary.limits.epsilon_max_micro <= *t.limits.epsilon_max_micro);
    RC_ASSERT(!t.limits.min_participants ||
              *summary.limits.min_participants >= *t.limits.min_participants);
    RC_ASSERT(summary.personal >= t.personal.data_class);
    RC_ASSERT(t.personal.special != Tristate::kYes || summary.special == Tristate::kYes);
    RC_ASSERT(t.tdm.reserved != Tristate::kYes || summary.tdm_reserved == Tristate::kYes);
    RC_ASSERT(std::includes(summary.duties.begin(), summary.duties.end(), t.duties.begin(),
                            t.duties.end()));
    RC_ASSERT(std::includes(summary.consent.begin(), summary.consent.end(), t.consent.begin(),
                            t.consent.end()));
  }
}

RC_GTEST_PROP(Lineage, TheProposedLicenceKeepsEveryLicencesConditions, ()) {
  const Lineage lineage = AnyLineage();
  const std::vector<ModelTerms> nodes = TermsDownThe(lineage);
  const LicenceProposal proposal = ProposeLicence(nodes.back());
  RC_ASSERT(proposal.licence.empty() == !proposal.conflicts.empty());
  if (proposal.licence.empty()) return;
  const LicenceTraits model = TraitsOf(proposal.licence);
  for (const size_t dataset : DatasetsBehind(lineage, nodes.size() - 1)) {
    const std::string& data = lineage.datasets[dataset].second.licence.data;
    RC_ASSERT(!data.empty());
    bool kept = false;
    const SpdxExpression expression = *ParseSpdx(data);
    for (const auto& choice : expression.choices) {
      bool all = true;
      for (const std::string& licence : choice) {
        const LicenceTraits traits = TraitsOf(licence);
        const auto targets = ShareAlikeTargets(licence);
        all &= !traits.no_derivatives && (!traits.non_commercial || model.non_commercial);
        all &= !traits.attribution || model.attribution || !model.known;
        all &= traits.known || licence == proposal.licence;
        all &= !traits.share_alike ||
               std::find(targets.begin(), targets.end(), proposal.licence) != targets.end();
      }
      kept |= all;
    }
    RC_ASSERT(kept);
  }
}

// The four real sets of text that the demonstrations train on.
ModelTerms OfTheDemonstration() {
  ModelTerms all = TermsOf({"movie-reviews", 1}, testing::OpenTerms());
  all = Join(all, TermsOf({"dialogue", 1}, testing::AttributedTerms("MIT")));
  all = Join(all, TermsOf({"nli", 1}, testing::AttributedTerms("CC-BY-SA-4.0")));
  Terms shakespeare = testing::OpenTerms();
  shakespeare.licence.data = "LicenseRef-PublicDomain";
  return Join(all, TermsOf({"shakespeare", 1}, shakespeare));
}

TEST(Proposal, OfTheDemonstrationIsShareAlikeBecauseOfOneDataset) {
  const LicenceProposal proposal = ProposeLicence(OfTheDemonstration());
  EXPECT_EQ(proposal.licence, "CC-BY-SA-4.0");
  EXPECT_THAT(proposal.share_alike,
              ElementsAre(std::pair(Cause{"nli", 1, "licence.data"}, std::string("CC-BY-SA-4.0"))));
  EXPECT_EQ(proposal.attribution.size(), 2u);
  EXPECT_THAT(proposal.non_commercial, IsEmpty());
}

TEST(Proposal, TwoShareAlikesThatDoNotNameEachOtherAreAConflictOfBothDatasets) {
  const ModelTerms model =
      Join(OfTheDemonstration(), TermsOf({"code", 2}, testing::AttributedTerms("GPL-2.0-only")));
  const LicenceProposal proposal = ProposeLicence(model);
  EXPECT_EQ(proposal.licence, "");
  ASSERT_EQ(proposal.conflicts.size(), 1u);
  EXPECT_EQ(Sentence(proposal.conflicts[0], Language::kEnglish),
            "GPL-2.0-only (code v2 licence.data) and CC-BY-SA-4.0 (nli v1 licence.data) cannot "
            "hold together.");
  EXPECT_EQ(Sentence(proposal.conflicts[0], Language::kKorean),
            "GPL-2.0-only (code v2 라이선스), CC-BY-SA-4.0 (nli v1 라이선스): 함께 지킬 "
            "수 없습니다.");
}

TEST(Proposal, TheFreestThatHoldsIsProposed) {
  const auto of = [](const std::vector<std::string>& licences) {
    ModelTerms model;
    for (const std::string& licence : licences)
      model = Join(model, TermsOf({"d" + std::to_string(model.sources.size()), 1},
                                  testing::AttributedTerms(licence)));
    return ProposeLicence(model).licence;
  };
  EXPECT_EQ(of({"CC0-1.0"}), "CC0-1.0");
  EXPECT_EQ(of({"MIT", "Apache-2.0", "LicenseRef-KOGL-1"}), "CC-BY-4.0");
  EXPECT_EQ(of({"MIT", "CC-BY-NC-4.0"}), "CC-BY-NC-4.0");
  EXPECT_EQ(of({"CC-BY-NC-SA-4.0", "LicenseRef-KOGL-2"}), "CC-BY-NC-SA-4.0");
  EXPECT_EQ(of({"CC-BY-NC-4.0", "CC-BY-SA-4.0"}), "");
  EXPECT_EQ(of({"CC-BY-SA-4.0", "GPL-3.0-only"}), "GPL-3.0-only");
  EXPECT_EQ(of({"CC-BY-SA-3.0", "CC-BY-SA-4.0"}), "CC-BY-SA-4.0");
  EXPECT_EQ(of({"GPL-2.0-only OR MIT", "CC-BY-SA-4.0"}), "CC-BY-SA-4.0");
  EXPECT_EQ(of({"CC-BY-ND-4.0"}), "");
  EXPECT_EQ(of({"MIT AND CC-BY-NC-4.0"}), "CC-BY-NC-4.0") << "both hold, in whatever order";
  EXPECT_EQ(of({"CC-BY-SA-4.0 AND MIT"}), "CC-BY-SA-4.0");
  EXPECT_EQ(of({"LicenseRef-hospital", "MIT"}), "LicenseRef-hospital");
  EXPECT_EQ(of({"LicenseRef-hospital", "LicenseRef-bank"}), "");
}

TEST(Proposal, OfLicencesThatAllHoldEachBindsAndOfChoicesWhatEveryOneHas) {
  const auto of = [](const std::string& licence) {
    return TermsOf({"d", 1}, testing::AttributedTerms(licence));
  };
  const ModelTerms both = of("Apache-2.0 AND CC-BY-NC-4.0");
  const ModelTerms either = of("Apache-2.0 OR CC-BY-NC-4.0");
  EXPECT_EQ(ProposeLicence(both).licence, "CC-BY-NC-4.0");
  EXPECT_EQ(ProposeLicence(both).non_commercial.size(), 1u);
  EXPECT_EQ(ProposeLicence(either).licence, "CC-BY-4.0");
  EXPECT_THAT(ProposeLicence(either).non_commercial, IsEmpty());
  const Use sold{
      .action = Action::kServe, .purpose = Purpose::kCommercialService, .country = "KR", .at = {}};
  EXPECT_EQ(Allows(both, sold).outcome, Permission::kDeny);
  EXPECT_EQ(Allows(either, sold).outcome, Permission::kAllow);
}

TEST(Proposal, AnOwnersWishForTheModelBinds) {
  Terms wish = testing::OpenTerms();
  wish.licence.model = "LicenseRef-consortium OR Apache-2.0";
  const ModelTerms wished = TermsOf({"wish", 1}, wish);
  EXPECT_EQ(ProposeLicence(wished).licence, "Apache-2.0");
  const LicenceProposal proposal = ProposeLicence(Join(OfTheDemonstration(), wished));
  ASSERT_EQ(proposal.conflicts.size(), 1u);
  EXPECT_THAT(proposal.conflicts[0].between, Contains(Key(Cause{"wish", 1, "licence.model"})));
  EXPECT_THAT(proposal.conflicts[0].between, Contains(Key(Cause{"nli", 1, "licence.data"})));
}

TEST(Answer, NamesEveryClauseThatStandsInTheWay) {
  const ModelTerms model =
      Join(OfTheDemonstration(), TermsOf({"charts", 2}, testing::ResearchTerms()));
  const Use serve{.action = Action::kServe,
                  .purpose = Purpose::kCommercialService,
                  .beneficiary = Beneficiary::kForProfit,
                  .country = "US",
                  .at = *ParseInstant("2026-06-01", DayPart::kFirstSecond)};
  const Answer answer = Allows(model, serve);
  EXPECT_EQ(answer.outcome, Permission::kDeny);
  std::vector<std::string> sentences;
  for (const Clause& clause : answer.clauses)
    sentences.push_back(Sentence(clause, serve, Language::kEnglish));
  EXPECT_THAT(
      sentences,
      ElementsAre("Dataset charts v2 says of the purposes: not commercial service; the purpose is "
                  "commercial service, for the benefit of a company: it is not allowed.",
                  "Dataset charts v2 says of where models may go: JP, KR; the country is US: it "
                  "is not allowed.",
                  "Dataset charts v2 says of the kind of use: research only; the purpose is "
                  "commercial service, for the benefit of a company: it is not allowed.",
                  "Dataset charts v2 says of whether one may answer calls with the model: ask the "
                  "owner first; the request is to answer calls with the model: the owner has to be "
                  "asked."));
  EXPECT_THAT(Sentence(answer.clauses[1], serve, Language::kKorean),
              HasSubstr("데이터셋 charts v2의 모델 반출 국가 조건은 'JP, KR'이고 국가는 US"));
  Use research = serve;
  research.action = Action::kTrain;
  research.purpose = Purpose::kScientificResearch;
  research.country = "KR";
  EXPECT_EQ(Allows(model, research).outcome, Permission::kAllow);
  research.at = *ParseInstant("2028-01-01", DayPart::kFirstSecond);
  EXPECT_EQ(Allows(model, research).outcome, Permission::kDeny);
}

TEST(Answer, WhatNobodySaidIsNotAllowed) {
  const Answer answer = Allows(TermsOf({"new", 1}, Terms()), Use{.country = "KR", .at = {}});
  EXPECT_EQ(answer.outcome, Permission::kUnknown);
  std::set<std::string> fields;
  for (const Clause& clause : answer.clauses) fields.insert(clause.cause.field);
  EXPECT_THAT(fields, ElementsAre("actions.train", "purposes", "territories.processing",
                                  "territories.storage", "use"));
}

TEST(Answer, DataIsUsedWhereItMayBeStored) {
  Terms terms = testing::OpenTerms();
  terms.territories.storage_forbidden = {"KR"};
  const ModelTerms model = TermsOf({"charts", 1}, terms);
  Use train{.country = "KR", .at = {}};
  Answer answer = Allows(model, train);
  ASSERT_EQ(answer.outcome, Permission::kDeny);
  EXPECT_EQ(answer.clauses.front().cause.field, "territories.storageForbidden");
  train.country = "JP";
  EXPECT_EQ(Allows(model, train).outcome, Permission::kAllow);
  terms.territories.storage = {.countries = {"DE"}};
  answer = Allows(TermsOf({"charts", 1}, terms), train);
  ASSERT_EQ(answer.outcome, Permission::kDeny);
  EXPECT_EQ(answer.clauses.front().cause.field, "territories.storage");
  train.every_term = false;
  EXPECT_EQ(Allows(TermsOf({"charts", 1}, terms), train).outcome, Permission::kAllow);
}

TEST(Answer, TheOwnerIsAskedWhenThePurposeChanges) {
  Terms terms = testing::OpenTerms();
  terms.consent = {ConsentDuty::kPurposeChange};
  const ModelTerms model = Join(TermsOf({"charts", 1}, terms), TermsOf({"nli", 1}, terms));
  Use use{.action = Action::kServe,
          .purpose = Purpose::kBenchmark,
          .country = "KR",
          .at = {},
          .used_for = {{"charts", {Purpose::kStatistics}},
                       {"nli", {Purpose::kStatistics, Purpose::kBenchmark}}}};
  const Answer answer = Allows(model, use);
  EXPECT_EQ(answer.outcome, Permission::kAsk);
  ASSERT_EQ(answer.clauses.size(), 1u);
  EXPECT_EQ(
      Sentence(answer.clauses[0], use, Language::kEnglish),
      "Dataset charts v1 says of when its owner is asked: another purpose than agreed; it was used "
      "for statistics, and the purpose is now benchmarks: the owner has to be asked.");
  EXPECT_THAT(Sentence(answer.clauses[0], use, Language::kKorean),
              HasSubstr("지금까지의 목적은 통계"));
  use.used_for.clear();
  EXPECT_EQ(Allows(model, use).outcome, Permission::kAllow) << "nothing to change from";
}

}  // namespace
}  // namespace dure::terms
