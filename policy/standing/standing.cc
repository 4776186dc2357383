#include "policy/standing/standing.h"

#include <algorithm>

#include "federation/canonical.h"
#include "policy/standing/fold.h"
#include "policy/standing/voting.h"

namespace dure::standing {
namespace {

Finding FindingOf(uint64_t index, const ledger::OpenedEntry& entry, Breach breach) {
  return {index,
          ledger::TypeOf(entry.record.event),
          entry.record.actor.role == ledger::Role::kAggregator,
          std::move(breach.rule),
          std::move(breach.text),
          std::move(breach.due)};
}

Breach NoTime(const ledger::OpenedEntry& entry) {
  return {"no-time", "its time " + entry.record.occurred_at + " is no date"};
}

}  // namespace

std::string Text(const RoundAttempt& at) {
  std::string text = at.run.str() + " round " + std::to_string(at.round.value);
  if (at.attempt > 0) text += " (attempt " + std::to_string(at.attempt) + ")";
  return text;
}

Digest PoliciesDigest(const std::map<std::string, AdoptedPolicy>& in_force) {
  CanonicalWriter writer;
  writer.Text("dure-policies-1").U32(static_cast<uint32_t>(in_force.size()));
  for (const auto& [name, adopted] : in_force) writer.Text(name).Raw32(adopted.digest);
  return Sha256(writer.Take());
}

const rules::PolicyDocument* Standing::Document(const Digest& digest) const {
  const auto found = documents_.find(digest);
  return found == documents_.end() ? nullptr : found->second.get();
}

std::vector<const rules::PolicyDocument*> Standing::DecidingTexts(
    const std::vector<Digest>& edition, rules::Instant now) const {
  std::vector<const rules::PolicyDocument*> documents;
  for (const Digest& digest : edition) documents.push_back(Document(digest));
  for (const EmergencyRule& rule : state_.emergencies) {
    const bool over = rule.until < now;
    const bool there = std::ranges::find(edition, rule.digest) != edition.end();
    if (!over && !there) documents.push_back(Document(rule.digest));
  }
  return documents;
}

std::optional<Finding> Standing::Check(const ledger::OpenedEntry& entry) const {
  const std::optional<Said> said = Fold::Hear(*this, entry);
  if (!said) return FindingOf(size_, entry, NoTime(entry));
  if (MaybeBreach breach = Fold::Holds(*this, *said))
    return FindingOf(size_, entry, std::move(*breach));
  if (MaybeBreach breach = Fold::MaySay(*this, *said))
    return FindingOf(size_, entry, std::move(*breach));
  return std::nullopt;
}

std::optional<Finding> Standing::Take(const ledger::OpenedEntry& entry) {
  const std::optional<Said> said = Fold::Hear(*this, entry);
  MaybeBreach breach = said ? Fold::Holds(*this, *said) : NoTime(entry);
  std::optional<Finding> finding;
  if (breach) {
    finding = FindingOf(size_, entry, std::move(*breach));
  } else {
    Fold(*this).Apply(*said);
    if (said->role == ledger::Role::kAggregator) latest_ = said->at;
  }
  ++size_;
  return finding;
}

std::optional<Said> Fold::Hear(const Standing& standing, const ledger::OpenedEntry& entry) {
  const ledger::Record& record = entry.record;
  const Result<rules::Instant> at = rules::Instant::Parse(record.occurred_at);
  if (!at) return std::nullopt;
  // Nobody said anything before what stands above it: a proposal that claims to be a week old would
  // otherwise have its vote end at once, and a late vote claim to be in time.
  const bool early = record.actor.role != ledger::Role::kAggregator && *at < standing.latest();
  Said said{entry, standing.size(),  early ? standing.latest() : *at, record.actor.member,
            {},    record.actor.role};
  const auto speaker = standing.state().speakers.find(record.actor.key);
  if (speaker != standing.state().speakers.end()) said.site = speaker->second.site;
  return said;
}

MaybeBreach Fold::MaySay(const Standing& standing, const Said& said) {
  const ledger::Event& event = said.entry.record.event;
  if (const auto* lent = std::get_if<ledger::DatasetRegistered>(&event)) {
    return PassportHolds(said, *lent);
  }
  if (const auto* proposed = std::get_if<ledger::PolicyProposed>(&event)) {
    if (MaybeBreach breach = RulesAreItsOwn(standing, said, *proposed)) return breach;
    return CasesHold(*proposed);
  }
  if (const auto* withdrawn = std::get_if<ledger::DatasetWithdrawn>(&event)) {
    return TermsAllow(standing, said, *withdrawn);
  }
  if (const auto* measured = std::get_if<ledger::EvaluationReported>(&event)) {
    return NamesItsData(*measured);
  }
  if (const auto* submitted = std::get_if<ledger::ContributionSubmitted>(&event)) {
    return IsItsOwn(standing, *submitted);
  }
  if (const auto* vote = std::get_if<ledger::VoteCast>(&event)) {
    const auto proposal = standing.state().proposals.find(vote->proposal);
    const bool halted = proposal != standing.state().proposals.end() &&
                        IsHalted(proposal->second, standing.state());
    if (halted) return Breach{"vote-over", "the run was stopped, so there is nothing to vote on"};
  }
  return std::nullopt;
}

MaybeBreach Fold::Holds(const Standing& standing, const Said& said) {
  if (said.role == ledger::Role::kAggregator && said.at < standing.latest()) {
    return Breach{"backdated", "the aggregator says " + said.at.ToText() + " after it said " +
                                   standing.latest().ToText()};
  }
  if (MaybeBreach breach = NothingIsOverdue(standing, said)) return breach;
  return std::visit([&](const auto& e) { return HoldsIn(standing, said, e); },
                    said.entry.record.event);
}

void Fold::Apply(const Said& said) {
  NoteDue(said);
  const auto take = [&](const auto& e) {
    Do(said, e);
    Note(e);
  };
  std::visit(take, said.entry.record.event);
  NoteVotes(said);
}

}  // namespace dure::standing
