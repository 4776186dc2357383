// A small consortium with a real log, for tests: everything is sealed, chained and folded.
#pragma once

#include <map>
#include <memory>
#include <string>

#include "policy/ledger/memory_ledger.h"
#include "policy/ledger/sqlite_ledger.h"
#include "policy/rules/constitution.h"
#include "policy/rules/parse.h"
#include "policy/standing/admission.h"
#include "policy/standing/auditor.h"
#include "policy/terms/passport.h"
#include "policy/terms/testing.h"

namespace dure::standing::testing {

inline std::unique_ptr<Ed25519Signer> SignerOf(uint8_t seed) {
  return std::move(*Ed25519Signer::FromSeed(Bytes(32, seed)));
}
inline constexpr uint64_t kWeight = uint64_t{1} << 20;  // where all weigh the same
inline Digest DigestOf(std::string_view text) { return Sha256(AsBytes(text)); }
inline WallTime TimeAt(std::string_view text) {
  return WallTime(std::chrono::seconds(rules::Instant::Parse(text)->seconds));
}

class World {
 public:
  // Its log in memory, or in a folder that is there.
  explicit World(const std::string& folder = "") {
    log_signer_ = SignerOf(1);
    log_key_ = *ledger::NoteKey::Make("test/log", log_signer_->Key());
    log_ = folder.empty() ? ledger::MakeMemoryLedger(log_key_, *log_signer_, verifier_)
                          : std::move(*ledger::OpenSqliteLedger({.dir = folder,
                                                                 .log_key = log_key_,
                                                                 .log_signer = log_signer_.get(),
                                                                 .verifier = &verifier_}));
    AddSeat("host", "host", ledger::Role::kAggregator, 2);
  }

  struct Seat {
    ledger::Actor actor;
    std::unique_ptr<Ed25519Signer> signer;
  };
  void AddSeat(const std::string& name, const std::string& member, ledger::Role role,
               uint8_t seed) {
    Seat& seat = seats_[name];
    seat.signer = SignerOf(seed);
    seat.actor = {*MemberId::Parse(member), seat.signer->Key(), role};
  }
  const Seat& SeatOf(const std::string& name) const { return seats_.at(name); }

  // Appends what `who` says, as it is: the log refuses what its chronicle refuses.
  Result<uint64_t> TrySay(const std::string& who, ledger::Event event) {
    const Seat& seat = seats_.at(who);
    DURE_ASSIGN(const auto sealed,
                ledger::SealNext(*log_, seat.actor, *seat.signer, now_, std::move(event)));
    DURE_ASSIGN(const auto appended, log_->Append(sealed.bytes, ""));
    return appended.receipt.index;
  }
  uint64_t Say(const std::string& who, ledger::Event event) {
    const Result<uint64_t> index = TrySay(who, std::move(event));
    if (!index) throw std::runtime_error(index.error().message);
    return *index;
  }
  // What a fold of the whole log comes to.
  Auditor Audit() const {
    Auditor auditor;
    const Status caught = auditor.CatchUp(*log_);
    if (!caught) throw std::runtime_error(caught.error().message);
    return auditor;
  }
  // The same, of an auditor that stays and takes what is new, as a daemon's does.
  Standing Now() const {
    const Status caught = following_.CatchUp(*log_);
    if (!caught) throw std::runtime_error(caught.error().message);
    return following_.standing();
  }

  // Genesis, charter, constitution; two sites with an officer each, in two houses.
  static ledger::VotingRule NoVoteOnRuns() {
    ledger::VotingRule rule;
    rule.unmasked_by_vote = false;
    return rule;
  }
  // `words`: as its charter says; 0: one of before it was said.
  void Found(const ledger::VotingRule& voting = NoVoteOnRuns(), uint32_t words = 0) {
    std::vector<std::string> policies;
    for (const rules::ConstitutionText& text : rules::ConstitutionTexts()) {
      policies.emplace_back(text.text);
    }
    FoundUnder(policies, voting, words);
  }
  void FoundUnder(const std::vector<std::string>& policies,
                  const ledger::VotingRule& voting = NoVoteOnRuns(), uint32_t words = 0) {
    Say("host", ledger::ConsortiumGenesis{log_key_.Vkey(), DigestOf("ca"),
                                          seats_.at("host").signer->Key()});
    Say("host", ledger::CharterDeclared{voting, words});
    for (const std::string& text : policies) Say("host", ledger::PolicyDeclared{text});
    Enrol("kt", ledger::House::kPrivate, 10);
    Enrol("etri", ledger::House::kPublic, 20);
  }
  // A member with the site <name>-site and the officer <name>-desk.
  void Enrol(const std::string& member, ledger::House house, uint8_t seed) {
    const std::string site = member + "-site";
    const std::string desk = member + "-desk";
    AddSeat(site, member, ledger::Role::kSite, seed);
    AddSeat(desk, member, ledger::Role::kOfficer, static_cast<uint8_t>(seed + 1));
    Say("host", ledger::MemberDescribed{*MemberId::Parse(member), house, "KR"});
    Admit(site);
    Admit(desk);
  }
  void Admit(const std::string& name) {
    const Seat& seat = seats_.at(name);
    Say("host", ledger::MemberAdmitted{seat.actor.member, *SiteId::Parse(name), seat.actor.role,
                                       seat.actor.key});
  }
  static std::string PassportOf(const std::string& dataset, const std::string& member) {
    terms::Passport passport;
    passport.dataset = dataset;
    passport.custodian = member;
    passport.rights_holder = member;
    passport.data = DigestOf(dataset);
    passport.classification = terms::Classification::kClear;  // two sites are enough
    passport.records = 1000;
    passport.tokens = 50000;
    return terms::ToCanonical(passport);
  }
  uint64_t Lend(const std::string& dataset, const std::string& member, const terms::Terms& terms,
                uint64_t version = 1) {
    return Say(member + "-site", ledger::DatasetRegistered{{*DatasetId::Parse(dataset), version},
                                                           *SiteId::Parse(member + "-site"),
                                                           PassportOf(dataset, member),
                                                           terms::ToCanonical(terms)});
  }
  void Propose(const std::string& run, const std::string& purpose,
               const std::string& beneficiaries = "non-profit",
               const std::map<std::string, std::string>& more = {}) {
    std::map<std::string, std::string> fields = {
        {"purpose", purpose}, {"beneficiaries", beneficiaries},
        {"sector", ""},       {"riskClass", "ordinary"},
        {"masking", "none"},  {"valuation", "individual"},
        {"quorum", "1"}};
    for (const auto& [name, value] : more) fields[name] = value;
    ledger::RunBounds bounds = Bounds();
    if (fields.at("masking") != "none") bounds.norm.reset();  // nobody sees one
    Say("host", ledger::RunProposed{*RunId::Parse(run), DigestOf(run), fields, {}, bounds});
  }
  static ledger::RunBounds Bounds() {
    ledger::RunBounds bounds;
    bounds.code = {DigestOf("trainer")};
    bounds.norm = 10.0;
    bounds.steps = 8;
    bounds.step_tokens = 1000;
    bounds.passes = 1;
    return bounds;
  }
  void Approve(const std::string& run) {
    Say("host", ledger::RunApproved{*RunId::Parse(run), Now().state().policies, {}});
  }
  AdmissionRequest Asking(const std::string& run, uint64_t round, const std::string& member,
                          const std::string& dataset, uint64_t version = 1) const {
    return {{*RunId::Parse(run), {round}, 0},
            *SiteId::Parse(member + "-site"),
            {*DatasetId::Parse(dataset), version},
            rules::Instant::At(now_),
            words_};
  }
  Ruling Rule(const AdmissionRequest& request) const {
    auto ruling = Decide(Now(), request);
    if (!ruling) throw std::runtime_error(ruling.error().message);
    ruling->decision.words = words_;
    return *ruling;
  }
  // From now on admissions are said to be in these words.
  void SetWords(uint32_t words) { words_ = words; }
  // The honest entry of a decision.
  ledger::AdmissionDecided Decided(const AdmissionRequest& request) const {
    return EventOf(Now(), request, Rule(request));
  }
  uint64_t DecideAndSay(const AdmissionRequest& request) { return Say("host", Decided(request)); }
  static RoundAttempt At(const std::string& run, uint64_t round) {
    return {*RunId::Parse(run), {round}, 0};
  }
  MeasuringRequest ToMeasure(const std::string& run, const std::string& model,
                             const std::string& member, const std::string& dataset,
                             uint64_t version = 1) const {
    return {*RunId::Parse(run),
            DigestOf(model),
            *SiteId::Parse(member + "-site"),
            {*DatasetId::Parse(dataset), version},
            rules::Instant::At(now_),
            words_};
  }
  // Decides honestly whether it may be measured on, and says so.
  uint64_t DecideAndSay(const MeasuringRequest& request) {
    const Standing now = Now();
    return Say("host", EventOf(now, request, *Decide(now, request)));
  }
  // What the site says it measured by that decision.
  static ledger::EvaluationReported Figure(const MeasuringRequest& request, uint64_t decision,
                                           double nats = 10) {
    ledger::EvaluationReported figure{request.model, request.site, nats, 10, 5};
    figure.on = {request.run,
                 {{request.what, decision}},
                 4,
                 ledger::Interval{nats / 10 - 0.1, nats / 10 + 0.1, 1000, 7},
                 DigestOf("trainer")};
    return figure;
  }
  // Both, of a model that a site measures on its own data.
  uint64_t Measure(const std::string& run, const std::string& model, const std::string& member,
                   const std::string& dataset) {
    const MeasuringRequest request = ToMeasure(run, model, member, dataset);
    return Say(member + "-site", Figure(request, DecideAndSay(request)));
  }
  // A whole round of the given (member, dataset) pairs; its model is named after run and round.
  uint64_t PlayRound(const std::string& run, uint64_t round,
                     const std::vector<std::pair<std::string, std::string>>& who) {
    const Digest base =
        round == 0 ? DigestOf(run + "/start") : DigestOf(run + "/" + std::to_string(round - 1));
    return PlayRoundFrom(base, DigestOf(run + "/" + std::to_string(round)), run, round, who);
  }
  uint64_t PlayRoundFrom(const Digest& base, const Digest& model, const std::string& run,
                         uint64_t round,
                         const std::vector<std::pair<std::string, std::string>>& who) {
    const RoundAttempt at = At(run, round);
    ledger::RoundOpened opened{at, base, {}};
    std::vector<uint64_t> admissions;
    for (const auto& [member, dataset] : who) {
      admissions.push_back(DecideAndSay(Asking(run, round, member, dataset)));
      opened.cohort.push_back(*SiteId::Parse(member + "-site"));
    }
    Say("host", opened);
    ledger::RoundClosed closed;
    closed.at = at;
    closed.model = model;
    closed.aggregate = closed.momentum = closed.scales = DigestOf("a");
    const auto fields = Now().state().runs.at(at.run).fields;
    const auto masking = fields.find("masking");
    const bool masked = masking != fields.end() && masking->second != "none";
    if (masked) closed.sums = ledger::MaskedSums{kWeight * who.size(), 5000, 8, 0};
    for (size_t i = 0; i < who.size(); ++i) {
      auto said = Submitted(at, base, who[i], admissions[i]);
      if (masked) said.weight = said.tokens = said.steps = 0;
      if (masked) said.norm.reset();
      if (!masked) said.accelerator_seconds = accelerator_seconds;
      const uint64_t index = Say(who[i].first + "-site", said);
      closed.submissions.push_back({index, said.site, said.weight});
    }
    return Say("host", closed);
  }
  uint64_t accelerator_seconds = 0;  // that each unmasked contribution says from now on
  // Round 0 of a masked run: nothing is told but sums.
  uint64_t PlayMaskedRound(const std::string& run,
                           const std::vector<std::pair<std::string, std::string>>& who,
                           const ledger::MaskedSums& sums) {
    const RoundAttempt at = At(run, 0);
    const Digest base = DigestOf(run + "/start");
    ledger::RoundOpened opened{at, base, {}};
    std::vector<uint64_t> admissions;
    for (const auto& [member, dataset] : who) {
      admissions.push_back(DecideAndSay(Asking(run, 0, member, dataset)));
      opened.cohort.push_back(*SiteId::Parse(member + "-site"));
    }
    Say("host", opened);
    ledger::RoundClosed closed;
    closed.at = at;
    closed.model = closed.aggregate = closed.momentum = closed.scales = DigestOf(run);
    closed.sums = sums;
    for (size_t i = 0; i < who.size(); ++i) {
      ledger::ContributionSubmitted said = Submitted(at, base, who[i], admissions[i]);
      said.weight = said.tokens = said.steps = 0;
      said.norm = {};
      const uint64_t index = Say(who[i].first + "-site", said);
      closed.submissions.push_back({index, said.site, 0});
    }
    return Say("host", closed);
  }
  static ledger::ContributionSubmitted Submitted(const RoundAttempt& at, const Digest& base,
                                                 const std::pair<std::string, std::string>& who,
                                                 uint64_t admission) {
    return {at,
            *SiteId::Parse(who.first + "-site"),
            base,
            DigestOf(who.first),
            kWeight,
            5000,
            8,
            0,
            {{{*DatasetId::Parse(who.second), 1}, admission}},
            DigestOf("trainer"),
            2.5};
  }

  void SetTime(std::string_view text) { now_ = TimeAt(text); }
  WallTime time() const { return now_; }
  // kt asks, now, to serve that model in Korea.
  GrantRequest ToServe(const std::string& model, const std::string& purpose) const {
    GrantRequest request;
    request.kind = ledger::UseKind::kServe;
    request.model = DigestOf(model);
    request.grantee = *MemberId::Parse("kt");
    request.purpose = purpose;
    request.territory = "KR";
    request.now = rules::Instant::At(now_);
    request.words = words_;
    return request;
  }
  ledger::Ledger& log() { return *log_; }
  const ledger::NoteKey& log_key() const { return log_key_; }
  const Verifier& verifier() const { return verifier_; }

 private:
  Ed25519Verifier verifier_;
  std::unique_ptr<Ed25519Signer> log_signer_;
  ledger::NoteKey log_key_;
  std::unique_ptr<ledger::Ledger> log_;
  std::map<std::string, Seat> seats_;
  WallTime now_ = TimeAt("2026-10-01T09:00:00Z");
  mutable Auditor following_;
  uint32_t words_ = rules::kWordsVersion;
};

}  // namespace dure::standing::testing
