// What the record says about a request, under the paths of rules::ConsortiumSchema.
#include <algorithm>
#include <functional>

#include "policy/standing/admission.h"
#include "policy/standing/behind.h"
#include "policy/standing/fold.h"
#include "policy/standing/lent.h"
#include "policy/standing/still_admitted.h"
#include "policy/standing/voting.h"
#include "policy/terms/combine.h"
#include "policy/terms/compile.h"

namespace dure::standing {
namespace {

using rules::Facts;
using rules::Value;

std::vector<std::string> SplitAtCommas(const std::string& text) {
  std::vector<std::string> items;
  size_t begin = 0;
  while (begin < text.size()) {
    const size_t comma = std::min(text.find(',', begin), text.size());
    if (comma > begin) items.push_back(text.substr(begin, comma - begin));
    begin = comma + 1;
  }
  return items;
}

// A field of a proposal that was never written stays unknown.
void SetField(Facts& facts, std::string_view path, const ledger::RunProposed& e,
              const std::string& field) {
  const auto found = e.fields.find(field);
  if (found != e.fields.end()) facts.Set(path, Value::Text(found->second));
}

std::string StatusOf(const Run& run) {
  if (run.halted) return "halted";
  return run.approved ? "approved" : "proposed";
}

void SetVotes(Facts& facts, const Run& run) {
  for (size_t i = 0; i < ledger::kHouses; ++i) {
    const auto house = static_cast<ledger::House>(i);
    const std::string path = "run.votes." + std::string(Name(house));
    const auto& houses = run.tally.houses;
    const auto tally = std::ranges::find(houses, house, &ledger::HouseTally::house);
    const uint64_t said = tally == houses.end() ? 0 : tally->yes + tally->no;
    if (said == 0) {
      facts.SetAbsent(path);
    } else {
      const double share = static_cast<double>(tally->yes) / static_cast<double>(said);
      facts.Set(path, Value::Number(*rules::Decimal::OfDouble(share)));
    }
  }
}

// The datasets whose owners said yes to the run: by a consent, or by their vote on it.
std::vector<std::string> AgreedTo(const State& state, const RunId& id, const Run& run) {
  std::vector<std::string> agreed;
  const auto proposal = state.proposals.find(run.proposed);
  for (const auto& [dataset_id, dataset] : state.datasets) {
    bool yes = std::ranges::any_of(dataset.consents,
                                   [&](const Consent& consent) { return consent.run == id; });
    if (proposal != state.proposals.end()) {
      const auto vote = proposal->second.votes.find(dataset.custodian);
      yes |= vote != proposal->second.votes.end() && !vote->second.disowned &&
             vote->second.choice == ledger::Choice::kYes;
    }
    if (yes) agreed.push_back(dataset_id.str());
  }
  return agreed;
}

// And those whose owners said yes to such a use of models.
std::vector<std::string> AgreedTo(const State& state, const GrantRequest& request) {
  std::vector<std::string> agreed;
  for (const auto& [id, dataset] : state.datasets) {
    const bool yes = std::ranges::any_of(
        dataset.consents, [&](const Consent& consent) { return Covers(consent, request); });
    if (yes) agreed.push_back(id.str());
  }
  return agreed;
}

// The datasets whose owners said no to it.
std::vector<std::string> RefusedBy(const State& state, const RunId& id, const Run& run) {
  std::vector<std::string> refused;
  if (!run.by_vote) return refused;
  for (const auto& [dataset_id, dataset] : state.datasets) {
    if (OwnerSaidNo(state, id, dataset)) refused.push_back(dataset_id.str());
  }
  return refused;
}

void SetBounds(Facts& facts, const ledger::RunBounds& bounds) {
  std::vector<std::string> code;
  for (const Digest& digest : bounds.code) code.push_back(digest.Hex());
  facts.SetOrAbsent("run.approvedCode",
                    code.empty() ? std::nullopt : std::optional(Value::TextSet(code)));
  const auto norm = rules::Decimal::OfDouble(bounds.norm.value_or(0));
  facts.SetOrAbsent("round.normBound",
                    bounds.norm && norm ? std::optional(Value::Number(*norm)) : std::nullopt);
  facts.SetOrAbsent("round.stepsMax",
                    bounds.steps == 0 ? std::nullopt : std::optional(Value::Count(bounds.steps)));
}

void SetPrivacy(Facts& facts, const ledger::RunProposed& e) {
  const auto masking = e.fields.find("masking");
  if (masking == e.fields.end()) return;
  // Noise on updates is for masked sums only. DP-SGD protects records, not contributions.
  const auto noise = e.fields.find("noise");
  const bool noisy = noise != e.fields.end() && noise->second != "none";
  const bool plain = masking->second == "none";
  facts.Set("run.privacy", Value::Text(plain   ? "plain"
                                       : noisy ? "differential-privacy"
                                               : "secure-aggregation"));
}

// The fewest members that a round closes with: its quorum may be the sites of those with the most.
void SetMembers(Facts& facts, const State& state, const Run& run) {
  const auto quorum = run.fields.find("quorum");
  if (quorum == run.fields.end()) return;
  const auto least = rules::Decimal::Parse(quorum->second);
  if (!least) return;
  std::map<MemberId, uint64_t> sites;
  for (const auto& [site, member] : state.sites) {
    const bool asked = run.invited.empty() || std::ranges::binary_search(run.invited, site);
    if (asked) ++sites[member];
  }
  std::vector<uint64_t> counts;
  for (const auto& [member, count] : sites) counts.push_back(count);
  std::ranges::sort(counts, std::greater<>());
  uint64_t members = 0;
  uint64_t covered = 0;
  for (const uint64_t count : counts) {
    if (!(rules::Decimal::OfCount(covered) < *least)) break;
    covered += count;
    ++members;
  }
  facts.Set("round.members", Value::Count(members));
}

void SetRun(Facts& facts, const State& state, const RunId& id, const Run& run) {
  SetMembers(facts, state, run);
  facts.Set("run.status", Value::Text(StatusOf(run)));
  facts.Set("run.policyDigest", Value::Text(run.policies.Hex()));
  facts.Set("run.ownersAgreed", Value::TextSet(AgreedTo(state, id, run)));
  facts.Set("run.ownersRefused", Value::TextSet(RefusedBy(state, id, run)));
  SetVotes(facts, run);
  facts.Overlay(*run.told);  // says nothing of these
}

void SetIncidents(Facts& facts, const State& state) {
  const auto open =
      std::ranges::count_if(state.incidents, [](const auto& item) { return !item.second.closed; });
  facts.Set("incident.open", Value::Count(static_cast<uint64_t>(open)));
}

// What everything that used the dataset may tell of one record of it, this run's rounds to come
// included: runs add up. A run that told no bound leaves none, and the fact stays unknown.
std::optional<rules::Decimal> EpsilonAfter(const State& state, const Dataset& dataset,
                                           const std::set<RunId>& using_now, const RunId& asking) {
  std::set<RunId> runs = dataset.runs;
  runs.insert(using_now.begin(), using_now.end());
  runs.insert(asking);
  rules::Decimal sum;
  for (const RunId& id : runs) {
    const auto run = state.runs.find(id);
    if (run == state.runs.end()) return std::nullopt;
    const auto told = run->second.fields.find("privacyEpsilon");
    if (told == run->second.fields.end()) return std::nullopt;
    const auto epsilon = rules::Decimal::Parse(told->second);
    constexpr int64_t kWholeMax = int64_t{1} << 40;  // sums stay far from overflow
    if (!epsilon || epsilon->whole < 0 || epsilon->whole > kWholeMax) return std::nullopt;
    sum.whole += epsilon->whole;
    sum.nanos += epsilon->nanos;
    if (sum.nanos >= 1'000'000'000) {
      sum.nanos -= 1'000'000'000;
      ++sum.whole;
    }
    if (sum.whole > kWholeMax) return std::nullopt;
  }
  return sum;
}

// Its duties with a time limit that is past, and that are not done.
uint64_t OverdueOf(const State& state, const MemberId& id, rules::Instant now) {
  const auto dues = state.dues.find(id);
  if (dues == state.dues.end()) return 0;
  return static_cast<uint64_t>(std::distance(dues->second.begin(), dues->second.lower_bound(now)));
}

void SetMember(Facts& facts, const State& state, const MemberId& id, rules::Instant now) {
  facts.Set("member.id", Value::Text(id.str()));
  const auto found = state.members.find(id);
  if (found == state.members.end()) return;
  const Member& member = found->second;
  const char* status = member.keys == 0 ? "left" : member.suspended ? "suspended" : "active";
  facts.Set("member.status", Value::Text(status));
  facts.Set("member.duties.overdue", Value::Count(OverdueOf(state, id, now)));
  if (!member.described) return;
  facts.Set("member.house", Value::Text(Name(member.house)));
  facts.Set("member.country", Value::Text(member.country));
}

// `using_now`: RunsUsingNow.
void SetDataset(Facts& facts, const DatasetId& id, const Dataset& dataset,
                const std::set<RunId>& using_now, const AdmissionRequest& request) {
  const DatasetVersion& asked = request.what;
  facts.Set("dataset.id", Value::Text(id.str()));
  facts.Set("dataset.version", Value::Count(asked.version));
  facts.Set("dataset.custodian", Value::Text(dataset.custodian.str()));
  const bool newest = asked.version == dataset.version();
  const std::string status = dataset.withdrawn ? "withdrawn" : newest ? "registered" : "superseded";
  facts.Set("dataset.status", Value::Text(status));
  facts.Set("dataset.roundsUsed", Value::Count(dataset.rounds + using_now.size()));
  // Other runs: the one that asks has not used up what it asks for.
  std::set<RunId> runs = dataset.runs;
  runs.insert(using_now.begin(), using_now.end());
  const uint64_t others = runs.size() - runs.count(request.at.run);
  facts.Set("dataset.runsUsed", Value::Count(others));
  facts.SetOrAbsent("dataset.withdrawnAt", dataset.withdrawn
                                               ? std::optional(Value::Time(dataset.withdrawn->at))
                                               : std::nullopt);
  const auto version = dataset.versions.find(asked.version);
  if (version == dataset.versions.end()) return;
  facts.Overlay(version->second.lent->facts);
  if (request.words >= kTdmIsYesOrNoSince) return;
  // As older builds told it, so that no rule of the schema's words ever met it.
  constexpr std::string_view kTold[] = {"unknown", "not-reserved", "reserved"};
  const auto reserved = static_cast<size_t>(version->second.terms.tdm.reserved);
  facts.Set("dataset.terms.tdm", Value::Text(kTold[reserved]));
}

void SetModel(Facts& facts, const State& state, const GrantRequest& request) {
  const Digest& model = request.model;
  facts.Set("model.digest", Value::Text(model.Hex())).Set("model.generative", Value::Bool(true));
  const bool measured = std::ranges::any_of(
      state.evaluations, [&](const Evaluation& one) { return one.reported.model == model; });
  facts.Set("model.evaluation", Value::Text(measured ? "passed" : "pending"));
  std::vector<std::string> datasets;
  for (const auto& [what, rounds] : DatasetsBehind(state, model, request.words)) {
    datasets.push_back(what.dataset.str());
  }
  facts.Set("model.datasets", Value::TextSet(datasets));
  facts.Overlay(terms::FactsOf(TermsBehind(state, model, request.words)));
}

std::string CallerClass(const State& state, const MemberId& id) {
  const auto found = state.members.find(id);
  if (found == state.members.end() || !found->second.described) return {};
  switch (found->second.house) {
    case ledger::House::kPublic:
      return "public";
    case ledger::House::kPrivate:
      return "large-firm";
    case ledger::House::kAcademic:
      return "academic";
    case ledger::House::kSmallFirm:
      return "small-firm";
  }
  return {};
}

// What is said of the data that a site lends to a run.
Facts FactsOfData(const Standing& standing, const AdmissionRequest& request) {
  const State& state = standing.state();
  Facts facts;
  facts.Set("request.time", Value::Time(request.now));
  facts.Set("site.id", Value::Text(request.site.str()));
  SetIncidents(facts, state);
  const auto member = state.sites.find(request.site);
  if (member != state.sites.end()) {
    SetMember(facts, state, member->second, request.now);
    const Member& owner = state.members.at(member->second);
    // A member's sites stand in its country.
    if (owner.described) {
      facts.Set("site.country", Value::Text(owner.country));
      facts.Set("request.country", Value::Text(owner.country));
    }
  }
  const auto run = state.runs.find(request.at.run);
  // Group by group: a set of facts is ordered, and each that comes in between moves others.
  Facts of_run;
  if (run != state.runs.end()) SetRun(of_run, state, request.at.run, run->second);
  facts.Overlay(std::move(of_run));
  const auto dataset = state.datasets.find(request.what.dataset);
  if (dataset == state.datasets.end()) return facts;
  std::set<RunId> using_now;
  if (request.words >= kAskedAgainSince) {
    using_now = RunsUsingNow(state, request.what.dataset, request.at.run);
  }
  Facts of_dataset;
  SetDataset(of_dataset, request.what.dataset, dataset->second, using_now, request);
  facts.Overlay(std::move(of_dataset));
  if (const auto epsilon = EpsilonAfter(state, dataset->second, using_now, request.at.run)) {
    facts.Set("privacy.epsilonAfter", Value::Number(*epsilon));
  }
  // The terms a run was approved on are those of the newest version at that time.
  if (run == state.runs.end() || !run->second.approved) return facts;
  for (const auto& [version, entry] : dataset->second.versions) {
    if (entry.index < *run->second.approved || version == 1) {
      facts.Set("run.termsSnapshot", Value::Count(version));
    }
  }
  return facts;
}

}  // namespace

Facts FactsOfMember(const State& state, const MemberId& id, rules::Instant now) {
  Facts facts;
  SetMember(facts, state, id, now);
  return facts;
}

std::shared_ptr<const Facts> FactsToldBy(const ledger::RunProposed& e) {
  auto told = std::make_shared<Facts>();
  Facts& facts = *told;
  facts.Set("run.id", Value::Text(e.run.str()));
  SetField(facts, "run.purpose", e, "purpose");
  SetField(facts, "request.purpose", e, "purpose");
  SetField(facts, "run.riskClass", e, "riskClass");
  const auto beneficiaries = e.fields.find("beneficiaries");
  if (beneficiaries != e.fields.end()) {
    facts.Set("run.beneficiaries", Value::TextSet(SplitAtCommas(beneficiaries->second)));
  }
  const auto sector = e.fields.find("sector");
  const bool has_sector = sector != e.fields.end() && !sector->second.empty();
  facts.SetOrAbsent("run.sector",
                    has_sector ? std::optional(Value::Text(sector->second)) : std::nullopt);
  SetPrivacy(facts, e);
  // The fewest contributions a round closes with is what can be promised before it is opened.
  const auto quorum = e.fields.find("quorum");
  if (quorum != e.fields.end()) {
    if (const auto count = rules::Decimal::Parse(quorum->second)) {
      facts.Set("round.participants", Value::Number(*count));
    }
  }
  facts.SetAbsent("run.validUntil");
  if (e.bounds) SetBounds(facts, *e.bounds);
  return told;
}

bool Covers(const Consent& consent, const GrantRequest& request) {
  const bool same = consent.run.empty() && consent.kind == request.kind &&
                    consent.purpose == request.purpose &&
                    (consent.model.IsZero() || consent.model == request.model);
  if (!same || request.words < kOneUseSince) return same;
  const bool theirs = consent.grantee.empty() || consent.grantee == request.grantee;
  return theirs && (consent.standing || !consent.used);
}

Facts FactsOf(const Standing& standing, const AdmissionRequest& request) {
  Facts facts = FactsOfData(standing, request);
  facts.Set("round.no", Value::Count(request.at.round.value));
  return facts;
}

// No round is meant, and its number stays unknown. What a run was approved for outlives its rounds:
// its models are measured after it has ended.
Facts FactsOf(const Standing& standing, const MeasuringRequest& request) {
  Facts facts = FactsOfData(
      standing, {{request.run, {0}, 0}, request.site, request.what, request.now, request.words});
  facts.Set("model.digest", Value::Text(request.model.Hex()));
  const auto run = standing.state().runs.find(request.run);
  const bool approved = run != standing.state().runs.end() && run->second.approved;
  if (approved) facts.Set("run.status", Value::Text("approved"));
  return facts;
}

Facts FactsOf(const Standing& standing, const GrantRequest& request) {
  const State& state = standing.state();
  Facts facts;
  facts.Set("request.time", Value::Time(request.now));
  facts.Set("request.purpose", Value::Text(request.purpose));
  facts.Set("request.country", Value::Text(request.territory));
  SetIncidents(facts, state);
  SetMember(facts, state, request.grantee, request.now);
  SetModel(facts, state, request);
  facts.Set("run.ownersAgreed", Value::TextSet(AgreedTo(state, request)));
  facts.Set("grant.status", Value::Text("active"));
  facts.Set("grant.grantee", Value::Text(request.grantee.str()));
  facts.Set("grant.purposes", Value::TextSet({request.purpose}));
  facts.Set("grant.country", Value::Text(request.territory));
  facts.Set("grant.useArea", Value::Text("general")).SetAbsent("grant.callsPerMonth");
  const auto until = rules::Instant::Parse(request.until);
  facts.SetOrAbsent("grant.validUntil", until ? std::optional(Value::Time(*until)) : std::nullopt);
  // What was used so far is not metered by this version, and the first call has used nothing.
  facts.Set("usage.callsThisMonth", Value::Count(0));
  facts.Set("capacity.otherUsedShare", Value::Count(0));
  const std::string caller = CallerClass(state, request.grantee);
  if (!caller.empty()) facts.Set("caller.class", Value::Text(caller));
  return facts;
}

}  // namespace dure::standing
