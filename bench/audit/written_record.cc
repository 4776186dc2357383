#include "bench/audit/written_record.h"

#include <algorithm>
#include <atomic>
#include <memory>
#include <optional>
#include <vector>

#include "federation/check.h"
#include "federation/codec/encode.h"
#include "policy/ledger/merkle.h"
#include "policy/ledger/sqlite_ledger.h"
#include "policy/rules/constitution.h"
#include "policy/standing/admission.h"
#include "policy/terms/passport.h"

namespace dure::bench {
namespace {

using namespace ledger;
using standing::AdmissionRequest;

constexpr size_t kMembers = 4;
constexpr size_t kQueued = 2048;  // appends under way
constexpr int64_t kStart = 1'790'000'000;
constexpr int64_t kSecondsOfRound = 600;
constexpr uint64_t kTokens = 5000;  // of a submission

struct Pen {
  std::unique_ptr<Ed25519Signer> signer = Ed25519Signer::Generate();
  Actor actor;
  SiteId site;
  ActorChain chain;
};
struct Lent {
  size_t pen = 0;
  DatasetVersion what;
};

terms::Terms Open() {
  terms::Terms terms;
  terms.use = terms::UseClass::kOpen;
  for (size_t i = 0; i < terms::kWordCount<terms::Purpose>; ++i) {
    terms.purposes.insert(static_cast<terms::Purpose>(i));
  }
  terms.actions.fill(terms::Permission::kAllow);
  terms.licence.data = "CC-BY-4.0";
  terms.duties.insert({.kind = terms::DutyKind::kAttribute, .text = Sha256(AsBytes("our name"))});
  terms.territories.processing.anywhere = true;
  terms.territories.storage.anywhere = true;
  terms.territories.exports.anywhere = true;
  terms.personal.data_class = terms::PersonalClass::kNone;
  terms.personal.special = terms::Tristate::kNo;
  terms.personal.basis = terms::Basis::kNotNeeded;
  terms.tdm.reserved = terms::Tristate::kNo;
  return terms;
}

// As long as the record is: a limit is checked each time, and never in the way.
terms::Terms OpenWithLimits() {
  terms::Terms terms = Open();
  terms.limits.max_rounds = 1'000'000;
  terms.limits.min_participants = 3;
  terms.territories.processing = {.countries = {"KR", "JP"}};
  return terms;
}

terms::Terms ResearchOnly() {
  terms::Terms terms = Open();
  terms.use = terms::UseClass::kResearchOnly;
  terms.purposes = {terms::Purpose::kStatistics, terms::Purpose::kScientificResearch};
  terms.licence.data = "LicenseRef-hospital-agreement";
  return terms;
}

std::string PassportOf(const std::string& dataset, const std::string& member) {
  terms::Passport passport;
  passport.dataset = dataset;
  passport.custodian = member;
  passport.rights_holder = member;
  passport.data = Sha256(AsBytes(dataset));
  passport.classification = terms::Classification::kAmber;
  passport.records = 1000;
  passport.tokens = 50'000;
  return terms::ToCanonical(passport);
}

RunBounds Bounds() {
  RunBounds bounds;
  bounds.code = {Sha256(AsBytes("trainer"))};
  bounds.norm = 10.0;
  bounds.steps = 8;
  bounds.step_tokens = 1000;
  bounds.passes = 1;
  return bounds;
}

class Writer {
 public:
  explicit Writer(const std::string& dir) {
    SqliteLedgerOptions options;
    options.dir = dir;
    options.log_key = log_key_;
    options.log_signer = log_signer_.get();
    options.verifier = &verifier_;
    auto opened = OpenSqliteLedger(options);
    DURE_CHECK(opened.has_value(), "the ledger opens in a fresh folder");
    ledger_ = std::move(*opened);
    Found();
  }
  ~Writer() { Drain(); }

  void Round(uint64_t number) {
    now_ += kSecondsOfRound;
    const RoundAttempt at{run_, {number}, 0};
    const Digest base = Sha256(AsBytes(std::to_string(number)));
    const Digest next = Sha256(AsBytes(std::to_string(number + 1)));
    // A head that everybody of the round had seen: one that is surely published by now.
    const uint64_t seen = size_ - std::min(size_, 2 * uint64_t{kQueued});
    anchor_ = {seen, tree_.RootAt(seen)};
    std::vector<std::optional<uint64_t>> admitted;
    for (const Lent& lent : lent_) admitted.push_back(Admit(at, lent));
    std::vector<SiteId> cohort;
    for (const Pen& pen : pens_) cohort.push_back(pen.site);
    Say(host_, RoundOpened{at, base, cohort});
    std::vector<CountedSubmission> counted;
    std::vector<Digest> leaves;
    for (size_t i = 0; i < lent_.size(); ++i) {
      if (!admitted[i]) continue;
      Pen& pen = pens_[lent_[i].pen];
      counted.push_back({size_, pen.site, codec::kWeightOne});
      leaves.push_back(Say(pen, ContributionSubmitted{at,
                                                      pen.site,
                                                      base,
                                                      Sha256(AsBytes(pen.site.str())),
                                                      codec::kWeightOne,
                                                      kTokens,
                                                      8,
                                                      0,
                                                      {{lent_[i].what, *admitted[i]}},
                                                      Sha256(AsBytes("trainer")),
                                                      2.5}));
    }
    for (size_t i = 0; i < counted.size(); ++i) {
      Say(host_, ContributionReceipted{at, counted[i].submission, leaves[i], true, ""});
    }
    Say(host_, RoundClosed{at, counted, {}, base, next, base, base});
  }
  uint64_t size() const { return size_; }
  // Waits until everything is durable.
  void Drain() {
    for (size_t left = waiting_; left > 0; left = waiting_) waiting_.wait(left);
  }

 private:
  void Found() {
    host_.actor = {*MemberId::Parse("host"), host_.signer->Key(), Role::kAggregator};
    Say(host_, ConsortiumGenesis{log_key_.Vkey(), {}, host_.actor.key});
    VotingRule voting;
    voting.unmasked_by_vote = false;
    Say(host_, CharterDeclared{voting});
    for (const rules::ConstitutionText& text : rules::ConstitutionTexts()) {
      Say(host_, PolicyDeclared{std::string(text.text)});
    }
    for (size_t i = 0; i < kMembers; ++i) Enrol(i);
    for (size_t i = 0; i < kMembers; ++i) Lend(i, i % 2 == 0 ? Open() : OpenWithLimits());
    Lend(0, ResearchOnly());
    Say(host_, RunProposed{run_,
                           Sha256(AsBytes("manifest")),
                           {{"purpose", "commercial-service"},
                            {"beneficiaries", "for-profit,non-profit"},
                            {"sector", ""},
                            {"riskClass", "ordinary"},
                            {"masking", "none"},
                            {"valuation", "individual"},
                            {"quorum", "3"}},
                           {},
                           Bounds()});
    Say(host_, RunApproved{run_, standing_.state().policies, {}});
  }

  void Enrol(size_t number) {
    const std::string name = "member-" + std::to_string(number);
    Pen& pen = pens_.emplace_back();
    pen.actor = {*MemberId::Parse(name), pen.signer->Key(), Role::kSite};
    pen.site = *SiteId::Parse(name + "-site");
    const House house = number % 2 == 0 ? House::kPrivate : House::kAcademic;
    Say(host_, MemberDescribed{pen.actor.member, house, "KR"});
    Say(host_, MemberAdmitted{pen.actor.member, pen.site, Role::kSite, pen.actor.key});
  }

  void Lend(size_t pen, const terms::Terms& terms) {
    const std::string dataset = "ds-" + std::to_string(lent_.size());
    lent_.push_back({pen, {*DatasetId::Parse(dataset), 1}});
    Pen& owner = pens_[pen];
    Say(owner, DatasetRegistered{lent_.back().what, owner.site,
                                 PassportOf(dataset, owner.actor.member.str()),
                                 terms::ToCanonical(terms)});
  }

  // The entry that admits it; nullopt: refused.
  std::optional<uint64_t> Admit(const RoundAttempt& at, const Lent& lent) {
    const AdmissionRequest request{at, pens_[lent.pen].site, lent.what, rules::Instant{now_}};
    const Result<standing::Ruling> ruling = standing::Decide(standing_, request);
    DURE_CHECK(ruling.has_value(), "the run can be decided on");
    Say(host_, standing::EventOf(standing_, request, *ruling));
    return ruling->allowed() ? std::optional(size_ - 1) : std::nullopt;
  }

  Digest Say(Pen& pen, Event event) {
    const Record record{log_key_.name,         pen.actor, pen.chain.next_seq,
                        pen.chain.prev_digest, anchor_,   rules::Instant{now_}.ToText(),
                        std::move(event)};
    const SealedEntry sealed = *SealRecord(record, *pen.signer);
    pen.chain = {pen.chain.next_seq + 1, sealed.payload_digest};
    const OpenedEntry entry = *ParseEntry(sealed.bytes);
    const auto finding = standing_.Take(entry);
    DURE_CHECK(!finding, "what is written holds");
    for (size_t left = waiting_; left >= kQueued; left = waiting_) waiting_.wait(left);
    waiting_++;
    ledger_->AppendAsync(sealed.bytes, "", OnRepeat::kRefuse, [this](Result<Appended> appended) {
      DURE_CHECK(appended.has_value(), "an honest entry is taken");
      waiting_--;
      waiting_.notify_one();
    });
    size_++;
    tree_.Append(entry.leaf);
    return entry.leaf;
  }

  const std::unique_ptr<Ed25519Signer> log_signer_ = Ed25519Signer::Generate();
  const Ed25519Verifier verifier_;
  const NoteKey log_key_{"bench.dure/ledger", log_signer_->Key()};
  const RunId run_ = *RunId::Parse("run-1");
  int64_t now_ = kStart;
  Pen host_;
  std::vector<Pen> pens_;
  std::vector<Lent> lent_;
  standing::Standing standing_;
  uint64_t size_ = 0;
  MerkleTree tree_;
  Anchor anchor_{0, EmptyRoot()};
  std::atomic<size_t> waiting_ = 0;
  std::unique_ptr<Ledger> ledger_;
};

}  // namespace

uint64_t WriteRecord(const std::string& dir, uint64_t entries) {
  Writer writer(dir);
  for (uint64_t round = 0; writer.size() < entries; ++round) writer.Round(round);
  writer.Drain();
  return writer.size();
}

}  // namespace dure::bench
