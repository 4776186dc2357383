// What is told of an admission without deciding it again is what deciding it again gives: in random
// records, of any moment.
#include "policy/standing/unchanged.h"

#include <gmock/gmock.h>

#include "federation/random.h"
#include "policy/standing/lent.h"
#include "policy/standing/testing.h"
#include "policy/standing/voting.h"

namespace dure::standing {
namespace {

using testing::DigestOf;
using testing::World;

constexpr std::string_view kDays =
    R"(policy "P8 Days" ko "P8 날" version 1 effective 2026-09-01

rule P8.1 forbid train
  title "Some days are no days for it" ko "안 되는 날이 있다"
  when (dataset.id is notes and request.time after 2026-10-20)
    or (dataset.id is charts and request.time is one of {2026-10-08, 2026-10-15T09:00:00Z})
    or (dataset.terms.embargoUntil exists and request.time before dataset.terms.embargoUntil)
    or (dataset.terms.validUntil exists and request.time after dataset.terms.validUntil)
  because "Not at {request.time}." ko "{request.time}에는 안 됩니다."
end

rule P8.2 oblige train
  title "It is reported" ko "보고한다"
  when dataset.id is charts
  duty report "Report it." ko "보고하십시오." within 12 days
  because "Charts are reported." ko "차트는 보고합니다."
end

rule P8.3 forbid train
  title "Who owes waits" ko "빚진 자는 기다린다"
  when member.duties.overdue more than 0
  because "{member.duties.overdue} are overdue." ko "{member.duties.overdue}건이 늦었습니다."
end

rule P8.4 forbid finetune
  title "A model rests first" ko "모델이 먼저 쉰다"
  when dataset.id is charts and request.time before 2026-10-04
  because "Not yet." ko "아직 안 됩니다."
end
)";
constexpr std::string_view kStop = R"(policy "E1 Stop" ko "E1 중지" version 1 effective 2026-10-01

rule E1.1 forbid train
  title "Reviews rest" ko "리뷰는 쉰다"
  when dataset.id is reviews
  because "It rests." ko "쉽니다."
end
)";

// Whoever writes this record does so at random; what does not hold in it has no effect.
class RandomRecord {
 public:
  explicit RandomRecord(uint64_t seed) : random_(seed) {
    ledger::VotingRule voting = World::NoVoteOnRuns();
    voting.runs_by_vote = seed % 2 == 1;
    w_.Found(voting, rules::kWordsVersion);
    w_.Enrol("snu", ledger::House::kAcademic, 30);
    w_.Say("host", ledger::PolicyDeclared{std::string(kDays)});
    for (const auto& [dataset, member] : kLent) w_.Lend(dataset, member, AnyTerms());
    for (const char* run : kRuns) {
      std::map<std::string, std::string> fields;
      if (run == std::string_view("tuned")) fields["startsFrom"] = "model";
      w_.Propose(run, "scientific-research", "non-profit", fields);
      voting.runs_by_vote ? ApproveByVote(run) : w_.Approve(run);
    }
  }
  void Step() {
    now_ += static_cast<int64_t>(random_.Below(3) == 0 ? random_.Below(200'000) : 0);
    w_.SetTime(rules::Instant{now_}.ToText());
    const char* run = kRuns[random_.Below(std::size(kRuns))];
    const auto& [dataset, member] = kLent[random_.Below(kLent.size())];
    const std::string desk = std::string(member) + "-desk";
    switch (random_.Below(60)) {
      case 0:
        return Try("host", ledger::RoundAbandoned{NextOf(run), BaseOf(run), "no-quorum"});
      case 1:
        return Try(desk,
                   ledger::IncidentReported{ledger::IncidentKind::kDataExposed, dataset, {3}, {}});
      case 2:
        return Try("host",
                   ledger::MemberDescribed{*MemberId::Parse(member), ledger::House::kPublic, "JP"});
      case 3:
        return Carry(ledger::ProposalKind::kEmergency, std::string(kStop));
      case 4:
        return Try(
            desk, ledger::ConsentGiven{*DatasetId::Parse(dataset), *RunId::Parse(run), {}, "", {}});
      case 5:
        return Try("host", ledger::RunHalted{*RunId::Parse(run), "stopped"});
      case 6:
        w_.Lend(dataset, member, AnyTerms(), ++versions_[dataset]);
        return;
      case 7:
        return Fulfil(desk);
      case 8:
      case 9:
        return Close(run);
      case 10:
        return Carry(ledger::ProposalKind::kSuspend, member);
      case 11:
        return Carry(ledger::ProposalKind::kReinstate, member);
      case 12:
        return Impersonate(member, dataset, run);
      default:
        break;
    }
    // Mostly what leaves the admissions of a round as they were.
    switch (random_.Below(4)) {
      case 0:
        return Open(run);
      case 1:
        return Submit(run);
      default:
        return Admit(run, member, dataset);
    }
  }
  // How many admissions of each run were told at once; each is decided again.
  std::map<std::string, size_t> CheckAll() {
    std::map<std::string, size_t> told;
    const Standing now = w_.Now();
    for (const auto& [at, round] : now.state().rounds) {
      for (const Admission& one : round.admissions) {
        for (const int64_t later : {0, 1, 3600, 86'400, 5 * 86'400, 13 * 86'400, 40 * 86'400}) {
          const rules::Instant moment{now_ + later};
          if (!SurelyStillHolds(now, at, one, moment)) continue;
          ++told[at.run.str()];
          const auto due = Decide(now, AdmissionRequest{at, one.site, one.what, moment, one.words});
          EXPECT_TRUE(due && due->allowed())
              << at.run.str() << " " << at.round.value << ", " << one.what.dataset.str() << ", "
              << moment.ToText() << ": " << (due ? due->Json() : due.error().message);
        }
      }
    }
    return told;
  }
  // What a proposal and a dataset said once and for all is what the record says of a request.
  void CheckSettled() {
    const Standing now = w_.Now();
    for (const auto& [run, proposed] : now.state().runs) {
      for (const auto& [id, dataset] : now.state().datasets) {
        const AdmissionRequest request{{run, {proposed.rounds}, 0},
                                       dataset.newest().site,
                                       {id, dataset.version()},
                                       rules::Instant{now_}};
        const auto [told, lent] = SettledFacts(proposed, dataset.newest());
        ExpectSaid(*told, FactsOf(now, request));
        ExpectSaid(*lent, FactsOf(now, request));
      }
    }
  }

 private:
  static void ExpectSaid(const rules::Facts& settled, const rules::Facts& facts) {
    for (const rules::Facts::Entry& entry : settled.entries()) {
      EXPECT_EQ(facts.At(entry.path), entry.fact) << entry.path.text();
    }
  }

  static constexpr const char* kRuns[] = {"first", "second", "tuned"};
  inline static const std::vector<std::pair<const char*, const char*>> kLent = {
      {"reviews", "kt"}, {"charts", "kt"}, {"notes", "etri"}};

  void Try(const std::string& who, ledger::Event event) { (void)w_.TrySay(who, std::move(event)); }
  terms::Terms AnyTerms() {
    const auto moment = [&]() -> std::optional<terms::Instant> {
      if (random_.Below(3) != 0) return std::nullopt;
      return terms::Instant{kStart + static_cast<int64_t>(random_.Below(30)) * 86'400};
    };
    terms::Terms terms = terms::testing::OpenTerms();
    terms.time.valid_until = moment();
    terms.time.delete_after = moment();
    terms.time.embargo_until = moment();
    if (random_.Below(2) == 0) terms.limits.max_rounds = 1 + random_.Below(3);
    if (random_.Below(2) == 0) terms.limits.max_runs = 1;
    if (random_.Below(6) == 0) terms.Of(terms::Action::kTrain) = terms::Permission::kAsk;
    return terms;
  }
  RoundAttempt NextOf(const std::string& run) const {
    return World::At(run, w_.Now().state().runs.at(*RunId::Parse(run)).rounds);
  }
  Digest BaseOf(const std::string& run) const {
    const Standing now = w_.Now();
    const Run& of = now.state().runs.at(*RunId::Parse(run));
    return of.rounds == 0 ? DigestOf(run + "/start") : of.model;
  }
  void Admit(const std::string& run, const std::string& member, const std::string& dataset) {
    const Standing now = w_.Now();
    if (!now.state().runs.at(*RunId::Parse(run)).approved) return;
    const auto version = now.state().datasets.at(*DatasetId::Parse(dataset)).version();
    w_.DecideAndSay(w_.Asking(run, NextOf(run).round.value, member, dataset, version));
  }
  void Open(const std::string& run) {
    ledger::RoundOpened opened{NextOf(run), BaseOf(run), {}};
    const Standing now = w_.Now();
    const auto round = now.state().rounds.find(opened.at);
    if (round == now.state().rounds.end()) return;
    for (const char* site : {"etri-site", "kt-site"}) {
      const bool admitted = std::ranges::any_of(
          round->second.admissions,
          [&](const Admission& one) { return one.site.str() == site && one.admit; });
      if (admitted) opened.cohort.push_back(*SiteId::Parse(site));
    }
    if (!opened.cohort.empty()) Try("host", opened);
  }
  void Submit(const std::string& run) {
    const RoundAttempt at = NextOf(run);
    const Standing now = w_.Now();
    const auto round = now.state().rounds.find(at);
    if (round == now.state().rounds.end()) return;
    for (const Admission& one : round->second.admissions) {
      const auto member = now.state().sites.at(one.site);
      auto said =
          World::Submitted(at, BaseOf(run), {member.str(), one.what.dataset.str()}, one.index);
      said.datasets.front().what = one.what;
      Try(one.site.str(), said);
    }
  }
  void Close(const std::string& run) {
    ledger::RoundClosed closed;
    closed.at = NextOf(run);
    closed.model = DigestOf(run + std::to_string(closed.at.round.value));
    closed.aggregate = closed.momentum = closed.scales = DigestOf("a");
    const Standing now = w_.Now();
    const auto round = now.state().rounds.find(closed.at);
    if (round == now.state().rounds.end()) return;
    std::set<SiteId> sites;
    for (const auto& [index, one] : round->second.submissions) {
      if (sites.insert(one.site).second)
        closed.submissions.push_back({index, one.site, one.weight});
    }
    Try("host", closed);
  }
  void Fulfil(const std::string& desk) {
    for (const auto& [name, duty] : w_.Now().state().duties) {
      if (!duty.done) return Try(desk, ledger::DutyFulfilled{name.first, name.second, {}});
    }
  }
  // Proposed by one who is asked, voted for by all, and ended as it is due, if it is.
  void Carry(ledger::ProposalKind kind, const std::string& text) {
    const auto proposal = w_.TrySay("snu-desk", ledger::PolicyProposed{kind, {}, text});
    if (!proposal) return;
    VoteAll(*proposal, ledger::Choice::kYes);
    const Standing now = w_.Now();
    const auto found = now.state().proposals.find(*proposal);
    if (found == now.state().proposals.end()) return;
    const auto due = DueOutcome(found->second, now.state(), rules::Instant::At(w_.time()));
    if (due && due->adopt) {
      Try("host", ledger::PolicyAdopted{*proposal, Sha256(AsBytes(text)), due->tally});
    }
  }
  void VoteAll(uint64_t proposal, ledger::Choice of_etri) {
    for (const char* desk : {"kt-desk", "etri-desk", "snu-desk"}) {
      const bool etri = desk == std::string_view("etri-desk");
      Try(desk, ledger::VoteCast{proposal, w_.log().Leaf(proposal),
                                 etri ? of_etri : ledger::Choice::kYes});
    }
  }
  // Whoever votes no keeps its own data out of the run.
  void ApproveByVote(const std::string& run) {
    const uint64_t proposal = w_.Now().state().runs.at(*RunId::Parse(run)).proposed;
    VoteAll(proposal, random_.Below(3) == 0 ? ledger::Choice::kNo : ledger::Choice::kYes);
    const Standing now = w_.Now();
    const auto due =
        DueOutcome(now.state().proposals.at(proposal), now.state(), rules::Instant::At(w_.time()));
    if (!due || !due->adopt) return;
    Try("host", ledger::RunApproved{*RunId::Parse(run), now.state().policies, due->tally});
  }
  // An officer that its member never let in consents, and is disowned later.
  void Impersonate(const std::string& member, const std::string& dataset, const std::string& run) {
    const std::string name = member + "-other";
    const auto known = impostors_.find(member);
    if (known != impostors_.end()) {
      const World::Seat& seat = w_.SeatOf(name);
      Try(member + "-desk", ledger::KeyRevoked{seat.actor.member, seat.actor.key, "disowned"});
      return;
    }
    impostors_.insert(member);
    w_.AddSeat(name, member, ledger::Role::kOfficer, static_cast<uint8_t>(100 + impostors_.size()));
    w_.Admit(name);
    Try(name, ledger::ConsentGiven{*DatasetId::Parse(dataset), *RunId::Parse(run), {}, "", {}});
  }

  static constexpr int64_t kStart = 1'790'845'200;  // 2026-10-01T09:00:00Z
  World w_;
  SeededRandom random_;
  int64_t now_ = kStart;
  std::set<std::string> impostors_;
  std::map<std::string, uint64_t> versions_ = {{"reviews", 1}, {"charts", 1}, {"notes", 1}};
};

TEST(UnchangedTest, WhatIsToldOfAnAdmissionAtOnceIsWhatDecidingItAgainGives) {
  std::map<std::string, size_t> told;  // by run, "voted " before those of a vote
  for (uint64_t seed = 0; seed < 48; ++seed) {
    RandomRecord record(seed);
    for (int step = 0; step < 25; ++step) {
      record.Step();
      for (const auto& [run, count] : record.CheckAll()) {
        told[(seed % 2 == 1 ? "voted " : "") + run] += count;
      }
    }
  }
  for (const char* run :
       {"first", "second", "tuned", "voted first", "voted second", "voted tuned"}) {
    EXPECT_GT(told[run], 5u) << "hardly anything was told of " << run;
  }
}

TEST(UnchangedTest, WhatWasSaidOnceAndForAllIsNeverAnotherInTheFactsOfARequest) {
  RandomRecord record(100);
  for (int step = 0; step < 25; ++step) {
    record.Step();
    record.CheckSettled();
  }
}

TEST(UnchangedTest, OfARoundThatGoesOnEachAdmissionIsToldUntilItsTermsEnd) {
  World w;
  w.Found(World::NoVoteOnRuns(), rules::kWordsVersion);
  terms::Terms terms = terms::testing::OpenTerms();
  terms.time.valid_until = terms::ParseInstant("2026-10-05", terms::DayPart::kLastSecond);
  w.Lend("reviews", "kt", terms);
  w.Lend("notes", "etri", terms::testing::OpenTerms());
  for (const char* run : {"first", "second"}) {
    w.Propose(run, "scientific-research");
    w.Approve(run);
  }
  const RoundAttempt at = World::At("first", 0);
  w.DecideAndSay(w.Asking("first", 0, "kt", "reviews"));
  w.DecideAndSay(w.Asking("first", 0, "etri", "notes"));
  w.Say("host", ledger::RoundOpened{at, DigestOf("s"), {*SiteId::Parse("kt-site")}});
  w.DecideAndSay(w.Asking("second", 0, "etri", "notes"));
  const auto told = [&](size_t which, std::string_view when) {
    const Standing now = w.Now();
    return SurelyStillHolds(now, at, now.state().rounds.at(at).admissions[which],
                            *rules::Instant::Parse(when));
  };
  EXPECT_TRUE(told(0, "2026-10-05T12:00:00Z"));
  EXPECT_FALSE(told(0, "2026-10-06"));
  EXPECT_TRUE(told(1, "2027-10-06"));
  EXPECT_FALSE(told(1, "2026-09-06")) << "before it was decided";
  w.Say("host",
        ledger::RoundOpened{World::At("second", 0), DigestOf("t"), {*SiteId::Parse("etri-site")}});
  EXPECT_FALSE(told(1, "2026-10-02")) << "another run uses data of the same sites";
}

}  // namespace
}  // namespace dure::standing
