// What of a submission is checked before it gets a receipt: its bytes, what its signer says of it,
// and the record's rules.
#include <algorithm>

#include "aggregator/merge.h"
#include "aggregator/run_driver.h"
#include "federation/crash_point.h"
#include "policy/ledger/events.h"
#include "policy/standing/counting.h"

namespace dure::aggregator {
namespace {

bool SameDatasets(const std::vector<ledger::DatasetUsed>& said,
                  const std::vector<round::AdmittedDataset>& sent) {
  return std::ranges::equal(said, sent, [](const ledger::DatasetUsed& used, const auto& one) {
    return used.what.dataset == one.dataset && used.what.version == one.version &&
           used.admission == one.entry;
  });
}

bool SameNumbers(const ledger::ContributionSubmitted& said, const round::Submission& sent,
                 const SiteId& site) {
  return said.at.run == sent.at.run && said.at.round == sent.at.round &&
         said.at.attempt == sent.at.attempt && said.site == site &&
         said.base_model == sent.base_model && said.contribution == sent.contribution &&
         said.weight == sent.weight && said.tokens == sent.tokens && said.steps == sent.steps &&
         said.saturated_lanes == sent.saturated_lanes && said.code == sent.code &&
         said.norm == sent.norm && SameDatasets(said.datasets, sent.datasets);
}

// On a worker, which may outlive the driver.
round::Verdict CheckEnvelope(const round::VerifySubmission& work,
                             const identity::IssuingAuthority& authority) {
  const Ed25519Verifier verifier;
  const auto opened = ledger::OpenEntry(work.submission.envelope, verifier);
  if (!opened) return round::Verdict::kNotSigned;
  const auto seat = authority.FindSeat(identity::Role::kMember, work.site);
  const auto* said = std::get_if<ledger::ContributionSubmitted>(&opened->record.event);
  const bool holds = seat && said != nullptr && opened->record.actor.key == seat->signing_key &&
                     SameNumbers(*said, work.submission, work.site);
  return holds ? round::Verdict::kOk : round::Verdict::kNotSigned;
}

}  // namespace

void RunDriver::Do(const round::VerifySubmission& effect) {
  // A digest that is on the record is no contribution of whoever reads it there. A site whose bytes
  // are another's offers its own, and they need not be sent.
  const bool own = shop_.uploaded_by(effect.site, effect.submission.contribution);
  auto check = [effect, own, base = rounds_.base(), manifest = rounds_.manifest(),
                count = parameter_count_, masked_bytes = masking_ ? masking_->PayloadBytes() : 0,
                &store = shop_.store, &authority = shop_.authority] {
    const Digest& contribution = effect.submission.contribution;
    // The cheap ones first: the bytes are read for nobody who did not sign for them.
    if (!own) return round::Verdict::kMissing;
    round::Verdict verdict = CheckEnvelope(effect, authority);
    if (verdict == round::Verdict::kOk) {
      verdict = manifest.masked() ? CheckPayload(contribution, masked_bytes, store)
                                  : CheckContribution(contribution, manifest, count, store);
    }
    if (verdict == round::Verdict::kOk && !manifest.masked()) {
      verdict = CheckNorm(effect.submission, base, manifest, count, store);
    }
    return verdict;
  };
  auto answer = [this, effect](round::Verdict verdict) {
    CrashPoint("aggregator.verified");
    round::SubmissionVerified verified{effect.site, effect.submission.at,
                                       effect.submission.contribution, verdict};
    if (verdict == round::Verdict::kOk) verified.reason = ObjectionTo(effect.submission.envelope);
    if (rounds_.manifest().Oversaturated(effect.submission.saturated_lanes, parameter_count_)) {
      verified.reason = round::kOversaturated;
    }
    if (!verified.reason.empty()) verified.verdict = round::Verdict::kNotAllowed;
    Feed(verified);
  };
  loop::RunFor(alive_, shop_.loop, shop_.workers, check, answer);
}

std::string RunDriver::ObjectionTo(const Bytes& envelope) const {
  const auto entry = ledger::ParseEntry(envelope);
  if (!entry) return "malformed";
  std::optional<standing::Finding> finding;
  const Status looked = shop_.deliberation.WithStanding(
      [&](const standing::Standing& now) { finding = now.Check(*entry); });
  if (!looked) return "record-unreadable";
  if (finding) shop_.say(entry->record.actor.member.str() + " is not counted: " + finding->text);
  return finding ? finding->rule : "";
}

// What was said between the check and the entry may have made it void, or may be the same of
// another site: then it counts for nothing.
bool RunDriver::IsVoid(const round::Appended& submission) const {
  bool counts = false;
  const Status looked = shop_.deliberation.WithStanding([&](const standing::Standing& now) {
    const round::RoundAttempt at = rounds_.at();
    const auto found = now.state().rounds.find({at.run, at.round, at.attempt});
    counts = found != now.state().rounds.end() &&
             found->second.submissions.contains(submission.index) &&
             standing::SameOfAnother(found->second, submission.index) == nullptr;
  });
  return looked && !counts;
}

// A death between a withdrawal's entry and what it excludes leaves the contribution in, and an
// upgrade leaves in what the build before let in.
std::string RunDriver::WhyNotMerged(const round::StartMerge& merge) const {
  std::vector<uint64_t> submissions;
  for (const round::Contribution& one : merge.contributions) {
    submissions.push_back(one.submission);
  }
  std::string reason;
  (void)shop_.deliberation.WithStanding([&](const standing::Standing& now) {
    const standing::RoundAttempt at{merge.at.run, merge.at.round, merge.at.attempt};
    reason = standing::WhyNotMerged(now.state(), at, submissions);
  });
  return reason;
}

}  // namespace dure::aggregator
