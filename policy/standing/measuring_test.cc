// On what a model may be measured is decided on the record, and a figure rests on such a decision.
#include <gmock/gmock.h>

#include "policy/standing/measurable.h"
#include "policy/standing/past.h"
#include "policy/standing/testing.h"

namespace dure::standing {
namespace {

using testing::DigestOf;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using testing::World;

class MeasuringTest : public ::testing::Test {
 protected:
  MeasuringTest() {
    w_.Found();
    w_.Lend("reviews", "kt", terms::testing::OpenTerms());
    w_.Lend("notes", "etri", terms::testing::OpenTerms());
    Propose("first");
    w_.Approve("first");
  }
  // From the model that is measured.
  void Propose(const std::string& run) {
    w_.Propose(run, "scientific-research", "non-profit",
               {{"initialModel", DigestOf("first/0").Hex()}});
  }
  MeasuringRequest Notes(uint64_t version = 1) const {
    return w_.ToMeasure("first", "first/0", "etri", "notes", version);
  }
  // The next version of etri's notes, which a run approved since then is on.
  MeasuringRequest Changed(const terms::Terms& terms, const std::string& run) {
    w_.Lend("notes", "etri", terms, ++version_);
    Propose(run);
    w_.Approve(run);
    return w_.ToMeasure(run, "first/0", "etri", "notes", version_);
  }
  std::vector<std::string> RefusedBy(const MeasuringRequest& request) {
    const auto ruling = Decide(w_.Now(), request);
    if (!ruling) return {ruling.error().message};
    std::vector<std::string> rules;
    for (const rules::Reason& reason : ruling->decision.reasons) rules.push_back(reason.rule);
    return rules;
  }
  uint64_t SayFigure(const ledger::EvaluationReported& figure) {
    return w_.Say("etri-site", figure);
  }
  // The rules of what is void, in order.
  std::vector<std::string> Voids() const {
    std::vector<std::string> rules;
    const Auditor audit = w_.Audit();
    for (const Finding& finding : audit.voids()) rules.push_back(finding.rule);
    return rules;
  }
  std::string DissentRule() const {
    const auto dissent = w_.Audit().dissent();
    return dissent ? dissent->rule : "none";
  }

  World w_;
  uint64_t version_ = 1;
};

TEST_F(MeasuringTest, IsOfModelsThatTheRecordKnows) {
  w_.DecideAndSay(Notes());
  w_.PlayRoundFrom(DigestOf("first/0"), DigestOf("M"), "first", 0, {{"etri", "notes"}});
  Propose("other");
  w_.Approve("other");
  w_.DecideAndSay(w_.ToMeasure("other", "M", "etri", "notes"));  // to compare with
  EXPECT_EQ(DissentRule(), "none");
  w_.DecideAndSay(w_.ToMeasure("first", "anything", "etri", "notes"));
  EXPECT_EQ(DissentRule(), "unknown-model");
}

TEST_F(MeasuringTest, OfAnyModelInARecordOfOlderWords) {
  w_.SetWords(kMeasuredAreKnownSince - 1);
  const MeasuringRequest request = w_.ToMeasure("first", "anything", "etri", "notes");
  const Standing now = w_.Now();
  auto ruling = *Decide(now, request);
  ruling.decision.words = request.words;
  w_.Say("host", EventOf(now, request, ruling));
  EXPECT_EQ(DissentRule(), "none");
}

TEST_F(MeasuringTest, IsAskedAndSoIsPublishing) {
  EXPECT_THAT(RefusedBy(Notes()), IsEmpty());
  terms::Terms terms = terms::testing::OpenTerms();
  for (const auto said :
       {terms::Permission::kDeny, terms::Permission::kAsk, terms::Permission::kUnknown}) {
    terms.Of(terms::Action::kEvaluate) = said;
    EXPECT_THAT(RefusedBy(Changed(terms, "run-" + std::to_string(version_))),
                ElementsAre("terms:notes#actions.evaluate"));
  }
  terms.Of(terms::Action::kEvaluate) = terms::Permission::kAllow;
  terms.Of(terms::Action::kPublishMetrics) = terms::Permission::kDeny;
  EXPECT_THAT(RefusedBy(Changed(terms, "silent")),
              ElementsAre("terms:notes#actions.publish-metrics"));
}

TEST_F(MeasuringTest, ForbiddenByOneAndAskedByTheOtherIsForbidden) {
  terms::Terms terms = terms::testing::OpenTerms();
  terms.time.embargo_until = terms::Instant{rules::Instant::At(w_.time()).seconds + 3600};
  const MeasuringRequest request = Changed(terms, "early");
  EXPECT_THAT(RefusedBy(request), ElementsAre("terms:notes#time.embargoUntil"));
}

// DUO codes are one clause: 22 binds where the data is computed with, 24 when figures get out, and
// 28 asks the owner in both. A yes is no answer to what is forbidden.
TEST_F(MeasuringTest, WhatIsAskedInOneAndForbiddenInTheOtherIsNotForTheOwnerToAllow) {
  const terms::DuoCode asks{.number = 28, .values = {"etri"}};
  const terms::DuoCode forbids[] = {{.number = 22, .values = {"JP"}},
                                    {.number = 24, .values = {"2027-01-01T00:00:00Z"}}};
  const auto agree = [&](const std::string& run) {
    ledger::ConsentGiven yes;
    yes.dataset = *DatasetId::Parse("notes");
    yes.run = *RunId::Parse(run);
    w_.Say("etri-desk", yes);
  };
  terms::Terms terms = terms::testing::OpenTerms();
  for (const terms::DuoCode& forbid : forbids) {
    terms.duo = {asks, forbid};
    const std::string run = "duo-" + std::to_string(forbid.number);
    const MeasuringRequest request = Changed(terms, run);
    agree(run);
    EXPECT_THAT(RefusedBy(request), ElementsAre("terms:notes#duo")) << forbid.number;
  }
  terms.duo = {asks};
  const MeasuringRequest request = Changed(terms, "asked");
  EXPECT_THAT(RefusedBy(request), ElementsAre("terms:notes#duo"));
  agree("asked");
  EXPECT_THAT(RefusedBy(request), IsEmpty());
}

TEST_F(MeasuringTest, AnOwnersYesIsHeard) {
  terms::Terms terms = terms::testing::OpenTerms();
  terms.Of(terms::Action::kEvaluate) = terms::Permission::kAsk;
  const MeasuringRequest request = Changed(terms, "asked");
  EXPECT_FALSE(Decide(w_.Now(), request)->allowed());
  ledger::ConsentGiven yes;
  yes.dataset = *DatasetId::Parse("notes");
  yes.run = *RunId::Parse("asked");
  w_.Say("etri-desk", yes);
  EXPECT_TRUE(Decide(w_.Now(), request)->allowed());
}

TEST_F(MeasuringTest, ASitesOwnRulesNarrowIt) {
  auto own = rules::ReadPolicy(
      "policy \"Own\" ko \"자체\" version 1 effective 2026-09-01\n"
      "rule S1 forbid evaluate when dataset.id is notes because \"No.\" end\n",
      "own.policy");
  ASSERT_TRUE(own) << own.error().message;
  own->policy.layer = rules::Layer::kSite;
  const auto objections = ObjectionsOf(*own, w_.Now(), Notes());
  ASSERT_TRUE(objections);
  ASSERT_EQ(objections->size(), 1u);
  EXPECT_EQ(objections->front().rule, "S1");
}

TEST_F(MeasuringTest, OfARunThatHasEndedGoesOn) {
  w_.Say("host", ledger::RunHalted{*RunId::Parse("first"), "stopped"});
  EXPECT_THAT(RefusedBy(Notes()), IsEmpty());
  w_.Propose("never", "scientific-research");
  EXPECT_THAT(RefusedBy(w_.ToMeasure("never", "first/0", "etri", "notes")),
              ElementsAre(HasSubstr("not approved")));
}

TEST_F(MeasuringTest, ASiteMeasuresOnWhatItsOwnMemberLends) {
  EXPECT_THAT(RefusedBy(w_.ToMeasure("first", "first/0", "kt", "notes")),
              ElementsAre("notes is not lent by the member of kt-site"));
  const Standing now = w_.Now();
  ledger::EvaluationDecided lie = EventOf(now, Notes(), *Decide(now, Notes()));
  lie.site = *SiteId::Parse("kt-site");
  w_.Say("host", lie);
  EXPECT_EQ(DissentRule(), "not-decidable");
}

TEST_F(MeasuringTest, AFigureRestsOnADecisionThatLetsIt) {
  const uint64_t decision = w_.DecideAndSay(Notes());
  SayFigure(World::Figure(Notes(), decision));
  EXPECT_THAT(Voids(), IsEmpty());
  ASSERT_EQ(w_.Now().state().evaluations.size(), 1u);
  EXPECT_EQ(w_.Now().state().evaluations[0].reported.on->datasets[0].admission, decision);
  // Of another model, another entry, another site's, another run's: nobody let it.
  ledger::EvaluationReported figure = World::Figure(Notes(), decision);
  figure.model = DigestOf("first/1");
  SayFigure(figure);
  SayFigure(World::Figure(Notes(), decision - 1));
  w_.Say("kt-site", World::Figure(Notes(), decision));
  figure = World::Figure(Notes(), decision);
  figure.on->run = *RunId::Parse("second");
  SayFigure(figure);
  EXPECT_THAT(Voids(), ElementsAre("not-admitted", "not-admitted", "foreign-site", "not-admitted"));
  EXPECT_EQ(w_.Now().state().evaluations.size(), 1u) << "and changes nothing";
  EXPECT_EQ(DissentRule(), "none");
}

TEST_F(MeasuringTest, WhatWasRefusedLetsNobody) {
  terms::Terms terms = terms::testing::OpenTerms();
  terms.Of(terms::Action::kPublishMetrics) = terms::Permission::kDeny;
  const MeasuringRequest request = Changed(terms, "silent");
  SayFigure(World::Figure(request, w_.DecideAndSay(request)));
  EXPECT_THAT(Voids(), ElementsAre("not-admitted"));
  EXPECT_EQ(DissentRule(), "none");
}

// The lie of an aggregator that lets a report in which the terms forbid.
TEST_F(MeasuringTest, AnAdmissionThatTheTermsForbidIsADissent) {
  terms::Terms terms = terms::testing::OpenTerms();
  terms.Of(terms::Action::kPublishMetrics) = terms::Permission::kDeny;
  const MeasuringRequest request = Changed(terms, "silent");
  const Standing now = w_.Now();
  ledger::EvaluationDecided lie = EventOf(now, request, *Decide(now, request));
  ASSERT_FALSE(lie.admit);
  lie.admit = true;
  const uint64_t entry = w_.Say("host", lie);
  ASSERT_TRUE(w_.Audit().dissent());
  EXPECT_EQ(w_.Audit().dissent()->rule, "decision-differs");
  EXPECT_EQ(w_.Audit().dissent()->index, entry);
  EXPECT_THAT(w_.Audit().dissent()->text, HasSubstr("notes version 2 of etri-site for silent"));
  SayFigure(World::Figure(request, entry));
  EXPECT_THAT(Voids(), ElementsAre("not-admitted"));
}

TEST_F(MeasuringTest, ItIsAskedAgainWhereTheFigureStands) {
  const uint64_t decision = w_.DecideAndSay(Notes());
  w_.Say("etri-desk",
         ledger::DatasetWithdrawn{*DatasetId::Parse("notes"), "consent",
                                  ledger::WithdrawalScope::kFutureRounds, "2026-10-31T09:00:00Z"});
  SayFigure(World::Figure(Notes(), decision));
  ASSERT_THAT(Voids(), ElementsAre("measuring-refused"));
  EXPECT_THAT(w_.Audit().voids()[0].text, HasSubstr("P4.6"));
}

// Whatever the members' rules leave out.
TEST(Measuring, OnWhatIsWithdrawnIsVoidUnderAnyRules) {
  const std::string anything =
      "policy \"P1 Anything\" version 1 effective 2026-09-01\n\n"
      "rule P1.1 permit train, evaluate\n  when run.status is one of {approved, running}\n"
      "  because \"Run {run.id} is {run.status}.\"\nend\n";
  World w;
  w.FoundUnder({anything});
  w.Lend("notes", "etri", terms::testing::OpenTerms());
  w.Propose("first", "scientific-research", "non-profit",
            {{"initialModel", DigestOf("first/0").Hex()}});
  w.Approve("first");
  const MeasuringRequest request = w.ToMeasure("first", "first/0", "etri", "notes");
  const uint64_t decision = w.DecideAndSay(request);
  w.Say("etri-desk",
        ledger::DatasetWithdrawn{*DatasetId::Parse("notes"), "consent",
                                 ledger::WithdrawalScope::kFutureRounds, "2026-10-31T09:00:00Z"});
  w.Say("etri-site", World::Figure(request, decision));
  const Auditor audit = w.Audit();
  ASSERT_EQ(audit.voids().size(), 1u);
  EXPECT_EQ(audit.voids()[0].rule, "measured-withdrawn");
}

TEST_F(MeasuringTest, TermsThatChangedMeanwhileAreTheOnesThatCount) {
  const uint64_t decision = w_.DecideAndSay(Notes());
  w_.Lend("notes", "etri", terms::testing::OpenTerms(), 2);
  SayFigure(World::Figure(Notes(), decision));
  EXPECT_THAT(Voids(), ElementsAre("measuring-refused"));
}

// Older records replay: a figure that names no data holds until the first decision about measuring.
TEST_F(MeasuringTest, FiguresOfOlderBuildsHoldWhereNothingWasDecided) {
  ledger::EvaluationReported before = World::Figure(Notes(), 0);
  before.on = std::nullopt;
  SayFigure(before);
  EXPECT_THAT(Voids(), IsEmpty());
  EXPECT_EQ(w_.Now().state().evaluations.size(), 1u);
  w_.DecideAndSay(Notes());
  SayFigure(before);
  EXPECT_THAT(Voids(), ElementsAre("names-no-data"));
}

TEST_F(MeasuringTest, AFigureThatNamesNoDataIsNotForToday) {
  ledger::EvaluationReported before = World::Figure(Notes(), 0);
  before.on = std::nullopt;
  const auto& seat = w_.SeatOf("etri-site");
  const auto sealed = ledger::SealNext(w_.log(), seat.actor, *seat.signer, w_.time(), before);
  ASSERT_TRUE(sealed) << sealed.error().message;
  const auto finding = w_.Now().Check(*ledger::ParseEntry(sealed->bytes));
  ASSERT_TRUE(finding);
  EXPECT_EQ(finding->rule, "names-no-data");
}

TEST_F(MeasuringTest, IsAmongThePastDecisions) {
  const uint64_t decision = w_.DecideAndSay(Notes());
  bool found = false;
  const Status looked =
      ForEachDecision(w_.log(), [&](const PastDecision& past, const Standing& before) {
        const auto* request = std::get_if<MeasuringRequest>(&past.request);
        if (request == nullptr) return;
        found = past.index == decision && Decide(before, *request)->Json() == past.decision;
      });
  EXPECT_TRUE(looked && found);
}

}  // namespace
}  // namespace dure::standing
